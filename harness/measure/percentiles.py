"""Percentiles that say how much they are worth: ranks, minimum samples, intervals.

Percentile:  ceil rank, upper edge of its slot, exact maximum (histogram.py).
Support:     a percentile is printed from ten samples in its tail, judged from a hundred, and signed
    off from a hundred in at least sixty blocks of one second. Below ten it is None: "n/a", never
    the maximum in disguise.
Interval:    95 %, by resampling whole blocks. Stalls arrive in clusters, so single samples are not
    independent: intervals from pooled samples cover 20 % instead of 95 %.
Units:       those of the histogram, times `scale` where a caller asks for another unit.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction

import numpy as np

from harness.measure.histogram import Histogram, IntArray, merge, upper_edges

PUBLISHED = ("p50", "p90", "p99", "p99.9", "p99.99")
TAIL_TO_PUBLISH = 10
TAIL_TO_JUDGE = 100
BLOCKS_TO_SIGN_OFF = 60
BLOCK_S = 1.0
_BLOCKS_IN_TAIL = 5  # fewer blocks than this hold the tail: resampling them tells nothing
_RESAMPLES = 1000
_MAX_BLOCKS = 240
_RUNS_FOR_ORDER_STATISTIC = 6
DEFAULT_SEED = 20260101


class Support(IntEnum):
    """What the number of samples allows to be said about a percentile."""

    NONE = 0
    PUBLISH = 1
    JUDGE = 2
    SIGN_OFF = 3


@dataclass(frozen=True, slots=True)
class Bounds:
    """A 95 % interval, or the reason why there is none."""

    low: float
    high: float
    n_blocks: int
    seed: int
    missing: str = ""


@functools.cache
def fraction(name: str) -> Fraction:
    """Exactly what the name says: "p99.9" is 999/1000, exactly. ValueError for anything else."""
    if not name.startswith("p"):
        raise ValueError(f"not a percentile: {name!r}, expected p50, p99.9 ...")
    try:
        q = Fraction(name[1:]) / 100
    except ValueError:
        raise ValueError(f"not a percentile: {name!r}, expected p50, p99.9 ...") from None
    if not 0 < q < 1:
        raise ValueError(f"not a percentile between 0 and 100: {name!r}")
    return q


def tail(n: int, q: Fraction) -> Fraction:
    """How many of n samples lie beyond the quantile."""
    return n * (1 - q)


def needed(q: Fraction, n_tail: int) -> int:
    """The smallest n with n_tail samples beyond the quantile."""
    return -(-n_tail * q.denominator // (q.denominator - q.numerator))


def support(n: int, q: Fraction, n_blocks: int) -> Support:
    """What n samples in n_blocks blocks of at least a second allow."""
    beyond = tail(n, q)
    if beyond < TAIL_TO_PUBLISH:
        return Support.NONE
    if beyond < TAIL_TO_JUDGE:
        return Support.PUBLISH
    return Support.SIGN_OFF if n_blocks >= BLOCKS_TO_SIGN_OFF else Support.JUDGE


def percentile(histogram: Histogram, name: str, scale: float = 1.0) -> float | None:
    """The named percentile, or None when fewer than ten samples lie beyond it."""
    q = fraction(name)
    if support(histogram.n, q, 0) is Support.NONE:
        return None
    return histogram.quantile(q) * scale


def table(histogram: Histogram, scale: float = 1.0) -> dict[str, float | None]:
    """min, the published percentiles and the maximum, always; None is "n too small"."""
    if not histogram.n:
        return dict.fromkeys(("min", *PUBLISHED, "max"))
    row: dict[str, float | None] = {"min": histogram.lowest * scale}
    row |= {name: percentile(histogram, name, scale) for name in PUBLISHED}
    row["max"] = histogram.highest * scale
    return row


def upper_of_runs(values: Sequence[float]) -> float:
    """Upper 95 % bound of the median run: an order statistic; below six runs the maximum."""
    ordered = sorted(values)
    if len(ordered) < _RUNS_FOR_ORDER_STATISTIC:
        return ordered[-1]
    below = 0
    for k in range(len(ordered)):
        below += math.comb(len(ordered), k)
        if below >= 0.95 * 2 ** len(ordered):
            return ordered[k]
    return ordered[-1]


def block_bootstrap(
    blocks: Sequence[Histogram], name: str, scale: float = 1.0, seed: int = DEFAULT_SEED
) -> Bounds:
    """95 % interval of a percentile by resampling blocks, whole, with replacement."""
    q = fraction(name)
    used = _at_most([b for b in blocks if b.slots.size], _MAX_BLOCKS)
    if len(used) < _BLOCKS_IN_TAIL:
        return Bounds(0, 0, len(used), seed, f"{len(used)} blocks, {_BLOCKS_IN_TAIL} needed")
    slots = np.unique(np.concatenate([block.slots for block in used]))
    below = np.zeros((len(used), slots.size), dtype=np.int64)
    for row, block in enumerate(used):
        below[row, np.searchsorted(slots, block.slots)] = block.counts
    below.cumsum(axis=1, out=below)  # samples of each block up to each slot
    pooled = below.sum(axis=0)
    at = int(np.searchsorted(pooled, _rank(pooled[-1:], q)[0]))
    n_with_tail = int((below[:, -1] > below[:, at]).sum())
    if n_with_tail < _BLOCKS_IN_TAIL:
        why = f"max-dominated: the samples beyond {name} lie in {n_with_tail} blocks"
        return Bounds(0, 0, len(used), seed, why)
    edges = np.minimum(upper_edges(slots), max(block.highest for block in used))
    seen = np.sort(edges[_resampled(below, _weights(len(used), seed), q)])
    # Order statistics, not interpolation: the ends are values that were seen.
    low, high = seen[int(0.025 * _RESAMPLES)], seen[int(0.975 * _RESAMPLES) - 1]
    return Bounds(float(low) * scale, float(high) * scale, len(used), seed)


def _resampled(below: IntArray, weights: IntArray, q: Fraction) -> IntArray:
    """The slot of the quantile in every resample, by halving all of them at once.

    Shapes: below (block, slot), weights (resample, block); a resample's samples up to slot s are
        weights @ below[:, s], which is only computed where the search looks.
    """
    ranks = _rank(weights @ below[:, -1], q)
    low = np.zeros(len(weights), dtype=np.int64)
    high = np.full(len(weights), below.shape[1] - 1, dtype=np.int64)
    while np.any(low < high):
        middle = (low + high) // 2
        reached = (weights * below[:, middle].T).sum(axis=1) >= ranks
        high = np.where(reached, middle, high)
        low = np.where(reached, low, np.minimum(middle + 1, high))
    return low


def _rank(n: IntArray, q: Fraction) -> IntArray:
    """Ceil rank in integers: no rounding of a product decides which sample it is."""
    return np.asarray(-(-q.numerator * n // q.denominator), dtype=np.int64)


def _weights(n_blocks: int, seed: int) -> IntArray:
    """How often each block is drawn in each resample.

    Raw 64-bit words of PCG64, scaled: numpy keeps that stream for ever, and a verdict must be
    recomputable with a later numpy. Its distributions carry no such promise.
    """
    raw = np.random.PCG64(seed).random_raw(_RESAMPLES * n_blocks)
    drawn = (((raw >> np.uint64(32)) * np.uint64(n_blocks)) >> np.uint64(32)).astype(np.int64)
    drawn += np.repeat(np.arange(_RESAMPLES, dtype=np.int64) * n_blocks, n_blocks)
    return np.bincount(drawn, minlength=drawn.size).reshape(_RESAMPLES, n_blocks)


def _at_most(blocks: Sequence[Histogram], limit: int) -> Sequence[Histogram]:
    """The same samples in at most `limit` blocks of neighbours; longer blocks only widen."""
    size = -(-len(blocks) // limit)
    if size <= 1:
        return blocks
    return [merge(blocks[i : i + size]) for i in range(0, len(blocks), size)]
