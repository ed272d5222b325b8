"""Faults of clocks: the one that stamps messages steps, in the middle of a day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from harness.config.fault import Fault
from harness.config.fields import Duration, PositiveDuration
from harness.config.loader import FieldFault

MAX_STEP_NS = 24 * 3600 * 1_000_000_000


class ClockStep(Fault):
    """The venue's clock steps `ahead` or `behind`, `at` a moment of a day in virtual time.

    Desks trade with each other over FIX sessions, from order entry to market data, with everything
    real but the clock; the same day without the step is traded beside it. What a session allows of
    SendingTime is 120 s. Nothing of this machine's own clock is touched.
    """

    observes: ClassVar[Mapping[str, str]] = {
        "stepped_ns": "by what the venue's clock was ahead then",
        "seen_ns": "by what the last message that a desk took said so",
        "orders": "that left the desks",
        "orders_usual": "of the same day without the step",
        "trades": "of all desks",
        "settled": "1: every desk is logged on and reconciled, nothing is under way",
        "disagree": "of orders, executions, positions and books: those that differ at the ends",
        "tripped": "1: a desk's kill switch was",
    }

    kind: Literal["clock_step"]
    ahead_ns: Annotated[PositiveDuration | None, Field(alias="ahead", le=MAX_STEP_NS)] = None
    behind_ns: Annotated[PositiveDuration | None, Field(alias="behind", le=MAX_STEP_NS)] = None
    at_ns: Annotated[Duration, Field(alias="at")] = 500_000_000
    duration_ns: Annotated[PositiveDuration, Field(alias="duration", le=60_000_000_000)] = (
        1_000_000_000
    )
    desks: Annotated[int, Field(ge=1, le=16)] = 3

    @model_validator(mode="after")
    def _is_one_step(self) -> ClockStep:
        if (self.ahead_ns is None) == (self.behind_ns is None):
            raise FieldFault(("ahead",), "a step is either ahead or behind")
        if self.at_ns >= self.duration_ns:
            raise FieldFault(("at",), "is not before the end of the day")
        return self

    @property
    def step_ns(self) -> int:
        """Below 0: back."""
        return (self.ahead_ns or 0) - (self.behind_ns or 0)

    def measured_ns(self) -> int:
        return 2 * self.duration_ns


ClockFault = ClockStep
