"""Two groups of runs, figure by figure: environment first, then ranks over restarts.

Figures:  the statistic of each restart, of all runs of a side together; a metric that was measured
    without restarts gives one value a run. Percentiles are never averaged.
Verdict:  different when the exact Mann-Whitney p, corrected for the number of metrics (Holm), is
    below 1 %, the shift is 3 % or more and its 95 % interval excludes 0. Too few values "cannot
    decide", and say how many would. What is not different says which shift would have been seen.
Alike:    runs are compared only within one environment, unless the caller names the parts that may
    differ; the differences stand above the figures either way.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from harness.errors import RedlineError
from harness.history.entry import Entry, Metric
from harness.measure import fingerprint, ranks, shift
from harness.measure.fingerprint import Difference
from harness.measure.modes import Mode, two_modes

ALPHA = 0.01
LEAST_SHIFT = 0.03


class Unlike(RedlineError):
    """Two environments whose figures do not compare; the text names the fields."""


class Outcome(StrEnum):
    SAME = "no difference shown"
    WORSE = "worse"
    BETTER = "better"
    CANNOT_DECIDE = "cannot decide"


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of both sides. Shifts are shares of A's median: 0.05 is 5 % more."""

    key: str
    unit: str
    statistic: str
    a: tuple[float, ...]
    b: tuple[float, ...]
    outcome: Outcome
    reason: str
    p: float | None = None
    shift: float | None = None
    low: float | None = None
    high: float | None = None
    could_see: float | None = None
    modes_a: tuple[Mode, ...] = ()
    modes_b: tuple[Mode, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """`only`: metrics that one side alone has."""

    a: tuple[str, ...]
    b: tuple[str, ...]
    differences: tuple[Difference, ...]
    rows: tuple[Row, ...]
    only: tuple[str, ...]

    @property
    def is_worse(self) -> bool:
        return any(row.outcome is Outcome.WORSE for row in self.rows)


def compare(a: Sequence[Entry], b: Sequence[Entry], allow: Collection[str] = ()) -> Comparison:
    """Side A against side B. Unlike when their environments differ in a part that is not allowed.

    ValueError for a side without runs. RedlineError for a part that does not exist.
    """
    if not a or not b:
        raise ValueError("a comparison has runs on both sides")
    unknown = set(allow) - set(fingerprint.PARTS)
    if unknown:
        known = ", ".join(fingerprint.PARTS)
        raise RedlineError(f"--allow: no part {sorted(unknown)[0]!r}; there are {known}")
    differences = _differences(a, b)
    forbidden = [one for one in differences if one.part not in allow]
    if forbidden:
        raise Unlike(_why_unlike(forbidden))
    ours, theirs = _by_key(a), _by_key(b)
    both = [key for key in ours if key in theirs]
    tested = [_tested(ours[key], theirs[key]) for key in both]
    enough = [row for row in tested if row.p is not None]
    adjusted = iter(ranks.holm([row.p for row in enough if row.p is not None]))
    rows = [_decided(row, next(adjusted)) if row.p is not None else row for row in tested]
    only = sorted(ours.keys() ^ theirs.keys())
    return Comparison(
        tuple(one.id for one in a),
        tuple(one.id for one in b),
        tuple(differences),
        tuple(rows),
        tuple(only),
    )


def _differences(a: Sequence[Entry], b: Sequence[Entry]) -> list[Difference]:
    """Of every run to the first of A: runs of one side must be alike too."""
    found: dict[str, Difference] = {}
    for other in (*a[1:], *b):
        for one in fingerprint.differences(a[0].facts, other.facts):
            found.setdefault(one.name, one)
    return list(found.values())


def _why_unlike(differences: Sequence[Difference]) -> str:
    parts = sorted({one.part for one in differences})
    fields = "; ".join(
        f"{one.name}: {_short(one.ours)} / {_short(one.theirs)}" for one in differences[:3]
    )
    more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
    return (
        f"not compared: the environments differ in {', '.join(parts)} ({fields}{more}); "
        f"--allow {','.join(parts)} compares them all the same"
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."


@dataclass(frozen=True, slots=True)
class _Values:
    metric: Metric
    values: tuple[float, ...]


def _by_key(entries: Sequence[Entry]) -> dict[str, _Values]:
    """The values of each metric that a row judges or that was measured in restarts."""
    found: dict[str, _Values] = {}
    for entry in entries:
        for one in entry.metrics:
            values = one.values or (() if one.value is None else (one.value,))
            if values:
                before = found[one.key].values if one.key in found else ()
                found[one.key] = _Values(one, (*before, *values))
    return found


def _tested(ours: _Values, theirs: _Values) -> Row:
    one, a, b = ours.metric, ours.values, theirs.values
    row = Row(
        one.key,
        one.unit,
        one.statistic or "p99",
        a,
        b,
        Outcome.CANNOT_DECIDE,
        "",
        modes_a=two_modes(a),
        modes_b=two_modes(b),
    )
    if ranks.critical_u(len(a), len(b), ALPHA) < 0:
        least = ranks.fewest_pairs(ALPHA)
        return _with(row, reason=f"{len(a)} and {len(b)} values, {least} and {least} can decide")
    middle = float(np.median(a))
    if middle <= 0:
        return _with(row, reason="values at or below 0 have no relative shift")
    seen = ranks.hodges_lehmann(a, b)
    return _with(
        row,
        p=ranks.mann_whitney(a, b),
        shift=seen.estimate / middle,
        low=seen.low / middle,
        high=seen.high / middle,
        could_see=shift.detectable(a, b, ALPHA),
        outcome=Outcome.WORSE if one.lower_is_better else Outcome.BETTER,  # if larger; see _decided
    )


def _decided(row: Row, p: float) -> Row:
    """The outcome by the corrected p; `outcome` names until here what a larger value would be."""
    assert row.shift is not None
    assert row.low is not None
    assert row.high is not None
    excludes_0 = row.low > 0 or row.high < 0
    if p < ALPHA and abs(row.shift) >= LEAST_SHIFT and excludes_0:
        larger = row.outcome
        smaller = Outcome.BETTER if larger is Outcome.WORSE else Outcome.WORSE
        return _with(row, p=p, outcome=larger if row.shift > 0 else smaller)
    seen = "no shift would have been" if row.could_see is None else f"{row.could_see:.1%} would be"
    return _with(row, p=p, outcome=Outcome.SAME, reason=f"{seen} found four times in five")


def _with(row: Row, **changes: Any) -> Row:
    return Row(**{name: getattr(row, name) for name in Row.__slots__} | changes)
