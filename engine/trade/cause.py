"""Why trading was stopped, and the error that an order meets then."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from engine import _core
from engine.trade.orders import Scope


class Cause(IntEnum):
    """Why trading was stopped (csrc/trade/kill/cause.h)."""

    BOOT = 1
    MANUAL = 2
    UNKNOWN_FILL = 3
    OVERFILL = 4
    AUDIT = 5
    STOP = 6
    RANGE = 7
    LATCH = 8
    SIGNAL = 9
    SOCKET = 10
    FILE = 11
    LOSS = 12
    EXPOSURE = 13
    POSITION = 14
    RATE = 15
    EXECUTIONS = 16
    REJECTS = 17
    DUPLICATES = 18
    UNSOLICITED = 19
    FEED_STALE = 20
    FEED_GAP = 21
    FEED_CROSSED = 22
    HEARTBEAT = 23
    STUCK = 24
    DEAD = 25
    CLOCK = 26
    LIMITS = 27
    BUILD = 28
    RECONCILE = 29
    SENT_TWICE = 30
    DISK = 31
    SESSION = 32
    UNBOUND = 33
    UNKNOWN = 34
    RESET = 35

    @property
    def text(self) -> str:
        return _CAUSE_TEXTS[self]


_CAUSE_TEXTS = dict(_core.trade_tables()["causes"].values())


class KillState(IntEnum):
    HALTED = 0  # from birth
    ARMING = 1
    ACTIVE = 2
    TRIPPED = 3
    DRAINING = 4
    DRAINED = 5


@dataclass(frozen=True, slots=True)
class KillWhy:
    """What is known of the trips since the last reset: the first, and all causes."""

    state: KillState
    cause: Cause | None
    scope: Scope
    index: int
    causes: tuple[Cause, ...]
    epoch: int


class Killed(RuntimeError):
    """The kill word forbids the order; nothing was sent."""

    def __init__(self, why: KillWhy) -> None:
        where = why.scope.name.lower() + ("" if why.scope == Scope.GLOBAL else f" {why.index}")
        text = why.cause.text if why.cause else "stopped this very moment"
        super().__init__(f"{text} ({where})")
        self.why = why

    @property
    def cause(self) -> Cause | None:
        return self.why.cause
