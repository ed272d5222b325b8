"""What every fault of a reaction is: a kind, what it needs, and what can be observed of it."""

from __future__ import annotations

from typing import ClassVar, Literal

from harness.config.fields import Strict

Need = Literal["root", "a third CPU"]


class Fault(Strict):
    """One thing that goes wrong, on purpose. Subclasses have a literal `kind`.

    `observes` names all that is looked at while it does: a name that ends in `_ns` is a time, one
    in `_per_s` a rate, every other a count. `timed` are those of them that were measured by a clock
    of this machine: on a noisy host they prove nothing when they are too long. `needs` says what a
    machine must have beside the CPUs of the scenario, for people and for `scenarios list`.
    """

    observes: ClassVar[tuple[str, ...]] = ()
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
