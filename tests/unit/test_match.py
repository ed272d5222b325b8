"""engine.exchange.Matcher: the numbers are those of C, calls give events, mistakes are named."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from reference.match_pair import Streams, array
from reference.slow_match import Slow

from engine import _core
from engine.exchange.match import (
    EVENT,
    KIND_NAMES,
    OP_NAMES,
    PX,
    REASON_TEXTS,
    REQUEST,
    Event,
    EventFlag,
    Flag,
    Kind,
    Matcher,
    Op,
    Order,
    Phase,
    Stp,
    Tif,
    Trigger,
    Type,
    events_of,
)
from engine.market import Side


def kinds(events: list[Event]) -> list[Kind]:
    return [event.kind for event in events]


@pytest.fixture
def m() -> Matcher:
    return Matcher(2)


# --- what the numbers mean ------------------------------------------------------------------------


def test_operations_and_events_are_numbered_as_in_c() -> None:
    assert [op.name.lower().replace("_", " ") for op in Op] == list(OP_NAMES)
    names = [kind.name.lower().replace("_", " ") for kind in Kind]
    assert [name.replace("phased", "phase") for name in names] == list(KIND_NAMES)
    assert REASON_TEXTS[0] == ""
    assert len(set(REASON_TEXTS)) == len(REASON_TEXTS)


def test_an_event_is_two_cache_lines_and_a_request_has_no_holes() -> None:
    assert EVENT.itemsize == 128
    assert REQUEST.itemsize == sum(REQUEST[name].itemsize for name in REQUEST.names or ())


# --- events ---------------------------------------------------------------------------------------


def test_an_order_that_rests_is_accepted_and_shown(m: Matcher) -> None:
    accepted, rested = m.new(7, Side.BUY, 10, 3 * PX, user=5)
    assert (accepted.kind, accepted.qty, accepted.user) == (Kind.ACCEPTED, 10, 5)
    assert (rested.kind, rested.px_nano, rested.shown) == (Kind.RESTED, 3 * PX, 10)
    assert (accepted.seq, rested.seq) == (1, 2)


def test_a_trade_is_told_to_both_at_the_price_of_who_was_there(m: Matcher) -> None:
    m.new(1, Side.BUY, 10, 3 * PX)
    _, resting, arrived = m.new(2, Side.SELL, 4, 2 * PX)
    assert kinds([resting, arrived]) == [Kind.FILL, Kind.FILL]
    assert resting.px_nano == arrived.px_nano == 3 * PX
    assert (resting.id, resting.other_id, resting.leaves) == (1, 2, 6)
    assert (arrived.id, arrived.leaves, arrived.done) == (2, 0, 4)
    assert resting.flags == EventFlag.SHOWN
    assert arrived.flags == EventFlag.AGGRESSOR
    assert resting.match == arrived.match == 1


def test_a_refusal_says_why(m: Matcher) -> None:
    (event,) = m.cancel(9)
    assert event.kind == Kind.REFUSED
    assert event.why == "unknown order"
    (event,) = m.new(1, Side.BUY, 0, PX)
    assert event.kind == Kind.REJECTED
    assert "quantity" in event.why


def test_a_phase_is_named(m: Matcher) -> None:
    (event,) = m.phase(Phase.HALTED, instrument=1)
    assert event.why == "halted"
    assert m.phase_of(1) == Phase.HALTED
    assert m.phase_of(0) == Phase.OPEN


def test_time_makes_dated_orders_expire(m: Matcher) -> None:
    m.new(1, Side.BUY, 10, PX, tif=Tif.GTD, expire_ns=100)
    assert m.next_expiry_ns() == 100
    assert m.time(99) == []
    (event,) = m.time(100)
    assert event.kind == Kind.EXPIRED
    assert m.next_expiry_ns() is None


def test_the_clock_never_goes_back(m: Matcher) -> None:
    m.time(100)
    m.now_ns = 50
    assert m.new(1, Side.BUY, 1, PX)[0].ts_ns == 100


def test_a_trade_is_taken_back_once(m: Matcher) -> None:
    m.new(1, Side.BUY, 10, PX)
    m.new(2, Side.SELL, 10, PX)
    assert kinds(m.bust(1)) == [Kind.BUSTED, Kind.BUSTED]
    assert kinds(m.bust(1)) == [Kind.REFUSED]


# --- questions ------------------------------------------------------------------------------------


def test_a_live_order_can_be_looked_at(m: Matcher) -> None:
    m.new(
        *(1, Side.SELL, 100, 5 * PX),
        instrument=1,
        show_qty=30,
        owner=3,
        user=9,
        stp=Stp.OLDEST,
        tif=Tif.DAY,
        flags=Flag.POST_ONLY,
    )
    m.new(2, Side.BUY, 10, 5 * PX, instrument=1)
    assert (
        m.order(1, 1)
        == m.order(1)
        == Order(
            *(1, 9, 90, 20, 10, 0, 5 * PX, None, 1, 3),
            *(Side.SELL, Type.LIMIT, Tif.DAY, Stp.OLDEST, Flag.POST_ONLY),
        )
    )
    assert m.order(1, 0) is None
    assert m.order(99) is None


def test_depth_and_queues_are_in_the_order_of_priority(m: Matcher) -> None:
    for id, px in ((1, 10), (2, 11), (3, 10)):
        m.new(id, Side.BUY, id, px * PX)
    assert m.depth(0, Side.BUY).tolist() == [(11 * PX, 2, 1), (10 * PX, 4, 2)]
    assert m.queue(0, Side.BUY, 10 * PX).tolist() == [(1, 1), (3, 3)]
    assert [order.id for order in m.resting(0, Side.BUY)] == [2, 1, 3]
    assert len(m.depth(0, Side.SELL)) == 0
    assert len(m.depth(1, Side.BUY)) == 0


def test_stops_are_listed_first_to_be_triggered_first(m: Matcher) -> None:
    for id, stop in ((1, 12), (2, 11), (3, 12)):
        m.new(id, Side.BUY, 5, stop_px_nano=stop * PX, type=Type.STOP)
        m.new(id + 10, Side.SELL, 5, stop_px_nano=(20 - stop) * PX, type=Type.STOP)
    assert [order.id for order in m.stops(0, Side.BUY)] == [2, 1, 3]
    assert [order.id for order in m.stops(0, Side.SELL)] == [12, 11, 13]
    (stop,) = {order.stop_px_nano for order in m.stops(0, Side.BUY) if order.id == 2}
    assert stop == 11 * PX


def test_the_last_price_is_none_before_a_trade(m: Matcher) -> None:
    assert m.last_px_nano() is None
    m.new(1, Side.BUY, 10, 3 * PX)
    m.new(2, Side.SELL, 1)
    assert m.last_px_nano() == 3 * PX
    assert m.last_px_nano(1) is None


# --- many at once ---------------------------------------------------------------------------------


def stream(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    made = list(Streams(seed, Slow()).batch(n))
    return array([r for r, _ in made]), np.array([now for _, now in made], np.uint64)


def matcher() -> Matcher:
    return Matcher(2, n_owners=4)


def test_a_batch_does_what_one_by_one_does() -> None:
    requests, times = stream(1, 500)
    whole, single = matcher(), matcher()
    at_once = whole.take(requests, times)
    one_by_one = [single.take(requests[i : i + 1], times[i : i + 1]) for i in range(500)]
    assert at_once.tolist() == [event for events in one_by_one for event in events.tolist()]
    assert whole.hash() == single.hash()
    assert len(at_once) > 500


def test_the_same_requests_give_the_same_hash_whatever_the_seed_of_its_tables() -> None:
    requests, times = stream(2, 1000)
    first, second = Matcher(2, n_owners=4, seed=1), Matcher(2, n_owners=4, seed=99)
    assert first.take(requests, times).tolist() == second.take(requests, times).tolist()
    assert first.hash() == second.hash()
    assert first.books_hash() == second.books_hash()


def test_another_quantity_gives_another_hash() -> None:
    requests, times = stream(2, 100)
    first, second = matcher(), matcher()
    first.take(requests, times)
    requests["qty"][0] += 1
    second.take(requests, times)
    assert first.hash() != second.hash()


def test_no_event_is_lost_when_one_request_has_thousands() -> None:
    m = Matcher(1, 1 << 13)
    for id in range(1, 5001):
        m.new(id, Side.BUY, 1, PX)
    events = m.mass_cancel()
    assert len(events) == 5001
    assert [event.seq for event in events] == list(range(events[0].seq, events[0].seq + 5001))


def test_rubbish_is_answered_and_harms_nothing() -> None:
    rng = np.random.default_rng(5)
    requests = np.frombuffer(rng.bytes(REQUEST.itemsize * 20_000), REQUEST).copy()
    requests["op"] %= 16  # else most are no operation at all
    requests["instrument"][::2] %= 3
    requests["type"] %= 8
    requests["id"] %= 50
    m = matcher()
    events = m.take(requests, np.zeros(len(requests), np.uint64))
    assert m.check() is None
    assert len(events) >= len(requests) // 2


def test_another_thread_is_told_that_it_is_in_use() -> None:
    requests, times = stream(3, 200)
    m = matcher()
    said: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                m.hash()
            except RuntimeError as error:
                said.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(200):
        m.take(np.tile(requests, 50), np.tile(times, 50))
        if said:
            break
    done.set()
    thread.join()
    if not said:
        pytest.skip("the other thread never came while it was in use")
    assert "another thread" in said[0]


# --- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "what"),
    [
        ({"n_instruments": 0}, "sizes of 0"),
        ({"n_orders": 0}, "sizes of 0"),
        ({"n_instruments": -1}, "n_instruments: -1 is not in"),
        ({"n_orders": 2**32}, "n_orders"),
        ({"n_trades": 3}, "Match"),
        ({"tick_nano": 0}, "Match"),
        ({"trigger": 7}, "trigger|Match"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes: dict[str, int], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Matcher(**{"n_instruments": 1, "n_orders": 16} | sizes)


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"id": -1}, "id: -1 does not fit"),
        ({"qty": 2**64}, "qty"),
        ({"owner": 2**32}, "owner"),
        ({"type": 300}, "type: 300 does not fit"),
    ],
)
def test_a_number_that_does_not_fit_is_named(
    m: Matcher, members: dict[str, int], what: str
) -> None:
    with pytest.raises(ValueError, match=what):
        m.request(Op.NEW, **members)


def test_an_instrument_that_is_none_is_no_question(m: Matcher) -> None:
    with pytest.raises(IndexError, match=r"instrument: 2 is not in 0 \.\. 1"):
        m.depth(2, Side.BUY)


def test_times_must_be_as_long_as_requests(m: Matcher) -> None:
    with pytest.raises(ValueError, match="times: not as long"):
        m.take(np.zeros(2, REQUEST), np.zeros(1, np.uint64))


def test_an_array_of_something_else_is_refused(m: Matcher) -> None:
    with pytest.raises(ValueError, match="requests"):
        m.take(np.zeros(2, np.uint8), np.zeros(2, np.uint64))


def test_events_may_be_drained_in_parts() -> None:
    core = _core.Match(1, 16, 0, 16, 4, 0, 1, 0, Trigger.LAST, 1)
    one = np.zeros(1, REQUEST)
    one["id"], one["qty"], one["px_nano"] = 1, 5, PX
    assert core.take(one, np.zeros(1, np.uint64)) == 2
    out = np.zeros(1, EVENT)
    drained = []
    while core.drain(out):
        drained += events_of(out)
    assert kinds(drained) == [Kind.ACCEPTED, Kind.RESTED]


def test_random_calls_leave_it_sound() -> None:
    rng = random.Random(8)
    m = Matcher(1, 64, n_levels_per_side=4, n_stops=8)  # so small that it is often full
    for id in range(1, 2000):
        m.new(
            id,
            rng.choice(tuple(Side)),
            rng.randrange(1, 9),
            rng.randrange(1, 12) * PX,
            type=rng.choice((Type.LIMIT, Type.LIMIT, Type.STOP_LIMIT)),
            stop_px_nano=rng.randrange(1, 12) * PX,
        )
        assert m.check() is None
