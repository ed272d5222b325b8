"""What must hold of every decision, whatever the state: properties of the checks, seen from Python.

Tables of every limit at limit-1, limit and limit+1 are in tests/c/test_risk_table.c; what each
check means is in csrc/trade/risk/risk.h.
"""

from __future__ import annotations

import random
from dataclasses import fields, replace

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import oms as slow
from reference import oms_pair
from reference import orders as o
from reference.oms_pair import MID, UNIT, Clock, Pair, limit_set
from reference.wide_limits import limits, rows

from engine import _core
from engine.market import Side
from engine.trade import (
    Event,
    EventKind,
    Killed,
    Oms,
    Reason,
    Refusal,
    Request,
    TimeInForce,
    buy,
    sell,
)
from engine.trade.limits import MEMBERS, SCOPES

LIMITS = slow.Limits()


def lived(seed: int, n: int) -> Pair:
    """An order manager with a past."""
    pair = Pair()
    rng = random.Random(seed)
    pair.start()
    for _ in range(n):
        oms_pair.step(rng, pair)
    oms_pair.rule(random.Random(0), pair)
    pair.reset()
    return pair


def asked(seed: int) -> Request:
    side, qty, px, *scopes, _, tif, expire_ns, trigger = oms_pair.request(random.Random(seed))
    return Request(Side(side), qty, px, *scopes, TimeInForce(tif), expire_ns, trigger)


def answer(oms: Oms, request: Request) -> Reason:
    """The reasons of a refusal; none when it was sent, or stopped only by the kill word."""
    try:
        sent = oms.send(request)
    except Killed:
        return Reason(0)
    return sent.reasons if isinstance(sent, Refusal) else Reason(0)


few = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
seeds = st.integers(0, 2**20)
names = st.sampled_from([f.name for f in fields(LIMITS)])


@few
@given(past=seeds, now=seeds)
def test_the_same_question_has_the_same_answer(past: int, now: int) -> None:
    oms, request = lived(past, 40).oms, asked(now)
    first = answer(oms, request)
    if first:
        assert answer(oms, request) == first
        assert first.ids == tuple(sorted(first.ids))  # the first reason is that of the first check


@few
@given(past=seeds, now=seeds, name=names, share=st.integers(0, 99))
def test_a_tighter_limit_never_lets_an_order_pass(
    past: int, now: int, name: str, share: int
) -> None:
    tighter = replace(LIMITS, **{name: max(1, getattr(LIMITS, name) * share // 100)})
    request = asked(now)
    loose, tight = lived(past, 40).oms, lived(past, 40).oms
    loose.use_limits(limit_set(LIMITS, 2))
    tight.use_limits(limit_set(tighter, 2))
    assert answer(loose, request) in answer(tight, request)  # every reason remains one


@few
@given(past=seeds)
def test_no_position_passes_its_limit_when_all_open_orders_fill(past: int) -> None:
    pair, rng = Pair(), random.Random(past)
    pair.start()
    for _ in range(60):
        pair.send(oms_pair.request(rng))
        for order in pair.oracle.orders.open():
            if rng.random() < 0.2:
                pair.event(o.ACK, order.id, 0, 0, 0, 0, None)
    orders = pair.oms.open_orders()
    rng.shuffle(orders)
    for exec, order in enumerate(orders, 1):
        pair.event(o.FILL, order.id, 0, exec, 0, order.leaves, MID)
    for account in range(slow.Oms.N_ACCOUNTS):
        for instrument in range(slow.Oms.N_INSTRUMENTS):
            assert -LIMITS.short <= pair.oms.position(account, instrument).net <= LIMITS.long
    assert not pair.oracle.tripped
    pair.compare()


@few
@given(past=seeds)
def test_what_is_reserved_is_what_open_orders_may_still_trade(past: int) -> None:
    oms = lived(past, 80).oms
    work = dict.fromkeys(
        [(a, i, s) for a in range(2) for i in range(3) for s in (Side.BUY, Side.SELL)], 0
    )
    for order in oms.open_orders():
        work[order.account, order.instrument, order.side] += order.reserved_qty
    for (account, instrument, side), lots in work.items():
        assert oms.position(account, instrument).working[side] == lots


def test_every_check_there_is_can_be_seen() -> None:
    assert len(list(Reason)) == len(_core.trade_tables()["reasons"]) == 22
    assert [reason.ids[0] for reason in Reason] == [f"R{n:02}" for n in range(1, 23)]


@pytest.mark.parametrize(
    ("scope", "word"), [(scope, member.word) for scope in SCOPES for member in MEMBERS[scope]]
)
def test_a_missing_limit_refuses(scope: str, word: str) -> None:
    made = rows()
    made.of(scope)[word] = 0  # type: ignore[arg-type]
    if word == "located":  # needed where short sales are limited by it
        made.of("symbol")["short"] = 2
    elif "." in word:  # limits that are given together or not at all
        for member in MEMBERS[scope]:  # type: ignore[index]
            if member.group == word.rpartition(".")[0]:
                made.of(scope)[member.word] = 0  # type: ignore[arg-type]
    oms = Oms(made.build(1), clock=Clock())
    oms.start()
    oms.quote(0, MID - UNIT, MID + UNIT)
    assert answer(oms, sell(1, MID)), f"{scope} {word}"
    whole = Oms(limits(), clock=Clock())
    whole.start()
    whole.quote(0, MID - UNIT, MID + UNIT)
    assert not answer(whole, sell(1, MID))


@pytest.mark.parametrize(
    ("qty", "px", "narrow", "reason"),
    [
        (10, MID, {"symbol_max_qty": 10}, Reason.QTY),
        (10, MID, {"symbol_max_notional": 1_000}, Reason.NOTIONAL),
        (10, MID, {"symbol_position__long": 10}, Reason.POSITION),
        (10, MID, {"account_max_gross": 1_000}, Reason.EXPOSURE),
        (10, MID, {"account_max_open_notional": 1_000}, Reason.OPEN),
    ],
)
def test_exactly_at_a_limit_passes_and_one_lot_more_does_not(
    qty: int, px: int, narrow: dict[str, int], reason: Reason
) -> None:
    for lots, wanted in ((qty - 1, Reason(0)), (qty, Reason(0)), (qty + 1, reason)):
        oms = Oms(limits(**narrow), clock=Clock())
        oms.start()
        oms.quote(0, MID - UNIT, MID + UNIT)
        assert answer(oms, buy(lots, px)) == wanted, lots


def test_a_rate_fills_again_with_time() -> None:
    clock = Clock()
    oms = Oms(
        limits(
            strategy_rate__per_second=10, strategy_rate__burst=5, strategy_rate__cancel_reserve=1
        ),
        clock=clock,
    )
    oms.start()
    oms.quote(0, MID - UNIT, MID + UNIT)
    answers = [answer(oms, buy(1, MID)) for _ in range(6)]
    assert answers.count(Reason.RATE) >= 1
    assert answers[-1] == Reason.RATE
    clock.now_ns += UNIT
    assert not answer(oms, buy(1, MID))


def test_a_loss_above_the_limit_stops_new_orders() -> None:
    oms = Oms(limits(account_max_loss=100), clock=Clock())
    oms.start()
    oms.quote(0, MID - UNIT, MID + UNIT)
    id = oms.send(buy(50, MID))
    oms.on_event(Event(EventKind.FILL, int(id), exec=1, qty=50, px_nano=MID))  # type: ignore[arg-type]
    oms.quote(0, MID - 3 * UNIT, MID - UNIT)  # 2 a lot: exactly the limit
    assert not answer(oms, buy(1, MID))
    oms.quote(0, MID - 4 * UNIT, MID - UNIT)
    assert Reason.LOSS in answer(oms, buy(1, MID))
