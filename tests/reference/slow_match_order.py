"""What the slow matching engine works on: orders, and the market of one instrument."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PX_NONE = -(2**63)
PX_ANY = (2**63 - 1, -(2**63) + 1)  # a buyer's, a seller's: accepts every price
ALL = 2**32 - 1
BUY, SELL = 0, 1
NEW, CANCEL, REDUCE, REPLACE, MODIFY, MASS_CANCEL, PHASE, DAY_END, BUST, TIME, MATCHING = range(11)
LIMIT, MARKET, STOP, STOP_LIMIT, TRAILING_STOP, TRAILING_STOP_LIMIT = range(6)
DAY, GTC, IOC, FOK, GTD, AT_OPEN = range(6)
STP_NONE, NEWEST, OLDEST, BOTH, DECREMENT = range(5)
OPEN, HALTED, AUCTION, CLOSED = range(4)
POST_ONLY, ALL_OR_NONE, TO_BACK = 1, 2, 4
AGGRESSOR, SHOWN, KEPT_PLACE, IN_AUCTION = 1, 2, 4, 8
LAST, BEST = range(2)

KINDS = (
    *("accepted", "rejected", "fill", "cancelled", "reduced", "replaced", "refused", "expired"),
    *("triggered", "rested", "refilled", "trailed", "phase", "busted", "mass cancelled"),
)
REASONS = (
    *("", "requested", "unknown order", "duplicate", "unknown instrument", "bad quantity"),
    *("bad price", "bad order", "not owner", "halted", "closed", "would trade", "ioc", "fok"),
    *("min qty", "market", "self trade", "mass cancel", "disconnected", "day over", "date"),
    *("stop passed", "book full", "unknown trade", "venue", "auction over"),
)

Request = dict[str, int]
Event = dict[str, Any]


@dataclass
class Order:
    id: int
    user: int
    owner: int
    instrument: int
    side: int
    type: int
    tif: int
    stp: int
    flags: int
    px: int  # PX_NONE: any price
    leaves: int
    show_qty: int
    min_qty: int
    expire_ns: int
    slippage: int = -1
    stop_px: int = PX_NONE
    trail: int = 0
    step: int = 0
    done: int = 0
    shown: int = 0  # in the book
    age: int = 0  # the smaller it is, the longer it has had its place
    arrived: int = 0  # the same, of when it came to wait

    @property
    def hidden(self) -> int:
        return self.leaves - self.shown

    @property
    def is_whole(self) -> bool:
        return bool(self.flags & ALL_OR_NONE)

    @property
    def trails(self) -> bool:
        return self.type in (TRAILING_STOP, TRAILING_STOP_LIMIT)

    @property
    def waits(self) -> bool:
        return self.type >= STOP

    @property
    def has_limit(self) -> bool:
        return self.type in (LIMIT, STOP_LIMIT, TRAILING_STOP_LIMIT)

    @property
    def ends_at_once(self) -> bool:
        return self.type == MARKET or self.tif in (IOC, FOK)

    def accepts(self, px: int, limit: int | None = None) -> bool:
        limit = self.px if limit is None else limit
        return px <= limit if self.side == BUY else px >= limit


class Market:
    """One instrument."""

    def __init__(self) -> None:
        self.sides: tuple[list[Order], list[Order]] = ([], [])  # first in priority first
        self.stops: tuple[list[Order], list[Order]] = ([], [])  # first to be triggered first
        self.last = PX_NONE
        self.unasked: list[int] = []  # prices of trades that stops have not been asked about
        self.phase = OPEN
        self.is_off = False

    @property
    def trades(self) -> bool:
        return self.phase == OPEN and not self.is_off

    def best(self, side: int) -> int:
        return self.sides[side][0].px if self.sides[side] else PX_NONE

    def rest(self, order: Order) -> None:
        """At the back of its price."""
        queue = self.sides[order.side]
        ahead = [o for o in queue if (o.px >= order.px if order.side == BUY else o.px <= order.px)]
        queue.insert(len(ahead), order)

    def wait(self, order: Order) -> None:
        """Of buys the lowest stop price is triggered first."""
        queue = self.stops[order.side]
        ahead = [
            o
            for o in queue
            if (o.stop_px <= order.stop_px if order.side == BUY else o.stop_px >= order.stop_px)
        ]
        queue.insert(len(ahead), order)

    def meets(self, side: int, limit: int) -> bool:
        """Whether an order of that limit finds somebody."""
        there = self.best(1 - side)
        return there != PX_NONE and (there <= limit if side == BUY else there >= limit)

    def find(self, id: int) -> Order | None:
        every = (*self.sides, *self.stops)
        return next((o for queue in every for o in queue if o.id == id), None)

    def drop(self, order: Order) -> None:
        queue = (self.stops if order.waits else self.sides)[order.side]
        queue.pop(next(i for i, o in enumerate(queue) if o is order))


def ends(queue: list[Order]) -> Iterator[int]:
    """Where the quantity of the first orders of a side can begin to suit: all of an all-or-none
    order, or anything of another.
    """
    total = 0
    for order in queue:
        yield total + order.leaves if order.is_whole else total + 1
        total += order.leaves


def makes(queue: list[Order], qty: int) -> bool:
    """Whether the first orders of a side can make exactly so much."""
    for order in queue:
        if qty <= order.leaves:
            return qty == order.leaves or (qty > 0 and not order.is_whole)
        qty -= order.leaves
    return False


def first(queue: list[Order], qty: int) -> list[Order]:
    """Those of them that it takes."""
    n = 0
    while qty > 0:
        qty -= queue[n].leaves
        n += 1
    return queue[:n]


def pairs(buys: list[Order], sells: list[Order], qty: int) -> Iterator[tuple[Order, Order, int]]:
    """Who trades with whom, and how much."""
    sides = ([(o, o.leaves) for o in buys], [(o, o.leaves) for o in sells])
    while qty > 0:
        (buy, bought), (sell, sold) = sides[BUY][0], sides[SELL][0]
        part = min(qty, bought, sold)
        yield buy, sell, part
        qty -= part
        for side, (order, left) in zip(sides, ((buy, bought), (sell, sold)), strict=True):
            side[0] = (order, left - part)
            if left == part:
                side.pop(0)
