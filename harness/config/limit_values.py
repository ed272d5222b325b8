"""Values of limits as a file writes them, to the integers of a limit set and back.

Every limit has one unit (engine.trade.limits.Member.unit) and each unit one way to be written.
`unlimited` switches a limit off on purpose. Zero is not written: a limit that is missing refuses,
and that is said by leaving it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from engine.trade.limits import RULES, Member
from harness.config import units
from harness.config.units import UnitError

UNLIMITED = "unlimited"
EVERYBODY = "all"

# What a person may write; also the pattern of the JSON schema and the words of the documents.
WRITTEN: Mapping[str, str] = {
    "LOTS": "a whole number of lots, like 500 or 20k",
    "MONEY": "whole units of the account's currency, like 250000 or 1.5M",
    "PRICE": "a decimal number with at most 9 decimals, like 0.01",
    "BPS": "like 50bp or 5%",
    "TICKS": "a whole number of ticks",
    "COUNT": "a whole number",
    "DURATION": "like 250us, 10ms or 1min",
    "PER_S": "like 500/s or 1k/s",
    "PERMILLE": "like 30% or, above one, 20x",
    "STRATEGIES": "all, or a list of names",
    "VENUES": "all, or a list of names",
    "SIDES": "buy, sell or both",
    "SHORT_RULE": "forbidden, located or free",
    "SELF_TRADE": "cancel_new, cancel_old or cancel_both",
}

Value = int | tuple[str, ...]  # names of strategies and venues; () is everybody

_SCALES = {"k": 10**3, "M": 10**6, "G": 10**9}
_SCALED = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?([kMG])")
_TIMES = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?x")
# A float of that many digits is exactly the decimal that stood in the file.
_MAX_FLOAT_DIGITS = 15


def parse_value(member: Member, written: object) -> Value:
    """The integer of a limit, or the names a mask is made of; UnitError says what was seen."""
    if written == UNLIMITED:
        if not member.may_be_off:
            raise UnitError("cannot be unlimited")
        return member.off
    if written is None:
        raise UnitError("has no value; leave the key out to refuse")
    value = _PARSERS[member.unit](written)
    if isinstance(value, tuple):
        return value
    if value == 0:
        more = f", or write {UNLIMITED}" if member.may_be_off else ""
        raise UnitError(f"0 would be a missing limit: leave the key out to refuse{more}")
    if value > member.largest and member.unit not in RULES:
        raise UnitError(f"too large: {written!r} (at most {format_value(member, member.largest)})")
    return value


def format_value(
    member: Member, value: int, names: Mapping[str, Sequence[str]] | None = None
) -> str:
    """As a file writes it; `names` of strategies and venues by unit, else their numbers."""
    if value == 0:
        return "missing"
    if member.may_be_off and value == member.off:
        return UNLIMITED
    unit = member.unit
    if unit in ("STRATEGIES", "VENUES"):
        known = (names or {}).get(unit, ())
        bits = [i for i in range(value.bit_length()) if value >> i & 1]
        return "[" + ", ".join(known[i] if i < len(known) else str(i) for i in bits) + "]"
    if unit in RULES:
        return next((word for word, n in RULES[unit].items() if n == value), str(value))
    return _FORMATS.get(unit, str)(value)


def _whole(written: object) -> int:
    if isinstance(written, bool) or not isinstance(written, int) or written < 0:
        raise UnitError(f"not a whole number: {written!r}")
    return written


def _scaled(written: object) -> int:
    match = _SCALED.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        if isinstance(written, bool) or not isinstance(written, int) or written < 0:
            raise UnitError(f"not a quantity: {written!r} (a whole number, like 500, 20k or 1.5M)")
        return written
    return _exact(match, _SCALES[match[3]], written)


def _exact(match: re.Match[str], scale: int, written: object) -> int:
    fraction = match[2] or ""
    places: int = 10 ** len(fraction)
    value, rest = divmod(int(match[1] + fraction) * scale, places)
    if rest:
        raise UnitError(f"not whole: {written!r}")
    return value


def _price(written: object) -> int:
    digits = repr(written).replace(".", "").strip("0") if isinstance(written, float) else ""
    if len(digits) > _MAX_FLOAT_DIGITS:
        raise UnitError(f"more digits than a number keeps: {written!r} (write it in quotes)")
    return units.parse_price(written)


def _permille(written: object) -> int:
    match = _TIMES.fullmatch(written) if isinstance(written, str) else None
    if match is not None:
        return _exact(match, 1000, written)
    value, rest = divmod(units.parse_share(written), 10)
    if rest:
        raise UnitError(f"finer than a tenth of a percent: {written!r}")
    return value


def _names(written: object) -> tuple[str, ...]:
    if written == EVERYBODY:
        return ()
    if not isinstance(written, tuple) or not written:
        raise UnitError(f"neither {EVERYBODY} nor a list of names: {_seen(written)}")
    for name in written:
        if not isinstance(name, str):
            raise UnitError(f"not a name: {name!r} (names that look like numbers need quotes)")
    if len(set(written)) != len(written):
        raise UnitError(f"names one twice: {_seen(written)}")
    return written


def _rule(unit: str) -> Callable[[object], int]:
    words = {word: n for word, n in RULES[unit].items() if word != "off"}

    def parse(written: object) -> int:
        if not isinstance(written, str) or written not in words:
            raise UnitError(f"not one of {', '.join(words)}: {_seen(written)}")
        return words[written]

    return parse


def _seen(written: object) -> str:
    text = repr(list(written) if isinstance(written, tuple) else written)
    return text if len(text) <= 60 else f"{text[:57]}..."


_PARSERS: Mapping[str, Callable[[object], Value]] = {
    "LOTS": _scaled,
    "MONEY": _scaled,
    "PRICE": _price,
    "BPS": units.parse_share,
    "TICKS": _whole,
    "COUNT": _whole,
    "DURATION": units.parse_duration,
    "PER_S": units.parse_rate,
    "PERMILLE": _permille,
    "STRATEGIES": _names,
    "VENUES": _names,
    "SIDES": _rule("SIDES"),
    "SHORT_RULE": _rule("SHORT_RULE"),
    "SELF_TRADE": _rule("SELF_TRADE"),
}


def _format_permille(value: int) -> str:
    whole, rest = divmod(value, 10)
    return f"{whole}.{rest}%" if rest else f"{whole}%"


_FORMATS: Mapping[str, Callable[[int], str]] = {
    "PRICE": units.format_price,
    "BPS": units.format_share,
    "DURATION": units.format_duration,
    "PER_S": units.format_rate,
    "PERMILLE": _format_permille,
}
