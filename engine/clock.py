"""The time stamp counter: whether it may be trusted, how fast it ticks, what reading it costs."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from engine import _core


@dataclass(frozen=True, slots=True)
class Clock:
    """One calibration of the counter.

    `disagree_ppb` is how far two windows against CLOCK_MONOTONIC_RAW lay apart; `quantum_ticks` the
    step in which the counter moves, so a single timed operation is never known better.
    """

    tsc_hz: int
    disagree_ppb: int
    quantum_ticks: int

    @property
    def ns_per_tick(self) -> float:
        return 1e9 / self.tsc_hz

    @property
    def quantum_ns(self) -> float:
        return self.quantum_ticks * self.ns_per_tick


@dataclass(frozen=True, slots=True)
class Offset:
    """How far the counter of `cpus[1]` is ahead of that of `cpus[0]`: offset +- bound, in ticks."""

    cpus: tuple[int, int]
    offset_ticks: int
    bound_ticks: int
    rtt_ticks: int
    n_violations: int


def caps() -> dict[str, object]:
    """What CPUID says; `trusted` is False without an invariant counter or without rdtscp."""
    return _core.clock_caps()


def calibrate(window_ns: int = 1_000_000_000) -> Clock:
    """Calibrate over two windows of `window_ns`; sleeps meanwhile.

    Raises EngineError, also for a counter that cannot be trusted.
    """
    if not caps()["trusted"]:
        raise _core.EngineError(errno.ENOTSUP, "this CPU has no invariant time stamp counter")
    tsc_hz, disagree_ppb = _core.clock_calibrate(window_ns)
    return Clock(tsc_hz, disagree_ppb, _core.clock_quantum()["quantum_ticks"])


def costs(n: int = 100_000) -> dict[str, _core.Hist]:
    """Histograms in ticks of n empty fenced pairs and clock reads, by name."""
    return _core.clock_costs(n)


def offset(cpu_a: int, cpu_b: int, n_rounds: int = 100_000) -> Offset:
    """Bound the offset of two CPUs' counters by ping-pong. EngineError on an unusable CPU."""
    found = _core.clock_offset(cpu_a, cpu_b, n_rounds)
    return Offset((cpu_a, cpu_b), **found)
