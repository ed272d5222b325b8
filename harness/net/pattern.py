"""When a flood sends: `constant`, `burst:16@1us` and the like, read from a command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, overload

from harness.config import units
from harness.errors import RedlineError
from harness.traffic import schedule
from harness.traffic.schedule import Schedule

EXAMPLES: Final = (
    "constant, poisson, recorded, burst:16@1us, ramp:10k/s..500k/s@1s or onoff:10ms/40ms"
)
PATTERN: Final = re.compile(r"constant|poisson|recorded|(burst|onoff|ramp):\S.*")
MAX: Final = "max"  # as a rate: no schedule, as fast as it goes


def read_rate(text: str) -> int | None:
    """Frames a second; None: as many as it can. RedlineError names --rate."""
    if text == MAX:
        return None
    return _unit("--rate", units.positive(units.parse_rate), text)


@overload
def read_pattern(text: str, rate_per_s: int, seed: int) -> Schedule: ...
@overload
def read_pattern(text: str, rate_per_s: int | None, seed: int) -> Schedule | None: ...
def read_pattern(text: str, rate_per_s: int | None, seed: int) -> Schedule | None:
    """The schedule of a pattern at a mean rate; None: as fast as it goes.

    RedlineError in one line for what is no pattern, or cannot be sent at this rate.
    """
    kind, colon, rest = text.partition(":")
    if kind == "ramp":
        return _ramp(text, rest)
    if kind not in ("constant", "poisson", "recorded", "burst", "onoff"):
        raise RedlineError(f"--pattern: not a pattern: {text!r} (write it like {EXAMPLES})")
    if rate_per_s is None:
        if text == "constant":
            return None
        raise RedlineError(f"--pattern: {text} needs a rate: give --rate 500k/s or the like")
    if kind == "burst":
        return _burst(text, rest, rate_per_s)
    if kind == "onoff":
        return _on_off(text, rest, rate_per_s)
    if colon:
        raise RedlineError(f"--pattern: {kind} takes nothing behind a colon: {text!r}")
    if kind == "poisson":
        return schedule.poisson(rate_per_s, seed)
    if kind == "recorded":
        return schedule.recorded(rate_per_s, seed)
    return schedule.constant(rate_per_s)


def _burst(text: str, rest: str, rate_per_s: int) -> Schedule:
    match = re.fullmatch(r"([0-9]{1,7})@(.+)", rest)
    if match is None:
        raise _wrong(text, "burst:16@1us")
    gap_ns = _unit("--pattern", units.parse_duration, match[2])
    return schedule.bursts(rate_per_s, int(match[1]), gap_ns)


def _on_off(text: str, rest: str, rate_per_s: int) -> Schedule:
    on, slash, off = rest.partition("/")
    if not slash:
        raise _wrong(text, "onoff:10ms/40ms")
    positive = units.positive(units.parse_duration)
    return schedule.on_off(
        rate_per_s,
        _unit("--pattern", positive, on),
        _unit("--pattern", units.parse_duration, off),
    )


def _ramp(text: str, rest: str) -> Schedule:
    match = re.fullmatch(r"(.+)\.\.(.+)@(.+)", rest)
    if match is None:
        raise _wrong(text, "ramp:10k/s..500k/s@1s")
    start, end = (_unit("--pattern", units.parse_rate, match[i]) for i in (1, 2))
    return schedule.ramp(
        start, end, _unit("--pattern", units.positive(units.parse_duration), match[3])
    )


def _wrong(text: str, example: str) -> RedlineError:
    return RedlineError(f"--pattern: not a pattern: {text!r} (write it like {example})")


def _unit(option: str, parse: Callable[[object], int], text: str) -> int:
    try:
        return parse(text)
    except units.UnitError as error:
        raise RedlineError(f"{option}: {error}") from None
