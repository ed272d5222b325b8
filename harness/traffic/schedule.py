"""When messages are sent: tables of intended times, fixed before the first one leaves.

A schedule is cyclic: message i is due at (i // n) * span_ns + due_ns[i % n], for as long as a trial
takes. Times are uint64 nanoseconds from the start, never falling, and no later than the span; the
mean rate over a cycle is the one that was asked for. Open loop: nothing here knows how the engine
fares.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, isqrt
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
LONG_CYCLE: Final = 8 * CYCLE  # where a cycle cannot be shortened without changing its shape


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


def bursts(rate_per_s: int, n_each: int, gap_ns: int) -> Schedule:
    """Microbursts: n_each messages gap_ns apart, and then nothing until the next burst is due.

    Bursts begin at equal distances, to the nanosecond, as the messages of `constant` do.
    """
    _check(rate_per_s)
    if not 1 <= n_each <= CYCLE:
        raise ScheduleError(f"burst: not 1 to {CYCLE} messages: {n_each}")
    if gap_ns < 0:
        raise ScheduleError(f"burst: a gap of {gap_ns} ns")
    n_bursts = rate_per_s // gcd(rate_per_s, n_each * NS_PER_S)
    n_bursts = min(n_bursts, max(CYCLE // n_each, 1))
    span_ns = _span(rate_per_s, n_bursts * n_each)
    if (n_each - 1) * gap_ns > span_ns // n_bursts:
        raise ScheduleError(
            f"burst: {n_each} messages {gap_ns} ns apart take longer than the "
            f"{span_ns // n_bursts} ns between bursts at {rate_per_s}/s"
        )
    starts = np.arange(n_bursts, dtype=np.uint64) * np.uint64(span_ns) // np.uint64(n_bursts)
    within = np.arange(n_each, dtype=np.uint64) * np.uint64(gap_ns)
    return _schedule((starts[:, None] + within).ravel(), span_ns)


def on_off(rate_per_s: int, on_ns: int, off_ns: int) -> Schedule:
    """Equal gaps for on_ns, nothing for off_ns, again and again; `rate_per_s` is the mean of both.

    A cycle is as many periods as hold a whole number of messages.
    """
    _check(rate_per_s)
    if on_ns < 1 or off_ns < 0:
        raise ScheduleError(f"on/off: on for {on_ns} ns, off for {off_ns} ns")
    period_ns = on_ns + off_ns
    whole = gcd(rate_per_s * period_ns, NS_PER_S)
    n_periods, n = NS_PER_S // whole, rate_per_s * period_ns // whole
    if n > LONG_CYCLE:
        raise ScheduleError(
            f"on/off: {rate_per_s}/s gives no whole number of messages in a few periods of "
            f"{period_ns} ns: take rounder numbers"
        )
    if rate_per_s * period_ns > on_ns * RATE_MAX:
        raise ScheduleError(f"on/off: more than {RATE_MAX}/s while on")
    # Message i in the time that is on; the product stays below 2^63: n <= 2^23, on <= 2^40 of them.
    lit_ns = on_ns * n_periods
    if lit_ns > 1 << 40:
        raise ScheduleError(f"on/off: a cycle of {lit_ns} ns is too long")
    lit = np.arange(n, dtype=np.uint64) * np.uint64(lit_ns) // np.uint64(n)
    dark = lit // np.uint64(on_ns) * np.uint64(off_ns)
    return _schedule(lit + dark, period_ns * n_periods)


def ramp(from_per_s: int, to_per_s: int, span_ns: int) -> Schedule:
    """The rate rises, or falls, linearly over span_ns, then starts anew.

    Message i is due at the whole part of the time at which the integral of the rate reaches i.
    """
    _check(max(from_per_s, 1))
    _check(max(to_per_s, 1))
    if min(from_per_s, to_per_s) < 0 or from_per_s == to_per_s:
        raise ScheduleError(f"ramp: not a rise or fall: {from_per_s}/s to {to_per_s}/s")
    if not 1 <= span_ns <= 1 << 40:
        raise ScheduleError(f"ramp: not 1 to {1 << 40} ns: {span_ns} ns")
    n = (from_per_s + to_per_s) * span_ns // (2 * NS_PER_S)
    if not 1 <= n <= LONG_CYCLE:
        raise ScheduleError(f"ramp: not 1 to {LONG_CYCLE} messages in a cycle: {n}")
    return _schedule(_ramp_due(from_per_s, to_per_s, span_ns, n), span_ns)


def _ramp_due(start: int, end: int, span_ns: int, n: int) -> npt.NDArray[np.uint64]:
    """Whole ns of the roots t of (end - start) t^2 + 2 start span t = 2 span NS_PER_S i.

    In extended floating point, with a bound of its error; where that could change the whole part,
    in integers.
    """
    i = np.arange(n, dtype=np.longdouble)
    first, slope, scale = start * span_ns, end - start, 2 * span_ns * NS_PER_S
    under_root = np.longdouble(first) ** 2 + np.longdouble(slope) * np.longdouble(scale) * i
    root = np.sqrt(np.maximum(under_root, 0))
    with np.errstate(divide="ignore", invalid="ignore"):  # message 0 of a ramp from rest
        t = np.longdouble(scale) * i / (first + root)
        slack = np.finfo(np.longdouble).eps * 16
        off_root = np.minimum(
            slack * max(first, end * span_ns) ** 2 / np.maximum(root, 1),
            np.sqrt(slack) * max(first, end * span_ns),
        )
        off = t * (off_root / (first + root) + slack) + slack
    t[0] = 0
    due = np.floor(t).astype(np.uint64)
    for at in np.flatnonzero(np.abs(t - np.rint(t)) <= off):
        due[at] = _ramp_exact(first, slope, scale * int(at))
    return np.maximum.accumulate(due)


def _ramp_exact(first: int, slope: int, area: int) -> int:
    """The largest whole t with slope t^2 + 2 first t <= area."""
    if area == 0:
        return 0
    t = area // (first + isqrt(first * first + slope * area))
    while slope * (t + 1) ** 2 + 2 * first * (t + 1) <= area:
        t += 1
    while slope * t * t + 2 * first * t > area:
        t -= 1
    return t


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
