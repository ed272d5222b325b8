"""engine.market.Feed: packets in, updates out; several lines made one, and what that took."""

from __future__ import annotations

import random
import struct
import threading

import numpy as np
import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from reference import fix as reference_fix
from reference import lines as reference

from engine.market import (
    LINE_ANY,
    LINE_RECOVERY,
    STREAM_REC,
    UPDATE,
    Arbitration,
    Books,
    Feed,
    Op,
    Side,
    itch,
)


def orders(n: int) -> tuple[np.ndarray, list[bytes]]:
    """Updates that add orders, numbered from 1, and their messages; the symbols are S0 .. S3."""
    rows = np.zeros(n, UPDATE)
    rows["op"] = Op.ADD
    rows["seq"] = rows["id"] = np.arange(1, n + 1)
    rows["ts_ns"] = rows["seq"] * 10
    rows["instrument"] = np.arange(n) % 4
    rows["side"] = np.arange(n) % 2
    rows["qty"] = 1 + np.arange(n) % 7
    rows["px_nano"] = (1000 + np.arange(n) % 50) * 100_000
    symbols = np.array([b"S%d" % i for i in rows["instrument"]])
    data, recs = itch.encode(rows, symbols=symbols)
    ends = np.cumsum(recs["n_bytes"], dtype=np.int64).tolist()
    return rows, [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def stream(packets: list[tuple[int, int, bytes]]) -> tuple[bytes, np.ndarray]:
    """(ns, line, bytes) of packets as one buffer and its index."""
    recs = np.zeros(len(packets), STREAM_REC)
    recs["ts_ns"] = [ns for ns, _, _ in packets]
    recs["line"] = [line for _, line, _ in packets]
    recs["n_bytes"] = [len(packet) for _, _, packet in packets]
    recs["offset"] = np.cumsum(recs["n_bytes"], dtype=np.uint64) - recs["n_bytes"]
    return b"".join(packet for _, _, packet in packets), recs


def push(feed: Feed, packets: list[reference.Packet]) -> np.ndarray:
    return feed.push(*stream([(p.at_ns, p.line, p.data) for p in packets]))


ROWS, MESSAGES = orders(600)


# --- lines against the oracle ---------------------------------------------------------------------


def two_lines(packets: list[reference.Packet]) -> tuple[Feed, list[int]]:
    feed = Feed("itch", in_mold=True, lines=2, n_instruments=4)
    for i in range(4):  # or they are numbered as they come, which losses change
        feed.name(f"S{i}", key=i)
    updates = push(feed, packets)
    late = feed.poll(packets[-1].at_ns + 10**9)
    seen = np.concatenate([updates, late])
    wanted = ROWS[seen["seq"].astype(np.int64) - 1]
    assert (seen == wanted).all()
    return feed, seen["seq"].tolist()


@pytest.mark.parametrize("seed", range(20))
def test_what_either_line_brings_comes_out_once_and_in_order(seed: int) -> None:
    rng = random.Random(seed)
    packets = reference.arrivals(rng, MESSAGES, drop=0.4, lose=0.0, repeat=0.1)
    feed, seen = two_lines(packets)
    assert seen == reference.numbers(packets) == list(range(1, 601))
    counters = feed.counters()
    assert [counters["line 0"]["wins"], counters["line 1"]["wins"]] == reference.wins(packets)
    assert counters["lines"]["lost"] == counters["feed"]["lost"] == 0
    assert feed.is_synced()


@pytest.mark.parametrize("seed", range(20))
def test_what_neither_line_brings_is_lost_and_listed(seed: int) -> None:
    rng = random.Random(seed)
    packets = reference.arrivals(rng, MESSAGES, drop=0.3, lose=0.1, repeat=0.1)
    feed, seen = two_lines(packets)
    assert seen == reference.numbers(packets)
    assert feed.losses().tolist() == reference.losses(packets)
    assert feed.counters()["lines"]["lost"] == sum(n for _, n in reference.losses(packets))
    assert not feed.is_synced()


def test_an_oracle_that_loses_one_packet_more_disagrees() -> None:
    packets = reference.arrivals(random.Random(1), MESSAGES, drop=0.3, lose=0.1, repeat=0.1)
    _, seen = two_lines(packets)
    fewer = [p for p in packets if p.first != packets[len(packets) // 2].first]
    assert seen != reference.numbers(fewer)


def test_books_are_the_same_whatever_each_line_drops() -> None:
    hashes = set()
    for seed in range(3):
        rng = random.Random(seed)
        packets = reference.arrivals(rng, MESSAGES, drop=0.5, lose=0.0, repeat=0.2)
        books = Books(4, 1024)
        books.apply(push(Feed("itch", in_mold=True, lines=2, n_instruments=4), packets))
        hashes.add(books.hash())
    direct = Books(4, 1024)
    direct.apply(ROWS)
    assert hashes == {direct.hash()}


def test_skew_is_what_the_lines_differ() -> None:
    packets = [
        reference.Packet(i * 10**6 + line * 300, line, i, 1, reference.mold(i, [MESSAGES[i - 1]]))
        for i in range(1, 101)
        for line in (0, 1)
    ]
    feed, _ = two_lines(packets)
    assert feed.skew_ns(1, 0, 50) == 300
    assert feed.skew_ns(0, 1, 50) == -300
    assert feed.lag(1).n == 100
    assert feed.lag(1).max == 300
    assert feed.lag(0).n == 0


def test_a_line_that_is_not_heard_is_told() -> None:
    feed = Feed("itch", in_mold=True, lines=2)
    assert feed.silent_ns(LINE_ANY, 50) is None
    feed.push_one(reference.mold(1, MESSAGES[:1]), line=1, now_ns=100)
    assert feed.silent_ns(0, 600) is None
    assert feed.silent_ns(1, 600) == feed.silent_ns(LINE_ANY, 600) == 500


# --- recovery -------------------------------------------------------------------------------------


def test_what_is_missing_is_asked_for_and_the_answer_fills_the_gap() -> None:
    how = Arbitration(n_lines=1, n_requests=2, request_wait_ns=1_000, gap_floor_ns=100)
    feed = Feed("itch", in_mold=True, lines=how)
    feed.push_one(reference.mold(1, MESSAGES[:2]), now_ns=1_000)
    assert len(feed.push_one(reference.mold(6, MESSAGES[5:6]), now_ns=2_000)) == 0
    due = feed.due_ns()
    assert due is not None
    assert len(feed.poll(due)) == 0
    assert feed.request(due) == (False, 3, 3, 1)
    assert feed.request(due) is None
    answer = feed.push_one(reference.mold(3, MESSAGES[2:5]), line=LINE_RECOVERY, now_ns=due + 10)
    assert answer["seq"].tolist() == [3, 4, 5, 6]
    assert feed.counters()["lines"]["recovered_request"] == 1
    assert feed.counters()["recovery"]["packets"] == 1
    assert feed.next_seq == 7


def test_what_nobody_answers_is_lost_in_the_end() -> None:
    how = Arbitration(n_lines=1, n_requests=2, request_wait_ns=1_000, gap_floor_ns=100)
    feed = Feed("itch", in_mold=True, lines=how)
    feed.push_one(reference.mold(1, MESSAGES[:2]), now_ns=1_000)
    feed.push_one(reference.mold(6, MESSAGES[5:6]), now_ns=2_000)
    attempts, updates = [], np.zeros(0, UPDATE)
    while (due := feed.due_ns()) is not None:
        updates = feed.poll(due)
        request = feed.request(due)
        attempts += [request.attempt] if request else []
    assert attempts == [1, 2]
    assert updates["seq"].tolist() == [6]
    assert feed.losses().tolist() == [(3, 3)]


# --- one line -------------------------------------------------------------------------------------


def test_one_line_goes_on_after_a_gap_and_drops_what_it_had() -> None:
    feed = Feed("itch", in_mold=True)
    packets = [
        *[(0, 0, reference.mold(1, MESSAGES[:3])), (0, 0, reference.mold(2, MESSAGES[1:5]))],
        *[(0, 0, reference.mold(9, MESSAGES[8:9])), (0, 0, reference.mold(10, []))],
        (0, 0, reference.mold(10, MESSAGES[9:12])[:-5]),
    ]
    updates, ends = feed.push_each(*stream(packets))
    assert updates["seq"].tolist() == [1, 2, 3, 4, 5, 9, 10, 11]
    assert ends.tolist() == [3, 5, 6, 6, 8]
    counters = feed.counters()["feed"]
    assert (counters["gaps"], counters["lost"], counters["duplicates"]) == (1, 3, 2)
    assert counters["heartbeats"] == 1
    assert counters["bad_frames"] == 1
    feed.push_one(reference.mold(13, []))  # now it is known that 12 does not come whole
    counters = feed.counters()["feed"]
    assert (counters["gaps"], counters["lost"], counters["duplicates"]) == (2, 4, 2)
    assert "lines" not in feed.counters()


def test_a_new_session_empties_the_books_first() -> None:
    feed = Feed("itch", in_mold=True)
    feed.push_one(reference.mold(5, MESSAGES[:1]))
    updates = feed.push_one(reference.mold(1, MESSAGES[:1], session=b"SESSION  2"))
    assert updates["op"].tolist() == [Op.RESET, Op.ADD]
    assert feed.counters()["feed"]["sessions"] == 1


def test_bare_messages_are_numbered_as_they_come() -> None:
    updates = Feed("itch").push(*stream([(0, 0, m) for m in MESSAGES]))
    assert (updates == ROWS).all()


def test_symbols_come_from_the_wire_or_from_the_caller() -> None:
    feed = Feed("itch", n_instruments=5)
    feed.push(*stream([(0, 0, m) for m in MESSAGES]))
    assert feed.symbols() == ["S0", "S1", "S2", "S3"]
    feed.name("ACME", key=77)
    assert feed.symbols()[4] == "ACME"
    with pytest.raises(ValueError, match="no room for 'MORE': raise n_instruments"):
        feed.name("MORE", key=78)
    with pytest.raises(ValueError, match="'' is empty or longer than 31"):
        feed.name("")


def test_a_forgotten_feed_takes_the_same_packets_again() -> None:
    feed = Feed("itch", in_mold=True)
    packet = reference.mold(1, MESSAGES[:3])
    assert len(feed.push_one(packet)) == 3
    assert len(feed.push_one(packet)) == 0
    feed.forget()
    assert feed.next_seq == 0
    assert len(feed.push_one(packet)) == 3


def test_many_updates_of_one_packet_find_room() -> None:
    entry = b"".join(b"279=0\x01269=0\x01270=%d\x01271=1\x0155=ES\x01" % i for i in range(100))
    fields = b"35=X\x0134=%d\x01268=100\x01"
    messages = []
    for seq in range(1, 101):
        body = fields % seq + entry
        head = b"8=FIX.4.4\x019=%d\x01" % len(body)
        messages.append(head + body + b"10=%03d\x01" % reference_fix.checksum(head + body))
    updates, ends = Feed("fix").push_each(*stream([(0, 0, m) for m in messages]))
    assert len(updates) == 10_000
    assert ends.tolist() == list(range(100, 10_001, 100))
    assert updates["px_nano"][:100].tolist() == [i * 10**9 for i in range(100)]
    assert set(updates["op"].tolist()) == {Op.LEVEL}


def test_dbn_records_are_read_bare() -> None:
    record = struct.pack(
        "<BBHIQQqIBBccQiI",
        *(14, 0xA0, 1, 7, 123, 99, 4_810_250_000_000, 3, 0, 0, b"A", b"A", 0, 0, 42),
    )
    (row,) = Feed("dbn").push_one(record)
    assert (row["op"], row["id"], row["side"], row["qty"]) == (Op.ADD, 99, Side.SELL, 3)
    assert row["px_nano"] == 4_810_250_000_000
    assert row["new_id"] == 0


# --- bad arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Feed("ouch"), ValueError, "protocol: none is called 'ouch'"),
        (lambda: Feed("itch", lines=2), ValueError, "'itch' with 2 lines and these sizes cannot"),
        (lambda: Feed("itch", in_mold=True, lines=5), ValueError, "with 5 lines"),
        (lambda: Feed("itch", in_mold=True, lines=0), ValueError, "lines: 0 are none"),
        (lambda: Feed("itch", n_instruments=0), ValueError, "these sizes cannot be"),
        (lambda: Feed("itch", n_instruments=-1), ValueError, "n_instruments: -1 is not in"),
        (lambda: Feed("fix", n_qty_decimals=19), ValueError, "these sizes cannot be"),
        (
            lambda: Feed("itch", in_mold=True, lines=Arbitration(n_window=2**40)),
            ValueError,
            "n_window: 1099511627776 is too much",
        ),
        (
            lambda: Feed("itch", in_mold=True, lines=Arbitration(gap_skews=-1)),
            ValueError,
            "gap_skews: -1 is negative",
        ),
        (lambda: Feed("itch").losses(), ValueError, "has no lines to ask"),
        (lambda: Feed("itch").lag(0), ValueError, "has no lines to ask"),
        (lambda: Feed("mdp3", lines=2).lag(2), IndexError, r"line: 2 is not in 0 \.\. 1"),
        (lambda: Feed("itch").push_one(b"", line=9), IndexError, r"line: 9 is not in 0 \.\. 5"),
        (lambda: Feed("itch").poll(-1), ValueError, "now_ns: -1 is not a number of 64 bits"),
        (lambda: Feed("itch").name("x", key=2**32), ValueError, "key: 4294967296 is not"),
    ],
)
def test_what_cannot_be_is_one_clear_error(call: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()  # type: ignore[operator]


def test_nothing_is_pushed_when_a_record_lies_outside() -> None:
    feed = Feed("itch")
    data, recs = stream([(0, 0, m) for m in MESSAGES[:3]])
    recs["n_bytes"][2] += 1
    with pytest.raises(ValueError, match="record 2 lies outside the data"):
        feed.push(data, recs)
    assert feed.counters()["feed"]["frames"] == 0


def test_a_feed_in_use_by_another_thread_says_so() -> None:
    feed = Feed("itch")
    data, recs = stream([(0, 0, m) for m in MESSAGES])
    many = np.tile(recs, 1_000)
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            feed.push(data, many)

    thread = threading.Thread(target=work)
    thread.start()
    error: RuntimeError | None = None
    while error is None:  # it works nearly all of the time
        try:
            feed.counters()
        except RuntimeError as raised:
            error = raised
    done.set()
    thread.join()
    assert str(error) == "the feed is in use by another thread"
