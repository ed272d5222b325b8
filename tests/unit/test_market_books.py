"""engine.market.Books holds what a slow book of dicts and lists holds, after every update."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from reference import book as reference
from reference import book_updates as updates

from engine import _core
from engine.market import PX_NONE, TOP, UPDATE, Books, Op, Side

DEEP = 64  # more levels than any side here has


def array(*rows: updates.Update) -> np.ndarray:
    out = np.zeros(len(rows), UPDATE)
    for i, row in enumerate(rows):
        for name, value in row.items():
            out[name][i] = value
    return out


class Pair:
    """The book in C and its reference; every step is applied to both and compared."""

    def __init__(self) -> None:
        self.c = Books(updates.N_INSTRUMENTS, **updates.SIZES)
        self.reference = reference.Books(updates.N_INSTRUMENTS, **updates.SIZES)
        self.view = self.c.view()
        self.n_steps = 0

    def apply(self, u: updates.Update) -> None:
        self.n_steps += 1
        (changed,) = self.c.apply(array(u))
        assert bool(changed) == self.reference.apply(u), u

    def compare(self) -> None:
        assert self.c.check() is None
        assert self.c.hash() == self.reference.hash()
        assert self.c.counters() == self.reference.counters
        bbo = self.c.bbo()
        for i in range(updates.N_INSTRUMENTS):
            assert tuple(bbo[i].tolist()) == self.reference.bbo(i)
            assert self.c.state(i) == self.reference.state(i)
            sides = self.c.depth(i, DEEP)
            for side in Side:
                levels = self.reference.depth(i, side, DEEP)
                assert sides[side].tolist() == levels
            counts = self.c.counts(i)
            assert counts[:2] == tuple(len(side) for side in self.reference.books[i])
        self.compare_view()

    def compare_view(self) -> None:
        tops, valid = self.view.tops()
        assert valid.all()
        for i in range(updates.N_INSTRUMENTS):
            for side in Side:
                seen = tops["levels"][i, side][: tops["n_levels"][i, side]].tolist()
                assert seen == self.reference.depth(i, side, 10)

    def ask(self, instrument: int, id: int, side: int, px_nano: int, qty: int) -> None:
        assert self.c.find(instrument, id) == self.reference.order(instrument, id)
        found = self.reference.find(instrument, id)
        assert self.c.queue_rank(instrument, id) == (found[2] if found else None)
        assert self.c.qty_at(instrument, side, px_nano) == self.reference.qty_at(
            instrument, side, px_nano
        )
        taking = self.c.vwap(instrument, side, qty)
        filled, notional = self.reference.taking(instrument, side, qty)
        assert taking[:2] == (filled, notional)
        assert taking.px_nano == (rounded(notional, filled) if filled else PX_NONE)
        level = self.reference.books[instrument][side].get(px_nano, reference.Level())
        assert self.c.queue(instrument, side, px_nano).tolist() == [tuple(o) for o in level.queue]


def rounded(notional: int, qty: int) -> int:
    """To nearest, halves away from zero."""
    px = (abs(notional) + qty // 2) // qty
    return -px if notional < 0 else px


@pytest.mark.parametrize("seed", range(4))
def test_a_random_walk_leaves_both_books_the_same_after_every_step(seed: int) -> None:
    rng = random.Random(seed)
    pair = Pair()
    for step in range(5_000):
        pair.apply(updates.update(rng, step + 1))
        pair.compare()
        pair.ask(
            rng.randrange(updates.N_INSTRUMENTS),
            rng.choice(updates.IDS),
            rng.randrange(2),
            rng.choice(updates.PRICES),
            rng.choice(updates.QTYS),
        )
    # A walk that never met a bound or a fault would prove little.
    assert min(pair.c.counters().values()) > 0, pair.c.counters()


# --- hypothesis: the same, but it looks for the shortest way to a difference ---------------------

sides = st.sampled_from([0, 1])
instruments = st.sampled_from([0, 0, 1, 2])
ids = st.sampled_from(updates.IDS[:12])
prices = st.sampled_from(updates.PRICES)
qtys = st.sampled_from(updates.QTYS)
N_EXAMPLES = 400
N_STEPS = 50


class BookMachine(RuleBasedStateMachine):
    n_steps_of_all = 0
    pair_type = Pair

    def __init__(self) -> None:
        super().__init__()
        self.pair = self.pair_type()

    def step(self, **u: int) -> None:
        row: updates.Update = {
            "seq": self.pair.n_steps + 1,
            "id": u.get("id", 0),
            "new_id": u.get("new_id", 0),
            "px_nano": u.get("px_nano", 0),
            "qty": u.get("qty", 0),
            "ts_ns": 0,
            "instrument": u.get("instrument", 0),
            "op": u["op"],
            "side": u.get("side", 0),
        }
        type(self).n_steps_of_all += 1
        self.pair.apply(row)

    @rule(instrument=instruments, id=ids, side=sides, px_nano=prices, qty=qtys)
    def add(self, **values: int) -> None:
        self.step(op=Op.ADD, **values)

    @rule(instrument=instruments, id=ids, qty=qtys)
    def reduce(self, **values: int) -> None:
        self.step(op=Op.REDUCE, **values)

    @rule(instrument=instruments, id=ids)
    def delete(self, **values: int) -> None:
        self.step(op=Op.DELETE, **values)

    @rule(instrument=instruments, id=ids, new_id=ids, px_nano=prices, qty=qtys)
    def replace(self, **values: int) -> None:
        self.step(op=Op.REPLACE, **values)

    @rule(instrument=instruments, id=ids, side=sides, px_nano=prices, qty=qtys)
    def modify(self, **values: int) -> None:
        self.step(op=Op.MODIFY, **values)

    @rule(instrument=instruments, side=sides, px_nano=prices, qty=qtys)
    def level(self, **values: int) -> None:
        self.step(op=Op.LEVEL, **values)

    @precondition(lambda self: self.pair.n_steps > 20)
    @rule(instrument=instruments)
    def clear(self, **values: int) -> None:
        self.step(op=Op.CLEAR, **values)

    @precondition(lambda self: self.pair.n_steps > 30)
    @rule()
    def reset(self) -> None:
        self.step(op=Op.RESET)

    @rule(
        instrument=st.sampled_from([0, 3, 2**32 - 1]),
        id=ids,
        side=st.sampled_from([0, 2, 255]),
        px_nano=prices,
        qty=qtys,
        op=st.sampled_from([Op.NONE, Op.TRADE, 10, 255, Op.ADD, Op.MODIFY, Op.LEVEL]),
    )
    def hostile(self, **values: int) -> None:
        self.step(**values)

    @rule(seed=st.integers(0, 2**32))
    def burst(self, seed: int) -> None:
        """Ten of the walk's at once: depth that single rules would not reach."""
        rng = random.Random(seed)
        for _ in range(10):
            type(self).n_steps_of_all += 1
            self.pair.apply(updates.update(rng, self.pair.n_steps + 1))
            self.pair.compare()

    @rule(instrument=instruments, id=ids, side=sides, px_nano=prices, qty=qtys)
    def ask(self, instrument: int, id: int, side: int, px_nano: int, qty: int) -> None:
        self.pair.ask(instrument, id, side, px_nano, qty)

    @invariant()
    def both_are_the_same(self) -> None:
        self.pair.compare()


def run(machine: type[BookMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=N_EXAMPLES,
            stateful_step_count=N_STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(1800)  # ten seconds of one core, and several times that on a busy host
def test_no_sequence_of_operations_tells_the_two_books_apart() -> None:
    class Machine(BookMachine):
        n_steps_of_all = 0

    run(Machine)
    assert Machine.n_steps_of_all >= 20_000, Machine.n_steps_of_all


class StaysInPlace(reference.Books):
    """A seeded bug: an order that grows keeps its place in the queue."""

    def _amend(self, u: updates.Update) -> None:  # type: ignore[override]
        found = self.find(u["instrument"], u["id"])
        if found and u["op"] == reference.MODIFY and found[:2] == (u["side"], u["px_nano"]):
            side, px, place = found
            if u["qty"] > 0 and px != PX_NONE:
                self.books[u["instrument"]][side][px].queue[place][1] = u["qty"]
                return
        super()._amend(u)


class ForgetsAnonymous(reference.Books):
    """A seeded bug: the last order of a price takes the anonymous quantity with it."""

    def _remove(self, instrument: int, side: int, px: int, place: int) -> None:
        level = self.books[instrument][side][px]
        del level.queue[place]
        if not level.queue:
            del self.books[instrument][side][px]


@pytest.mark.parametrize("wrong", [StaysInPlace, ForgetsAnonymous])
def test_a_seeded_bug_is_found(wrong: type[reference.Books]) -> None:
    class WrongPair(Pair):
        def __init__(self) -> None:
            super().__init__()
            self.reference = wrong(updates.N_INSTRUMENTS, **updates.SIZES)

    def walk() -> None:
        rng = random.Random(1)
        pair = WrongPair()
        for step in range(5_000):
            pair.apply(updates.update(rng, step + 1))
            pair.compare()
            pair.ask(0, rng.choice(updates.IDS), 0, 0, 1)

    with pytest.raises(AssertionError):
        walk()


def test_a_batch_does_what_its_updates_do_one_by_one() -> None:
    rng = random.Random(9)
    rows = [updates.update(rng, i + 1) for i in range(3_000)]
    one_by_one, at_once = Pair().c, Pair().c
    changed = [bool(one_by_one.apply(array(row))[0]) for row in rows]
    assert at_once.apply(array(*rows)).tolist() == changed
    assert at_once.hash() == one_by_one.hash()
    assert at_once.counters() == one_by_one.counters()


# --- the Python surface ---------------------------------------------------------------------------


def test_operations_have_the_numbers_of_the_c_code() -> None:
    assert {op.name.lower(): int(op) for op in Op} == _core.book_ops()


def small() -> Books:
    return Books(2, n_orders=16, n_levels_per_side=8)


def add(id: int, side: Side, px_nano: int, qty: int, instrument: int = 0) -> updates.Update:
    return {
        "seq": id,
        "id": id,
        "new_id": 0,
        "px_nano": px_nano,
        "qty": qty,
        "ts_ns": 0,
        "instrument": instrument,
        "op": Op.ADD,
        "side": side,
    }


def test_a_quantity_costs_its_volume_weighted_price() -> None:
    books = small()
    books.apply(array(add(1, Side.SELL, 100, 2), add(2, Side.SELL, 103, 5)))
    assert books.vwap(0, Side.SELL, 3) == (3, 303, 101)
    assert books.vwap(0, Side.SELL, 99) == (7, 715, 102)
    assert books.vwap(0, Side.BUY, 1) == (0, 0, PX_NONE)


def test_a_notional_has_all_of_its_bits() -> None:
    books = small()
    books.apply(array(add(1, Side.BUY, -(2**63) + 1, 2**64 - 1)))
    assert books.vwap(0, Side.BUY, 2**64 - 1).notional == (2**64 - 1) * (-(2**63) + 1)


@pytest.mark.parametrize(
    ("bid", "ask", "state"),
    [
        (None, None, "empty"),
        (5, None, "one-sided"),
        (None, 5, "one-sided"),
        (4, 5, "open"),
        (5, 5, "locked"),
        (6, 5, "crossed"),
    ],
)
def test_the_state_of_a_market_is_told(bid: int | None, ask: int | None, state: str) -> None:
    books = small()
    if bid is not None:
        books.apply(array(add(1, Side.BUY, bid, 1)))
    if ask is not None:
        books.apply(array(add(2, Side.SELL, ask, 1)))
    assert books.state(0) == state


def test_updates_are_read_where_they_lie_and_not_changed() -> None:
    rows = array(add(1, Side.BUY, 7, 1), add(2, Side.SELL, 9, 1))
    before = rows.copy()
    rows.setflags(write=False)
    small().apply(rows)
    assert (rows == before).all()


def test_an_array_that_starts_anywhere_will_do() -> None:
    room = np.zeros(64 * 3 + 1, np.uint8)
    rows = room[1 : 1 + 128].view(UPDATE)
    rows[:] = array(add(1, Side.BUY, 7, 1), add(2, Side.SELL, 9, 1))
    books = small()
    assert books.apply(rows).tolist() == [True, True]


def test_a_reader_sees_whole_books_while_the_writer_writes() -> None:
    books = small()
    view = books.view()
    books.apply(array(add(1, Side.BUY, 1000, 5), add(2, Side.SELL, 1001, 5)))
    n = 500_000
    batch = np.zeros(n, UPDATE)
    batch["seq"] = np.arange(1, n + 1)
    batch["op"] = Op.MODIFY
    batch["id"] = 1
    batch["side"] = Side.BUY
    batch["px_nano"] = 1000
    # Quantity and number of the update are the same: a copy of two moments has others.
    batch["qty"] = batch["seq"]
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            books.apply(batch)

    thread = threading.Thread(target=write)
    thread.start()
    seen = set()
    while len(seen) < 200:
        top = view.top(0)
        if top is not None and top["seq"] > 2:
            seen.add(int(top["seq"]))
            level = top["levels"][Side.BUY, 0]
            assert (level["qty"], level["n_orders"]) == (top["seq"], 1)
    done.set()
    thread.join()
    assert view.published == n


def test_a_view_outlives_its_books() -> None:
    books = small()
    view = books.view()
    books.apply(array(add(1, Side.BUY, 7, 3)))
    del books
    top = view.top(0)
    assert top is not None
    assert top["levels"][Side.BUY, 0].tolist() == (7, 3, 1)
    assert top.dtype == TOP


def test_a_view_shows_what_was_there_before_it_was_asked_for() -> None:
    books = small()
    books.apply(array(add(1, Side.SELL, 7, 3, instrument=1)))
    top = books.view().top(1)
    assert top is not None
    assert top["levels"][Side.SELL, 0].tolist() == (7, 3, 1)


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ({"n_instruments": 0, "n_orders": 1}, "sizes of 0"),
        ({"n_instruments": 1, "n_orders": 0}, "sizes of 0"),
        ({"n_instruments": 1, "n_orders": 1, "n_levels_per_side": 0}, "sizes of 0"),
        ({"n_instruments": -1, "n_orders": 1}, "n_instruments: -1 is not a 32-bit count"),
        ({"n_instruments": 1, "n_orders": 2**32}, "n_orders: 4294967296 is not"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Books(**sizes)


@pytest.mark.parametrize(
    ("rows", "error", "text"),
    [
        (np.zeros(3, np.uint64), ValueError, "updates: records of 8 bytes, not 64"),
        (np.zeros(6, UPDATE)[::2], ValueError, "updates: not contiguous"),
        ([], TypeError, "updates: not a buffer"),
    ],
)
def test_arrays_of_something_else_are_refused(
    rows: object, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        small().apply(rows)  # type: ignore[arg-type]


@pytest.mark.parametrize("instrument", [-1, 2, 2**32])
def test_an_instrument_out_of_range_is_an_index_error(instrument: int) -> None:
    books = small()
    for ask in (books.state, books.counts, books.view().top):
        with pytest.raises(IndexError, match=f"instrument: {instrument} is not in 0 .. 1"):
            ask(instrument)


@pytest.mark.parametrize("id", [-1, 2**64])
def test_an_id_beyond_64_bits_is_refused(id: int) -> None:
    with pytest.raises(ValueError, match=f"id: {id} is not a number of 64 bits"):
        small().find(0, id)


def test_books_in_use_by_another_thread_say_so() -> None:
    books = small()
    rows = np.zeros(500_000, UPDATE)
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            books.apply(rows)

    thread = threading.Thread(target=write)
    thread.start()
    error: RuntimeError | None = None
    while error is None:  # it works nearly all of the time
        try:
            books.hash()
        except RuntimeError as raised:
            error = raised
    done.set()
    thread.join()
    assert str(error) == "the books are in use by another thread: read a view instead"
