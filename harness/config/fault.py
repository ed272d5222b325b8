"""What every fault of a reaction is: a kind, what it needs, and what can be observed of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from harness.config.fields import Strict

# All that is looked at in a trial of tick to trade; faults of the machine look at more.
TRIAL: Mapping[str, str] = {
    "planned": "messages of the schedule",
    "sent": "messages that left the generator",
    "unsent": "that found no room on the line: the engine was too slow for too long",
    "received": "by the engine",
    "gaps": "in what it received",
    "waited": "messages that were there already when the engine came to look",
    "orders_wanted": "that the strategy decided on",
    "orders_refused": "by the engine's own limits",
    "orders_sent": "that left the engine",
    "orders_received": "by the venue",
    "orders_bad": "that the venue found malformed or unexpected",
    "answers_missing": "answers of the venue that did not reach the engine",
    "uncounted": "1: something was not counted alike at both ends of a way",
    "books_damaged": "1: a book fails its integrity walk",
    "allocations": "calls of the heap by the engine's thread in the measured window",
    "p99_ns": "from the intended time to the order at the venue",
    "latest_ns": "the slowest of them",
}
TRIAL_TIMED = frozenset({"p99_ns", "latest_ns"})

Need = Literal["root", "a third CPU", "loop devices and ext4"]


class Fault(Strict):
    """One thing that goes wrong, on purpose. Subclasses have a literal `kind`.

    `observes` names all that is looked at while it does, and says what each is: a name that ends in
    `_ns` is a time, one in `_per_s` a rate, every other a count. `timed` are those of them that
    were measured by a clock of this machine: on a noisy host they prove nothing when they are too
    long. `needs` says what a machine must have beside the CPUs of the scenario, for people and for
    `scenarios list`.
    """

    observes: ClassVar[Mapping[str, str]] = {}
    timed: ClassVar[frozenset[str]] = frozenset()
    needs: ClassVar[tuple[Need, ...]] = ()

    def measured_ns(self) -> int:
        """About how long it takes by the clock."""
        return 0

    def describe(self) -> str:
        """What goes wrong, in some words of one line."""
        given = self.model_dump(exclude_none=True, exclude_defaults=True, exclude={"kind"})
        return ", ".join(f"{name} {_short(value)}" for name, value in given.items())


def _short(value: object) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {_short(one)}" for name, one in value.items()) + ")"
    if isinstance(value, list | tuple):
        return " ".join(_short(one) for one in value)
    return str(value)
