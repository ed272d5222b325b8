"""The shift that a comparison could have seen: what "no difference shown" is worth.

For n values on either side, with the spread that was seen, the smallest relative shift that the
rank test at this level finds in four of five comparisons. The power is simulated on the seen
values themselves (resampled, shifted), so clusters and tails count as they were.

Shown by: tests/unit/test_shift.py, which plants shifts and counts how often they are found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.measure.ranks import critical_u

POWER, LEVEL = 0.8, 0.01
_DRAWS, _SEED = 400, 20260101
_FACTORS = 1.0 + np.geomspace(0.001, 4.0, 120)


def detectable(base: Sequence[float], head: Sequence[float], level: float = LEVEL) -> float | None:
    """The relative shift (0.05 is 5 %) that would be found; None: no shift would, or too few.

    Values must be positive: a shift is a factor on them.
    """
    n, m = len(base), len(head)
    if n < 2 or m < 2 or min(*base, *head) <= 0 or critical_u(n, m, level) < 0:
        return None
    around = np.concatenate([_centred(base), _centred(head)])
    draw = np.random.Generator(np.random.PCG64(_SEED))
    ours, theirs = draw.choice(around, (_DRAWS, n)), draw.choice(around, (_DRAWS, m))
    wanted = critical_u(n, m, level)
    low, high = 0, _FACTORS.size - 1
    if not _is_found(ours, theirs * _FACTORS[high], wanted):
        return None
    while low < high:
        middle = (low + high) // 2
        if _is_found(ours, theirs * _FACTORS[middle], wanted):
            high = middle
        else:
            low = middle + 1
    return float(_FACTORS[low] - 1.0)


def _centred(values: Sequence[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    seen = np.asarray(values, dtype=np.float64)
    return np.asarray(seen / np.median(seen))


def _is_found(
    ours: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    theirs: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    wanted: int,
) -> bool:
    """Whether U is as small as the level asks in four of five draws; a tie counts half."""
    below = (theirs[:, :, None] < ours[:, None, :]).sum(axis=(1, 2))
    ties = (theirs[:, :, None] == ours[:, None, :]).sum(axis=(1, 2))
    return float(np.mean(below + 0.5 * ties <= wanted)) >= POWER
