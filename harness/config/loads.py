"""A load: what is sent, how fast and for how long, as part of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from harness.config import units
from harness.config.bench import PLAIN, Way
from harness.config.fields import Duration, MetricId, PositiveDuration, Rate, Strict
from harness.config.impair import Impairment
from harness.config.loader import FieldFault
from harness.errors import RedlineError

Feed = Literal["itch", "fix"]
Stalled = Literal["engine", "rig", "both"]


def _can_be_scheduled(text: str) -> str:
    """What a rate decides is checked where the rate is known."""
    from harness.net.pattern import PATTERN

    if PATTERN.fullmatch(text) is None:
        raise ValueError(f"not a schedule: {text!r} (write it like {SCHEDULES})")
    return text


SCHEDULES = "constant, poisson, recorded, burst:64@100ns, onoff:10ms/40ms or ramp:10k/s..500k/s@1s"
Schedule = Annotated[
    str,
    AfterValidator(_can_be_scheduled),
    WithJsonSchema(
        {
            "description": (
                "when messages are due: at equal gaps, by chance, with a real feed's gaps, in "
                "bursts (how many @ how far apart), on and off (for how long / for how long), or "
                "at a rate that changes (from .. to @ in which time)"
            ),
            "anyOf": [
                {"enum": ["constant", "poisson", "recorded"]},
                {"type": "string", "pattern": "^(burst:[0-9]+@|onoff:.+/|ramp:.+\\.\\..+@).+$"},
            ],
            "examples": ["constant", "burst:64@100ns", "onoff:10ms/40ms", "ramp:10k/s..500k/s@1s"],
        }
    ),
]

MEAN_TOLERANCE = 0.01
MAX_RATE_PER_S = 1_000_000_000  # a message a nanosecond: schedules count in these


class Measures(Strict):
    """Which metric each pair of measurement points of a trial feeds; none: recorded, not scored."""

    wire: MetricId | None = None
    buf: MetricId | None = None

    def ids(self) -> tuple[str, ...]:
        return tuple(name for name in (self.wire, self.buf) if name is not None)


class Stall(Strict):
    """A program that is stopped for `length` each `every`: the threads of the trial named by `who`.

    `rig` is the generator and the venue: what it should have sent meanwhile is sent late.
    """

    who: Stalled
    every_ns: Annotated[PositiveDuration, Field(alias="every")]
    length_ns: Annotated[PositiveDuration, Field(alias="length")]

    @model_validator(mode="after")
    def _ends_before_the_next(self) -> Stall:
        if 2 * self.length_ns > self.every_ns:
            every = units.format_duration(self.every_ns)
            raise FieldFault(("length",), f"is more than half of the {every} between two stalls")
        return self

    def describe(self) -> str:
        length, every = (units.format_duration(d) for d in (self.length_ns, self.every_ns))
        return f"{_WHO[self.who]} stopped for {length} each {every}"


class Trial(Way):
    """One load held for a time, open loop, from a schedule fixed in advance.

    With a `stall` the trial is a demonstration: its load says so, and no row fits it.
    """

    id: MetricId
    feed: Feed
    schedule: Schedule = "constant"
    rate_per_s: Annotated[Rate, Field(alias="rate", le=MAX_RATE_PER_S)]
    warmup_ns: Annotated[Duration, Field(alias="warmup")]
    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]
    repeats: Annotated[int, Field(ge=1, le=1000)] = 1
    measures: Measures = Measures()
    impairment: Impairment | None = None
    stall: Stall | None = None

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
    def _can_be_sent(self) -> Trial:
        only_itch_is_packed(self.feed, self.pack)
        fits_its_rate(self.schedule, self.rate_per_s)
        return self

    @property
    def load(self) -> str:
        """The load as part of a metric's name."""
        plain = f"{self.rate_per_s}/s {self.schedule}"
        return f"{plain}, {self.stall.describe()}" if self.stall else plain

    @property
    def total_ns(self) -> int:
        return self.repeats * (self.warmup_ns + self.duration_ns)


_WHO: Mapping[Stalled, str] = {
    "engine": "the engine",
    "rig": "the generator",
    "both": "engine and generator",
}
Trials = Annotated[tuple[Trial, ...], Field(min_length=1)]


def fits_its_rate(schedule: str, rate_per_s: int) -> None:
    """FieldFault for a schedule that cannot have this mean rate."""
    if ":" not in schedule:
        return
    from harness.net.pattern import read_pattern

    try:
        mean_per_s = read_pattern(schedule, rate_per_s, 1).rate_per_s
    except RedlineError as error:
        raise FieldFault(("schedule",), str(error).removeprefix("--pattern: ")) from None
    if abs(mean_per_s / rate_per_s - 1) > MEAN_TOLERANCE:  # a ramp brings rates of its own
        raise FieldFault(("rate",), f"{schedule} has a mean of {round(mean_per_s)}/s, not this")


def only_itch_is_packed(feed: Feed, pack: int) -> None:
    """FieldFault for another feed of several messages a packet."""
    if feed != "itch" and pack > 1:
        raise FieldFault(("pack",), f"only itch is packed, not {feed}: {pack}")
