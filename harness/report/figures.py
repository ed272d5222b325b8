"""Numbers as people read them: units, floors, and the percentiles a sample can carry.

Shapes: every function takes one number and gives one short string.
Units:  latencies come in ns; `ns_text` picks ns, us, ms or s.
Errors: none; an absent number is an absent number (`NOT_AVAILABLE`), never a zero.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from harness.measure.percentiles import TAIL_TO_PUBLISH, fraction, needed

NOT_AVAILABLE = "n/a"
_NS_SCALES = ((1e9, "s"), (1e6, "ms"), (1e3, "\u00b5s"), (1.0, "ns"))
_NS_PER_UNIT = {"ns": 1.0, "us": 1e3, "\u00b5s": 1e3, "ms": 1e6, "s": 1e9}
_TARGET = re.compile(r"(<=|>=|<|>|=)\s*([0-9.]+)\s*(.*)")
_OPERATORS = {"<": "<", "<=": "\u2264", ">": ">", ">=": "\u2265", "=": "=", "==": "="}


def count_text(n: float) -> str:
    """12_345_678 -> '12 345 678': thin spaces, because a comma is a decimal point to half of us."""
    return f"{round(n):,}".replace(",", "\u202f")


def short_count(n: float) -> str:
    """1_200_000 -> '1.2 M'; used on axes and in reasons, where the digits do not matter."""
    for scale, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(n) >= scale:
            return f"{_trim(n / scale, 3)} {suffix}"
    return _trim(n, 3)


def _trim(value: float, digits: int) -> str:
    """`digits` significant digits, no exponent, no trailing zeros behind the point."""
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def ns_text(value_ns: float | None, digits: int = 3) -> str:
    """A duration in the unit that leaves one to three digits before the point."""
    if value_ns is None or math.isnan(value_ns):
        return NOT_AVAILABLE
    if math.isinf(value_ns):
        return "\u221e"
    for scale, unit in _NS_SCALES:
        # 999.6 ns would print as "1000 ns": let the next unit have it.
        if abs(value_ns) >= scale * (1 - 0.5 * 10**-digits):
            return f"{_fixed(value_ns / scale, digits)} {unit}"
    return f"{_trim(value_ns, digits)} ns"


def _fixed(value: float, digits: int) -> str:
    places = max(0, digits - 1 - math.floor(math.log10(max(1.0, abs(value)))))
    return f"{value:.{places}f}"


def span_text(seconds: float) -> str:
    """A time since the start: '0', '45 s', '12 min', '1:30 h', '3 h'."""
    if seconds < 120:
        return f"{_trim(seconds, 4)} s" if seconds else "0"
    if seconds < 3600:
        return f"{_trim(seconds / 60, 4)} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}:{minutes:02d} h" if minutes else f"{hours} h"


def value_text(value: float | None, unit: str, digits: int = 3) -> str:
    """`value` in `unit`; durations are rescaled, everything else keeps the unit it came with."""
    if value is None:
        return NOT_AVAILABLE
    if unit in _NS_PER_UNIT:
        return ns_text(value * _NS_PER_UNIT[unit], digits)
    if unit in ("%", "percent"):
        return f"{_trim(value, 4)} %"
    if unit in ("", "count", "1"):
        return count_text(value) if float(value).is_integer() else _trim(value, 4)
    if abs(value) >= 10_000:
        return f"{short_count(value)} {unit}"
    return f"{_trim(value, 4)} {unit}"


def target_text(target: Mapping[str, Any] | None) -> str:
    """{'op': '<', 'value': 2000, 'unit': 'ns'} -> '< 2 us'."""
    if not target:
        return NOT_AVAILABLE
    op = _OPERATORS.get(str(target.get("op", "<")), str(target.get("op", "")))
    value, unit = float(target["value"]), str(target.get("unit", ""))
    if unit in _NS_PER_UNIT:
        ns = value * _NS_PER_UNIT[unit]
        for scale, name in _NS_SCALES:
            if ns >= scale:
                return f"{op} {_trim(ns / scale, 4)} {name}"
    return f"{op} {value_text(value, unit)}"


def short_target(text: str) -> str:
    """'<2us' of the matrix, spaced as everywhere else: '< 2 us'."""
    match = _TARGET.fullmatch(text.strip())
    if match is None:
        return text
    unit = "\u00b5s" if match[3] == "us" else match[3]
    return f"{_OPERATORS[match[1]]} {match[2]} {unit}".rstrip()


def beside_target(value: float | None, unit: str, target: Mapping[str, Any] | None) -> str:
    """`value` with as many digits as it takes to show on which side of its target it lies.

    1999.6 ns against "< 2 us" prints "1.9996 us", not "2.00 us": a reader must never see a
    number that contradicts its verdict.
    """
    text = value_text(value, unit)
    if value is None or not target or unit not in _NS_PER_UNIT:
        return text
    limit_unit = str(target.get("unit", unit))
    limit_ns = float(target["value"]) * _NS_PER_UNIT.get(limit_unit, 1.0)
    value_ns = value * _NS_PER_UNIT[unit]
    if value_ns == limit_ns:
        return text
    for digits in range(3, 10):
        text = ns_text(value_ns, digits)
        if text != ns_text(limit_ns, digits):
            return text
    return text


def score_text(score: float | None) -> str:
    """Scores are floored to 0.1, so that 89.96 does not read as the 90 it is not."""
    if score is None:
        return NOT_AVAILABLE
    return f"{math.floor(score * 10 + 1e-9) / 10:.1f}"


def range_text(floor: float | None, ceiling: float | None) -> str:
    """'60.0 - 100.0' with an en dash, or one number where floor and ceiling agree."""
    low, high = score_text(floor), score_text(ceiling)
    return low if low == high else f"{low}\u2009\u2013\u2009{high}"


def quantile_name(q: float) -> str:
    return "nothing" if not q else f"p{q * 100:.6g}"


def load_text(load: str | None) -> str:
    """'1000000/s constant' -> '1 M/s constant'."""
    match = re.fullmatch(r"(\d+)/s(.*)", load or "")
    if match is None:
        return load or NOT_AVAILABLE
    number = short_count(int(match[1]))
    return f"{number}/s{match[2]}"


def missing_percentile(name: str, n: int | None) -> str:
    """Why a percentile is not printed."""
    if not n:
        return f"{name}: no samples"
    least = needed(fraction(name), TAIL_TO_PUBLISH)
    if n >= least:
        return f"{name}: not recorded"
    return f"{name} needs {short_count(least)} samples, has {short_count(n)}"


def answer_text(answer: Mapping[str, Any] | None) -> str:
    """The state in which the engine ended, as a sentence: the book with most orders, and all."""
    if not answer:
        return "none: no engine read this input"
    said = f"{count_text(answer['messages'])} messages, last sequence {answer['last_sequence']}"
    said += f", lost {count_text(answer['lost'])}, repeated {count_text(answer['duplicates'])}"
    bids, offers = answer["levels"]
    if bids or offers:
        best = " / ".join(px_text(px) for px in answer["best_px_nano"])
        said += f"; book of {answer['symbol']}: {bids} bid and {offers} ask levels, best {best}"
    orders, books = count_text(answer["orders"]), answer["instruments"]
    return f"{said}; {orders} orders in {books} books, hash {answer['hash']}"


def placement_text(facts: Mapping[str, Any]) -> str:
    """Round trips of a cache line between the cores, nearest to farthest: unlike ones differ."""
    near, far = facts.get("placement_min_ns"), facts.get("placement_max_ns")
    return NOT_AVAILABLE if near is None or far is None else f"{near:.0f}-{far:.0f}"


def carried_by(facts: Mapping[str, Any]) -> str:
    """What stood at the other end of a figure: the ports of a network, a user's program."""
    said = [str(facts["ports"])] if facts.get("ports") else []
    if facts.get("program"):
        said.append(f"program {facts['program']}, sha256 {str(facts.get('program_sha256'))[:16]}")
    return "; ".join(said)


def px_text(px_nano: int | None) -> str:
    """A price in full, at least two decimals; shifted, not divided: no digit is invented."""
    if px_nano is None or abs(px_nano) >= 2**62:  # the engine's word for no price
        return "none"
    whole, rest = divmod(abs(px_nano), 10**9)
    decimals = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if px_nano < 0 else ''}{whole}.{decimals}"


def plain(text: str) -> str:
    """ASCII for terminals and logs: micro sign, dashes and thin spaces have plain twins."""
    for fancy, simple in (
        ("\u00b5s", "us"),
        ("\u202f", " "),
        ("\u2009", " "),
        ("\u2013", "-"),
        ("\u2014", "-"),
        ("\u2264", "<="),
        ("\u2265", ">="),
        ("\u221e", "inf"),
        ("\u00d7", "x"),
        ("\u2192", "->"),
        ("\u201c", '"'),
        ("\u201d", '"'),
        ("\u2212", "-"),
        ("\u00b7", "*"),
        ("\u00b1", "+-"),
    ):
        text = text.replace(fancy, simple)
    return text
