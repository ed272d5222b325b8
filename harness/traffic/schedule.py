"""When messages are sent: tables of intended times, fixed before the first one leaves.

A schedule is cyclic: message i is due at (i // n) * span_ns + due_ns[i % n], for as long as a trial
takes. Times are uint64 nanoseconds from the start, never falling, and no later than the span; the
mean rate over a cycle is the one that was asked for. Open loop: nothing here knows how the engine
fares.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from harness.errors import RedlineError
from harness.traffic.calibrate import Calibration, load

Kind = Literal["constant", "poisson", "recorded"]

NS_PER_S: Final = 1_000_000_000
# Messages of a cycle, 8 MB of times: about a second at 1 M/s.
CYCLE: Final = 1 << 20
RATE_MAX: Final = NS_PER_S  # a message a nanosecond


class ScheduleError(RedlineError):
    """Times or a rate from which no schedule can be made; the message is one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Intended times of one cycle and how long it takes."""

    due_ns: npt.NDArray[np.uint64]
    span_ns: int

    def __len__(self) -> int:
        return len(self.due_ns)

    @property
    def rate_per_s(self) -> float:
        return len(self.due_ns) * NS_PER_S / self.span_ns

    def due(self, i: int) -> int:
        """When message i is sent, as the sender computes it."""
        n = len(self.due_ns)
        return i // n * self.span_ns + int(self.due_ns[i % n])


def make(kind: Kind, rate_per_s: int, *, seed: int = 1, n: int = CYCLE) -> Schedule:
    """A schedule by its name in a scenario. Raises ScheduleError."""
    if kind == "poisson":
        return poisson(rate_per_s, seed, n)
    if kind == "recorded":
        return recorded(rate_per_s, seed, n)
    return constant(rate_per_s)


def constant(rate_per_s: int) -> Schedule:
    """Equal gaps, to the nanosecond: the shortest cycle of whole nanoseconds is the table."""
    _check(rate_per_s)
    n = min(rate_per_s // gcd(rate_per_s, NS_PER_S), CYCLE)
    span_ns = _span(rate_per_s, n)
    return _schedule(np.arange(n, dtype=np.uint64) * np.uint64(span_ns) // np.uint64(n), span_ns)


def poisson(rate_per_s: int, seed: int, n: int = CYCLE) -> Schedule:
    """Independent arrivals: exponential gaps, stretched so that the cycle has exactly n of them."""
    _check(rate_per_s, n)
    gaps = -np.log1p(-np.random.default_rng(seed).random(n))
    return _from_gaps(gaps, _span(rate_per_s, n))


def recorded(
    rate_per_s: int, seed: int, n: int = CYCLE, calibration: Calibration | None = None
) -> Schedule:
    """Gaps and bursts of a real feed, in random order, scaled to a rate.

    Bursts, messages that arrive with one timestamp, stay bursts at any rate. Every cycle has all
    quantiles of the gaps, the rare long ones too, so that luck does not decide how hard it is.
    """
    _check(rate_per_s, n)
    calibration = calibration or load()
    random = np.random.default_rng(seed)
    bursts = random.permutation(calibration.draws("burst", n))  # none is empty: n are enough
    first = np.concatenate(([0], np.cumsum(bursts, dtype=np.int64)))
    first = first[first < n]
    gaps = np.zeros(n)
    gaps[first] = random.permutation(calibration.draws("gap_ppm", len(first)))
    if not gaps.any():
        raise ScheduleError("the calibration has no gaps between messages")
    return _from_gaps(gaps, _span(rate_per_s, n))


def from_timestamps(ts_ns: npt.NDArray[np.uint64], rate_per_s: int | None = None) -> Schedule:
    """The times of a capture, as they were or scaled to a mean rate.

    A stamp earlier than the one before it is taken as equal: records keep their order. Raises
    ScheduleError when the capture has no times, or no time passes in it.
    """
    if not len(ts_ns) or not ts_ns[0]:
        raise ScheduleError("this capture has no timestamps: give a constant or poisson schedule")
    offsets = np.maximum.accumulate(ts_ns) - ts_ns[0]
    took_ns, n = int(offsets[-1]), len(offsets)
    if not took_ns:
        raise ScheduleError("all messages of this capture have one timestamp: no rate to replay at")
    # The cycle ends one mean gap after the last message, so that n messages take n gaps.
    span_ns = took_ns + max(took_ns // (n - 1), 1)
    if rate_per_s is None:
        return _schedule(offsets, span_ns)
    _check(rate_per_s, n)
    scaled_ns = _span(rate_per_s, n)
    return _schedule((offsets * (scaled_ns / span_ns)).astype(np.uint64), scaled_ns)


def _check(rate_per_s: int, n: int = 1) -> None:
    if not 1 <= rate_per_s <= RATE_MAX:
        raise ScheduleError(f"rate: not within 1/s and {RATE_MAX}/s: {rate_per_s}/s")
    if n < 1:
        raise ScheduleError(f"schedule: no messages in a cycle of {n}")


def _span(rate_per_s: int, n: int) -> int:
    """The length of n gaps, to the nearest nanosecond and not zero."""
    return max((n * NS_PER_S + rate_per_s // 2) // rate_per_s, 1)


def _from_gaps(gaps: npt.NDArray[np.float64], span_ns: int) -> Schedule:
    """Gap i precedes message i, but the first message is due at once: its gap closes the cycle."""
    ends = np.cumsum(gaps)
    offsets = (ends - ends[0]) * (span_ns / ends[-1])
    return _schedule(np.minimum(offsets, span_ns).astype(np.uint64), span_ns)


def _schedule(due_ns: npt.NDArray[np.uint64], span_ns: int) -> Schedule:
    due_ns = np.ascontiguousarray(due_ns, dtype=np.uint64)
    due_ns.flags.writeable = False
    return Schedule(due_ns, span_ns)
