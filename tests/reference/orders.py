"""The life of orders as facts: the slow oracle for csrc/trade/order, from its rules.

Nothing here is a table of transitions. Of an order we keep what is known of it: whether the venue
acknowledged it, what it executed, which requests wait for an answer, whether the session was lost
and whether it has ended; its state follows from that. An event is legal when a venue can
truthfully say it of such an order. Executions are a list that is searched from the end.

A change is what OrderTable (engine._core) calls one: flags, lots booked (below 0 taken back) and
their price, lots undone by a correction and their price, lots reserved before and the price that
values them, both now, and the order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BUY, SELL = 0, 1
MARKET = 1
NONE, PENDING_NEW, WORKING, PARTIAL, FILLED, PENDING_CANCEL, PENDING_REPLACE = range(7)
CANCELLED, REPLACED, REJECTED, EXPIRED, UNKNOWN = range(7, 12)
N_STATES = 12
(SEND, CANCEL_SENT, REPLACE_SENT, ACK, REJECT, FILL, IS_CANCELLED, CANCEL_REJECT) = range(8)
(IS_REPLACED, REPLACE_REJECT, IS_EXPIRED, BUST, CORRECT, DISCONNECT, STATUS_OPEN) = range(8, 15)
STATUS_GONE = 15
N_EVENTS = 16
ILLEGAL, UNKNOWN_ORDER, DUPLICATE, LATE, OVERFILL = 1, 2, 4, 8, 16
EARLY, UNSOLICITED, UNKNOWN_EXEC, CLOSED, CONFLICT = 32, 64, 128, 256, 512
REOPENED = 1024
IOC, FOK = 2, 3
COUNTER_BITS = 40
LOTS_MAX = 2**63 - 1

Px = int | None
OrderRow = tuple[Px, ...]
Booked = tuple[int, Px, int, Px]
UNBOOKED: Booked = (0, 0, 0, 0)
Change = tuple[int, int, Px, int, Px, int, Px, int, Px, OrderRow | None]


@dataclass
class Request:
    """A cancel or a replace that was sent."""

    id: int
    order: Order
    is_cancel: bool
    qty: int = 0
    px: Px = None
    is_over: bool = False  # answered, or overtaken: nobody waits for it
    is_answered: bool = False


@dataclass
class Order:
    id: int
    side: int
    qty: int
    px: Px
    scopes: tuple[int, int, int, int]  # instrument, account, strategy, venue
    kind: int  # limit or market
    time_in_force: int
    trigger: int
    cum: int = 0
    is_acked: bool = False
    is_lost: bool = False
    ended: int = NONE  # the terminal state, when it has one
    cancel: Request | None = None
    replace: Request | None = None
    heir: Order | None = None  # REPLACED: by which order

    @property
    def is_open(self) -> bool:
        return self.ended == NONE

    @property
    def venue(self) -> int:
        return self.scopes[3]

    @property
    def rest(self) -> int:
        return max(0, self.qty - self.cum)

    @property
    def total(self) -> int:
        """All that it may come to, whichever way its pending replace is answered."""
        return max(self.qty, self.replace.qty if self.replace else 0)

    @property
    def state(self) -> int:
        if self.ended:
            return self.ended
        if self.is_lost:
            return UNKNOWN
        if self.cancel:
            return PENDING_CANCEL
        if self.replace:
            return PENDING_REPLACE
        if self.cum > 0:
            return PARTIAL
        return WORKING if self.is_acked else PENDING_NEW

    def reserved(self) -> tuple[int, Px]:
        """Lots that may still be executed, and the price that values them highest."""
        if not self.is_open:
            return 0, self.px
        px = farther(self.px, self.replace.px) if self.replace else self.px
        return max(0, self.total - self.cum), px

    def row(self) -> OrderRow:
        """As engine._core.OrderTable.find gives it; the second is None of a replaced order."""
        instrument, account, strategy, venue = self.scopes
        waits = self.replace.id if self.replace else 0
        return (
            self.id,
            None if self.ended == REPLACED else waits,
            self.px,
            self.qty,
            self.cum,
            self.trigger,
            instrument,
            venue,
            account,
            strategy,
            self.state,
            self.side,
            self.kind,
            self.time_in_force,
            *self.reserved(),
        )

    def overtake(self) -> None:
        """Nothing is asked of it any more; refusals that still come are heard."""
        for request in (self.cancel, self.replace):
            if request:
                request.is_over = True
        self.cancel = self.replace = None

    def end(self, state: int) -> None:
        self.overtake()
        self.is_lost = False
        self.ended = state


def farther(a: Px, b: Px) -> Px:
    """The price farther from zero; a market order's is the farthest."""
    if a is None or b is None:
        return None
    return a if abs(a) >= abs(b) else b


@dataclass
class Exec:
    venue: int
    exec: int
    order: Order
    qty: int
    px: int
    is_busted: bool = False
    by: int = 0  # the execution that a correction put in its place; 0: it stands


@dataclass
class Orders:
    n_slots: int
    n_execs: int
    epoch: int
    slots: dict[int, Order | Request] = field(default_factory=dict)
    execs: list[Exec] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.next = (self.epoch << COUNTER_BITS) + 1

    # --- ids and slots ----------------------------------------------------------------------------

    def open(self) -> list[Order]:
        """By slot."""
        return [o for _, o in sorted(self.slots.items()) if isinstance(o, Order) and o.is_open]

    def waiting(self, is_cancel: bool) -> list[Request]:
        return [
            r
            for r in self.slots.values()
            if isinstance(r, Request) and r.is_cancel == is_cancel and not r.is_over
        ]

    def is_taken(self, id: int) -> bool:
        there = self.slots.get(id % self.n_slots)
        if isinstance(there, Request):
            return not there.is_over
        return there is not None and there.is_open

    def next_cancel_id(self) -> int:
        """The next one whose slot is free."""
        for n in range(self.n_slots):
            if not self.is_taken(self.next + n):
                self.next += n + 1
                return self.next - 1
        return 0

    def next_id(self) -> int:
        """The same, when fewer than half of the slots have orders and replaces."""
        if len(self.open()) + len(self.waiting(is_cancel=False)) >= (self.n_slots - 1) // 2:
            return 0
        return self.next_cancel_id()

    def there(self, id: int) -> Order | Request | None:
        entry = self.slots.get(id % self.n_slots)
        return entry if entry is not None and id and entry.id == id else None

    def is_known(self, entry: Order | Request) -> bool:
        return self.there(entry.id) is entry

    def find(self, id: int) -> Order | None:
        entry = self.there(id)
        return entry if isinstance(entry, Order) else None

    def end_of(self, order: Order) -> Order:
        """The living end of a chain of replaces, as far as it is known."""
        while order.heir and self.is_known(order.heir):
            order = order.heir
        return order

    # --- what we send -----------------------------------------------------------------------------

    def sent(
        self,
        id: int,
        side: int,
        qty: int,
        px: Px,
        instrument: int,
        account: int,
        strategy: int,
        venue: int,
        kind: int,
        time_in_force: int,
        expire_ns: int,
        trigger: int,
    ) -> Change:
        if not self._is_free(id) or not 0 < qty <= LOTS_MAX:
            return nothing(ILLEGAL)
        scopes = (instrument, account, strategy, venue)
        order = Order(id, side, qty, px, scopes, kind, time_in_force, trigger)
        self.slots[id % self.n_slots] = order
        return self._told(order, (0, 0, False), 0)

    def cancel_sent(self, request_id: int, order_id: int) -> Change:
        order = self.find(order_id)
        if order is None:
            return nothing(UNKNOWN_ORDER)
        was = before(order)
        if not order.is_open or not self._is_free(request_id):
            return self._told(order, was, ILLEGAL)
        if order.cancel:
            order.cancel.is_over = True
        order.cancel = Request(request_id, order, is_cancel=True)
        self.slots[request_id % self.n_slots] = order.cancel
        return self._told(order, was, 0)

    def replace_sent(self, new_id: int, order_id: int, qty: int, px: Px) -> Change:
        order = self.find(order_id)
        if order is None:
            return nothing(UNKNOWN_ORDER)
        was = before(order)
        can = order.state in (WORKING, PARTIAL) and self._is_free(new_id) and new_id > order_id
        if not can or not 0 < qty <= LOTS_MAX:
            return self._told(order, was, ILLEGAL)
        order.replace = Request(new_id, order, is_cancel=False, qty=qty, px=px)
        self.slots[new_id % self.n_slots] = order.replace
        return self._told(order, was, 0)

    def _is_free(self, id: int) -> bool:
        return id != 0 and not self.is_taken(id) and self.there(id) is None

    # --- what the venue says ----------------------------------------------------------------------

    def disconnect(self, venue: int) -> list[Change]:
        there = [o for o in self.open() if o.venue == venue]
        return [self.event(DISCONNECT, o.id, 0, 0, 0, 0, None) for o in there]

    def event(
        self, kind: int, id: int, orig_id: int, exec: int, ref_exec: int, qty: int, px: Px
    ) -> Change:
        request, order, is_one = self._meant(id, orig_id)
        if order is None:
            return nothing(UNKNOWN_ORDER)
        # A refusal refuses what its id names, whatever the venue calls it.
        if request and (
            kind in (REJECT, CANCEL_REJECT, REPLACE_REJECT)
            or (kind == STATUS_GONE and order.state == UNKNOWN)
        ):
            kind = CANCEL_REJECT if request.is_cancel else REPLACE_REJECT
        if kind in (FILL, BUST, CORRECT):
            order = self.end_of(order)
        was = before(order)
        flags = ILLEGAL
        booked = UNBOOKED
        if is_one:
            if kind == FILL:
                flags, booked = self._fill(order, exec, qty, px)
            elif kind == BUST:
                flags, booked = self._bust(order, ref_exec, qty)
            elif kind == CORRECT:
                flags, booked = self._correct(order, exec, ref_exec, qty, px)
            elif order.ended != REPLACED or kind in (
                CANCEL_REJECT,
                REPLACE_REJECT,
                DISCONNECT,
                STATUS_GONE,
            ):
                flags, order = self._answer(kind, order, request, qty, px)
        return self._told(order, was, flags, booked)

    def _meant(self, id: int, orig_id: int) -> tuple[Request | None, Order | None, bool]:
        """The request that is answered, the order, and whether both ids are of one order."""
        entry = self.there(id)
        request = entry if isinstance(entry, Request) else None
        order, orig = self._order_of(entry), self._order_of(self.there(orig_id))
        if entry is None:
            return None, orig, True
        is_one = order is None or orig is None or self.end_of(orig) is self.end_of(order)
        return request, order, is_one

    def _order_of(self, entry: Order | Request | None) -> Order | None:
        if isinstance(entry, Request):
            return self.end_of(entry.order) if self.is_known(entry.order) else None
        return entry

    def _told(
        self,
        order: Order,
        was: tuple[int, Px, bool],
        flags: int,
        booked: Booked = UNBOOKED,
    ) -> Change:
        """The change, after an order that has nothing left to execute is filled."""
        if order.is_open and order.cum >= order.total:
            order.end(FILLED)
        if was[2] and not order.is_open:
            flags |= CLOSED
        return (flags, *booked, *was[:2], *order.reserved(), order.row())

    # --- executions -------------------------------------------------------------------------------

    def _exec(self, venue: int, exec: int) -> Exec | None:
        known = self.execs[-self.n_execs :]
        return next((x for x in reversed(known) if (x.venue, x.exec) == (venue, exec)), None)

    def _repeats(self, order: Order, exec: int, qty: int, px: Px) -> int:
        x = self._exec(order.venue, exec) if exec else None
        if x is None:
            return 0
        if x.by:
            return DUPLICATE if x.qty == qty else CONFLICT
        is_same = (x.qty, x.px) == (qty, px) and self._is_of(x, order)
        return DUPLICATE if is_same else CONFLICT

    def _is_of(self, x: Exec, order: Order) -> bool:
        return not self.is_known(x.order) or self.end_of(x.order) is order

    def _fill(self, order: Order, exec: int, qty: int, px: Px) -> tuple[int, Booked]:
        if px is None or not 0 < qty <= LOTS_MAX - order.cum:
            return ILLEGAL, UNBOOKED
        flags = self._repeats(order, exec, qty, px)
        if flags:
            return flags, UNBOOKED
        if not order.is_open:
            flags = LATE
        elif not order.is_acked:
            flags = EARLY
        order.cum += qty
        if order.cum > order.total:
            flags |= OVERFILL
        if exec:
            self.execs.append(Exec(order.venue, exec, order, qty, px))
        return flags, (qty, px, 0, 0)

    def _standing(self, order: Order, ref_exec: int) -> tuple[Exec | None, int]:
        """The execution that is meant, through its corrections, or why it cannot be touched."""
        x = self._exec(order.venue, ref_exec) if ref_exec else None
        while x and x.by:
            x = self._exec(order.venue, x.by)
        if x is None:
            return None, UNKNOWN_EXEC
        if x.is_busted:
            return x, DUPLICATE
        if not self.is_known(x.order):  # forgotten: it may have been of anybody
            return None, UNKNOWN_EXEC
        return x, 0 if self._is_of(x, order) else CONFLICT

    def _bust(self, order: Order, ref_exec: int, qty: int) -> tuple[int, Booked]:
        x, why = self._standing(order, ref_exec)
        if x is None or why:
            return why, UNBOOKED
        x.is_busted = True
        order.cum = max(0, order.cum - x.qty)
        if order.is_open and 0 < qty < order.qty:  # its quantity is taken off the order, too
            order.qty = max(qty, order.cum)
        return 0, (-x.qty, x.px, 0, 0)

    def _correct(
        self, order: Order, exec: int, ref_exec: int, qty: int, px: Px
    ) -> tuple[int, Booked]:
        if px is None or not 0 < qty <= LOTS_MAX:
            return ILLEGAL, UNBOOKED
        is_in_place = exec in (0, ref_exec)
        flags = 0 if is_in_place else self._repeats(order, exec, qty, px)
        if flags:
            return flags, UNBOOKED
        x, why = self._standing(order, ref_exec)
        if x is None or why:
            return CONFLICT if why == DUPLICATE else why, UNBOOKED
        if is_in_place and (x.qty, x.px) == (qty, px):
            return DUPLICATE, UNBOOKED
        cum = max(0, order.cum - x.qty)
        if qty > LOTS_MAX - cum:
            return ILLEGAL, UNBOOKED
        undone = x.qty, x.px
        order.cum = cum + qty
        if qty > x.qty and order.cum > order.total:
            flags = OVERFILL
        if is_in_place:
            x.qty, x.px = qty, px
        else:
            x.by = exec
            self.execs.append(Exec(order.venue, exec, order, qty, px))
        return flags, (qty, px, *undone)

    # --- answers ----------------------------------------------------------------------------------

    def _answer(
        self, kind: int, order: Order, request: Request | None, qty: int, px: Px
    ) -> tuple[int, Order]:
        """Flags, and the order that stands now."""
        has_rest = order.is_open or (order.ended == FILLED and order.rest > 0)
        if kind == ACK and not order.is_acked and not request:
            if order.ended in (REJECTED, REPLACED):
                return ILLEGAL, order
            order.is_acked = True
            return 0, order
        if kind == REJECT and order.is_open and order.cum == 0:
            order.end(REJECTED)
            return 0, order
        if kind == IS_CANCELLED and has_rest:
            return self._cancelled(order, request), order
        if kind == IS_EXPIRED and has_rest:
            order.end(EXPIRED)
            return 0, order
        if kind == IS_REPLACED and order.replace and request in (None, order.replace):
            if qty > LOTS_MAX:
                return ILLEGAL, order
            order.replace.qty = qty or order.replace.qty
            order.replace.px = order.replace.px if px is None else px
            return 0, self._become(order, order.replace)
        if kind in (CANCEL_REJECT, REPLACE_REJECT):
            return self._refused(kind, order, request), order
        if kind == DISCONNECT:
            order.is_lost = order.is_open
            return 0, order
        if kind == STATUS_OPEN and order.ended != REPLACED:
            return self._works(order, request)
        if kind == STATUS_GONE:
            if order.is_lost and not order.replace:
                order.end(CANCELLED)
                return 0, order
            return 0 if not order.is_open else ILLEGAL, order
        return ILLEGAL, order

    def _cancelled(self, order: Order, request: Request | None) -> int:
        is_asked = (
            order.cancel is not None
            or order.time_in_force in (IOC, FOK)
            or order.kind == MARKET
            or not order.is_open
        )
        if request and not request.is_answered:
            request.is_answered = True
            is_asked = is_asked or request.is_cancel
        order.end(CANCELLED)
        return 0 if is_asked else UNSOLICITED

    def _refused(self, kind: int, order: Order, request: Request | None) -> int:
        pending = order.cancel if kind == CANCEL_REJECT else order.replace
        if request and request is not pending:  # overtaken: heard once
            was, request.is_answered = request.is_answered, True
            return ILLEGAL if was else 0
        if pending is None:
            return ILLEGAL
        pending.is_over = pending.is_answered = True
        if kind == CANCEL_REJECT:
            order.cancel = None
        else:
            order.replace = None
        return 0

    def _works(self, order: Order, request: Request | None) -> tuple[int, Order]:
        if order.is_open and not order.is_lost:
            order.is_acked = True
            return 0, order
        # What was asked before is answered by what is: the replace too, when its id works.
        is_replaced = request is not None and not request.is_cancel and not request.is_answered
        if (request.qty if request and is_replaced else order.qty) <= order.cum:
            return ILLEGAL, order
        if order.cancel:
            order.cancel.is_over = True
            order.cancel = None
        flags = 0 if order.is_open else REOPENED
        order.is_lost, order.ended, order.is_acked = False, NONE, True
        if request and is_replaced:
            return flags, self._become(order, request)
        order.overtake()
        return flags, order

    def _become(self, order: Order, request: Request) -> Order:
        """What was asked for is the order."""
        request.is_over = request.is_answered = True
        now = Order(
            request.id,
            order.side,
            request.qty,
            request.px,
            order.scopes,
            order.kind,
            order.time_in_force,
            order.trigger,
            cum=order.cum,
            is_acked=True,
            is_lost=order.is_lost,
            cancel=order.cancel,
        )
        if now.cancel:  # what was asked of the old one goes on for the new one
            now.cancel.order = now
        order.cancel = order.replace = None
        order.end(REPLACED)
        order.heir = now
        self.slots[now.id % self.n_slots] = now
        return now


def before(order: Order) -> tuple[int, Px, bool]:
    return (*order.reserved(), order.is_open)


def nothing(flags: int) -> Change:
    return flags, 0, 0, 0, 0, 0, 0, 0, 0, None
