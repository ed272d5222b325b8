"""What each tuning is worth: one at a time is left out, and the difference shown with its doubt.

Order:     every repeat measures all variants (all on, each one off, all off) once, in an order
    drawn from the seed, so that a host that drifts does not favour any of them.
Worth:     of a tuning, a percentile without it minus with it, within a repeat; over the repeats the
    median, so that a disturbed repeat says as much as any other and no more.
Interval:  95 % or a little more, exact: the differences at which a sign test of this many pairs
    stops to refuse. It asks nothing of how disturbances are distributed, and its ends are
    differences that were seen. Hollander, Wolfe, Chicken: Nonparametric Statistical Methods, 3.6.
Verdict:   an interval that holds 0 shows no difference. Of twenty rows without any, one is expected
    to show one; `by_chance` says how many that makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.measure import percentiles

STATISTICS = ("p50", "p99")
ALL = "all"
MIN_REPEATS = 6
DEFAULT_REPEATS = 10
LEVEL = 0.95

FloatArray = npt.NDArray[np.float64]
Percentiles = Mapping[str, float | None]
Names = frozenset[str]
Step = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Worth:
    """What a statistic is with and without a tuning, and how much more it is without; ns.

    `missing` says why that is not known: then all numbers are 0.
    """

    name: str
    statistic: str
    on: float = 0.0
    off: float = 0.0
    worth: float = 0.0
    low: float = 0.0
    high: float = 0.0
    missing: str = ""

    @property
    def shown(self) -> bool:
        """Whether there is a difference at all, in either direction."""
        return not self.missing and not self.low <= 0.0 <= self.high

    @property
    def verdict(self) -> str:
        if self.missing:
            return "n/a"
        if not self.shown:
            return "no difference shown"
        return "gains" if self.worth > 0 else "costs"

    def as_json(self) -> dict[str, Any]:
        said = {"name": self.name, "statistic": self.statistic, "verdict": self.verdict}
        if self.missing:
            return {**said, "missing": self.missing}
        return {
            **said,
            "on_ns": self.on,
            "off_ns": self.off,
            "worth_ns": self.worth,
            "low_ns": self.low,
            "high_ns": self.high,
        }


@dataclass(frozen=True, slots=True)
class Ablation:
    """A row a tuning and statistic; the rows of `all` are of all tunings together.

    `values`: by what was on and statistic, one a repeat; None: too few samples for it.
    """

    rows: tuple[Worth, ...]
    values: Mapping[Names, Mapping[str, tuple[float | None, ...]]]
    repeats: int
    seed: int

    @property
    def by_chance(self) -> float:
        """How many of the rows would show a difference if there were none."""
        return (1 - LEVEL) * sum(not row.missing for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        return {
            "repeats": self.repeats,
            "seed": self.seed,
            "by_chance": self.by_chance,
            "rows": [row.as_json() for row in self.rows],
            "values": [
                {"on": sorted(on), "ns": {name: list(all_) for name, all_ in found.items()}}
                for on, found in self.values.items()
            ],
        }


def ablate(
    names: Sequence[str],
    tune: Callable[[Names], AbstractContextManager[object]],
    measure: Callable[[], Percentiles],
    *,
    repeats: int = DEFAULT_REPEATS,
    seed: int = percentiles.DEFAULT_SEED,
    step: Step = lambda done, total: None,
) -> Ablation:
    """Measure with all tunings, without each of them, and without any, `repeats` times in turns.

    `tune(on)` holds the host with these tunings and gives it back; `measure` gives statistics in
    ns, of which it may leave some at None. What either raises ends the ablation. ValueError: no
    tuning, one twice, no repeat, other statistics than before.
    """
    if not names or len(set(names)) != len(names) or ALL in names or repeats < 1:
        raise ValueError("an ablation takes one repeat or more, and tunings, each named once")
    full = frozenset(names)
    without = {name: full - {name} for name in names} | {ALL: frozenset()}
    variants = list(dict.fromkeys([full, *without.values()]))
    found: dict[Names, list[Percentiles]] = {variant: [] for variant in variants}
    total = repeats * len(variants)
    for number, on in enumerate(_in_turns(variants, repeats, seed)):
        step(number, total)
        with tune(on):
            found[on].append(measure())
    step(total, total)
    statistics = list(found[full][0])
    if any(list(one) != statistics for looks in found.values() for one in looks):
        raise ValueError("a measurement gave other statistics than the one before")
    values = {
        on: {name: tuple(look[name] for look in looks) for name in statistics}
        for on, looks in found.items()
    }
    rows = [
        difference(name, statistic, values[full][statistic], values[off][statistic])
        for name, off in without.items()
        for statistic in statistics
    ]
    return Ablation(tuple(rows), values, repeats, seed)


def percentiles_of(samples: Sequence[int]) -> dict[str, float | None]:
    """p50 and p99 by ceil rank; None where fewer than ten samples lie beyond."""
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    return {name: _percentile(ordered, name) for name in STATISTICS}


def difference(
    name: str,
    statistic: str,
    on: Sequence[float | None],
    off: Sequence[float | None],
) -> Worth:
    """What `off` has more than `on`, of values that were taken in pairs."""
    if len(on) != len(off):
        raise ValueError(f"pairs have two sides: {len(on)} and {len(off)} values")
    pairs = [(a, b) for a, b in zip(on, off, strict=True) if a is not None and b is not None]
    if len(pairs) < len(on):
        return Worth(name, statistic, missing="too few samples for it in a look")
    if len(pairs) < MIN_REPEATS:
        return Worth(name, statistic, missing=f"{len(pairs)} repeats, {MIN_REPEATS} needed")
    sides = np.asarray(pairs, dtype=np.float64)
    worth, low, high = interval(sides[:, 1] - sides[:, 0])
    with_, without = (float(middle) for middle in np.median(sides, axis=0))
    return Worth(name, statistic, with_, without, worth, low, high)


def interval(values: FloatArray) -> tuple[float, float, float]:
    """The median of MIN_REPEATS differences or more, and its 95 % interval."""
    ordered = np.sort(values)
    at = _order(ordered.size)
    return float(np.median(ordered)), float(ordered[at]), float(ordered[-1 - at])


def _percentile(ordered: FloatArray, name: str) -> float | None:
    q, n = percentiles.fraction(name), int(ordered.size)
    if percentiles.support(n, q, 0) is percentiles.Support.NONE:
        return None
    return float(ordered[-(-q.numerator * n // q.denominator) - 1])


def _order(n: int) -> int:
    """How many of n sorted differences lie outside the interval on each side (binomial, exact)."""
    below, outside = 0, 0
    while True:
        below += comb(n, outside)
        if below > (1 - LEVEL) / 2 * 2**n:
            return max(outside - 1, 0)
        outside += 1


def _in_turns(variants: Sequence[Names], repeats: int, seed: int) -> Iterator[Names]:
    """Each once a repeat, in an order of its own."""
    raw = np.random.PCG64(seed).random_raw(repeats * len(variants))
    for row in raw.reshape(repeats, len(variants)):
        yield from (variants[at] for at in np.argsort(row, kind="stable"))
