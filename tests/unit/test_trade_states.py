"""Every event in every state of an order: what is legal changes what it says, the rest nothing."""

from __future__ import annotations

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from reference import orders as o
from reference.order_pair import Pair

from engine import _core
from engine.trade.orders import (
    EventKind,
    OrderFlag,
    OrderState,
    OrderType,
    Scope,
    TimeInForce,
)
from engine.trade.risk import Reason, RiskState

QTY, PX = 10, 7

# How an order of 10 lots gets into a state, told as events; CANCEL_SENT and REPLACE_SENT are ours.
WAYS: dict[OrderState, tuple[int, ...]] = {
    OrderState.PENDING_NEW: (),
    OrderState.WORKING: (o.ACK,),
    OrderState.PARTIAL: (o.ACK, o.FILL),
    OrderState.FILLED: (o.ACK, o.FILL, o.FILL),
    OrderState.PENDING_CANCEL: (o.ACK, o.CANCEL_SENT),
    OrderState.PENDING_REPLACE: (o.ACK, o.REPLACE_SENT),
    OrderState.CANCELLED: (o.ACK, o.CANCEL_SENT, o.IS_CANCELLED),
    OrderState.REPLACED: (o.ACK, o.REPLACE_SENT, o.IS_REPLACED),
    OrderState.REJECTED: (o.REJECT,),
    OrderState.EXPIRED: (o.ACK, o.IS_EXPIRED),
    OrderState.UNKNOWN: (o.ACK, o.DISCONNECT),
}
# The events that a venue can truthfully say of an order that came into its state by that way and
# of which nothing more is asked. Executions, new ones, are always booked.
LEGAL: dict[OrderState, str] = {
    OrderState.PENDING_NEW: "ACK REJECT FILL CANCELLED EXPIRED DISCONNECT STATUS_OPEN",
    OrderState.WORKING: "REJECT FILL CANCELLED EXPIRED DISCONNECT STATUS_OPEN",
    OrderState.PARTIAL: "FILL CANCELLED EXPIRED BUST CORRECT DISCONNECT STATUS_OPEN",
    OrderState.FILLED: "FILL BUST CORRECT DISCONNECT STATUS_GONE",
    OrderState.PENDING_CANCEL: "REJECT FILL CANCELLED CANCEL_REJECT EXPIRED DISCONNECT STATUS_OPEN",
    OrderState.PENDING_REPLACE: (
        "REJECT FILL CANCELLED REPLACED REPLACE_REJECT EXPIRED DISCONNECT STATUS_OPEN"
    ),
    OrderState.CANCELLED: "FILL DISCONNECT STATUS_OPEN STATUS_GONE",
    OrderState.REPLACED: "FILL DISCONNECT STATUS_GONE",
    OrderState.REJECTED: "FILL DISCONNECT STATUS_OPEN STATUS_GONE",
    OrderState.EXPIRED: "FILL DISCONNECT STATUS_OPEN STATUS_GONE",
    OrderState.UNKNOWN: "REJECT FILL CANCELLED EXPIRED DISCONNECT STATUS_OPEN STATUS_GONE",
}
REFUSED = OrderFlag.ILLEGAL | OrderFlag.UNKNOWN_EXEC | OrderFlag.DUPLICATE | OrderFlag.CONFLICT


class Made:
    """An order brought into a state, and the ids of what was asked of it."""

    def __init__(self, state: OrderState) -> None:
        self.pair = Pair()
        self.id = self.pair.oracle.next_id()
        self.request = 0
        self.n_execs = 0
        self.pair.step(("sent", (self.id, 0, QTY, PX, 0, 0, 0, 0, 0, 0, 0, 0)))
        for kind in WAYS[state]:
            self.go(kind)
        order = self.pair.oracle.find(self.id)
        assert order is not None
        assert order.state == state

    def go(self, kind: int) -> None:
        oracle = self.pair.oracle
        if kind == o.CANCEL_SENT:
            self.request = oracle.next_cancel_id()
            self.pair.step(("cancel_sent", (self.request, self.id)))
        elif kind == o.REPLACE_SENT:
            self.request = oracle.next_id()
            self.pair.step(("replace_sent", (self.request, self.id, 2 * QTY, PX + 2)))
        else:
            self.say(kind, self.id)

    def say(self, kind: int, id: int, *, orig: int = 0, exec: int = 0) -> o.Change:
        if kind == o.FILL and not exec:
            self.n_execs += 1
            exec = self.n_execs
        ref = 1 if kind in (o.BUST, o.CORRECT) else 0
        exec = 99 if kind == o.CORRECT else exec
        qty, px = {o.FILL: (QTY // 2, PX), o.CORRECT: (QTY // 2 - 1, PX)}.get(kind, (0, None))
        (change,) = self.pair.step(("event", (kind, id, orig, exec, ref, qty, px)))
        self.pair.compare()
        return change


ORDERS = sorted(WAYS)
KINDS = [*EventKind, 16, 255]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", ORDERS)
def test_an_event_is_booked_where_it_is_legal_and_nowhere_else(
    state: OrderState, kind: int
) -> None:
    made = Made(state)
    before = made.pair.c.hash()
    flags = OrderFlag(made.say(kind, made.id)[0])
    name = EventKind(kind).name if kind in list(EventKind) else ""
    is_legal = name in LEGAL[state].split()
    assert bool(flags & REFUSED) != is_legal, flags
    if not is_legal:
        assert made.pair.c.hash() == before


@pytest.mark.parametrize("names", ["request", "both", "stranger", "orig"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", [s for s in ORDERS if WAYS[s]])
def test_however_an_answer_names_the_order_the_oracle_agrees(
    state: OrderState, kind: int, names: str
) -> None:
    made = Made(state)
    stranger = 2**40 - 1
    id, orig = {
        "request": (made.request or stranger, 0),
        "both": (made.request or made.id, made.id),
        "stranger": (stranger, stranger),
        "orig": (stranger, made.id),
    }[names]
    for _ in range(3):  # again: a repeated answer finds another state
        made.say(kind, id, orig=orig, exec=50 if kind == o.FILL else 0)


@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", [k for k in EventKind if k > EventKind.REPLACE_SENT])
@pytest.mark.parametrize("asked", [0, o.CANCEL_SENT, o.REPLACE_SENT])
def test_any_two_answers_after_any_request(asked: int, first: int, second: int) -> None:
    made = Made(OrderState.PARTIAL)
    if asked:
        made.go(asked)
    made.say(first, made.request or made.id)
    made.say(second, made.id)
    made.say(second, made.request or made.id)


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_of_no_order_changes_nothing(kind: int) -> None:
    made = Made(OrderState.WORKING)
    before = made.pair.c.hash()
    for id in (0, 1, made.id + 64, 2**64 - 1):
        assert made.say(kind, id)[0] == OrderFlag.UNKNOWN_ORDER
    assert made.pair.c.hash() == before


@pytest.mark.parametrize(
    ("qty", "px"), [(0, PX), (2**63, PX), (2**64 - 1, PX), (5, None), (2**63 - 1, PX)]
)
@pytest.mark.parametrize("kind", [o.FILL, o.CORRECT])
def test_an_execution_that_cannot_be_one_is_refused(kind: int, qty: int, px: o.Px) -> None:
    made = Made(OrderState.PARTIAL)
    before = made.pair.c.hash()
    ref = int(kind == o.CORRECT)
    (change,) = made.pair.step(("event", (kind, made.id, 0, 77, ref, qty, px)))
    can_be = kind == o.CORRECT and qty == 2**63 - 1  # it takes back first, and then there is room
    assert bool(change[0] & o.ILLEGAL) != can_be
    assert (made.pair.c.hash() == before) != can_be


# --- numbers and names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "enum"),
    [
        ("scopes", Scope),
        ("events", EventKind),
        ("states", OrderState),
        ("flags", OrderFlag),
        ("types", OrderType),
        ("times_in_force", TimeInForce),
        ("reasons", Reason),
        ("risk_states", RiskState),
    ],
)
def test_numbers_are_those_of_the_c_code(
    table: str, enum: type[EventKind] | type[OrderFlag]
) -> None:
    numbers = {name: number for name, (number, _) in _core.trade_tables()[table].items()}
    assert {member.name: member.value for member in enum} == numbers


@pytest.mark.parametrize("state", list(OrderState))
def test_a_state_knows_whether_it_is_the_end(state: OrderState) -> None:
    ends = ["NONE", "FILLED", "CANCELLED", "REPLACED", "REJECTED", "EXPIRED"]
    assert state.is_terminal == (state.name in ends)
