"""Faults of the machine below the engine: its CPU, its memory, its network interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from harness.config.fault import TRIAL, TRIAL_TIMED, Fault, Need
from harness.config.fields import Duration, PositiveDuration, Rate, Size
from harness.config.loader import FieldFault
from harness.config.loads import MAX_RATE_PER_S, Feed


class CpuSteal(Fault):
    """Another program that never sleeps, on the CPU of an engine that trades.

    It has the priority of any program, so the scheduler gives each of the two its turns. The noise
    floor of the CPU is probed beside it for `probe`; `unjudgeable` asks of that what a run asks.
    """

    observes: ClassVar[Mapping[str, str]] = {
        **TRIAL,
        "preempted": "times that the engine's thread had to leave its CPU",
        "stolen_permille": "of the CPU, from the probe",
        "unjudgeable": "1: no p99 can be held against `target` on such a CPU",
    }
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


class MemoryPressure(Fault):
    """A program that takes `take` of memory and gives it back, over and over, beside the engine.

    It runs on the CPU of the rig, so that the engine meets it in its memory alone: pages are found,
    zeroed and taken back without end. At most half of the memory that is free.
    """

    observes: ClassVar[Mapping[str, str]] = {
        **TRIAL,
        "faults": "pages that the engine's thread had to ask the kernel for",
        "pages_taken": "by the other program; huge ones count as one",
    }
    timed: ClassVar[frozenset[str]] = TRIAL_TIMED

    kind: Literal["memory_pressure"]
    rate_per_s: Annotated[Rate, Field(alias="rate", le=MAX_RATE_PER_S)]
    feed: Feed = "itch"
    take_bytes: Annotated[Size, Field(alias="take", ge=1 << 20, le=1 << 40)]
    warmup_ns: Annotated[Duration, Field(alias="warmup")] = 20_000_000
    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]

    def measured_ns(self) -> int:
        return self.warmup_ns + self.duration_ns


class NicFlap(Fault):
    """The engine's interface for market data is down for `down`, `after` the start.

    The trial runs over a pair of virtual interfaces in namespaces of its own. What is sent
    meanwhile is lost: the kernel counts it, give or take those that it just had in its hands, and
    the engine by its numbers, exactly.
    """

    observes: ClassVar[Mapping[str, str]] = {
        **TRIAL,
        "flaps": "times that it went down and came back",
        "lost_on_link": "packets, by the count of the interface at the other end",
        "unaccounted": "messages sent, less those received and those that the engine knows it lost",
        "orders_after": "that were timed in intervals after it was up again",
    }
    timed: ClassVar[frozenset[str]] = TRIAL_TIMED
    needs: ClassVar[tuple[Need, ...]] = ("root",)

    kind: Literal["nic_flap"]
    rate_per_s: Annotated[Rate, Field(alias="rate", le=MAX_RATE_PER_S)]
    after_ns: Annotated[PositiveDuration, Field(alias="after")] = 300_000_000
    down_ns: Annotated[PositiveDuration, Field(alias="down", le=10_000_000_000)] = 100_000_000
    warmup_ns: Annotated[Duration, Field(alias="warmup")] = 50_000_000
    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]

    @model_validator(mode="after")
    def _ends_in_time(self) -> NicFlap:
        if 2 * (self.after_ns + self.down_ns) > self.duration_ns:
            raise FieldFault(("duration",), "is less than twice the time until it is up again")
        return self

    def measured_ns(self) -> int:
        return self.warmup_ns + self.duration_ns


MachineFault = CpuSteal | MemoryPressure | NicFlap
