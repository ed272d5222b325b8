"""Whether a series of intervals drifts: a slope with an interval that neighbours do not narrow.

Slope:    the median of the slopes of all pairs of points (Theil 1950): a few stalls do not tilt it.
Interval: 95 %, the slopes that Kendall's test does not exclude (Sen 1968), exact for few points.
Neighbours: what happens in one interval of ten seconds goes on in the next, and an interval that
    takes them for independent is far too narrow. So the series is first cut into ten to twenty
    stretches of equal length, and each gives its median. What is still alike in neighbouring
    medians widens the interval (variance by the lag-1 correlation of what the line leaves).
Units:    those of the caller; time in seconds.
Shown by: tests/unit/test_drift.py, which simulates both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

Interval = tuple[float, float, float]  # low, middle, high
Floats = npt.NDArray[np.float64]

MIN_BLOCKS, MAX_BLOCKS, BLOCK_LENGTH = 10, 20, 6
MIN_POINTS = 8  # fewer have no pair of slopes that Kendall's test would exclude by a margin
LEVEL = 0.95
SECONDS_AN_HOUR = 3600.0


def drift_pct(t_s: Sequence[float], values: Sequence[float | None]) -> Interval | None:
    """Drift over the whole series in percent of its median; None where nothing can be said."""
    t, y = _known(t_s, values)
    middle = float(np.median(y)) if y.size else 0.0
    if y.size < MIN_POINTS or middle <= 0.0:
        return None
    scale = 100.0 * float(t[-1] - t[0]) / middle
    return _scaled(slope(t, y), scale)


def growth(t_s: Sequence[float], values: Sequence[float | None]) -> Interval | None:
    """Growth in units of the values an hour; None where nothing can be said."""
    t, y = _known(t_s, values)
    return _scaled(slope(t, y), SECONDS_AN_HOUR) if y.size >= MIN_POINTS else None


def slope(t: npt.ArrayLike, values: npt.ArrayLike) -> Interval:
    """Low, middle and high of the slope, in values per unit of t. Takes MIN_POINTS or more."""
    x, y = _medians(np.asarray(t, dtype=np.float64), np.asarray(values, dtype=np.float64))
    first, second = np.triu_indices(x.size, 1)
    slopes = np.sort((y[second] - y[first]) / (x[second] - x[first]))
    middle = float(np.median(slopes))
    cut = math.ceil(_critical(x.size) * math.sqrt(_inflation(y - middle * x)))
    # Kendall's S is the number of rising pairs less that of the falling.
    outside = max(0, (slopes.size - cut) // 2)
    return float(slopes[outside]), middle, float(slopes[slopes.size - 1 - outside])


def _known(t_s: Sequence[float], values: Sequence[float | None]) -> tuple[Floats, Floats]:
    seen = [(t, v) for t, v in zip(t_s, values, strict=True) if v is not None]
    pairs = np.asarray(seen, dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _medians(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Stretches of equal length, each by its median; few points stay as they are."""
    n_blocks = min(max(x.size // BLOCK_LENGTH, MIN_BLOCKS), MAX_BLOCKS)
    if x.size <= n_blocks:
        return x, y
    parts = np.array_split(np.arange(x.size), n_blocks)
    return (
        np.array([np.median(x[part]) for part in parts]),
        np.array([np.median(y[part]) for part in parts]),
    )


def _inflation(rest: Floats) -> float:
    """How much wider than independent points these are: at least 1, at most 4."""
    rest = rest - rest.mean()
    power = float(rest @ rest)
    r = float(rest[1:] @ rest[:-1]) / power if power > 0 else 0.0
    r = min(max(r + 1.0 / rest.size, 0.0), 0.6)  # the lag-1 correlation of few points leans down
    return (1.0 + r) / (1.0 - r)


@cache
def _critical(n: int) -> int:
    """The smallest S that Kendall's test exceeds with a chance of at most 5 % (two-sided, exact).

    The number of falling pairs of a random order of n is a sum of independent uniforms on 0..k.
    """
    ways = np.ones(1)
    for k in range(1, n):
        ways = np.convolve(ways, np.full(k + 1, 1.0 / (k + 1)))
    n_pairs = n * (n - 1) // 2
    below = np.cumsum(ways)
    falling = int(np.searchsorted(below, (1.0 - LEVEL) / 2, side="right"))
    return n_pairs - 2 * falling + 1


def _scaled(seen: Interval, scale: float) -> Interval:
    low, middle, high = seen
    return low * scale, middle * scale, high * scale
