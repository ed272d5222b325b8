"""Rank statistics of two small samples, exact: what a gate of a few pairs can rest on.

Mann and Whitney (1947) for the test, its null distribution over the midranks that were seen, so
that ties cost nothing; Hodges and Lehmann (1963) for the shift, with the interval that inverts the
test (Bauer 1972); Holm (1979) for several metrics at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shift:
    """By how much the second sample lies above the first, with an interval."""

    estimate: float
    low: float
    high: float


def mann_whitney(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p that both samples come from one distribution; 1.0 when either is empty."""
    if not len(a) or not len(b):
        return 1.0
    doubled = _doubled_midranks([*a, *b])
    null = _sums(tuple(sorted(doubled)), len(a))
    seen = sum(doubled[: len(a)])
    middle = len(a) * (len(a) + len(b) + 1)  # of doubled rank sums
    distance = abs(seen - middle)
    far = sum(w for total, w in null.items() if abs(total - middle) >= distance)
    return far / math.comb(len(a) + len(b), len(a))


def hodges_lehmann(base: Sequence[float], head: Sequence[float], level: float = 0.95) -> Shift:
    """Median of all differences head - base, and the differences that the test cannot exclude.

    Samples too small for the level have an interval without ends. ValueError for an empty one.
    """
    if not len(base) or not len(head):
        raise ValueError("an empty sample has no shift")
    differences = np.sort(np.subtract.outer(np.asarray(head), np.asarray(base)), axis=None)
    cut = critical_u(len(base), len(head), 1.0 - level) + 1  # differences to leave out at each end
    estimate = float(np.median(differences))
    if cut == 0:
        return Shift(estimate, -math.inf, math.inf)
    return Shift(estimate, float(differences[cut - 1]), float(differences[-cut]))


def critical_u(n: int, m: int, alpha: float) -> int:
    """The largest U whose two-sided p is at most alpha, without ties; -1 when there is none."""
    ranks = tuple(range(2, 2 * (n + m) + 1, 2))
    null = _sums(ranks, n)
    least = n * (n + 1)  # the doubled rank sum of U = 0
    n_ways = math.comb(n + m, n)
    below = 0
    for u in range(n * m // 2 + 1):
        below += null.get(least + 2 * u, 0)
        if 2 * below > alpha * n_ways:
            return u - 1
    return n * m // 2


def holm(ps: Sequence[float]) -> list[float]:
    """Adjusted p, in the order of the input: at or below alpha where Holm rejects at alpha."""
    adjusted = [0.0] * len(ps)
    worst = 0.0
    for place, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        worst = max(worst, min(1.0, (len(ps) - place) * ps[i]))
        adjusted[i] = worst
    return adjusted


def fewest_pairs(p: float) -> int:
    """The least n at which n against n values can have a two-sided p below `p`."""
    n = 1
    while 2 / math.comb(2 * n, n) >= p:
        n += 1
    return n


def _doubled_midranks(values: Sequence[float]) -> list[int]:
    """Ranks from 1 on, times two: those of ties are halves."""
    return [
        sum(other < value for other in values) * 2 + sum(other == value for other in values) + 1
        for value in values
    ]


@lru_cache(maxsize=256)
def _sums(ranks: tuple[int, ...], n: int) -> dict[int, int]:
    """How many choices of n ranks have which sum."""
    ways: list[dict[int, int]] = [{0: 1}] + [{} for _ in range(n)]
    for seen, rank in enumerate(ranks):
        for k in range(min(n, seen + 1), 0, -1):
            into = ways[k]
            for total, count in ways[k - 1].items():
                into[total + rank] = into.get(total + rank, 0) + count
    return ways[n]
