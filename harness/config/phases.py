"""The phases of a scenario, all kinds of them; those of held loads and of single operations have
modules of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from harness.config import units
from harness.config.bench import NetPort, Wait, XdpMode
from harness.config.black_box import BlackBox
from harness.config.components import Components
from harness.config.fields import Duration, MetricId, PositiveDuration, Rate, Strict
from harness.config.loader import FieldFault
from harness.config.loads import MAX_RATE_PER_S, Feed, Trial
from harness.config.phase import Phase, Place, TrialPhase
from harness.config.reactions import Reactions
from harness.config.sustained import Ladder, Soak, Throughput

Tripper = Literal["rig", "thread", "process"]

MIN_FRAME_BYTES = 48  # a frame of a measured path carries its number and its times
# What a round trip takes on a small virtual machine, roughly: for saying how long a run will be.
ROUND_TRIP_NS: Mapping[Wait, int] = {"spin": 8_000, "busy-poll": 15_000, "block": 70_000}
CLOCK_WINDOWS = 4  # two before the measurements and two after, which must agree


class Clock(Phase):
    """The clock against the kernel's, its step, the price of a look, the offset between cores."""

    gives: ClassVar[tuple[str, ...]] = ("clock.precision", "clock.gettime")

    phase: Literal["clock"]
    window_ns: Annotated[PositiveDuration, Field(alias="window")]

    def measured_ns(self) -> int:
        return CLOCK_WINDOWS * self.window_ns

    def describe(self) -> Iterator[str]:
        yield f"{CLOCK_WINDOWS} windows of {units.format_duration(self.window_ns)}"


class NullBench(TrialPhase):
    """The same trials with a reflector in place of the engine: what the bench itself costs."""

    phase: Literal["null_bench"]


class TickToTrade(TrialPhase):
    """Market data in, orders out: latency from the intended time."""

    gives: ClassVar[tuple[str, ...]] = ("alloc.hot_path", "faults.hot_path")

    phase: Literal["tick_to_trade"]


class Stages(TrialPhase):
    """The same path with a clock read between its stages; never the scored pass, it costs time."""

    phase: Literal["stages"]


class KillTrial(Strict):
    """One load under which the kill switch is tripped `trips` times, and armed again each time.

    `tripper`: the rig's own thread between two frames, another thread, or another process that has
    mapped the board. A trip comes about `every` after the one before was over.
    """

    id: MetricId
    feed: Feed
    rate_per_s: Annotated[Rate, Field(alias="rate", le=MAX_RATE_PER_S)]
    warmup_ns: Annotated[Duration, Field(alias="warmup")]
    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]
    tripper: Tripper
    trips: Annotated[int, Field(ge=1, le=100_000)]
    every_ns: Annotated[PositiveDuration, Field(alias="every")]

    @model_validator(mode="after")
    def _has_time_for_its_trips(self) -> KillTrial:
        # The time to the next trip is drawn from one to two times `every`.
        if 2 * self.trips * self.every_ns > self.duration_ns:
            took = units.format_duration(2 * self.trips * self.every_ns)
            raise FieldFault(("trips",), f"take up to {took}, longer than the trial")
        return self

    def trial(self) -> Trial:
        """The load as a trial."""
        return Trial.of(
            self.id,
            self.feed,
            rate_per_s=self.rate_per_s,
            warmup_ns=self.warmup_ns,
            duration_ns=self.duration_ns,
        )


class Kill(Phase):
    """The kill switch under load, judged at the venue's end of the wire.

    Of the orders each `hold_every`-th rests with the venue, at most `max_resting` at a time, so
    that a trip has something to take back.
    """

    gives: ClassVar[tuple[str, ...]] = ("kill.trip", "kill.seen", "kill.cancelled")

    phase: Literal["kill"]
    hold_every: Annotated[int, Field(ge=1, lt=2**32)]
    max_resting: Annotated[int, Field(ge=1, le=65_536)]
    trials: Annotated[tuple[KillTrial, ...], Field(min_length=1)]

    def measured_ns(self) -> int:
        return sum(trial.trial().total_ns for trial in self.trials)

    def describe(self) -> Iterator[str]:
        for one in self.trials:
            rate, length = (
                units.format_rate(one.rate_per_s),
                units.format_duration(one.duration_ns),
            )
            yield (
                f"{one.id}: {one.feed} at {rate}, {one.trips} trips by {_WHO[one.tripper]} "
                f"in {length}"
            )

    def load_ids(self) -> Iterator[tuple[Place, str]]:
        yield from ((("trials", i, "id"), one.id) for i, one in enumerate(self.trials))

    def ports(self, default: NetPort) -> Iterator[NetPort]:
        yield default


_WHO: Mapping[Tripper, str] = {
    "rig": "the rig's thread",
    "thread": "another thread",
    "process": "another process",
}


class RoundTrips(Strict):
    """Round trips of one frame of `size` bytes at a time, `rounds` in each of `repeats` processes.

    `processing` names the metric of what a received frame costs, from visible to handed on.
    """

    id: MetricId
    port: NetPort
    xdp_mode: XdpMode = "auto"
    wait: Wait = "spin"
    size_bytes: Annotated[int, Field(alias="size", ge=MIN_FRAME_BYTES, le=1400)] = 64
    rounds: Annotated[int, Field(ge=1000, le=100_000_000)]
    repeats: Annotated[int, Field(ge=1, le=1000)] = 1
    processing: MetricId | None = None

    def metric_ids(self) -> tuple[str, ...]:
        return (self.id,) if self.processing is None else (self.id, self.processing)


class Network(Phase):
    """What a round trip over the market data line costs, path by path, repeats interleaved."""

    phase: Literal["network"]
    paths: Annotated[tuple[RoundTrips, ...], Field(min_length=1)]

    def measured_ns(self) -> int:
        return sum(one.repeats * one.rounds * ROUND_TRIP_NS[one.wait] for one in self.paths)

    def metric_ids(self) -> tuple[str, ...]:
        return tuple(name for one in self.paths for name in one.metric_ids())

    def describe(self) -> Iterator[str]:
        for one in self.paths:
            how = f"{one.port}, {one.wait}" + (f", {one.xdp_mode}" if one.port == "afxdp" else "")
            rounds = f"{one.repeats} x {one.rounds:,} round trips of {one.size_bytes} B"
            yield f"{one.id}: {rounds}, {how}"

    def ports(self, default: NetPort) -> Iterator[NetPort]:
        yield from (path.port for path in self.paths)


class Attribution(TrialPhase):
    """Trials under the kernel's trace, in turns with the same without it: never scored."""

    phase: Literal["attribution"]

    def measured_ns(self) -> int:
        return 2 * super().measured_ns()


AnyPhase = Annotated[
    Attribution
    | BlackBox
    | Clock
    | NullBench
    | Components
    | Network
    | TickToTrade
    | Stages
    | Throughput
    | Ladder
    | Kill
    | Soak
    | Reactions,
    Field(discriminator="phase"),
]
