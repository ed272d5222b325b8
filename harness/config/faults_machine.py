"""Faults of the machine below the engine: somebody else on its CPU."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.config.fault import TRIAL, TRIAL_TIMED, Fault
from harness.config.fields import Duration, PositiveDuration, Rate
from harness.config.loads import MAX_RATE_PER_S, Feed


class CpuSteal(Fault):
    """Another program that never sleeps, on the CPU of an engine that trades.

    It has the priority of any program, so the scheduler gives each of the two its turns. The noise
    floor of the CPU is probed beside it for `probe`; `unjudgeable` asks of that what a run asks.
    """

    observes: ClassVar[tuple[str, ...]] = (
        *TRIAL,
        "preempted",  # times that the engine's thread had to leave its CPU
        "stolen_permille",  # of the CPU, from the probe
        "unjudgeable",  # 1: no p99 can be held against `target` on such a CPU
    )
    timed: ClassVar[frozenset[str]] = TRIAL_TIMED

    kind: Literal["cpu_steal"]
    rate_per_s: Annotated[Rate, Field(alias="rate", le=MAX_RATE_PER_S)]
    feed: Feed = "itch"
    target_ns: Annotated[PositiveDuration, Field(alias="target")] = 2_000
    probe_ns: Annotated[PositiveDuration, Field(alias="probe")] = 100_000_000
    warmup_ns: Annotated[Duration, Field(alias="warmup")] = 20_000_000
    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]

    def measured_ns(self) -> int:
        return self.probe_ns + self.warmup_ns + self.duration_ns


MachineFault = CpuSteal
