"""Whether repeats of one measurement fall into two groups: a mean of them would name neither.

Restarts differ in address layout and placement, and one in three may be at 180 ns while the others
are at 120. Such values are shown as two modes and never as one figure between them.

Test:     the widest gap between neighbouring values, as a share of the whole range, against that of
    values of one kind. The null is simulated once for each number of values (normal, uniform, and
    heavy in its tails). A single straggler is no mode: both groups have at least two.
Shown by: tests/unit/test_modes.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MIN_VALUES, MIN_IN_MODE = 6, 2
LEVEL = 0.01  # of one-kind values that are called two
MIN_APART = 0.03  # of the lower mode: nearer ones are of no interest, however distinct
_DRAWS, _SEED = 20_000, 20260101


@dataclass(frozen=True, slots=True)
class Mode:
    """A group of values by its median, and how many there are."""

    value: float
    n: int


def two_modes(values: Sequence[float]) -> tuple[Mode, ...]:
    """The two groups, lower first; () where the values are of one kind, or too few to tell."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if ordered.size < MIN_VALUES or not np.isfinite(ordered).all():
        return ()
    share, at = _widest(ordered[None, :])
    if share[0] <= _critical(ordered.size):
        return ()
    low, high = ordered[: at[0] + 1], ordered[at[0] + 1 :]
    below, above = float(np.median(low)), float(np.median(high))
    if above - below < MIN_APART * abs(below):
        return ()
    return Mode(below, low.size), Mode(above, high.size)


def _widest(rows: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Per sorted row: the widest inner gap over the range without it, and after which value.

    A gap beside the range of both groups, so that two tight groups stand out from a long tail.
    """
    gaps = np.diff(rows, axis=1)[:, MIN_IN_MODE - 1 : rows.shape[1] - MIN_IN_MODE]
    at = gaps.argmax(axis=1)
    widest = np.take_along_axis(gaps, at[:, None], axis=1)[:, 0]
    rest = rows[:, -1] - rows[:, 0] - widest
    share = np.divide(widest, widest + rest, out=np.zeros_like(widest), where=widest > 0)
    return share, at.astype(np.int64) + MIN_IN_MODE - 1


@cache
def _critical(n: int) -> float:
    draw = np.random.Generator(np.random.PCG64(_SEED))
    shape = (_DRAWS, n)
    null = [draw.standard_normal(shape), draw.random(shape), draw.standard_t(3, shape)]
    return max(float(np.quantile(_widest(np.sort(one, axis=1))[0], 1 - LEVEL)) for one in null)
