"""Order books in batches: arrays of updates in, arrays of best prices and levels out."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.market.fix import Records

PX_NONE = -(2**63)  # no price: an empty side
VIEW_LEVELS = 10  # that a view shows of each side

# What the best prices say: locked is bid equal to ask, crossed is bid above ask.
State: TypeAlias = Literal["empty", "one-sided", "open", "locked", "crossed"]


class Op(IntEnum):
    """What an update does, and which of its members it reads (csrc/market/update.h)."""

    NONE = 0  # nothing
    ADD = 1  # id side px qty: a new order at the back of its price's queue
    REDUCE = 2  # id qty: takes qty off; the order goes when nothing is left
    DELETE = 3  # id
    REPLACE = 4  # id new_id px qty: same side, always to the back of the queue
    MODIFY = 5  # id side px qty: keeps its place unless price moves or qty grows
    LEVEL = 6  # side px qty: anonymous quantity at a price, 0 removes it
    CLEAR = 7  # (instrument): its book is empty
    RESET = 8  # every book is empty
    TRADE = 9  # side px qty: a print; no effect on the book


class Side(IntEnum):
    BUY = 0
    SELL = 1


# Mirrors struct rl_update: one cache line. Prices count 1e-9, quantities the venue's smallest lot.
UPDATE = np.dtype(
    {
        "names": ["seq", "id", "new_id", "px_nano", "qty", "ts_ns", "instrument", "op", "side"],
        "formats": ["<u8", "<u8", "<u8", "<i8", "<u8", "<u8", "<u4", "<u1", "<u1"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 52, 53],
        "itemsize": 64,
    }
)

# The best of both sides; an empty side has px_nano PX_NONE and quantity 0.
BBO = np.dtype(
    [
        ("bid_px_nano", "<i8"),
        ("ask_px_nano", "<i8"),
        ("bid_qty", "<u8"),
        ("ask_qty", "<u8"),
    ]
)

LEVEL = np.dtype(
    {
        "names": ["px_nano", "qty", "n_orders"],
        "formats": ["<i8", "<u8", "<u4"],
        "offsets": [0, 8, 16],
        "itemsize": 24,
    }
)


# Mirrors struct rl_book_top: a book as readers in other threads see it. `seq` and `ts_ns` are those
# of the last update that changed any of it, `levels` [side][rank], best first; what lies beyond
# `n_levels` of a side is rubbish.
TOP = np.dtype(
    [
        ("seq", "<u8"),
        ("ts_ns", "<u8"),
        ("n_levels", "<u4", (2,)),
        ("levels", LEVEL, (2, VIEW_LEVELS)),
    ]
)

# An order in its queue.
QUEUED = np.dtype([("id", "<u8"), ("qty", "<u8")])


class Order(NamedTuple):
    side: Side
    px_nano: int
    qty: int


class Taking(NamedTuple):
    """What taking a quantity costs: how much of it is there, the exact sum of price (1e-9) times
    quantity, and their ratio in 1e-9, rounded to nearest (PX_NONE when nothing is there).
    """

    filled_qty: int
    notional: int
    px_nano: int


class Counts(NamedTuple):
    bid_levels: int
    ask_levels: int
    bid_orders: int
    ask_orders: int


class Books:
    """The books of `n_instruments`, numbered from 0: queues of orders and anonymous levels.

    `n_orders` may be live at once, all instruments together; one side has at most
    `n_levels_per_side` prices; `n_levels` bounds all of them together (0: what the others
    suggest). Updates beyond a bound are refused and counted. One thread at a time uses it: `apply`,
    `hash` and `check` let other threads run meanwhile, whose calls raise RuntimeError.

    ValueError for sizes of 0 or beyond 32-bit slots, MemoryError when the host has too little.
    """

    def __init__(
        self, n_instruments: int, n_orders: int, n_levels_per_side: int = 1 << 14, n_levels: int = 0
    ) -> None:
        for name, size in (
            ("n_instruments", n_instruments),
            ("n_orders", n_orders),
            ("n_levels_per_side", n_levels_per_side),
            ("n_levels", n_levels),
        ):
            if not 0 <= size < 2**32:
                raise ValueError(f"{name}: {size} is not a 32-bit count")
        self.n_instruments = n_instruments
        self._core = _core.Books(
            n_instruments=n_instruments,
            n_orders=n_orders,
            n_levels_per_side=n_levels_per_side,
            n_levels=n_levels,
        )

    def apply(self, updates: Records) -> npt.NDArray[np.bool_]:
        """Apply updates (dtype UPDATE) in order.

        True where the best price or its quantity of the update's instrument changed. The array is
        read in place and locked meanwhile.
        """
        changed = np.empty(len(updates), np.bool_)
        self._core.apply(updates, changed)
        return changed

    def bbo(self) -> Records:
        """The best of every instrument (dtype BBO), a copy."""
        out = np.empty(self.n_instruments, BBO)
        self._core.bbo(out)
        return out

    def depth(self, instrument: int, n: int) -> tuple[Records, Records]:
        """The best `n` bids and asks (dtype LEVEL), best first; shorter when there are fewer."""
        sides = []
        for side in Side:
            out = np.empty(n, LEVEL)
            sides.append(out[: self._core.depth(self._instrument(instrument), side, out)])
        return sides[0], sides[1]

    def qty_at(self, instrument: int, side: int, px_nano: int) -> int:
        """The quantity of a side at a price; 0 when nobody is there."""
        return self._core.qty_at(self._instrument(instrument), Side(side), _px(px_nano))

    def vwap(self, instrument: int, side: int, qty: int) -> Taking:
        """What taking `qty` from a side costs, best price first: a buyer takes from SELL."""
        filled_qty, high, low, px_nano = self._core.take(
            self._instrument(instrument), Side(side), _u64("qty", qty)
        )
        return Taking(filled_qty, (high << 64) + low, px_nano)

    def queue(self, instrument: int, side: int, px_nano: int) -> Records:
        """The orders at a price (dtype QUEUED), first in line first."""
        counts = self.counts(instrument)
        out = np.empty(counts.ask_orders if side else counts.bid_orders, QUEUED)
        return out[: self._core.queue(instrument, Side(side), _px(px_nano), out)].copy()

    def state(self, instrument: int) -> State:
        """What the best prices say about the market."""
        return self._core.state(self._instrument(instrument))

    def find(self, instrument: int, id: int) -> Order | None:
        """A live order; None when there is none of that id."""
        found = self._core.find(self._instrument(instrument), _u64("id", id))
        return None if found is None else Order(Side(found[0]), *found[1:])

    def queue_rank(self, instrument: int, id: int) -> int | None:
        """How many orders stand before this one at its price; None when it is not there."""
        return self._core.queue_rank(self._instrument(instrument), _u64("id", id))

    def counts(self, instrument: int) -> Counts:
        """How many levels and orders the sides of an instrument have."""
        return Counts(*self._core.n(self._instrument(instrument)))

    def view(self) -> BookView:
        """The books for other threads to read, from now on; each call gives the same one.

        Every update is published by itself. Without a view nothing is published, and costs nothing.
        """
        return BookView(self._core.view(), self.n_instruments)

    def hash(self) -> int:
        """All state as 64 bits, whatever the order in which the orders came to be."""
        return self._core.hash()

    def check(self) -> str | None:
        """Every queue, sum, index slot and free list: what is wrong, None when nothing is."""
        return self._core.check()

    def counters(self) -> dict[str, int]:
        """What was seen so far, by name (csrc/market/book/book.h)."""
        return self._core.counters()

    def _instrument(self, instrument: int) -> int:
        if not 0 <= instrument < self.n_instruments:
            raise IndexError(f"instrument: {instrument} is not in 0 .. {self.n_instruments - 1}")
        return instrument


class BookView:
    """The best levels of every book, readable while another thread is in `Books.apply`."""

    def __init__(self, core: _core.BookViews, n_instruments: int) -> None:
        self.n_instruments = n_instruments
        self._core = core

    @property
    def published(self) -> int:
        """`seq` of the last update whose effect can be read."""
        return self._core.published

    def tops(self) -> tuple[Records, npt.NDArray[np.bool_]]:
        """Every book (dtype TOP), each a consistent copy of one moment, not all of the same.

        The second array is False where the writer was at it in a thousand tries: that book is void.
        """
        out = np.zeros(self.n_instruments, TOP)
        valid = np.empty(self.n_instruments, np.bool_)
        self._core.read(0, out, valid)
        return out, valid

    def top(self, instrument: int) -> np.void | None:
        """One book (dtype TOP); None when the writer was at it in a thousand tries."""
        if not 0 <= instrument < self.n_instruments:
            raise IndexError(f"instrument: {instrument} is not in 0 .. {self.n_instruments - 1}")
        out = np.zeros(1, TOP)
        valid = np.empty(1, np.bool_)
        self._core.read(instrument, out, valid)
        return out[0] if valid[0] else None


def _u64(name: str, value: int) -> int:
    if not 0 <= value < 2**64:
        raise ValueError(f"{name}: {value} is not a number of 64 bits")
    return value


def _px(px_nano: int) -> int:
    if not -(2**63) <= px_nano < 2**63:
        raise ValueError(f"px_nano: {px_nano} is not a signed number of 64 bits")
    return px_nano
