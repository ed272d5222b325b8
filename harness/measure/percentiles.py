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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from harness.measure.histogram import Histogram, merge, upper_edges

PUBLISHED = ("p50", "p90", "p99", "p99.9", "p99.99")
TAIL_TO_PUBLISH = 10
TAIL_TO_JUDGE = 100
BLOCKS_TO_SIGN_OFF = 60
BLOCK_S = 1.0
_BLOCKS_IN_TAIL = 5  # fewer blocks than this hold the tail: resampling them tells nothing
_RESAMPLES = 1000
_BATCH = 100  # resamples at a time: bounds the memory
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
    """95 % interval of a percentile by resampling blocks, whole, with replacement.

    Shapes: the blocks become a (block, used slot) matrix, a resample is a vector of block weights;
        their product is the resampled histogram.
    """
    q = fraction(name)
    used = _at_most([b for b in blocks if b.slots.size], _MAX_BLOCKS)
    if len(used) < _BLOCKS_IN_TAIL:
        return Bounds(0, 0, len(used), seed, f"{len(used)} blocks, {_BLOCKS_IN_TAIL} needed")
    slots = np.unique(np.concatenate([block.slots for block in used]))
    counts = np.zeros((len(used), slots.size), dtype=np.float64)  # exact: counts stay under 2**53
    for row, block in enumerate(used):
        counts[row, np.searchsorted(slots, block.slots)] = block.counts
    at = _slot_at(np.cumsum(counts.sum(axis=0)), q)
    n_with_tail = int((counts[:, at + 1 :].sum(axis=1) > 0).sum())
    if n_with_tail < _BLOCKS_IN_TAIL:
        why = f"max-dominated: the samples beyond {name} lie in {n_with_tail} blocks"
        return Bounds(0, 0, len(used), seed, why)
    edges = np.minimum(upper_edges(slots), max(block.highest for block in used))
    seen = np.empty(_RESAMPLES)
    for first, weights in _resamples(len(used), seed):
        part = np.cumsum(weights @ counts, axis=1)
        seen[first : first + len(weights)] = [edges[_slot_at(row, q)] for row in part]
    seen.sort()  # order statistics, not interpolation: the ends are values that were seen
    low, high = seen[int(0.025 * _RESAMPLES)], seen[int(0.975 * _RESAMPLES) - 1]
    return Bounds(float(low) * scale, float(high) * scale, len(used), seed)


def _resamples(n_blocks: int, seed: int) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    """How often each block is drawn in each resample, a hundred resamples at a time.

    Raw 64-bit words of PCG64, scaled: numpy keeps that stream for ever, and a verdict must be
    recomputable with a later numpy. Its distributions carry no such promise.
    """
    bits = np.random.PCG64(seed)
    for first in range(0, _RESAMPLES, _BATCH):
        raw = bits.random_raw(_BATCH * n_blocks).reshape(_BATCH, n_blocks)
        drawn = ((raw >> np.uint64(32)) * np.uint64(n_blocks)) >> np.uint64(32)
        weights = [np.bincount(row, minlength=n_blocks) for row in drawn.astype(np.int64)]
        yield first, np.asarray(weights, dtype=np.float64)


def _at_most(blocks: Sequence[Histogram], limit: int) -> Sequence[Histogram]:
    """The same samples in at most `limit` blocks of neighbours; longer blocks only widen."""
    size = -(-len(blocks) // limit)
    if size <= 1:
        return blocks
    return [merge(blocks[i : i + size]) for i in range(0, len(blocks), size)]


def _slot_at(cumulative: npt.NDArray[np.float64], q: Fraction) -> int:
    rank = -(-q.numerator * int(cumulative[-1]) // q.denominator)
    return int(np.searchsorted(cumulative, max(rank, 1)))
