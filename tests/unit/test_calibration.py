"""The calibration: what is counted in a capture, what the shipped file says, what is refused."""

from __future__ import annotations

import dataclasses
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from harness.errors import RedlineError
from harness.traffic import calibrate
from harness.traffic.calibrate import GRID, OPS, TABLES, Calibration, CalibrationError, load, main
from harness.traffic.observe import RECORD, observe, read_mbo

ROOT = Path(__file__).parents[2]
CAPTURES = ("l3/esh4-20231224.mbo.dbn.zst", "l3/esh4-20231225.mbo.dbn.zst")
TICK = 250_000_000


def capture(name: str) -> Path:
    folders = [os.environ.get("REDLINE_DATA"), ROOT / ".." / "shared" / "data"]
    found = [Path(f) / name for f in folders if f and (Path(f) / name).exists()]
    if not found:
        pytest.skip(f"{name} is not in $REDLINE_DATA nor in ../shared/data")
    return found[0]


def mbo(*rows: tuple[str, str, int, int, int], snapshot: int = 0) -> np.ndarray:
    """Records of (action, side, order id, price in ticks, size), a microsecond apart."""
    records = np.zeros(len(rows), RECORD)
    records["length"], records["rtype"] = 14, 0xA0
    for i, (action, side, order_id, ticks, size) in enumerate(rows):
        records[i]["action"], records[i]["side"] = action.encode(), side.encode()
        records[i]["order_id"], records[i]["size"] = order_id, size
        records[i]["price"] = ticks * TICK
        records[i]["ts_recv"] = 10**18 + 1000 * i
        records[i]["flags"] = 0x20 if i < snapshot else 0
    return records


BOOK = (
    ("A", "B", 1, 100, 5),
    ("A", "B", 2, 99, 1),
    ("A", "B", 3, 97, 2),
    ("A", "A", 4, 101, 3),
    ("A", "A", 5, 102, 1),
)
# The least that a calibration needs: an add, a cancel, a full execution.
LEAST = (
    ("A", "B", 90, 100, 1),
    ("C", "B", 90, 100, 1),
    ("A", "A", 91, 102, 1),
    ("A", "A", 92, 100, 1),  # crosses the book: an auction, seen but not counted from here on
    ("C", "A", 92, 100, 1),
    ("T", "B", 0, 101, 3),
    ("F", "A", 4, 101, 3),
    ("C", "A", 4, 101, 3),
)


def seen(*rows: tuple[str, str, int, int, int]) -> Calibration:
    return observe([mbo(*BOOK, *rows, snapshot=len(BOOK))], "test")


def only(calibration: Calibration, table: str) -> set[int]:
    return set(calibration.tables[table])


def test_a_snapshot_is_where_the_book_starts_and_not_counted():
    found = seen(*LEAST)
    assert found.ops == {
        "add": 3,  # the one that crosses meets a book that is not crossed yet
        "cancel": 1,  # and its cancel meets one that is
        "reprice": 0,
        "reduce": 0,
        "grow": 0,
        "execute_full": 1,
        "execute_part": 0,
    }
    assert found.levels == (3, 1)
    assert found.live_orders == 5


def test_a_fill_and_the_record_that_settles_it_are_one_execution():
    found = seen(
        *LEAST,
        ("A", "A", 6, 101, 9),
        ("T", "B", 0, 101, 4),
        ("F", "A", 6, 101, 4),
        ("M", "A", 6, 101, 5),
    )
    assert (found.ops["execute_part"], found.ops["reduce"]) == (1, 0)
    assert found.permille["last_fill_part"] == 500  # one of the two orders larger than 1
    assert only(found, "fills") == {1}


def test_fills_are_counted_by_trade():
    found = seen(
        *LEAST,
        ("T", "A", 0, 99, 6),
        ("F", "B", 1, 100, 5),
        ("F", "B", 2, 99, 1),
        ("C", "B", 1, 100, 5),
        ("C", "B", 2, 99, 1),
    )
    assert only(found, "fills") == {1, 2}
    assert found.ops["execute_full"] == 3


def test_modifies_are_told_apart_by_what_they_change():
    found = seen(
        *LEAST,
        ("M", "B", 3, 98, 2),  # price, same quantity
        ("M", "B", 1, 96, 4),  # price and quantity
        ("M", "B", 1, 96, 1),  # down
        ("M", "B", 1, 96, 7),  # up
    )
    assert (found.ops["reprice"], found.ops["reduce"], found.ops["grow"]) == (2, 1, 1)
    assert found.permille["reprice_keeps_qty"] == 500
    assert only(found, "reprice_from_ticks") == {0, 3}
    assert only(found, "reprice_to_ticks") == {2, 4}
    assert only(found, "reduce_left_permille") == {250}


def test_ages_count_the_younger_orders():
    found = seen(*LEAST, ("C", "B", 1, 100, 5))
    # 90 had none; 1 is the oldest of 1 2 3 5 91.
    assert only(found, "cancel_age") == {0, 4}


def test_distance_and_rank_are_taken_before_the_operation():
    found = seen(*LEAST, ("C", "B", 3, 97, 2))
    assert max(found.tables["ticks_touched"]) == 3
    assert max(found.tables["rank_touched"]) == 2


def test_an_order_within_a_wide_spread_improves_the_best():
    # With the offer at 101 gone the spread is 100 to 102.
    found = seen(*LEAST, ("A", "A", 7, 101, 1))
    assert only(found, "add_ticks_wide") == {-1}


def test_bursts_are_messages_of_one_instant():
    rows = mbo(*BOOK, *LEAST, snapshot=len(BOOK))
    rows["ts_recv"][len(BOOK) : len(BOOK) + 2] = 10**18
    found = observe([rows], "test")
    assert only(found, "burst") == {1, 2}
    assert min(found.tables["gap_ppm"]) > 0


@pytest.mark.parametrize("rows", [(), LEAST[:3], (("C", "B", 77, 100, 1),)])
def test_a_capture_without_trading_is_refused(rows):
    with pytest.raises(CalibrationError, match="no continuous trading"):
        seen(*rows)


# --- the file ---


def test_a_calibration_survives_its_file(tmp_path):
    once = seen(*LEAST)
    path = tmp_path / "c.json"
    path.write_text(once.to_json())
    assert load(path) == once
    assert load(path).to_json() == once.to_json()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": "redline.calibration/0"}, "schema"),
        ({"grid": [0, 10000]}, "grid"),
        ({"ops": {"add": 1}}, "ops: wants add, cancel"),
        ({"ops": dict.fromkeys(OPS, 0)}, "nothing was counted"),
        ({"ops": dict.fromkeys(OPS, 1.5)}, r"ops.add: not a count: 1.5"),
        ({"permille": {}}, "permille"),
        ({"tables": {}}, "tables: wants add_ticks_tight"),
        ({"levels": [1]}, "levels"),
        ({"live_orders": 0}, "live_orders"),
    ],
)
def test_a_file_that_is_no_calibration_is_refused_by_its_field(tmp_path, change, says):
    path = tmp_path / "c.json"
    path.write_text(json.dumps(json.loads(seen(*LEAST).to_json()) | change))
    with pytest.raises(CalibrationError, match=says) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("row", [[1] * 5, list(range(len(GRID), 0, -1)), ["1"] * len(GRID), None])
def test_a_table_that_falls_or_lacks_values_is_refused(tmp_path, row):
    document = json.loads(seen(*LEAST).to_json())
    document["tables"]["fills"] = row
    path = tmp_path / "c.json"
    path.write_text(json.dumps(document))
    with pytest.raises(CalibrationError, match=r"tables\.fills: wants"):
        load(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "3"])
def test_a_file_that_is_no_object_is_one_line(tmp_path, text):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(CalibrationError) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_draws_are_equally_likely_values_of_the_table():
    table = (*(0,) * 60, *range(1, len(GRID) - 59))
    found = dataclasses.replace(load(), tables={"t": table}).draws("t", 1000)
    assert len(found) == 1000
    assert (np.diff(found) >= 0).all()
    assert (found == 0).mean() == pytest.approx(0.595, abs=0.002)
    for q in (0.7, 0.9, 0.98):
        assert np.quantile(found, q) == pytest.approx(np.interp(q * 1e4, GRID, table), abs=1)


# --- the shipped file ---


def test_the_shipped_calibration_is_of_a_real_market():
    found = load()
    assert found.n_messages > 40_000
    shares = {op: n / found.n_messages for op, n in found.ops.items()}
    assert 0.3 < shares["add"] < 0.5
    assert 0.05 < shares["execute_full"] + shares["execute_part"] < 0.2
    assert found.levels == (922, 565)  # of the book with which the session ends
    assert found.live_orders == 11_217
    assert all(len(found.draws(name)) == 4096 for name in TABLES)
    assert found.draws("fills").min() >= 1
    assert found.draws("order_qty").min() >= 1


def test_the_shipped_calibration_holds_statistics_only():
    document = json.loads(
        (Path(calibrate.__file__).parent / "calibration/default.json").read_text()
    )
    assert set(document["about"]) >= set(document) - {"schema", "about", "permille", "tables"}
    assert document["source"] == "CME ES futures, order by order, one session"
    # Nothing as long as a price, a time or an order id of the capture; gaps are relative.
    tables = {k: v for k, v in document["tables"].items() if k != "gap_ppm"}
    assert max(abs(v) for row in tables.values() for v in row) < 20_000


def test_the_shipped_calibration_is_what_the_captures_say(tmp_path):
    made = tmp_path / "made.json"
    paths = [str(capture(name)) for name in CAPTURES]
    assert main([*paths, "--source", load().source, "--out", str(made)]) == 0
    shipped = Path(calibrate.__file__).parent / "calibration" / "default.json"
    assert made.read_text() == shipped.read_text()


def test_the_stream_made_of_it_has_its_mix():
    """Books do not grow: adds and removals meet in the middle, within 3 % of all operations."""
    pytest.importorskip("engine", reason="the C core is not built", exc_type=ImportError)
    from harness.traffic import synthetic

    found, n = load(), 200_000
    made = synthetic.make("itch", seed=1, n_instruments=8, n_orders=11_000, n_messages=n)
    for op in OPS:
        assert made.counts[op] / n == pytest.approx(found.ops[op] / found.n_messages, abs=0.03)
    changes = 1000 * made.counts["price_changes"] / n
    assert changes == pytest.approx(found.permille["bbo_price_change"], abs=10)
    assert made.counts["live_min"] > 10_000
    stream = made.stream
    body = stream.recs[stream.loop_from : stream.loop_from + n]
    data = np.frombuffer(stream.data, dtype=np.uint8)
    adds = body["offset"][np.isin(data[body["offset"]], list(b"AF"))]
    qty = sum(data[adds + 20 + i].astype(int) << (24 - 8 * i) for i in range(4))
    for q in (0.5, 0.8, 0.9, 0.99):
        wanted = np.quantile(found.draws("order_qty"), q)
        assert np.quantile(qty, q) == pytest.approx(wanted, rel=0.1, abs=1)


# --- captures ---


def dbn(records: bytes, metadata: bytes = b"meta") -> bytes:
    return b"DBN\x01" + struct.pack("<I", len(metadata)) + metadata + records


def test_records_start_behind_the_metadata(tmp_path):
    rows = mbo(*BOOK)
    path = tmp_path / "x"
    path.write_bytes(dbn(rows.tobytes(), b"m" * 100))
    assert (read_mbo(path) == rows).all()


@pytest.mark.parametrize(
    "content",
    [
        b"8=FIX.4.4\x01",
        b"DBN",
        dbn(b""),
        dbn(mbo(*BOOK).tobytes()[:-1]),
        dbn(bytes(56)),  # rtype 0 is no order record
    ],
)
def test_a_file_without_whole_order_records_is_refused(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(CalibrationError, match=str(path)):
        read_mbo(path)


def test_the_command_prints_a_calibration(tmp_path, capsys):
    path = tmp_path / "x"
    path.write_bytes(dbn(mbo(*BOOK, *LEAST, snapshot=len(BOOK)).tobytes()))
    assert main([str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["ops"]["add"] == 3


def test_the_command_reports_a_missing_file_in_one_line(tmp_path, capsys):
    assert main([str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'nowhere'}: no such file or directory\n"
    with pytest.raises(RedlineError):
        read_mbo(tmp_path)
