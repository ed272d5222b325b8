"""A knob: one thing a profile can ask of a host, and the settings it stands for there.

A knob knows what it is good for, whether a host has it, which settings a wish means on that host,
and how to tell afterwards whether the wish took effect. Three levels of proof:

  readback  the setting holds the value that was written
  derived   what the kernel made of it does (an effective affinity, pages that exist)
  effect    what it is for was measured (how long a wake-up takes, how often a tick comes)

Knobs write nothing. apply.py writes, by the journal; restore.py puts back, by the journal alone.
"""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from harness.tuning.host import Host
from harness.tuning.leases import Lease
from harness.tuning.settings import Setting
from harness.tuning.tree import Absent

Value = str | Mapping[str, str]
Level = Literal["readback", "derived", "effect"]
OnUnsupported = Literal["ignore", "warn", "fail"]


class State(StrEnum):
    """What became, or would become, of one setting."""

    NOOP = "noop"  # holds already
    CHANGE = "change"  # planned; after apply: written, and it holds
    UNSUPPORTED = "unsupported"  # this host has no such thing
    DENIED = "denied"  # it has, and will not let us (EPERM, managed by the kernel, protected)
    INEFFECTIVE = "ineffective"  # written without an error, and something else stands there
    REBOOT = "reboot"  # only the boot loader can
    FAILED = "failed"  # an error that is none of these


# What a kernel answers, by what it means for a profile. EIO is how it refuses a managed interrupt.
_REFUSALS = {
    State.DENIED: (errno.EPERM, errno.EACCES, errno.EROFS, errno.EIO),
    State.UNSUPPORTED: (
        errno.ENOENT,
        errno.ENODEV,
        errno.ENXIO,
        errno.ENOTTY,
        errno.ENOSYS,
        errno.EOPNOTSUPP,
    ),
}


def refusal(error: OSError) -> State:
    """What an error means: the host will not, has no such thing, or something else is wrong."""
    found = (state for state, numbers in _REFUSALS.items() if error.errno in numbers)
    return next(found, State.FAILED)


def reason(error: OSError) -> str:
    """The error in the host's words, as the end of a sentence."""
    return (error.strerror or str(error)).lower()


@dataclass(frozen=True, slots=True)
class Wish:
    """One line of a profile, its variables filled in. A value is text or options by name."""

    knob: str
    value: Value
    interface: str = ""
    on_unsupported: OnUnsupported = "warn"


@dataclass(frozen=True, slots=True)
class Roles:
    """Which CPUs do what: the measured ones, those that take interrupts, those for the rest."""

    hot: tuple[int, ...]
    irq: tuple[int, ...]
    housekeeping: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """A host and what may be done to it. `protected` interfaces are never touched, for a reason."""

    host: Host
    roles: Roles
    protected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Op:
    """One setting of a wish: what it is, what it shall be, and what stands between.

    Exactly one of `setting` and `lease` is there when something can be written or taken.
    """

    knob: str
    target: str
    before: str | None  # None: cannot be read
    want: str
    state: State
    why: str = ""
    setting: Setting | None = None
    lease: Lease | None = None
    on_unsupported: OnUnsupported = "warn"

    def as_json(self) -> dict[str, Any]:
        return {
            "knob": self.knob,
            "target": self.target,
            "before": self.before,
            "want": self.want,
            "state": str(self.state),
            "why": self.why,
            "on_unsupported": self.on_unsupported,
        }


@dataclass(frozen=True, slots=True)
class Target:
    """What a wish means for one setting; `blocked` says why it must not be touched."""

    setting: Setting
    want: str
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether a wish holds at a level; `holds` None: it could not be told, and `why`.

    `refused`: it does not hold, and this host lets nobody change that; no drift, then.
    """

    knob: str
    level: Level
    target: str
    holds: bool | None
    seen: str
    wanted: str
    why: str = ""
    refused: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "knob": self.knob,
            "level": self.level,
            "target": self.target,
            "holds": self.holds,
            "seen": self.seen,
            "wanted": self.wanted,
            "why": self.why,
            "refused": self.refused,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob(ABC):
    """What can be asked of hosts. Subclasses are values too: a catalogue lists them.

    `why`: what a wrong value costs. `values`: what may be asked, in words. `source`: where the
    advice is from. `effect`: the name of the measurement in effects.py that shows it, if one does.
    """

    id: str  # family.name, as in profiles
    title: str
    why: str
    values: str
    source: str
    effect: str = ""

    @property
    def family(self) -> str:
        return self.id.partition(".")[0]

    @abstractmethod
    def parse(self, value: object) -> Value:
        """The value of a wish as text. ValueError says what was seen and what is wanted."""

    def available(self, scope: Scope, wish: Wish) -> str | None:
        """Why this host does not have it; None when it has."""
        return None

    @abstractmethod
    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        """The settings a wish means on this host; OSError and Absent when it does not say."""

    def plan(self, scope: Scope, wish: Wish) -> list[Op]:
        """What the wish would change on this host, and what stands in its way; writes nothing."""
        try:
            why = self.available(scope, wish)
            found = () if why is not None else self.targets(scope, wish)
        except (OSError, Absent) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
        if why is not None:
            return [_unsupported(wish, why)]
        return [_planned(scope, wish, one) for one in found]

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        """What the kernel made of it, where that can differ from what was written."""
        return ()

    def describe(self) -> dict[str, str]:
        return {
            "id": self.id,
            "title": self.title,
            "why": self.why,
            "values": self.values,
            "source": self.source,
            "effect": self.effect,
        }


def value_text(value: Value) -> str:
    """A wish's value on one line."""
    if isinstance(value, str):
        return value
    return " ".join(f"{name}={one}" for name, one in value.items())


def _unsupported(wish: Wish, why: str) -> Op:
    return Op(
        wish.knob,
        wish.interface or wish.knob,
        None,
        value_text(wish.value),
        State.UNSUPPORTED,
        why,
        on_unsupported=wish.on_unsupported,
    )


def _planned(scope: Scope, wish: Wish, target: Target) -> Op:
    setting, before, why = target.setting, None, target.blocked
    try:
        before = setting.read(scope.host)
        state = State.NOOP if setting.same(before, target.want) else State.CHANGE
    except OSError as error:
        state, why = refusal(error), why or reason(error)
    if target.blocked and state is State.CHANGE:
        state = State.DENIED
    return Op(
        wish.knob,
        setting.target,
        before,
        target.want,
        state,
        why,
        setting,
        on_unsupported=wish.on_unsupported,
    )
