"""Options of the command line that make another scenario: a rate, a length, hours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from harness.config import units
from harness.config.loader import ConfigError
from harness.config.loads import MAX_RATE_PER_S

MAX_HOURS = 24 * 31  # a month: longer is a slip of the keyboard


def apply(
    phases: Iterable[dict[str, Any]],
    name: str,
    *,
    rate_per_s: int | None = None,
    duration_ns: int | None = None,
    hours: float | None = None,
) -> None:
    """Change the phases of the scenario `name`, as written, in place.

    The rate is that of the fastest load, and slower loads keep their proportion to it (a FIX
    message stays more expensive than an ITCH message). The duration is that of every trial and of a
    soak, hours those of a soak alone. The throughput search and the ladder below it keep their own;
    so do trials of the kill switch, which must have time for their trips. ConfigError when there is
    nothing that an option could change.
    """
    loads = list(_loads(phases))
    soaks = [load for load in loads if "interval" in load]
    lengths = [load for load in loads if "trips" not in load]
    for option, value, targets in (
        ("--rate", rate_per_s, loads),
        ("--duration", duration_ns, lengths),
        ("--hours", hours, soaks),
    ):
        if value is not None and not targets:
            what = "soak" if option == "--hours" else "trial"
            raise ConfigError(f"{option}: scenario {name!r} has no {what} to apply it to")
    if rate_per_s is not None:
        _set_rate(loads, rate_per_s)
    if duration_ns is not None:
        for load in lengths:
            load["duration"] = units.format_duration(duration_ns)
    if hours is not None:
        for load in soaks:
            load["duration"] = units.format_duration(_hours_ns(hours))


def _set_rate(loads: Iterable[dict[str, Any]], rate_per_s: int) -> None:
    if rate_per_s > MAX_RATE_PER_S:
        most = units.format_rate(MAX_RATE_PER_S)
        raise ConfigError(f"--rate: at most {most}: {units.format_rate(rate_per_s)}")
    fastest = max(units.parse_rate(load["rate"]) for load in loads)
    for load in loads:
        rate = units.parse_rate(load["rate"]) * rate_per_s // fastest
        load["rate"] = units.format_rate(max(1, rate))


def _hours_ns(hours: float) -> int:
    if not 0 < hours <= MAX_HOURS:
        raise ConfigError(f"--hours: must be more than 0 and at most {MAX_HOURS}: {hours:g}")
    return round(hours * 3600 * units.NS_PER_S)


def _loads(phases: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every part of a written scenario that has a rate and a duration."""
    for phase in phases:
        if phase["phase"] == "soak":
            yield phase
        else:
            yield from phase.get("trials", ())
