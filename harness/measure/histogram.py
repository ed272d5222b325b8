"""A histogram as a value: which slots hold samples, how many, and the exact largest one.

Geometry: HdrHistogram's, fixed: lowest 1, highest one hour in ns, three significant digits. Slot i
    here is slot i of the C recorder and of the `hdrhistogram` package. Values below 2048 have a
    slot of their own; above, a slot is at most 0.1 % wide.
Units:    whatever was recorded (ns, or ticks for operations below a microsecond); never mixed.
Shapes:   `slots` and `counts` are int64 vectors of equal length, slots ascending, counts positive.
Errors:   ValueError for a negative count, a slot outside the geometry or a maximum that its
    slot denies.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

LOWEST = 1
HIGHEST = 3_600_000_000_000
DIGITS = 3

_HALF_BITS = 10  # 2048 sub-buckets hold three digits; half of them are new in each octave
_HALF = 1 << _HALF_BITS
N_SLOTS = 33 * _HALF  # 32 octave buckets reach one hour, and the first of them is twice as long

IntArray = npt.NDArray[np.int64]


def lower_edges(slots: npt.ArrayLike) -> IntArray:
    """The smallest value each slot stands for."""
    slot = np.asarray(slots, dtype=np.int64)
    bucket = np.maximum((slot >> _HALF_BITS) - 1, 0)
    sub = np.where(slot < _HALF, slot, (slot & (_HALF - 1)) + _HALF)
    return np.asarray(sub << bucket, dtype=np.int64)


def upper_edges(slots: npt.ArrayLike) -> IntArray:
    """The largest value each slot stands for: what a percentile reports, so it never flatters."""
    slot = np.asarray(slots, dtype=np.int64)
    bucket = np.maximum((slot >> _HALF_BITS) - 1, 0)
    return np.asarray(lower_edges(slot) + (np.int64(1) << bucket) - 1, dtype=np.int64)


def slots_of(values: npt.ArrayLike) -> IntArray:
    """The slot of each value; values above the range share the slot of the highest (saturation)."""
    value = np.minimum(np.asarray(values, dtype=np.int64), HIGHEST)
    if value.size and int(value.min()) < 0:
        raise ValueError(f"a recorded value is never negative, saw {int(value.min())}")
    # frexp is exact here: no value needs more than 42 bits.
    bits = np.frexp(value.astype(np.float64))[1].astype(np.int64)
    bucket = np.maximum(bits - (_HALF_BITS + 1), 0)
    return np.asarray(((bucket + 1) << _HALF_BITS) + (value >> bucket) - _HALF, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts per slot. Merging is adding; nothing here can average percentiles."""

    slots: IntArray
    counts: IntArray
    highest: int

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @property
    def lowest(self) -> int:
        """Lower edge of the first used slot: the exact minimum below 2048, 0.1 % under it above."""
        return int(lower_edges(self.slots[:1])[0]) if self.slots.size else 0

    def values(self) -> IntArray:
        """Upper edge of each used slot, the last one cut to the exact maximum."""
        return np.minimum(upper_edges(self.slots), self.highest)

    def at_rank(self, rank: int) -> int:
        """The value of the rank-th smallest sample, counted from 1; ValueError outside 1..n."""
        cumulative = np.cumsum(self.counts)
        if not 1 <= rank <= (int(cumulative[-1]) if cumulative.size else 0):
            raise ValueError(f"rank {rank} of a histogram with {self.n} samples")
        return int(self.values()[int(np.searchsorted(cumulative, rank))])

    def quantile(self, q: Fraction) -> int:
        """Ceil-rank quantile: the smallest recorded value that at least q of the samples reach."""
        rank = -(-q.numerator * self.n // q.denominator)
        return self.at_rank(max(rank, 1))

    def n_at_or_above(self, value: float) -> int:
        """How many samples may be at or above value: a slot that straddles it counts in full."""
        return int(self.counts[self.values() >= value].sum())

    def mean(self) -> float:
        """Mean of slot middles; within 0.05 % of the mean of what was recorded."""
        return float(np.average(self._middles(), weights=self.counts)) if self.slots.size else 0.0

    def sd(self) -> float:
        """Standard deviation of slot middles."""
        if not self.slots.size:
            return 0.0
        spread = (self._middles() - self.mean()) ** 2
        return float(np.sqrt(np.average(spread, weights=self.counts)))

    def dense(self) -> IntArray:
        """One count per slot of the whole geometry, as the C recorder holds them."""
        counts = np.zeros(N_SLOTS, dtype=np.int64)
        counts[self.slots] = self.counts
        return counts

    def _middles(self) -> npt.NDArray[np.float64]:
        return (lower_edges(self.slots) + upper_edges(self.slots)) / 2.0

    @classmethod
    def from_counts(cls, counts: npt.ArrayLike, highest: int | None = None) -> Histogram:
        """From one count per slot (a shorter array stands for its first slots).

        `highest` is the exact maximum when the recorder kept it; without it the upper edge of the
        last used slot stands in. A saturated recorder may know a maximum above the range.
        """
        dense = np.asarray(counts)
        if dense.ndim != 1 or dense.size > N_SLOTS:
            raise ValueError(f"counts of shape {dense.shape}, expected at most {N_SLOTS} slots")
        if dense.size and int(dense.min()) < 0:
            raise ValueError("a count is never negative")
        slots = np.flatnonzero(dense).astype(np.int64)
        return cls.from_sparse(slots, dense[slots].astype(np.int64), highest)

    @classmethod
    def from_sparse(
        cls, slots: IntArray, counts: IntArray, highest: int | None = None
    ) -> Histogram:
        """From used slots, ascending, and their counts."""
        if not slots.size:
            return cls(slots, counts, 0)
        last = int(slots[-1])
        if highest is None:
            highest = int(upper_edges(slots[-1:])[0])
        if int(slots_of([highest])[0]) != last:
            raise ValueError(
                f"a maximum of {highest} does not belong to the last used slot, which ends at "
                f"{int(upper_edges(slots[-1:])[0])}"
            )
        return cls(slots, counts, highest)

    @classmethod
    def from_values(cls, values: npt.ArrayLike) -> Histogram:
        """Record plain values; the slow way in, for tests and small probes."""
        array = np.asarray(values, dtype=np.int64)
        if not array.size:
            return empty()
        slots, counts = np.unique(slots_of(array), return_counts=True)
        return cls(slots, counts.astype(np.int64), int(array.max()))


def merge(histograms: Iterable[Histogram]) -> Histogram:
    """All samples of all histograms; the only way to combine blocks, threads or runs."""
    parts = [h for h in histograms if h.slots.size]
    if not parts:
        return empty()
    dense = np.zeros(N_SLOTS, dtype=np.int64)
    for part in parts:
        dense[part.slots] += part.counts
    return Histogram.from_counts(dense, max(part.highest for part in parts))


@functools.cache
def empty() -> Histogram:
    """No samples."""
    return Histogram(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 0)
