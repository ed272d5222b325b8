"""engine.trade.Oms does what its oracle does, and what its documentation promises."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from reference import oms as slow
from reference import oms_pair
from reference import orders as o
from reference.oms_pair import MID, UNIT, Clock, Pair
from reference.wide_limits import limits

from engine.trade import (
    Cause,
    Change,
    Event,
    EventKind,
    Killed,
    KillState,
    Oms,
    OrderFlag,
    OrderState,
    Ready,
    Reason,
    Refusal,
    RiskState,
    Scope,
    Session,
    TimeInForce,
    buy,
    replay,
    sell,
)


def walk(pair: Pair, seed: int, n: int, every: int = 4) -> None:
    rng = random.Random(seed)
    pair.start()
    for i in range(n):
        oms_pair.step(rng, pair)
        if i % every == 0:
            pair.compare()
    pair.compare()
    pair.compare_replay()


@pytest.mark.parametrize("seed", range(4))
def test_a_random_walk_leaves_manager_and_oracle_the_same(seed: int) -> None:
    pair = Pair()
    walk(pair, seed, 1_200)
    # A walk that never met an outcome would prove little.
    assert min(pair.outcomes[word] for word in ("sent", "refused", "killed")) > 0
    assert len(pair.reasons) >= 12, pair.reasons


# --- hypothesis: the same, but it looks for the shortest way to a difference ---------------------

N_EXAMPLES = 100
N_STEPS = 30
seeds = st.integers(0, 2**32)


class OmsMachine(RuleBasedStateMachine):
    n_steps_of_all = 0

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair()
        self.pair.start()

    @rule(seed=seeds)
    def burst(self, seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(4):
            type(self).n_steps_of_all += 1
            oms_pair.step(rng, self.pair)

    @rule(
        side=st.integers(0, 1),
        qty=st.sampled_from([0, 1, 99, 100, 101, 2**63 - 1, 2**64 - 1]),
        px=st.sampled_from([None, 0, 1, MID, MID + 10 * UNIT, MID + 10 * UNIT + 1, 2**63 - 1]),
        venue=st.integers(0, 2),
    )
    def send(self, side: int, qty: int, px: o.Px, venue: int) -> None:
        type(self).n_steps_of_all += 1
        self.pair.send((side, qty, px, 0, 0, 0, venue, int(px is None), 0, 0, 0))

    @rule(which=st.integers(0, 63), qty=st.sampled_from([0, 1, 100, 101]))
    def replace(self, which: int, qty: int) -> None:
        slots = self.pair.oracle.orders.slots
        type(self).n_steps_of_all += 1
        self.pair.replace(slots[which].id if which in slots else which, qty, MID)

    @rule(state=st.integers(0, 2), scope=st.integers(0, 4))
    def set_state(self, state: int, scope: int) -> None:
        type(self).n_steps_of_all += 1
        self.pair.set_state(scope, 0, state)

    @invariant()
    def both_are_the_same(self) -> None:
        self.pair.compare()

    def teardown(self) -> None:
        self.pair.compare_replay()


@pytest.mark.timeout(1800)  # seconds of one core, and several times that on a busy host
def test_no_sequence_of_calls_tells_manager_and_oracle_apart() -> None:
    class Machine(OmsMachine):
        n_steps_of_all = 0

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=N_EXAMPLES,
            stateful_step_count=N_STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Machine.n_steps_of_all >= 4_000, Machine.n_steps_of_all


class ForgetsOpenOrders(slow.Oms):
    """A seeded bug: the position limit looks at what is held and not at what is on its way."""

    def reach(self, account: int, instrument: int, side: int) -> int:
        net = self.holdings[account, instrument].net
        return net if side == o.BUY else -net


class ReducesThroughZero(slow.Oms):
    """A seeded bug: reduce-only asks for the side alone."""

    def _is_stopped(self, q: slow.Request, more: int) -> bool:
        held = self.holdings[q[4], q[3]].net if q[4] < 2 and q[3] < 3 else 0
        against = held > 0 if q[0] == o.SELL else held < 0
        return super()._is_stopped(q, 0 if against else more)


class KillsNobody(slow.Oms):
    """A seeded bug: an execution of an order that nobody knows is shrugged off."""

    def event(self, *event: o.Px) -> int:  # type: ignore[override]
        was = set(self.tripped)
        flags = super().event(*event)  # type: ignore[arg-type]
        if flags & o.UNKNOWN_ORDER:
            self.tripped = was
        return flags


@pytest.mark.parametrize("wrong", [ForgetsOpenOrders, ReducesThroughZero, KillsNobody])
def test_a_seeded_bug_is_found(wrong: type[slow.Oms]) -> None:
    class WrongPair(Pair):
        reference = wrong

    def walks() -> None:
        for seed in range(6):
            walk(WrongPair(), seed, 600)

    with pytest.raises(AssertionError):
        walks()


# --- what its documentation promises --------------------------------------------------------------


@pytest.fixture
def oms() -> Iterator[Oms]:
    made = Oms(limits(symbol_max_qty=1_000, symbol_position__long=5_000), clock=Clock())
    made.start()
    made.quote(0, MID - UNIT, MID + UNIT)
    yield made
    made.close()


def sent(oms: Oms, qty: int = 100, **scopes: int) -> int:
    id = oms.send(buy(qty, MID, **scopes))
    assert isinstance(id, int), id
    return id


def say(oms: Oms, kind: EventKind, id: int, **rest: int) -> OrderFlag:
    return oms.on_event(Event(kind, id, **rest))


def test_a_tripped_kill_switch_stops_the_very_next_order(oms: Oms) -> None:
    assert oms.send(buy(100, MID))
    oms.kill.trip(Cause.MANUAL)
    with pytest.raises(Killed, match="manual") as raised:
        oms.send(buy(100, MID))
    assert raised.value.cause == Cause.MANUAL


def test_a_tripped_kill_switch_stops_a_replace_but_no_cancel(oms: Oms) -> None:
    id = sent(oms)
    say(oms, EventKind.ACK, id)
    oms.kill.trip(Cause.LOSS, Scope.ACCOUNT, 0)
    with pytest.raises(Killed, match=r"loss above the limit \(account 0\)"):
        oms.replace(id, 50, MID)
    assert oms.cancel(id)


@pytest.mark.parametrize("scope", [s for s in Scope if s != Scope.GLOBAL])
def test_a_trip_of_one_scope_leaves_the_others_alone(oms: Oms, scope: Scope) -> None:
    oms.quote(1, MID - UNIT, MID + UNIT)
    names = {Scope.VENUE: "venue", Scope.ACCOUNT: "account", Scope.STRATEGY: "strategy"}
    name = names.get(scope, "instrument")
    oms.kill.trip(Cause.MANUAL, scope, 1)
    assert sent(oms, **{name: 0})
    with pytest.raises(Killed, match=f"{scope.name.lower()} 1"):
        oms.send(buy(1, MID, **{name: 1}))


def test_a_reset_needs_the_epoch_that_was_asked_for(oms: Oms) -> None:
    oms.kill.trip(Cause.MANUAL)
    with pytest.raises(ValueError, match="must be drained first"):
        oms.kill.request()
    oms.poll()
    assert oms.kill.draining()
    assert oms.kill.drained()
    epoch = oms.kill.request()
    with pytest.raises(ValueError, match="is not the epoch of the last request"):
        oms.kill.arm(epoch - 1)
    oms.kill.trip(Cause.SIGNAL)
    with pytest.raises(ValueError, match=r"since: request it again|tripped|epoch"):
        oms.kill.arm(epoch)


def test_it_starts_with_everything_stopped() -> None:
    oms = Oms(limits(), clock=Clock())
    refusal = oms.send(buy(1, MID))
    assert isinstance(refusal, Refusal)
    wanted = Reason.STATE | Reason.SESSION | Reason.PERMISSION | Reason.COLLAR | Reason.FRESHNESS
    assert wanted in refusal.reasons
    assert oms.kill.why().state == KillState.HALTED
    assert oms.kill.why().cause == Cause.BOOT


def test_a_refusal_names_every_limit_with_its_numbers(oms: Oms) -> None:
    refusal = oms.send(buy(6_001, MID))
    assert isinstance(refusal, Refusal)
    assert not refusal
    assert refusal.reasons == Reason.QTY | Reason.POSITION
    assert refusal.reasons.ids == ("R05", "R12")
    assert [(s.limit, s.actual) for s in refusal.shortfalls] == [(1_000, 6_001), (5_000, 6_001)]
    assert str(refusal).startswith("R05: quantity above the limit: limit 1000, actual 6001; R12:")


def test_listeners_hear_of_a_change_when_all_of_it_is_booked(oms: Oms) -> None:
    seen: list[tuple[OrderState, int, int]] = []

    def told(change: Change) -> None:
        assert change.order is not None
        held = oms.position(0, 0)
        seen.append((change.order.state, held.net, held.working[0]))

    oms.listen(told)
    id = sent(oms)
    say(oms, EventKind.ACK, id)
    say(oms, EventKind.FILL, id, exec=1, qty=40, px_nano=MID)
    say(oms, EventKind.CANCELLED, id)
    assert seen == [
        (OrderState.PENDING_NEW, 0, 100),
        (OrderState.WORKING, 0, 100),
        (OrderState.PARTIAL, 40, 60),
        (OrderState.CANCELLED, 40, 0),
    ]


def test_what_a_listener_raises_comes_out_after_all_have_heard(oms: Oms) -> None:
    heard: list[Change] = []

    def fails(change: Change) -> None:
        raise KeyError("mine")

    oms.listen(fails)
    oms.listen(heard.append)
    with pytest.raises(KeyError, match="mine"):
        oms.send(buy(100, MID))
    assert len(heard) == 1
    assert [order.qty for order in oms.open_orders()] == [100]


def test_counters_are_live_and_forbid_closing() -> None:
    oms = Oms(limits(), clock=Clock())
    counters = oms.counters
    assert counters["orders_wanted"] == 0
    oms.send(buy(1, MID))
    assert counters["orders_wanted"] == counters["risk_rejects"] == counters["refused_state"] == 1
    with pytest.raises(ValueError, match="read-only"):
        counters["fills"] = 1
    with pytest.raises(BufferError, match="1 views of the counters are still alive"):
        oms.close()
    del counters
    oms.close()
    for use in (oms.hash, oms.drain, oms.open_orders, lambda: oms.send(buy(1)), oms.poll):
        with pytest.raises(ValueError, match="closed"):
            use()
    with pytest.raises(BufferError, match="closed"):
        _ = oms.counters


def test_a_lost_session_makes_orders_unknown_until_the_venue_says(oms: Oms) -> None:
    works, gone, elsewhere = sent(oms), sent(oms), sent(oms, venue=1)
    oms.disconnect(0)
    assert [o.state for o in oms.open_orders(Scope.VENUE, 0)] == [OrderState.UNKNOWN] * 2
    refusal = oms.send(buy(1, MID))
    assert isinstance(refusal, Refusal)
    assert refusal.reasons == Reason.SESSION
    oms.reconcile(0, [Event(EventKind.STATUS_OPEN, works), Event(EventKind.STATUS_GONE, gone)])
    assert {o.id: o.state for o in oms.open_orders()} == {
        works: OrderState.WORKING,
        elsewhere: OrderState.PENDING_NEW,
    }
    assert oms.send(buy(1, MID))


def test_a_mass_cancel_takes_back_one_scope(oms: Oms) -> None:
    mine = [sent(oms, strategy=1) for _ in range(3)]
    sent(oms)
    assert all(oms.mass_cancel(Scope.STRATEGY, 1))
    states = {order.id: order.state for order in oms.open_orders()}
    assert [states[id] for id in mine] == [OrderState.PENDING_CANCEL] * 3
    assert list(states.values()).count(OrderState.PENDING_NEW) == 1


def test_reduce_only_never_turns_a_position(oms: Oms) -> None:
    say(oms, EventKind.FILL, sent(oms, 10), exec=1, qty=10, px_nano=MID)
    oms.set_state(RiskState.REDUCE_ONLY)
    assert isinstance(oms.send(buy(1, MID)), Refusal)
    assert isinstance(oms.send(sell(11, MID)), Refusal)
    assert oms.send(sell(6, MID))
    assert isinstance(oms.send(sell(5, MID)), Refusal)  # six are on their way already
    assert oms.send(sell(4, MID))


def test_two_people_let_an_order_pass_a_limit(oms: Oms) -> None:
    words = {"principals": (1, 2), "n_orders": 1, "for_ns": UNIT}
    with pytest.raises(PermissionError, match="two different principals"):
        oms.override(Reason.QTY, Scope.STRATEGY, 0, **{**words, "principals": (1, 1)})
    with pytest.raises(ValueError, match="cannot be overridden"):
        oms.override(Reason.STATE, Scope.STRATEGY, 0, **words)
    oms.override(Reason.QTY, Scope.STRATEGY, 0, **words)
    assert oms.send(buy(1_001, MID))
    assert isinstance(oms.send(buy(1_001, MID)), Refusal)


def test_money_is_exact(oms: Oms) -> None:
    say(oms, EventKind.FILL, sent(oms, 3), exec=1, qty=3, px_nano=MID + 1)
    id = oms.send(sell(2, MID))
    say(oms, EventKind.FILL, int(id), exec=2, qty=2, px_nano=MID + 8)  # type: ignore[arg-type]
    oms.fee(buy(1), 5)
    held = oms.position(0, 0)
    assert (held.net, held.realised, held.cost, held.fees) == (1, 14, MID + 1, 5)
    assert held.cash + held.net * MID == held.realised + held.unrealised() - held.fees
    assert held.holds
    assert oms.account(0).profit == 14 - 1 - 5


def test_a_full_log_refuses_orders_and_says_so() -> None:
    oms = Oms(limits(), n_records=64, clock=Clock())

    def fill() -> None:
        for _ in range(64):
            oms.send(buy(1, MID))

    with pytest.raises(BufferError, match="drain it"):
        fill()
    oms.drain()
    assert isinstance(oms.send(buy(1, MID)), Refusal)


def test_a_log_that_lies_is_caught(oms: Oms) -> None:
    id = sent(oms)
    say(oms, EventKind.FILL, id, exec=1, qty=40, px_nano=MID)
    oms.stop()
    records = oms.drain()
    assert replay(records) == (oms.hash(), len(records), 1, 1, None)
    lie = records.copy()
    lie["qty"][records["kind"] == 8] = 41
    assert replay(lie).why == "the state at the end is not the one that the engine had"
    late = replay(records[1:])
    assert (late.n_records, late.why) == (1, "a record before the engine's start")


def test_the_same_calls_lead_to_the_same_records() -> None:
    logs = []
    for _ in range(2):
        pair = Pair()
        walk(pair, 3, 300)
        logs.append(pair.log())
    assert logs[0].tobytes() == logs[1].tobytes()
    assert (np.diff(logs[0]["number"].astype(np.int64)) == 1).all()


def test_a_good_till_date_order_needs_to_know_the_time(oms: Oms) -> None:
    late = buy(1, MID, time_in_force=TimeInForce.GTD, expire_ns=10)
    refusal = oms.send(late)
    assert isinstance(refusal, Refusal)
    assert refusal.reasons == Reason.FIELD
    oms.ready(0, Ready.ALL, utc_ns=9)
    assert oms.send(late)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda oms: oms.send(buy(-1, MID)), ValueError, "qty: -1 is not in 0"),
        (lambda oms: oms.send(buy(2**64, MID)), ValueError, "qty: 18446744073709551616 is not"),
        (lambda oms: oms.send(buy(1, 2**63)), ValueError, "px_nano: .* 64 bits"),
        (lambda oms: oms.send(buy(1, MID, venue=256)), ValueError, "venue: 256 is not in"),
        (lambda oms: oms.send(buy(1.5, MID)), TypeError, "qty: not an integer: 1.5"),
        (lambda oms: oms.send(buy(1, "x")), TypeError, "px_nano: not an integer: 'x'"),
        (lambda oms: oms.cancel(-1), ValueError, "order_id: -1 is not in"),
        (lambda oms: oms.on_event(Event(3, -5)), ValueError, "id: -5 is not in"),
        (lambda oms: oms.session(2, Session.LOST), ValueError, "no venue 2"),
        (lambda oms: oms.quote(3, 1, 2), ValueError, "no instrument 3"),
        (lambda oms: oms.ready(3), ValueError, "no instrument 3"),
        (lambda oms: oms.position(2, 0), ValueError, "no account 2"),
        (lambda oms: oms.account(64), ValueError, "there is no 64"),
        (lambda oms: oms.set_state(RiskState.ACTIVE, Scope.VENUE, 2), ValueError, "has no 2"),
        (lambda oms: oms.set_state(9), ValueError, "no state 9"),
        (lambda oms: oms._core.use_limits(0, b"x" * 64), ValueError, "use_limits: "),
        (lambda oms: oms._core.use_limits(0, 5), TypeError, "bytes-like"),
        (lambda oms: oms.fee(buy(1, account=2), 1), ValueError, "no account 2"),
        (lambda oms: oms.kill.arm(1, Scope.VENUE, 99), ValueError, "arm: "),
    ],
)
def test_what_cannot_be_asked_is_an_error_with_a_sentence(
    oms: Oms,
    call: object,
    error: type[Exception],
    text: str,
) -> None:
    before = oms.hash()
    with pytest.raises(error, match=text):
        call(oms)  # type: ignore[operator]
    assert oms.hash() == before


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ({"n_slots": 63}, "Oms: "),
        ({"n_slots": 2**40}, "none above"),
        ({"n_execs": 0}, "Oms: "),
        ({"n_records": 65}, "power of two"),
        ({"n_records": 8}, "at least 64"),
        ({"epoch": 0}, "epoch"),
        ({"epoch": 2**24}, "epoch"),
        ({"n_repeats": 0}, "Oms: "),
        ({"fees": [0] * 17}, "more than 16 venues"),
        ({"epoch": -1}, "epoch: -1 is not in"),
        ({"board": bytearray(3)}, "start a cache line"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Oms(limits(), clock=Clock(), **sizes)  # type: ignore[arg-type]


def test_the_guide_is_a_program_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    guide = (Path(__file__).parents[2] / "docs/guides/orders-from-python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 8
    exec(compile("\n".join(blocks), "orders-from-python.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    # What the comments behind `print` promise.
    for promise in re.findall(r"print\(.*\)  # (.*)", guide):
        assert any(line.startswith(promise.removesuffix(" ...")) for line in said), promise
