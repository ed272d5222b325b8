"""Operations timed one by one: which there are, and the regimes of their inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.config import units
from harness.config.fields import Duration, PositiveDuration, Strict
from harness.config.loader import FieldFault
from harness.config.phase import Phase

Regime = Literal["hot", "stream", "random", "cold"]
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
    "fix.parse": ("hot", "stream", "random", "cold"),
    "book.update": ("stream", "random", "cold"),
    "feed.book": ("stream", "cold"),
    "risk.check": ("hot", "stream", "random", "cold"),
    "risk.accept": ("hot", "stream", "random", "cold"),
    "risk.refuse": ("hot", "stream", "random", "cold"),
    "order.id": ("hot", "cold"),
    "position.update": ("hot", "stream", "random", "cold"),
    "oms.send": ("hot", "stream", "random", "cold"),
    "oms.fill": ("hot", "stream", "random", "cold"),
    "audit.append": ("hot", "cold"),
    "hist.record": ("hot", "stream", "random", "cold"),
}


class ComponentRun(Strict):
    """One operation, timed alone: in each regime of its input for `duration` a restart."""

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
    """Operations timed one by one, all of them in each of `restarts` fresh processes.

    Their order is drawn anew for every restart, from the seed of the scenario's input. Each is
    warmed up until its blocks agree within 2 %, for `warmup_min` at least and `warmup_max` at most.
    """

    phase: Literal["components"]
    restarts: Annotated[int, Field(ge=1, le=100)] = 5
    warmup_min_ns: Annotated[Duration, Field(alias="warmup_min")] = 100_000_000
    warmup_max_ns: Annotated[Duration, Field(alias="warmup_max")] = 2_000_000_000
    metrics: Annotated[tuple[ComponentRun, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _warmup_has_an_end(self) -> Components:
        if self.warmup_max_ns < self.warmup_min_ns:
            raise FieldFault(("warmup_max",), "must not be below warmup_min")
        return self

    def measured_ns(self) -> int:
        each = sum(
            len(one.regimes) * (self.warmup_min_ns + one.duration_ns) for one in self.metrics
        )
        return self.restarts * each

    def metric_ids(self) -> tuple[str, ...]:
        return tuple(name for one in self.metrics for name in (one.id, first_of(one.id)))

    def describe(self) -> Iterator[str]:
        for one in self.metrics:
            length = units.format_duration(one.duration_ns)
            regimes = ", ".join(one.regimes)
            yield f"{one.id}: {regimes}, {length} each in {self.restarts} restarts"


def first_of(component: str) -> str:
    """The metric of the very first operation that a process does: cold code, cold data."""
    return f"{component}.first"
