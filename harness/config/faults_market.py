"""Faults of market data and of load: what the lines do to packets, and how many come at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from harness.config import units
from harness.config.fault import TRIAL, TRIAL_TIMED, Fault
from harness.config.fields import Count, Duration, PositiveDuration, Rate, Strict
from harness.config.impair import Blackhole, Every
from harness.config.impair_units import MILLION, Chance, format_chance
from harness.config.loader import FieldFault
from harness.config.loads import MAX_RATE_PER_S, Feed, Schedule, fits_its_rate

MAX_PACKETS = 1_000_000
PUSHES_PER_S = 200_000  # roughly, of a feed handler that is fed packet by packet from Python


def _listed(value: object) -> object:
    return (value,) if isinstance(value, dict) else value


class Displaced(Strict):
    """Each n-th packet arrives behind the `by` that follow it."""

    every: Count
    by: Annotated[int, Field(ge=1, le=1024)] = 1


class LineFate(Strict):
    """What one line does to its packets. A packet meets one fate; chances are of all packets.

    `corrupt` changes a bit of the datagram, which its checksum shows. `silent` is a line that
    brings nothing for a run of packets: an interface that is down, a switch that starts anew.
    """

    loss: Chance | None = None
    duplicate: Chance | None = None
    corrupt: Chance | None = None
    every: Every | None = None
    silent: Annotated[
        tuple[Blackhole, ...],
        Field(max_length=64),
        BeforeValidator(_listed, json_schema_input_type=Blackhole | tuple[Blackhole, ...]),
    ] = ()
    reorder: Displaced | None = None

    @model_validator(mode="after")
    def _has_one_fate_each(self) -> LineFate:
        if sum(self.chances().values()) > MILLION:
            name = next(iter(self.chances()))
            total = format_chance(sum(self.chances().values()))
            raise FieldFault((name,), f"with the others {total} of all packets")
        if self.every is not None and self.every.bad_checksum is not None:
            raise FieldFault(("every", "bad_checksum"), "is `corrupt` here: checksums are verified")
        return self

    def chances(self) -> dict[str, int]:
        """Parts per million of what is drawn."""
        names = ("loss", "duplicate", "corrupt")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


class Answers(Strict):
    """A venue that sends missing numbers again, `after` it was asked; of each few one is lost."""

    after_ns: Annotated[PositiveDuration, Field(alias="after")]
    lost_every: Count | None = None


class Lines(Fault):
    """One stream of market data over two lines, A and B, and what each does to it.

    A made ITCH stream in MoldUDP64, `packets` of them at `rate`, B `skew` behind A, into the feed
    handler with its arbitration; the clock is that of the packets, so that the same file observes
    the same on any machine. With `lines: 1` there is only A.
    """

    observes: ClassVar[Mapping[str, str]] = {
        "messages": "in the stream",
        "delivered": "that came out, each number once",
        "delivered_twice": "that came out again",
        "lost": "given up, and declared",
        "undeclared": "neither delivered nor declared",
        "packets_lost": "that a line dropped",
        "packets_lost_everywhere": "that no line brought whole: somebody must be asked",
        "packets_duplicated": "that a line brought twice",
        "packets_corrupted": "in which a line changed a bit",
        "packets_displaced": "that a line brought behind later ones",
        "missed": "by the handler's own count: packets that did not come on a line",
        "refused": "that a checksum or a length gave away",
        "repeats": "that came again, from the other line or from the same",
        "own_repeats": "of these, from the same line",
        "gaps": "runs of missing numbers",
        "recovered_by_line": "gaps that the other line closed",
        "recovered_by_order": "gaps that a late packet of the same line closed",
        "recovered_by_request": "gaps that the venue closed",
        "gaps_lost": "gaps that were given up",
        "requests": "for numbers to be sent again",
        "latest_ns": "a message behind its time on lines that do nothing wrong",
        "stale_ns": "the longest time for which something was missing",
        "books_wrong": "1: the books are not those of a stream without faults",
        "says_unsynced": "1: and the handler knows",
    }

    kind: Literal["lines"]
    a: LineFate = LineFate()
    b: LineFate = LineFate()
    lines: Literal[1, 2] = 2
    answers: Answers | None = None
    packets: Annotated[int, Field(ge=100, le=MAX_PACKETS)] = 5_000
    rate_per_s: Annotated[Rate, Field(alias="rate", le=10_000_000)] = 200_000
    skew_ns: Annotated[Duration, Field(alias="skew")] = 2_000
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1

    @model_validator(mode="after")
    def _something_goes_wrong(self) -> Lines:
        if self.a == self.b == LineFate():
            raise FieldFault(("a",), "does nothing wrong, and neither does b")
        if self.lines == 1 and self.b != LineFate():
            raise FieldFault(("b",), "is not there: lines is 1")
        for name, fate in (("a", self.a), ("b", self.b)):
            for i, hole in enumerate(fate.silent):
                if hole.after + hole.for_ > self.packets:
                    text = f"ends behind the last of {self.packets} packets"
                    raise FieldFault((name, "silent", i), text)
        return self

    def fates(self) -> tuple[LineFate, ...]:
        """What each line that there is does."""
        return (self.a, self.b)[: self.lines]

    def measured_ns(self) -> int:
        return 2 * self.packets * units.NS_PER_S // PUSHES_PER_S


class Overload(Fault):
    """More messages than usual, or as many but all at once, for an engine that trades.

    Usual is `usual` at equal gaps; the fault is `rate` in place of it, or another `schedule`, or
    both. The trial is one of tick to trade, so that its orders, answers and books are counted at
    both ends.
    """

    observes: ClassVar[Mapping[str, str]] = TRIAL
    timed: ClassVar[frozenset[str]] = TRIAL_TIMED

    kind: Literal["overload"]
    usual_per_s: Annotated[Rate, Field(alias="usual", le=MAX_RATE_PER_S)]
    rate_per_s: Annotated[Rate | None, Field(alias="rate", le=MAX_RATE_PER_S)] = None
    schedule: Schedule = "constant"
    feed: Feed = "itch"
    warmup_ns: Annotated[Duration, Field(alias="warmup")] = 20_000_000
    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]

    @model_validator(mode="after")
    def _is_more_than_usual(self) -> Overload:
        fits_its_rate(self.schedule, self.peak_per_s)
        if self.schedule == "constant" and self.peak_per_s <= self.usual_per_s:
            usual = units.format_rate(self.usual_per_s)
            raise FieldFault(("rate",), f"is not above the usual {usual}, and nothing else changes")
        return self

    @property
    def peak_per_s(self) -> int:
        """The mean rate while the fault lasts."""
        return self.rate_per_s or self.usual_per_s

    def measured_ns(self) -> int:
        return self.warmup_ns + self.duration_ns


class HostilePackets(Fault):
    """Between the packets of a MoldUDP64 stream come such as are none: what anybody can send.

    Cut off at any length, with a count of messages or a length of one beyond the packet's end, or
    shorter than a header. `every` so many packets comes one.
    """

    observes: ClassVar[Mapping[str, str]] = {
        "messages": "in the stream",
        "delivered": "that came out, each number once",
        "delivered_twice": "that came out again",
        "refused": "packets and messages that the handler counted as bad",
        "books_wrong": "1: the books are not those of the stream alone",
    }

    kind: Literal["hostile_packets"]
    packets: Annotated[int, Field(ge=100, le=MAX_PACKETS)] = 5_000
    pack: Annotated[int, Field(ge=1, le=16)] = 3
    every: Annotated[int, Field(ge=1, le=1000)] = 2

    def measured_ns(self) -> int:
        return 2 * self.packets * units.NS_PER_S // PUSHES_PER_S


MarketFault = Lines | HostilePackets | Overload
