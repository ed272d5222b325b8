"""Knobs about services that undo what others set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.tuning.knobs.base import Knob, Scope, Target, Value, Wish
from harness.tuning.knobs.values import shown
from harness.tuning.settings.services import ACTIVE, INACTIVE, ServiceSetting


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceKnob(Knob):
    """Whether a service runs."""

    unit: str

    def parse(self, value: object) -> Value:
        words = {True: ACTIVE, False: INACTIVE, "on": ACTIVE, "off": INACTIVE}
        words |= {"running": ACTIVE, "stopped": INACTIVE, ACTIVE: ACTIVE, INACTIVE: INACTIVE}
        if not isinstance(value, str | bool) or value not in words:
            raise ValueError(f"neither running nor stopped: {shown(value)}")
        return words[value]

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        return [Target(ServiceSetting(self.unit), str(wish.value))]


KNOBS: tuple[Knob, ...] = (
    ServiceKnob(
        id="service.irqbalance",
        title="The daemon that moves interrupts",
        why="irqbalance moves interrupts every 10 s, also those that were just sent elsewhere.",
        values="stopped, or running",
        source="TuneD irqbalance plugin, onload sfcirqaffinity",
        unit="irqbalance",
    ),
)
