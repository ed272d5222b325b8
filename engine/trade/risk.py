"""Why an order is refused: the checks before every order, by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from engine import _core


class Reason(IntFlag):
    """One bit for each check, in the order of the checks; a refusal has all that fail.

    `ids` are the names that rule books use, "R05", and `texts` say what failed.
    """

    STATE = 1 << 0
    SESSION = 1 << 1
    PERMISSION = 1 << 2
    FIELD = 1 << 3
    QTY = 1 << 4
    NOTIONAL = 1 << 5
    COLLAR = 1 << 6
    CROSS = 1 << 7
    DUPLICATE = 1 << 8
    RATE = 1 << 9
    EXECUTIONS = 1 << 10
    POSITION = 1 << 11
    EXPOSURE = 1 << 12
    LOSS = 1 << 13
    OPEN = 1 << 14
    SELF_TRADE = 1 << 15
    SHORT_SALE = 1 << 16
    RATIO = 1 << 17
    REPLACE = 1 << 18
    FRESHNESS = 1 << 19
    LIMITS = 1 << 20
    NO_ID = 1 << 21

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(text.partition(": ")[0] for text in self._rows())

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(text.partition(": ")[2] for text in self._rows())

    def _rows(self) -> Iterator[str]:
        return (_TEXTS[bit] for bit in Reason if bit in self)


_TEXTS = {Reason(number): text for number, text in _core.trade_tables()["reasons"].values()}


class RiskState(IntEnum):
    """What trading is allowed under a scope; the strictest of all that an order falls under."""

    ACTIVE = 0
    REDUCE_ONLY = 1  # only what makes the position smaller
    HALTED = 2  # cancels pass, nothing else


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One failing check with its numbers: `actual` is what the order would come to."""

    reason: Reason
    limit: int
    actual: int

    def __str__(self) -> str:
        (id,), (text,) = self.reason.ids, self.reason.texts
        return f"{id}: {text}: limit {self.limit}, actual {self.actual}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An order that was not sent, with every check that failed; it is false where an id is true."""

    reasons: Reason
    shortfalls: tuple[Shortfall, ...]

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return "; ".join(map(str, self.shortfalls))
