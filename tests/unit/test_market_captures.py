"""Real captures through engine.market alone end with what is known of them."""

from __future__ import annotations

import os
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from reference import book as reference_book
from reference import fix as reference_fix
from reference.captures import capture, path_of
from reference.fix_agreement import difference

from engine.market import (
    UPDATE,
    Books,
    Checks,
    Dictionary,
    Feed,
    Op,
    Side,
    fix,
    index,
    itch,
    replay,
)

MBO = ["l3/esh4-20231224.mbo.dbn.zst", "l3/esh4-20231225.mbo.dbn.zst"]
DBN_SEQUENCE_AT = 52


# --- FIX ------------------------------------------------------------------------------------------


def fix_log() -> fix.FixBatch:
    """The log has a line end behind each message: a row of garbage of one byte."""
    batch = fix.parse(capture("fix/fixt11-marketdata.fix"))
    garbage = batch.messages[~batch.ok]
    assert set(garbage["n_bytes"].tolist()) <= {1}
    return batch


def test_all_messages_of_the_market_data_log_are_good() -> None:
    batch = fix_log()
    assert batch.ok.sum() == 13_888
    types = batch.strings(35)[batch.ok]
    assert ((types == b"X").sum(), (types == b"0").sum()) == (11_365, 2_523)
    n_fields = batch.messages["n_fields"][batch.ok]
    assert (n_fields.min(), n_fields.max()) == (6, 28)


def test_the_log_numbers_its_market_data_without_a_loss() -> None:
    numbers = fix_log().ints(1181)
    seen = numbers.values[numbers.valid]
    assert (seen.min(), seen.max()) == (82, 11_433)
    assert len(seen) - len(np.unique(seen)) == 13
    assert len(np.unique(seen)) == 11_433 - 82 + 1


def test_the_log_encodes_to_its_own_bytes() -> None:
    batch = fix_log()
    good = batch.messages[batch.ok]
    data = bytes(batch.data)
    cuts = zip(good["offset"].tolist(), good["n_bytes"].tolist(), strict=True)
    assert batch.encode() == b"".join(data[o : o + n] for o, n in cuts)


def test_the_log_reads_as_the_reference_reads_it() -> None:
    data = capture("fix/fixt11-marketdata.fix")
    assert difference(data, fix.parse(data), reference_fix.parse(data)) is None


def test_the_log_obeys_the_dictionary_of_its_venue_and_no_other() -> None:
    data = capture("fix/fixt11-marketdata.fix")
    path = path_of("fix/dictionaries/FIX50SP2.xml")
    plain = Dictionary.load(path, transport=path.with_name("FIXT11.xml"))
    # The venue multicasts: no session, so no numbers or names; and it has entry types of its own.
    venue = plain.amended(
        optional=["SenderCompID", "TargetCompID", "MsgSeqNum"],
        extra={"0": ["ApplID"], "X": ["ApplID"]},
        values={"MDEntryType": {"x": "", "y": ""}},
        checks=Checks(group_order=False),
    )
    assert fix.parse(data, dictionary=venue).ok.sum() == 13_888
    rows = fix.parse(data, dictionary=plain)
    assert rows.ok.sum() == 0
    assert set(rows.messages["reason"].tolist()) == {1}  # a required tag is missing
    assert (rows.messages["n_fields"] >= 6).all()  # all fields are there to be looked at
    other = Dictionary.load(path.with_name("FIX44.xml"))
    assert set(fix.parse(data, dictionary=other).messages["reason"].tolist()) == {99}
    assert fix.parse(data, dictionary=plain, level="checksum").ok.sum() == 13_888


@pytest.mark.parametrize("name", ["nos", "er", "mdi"])
def test_the_yardstick_messages_are_good_and_come_back(name: str) -> None:
    data = capture(f"fix/{name}_1k.fix")
    dictionary = Dictionary.load(path_of("fix/dictionaries/FIX44.xml"))
    batch = fix.parse(data, dictionary=dictionary)
    assert batch.ok.sum() == len(batch) == 1_000, batch.sentences
    assert batch.encode() == data
    assert difference(data, fix.parse(data), reference_fix.parse(data)) is None


def test_lengths_of_raw_data_are_those_of_the_dictionaries() -> None:
    """By the names of the fields: EncodedText has EncodedTextLen, Signature has SignatureLength."""
    found = {}
    for version in ("FIX40", "FIX41", "FIX42", "FIX43", "FIX44", "FIX50", "FIX50SP1", "FIX50SP2"):
        fields = ElementTree.parse(path_of(f"fix/dictionaries/{version}.xml")).find("fields")
        assert fields is not None
        tags = {field.get("name", ""): int(field.get("number", "0")) for field in fields}
        for field in fields:
            name = field.get("name", "")
            length = tags.get(f"{name}Len") or tags.get(f"{name}Length")
            if field.get("type") in ("DATA", "XMLDATA") and length:
                found[length] = tags[name]
    # One is named by an abbreviation: EncodedUnderlyingMarketDisruptionFallbackUndlrSecDescLen.
    assert found | {41873: 41874} == reference_fix.DATA_TAGS
    assert {tag: fix.data_tag(tag) for tag in found} == found


# --- L3 -------------------------------------------------------------------------------------------


def after_mbo(names: list[str]) -> tuple[Books, Feed, int]:
    books = Books(1, n_orders=1 << 15)
    feed = Feed("dbn", n_instruments=1)
    sequence = 0
    for name in names:
        data = capture(name)
        recs = index("dbn", data)
        books.apply(feed.push(data, recs))
        feed.forget()
        at = int(recs["offset"][-1]) + DBN_SEQUENCE_AT
        sequence = int.from_bytes(data[at : at + 4], "little")
    return books, feed, sequence


@pytest.mark.parametrize("names", [MBO, MBO[1:]], ids=["both days", "second day"])
def test_es_orders_leave_the_known_book(names: list[str]) -> None:
    books, feed, sequence = after_mbo(names)
    counts = books.counts(0)
    assert (counts.bid_levels, counts.ask_levels) == (922, 565)
    assert counts.bid_orders + counts.ask_orders == 11_217
    (bbo,) = books.bbo()
    assert (bbo["bid_px_nano"], bbo["ask_px_nano"]) == (4_810_000_000_000, 4_810_250_000_000)
    assert sequence == 59_585
    assert books.state(0) == "open"
    assert books.check() is None
    counters = books.counters()
    assert counters["duplicate_ids"] == counters["unknown_ids"] == counters["over_reduced"] == 0
    assert feed.counters()["feed"]["bad_messages"] == 0


def test_both_days_and_the_second_alone_leave_the_same_book() -> None:
    both, second = after_mbo(MBO)[0], after_mbo(MBO[1:])[0]
    assert both.hash() == second.hash()
    bids, asks = both.depth(0, 10)
    others = second.depth(0, 10)
    assert bids.tolist() == others[0].tolist()
    assert asks.tolist() == others[1].tolist()


def test_the_es_book_answers_as_its_queues_add_up() -> None:
    books = after_mbo(MBO[1:])[0]
    bids, _ = books.depth(0, 5)
    left = 0
    for rank, level in enumerate(bids):
        queue = books.queue(0, Side.BUY, int(level["px_nano"]))
        assert queue["qty"].sum() == level["qty"] == books.qty_at(0, Side.BUY, level["px_nano"])
        assert len(queue) == level["n_orders"]
        for place, order in enumerate(queue[:3]):
            assert books.queue_rank(0, int(order["id"])) == place
            found = books.find(0, int(order["id"]))
            assert found == (Side.BUY, level["px_nano"], order["qty"])
        left += int(level["qty"])
        taking = books.vwap(0, Side.BUY, left)
        exact = (bids["qty"][: rank + 1].astype(object) * bids["px_nano"][: rank + 1]).sum()
        assert taking[:2] == (left, exact)


# --- ITCH -----------------------------------------------------------------------------------------


def test_the_itch_day_leaves_the_known_books() -> None:
    data = capture("itch/itch50-1m.bin.zst")
    feed = Feed("itch", n_instruments=200)
    books = Books(200, n_orders=1 << 16, n_levels_per_side=1 << 10)
    changed = books.apply(feed.push(data, index("itch", data)))
    assert len(changed) == 1_016_201
    counts = [books.counts(i) for i in range(200)]
    assert sum(c.bid_orders + c.ask_orders for c in counts) == 40_095
    assert sum(c.bid_levels + c.ask_levels for c in counts) == 9_212
    assert max(c.bid_levels for c in counts) == 77
    assert len(feed.symbols()) == 200
    assert books.check() is None


def test_the_first_of_the_itch_day_agree_with_the_slow_book() -> None:
    data = capture("itch/itch50-1m.bin.zst")
    n = 4_000
    rows = Feed("itch").push(data, index("itch", data)[:n])
    books = Books(200, n_orders=n, n_levels_per_side=1 << 10, n_levels=n)
    slow = reference_book.Books(200, n, 1 << 10, n)
    names = UPDATE.names or ()
    columns = zip(*(rows[name].tolist() for name in names), strict=True)
    changed = [slow.apply(dict(zip(names, row, strict=True))) for row in columns]
    assert books.apply(rows).tolist() == changed
    assert books.hash() == slow.hash()
    assert books.counters() == slow.counters


def test_the_artificial_itch_file_is_survived_and_counted() -> None:
    data = capture("itch/artificial-itch50.gz")
    recs = index("itch", data)
    rows, valid = itch.decode(data, recs)
    assert len(rows) == 12_012
    kinds, n = np.unique(itch.kinds(data, recs), return_counts=True)
    seen = dict(zip(kinds.tolist(), n.tolist(), strict=True))
    known = {b"A": 4_997, b"F": 3, b"E": 198, b"X": 45, b"D": 1_745, b"U": 12, b"P": 5_000}
    assert {kind: seen[kind] for kind in known} == known
    feed = Feed("itch")
    books = Books(1024, n_orders=1 << 14)
    books.apply(feed.push(data, recs))
    assert books.counters()["unknown_ids"] == 117
    assert books.check() is None
    assert valid.all()


# --- lines ----------------------------------------------------------------------------------------


def cme(drop: np.random.Generator | None) -> tuple[Feed, list[int]]:
    """Both CME lines through arbitration; with `drop`, each packet on one line at least."""
    recording = replay.read(capture("ab/cme-mdp3-ab.pcapng"))
    recs = recording.recs
    if drop is not None:
        numbers = np.array(
            [int.from_bytes(recording.data[o : o + 4], "little") for o in recs["offset"].tolist()]
        )
        loser = drop.integers(0, 3, numbers.max() + 1)  # 0 or 1: dropped on that line
        recs = recs[recs["line"] != loser[numbers]]
    feed = Feed("mdp3", lines=2)
    rows = feed.push(recording.data, recs)
    return feed, rows["seq"].tolist()


def test_the_cme_lines_make_one_stream_with_the_known_wins_and_skew() -> None:
    feed, _ = cme(None)
    counters = feed.counters()
    assert [counters[f"line {i}"]["packets"] for i in (0, 1)] == [5_000, 5_000]
    assert [counters[f"line {i}"]["wins"] for i in (0, 1)] == [193, 4_807]
    assert counters["lines"]["delivered"] == 5_000
    assert counters["lines"]["lost"] == 0
    assert feed.next_seq == 10_615
    skew = [feed.skew_ns(0, 1, pct) / 1000 for pct in (0, 50, 99, 100)]
    assert skew == pytest.approx([-6.1, 0.26, 4.7, 15.4], rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_dropped_packets_that_one_line_keeps_change_nothing(seed: int) -> None:
    _, whole = cme(None)
    feed, seen = cme(np.random.default_rng(seed))
    assert seen == whole
    assert feed.counters()["lines"]["lost"] == 0
    wins = [feed.counters()[f"line {i}"]["wins"] for i in (0, 1)]
    assert sum(wins) == 5_000
    assert min(wins) > 1_000  # of 193 when nothing is dropped


@pytest.mark.parametrize(
    ("name", "n_depths"),
    [("cm-btcusd", 26_847), ("usdm-btcusdt", None)],
)
def test_binance_diffs_joined_to_a_snapshot_leave_a_sound_book(
    name: str, n_depths: int | None
) -> None:
    data = capture(f"l2/binance-{name}-20240808.gz")
    recording = replay.read(data)
    feed = Feed("binance", n_instruments=1, n_qty_decimals=8)
    rows = feed.push(data, recording.recs)
    books = Books(1, n_orders=1, n_levels_per_side=1 << 14)
    books.apply(rows)
    assert books.state(0) == "open"
    assert books.check() is None
    assert feed.is_synced()
    counters = feed.counters()
    assert counters["lines"]["snapshots"] == 1
    assert counters["lines"]["lost"] == 0
    share = books.counters()["unknown_levels"] / (rows["op"] == Op.LEVEL).sum()
    assert 0.02 < share < 0.2  # they delete levels that nobody announced
    assert n_depths is None or counters["line 0"]["packets"] >= n_depths


@pytest.mark.parametrize("name", ["itch/itch50-1m.bin.zst", MBO[1]])
def test_a_play_leaves_the_books_that_batches_leave(name: str) -> None:
    """Two ways through the same C code: threads with a cable between, and arrays."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two CPUs: this process may use one")
    recording = replay.read(capture(name))
    played = replay.play(recording)
    feed = Feed(recording.protocol)
    books = Books(1024, n_orders=1 << 20)
    books.apply(feed.push(recording.data, recording.recs))
    assert books.hash() == played.book_hash
