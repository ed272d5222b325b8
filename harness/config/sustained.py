"""Loads that are held: the highest that can be, the ladder below it, and one for hours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from harness.config import units
from harness.config.bench import Way
from harness.config.fields import Count, Duration, MetricId, PositiveDuration, Rate, Share
from harness.config.loader import FieldFault
from harness.config.loads import MAX_RATE_PER_S, Feed, Schedule, Trial, only_itch_is_packed
from harness.config.phase import Phase, Place

MIN_INTERVAL_NS = 10_000_000  # shorter, and writing the record is what is measured
RungShare = Annotated[Share, Field(gt=0, le=20_000)]
RungRate = Annotated[Rate, Field(le=MAX_RATE_PER_S)]


class Throughput(Way, Phase):
    """The highest rate without loss: a search by halving, then trials that confirm it.

    Short probes bracket the rate between `target_rate` and `max_rate` until the bracket is `width`
    of it, first for loss alone, then also for the latency of the row of metric `joint`; at each
    rate the majority of `votes` probes decides. The lower edge must then hold in every one of
    `confirm_trials` trials, and for `soak` when that is not 0s.

    After the search of MLRsearch (draft-ietf-bmwg-mlrsearch, 2025), with an exceed ratio of one
    half for the probes and of none for the trials that confirm.
    """

    phase: Literal["throughput"]
    id: MetricId
    feed: Feed
    target_rate_per_s: Annotated[Rate, Field(alias="target_rate")]
    max_rate_per_s: Annotated[Rate, Field(alias="max_rate", le=MAX_RATE_PER_S)]
    width_bp: Annotated[Share, Field(alias="width", gt=0, le=10_000)]
    probe_ns: Annotated[PositiveDuration, Field(alias="probe")]
    votes: Annotated[int, Field(ge=1, le=9)] = 3
    trial_ns: Annotated[PositiveDuration, Field(alias="trial")]
    confirm_trials: Count
    joint: MetricId = "e2e.wire"
    soak_ns: Annotated[Duration, Field(alias="soak")]

    @model_validator(mode="after")
    def _the_search_has_room(self) -> Throughput:
        if self.max_rate_per_s <= self.target_rate_per_s:
            raise FieldFault(("max_rate",), "must be above target_rate")
        if self.votes % 2 == 0:
            raise FieldFault(("votes",), f"an even number has no majority: {self.votes}")
        if self.probe_ns > self.trial_ns:
            length = units.format_duration(self.trial_ns)
            raise FieldFault(("probe",), f"is longer than the trials that confirm, {length}")
        only_itch_is_packed(self.feed, self.pack)
        return self

    @property
    def n_rates(self) -> int:
        """Rates of both searches at most: the ends, then one a halving (of the ratio)."""
        octaves = math.log2(self.max_rate_per_s / self.target_rate_per_s)
        halvings = math.ceil(math.log2(octaves / math.log2(1 + self.width_bp / 10_000)))
        return 2 + 2 * max(0, halvings)

    @property
    def n_probes(self) -> int:
        """Probes when all of them agree: a majority at each rate."""
        return self.n_rates * (self.votes // 2 + 1)

    def measured_ns(self) -> int:
        return self.n_probes * self.probe_ns + self.confirm_trials * self.trial_ns + self.soak_ns

    def metric_ids(self) -> tuple[str, ...]:
        return (*self.gives, self.id)

    def describe(self) -> Iterator[str]:
        low, high = (units.format_rate(r) for r in (self.target_rate_per_s, self.max_rate_per_s))
        probe, trial = (units.format_duration(d) for d in (self.probe_ns, self.trial_ns))
        soak = f", then {units.format_duration(self.soak_ns)}" if self.soak_ns else ""
        width = units.format_share(self.width_bp)
        span = f"{self.feed} from {low} to {high} until {width} apart"
        each = f", best of {self.votes}" if self.votes > 1 else ""
        yield f"{self.id}: {span}, at most {self.n_rates} rates probed for {probe}{each}"
        yield f"confirmed by {self.confirm_trials} trials of {trial}{soak}"

    def ways(self) -> Iterator[tuple[Place, Way]]:
        yield (), self

    def load_ids(self) -> Iterator[tuple[Place, str]]:
        yield ("id",), self.id


class Ladder(Way, Phase):
    """The same load from idle to the most that holds: response and service on every rung.

    Rungs are `idle`, `shares` of the rate that the search before it found, and each rate of `at`,
    at which something is claimed. Without a rate found there are only idle and `at`.
    """

    phase: Literal["ladder"]
    id: MetricId
    feed: Feed
    schedule: Schedule = "constant"
    idle_per_s: Annotated[Rate, Field(alias="idle", le=MAX_RATE_PER_S)] = 1000
    shares_bp: Annotated[tuple[RungShare, ...], Field(alias="shares")] = (1000, 5000, 9000, 10_000)
    at_per_s: Annotated[tuple[RungRate, ...], Field(alias="at")] = (1_000_000,)
    warmup_ns: Annotated[Duration, Field(alias="warmup")]
    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]

    @model_validator(mode="after")
    def _can_be_packed(self) -> Ladder:
        only_itch_is_packed(self.feed, self.pack)
        return self

    @property
    def family(self) -> str:
        """What its metrics begin with."""
        return "ladder" if self.feed == "itch" else f"ladder.{self.feed}"

    @property
    def n_rungs(self) -> int:
        return 1 + len(self.shares_bp) + len(self.at_per_s)

    def trial(self, rung: str, rate_per_s: int) -> Trial:
        """One rung; `rung` is part of its name."""
        return Trial.of(
            f"{self.id}.{rung}",
            self.feed,
            rate_per_s=rate_per_s,
            warmup_ns=self.warmup_ns,
            duration_ns=self.duration_ns,
            schedule=self.schedule,
            way=self,
        )

    def measured_ns(self) -> int:
        return self.n_rungs * (self.warmup_ns + self.duration_ns)

    def metric_ids(self) -> tuple[str, ...]:
        return (*self.gives, f"{self.family}.wire", f"{self.family}.service")

    def describe(self) -> Iterator[str]:
        shares = ", ".join(units.format_share(share) for share in self.shares_bp)
        rates = ", ".join(units.format_rate(rate) for rate in self.at_per_s)
        length = units.format_duration(self.duration_ns)
        rungs = ", ".join(
            part
            for part in (
                units.format_rate(self.idle_per_s),
                f"{shares} of the rate found" if shares else "",
                rates,
            )
            if part
        )
        yield f"{self.id}: {self.feed} at {rungs}, {length} each, {self.schedule}"

    def ways(self) -> Iterator[tuple[Place, Way]]:
        yield (), self

    def load_ids(self) -> Iterator[tuple[Place, str]]:
        yield ("id",), self.id


class Soak(Way, Phase):
    """One load for hours, written down every `interval` so that a killed run still tells.

    With `compress` above 1 time runs faster for the record: duration and interval are those that
    are shown, and a `compress`-th of each passes by the clock. It shows what hours of intervals
    look like and proves nothing of hours: every figure of it says so, and its hours are real ones.
    `first_seq` is the number of the first message of a made ITCH stream: begun little below 2^32,
    a counter of 32 bits wraps in the first minutes and not on the second day.
    """

    gives: ClassVar[tuple[str, ...]] = ("stability.hours",)

    phase: Literal["soak"]
    id: MetricId
    feed: Feed
    schedule: Schedule = "constant"
    rate_per_s: Annotated[Rate, Field(alias="rate", le=MAX_RATE_PER_S)]
    warmup_ns: Annotated[Duration, Field(alias="warmup")]
    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]
    interval_ns: Annotated[PositiveDuration, Field(alias="interval")]
    health_ns: Annotated[PositiveDuration, Field(alias="health")] = units.NS_PER_S
    compress: Annotated[int, Field(ge=1, le=10_000)] = 1
    first_seq: Annotated[int, Field(ge=1, le=1 << 62)] = 1

    @model_validator(mode="after")
    def _has_an_interval(self) -> Soak:
        if self.interval_ns > self.duration_ns:
            length = units.format_duration(self.duration_ns)
            raise FieldFault(("interval",), f"is longer than the soak, which lasts {length}")
        if self.interval_ns // self.compress < MIN_INTERVAL_NS:
            shortest = units.format_duration(MIN_INTERVAL_NS)
            raise FieldFault(("compress",), f"leaves intervals of less than {shortest}")
        if self.first_seq > 1 and self.feed != "itch":
            raise FieldFault(("first_seq",), "only a made ITCH stream is numbered from elsewhere")
        return self

    @property
    def real_duration_ns(self) -> int:
        """How long it lasts by the clock."""
        return self.duration_ns // self.compress

    @property
    def real_interval_ns(self) -> int:
        return self.interval_ns // self.compress

    @property
    def real_health_ns(self) -> int:
        """How often the process is looked at: no oftener than is worth a wake-up."""
        return max(self.health_ns // self.compress, MIN_INTERVAL_NS)

    @property
    def load(self) -> str:
        """The load as part of a metric's name; one that is compressed is another load."""
        plain = self.trial().load
        return f"{plain}, time-compressed {self.compress}x" if self.compress > 1 else plain

    def trial(self) -> Trial:
        """The soak as the one trial that it is, in the time that it really takes."""
        return Trial.of(
            self.id,
            self.feed,
            rate_per_s=self.rate_per_s,
            warmup_ns=self.warmup_ns,
            duration_ns=self.real_duration_ns,
            schedule=self.schedule,
            way=self,
        )

    def measured_ns(self) -> int:
        return self.warmup_ns + self.real_duration_ns

    def metric_ids(self) -> tuple[str, ...]:
        family = self.id.partition(".")[0]
        return (*self.gives, f"{family}.wire", f"{family}.service")

    def describe(self) -> Iterator[str]:
        length, step = (units.format_duration(d) for d in (self.duration_ns, self.interval_ns))
        rate = units.format_rate(self.rate_per_s)
        real = units.format_duration(self.real_duration_ns)
        faster = f", time-compressed {self.compress}x into {real}" if self.compress > 1 else ""
        yield (
            f"{self.id}: {self.feed} at {rate} {self.schedule} for {length}, every {step} on disk"
            + faster
        )

    def ways(self) -> Iterator[tuple[Place, Way]]:
        yield (), self

    def load_ids(self) -> Iterator[tuple[Place, str]]:
        yield ("id",), self.id
