"""A scenario: what a run requires, what it sends, what it measures and for how long, as frozen
data.

The file is the declaration made before the run: statistic, regime, load and length stand here and
in the matrix, and the hash of both goes into the result. Options of the command line make another
scenario (`with_overrides`), which is what the run directory then holds.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import Field, model_validator

from harness.config import units
from harness.config.bench import LINES, PLAIN, Bench, NetPort, Wait, Way, XdpMode
from harness.config.fields import (
    Count,
    Duration,
    Identifier,
    MetricId,
    PositiveDuration,
    Price,
    Rate,
    Share,
    Strict,
    Text,
)
from harness.config.impair import Impairment, choose, mechanisms_at
from harness.config.loader import ConfigError, FieldFault, load, parse, project_data

Feed = Literal["itch", "fix"]
Schedule = Literal["constant", "poisson", "recorded"]
Regime = Literal["hot", "stream", "random"]
Tripper = Literal["rig", "thread", "process"]
Component = Literal[
    "fix.parse",
    "book.update",
    "feed.book",
    "risk.check",
    "risk.accept",
    "risk.refuse",
    "order.id",
    "position.update",
    "oms.send",
    "oms.fill",
    "audit.append",
    "hist.record",
]

# Inputs that an operation can be given: one without inputs has nothing to stream, and a book is
# made of the order in which it is fed.
REGIMES: Mapping[str, tuple[Regime, ...]] = {
    "fix.parse": ("hot", "stream", "random"),
    "book.update": ("stream", "random"),
    "feed.book": ("stream",),
    "risk.check": ("hot", "stream", "random"),
    "risk.accept": ("hot", "stream", "random"),
    "risk.refuse": ("hot", "stream", "random"),
    "order.id": ("hot",),
    "position.update": ("hot", "stream", "random"),
    "oms.send": ("hot", "stream", "random"),
    "oms.fill": ("hot", "stream", "random"),
    "audit.append": ("hot",),
    "hist.record": ("hot", "stream", "random"),
}

MAX_RATE_PER_S = 1_000_000_000  # a message a nanosecond: schedules count in these
MAX_HOURS = 24 * 31  # a month: longer is a slip of the keyboard
MIN_FRAME_BYTES = 48  # a frame of a measured path carries its number and its times
# What a round trip takes on a small virtual machine, roughly: for saying how long a run will be.
ROUND_TRIP_NS: Mapping[Wait, int] = {"spin": 8_000, "busy-poll": 15_000, "block": 70_000}
CLOCK_WINDOWS = 4  # two before the measurements and two after, which must agree


class Requires(Strict):
    """What a machine must have, or the run does not start."""

    cpus: Annotated[int, Field(ge=2, le=1024)] = 2


class Synthetic(Strict):
    """The seeded stream: the same seed gives the same bytes. `orders` live at one time."""

    kind: Literal["synthetic"]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    instruments: Annotated[int, Field(ge=1, le=10_000)]
    orders: Annotated[int, Field(ge=1, le=10_000_000)]
    messages: Annotated[int, Field(ge=1000, le=100_000_000)]


class Strategy(Strict):
    """The reference rule: which share of signals becomes orders, and how large they are.

    An order is wanted when one side's best quantity outweighs the other's by `imbalance` of their
    sum and the spread is at most `max_spread`; of these signals each `every`-th is sent.
    """

    imbalance_bp: Annotated[Share, Field(alias="imbalance", gt=0, le=10_000)]
    every: Annotated[int, Field(ge=1, lt=2**32)]
    lot: Count
    max_spread_nano: Annotated[Price, Field(alias="max_spread")]


class Limits(Strict):
    """What the risk check holds every order to. Notional in whole units of the quote currency."""

    max_qty: Count
    max_notional: Count
    max_position: Count
    band_bp: Annotated[Share, Field(alias="band", gt=0, le=10_000)]
    max_orders_per_s: Annotated[Rate, Field(alias="max_orders", lt=2**32)]
    burst: Annotated[int, Field(ge=1, lt=2**32)]
    max_open: Annotated[int, Field(ge=1, lt=2**32)]


class Noise(Strict):
    """The spin probe on the cores of the run: `duration` before, and as long after."""

    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]


class Measures(Strict):
    """Which metric each pair of measurement points of a trial feeds; none: recorded, not scored."""

    wire: MetricId | None = None
    buf: MetricId | None = None

    def ids(self) -> tuple[str, ...]:
        return tuple(name for name in (self.wire, self.buf) if name is not None)


class Trial(Way):
    """One load held for a time, open loop, from a schedule fixed in advance."""

    id: MetricId
    feed: Feed
    schedule: Schedule = "constant"
    rate_per_s: Annotated[Rate, Field(alias="rate", le=MAX_RATE_PER_S)]
    warmup_ns: Annotated[Duration, Field(alias="warmup")]
    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]
    repeats: Annotated[int, Field(ge=1, le=1000)] = 1
    measures: Measures = Measures()
    impairment: Impairment | None = None

    @classmethod
    def of(
        cls,
        id: str,
        feed: Feed,
        *,
        rate_per_s: int,
        warmup_ns: int,
        duration_ns: int,
        schedule: Schedule = "constant",
        way: Way = PLAIN,
    ) -> Trial:
        """A trial from numbers, checked like one from a file."""
        return cls.model_validate(
            {
                "id": id,
                "feed": feed,
                "schedule": schedule,
                "rate": units.format_rate(rate_per_s),
                "warmup": units.format_duration(warmup_ns),
                "duration": units.format_duration(duration_ns),
                "port": way.port,
                "pack": way.pack,
            }
        )

    @model_validator(mode="after")
    def _can_be_packed(self) -> Trial:
        _only_itch_is_packed(self.feed, self.pack)
        return self

    @property
    def load(self) -> str:
        """The load as part of a metric's name."""
        return f"{self.rate_per_s}/s {self.schedule}"

    @property
    def total_ns(self) -> int:
        return self.repeats * (self.warmup_ns + self.duration_ns)


Trials = Annotated[tuple[Trial, ...], Field(min_length=1)]


class Phase(Strict, ABC):
    """A step of a run; `gives` are the metrics that it yields besides those it names."""

    gives: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def measured_ns(self) -> int:
        """How long it measures when nothing is repeated."""

    def metric_ids(self) -> tuple[str, ...]:
        return self.gives

    def describe(self) -> Iterator[str]:
        """A line for each thing it does."""
        return iter(())


class TrialPhase(Phase):
    """A phase that is a list of trials."""

    trials: Trials

    def measured_ns(self) -> int:
        return sum(trial.total_ns for trial in self.trials)

    def metric_ids(self) -> tuple[str, ...]:
        return (*self.gives, *(name for trial in self.trials for name in trial.measures.ids()))

    def describe(self) -> Iterator[str]:
        for trial in self.trials:
            rate, length = (
                units.format_rate(trial.rate_per_s),
                units.format_duration(trial.duration_ns),
            )
            yield (
                f"{trial.id}: {trial.feed} at {rate} {trial.schedule}, {trial.repeats} x {length} "
                f"after {units.format_duration(trial.warmup_ns)} of warm-up"
            )


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


class ComponentRun(Strict):
    """One operation, timed alone, in each regime of its input for `duration`."""

    id: Component
    regimes: Annotated[tuple[Regime, ...], Field(min_length=1)]
    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]

    @model_validator(mode="after")
    def _regimes_apply(self) -> ComponentRun:
        for i, regime in enumerate(self.regimes):
            if regime not in REGIMES[self.id]:
                known = ", ".join(REGIMES[self.id])
                raise FieldFault(("regimes", i), f"{self.id} knows {known}: {regime!r}")
            if regime in self.regimes[:i]:
                raise FieldFault(("regimes", i), f"given twice: {regime!r}")
        return self


class Components(Phase):
    """Operations timed one by one."""

    phase: Literal["components"]
    metrics: Annotated[tuple[ComponentRun, ...], Field(min_length=1)]

    def measured_ns(self) -> int:
        return sum(len(one.regimes) * one.duration_ns for one in self.metrics)

    def metric_ids(self) -> tuple[str, ...]:
        return tuple(one.id for one in self.metrics)

    def describe(self) -> Iterator[str]:
        for one in self.metrics:
            length = units.format_duration(one.duration_ns)
            yield f"{one.id}: {', '.join(one.regimes)}, {length} each"


class TickToTrade(TrialPhase):
    """Market data in, orders out: latency from the intended time."""

    gives: ClassVar[tuple[str, ...]] = ("alloc.hot_path", "faults.hot_path")

    phase: Literal["tick_to_trade"]


class Stages(TrialPhase):
    """The same path with a clock read between its stages; never the scored pass, it costs time."""

    phase: Literal["stages"]


class Throughput(Way, Phase):
    """The highest rate without loss: a search by halving, then trials that confirm it.

    Short probes bracket the rate between `target_rate` and `max_rate` until the bracket is `width`
    of it, first for loss alone, then also for the latency of the row of metric `joint`; the lower
    edge must then hold for `confirm_trials` trials, and for `soak` when that is not 0s.
    """

    phase: Literal["throughput"]
    id: MetricId
    feed: Feed
    target_rate_per_s: Annotated[Rate, Field(alias="target_rate")]
    max_rate_per_s: Annotated[Rate, Field(alias="max_rate", le=MAX_RATE_PER_S)]
    width_bp: Annotated[Share, Field(alias="width", gt=0, le=10_000)]
    probe_ns: Annotated[PositiveDuration, Field(alias="probe")]
    trial_ns: Annotated[PositiveDuration, Field(alias="trial")]
    confirm_trials: Count
    joint: MetricId = "e2e.wire"
    soak_ns: Annotated[Duration, Field(alias="soak")]

    @model_validator(mode="after")
    def _the_search_has_room(self) -> Throughput:
        if self.max_rate_per_s <= self.target_rate_per_s:
            raise FieldFault(("max_rate",), "must be above target_rate")
        _only_itch_is_packed(self.feed, self.pack)
        return self

    @property
    def n_probes(self) -> int:
        """Probes of both searches at most: the ends, then one a halving (of the ratio)."""
        octaves = math.log2(self.max_rate_per_s / self.target_rate_per_s)
        halvings = math.ceil(math.log2(octaves / math.log2(1 + self.width_bp / 10_000)))
        return 2 + 2 * max(0, halvings)

    def measured_ns(self) -> int:
        return self.n_probes * self.probe_ns + self.confirm_trials * self.trial_ns + self.soak_ns

    def metric_ids(self) -> tuple[str, ...]:
        return (*self.gives, self.id)

    def describe(self) -> Iterator[str]:
        low, high = (units.format_rate(r) for r in (self.target_rate_per_s, self.max_rate_per_s))
        probe, trial = (units.format_duration(d) for d in (self.probe_ns, self.trial_ns))
        soak = f", then {units.format_duration(self.soak_ns)}" if self.soak_ns else ""
        span = f"{self.feed} from {low} to {high}"
        yield f"{self.id}: {span}, at most {self.n_probes} probes of {probe}"
        yield f"confirmed by {self.confirm_trials} trials of {trial}{soak}"


class Soak(Way, Phase):
    """One load for hours, written down every `interval` so that a killed run still tells."""

    gives: ClassVar[tuple[str, ...]] = ("stability.hours",)

    phase: Literal["soak"]
    id: MetricId
    feed: Feed
    schedule: Schedule = "constant"
    rate_per_s: Annotated[Rate, Field(alias="rate", le=MAX_RATE_PER_S)]
    warmup_ns: Annotated[Duration, Field(alias="warmup")]
    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]
    interval_ns: Annotated[PositiveDuration, Field(alias="interval")]

    @model_validator(mode="after")
    def _has_an_interval(self) -> Soak:
        if self.interval_ns > self.duration_ns:
            length = units.format_duration(self.duration_ns)
            raise FieldFault(("interval",), f"is longer than the soak, which lasts {length}")
        return self

    def trial(self) -> Trial:
        """The soak as the one trial that it is."""
        return Trial.of(
            self.id,
            self.feed,
            rate_per_s=self.rate_per_s,
            warmup_ns=self.warmup_ns,
            duration_ns=self.duration_ns,
            schedule=self.schedule,
            way=self,
        )

    def measured_ns(self) -> int:
        return self.warmup_ns + self.duration_ns

    def describe(self) -> Iterator[str]:
        length, step = (units.format_duration(d) for d in (self.duration_ns, self.interval_ns))
        rate = units.format_rate(self.rate_per_s)
        yield f"{self.id}: {self.feed} at {rate} {self.schedule} for {length}, every {step} on disk"


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


AnyPhase = Annotated[
    Clock | NullBench | Components | Network | TickToTrade | Stages | Throughput | Kill | Soak,
    Field(discriminator="phase"),
]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the plan: its name, how long it measures, and what it does in words."""

    name: str
    measured_ns: int
    lines: tuple[str, ...]


class Scenario(Strict):
    """A whole scenario. Read it with load_scenario."""

    name: Identifier
    why: Text
    requires: Requires = Requires()
    bench: Bench
    input: Synthetic
    strategy: Strategy
    limits: Limits
    noise: Noise
    phases: Annotated[tuple[AnyPhase, ...], Field(min_length=1)]
    matrix: Text

    @model_validator(mode="after")
    def _names_are_unique(self) -> Scenario:
        trials: set[str] = set()
        metrics: set[str] = set()
        for i, phase in enumerate(self.phases):
            for name in phase.metric_ids():
                if name in metrics:
                    raise FieldFault(("phases", i), f"metric {name!r} is measured twice")
                metrics.add(name)
            for where, name in _trial_ids(phase):
                if name in trials:
                    raise FieldFault(("phases", i, *where), f"used twice: {name!r}")
                trials.add(name)
            if isinstance(phase, Network) and self.bench.kind == "shm":
                raise FieldFault(("phases", i), "a bench of shared memory has no network")
            for where, way in _ways(phase):
                if way.port is not None and self.bench.kind == "shm":
                    place = ("phases", i, *where, "port")
                    raise FieldFault(place, f"a bench of shared memory has none: {way.port!r}")
                if isinstance(way, Trial) and way.impairment is not None:
                    _can_be_impaired(self.bench, way, ("phases", i, *where, "impairment"))
        if self.strategy.lot > self.limits.max_qty:
            raise FieldFault(("strategy", "lot"), f"is above limits.max_qty {self.limits.max_qty}")
        return self

    def ports(self) -> frozenset[NetPort]:
        """The kinds of ports that the run will open; none in shared memory."""
        if self.bench.kind == "shm":
            return frozenset()
        named = {way.port or self.bench.port for phase in self.phases for _, way in _ways(phase)}
        for phase in self.phases:
            if isinstance(phase, Network):
                named |= {path.port for path in phase.paths}
            elif isinstance(phase, Kill):
                named.add(self.bench.port)
        return frozenset(named)

    def metric_ids(self) -> frozenset[str]:
        """Every metric that the run will yield."""
        return frozenset(name for phase in self.phases for name in phase.metric_ids())

    def steps(self) -> tuple[Step, ...]:
        """The run in order, noise floor first and last."""
        length = units.format_duration(self.noise.duration_ns)
        probe = ("every core of the run, spinning for " + length,)
        return (
            Step("noise floor before", self.noise.duration_ns, probe),
            *(
                Step(phase.phase.replace("_", " "), phase.measured_ns(), tuple(phase.describe()))
                for phase in self.phases
            ),
            Step("noise floor after", self.noise.duration_ns, probe),
        )

    def measured_ns(self) -> int:
        """How long the run measures; reading, building and writing come on top."""
        return sum(step.measured_ns for step in self.steps())

    def with_overrides(
        self,
        *,
        rate_per_s: int | None = None,
        duration_ns: int | None = None,
        hours: float | None = None,
    ) -> Scenario:
        """The scenario with another rate or length.

        The rate is that of the fastest load, and slower loads keep their proportion to it (a FIX
        message stays more expensive than an ITCH message). The duration is that of every trial and
        of a soak, hours those of a soak alone. The throughput search keeps its own; so do trials of
        the kill switch, which must have time for their trips. ConfigError when there is nothing
        that an option could change, or when the result is no valid scenario.
        """
        data = _as_written(self)
        loads = list(_loads(data["phases"]))
        soaks = [load_ for load_ in loads if "interval" in load_]
        lengths = [load_ for load_ in loads if "trips" not in load_]
        for option, value, targets in (
            ("--rate", rate_per_s, loads),
            ("--duration", duration_ns, lengths),
            ("--hours", hours, soaks),
        ):
            if value is not None and not targets:
                what = "soak" if option == "--hours" else "trial"
                raise ConfigError(f"{option}: scenario {self.name!r} has no {what} to apply it to")
        if rate_per_s is not None:
            if rate_per_s > MAX_RATE_PER_S:
                most = units.format_rate(MAX_RATE_PER_S)
                raise ConfigError(f"--rate: at most {most}: {units.format_rate(rate_per_s)}")
            fastest = max(units.parse_rate(load_["rate"]) for load_ in loads)
            for load_ in loads:
                rate = units.parse_rate(load_["rate"]) * rate_per_s // fastest
                load_["rate"] = units.format_rate(max(1, rate))
        if duration_ns is not None:
            for load_ in lengths:
                load_["duration"] = units.format_duration(duration_ns)
        if hours is not None:
            for load_ in soaks:
                load_["duration"] = units.format_duration(_hours_ns(hours))
        return parse(_to_yaml(data), Scenario, name=f"{self.name} with options")

    def to_yaml(self) -> str:
        """The resolved scenario as a file: loads as an equal scenario."""
        return _to_yaml(_as_written(self))


def load_scenario(path: Path) -> Scenario:
    """The scenario in a file; ConfigError lists what is wrong with it."""
    return load(path, Scenario)


def find_scenario(name: str) -> Path:
    """`name` as a path, here or among what comes with Redline; a word is scenarios/<word>.yaml.

    ConfigError for a word that names no scenario; a path is returned whether it is there or not.
    """
    if "/" in name or name.endswith((".yaml", ".yml")):
        return project_data(name)
    path = project_data(f"scenarios/{name}.yaml")
    if not path.exists():
        known = sorted(p.stem for p in project_data("scenarios").glob("*.yaml"))
        raise ConfigError(f"no scenario is called {name!r}; there are {', '.join(known)}")
    return path


def _can_be_impaired(bench: Bench, trial: Trial, where: tuple[str | int, ...]) -> None:
    """Its lines are those of a bench, and what its port has can do it. A wire wants a third CPU."""
    if bench.kind == "shm":
        raise FieldFault(where, "a bench of shared memory has no network to impair")
    assert trial.impairment is not None
    for i, entry in enumerate(trial.impairment.impair):
        if entry.line not in LINES:
            known = ", ".join(LINES)
            text = f"the bench has {known}: {entry.line!r}"
            raise FieldFault((*where, "impair", i, "line"), text)
    try:
        choose(trial.impairment.impair, mechanisms_at(trial.port or bench.port))
    except FieldFault as fault:
        raise FieldFault((*where, *fault.path), str(fault)) from None


def _only_itch_is_packed(feed: Feed, pack: int) -> None:
    if feed != "itch" and pack > 1:
        raise FieldFault(("pack",), f"only itch is packed, not {feed}: {pack}")


def _ways(phase: AnyPhase) -> Iterator[tuple[tuple[str | int, ...], Way]]:
    match phase:
        case NullBench() | TickToTrade() | Stages():
            yield from ((("trials", i), trial) for i, trial in enumerate(phase.trials))
        case Soak() | Throughput():
            yield (), phase


def _trial_ids(phase: AnyPhase) -> Iterator[tuple[tuple[str | int, ...], str]]:
    match phase:
        case NullBench() | TickToTrade() | Stages():
            yield from ((("trials", i, "id"), trial.id) for i, trial in enumerate(phase.trials))
        case Kill():
            yield from ((("trials", i, "id"), one.id) for i, one in enumerate(phase.trials))
        case Soak() | Throughput():
            yield ("id",), phase.id


def _hours_ns(hours: float) -> int:
    if not 0 < hours <= MAX_HOURS:
        raise ConfigError(f"--hours: must be more than 0 and at most {MAX_HOURS}: {hours:g}")
    return round(hours * 3600 * units.NS_PER_S)


def _as_written(scenario: Scenario) -> dict[str, Any]:
    """The scenario with the keys and units of its file, in containers that may be changed."""
    data: dict[str, Any] = scenario.model_dump(mode="json", exclude_none=True)
    data["phases"] = [{"phase": phase["phase"], **phase} for phase in data["phases"]]
    return data


def _loads(phases: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every part of a written scenario that has a rate and a duration."""
    for phase in phases:
        if phase["phase"] == "soak":
            yield phase
        else:
            yield from phase.get("trials", ())


def _to_yaml(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, sort_keys=False, width=100, allow_unicode=True)
