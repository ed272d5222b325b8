"""The order manager with unbounded integers and dicts: the slow oracle for csrc/trade/oms.

Orders are those of reference.orders, positions those of reference.positions. The decision about an
order is made from all orders anew each time, by the sentences of
csrc/trade/risk/risk.h; of limits there are those of `Limits`, all others are off.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from reference import orders as o
from reference.positions import Position

NANO = 10**9
ACTIVE, REDUCE_ONLY, HALTED = range(3)
GLOBAL, VENUE, ACCOUNT, STRATEGY, SYMBOL = range(5)
LOST, LOGGED_ON, RECONCILED = range(3)
READY_SESSION, READY_CLOCK, READY_PHASE, READY_BOOK, READY_ALL = 1, 2, 4, 8, 15
UNKNOWN_FILL, OVERFILL = 3, 4  # causes
MARKET_TYPE, GTD, N_TIFS = 1, 4, 5
(STATE, SESSION, PERMISSION, FIELD, QTY, NOTIONAL, COLLAR, CROSS) = (1 << i for i in range(8))
POSITION, EXPOSURE, LOSS, OPEN = (1 << i for i in range(11, 15))
SHORT_SALE = 1 << 16
REPLACE, FRESHNESS, LIMITS, NO_ID = (1 << i for i in range(18, 22))

Request = tuple[int, int, o.Px, int, int, int, int, int, int, int, int]


@dataclass(frozen=True)
class Limits:
    """Quantities in lots, money in whole units; every account, symbol ... has the same."""

    max_qty: int = 100
    max_notional: int = 9_000
    collar_bps: int = 1_000
    long: int = 150
    short: int = 120
    max_open: int = 8  # of a symbol of an account
    account_max_open: int = 20
    strategy_max_open: int = 18
    venue_max_open: int = 19
    global_max_open: int = 25
    max_gross: int = 50_000
    max_open_notional: int = 30_000
    max_loss: int = 5_000


@dataclass
class Input:
    bid: o.Px = None
    ask: o.Px = None
    ready: int = 0
    utc_ns: int = 0


class Oms:
    N_ACCOUNTS, N_INSTRUMENTS, N_VENUES, N_STRATEGIES = 2, 3, 2, 2

    def __init__(
        self, limits: Limits, *, fifo: frozenset[int], fees: tuple[int, ...], n_slots: int
    ) -> None:
        self.limits = limits
        self.fees = fees
        self.orders = o.Orders(n_slots, 16, 1)
        self.holdings = {
            (a, i): Position(a in fifo)
            for a in range(self.N_ACCOUNTS)
            for i in range(self.N_INSTRUMENTS)
        }
        self.inputs = [Input() for _ in range(self.N_INSTRUMENTS)]
        self.marks: dict[int, int] = {}
        self.states: Counter[tuple[int, int]] = Counter({(GLOBAL, 0): HALTED})
        self.sessions = [LOST] * self.N_VENUES
        self.tripped: set[tuple[int, int]] = {(GLOBAL, 0)}
        self.counts: Counter[str] = Counter()
        self.valued: dict[int, int] = {}  # by order id: what a market order is valued at

    # --- what is there ----------------------------------------------------------------------------

    def open_in(self, account: int, instrument: int) -> list[o.Order]:
        return [x for x in self.orders.open() if x.scopes[:2] == (instrument, account)]

    def work(self, account: int, instrument: int, side: int) -> int:
        return sum(x.reserved()[0] for x in self.open_in(account, instrument) if x.side == side)

    def reach(self, account: int, instrument: int, side: int) -> int:
        """As if all open orders of the side were filled: what is held on that side."""
        net = self.holdings[account, instrument].net
        return (net if side == o.BUY else -net) + self.work(account, instrument, side)

    def gross(self, account: int) -> int:
        return sum(
            max(self.reach(account, i, side) for side in (0, 1)) * self.marks[i]
            for i in range(self.N_INSTRUMENTS)
            if i in self.marks
        )

    def open_notional(self, account: int) -> int:
        return sum(
            qty * (self.valued[x.id] if px is None else px)
            for x in self.orders.open()
            if x.scopes[1] == account
            for qty, px in [x.reserved()]
        )

    def unrealised(self, account: int) -> int:
        total = 0
        for i, mark in self.marks.items():
            held = self.holdings[account, i]
            total += held.net * mark - held.cost
        return total

    def loss(self, account: int) -> int:
        held = [self.holdings[account, i] for i in range(self.N_INSTRUMENTS)]
        return -(sum(h.realised - h.fees for h in held) + self.unrealised(account))

    def is_marked(self, account: int) -> bool:
        return all(
            i in self.marks
            or (
                self.holdings[account, i].net == 0
                and not any(self.work(account, i, side) for side in (0, 1))
            )
            for i in range(self.N_INSTRUMENTS)
        )

    # --- the decision -----------------------------------------------------------------------------

    def judge(self, q: Request, old: o.Order | None = None) -> int:
        """The reasons for which a request is refused."""
        side, qty, px, instrument, account, strategy, venue, kind, tif, expire_ns, _ = q
        limits, seen = self.limits, Input()
        if side > o.SELL:
            return FIELD
        if (
            instrument >= self.N_INSTRUMENTS
            or account >= self.N_ACCOUNTS
            or strategy >= self.N_STRATEGIES
            or venue >= self.N_VENUES
        ):
            return PERMISSION | LIMITS
        seen = self.inputs[instrument]
        has_book = seen.bid is not None and seen.ask is not None and 0 < seen.bid <= seen.ask
        bid, ask = seen.bid or 0, seen.ask or 0
        is_market = kind == MARKET_TYPE
        value, judged_px = self._value(q, has_book, bid, ask)
        size, size_px, more, cost = qty, value, qty, value * qty
        if old is not None:
            size, size_px = max(qty, old.qty), max(value, old.px or 0)
            more = max(0, max(0, qty - old.cum) - old.rest)
            cost = size_px * (old.rest + more) - max(old.px or 0, 0) * old.rest
        fails = Counter({STATE: self._is_stopped(q, more)})
        ready = seen.ready if self.sessions[venue] == RECONCILED else seen.ready & ~READY_SESSION
        fails[SESSION] = ready & 3 != 3
        fails[PERMISSION] = not ready & READY_PHASE
        fails[FRESHNESS] = not ready & READY_BOOK
        has_px = px is None if is_market else px is not None and px > 0
        if tif == GTD:  # a replace keeps its date, which was judged when the order was sent
            expires = seen.utc_ns != 0 and (old is not None or expire_ns > seen.utc_ns)
        else:
            expires = expire_ns == 0
        fails[FIELD] = (
            not 0 < qty <= o.LOTS_MAX or kind > 1 or not has_px or tif >= N_TIFS or not expires
        )
        fails[QTY] = size > limits.max_qty
        fails[NOTIONAL] = size_px * size > limits.max_notional * NANO
        away = abs(2 * judged_px - bid - ask) * 10_000
        fails[COLLAR] = not has_book or away > (bid + ask) * limits.collar_bps
        fails[CROSS] = not has_book
        reach = self.reach(account, instrument, side) + more
        fails[POSITION] = reach > (limits.long if side == o.BUY else limits.short)
        fails[SHORT_SALE] = side == o.SELL and reach >= 2**64  # no rule, but a number has its end
        fails[EXPOSURE] = self._is_exposed(account, instrument, side, more, reach)
        fails[LOSS] = self.loss(account) > limits.max_loss * NANO or not self.is_marked(account)
        notional = self.open_notional(account) + cost
        fails[OPEN] = notional > limits.max_open_notional * NANO or (
            old is None and self._are_too_many(q)
        )
        return sum(reason for reason, failed in fails.items() if failed)

    def _value(self, q: Request, has_book: bool, bid: int, ask: int) -> tuple[int, int]:
        """What the order is valued at, and the price that the collar is about."""
        side, px = q[0], max(q[2] or 0, 0)
        if q[7] != MARKET_TYPE:
            return px, px
        if not has_book:
            return 2**63 - 1, 0
        away = (bid + ask) * self.limits.collar_bps // 10_000
        return (bid + ask + away + 1) // 2, ask if side == o.BUY else bid

    def _is_stopped(self, q: Request, more: int) -> bool:
        side, _, _, instrument, account, strategy, venue = q[:7]
        scopes = [(VENUE, venue), (ACCOUNT, account), (STRATEGY, strategy), (SYMBOL, instrument)]
        state = max(self.states[scope] for scope in [(GLOBAL, 0), *scopes])
        if state != REDUCE_ONLY:
            return state == HALTED
        net = self.holdings[account, instrument].net
        closable = net if side == o.SELL else -net
        return more > closable - self.work(account, instrument, side)

    def _is_exposed(self, account: int, instrument: int, side: int, more: int, reach: int) -> bool:
        if instrument not in self.marks or reach > o.LOTS_MAX:
            return True
        sides = [self.reach(account, instrument, s) for s in (0, 1)]
        worse = max(*sides, reach) - max(sides)
        added = worse * self.marks[instrument]
        return worse > 0 and self.gross(account) + added > self.limits.max_gross * NANO

    def _are_too_many(self, q: Request) -> bool:
        _, _, _, instrument, account, strategy, venue = q[:7]
        scopes = [x.scopes for x in self.orders.open()]
        limits = self.limits
        return (
            sum(s[:2] == (instrument, account) for s in scopes) >= limits.max_open
            or sum(s[1] == account for s in scopes) >= limits.account_max_open
            or sum(s[2] == strategy for s in scopes) >= limits.strategy_max_open
            or sum(s[3] == venue for s in scopes) >= limits.venue_max_open
            or len(scopes) >= limits.global_max_open
        )

    def is_killed(self, q: Request) -> bool:
        _, _, _, instrument, account, strategy, venue = q[:7]
        return bool(
            self.tripped
            & {
                (GLOBAL, 0),
                (VENUE, venue),
                (ACCOUNT, account),
                (STRATEGY, strategy),
                (SYMBOL, instrument),
            }
        )

    def has_id(self) -> bool:
        n = len(self.orders.open()) + len(self.orders.waiting(is_cancel=False))
        return n < (self.orders.n_slots - 1) // 2

    # --- messages: an id, the reasons of a refusal as a negative number, or None: killed ----------

    def send(self, q: Request) -> int | None:
        reasons = self.judge(q) | (0 if self.has_id() else NO_ID)
        if reasons:
            return -reasons
        id = self.orders.next_id()
        if self.is_killed(q):
            return None
        bid, ask = self.inputs[q[3]].bid or 0, self.inputs[q[3]].ask or 0
        self.valued[id] = self._value(q, True, bid, ask)[0]
        self.orders.sent(id, *q)
        self.counts["orders_sent"] += 1
        return id

    def replace(self, order_id: int, qty: int, px: o.Px) -> int | None:
        order = self.orders.find(order_id)
        id_reason = 0 if self.has_id() else NO_ID
        if order is None or order.state not in (o.WORKING, o.PARTIAL):
            return -(REPLACE | id_reason)
        q = self._request(order, qty, px)
        reasons = self.judge(q, order) | id_reason
        if qty <= order.cum or (order.px or 0) <= 0:
            reasons |= REPLACE
        if reasons:
            return -reasons
        id = self.orders.next_id()
        if self.is_killed(q):
            return None
        self.valued[id] = px or 0
        self.orders.replace_sent(id, order_id, qty, px)
        self.counts["replaces_sent"] += 1
        return id

    def _request(self, order: o.Order, qty: int, px: o.Px) -> Request:
        instrument, account, strategy, venue = order.scopes
        scopes = (instrument, account, strategy, venue)
        return order.side, qty, px, *scopes, order.kind, order.time_in_force, 0, order.trigger

    def cancel(self, order_id: int) -> int | None:
        order = self.orders.find(order_id)
        if order is None or not order.is_open:
            return -REPLACE
        id = self.orders.next_cancel_id()
        self.orders.cancel_sent(id, order_id)
        self.counts["cancels_sent"] += 1
        return id

    # --- what happens -----------------------------------------------------------------------------

    def event(
        self, kind: int, id: int, orig_id: int, exec: int, ref_exec: int, qty: int, px: o.Px
    ) -> int:
        change = self.orders.event(kind, id, orig_id, exec, ref_exec, qty, px)
        flags, lots, at, undone, undone_at, *_, row = change
        if row is not None and lots:
            order = self.orders.find(row[0] or 0)
            assert order is not None
            instrument, account, _, venue = order.scopes
            holding = self.holdings[account, instrument]
            if undone:
                holding.bust(order.side, undone_at or 0, undone)
            if lots > 0:
                holding.fill(order.side, at or 0, lots)
            else:
                holding.bust(order.side, at or 0, -lots)
            holding.fee(self.fees[venue] * (lots - undone))
            net = holding.net
            if not flags & o.OVERFILL and not -self.limits.short <= net <= self.limits.long:
                self.tripped.add((ACCOUNT, account))
        refused = o.UNKNOWN_ORDER | o.UNKNOWN_EXEC | o.CONFLICT | o.ILLEGAL
        if (kind in (o.FILL, o.BUST, o.CORRECT) and flags & refused) or flags & o.OVERFILL:
            self.tripped.add((GLOBAL, 0))
        return flags

    def session(self, venue: int, event: int) -> None:
        self.sessions[venue] = event
        if event == LOST:
            self.orders.disconnect(venue)

    def quote(self, instrument: int, bid: o.Px, ask: o.Px) -> None:
        self.inputs[instrument].bid, self.inputs[instrument].ask = bid, ask
        if bid is not None and ask is not None and bid <= ask:
            self.marks[instrument] = bid + (ask - bid) // 2
