"""The matching engine: requests in, events out, deterministic.

    m = Matcher(n_instruments=1)
    m.new(1, Side.BUY, 100, 10 * PX)
    for event in m.new(2, Side.SELL, 40, 10 * PX):
        print(event)

What each order does is said once, in csrc/rig/exchange/match.h. Times are the caller's. For many
requests at once, `take` has arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.market.books import LEVEL, PX_NONE, QUEUED, Side
from engine.market.fix import Records

PX = 1_000_000_000  # a price of 1
ALL = 2**32 - 1  # instruments; also: an order whose instrument is not known
ANYBODY = 2**32 - 1  # as the owner of a request: the venue itself
BOTH_SIDES = 2


class Op(IntEnum):
    NEW = 0
    CANCEL = 1
    REDUCE = 2
    REPLACE = 3
    MODIFY = 4
    MASS_CANCEL = 5
    PHASE = 6
    DAY_END = 7
    BUST = 8
    TIME = 9
    MATCHING = 10


class Type(IntEnum):
    LIMIT = 0
    MARKET = 1
    STOP = 2
    STOP_LIMIT = 3
    TRAILING_STOP = 4
    TRAILING_STOP_LIMIT = 5


class Tif(IntEnum):
    DAY = 0
    GTC = 1
    IOC = 2
    FOK = 3
    GTD = 4
    AT_OPEN = 5


class Stp(IntEnum):
    """Instead of a trade between two orders of one owner."""

    NONE = 0
    NEWEST = 1
    OLDEST = 2
    BOTH = 3
    DECREMENT = 4


class Phase(IntEnum):
    OPEN = 0
    HALTED = 1
    AUCTION = 2
    CLOSED = 3


class Flag(IntFlag):
    """Of a request, and of a live order."""

    NONE = 0
    POST_ONLY = 1
    ALL_OR_NONE = 2
    TO_BACK = 4  # of a replacement: it loses its place in any case


class Trigger(IntEnum):
    """What triggers stops: trades, or the best prices."""

    LAST = 0
    BEST = 1


class Kind(IntEnum):
    ACCEPTED = 0
    REJECTED = 1
    FILL = 2
    CANCELLED = 3
    REDUCED = 4
    REPLACED = 5
    REFUSED = 6
    EXPIRED = 7
    TRIGGERED = 8
    RESTED = 9
    REFILLED = 10
    TRAILED = 11
    PHASED = 12
    BUSTED = 13
    MASS_CANCELLED = 14


class EventFlag(IntFlag):
    NONE = 0
    AGGRESSOR = 1
    SHOWN = 2
    KEPT_PLACE = 4
    IN_AUCTION = 8


def _dtype(is_event: bool) -> np.dtype[np.void]:
    n_bytes, members = _core.match_layout(is_event)
    names, formats, offsets = zip(*members, strict=True)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": n_bytes})


# Mirror struct rl_match_request and struct rl_match_event.
REQUEST = _dtype(is_event=False)
EVENT = _dtype(is_event=True)

OP_NAMES, KIND_NAMES, REASON_TEXTS = (tuple(names) for names in _core.match_names())


@dataclass(frozen=True, slots=True)
class Event:
    """What happened; which members mean something, match.h says."""

    seq: int
    ts_ns: int
    id: int
    other_id: int
    user: int
    match: int
    px_nano: int
    qty: int
    leaves: int
    shown: int
    done: int
    shown_before: int
    instrument: int
    owner: int
    kind: Kind
    side: int
    reason: int
    flags: EventFlag
    type: int
    op: int

    @property
    def why(self) -> str:
        """The reason as a sentence; of a phase, its name."""
        if self.kind == Kind.PHASED:
            return Phase(self.reason).name.lower()
        return REASON_TEXTS[self.reason]


@dataclass(frozen=True, slots=True)
class Order:
    """A live order. `stop_px_nano` is None unless it waits for that price."""

    id: int
    user: int
    leaves: int
    shown: int
    done: int
    expire_ns: int
    px_nano: int | None
    stop_px_nano: int | None
    instrument: int
    owner: int
    side: Side
    type: Type
    tif: Tif
    stp: Stp
    flags: Flag


_KIND = (EVENT.names or ()).index("kind")
_FLAGS = (EVENT.names or ()).index("flags")
_KINDS = tuple(Kind)
_EVENT_FLAGS = tuple(EventFlag(value) for value in range(16))
_PLACES = {name: i for i, name in enumerate(REQUEST.names or ())}


def events_of(records: Records) -> list[Event]:
    """Records (dtype EVENT) as objects."""
    made = []
    for row in records.tolist():
        values = list(row)
        values[_KIND] = _KINDS[values[_KIND]]
        values[_FLAGS] = _EVENT_FLAGS[values[_FLAGS]]
        made.append(Event(*values))
    return made


def _fits(name: str, value: int) -> bool:
    limits = np.iinfo(REQUEST[name])
    return bool(limits.min <= value <= limits.max)


class Matcher:
    """The books of `n_instruments`, numbered from 0, whose orders trade.

    `n_orders` may be live at once, `n_stops` (0: as many) of them waiting; one side has at most
    `n_levels_per_side` prices; owners count from 0; the last `n_trades` (a power of two) can be
    taken back. Every price is a multiple of `tick_nano`; an order has at most `max_qty` (0: any).

    Each call gives the events that it led to. `now_ns` is the time of all calls until it is set
    again; it never goes back. One thread at a time uses it.

    ValueError for sizes of 0 or beyond 32-bit slots, and for a number that does not fit its member;
    MemoryError when the host has too little.
    """

    def __init__(
        self,
        n_instruments: int = 1,
        n_orders: int = 1 << 12,
        *,
        n_stops: int = 0,
        n_levels_per_side: int = 1 << 12,
        n_owners: int = 1 << 8,
        n_trades: int = 1 << 10,
        tick_nano: int = 1,
        max_qty: int = 0,
        trigger: Trigger = Trigger.LAST,
        seed: int = 1,
    ) -> None:
        self.n_instruments = n_instruments
        self.now_ns = 0
        self._core = _core.Match(
            *(n_instruments, n_orders, n_stops, n_levels_per_side, n_owners, n_trades),
            *(tick_nano, max_qty, trigger, seed),
        )
        self._one = np.zeros(1, REQUEST)
        self._time = np.zeros(1, np.uint64)

    # --- requests ---------------------------------------------------------------------------------

    def take(self, requests: Records, times: npt.NDArray[np.uint64] | None = None) -> Records:
        """Take requests (dtype REQUEST), each at its time or all now: events (dtype EVENT)."""
        if times is None:
            times = np.full(len(requests), self.now_ns, np.uint64)
        out = np.empty(self._core.take(requests, times), EVENT)
        self._core.drain(out)
        if len(times):
            self.now_ns = max(self.now_ns, int(times[-1]))
        return out

    def request(self, op: Op, **members: int) -> list[Event]:
        """Take one request with these members (KeyError: it has none such); the others are 0."""
        values = [0] * len(_PLACES)
        values[_PLACES["op"]] = op
        for name, value in members.items():
            values[_PLACES[name]] = value
        try:
            self._one[0] = tuple(values)
        except OverflowError:
            wrong = next(name for name, value in members.items() if not _fits(name, value))
            raise ValueError(f"{wrong}: {members[wrong]} does not fit") from None
        self._time[0] = self.now_ns
        return events_of(self.take(self._one, self._time))

    def new(
        self,
        id: int,
        side: int,
        qty: int,
        px_nano: int | None = None,
        *,
        instrument: int = 0,
        type: Type | None = None,
        tif: Tif = Tif.GTC,
        stop_px_nano: int | None = None,
        slippage_nano: int = -1,
        trail_nano: int = 0,
        trail_step_nano: int = 0,
        show_qty: int = 0,
        min_qty: int = 0,
        expire_ns: int = 0,
        owner: int = 0,
        user: int = 0,
        stp: Stp = Stp.NONE,
        flags: Flag = Flag.NONE,
    ) -> list[Event]:
        """A new order: a limit order when it has a price, else a market order, unless `type` says
        otherwise.
        """
        if type is None:
            type = Type.MARKET if px_nano is None else Type.LIMIT
        return self.request(
            Op.NEW,
            id=id,
            side=Side(side),
            qty=qty,
            px_nano=PX_NONE if px_nano is None else px_nano,
            instrument=instrument,
            type=type,
            tif=tif,
            stop_px_nano=PX_NONE if stop_px_nano is None else stop_px_nano,
            slippage_nano=slippage_nano,
            trail_nano=trail_nano,
            trail_step_nano=trail_step_nano,
            show_qty=show_qty,
            min_qty=min_qty,
            expire_ns=expire_ns,
            owner=owner,
            user=user,
            stp=stp,
            flags=flags,
        )

    def cancel(self, id: int, *, instrument: int = ALL, owner: int = ANYBODY) -> list[Event]:
        return self.request(Op.CANCEL, id=id, instrument=instrument, owner=owner)

    def reduce(
        self, id: int, qty: int, *, instrument: int = ALL, owner: int = ANYBODY
    ) -> list[Event]:
        """Take so much off; the order keeps its place, and goes when nothing is left."""
        return self.request(Op.REDUCE, id=id, qty=qty, instrument=instrument, owner=owner)

    def replace(
        self,
        id: int,
        new_id: int,
        qty: int,
        px_nano: int | None,
        *,
        stop_px_nano: int | None = None,
        show_qty: int = 0,
        is_total: bool = False,
        flags: Flag = Flag.NONE,
        user: int = 0,
        instrument: int = ALL,
        owner: int = ANYBODY,
    ) -> list[Event]:
        """Another quantity and price. `qty` is what shall be open; with `is_total`, what has traded
        is taken off it.
        """
        return self.request(
            Op.MODIFY if is_total else Op.REPLACE,
            id=id,
            new_id=new_id,
            qty=qty,
            px_nano=PX_NONE if px_nano is None else px_nano,
            stop_px_nano=PX_NONE if stop_px_nano is None else stop_px_nano,
            show_qty=show_qty,
            flags=flags,
            user=user,
            instrument=instrument,
            owner=owner,
        )

    def mass_cancel(
        self, *, owner: int = ANYBODY, instrument: int = ALL, side: int = BOTH_SIDES
    ) -> list[Event]:
        return self.request(Op.MASS_CANCEL, owner=owner, instrument=instrument, side=side)

    def phase(self, phase: Phase, instrument: int = ALL) -> list[Event]:
        return self.request(Op.PHASE, phase=phase, instrument=instrument, owner=ANYBODY)

    def matching(self, is_on: bool, instrument: int = ALL) -> list[Event]:
        """Off: orders rest and may cross. On: they trade, one by one."""
        return self.request(Op.MATCHING, qty=int(is_on), instrument=instrument, owner=ANYBODY)

    def bust(self, match: int) -> list[Event]:
        """Take a trade back."""
        return self.request(Op.BUST, match=match, owner=ANYBODY)

    def day_end(self, instrument: int = ALL) -> list[Event]:
        return self.request(Op.DAY_END, instrument=instrument, owner=ANYBODY)

    def time(self, now_ns: int) -> list[Event]:
        """It is so late now: orders may expire."""
        self.now_ns = max(self.now_ns, now_ns)
        return self.request(Op.TIME)

    # --- questions --------------------------------------------------------------------------------

    def order(self, id: int, instrument: int = ALL) -> Order | None:
        """A live order, shown or waiting."""
        found = self._core.find(instrument, id)
        if found is None:
            return None
        *_, instrument, owner, side, type, tif, stp, flags = found
        return Order(
            id,
            *found[:7],
            instrument,
            owner,
            Side(side),
            Type(type),
            Tif(tif),
            Stp(stp),
            Flag(flags & int(Flag.POST_ONLY | Flag.ALL_OR_NONE)),
        )

    def depth(self, instrument: int, side: int) -> Records:
        """All levels of a side (dtype LEVEL), best first."""
        return self._depth(instrument, side, is_waiting=False)

    def queue(self, instrument: int, side: int, px_nano: int) -> Records:
        """The orders at a price (dtype QUEUED) with what they show, first in line first."""
        return self._queue(instrument, side, px_nano, is_waiting=False)

    def resting(self, instrument: int, side: int) -> Iterator[Order]:
        """The shown orders of a side, in the order of their priority."""
        yield from self._orders(instrument, side, is_waiting=False)

    def stops(self, instrument: int, side: int) -> Iterator[Order]:
        """The orders of a side that wait for their stop price, the first to be triggered first."""
        yield from self._orders(instrument, side, is_waiting=True)

    def last_px_nano(self, instrument: int = 0) -> int | None:
        return self._core.last_px(self._instrument(instrument))

    def phase_of(self, instrument: int = 0) -> Phase:
        return Phase(self._core.phase(self._instrument(instrument)))

    def next_expiry_ns(self) -> int | None:
        """When the next order reaches its date."""
        at = self._core.next_expiry_ns()
        return None if at == 2**64 - 1 else at

    def hash(self) -> int:
        """Over all events so far: what two runs compare."""
        return self._core.hash()

    def books_hash(self) -> int:
        """Over what is shown, as `engine.market.Books.hash`."""
        return self._core.books_hash()

    def check(self) -> str | None:
        """What is wrong inside, None when nothing is."""
        return self._core.check()

    def _orders(self, instrument: int, side: int, is_waiting: bool) -> Iterator[Order]:
        for level in self._depth(instrument, side, is_waiting):
            queue = self._queue(instrument, side, int(level["px_nano"]), is_waiting)
            for id in queue["id"].tolist():
                order = self.order(id, instrument)
                assert order is not None, "what stands in a queue is live"
                yield order

    def _depth(self, instrument: int, side: int, is_waiting: bool) -> Records:
        n_levels, _ = self._core.n(self._instrument(instrument), Side(side), is_waiting)
        out = np.empty(n_levels, LEVEL)
        self._core.depth(instrument, side, is_waiting, out)
        return out

    def _queue(self, instrument: int, side: int, px_nano: int, is_waiting: bool) -> Records:
        _, n_orders = self._core.n(self._instrument(instrument), Side(side), is_waiting)
        out = np.empty(n_orders, QUEUED)
        return out[: self._core.queue(instrument, side, px_nano, is_waiting, out)].copy()

    def _instrument(self, instrument: int) -> int:
        if not 0 <= instrument < self.n_instruments:
            raise IndexError(f"instrument: {instrument} is not in 0 .. {self.n_instruments - 1}")
        return instrument
