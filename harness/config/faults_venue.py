"""Faults of a venue: a day at an exchange that misbehaves, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from harness.config.fault import Fault
from harness.config.fields import PositiveDuration, Rate
from harness.config.loader import FieldFault
from harness.config.mischief import MischiefConfig

NS_PER_S = 1_000_000_000


class VenueDay(Fault):
    """Desks trade with each other at a venue that does `mischief`; the same day without it beside.

    Everything is real but the clock: FIX sessions, gateway, matching, market data, order managers,
    ledgers. What is injected is counted by the venue, what is seen by the desks. A session allows
    120 s of SendingTime. The scenario's seed says when things go wrong: the same on any machine.
    """

    observes: ClassVar[Mapping[str, str]] = {
        "orders": "that left the desks",
        "orders_usual": "of the same day without mischief",
        "trades": "of all desks",
        "executions": "booked by desks",
        "resent": "messages that the venue sent again",
        "asked": "orders whose fate a desk had to ask for",
        "slow": "executions told slow_answers.by or more after they happened",
        "slow_seen": "by the desks",
        "late": "executions told late",
        "late_seen": "by the desks",
        "duplicate": "executions told twice",
        "duplicate_seen": "by the desks",
        "swapped": "executions told after what followed them",
        "swapped_seen": "by the desks",
        "bust": "executions taken back",
        "bust_seen": "by the desks",
        "reject": "orders refused in bursts",
        "reject_seen": "by the desks",
        "halt": "halts, in market data",
        "halt_seen": "by the desks",
        "garbage": "runs of garbage in front of a message",
        "garbage_seen": "by the desks",
        "cut": "connections that ended because they were reset or silent",
        "cut_seen": "by the desks",
        "skew_ns": "by what the venue's clock was ahead at the end",
        "skew_seen_ns": "by the desks",
        "settled": "1: every desk is logged on and reconciled, nothing is under way",
        "disagree": "of orders, executions, positions and books: those that differ at the ends",
        "tripped": "1: a desk's kill switch was",
    }

    kind: Literal["venue_day"]
    mischief: MischiefConfig
    desks: Annotated[int, Field(ge=1, le=16)] = 3
    actions_per_s: Annotated[Rate, Field(alias="actions", le=100_000)] = 400
    duration_ns: Annotated[PositiveDuration, Field(alias="duration", le=60 * NS_PER_S)] = NS_PER_S

    @model_validator(mode="after")
    def _something_goes_wrong(self) -> VenueDay:
        if self.mischief == MischiefConfig():
            raise FieldFault(("mischief",), "does nothing wrong")
        return self

    def measured_ns(self) -> int:
        return 2 * self.duration_ns


class HostileSession(Fault):
    """Between orders, a member of the exchange sends bytes that are no FIX message, and no order.

    Over a socket of the loopback: a wrong checksum, a changed digit below a right one, or garbage.
    Each round is one of these, then a good order.
    """

    observes: ClassVar[Mapping[str, str]] = {
        "orders": "good ones that were sent",
        "orders_answered": "of these",
        "orders_unasked": "that the venue knows beyond these",
        "garbled": "what the venue counted as no message",
        "connections_lost": "that the venue ended; the member came back",
    }

    kind: Literal["hostile_session"]
    rounds: Annotated[int, Field(ge=1, le=10_000)] = 200

    def measured_ns(self) -> int:
        return self.rounds * NS_PER_S // 1000


class SlowReader(Fault):
    """A member of the exchange asks and does not read the answers; another one trades beside it."""

    observes: ClassVar[Mapping[str, str]] = {
        "slow_dropped": "1: the venue ended the connection of who does not read",
        "others_dropped": "connections that were ended beside it",
        "orders": "of the other member",
        "orders_answered": "of these",
    }

    kind: Literal["slow_reader"]
    asks: Annotated[int, Field(ge=1000, le=100_000)] = 20_000
    orders: Annotated[int, Field(ge=1, le=10_000)] = 100

    def measured_ns(self) -> int:
        return NS_PER_S


VenueFault = VenueDay | HostileSession | SlowReader
