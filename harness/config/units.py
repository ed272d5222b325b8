"""Numbers with units, as written in YAML and on the command line, to exact integers and back.

A duration becomes nanoseconds, a rate events per second, a size bytes, a share basis points, a
price nanos. The arithmetic is decimal and exact: what does not come out whole is an error, never
rounded. A number without its unit is refused, because `10` read as seconds by one person and
milliseconds by another is a wrong result that looks right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

NS_PER_S = 1_000_000_000

# Digits and one point: an exponent, a sign or an underscore is a second way to write the same
# number. Eighteen digits are more than any unit here needs and bound the work on hostile text.
_NUMBER = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))? ?(\S*)")


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of quantity: how it is called, written and scaled to its base unit."""

    name: str
    base: str
    examples: str
    units: Mapping[str, int]


_DURATION = Kind(
    "a duration",
    "nanoseconds",
    "10s, 1.5ms, 500ns or 4h",
    {
        "ns": 1,
        "us": 1_000,
        "ms": 1_000_000,
        "s": NS_PER_S,
        "min": 60 * NS_PER_S,
        "h": 3600 * NS_PER_S,
    },
)
_RATE = Kind(
    "a rate",
    "events per second",
    "1M/s, 250k/s or 100/s",
    {"/s": 1, "k/s": 1_000, "M/s": 1_000_000, "G/s": 1_000_000_000},
)
_SIZE = Kind(
    "a size", "bytes", "64KiB or 1MiB", {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
)
_SHARE = Kind("a share", "basis points", "5% or 500bp", {"bp": 1, "%": 100})


class UnitError(ValueError):
    """Not a number with a unit of the wanted kind; the text says what was seen."""


def parse_duration(text: object) -> int:
    """Nanoseconds: '500ns', '1.5s', '4h'."""
    return parse_kind(text, _DURATION)


def parse_rate(text: object) -> int:
    """Events per second: '250k/s', '1.5M/s'."""
    return parse_kind(text, _RATE)


def parse_size(text: object) -> int:
    """Bytes: '64KiB', '1MiB'."""
    return parse_kind(text, _SIZE)


def parse_share(text: object) -> int:
    """Basis points: '5%' and '500bp' are both 500."""
    return parse_kind(text, _SHARE)


def parse_price(text: object) -> int:
    """Nanos (1e-9) of the quote currency: '0.25', 4772.5. A price has no unit to confuse."""
    # repr of a float is the shortest decimal that means it: what stood in the file.
    shown = repr(text) if isinstance(text, int | float) and not isinstance(text, bool) else text
    match = _NUMBER.fullmatch(shown) if isinstance(shown, str) else None
    if match is None or match[3] or len(match[2] or "") > 9:
        raise UnitError(f"not a price: {text!r} (write it like 0.25, at most 9 decimals)")
    return int(match[1] + (match[2] or "").ljust(9, "0"))


def format_price(nano: int) -> str:
    whole, rest = divmod(nano, 10**9)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")


def format_duration(ns: int) -> str:
    return format_kind(ns, _DURATION)


def rough_duration(ns: int) -> str:
    """For people: '0.2 s', '56 s', '12 min', '4.3 h'."""
    seconds = ns / NS_PER_S
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def format_rate(per_s: int) -> str:
    return format_kind(per_s, _RATE)


def format_size(n_bytes: int) -> str:
    return format_kind(n_bytes, _SIZE)


def format_share(bp: int) -> str:
    return format_kind(bp, _SHARE)


def positive(parse: Callable[[object], int]) -> Callable[[object], int]:
    """The same parser, refusing zero."""

    def checked(text: object) -> int:
        value = parse(text)
        if value == 0:
            raise UnitError(f"must be more than zero: {text!r}")
        return value

    return checked


def parse_kind(text: object, kind: Kind) -> int:
    """Exactly the integer that `text` says, in the base unit of `kind`."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        raise UnitError(f"no unit: {text!r} (write it like {kind.examples})")
    match = _NUMBER.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise UnitError(f"not {kind.name}: {text!r} (write it like {kind.examples})")
    whole, fraction, unit = match[1], match[2] or "", match[3]
    if not unit:
        raise UnitError(f"no unit: {text!r} (write it like {kind.examples})")
    scale = kind.units.get(unit)
    if scale is None:
        known = ", ".join(kind.units)
        raise UnitError(f"not {kind.name}: {text!r} (unit {unit!r} is not one of {known})")
    places: int = 10 ** len(fraction)
    value, rest = divmod(int(whole + fraction) * scale, places)
    if rest:
        raise UnitError(f"not {kind.name}: {text!r} is not a whole number of {kind.base}")
    return value


def format_kind(value: int, kind: Kind) -> str:
    """The shortest exact text: the largest unit that divides, so that reading it gives `value`."""
    unit, scale = next(iter(kind.units.items()))
    for bigger, its_scale in kind.units.items():
        if value and value % its_scale == 0:
            unit, scale = bigger, its_scale
    return f"{value // scale}{unit}"
