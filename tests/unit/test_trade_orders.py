"""The order store does what its oracle of facts does, whatever is sent and whatever is said."""

from __future__ import annotations

import itertools
import random

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
from reference import order_steps as steps
from reference import orders as o
from reference.order_pair import Pair

from engine import _core

N_FLAGS = 11


def walk(pair: Pair, seed: int, n: int) -> None:
    rng = random.Random(seed)
    for _ in range(n):
        pair.step(steps.step(rng, pair.oracle))
        pair.compare()


@pytest.mark.parametrize("seed", range(4))
def test_a_random_walk_leaves_store_and_oracle_the_same_after_every_step(seed: int) -> None:
    pair = Pair()
    walk(pair, seed, 5_000)
    # A walk that never met a flag, or a state with an event, would prove little.
    assert [bit for bit in range(N_FLAGS) if not pair.seen[1 << bit]] == []
    all_pairs = set(itertools.product(range(o.N_STATES), range(o.N_EVENTS)))
    assert len(all_pairs - pair.tried) < 40, sorted(all_pairs - pair.tried)


# --- hypothesis: the same, but it looks for the shortest way to a difference ---------------------

N_EXAMPLES = 150
N_STEPS = 40
seeds = st.integers(0, 2**32)
qtys = st.sampled_from([*steps.QTYS, *steps.ODD_QTYS])
prices = st.sampled_from([*steps.PRICES, *steps.ODD_PRICES])


class OrderMachine(RuleBasedStateMachine):
    n_steps_of_all = 0

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair()

    def step(self, step: steps.Step) -> None:
        type(self).n_steps_of_all += 1
        self.pair.step(step)

    @rule(seed=seeds)
    def one(self, seed: int) -> None:
        rng = random.Random(seed)
        self.step(steps.step(rng, self.pair.oracle))

    @rule(seed=seeds)
    def burst(self, seed: int) -> None:
        """Depth that single steps would not reach."""
        rng = random.Random(seed)
        for _ in range(8):
            self.step(steps.step(rng, self.pair.oracle))

    @rule(qty=qtys, px=prices, venue=st.integers(0, 1))
    def send(self, qty: int, px: o.Px, venue: int) -> None:
        id = self.pair.oracle.next_id()
        self.step(("sent", (id, 0, qty, px, 0, 0, 0, venue, 0, 0, 0, 0)))

    @rule(
        kind=st.integers(0, 17),
        which=st.integers(0, 63),
        other=st.integers(0, 63),
        has_orig=st.booleans(),
        exec=st.integers(0, 5),
        ref=st.integers(0, 5),
        qty=qtys,
        px=prices,
    )
    def say(
        self,
        kind: int,
        which: int,
        other: int,
        has_orig: bool,
        exec: int,
        ref: int,
        qty: int,
        px: o.Px,
    ) -> None:
        slots = self.pair.oracle.slots
        id = slots[which].id if which in slots else which
        orig = slots[other].id if has_orig and other in slots else 0
        self.step(("event", (kind, id, orig, exec, ref, qty, px)))

    @invariant()
    def both_are_the_same(self) -> None:
        self.pair.compare()


@pytest.mark.timeout(1800)  # seconds of one core, and several times that on a busy host
def test_no_sequence_of_events_tells_store_and_oracle_apart() -> None:
    class Machine(OrderMachine):
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
    assert Machine.n_steps_of_all >= 10_000, Machine.n_steps_of_all


# --- wrong oracles are found ---------------------------------------------------------------------


class ForgetsTheLarger(o.Orders):
    """A seeded bug: a pending replace reserves what the order is now (R19 broken)."""

    def replace_sent(self, new_id: int, order_id: int, qty: int, px: o.Px) -> o.Change:
        change = super().replace_sent(new_id, order_id, qty, px)
        return *change[:7], change[5], change[6], change[9]


class BooksTwice(o.Orders):
    """A seeded bug: a repeated execution is booked again."""

    def _repeats(self, order: o.Order, exec: int, qty: int, px: o.Px) -> int:
        return 0


class ReleasesTheUnknown(o.Orders):
    """A seeded bug: an order whose session is lost counts as gone."""

    def event(
        self, kind: int, id: int, orig_id: int, exec: int, ref_exec: int, qty: int, px: o.Px
    ) -> o.Change:
        change = super().event(kind, id, orig_id, exec, ref_exec, qty, px)
        return (*change[:7], 0, *change[8:]) if kind == o.DISCONNECT else change


class LosesTheCancel(o.Orders):
    """A seeded bug: what was asked of an order is forgotten when it is replaced."""

    def _become(self, order: o.Order, request: o.Request) -> o.Order:
        now = super()._become(order, request)
        now.cancel = None
        return now


@pytest.mark.parametrize(
    "wrong", [ForgetsTheLarger, BooksTwice, ReleasesTheUnknown, LosesTheCancel]
)
def test_a_seeded_bug_is_found(wrong: type[o.Orders]) -> None:
    class WrongPair(Pair):
        reference = wrong

    with pytest.raises(AssertionError):
        walk(WrongPair(), 1, 2_500)


# --- properties ----------------------------------------------------------------------------------

Said = tuple[int, int, int, o.Px]  # kind, exec, lots, price


def ordered(qty: int) -> tuple[Pair, int]:
    pair = Pair()
    id = pair.oracle.next_id()
    pair.step(("sent", (id, 0, qty, 7, 0, 0, 0, 0, 0, 0, 0, 0)))
    return pair, id


def say(pair: Pair, id: int, said: Said) -> o.Change:
    kind, exec, qty, px = said
    (change,) = pair.step(("event", (kind, id, 0, exec, 0, qty, px)))
    pair.compare()
    return change


FIRST: Said = (o.FILL, 1, 4, 7)
SECOND: Said = (o.FILL, 2, 6, 7)
ACKED: Said = (o.ACK, 0, 0, None)


@pytest.mark.parametrize("said", list(itertools.permutations([ACKED, FIRST, SECOND])))
def test_answers_in_any_order_fill_the_order_once(said: tuple[Said, ...]) -> None:
    pair, id = ordered(10)
    for answer in said:
        say(pair, id, answer)
    assert pair.oracle.find(id).state == o.FILLED  # type: ignore[union-attr]
    assert pair.c.find(id)[4] == 10  # type: ignore[index]
    assert pair.reserved.total() == 0


@pytest.mark.parametrize(
    "said",
    list(itertools.permutations([ACKED, FIRST, (o.IS_CANCELLED, 0, 0, None), SECOND, FIRST])),
)
def test_what_was_executed_is_booked_once_whenever_the_cancel_comes(said: tuple[Said, ...]) -> None:
    pair, id = ordered(10)
    request = pair.oracle.next_cancel_id()
    pair.step(("cancel_sent", (request, id)))
    flags = 0
    for answer in said:
        flags |= say(pair, id, answer)[0]
    found = pair.c.find(id)
    assert found is not None
    assert found[4] == 10
    assert found[10] in (o.CANCELLED, o.FILLED)
    assert flags & o.DUPLICATE
    assert pair.reserved.total() == 0


@pytest.mark.parametrize("new_qty", [4, 5, 6, 10, 15])
@pytest.mark.parametrize("said", [("fill", "replaced"), ("replaced", "fill")])
def test_a_replace_and_an_execution_cross_without_losing_a_lot(
    said: tuple[str, ...], new_qty: int
) -> None:
    pair, id = ordered(10)
    say(pair, id, ACKED)
    new = pair.oracle.next_id()
    (change,) = pair.step(("replace_sent", (new, id, new_qty, 9)))
    assert change[7:9] == (max(10, new_qty), 9)  # R19: the larger, at the worse price
    for word in said:
        if word == "fill":
            say(pair, id, (o.FILL, 1, 5, 7))
        else:
            say(pair, new, (o.IS_REPLACED, 0, 0, None))
    found = pair.c.find(new)
    assert found is not None
    assert found[3:5] == (new_qty, 5)
    assert found[14] == max(0, new_qty - 5)
    assert found[10] == (o.FILLED if new_qty <= 5 else o.PARTIAL)


def test_a_disconnect_keeps_the_reservation_until_the_venue_says_what_became_of_it() -> None:
    pair, id = ordered(10)
    say(pair, id, ACKED)
    pair.step(("disconnect", (0,)))
    assert pair.reserved.total() == 10
    say(pair, id, (o.STATUS_GONE, 0, 0, None))
    assert pair.reserved.total() == 0


def test_the_same_steps_lead_to_the_same_hash_and_others_to_another() -> None:
    one, other = Pair(), Pair()
    for pair in (one, other):
        walk(pair, 5, 300)
    assert one.c.hash() == other.c.hash()
    other.step(("sent", (other.oracle.next_id(), 0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0)))
    assert one.c.hash() != other.c.hash()


def test_there_is_an_id_to_cancel_with_when_there_is_none_for_an_order() -> None:
    pair = Pair()
    while id := pair.c.next_id():
        assert pair.oracle.next_id() == id
        pair.c.sent(id, 0, 10, 7, 0, 0, 0, 0, 0, 0, 0, 0)
        pair.oracle.sent(id, 0, 10, 7, 0, 0, 0, 0, 0, 0, 0, 0)
    orders = pair.c.open()
    assert len(orders) == 31  # of 64 slots: fewer than half
    for order in orders:
        assert pair.c.cancel_sent(pair.c.next_cancel_id(), order)[0] == 0
    assert pair.c.next_id() == 0
    assert pair.c.next_cancel_id() != 0


# --- the Python surface --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ({"n_slots": 63, "n_execs": 16, "epoch": 1}, "powers of two"),
        ({"n_slots": 0, "n_execs": 16, "epoch": 1}, "powers of two"),
        ({"n_slots": 64, "n_execs": 1, "epoch": 1}, "powers of two"),
        ({"n_slots": 64, "n_execs": 16, "epoch": 0}, "an epoch of 1"),
        ({"n_slots": 64, "n_execs": 16, "epoch": 2**24}, "an epoch of 1"),
        ({"n_slots": -1, "n_execs": 16, "epoch": 1}, "n_slots: -1 is not in 0"),
        ({"n_slots": 64, "n_execs": 2**32, "epoch": 1}, "n_execs: 4294967296 is not in"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        _core.OrderTable(**sizes)


@pytest.mark.parametrize(
    ("name", "args", "error", "text"),
    [
        ("event", (3, -1, 0, 0, 0, 0, None), ValueError, "id: -1 is not in 0 .. 2?"),
        ("event", (3, 2**64, 0, 0, 0, 0, None), ValueError, "id: 18446744073709551616 is not"),
        ("event", (256, 1, 0, 0, 0, 0, None), ValueError, "kind: 256 is not in 0 .. 255"),
        ("event", (3, 1, 0, 0, 0, 0, 2**63), ValueError, "px_nano: .* not a number of 64 bits"),
        ("event", (3, 1, 0, 0, 0, 1.5, None), TypeError, "qty: not an integer: 1.5"),
        ("event", (3, 1), TypeError, "event: takes 7 arguments, got 2"),
        ("sent", (), TypeError, "sent: an id and a request are wanted"),
        ("sent", (1, 0), TypeError, "sent: behind the id: takes 11 arguments, got 1"),
        ("find", ("x",), TypeError, "id: not an integer: 'x'"),
        ("disconnect", (256,), ValueError, "venue: 256 is not in 0 .. 255"),
        ("cancel_sent", (1,), TypeError, "cancel_sent: takes 2 arguments, got 1"),
    ],
)
def test_arguments_out_of_range_are_refused_by_name(
    name: str, args: tuple[object, ...], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        getattr(Pair().c, name)(*args)
