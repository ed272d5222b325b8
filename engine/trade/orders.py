"""Orders: what is asked for, what the venue says of it, and what is known of each.

Prices count 1e-9 of the quote currency, quantities the venue's smallest lot; both are integers.
Numbers of instruments, venues, accounts and strategies are those of the configuration, from 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import partial

from engine.market.books import Side

ID_NONE = 0  # no order


class OrderType(IntEnum):
    LIMIT = 0
    MARKET = 1


class TimeInForce(IntEnum):
    DAY = 0
    GTC = 1
    IOC = 2
    FOK = 3
    GTD = 4  # until `expire_ns`


class OrderState(IntEnum):
    """Where an order is in its life (csrc/trade/order/event.h)."""

    NONE = 0
    PENDING_NEW = 1
    WORKING = 2
    PARTIAL = 3
    FILLED = 4
    PENDING_CANCEL = 5
    PENDING_REPLACE = 6
    CANCELLED = 7
    REPLACED = 8
    REJECTED = 9
    EXPIRED = 10
    UNKNOWN = 11

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset(
    {
        OrderState.NONE,
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.REPLACED,
        OrderState.REJECTED,
        OrderState.EXPIRED,
    }
)


class EventKind(IntEnum):
    """What can happen to an order: the first three are ours, the rest the venue's."""

    SEND = 0
    CANCEL_SENT = 1
    REPLACE_SENT = 2
    ACK = 3
    REJECT = 4
    FILL = 5
    CANCELLED = 6
    CANCEL_REJECT = 7
    REPLACED = 8
    REPLACE_REJECT = 9
    EXPIRED = 10
    BUST = 11
    CORRECT = 12
    DISCONNECT = 13
    STATUS_OPEN = 14
    STATUS_GONE = 15


class OrderFlag(IntFlag):
    """What came of an event; several may hold."""

    ILLEGAL = 1 << 0  # not legal in this state: nothing changed
    UNKNOWN_ORDER = 1 << 1  # nothing changed
    DUPLICATE = 1 << 2  # execution booked before: nothing changed
    LATE = 1 << 3  # execution of an order that had ended: booked
    OVERFILL = 1 << 4  # execution of more than was open: booked
    EARLY = 1 << 5  # execution before the acknowledgement: booked
    UNSOLICITED = 1 << 6  # cancelled without being asked
    UNKNOWN_EXEC = 1 << 7  # takes back or corrects what we do not know: nothing changed
    CLOSED = 1 << 8  # the order ended with this event
    CONFLICT = 1 << 9  # the same execution with other values: nothing changed
    REOPENED = 1 << 10  # an order that had ended works again: the venue says so


class Scope(IntEnum):
    """What a limit, a trading state, a cancel or the kill switch may be about."""

    GLOBAL = 0
    VENUE = 1
    ACCOUNT = 2
    STRATEGY = 3
    SYMBOL = 4


@dataclass(frozen=True, slots=True)
class Request:
    """An order that somebody wants to send; `px_nano` None: at the market."""

    side: Side
    qty: int
    px_nano: int | None = None
    instrument: int = 0
    account: int = 0
    strategy: int = 0
    venue: int = 0
    time_in_force: TimeInForce = TimeInForce.DAY
    expire_ns: int = 0  # GTD: UTC
    trigger: int = 0  # number of the market data message that caused it; 0: none

    @property
    def type(self) -> OrderType:
        return OrderType.MARKET if self.px_nano is None else OrderType.LIMIT


# buy(100, px_nano, account=1): 100 lots at no more than the price, or without one at the market.
buy = partial(Request, Side.BUY)
sell = partial(Request, Side.SELL)


@dataclass(frozen=True, slots=True)
class Event:
    """What the venue says, as the session decoded it.

    `id` is the ClOrdID that it names and `orig_id` the OrigClOrdID (answers to cancel and replace;
    0: absent). `exec` identifies an execution within the session, `ref_exec` the one that a BUST or
    CORRECT means. `qty` and `px_nano` are those of the execution; of a REPLACED order the new ones,
    0 and None: as asked.
    """

    kind: EventKind
    id: int
    orig_id: int = ID_NONE
    exec: int = 0
    ref_exec: int = 0
    qty: int = 0
    px_nano: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What is known of an order; `px_nano` None: at the market."""

    id: int
    state: OrderState
    side: Side
    px_nano: int | None
    qty: int
    cum: int  # lots executed
    instrument: int
    account: int
    strategy: int
    venue: int
    type: OrderType
    time_in_force: TimeInForce
    trigger: int
    next_id: int  # of the order that replaces, or shall replace it; 0: none
    reserved_qty: int  # what it may still trade, for the limits
    reserved_px_nano: int | None

    @property
    def leaves(self) -> int:
        """Lots that may still be executed."""
        return 0 if self.state.is_terminal else max(0, self.qty - self.cum)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of an order; listeners hear of it when all of it is booked."""

    flags: OrderFlag
    qty: int  # lots executed: below 0 taken back
    px_nano: int | None
    undone_qty: int  # of a correction: taken back before qty is booked
    undone_px_nano: int | None
    was_reserved: int  # lots that might still be executed
    now_reserved: int
    order: Order | None


def order_of(row: tuple[int | None, ...]) -> Order:
    """An order from what engine._core knows of it."""
    id, link, px, qty, cum, trigger, instrument, venue, account, strategy = row[:10]
    state, side, type_, tif, reserved = (n or 0 for n in row[10:15])
    return Order(
        id=id or 0,
        state=OrderState(state),
        side=Side(side),
        px_nano=px,
        qty=qty or 0,
        cum=cum or 0,
        instrument=instrument or 0,
        account=account or 0,
        strategy=strategy or 0,
        venue=venue or 0,
        type=OrderType(type_),
        time_in_force=TimeInForce(tif),
        trigger=trigger or 0,
        next_id=link or 0,
        reserved_qty=reserved,
        reserved_px_nano=row[15],
    )
