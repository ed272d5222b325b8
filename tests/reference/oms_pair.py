"""The order manager in C beside its oracle, and the seeded steps that both take."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import fields

import numpy as np
from reference import oms as slow
from reference import order_steps
from reference import orders as o
from reference.wide_limits import limits as wide

from engine.market import Side
from engine.trade import (
    Cause,
    Event,
    EventKind,
    Killed,
    LimitSet,
    Oms,
    OrderFlag,
    Ready,
    Reason,
    Refusal,
    Request,
    RiskState,
    Scope,
    Session,
    TimeInForce,
    replay,
)

FIFO, FEES, N_SLOTS = frozenset({1}), (3, -2), 64
UNIT = 10**9
MID = 100 * UNIT

# Where each limit of the oracle lies in a set.
WORDS = {
    "max_qty": "symbol_max_qty",
    "max_notional": "symbol_max_notional",
    "collar_bps": "symbol_collar__bps",
    "long": "symbol_position__long",
    "short": "symbol_position__short",
    "max_open": "symbol_max_open",
    "account_max_open": "account_max_open",
    "strategy_max_open": "strategy_max_open",
    "venue_max_open": "venue_max_open",
    "global_max_open": "global_max_open",
    "max_gross": "account_max_gross",
    "max_open_notional": "account_max_open_notional",
    "max_loss": "account_max_loss",
}


def limit_set(limits: slow.Limits, version: int = 1) -> LimitSet:
    return wide(version, **{WORDS[f.name]: getattr(limits, f.name) for f in fields(limits)})


class Clock:
    """Time that stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now_ns = UNIT

    def __call__(self) -> int:
        return self.now_ns


class Pair:
    reference: type[slow.Oms] = slow.Oms

    def __init__(self, limits: slow.Limits | None = None) -> None:
        limits = limits or slow.Limits()
        self.clock = Clock()
        self.oms = Oms(
            limit_set(limits),
            fifo=FIFO,
            fees=FEES,
            n_slots=N_SLOTS,
            n_execs=16,
            clock=self.clock,
        )
        self.oracle = self.reference(limits, fifo=FIFO, fees=FEES, n_slots=N_SLOTS)
        self.records: list[np.ndarray] = []
        self.reasons: Counter[int] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.n_steps = 0

    # --- every step, by both ----------------------------------------------------------------------

    def start(self) -> None:
        """Open for business: what somebody decides each morning."""
        for venue in range(self.oracle.N_VENUES):
            self.session(venue, slow.RECONCILED)
        for instrument in range(self.oracle.N_INSTRUMENTS):
            self.ready(instrument, slow.READY_ALL)
            self.quote(instrument, MID - UNIT, MID + UNIT)
        self.set_state(slow.GLOBAL, 0, slow.ACTIVE)
        self.reset()

    def message(self, seen: Callable[[], int | Refusal], wanted: int | None) -> None:
        before = self.oms.hash()
        try:
            answer = seen()
        except Killed:
            assert wanted is None
            self.outcomes["killed"] += 1
        else:
            if isinstance(answer, Refusal):
                assert wanted is not None, answer
                assert Reason(-wanted) == answer.reasons, answer
                self.reasons.update(answer.reasons)
                self.outcomes["refused"] += 1
            else:
                assert answer == wanted
                self.outcomes["sent"] += 1
                return
        assert self.oms.hash() == before  # what is refused changes nothing

    def send(self, q: slow.Request) -> None:
        side, qty, px, *scopes, _, tif, expire_ns, trigger = q
        request = Request(Side(side), qty, px, *scopes, TimeInForce(tif), expire_ns, trigger)
        self.message(lambda: self.oms.send(request), self.oracle.send(q))

    def replace(self, id: int, qty: int, px: o.Px) -> None:
        wanted = self.oracle.replace(id, qty, px)
        self.message(lambda: self.oms.replace(id, qty, px), wanted)

    def cancel(self, id: int) -> None:
        wanted = self.oracle.cancel(id)
        self.message(lambda: self.oms.cancel(id), wanted)

    def event(self, *event: o.Px) -> OrderFlag:
        kind, *rest = event
        flags = self.oms.on_event(Event(EventKind(kind), *rest))  # type: ignore[arg-type]
        assert flags == self.oracle.event(*event), event  # type: ignore[arg-type]
        return flags

    def session(self, venue: int, event: int) -> None:
        self.oms.session(venue, Session(event))
        self.oracle.session(venue, event)

    def quote(self, instrument: int, bid: o.Px, ask: o.Px) -> None:
        self.oms.quote(instrument, bid, ask)
        self.oracle.quote(instrument, bid, ask)

    def ready(self, instrument: int, ready: int) -> None:
        self.oms.ready(instrument, Ready(ready), utc_ns=UNIT)
        self.oracle.inputs[instrument].ready = ready
        self.oracle.inputs[instrument].utc_ns = UNIT

    def set_state(self, scope: int, index: int, state: int) -> None:
        self.oms.set_state(RiskState(state), Scope(scope), index)
        self.oracle.states[scope, index] = state

    def trip(self, scope: int, index: int) -> None:
        self.oms.kill.trip(Cause.MANUAL, Scope(scope), index)
        self.oracle.tripped.add((scope, index))

    def reset(self) -> None:
        """Two people later."""
        if not self.oracle.tripped:
            return
        self.oms.poll()
        self.oms.kill.draining()
        self.oms.kill.drained()
        self.oms.kill.arm(self.oms.kill.request())
        self.oracle.tripped.clear()

    # --- both are the same ------------------------------------------------------------------------

    def compare(self) -> None:
        oracle = self.oracle
        assert self.oms.verify() is None
        assert [x.id for x in self.oms.open_orders()] == [x.id for x in oracle.orders.open()]
        for entry in oracle.orders.slots.values():
            self._compare_order(entry.id)
        for account in range(oracle.N_ACCOUNTS):
            for instrument in range(oracle.N_INSTRUMENTS):
                self._compare_position(account, instrument)
            seen = self.oms.account(account)
            assert seen.gross == oracle.gross(account)
            assert seen.open_notional == oracle.open_notional(account)
            assert seen.unrealised == oracle.unrealised(account)
            assert -seen.profit == oracle.loss(account)
        for scope in Scope:
            assert self.oms.kill.is_tripped(scope, 0) == ((scope, 0) in oracle.tripped)
            assert self.oms.state(scope, 0) == oracle.states[scope, 0]
        counters = self.oms.counters
        for name in ("orders_sent", "replaces_sent", "cancels_sent"):
            assert counters[name] == oracle.counts[name]
        assert counters["unbooked"] == counters["audit_lost"] == 0

    def _compare_order(self, id: int) -> None:
        order, wanted = self.oms.order(id), self.oracle.orders.find(id)
        assert (order is None) == (wanted is None)
        if order is None or wanted is None:
            return
        assert (order.state, order.qty, order.cum) == (wanted.state, wanted.qty, wanted.cum)
        assert (order.reserved_qty, order.reserved_px_nano) == wanted.reserved()

    def _compare_position(self, account: int, instrument: int) -> None:
        oracle, holding = self.oracle, self.oracle.holdings[account, instrument]
        seen = self.oms.position(account, instrument)
        for name in ("net", "cash", "cost", "realised", "fees", "busted"):
            assert getattr(seen, name) == getattr(holding, name), name
        assert seen.done == tuple(holding.done)
        assert seen.working == tuple(oracle.work(account, instrument, s) for s in (0, 1))
        assert seen.n_open == len(oracle.open_in(account, instrument))
        assert seen.holds
        if instrument in oracle.marks:
            mark = oracle.marks[instrument]
            profit = seen.realised + seen.unrealised(mark) - seen.fees
            assert seen.cash + seen.net * mark == profit

    def log(self) -> np.ndarray:
        """All records so far."""
        self.records.append(self.oms.drain())
        self.records = [np.concatenate(self.records)]
        return self.records[0]

    def compare_replay(self) -> None:
        found = replay(self.log(), n_fifo_lots=1 << 12)
        assert found.why is None
        assert found.hash == self.oms.hash()


# --- steps ---------------------------------------------------------------------------------------


def some_px(rng: random.Random) -> int:
    return MID + rng.choice((-12, -4, -3, -2, -1, 0, 0, 1, 2, 3, 4, 12)) * UNIT


def request(rng: random.Random) -> slow.Request:
    is_market = rng.random() < 0.1
    tif = rng.randrange(5)
    odd = rng.random()
    qty = (
        rng.choice((1, 2, 5, 10, 20, 60, 101)) if odd > 0.02 else rng.choice((0, 2**63, 2**64 - 1))
    )
    px: o.Px = None if is_market else some_px(rng) if odd < 0.98 else rng.choice((-5, 0, 1))
    return (
        rng.randrange(2),
        qty,
        px,
        rng.randrange(3) if odd > 0.01 else 7,
        rng.randrange(2) if odd < 0.99 else 9,
        rng.randrange(2),
        rng.randrange(2),
        int(is_market),
        tif,
        (2 * UNIT if rng.random() < 0.9 else 1) if tif == slow.GTD else 0,
        rng.randrange(50),
    )


def event(rng: random.Random, orders: o.Orders) -> tuple[o.Px, ...]:
    _, (kind, id, orig, exec, ref, qty, px) = order_steps.event(rng, orders)
    booked = [x for x in orders.execs[-orders.n_execs :] if orders.is_known(x.order)]
    if kind is None or kind > o.STATUS_GONE:
        kind = o.ACK
    if kind in (o.BUST, o.CORRECT) and ref not in [x.exec for x in booked]:
        ref = 0
    if px is not None:
        px = px if MID // 2 < px < 2 * MID else some_px(rng)
    return kind, id, orig, exec, ref, min(qty or 0, 30), px


def relieve(rng: random.Random, pair: Pair) -> None:
    order = rng.choice(pair.oracle.orders.open())
    if rng.random() < 0.6:
        pair.event(o.IS_CANCELLED, order.id, 0, 0, 0, 0, None)
    else:
        exec = len(pair.oracle.orders.execs) + 1000
        pair.event(o.FILL, order.id, 0, exec, 0, max(1, order.total - order.cum), some_px(rng))


def rule(rng: random.Random, pair: Pair) -> None:
    """What people decide, the session does and the market shows."""
    venue, instrument = rng.randrange(2), rng.randrange(3)
    which = rng.randrange(8)
    if which == 0:
        pair.session(venue, rng.randrange(3))
    elif which == 1:
        pair.ready(instrument, rng.choice((15, 15, 15, 14, 13, 11, 7)))
    elif which in (2, 3):
        bid = some_px(rng)
        ask = bid + rng.choice((UNIT, 2 * UNIT + 1, 0, -UNIT))
        pair.quote(instrument, bid, None if rng.random() < 0.05 else ask)
    elif which == 4:
        scope = rng.randrange(5)
        pair.set_state(scope, rng.randrange(2) if scope else 0, rng.choice((0, 0, 0, 1, 2)))
    elif which == 5:
        scope = rng.randrange(1, 5)
        pair.trip(scope, rng.randrange(2))
    else:  # a good morning
        for scope in range(5):
            for index in range(2 if scope else 1):
                pair.set_state(scope, index, slow.ACTIVE)
        for venue in range(2):
            pair.session(venue, slow.RECONCILED)
        for instrument in range(3):
            pair.ready(instrument, slow.READY_ALL)
        pair.reset()


def step(rng: random.Random, pair: Pair) -> None:
    pair.n_steps += 1
    orders = pair.oracle.orders
    roll = rng.random()
    if len(orders.open()) > 24 and roll < 0.5:
        relieve(rng, pair)
    elif roll < 0.35:
        pair.send(request(rng))
    elif roll < 0.42:
        can = [x.id for x in orders.open() if x.state in (o.WORKING, o.PARTIAL)]
        id = rng.choice(can) if can and roll < 0.41 else order_steps.some_id(rng, orders)
        pair.replace(id, rng.choice((1, 10, 50, 100, 130)), some_px(rng))
    elif roll < 0.50:
        pair.cancel(order_steps.some_id(rng, orders))
    elif roll < 0.93:
        pair.event(*event(rng, orders))
        if (slow.GLOBAL, 0) in pair.oracle.tripped and rng.random() < 0.6:
            pair.reset()
    else:
        rule(rng, pair)
