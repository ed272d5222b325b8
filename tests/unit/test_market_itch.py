"""engine.market.itch and ouch: every message to values and back, and to what `struct` reads."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from reference import itch as reference
from reference.captures import capture

from engine.market import STREAM_REC, UPDATE, Op, Side, index, itch, ouch

TYPES = sorted(itch.TYPES)


def recs_of(*messages: bytes) -> tuple[bytes, np.ndarray]:
    recs = np.zeros(len(messages), STREAM_REC)
    recs["n_bytes"] = [len(m) for m in messages]
    recs["offset"] = np.cumsum(recs["n_bytes"], dtype=np.uint64) - recs["n_bytes"]
    return b"".join(messages), recs


def random_message(rng: random.Random, kind: str) -> bytes:
    _, n_bytes = itch.TYPES[kind]
    # No zeros: numpy takes those at the end of a text for padding.
    body = bytearray(rng.choices(range(1, 256), k=n_bytes - 1))
    if kind == "V":  # prices in 8 bytes of 1e-8 must fit 64 bits of 1e-9
        for at in (10, 18, 26):
            body[at] = 0
    return kind.encode() + bytes(body)


def updates_of(rows: np.ndarray, valid: np.ndarray) -> list[reference.Update | None]:
    columns = ("op", "id", "new_id", "side", "qty", "px_nano", "instrument", "ts_ns")
    lists = [rows[name].tolist() for name in columns]
    return [
        row if good else None
        for row, good in zip(zip(*lists, strict=True), valid.tolist(), strict=True)
    ]


def test_every_message_of_the_specification_is_known_by_its_size() -> None:
    sizes = {kind.encode(): n_bytes for kind, (_, n_bytes) in itch.TYPES.items()}
    assert sizes == reference.SIZES


def test_generated_messages_decode_to_what_struct_reads() -> None:
    rng = random.Random(1)
    messages = [random_message(rng, rng.choice(TYPES)) for _ in range(5_000)]
    messages += [random_message(rng, kind)[:-1] for kind in TYPES]
    messages += [random_message(rng, kind) + b"x" for kind in TYPES]
    messages += [b"", b"z" * 36, b"A"]
    rng.shuffle(messages)
    rows, valid = itch.decode(*recs_of(*messages))
    seen = updates_of(rows, valid)
    assert seen == [reference.update(m) for m in messages]
    assert rows["seq"].tolist() == list(range(1, len(messages) + 1))
    assert sum(row is None for row in seen) >= 2 * len(TYPES)


def test_the_sample_day_decodes_to_what_struct_reads() -> None:
    data = capture("itch/itch50-1m.bin.zst")
    recs = index("itch", data)
    rows, valid = itch.decode(data, recs)
    n = 200_000  # a fifth of the day: struct takes a second for it
    cuts = zip(recs["offset"][:n].tolist(), recs["n_bytes"][:n].tolist(), strict=True)
    assert updates_of(rows[:n], valid[:n]) == [reference.update(data[o : o + k]) for o, k in cuts]
    assert valid.all()
    ops = np.bincount(rows["op"], minlength=10)
    assert ops[[Op.ADD, Op.REDUCE, Op.DELETE, Op.REPLACE, Op.TRADE, Op.NONE]].tolist() == [
        423_572 + 47_090,
        30_955 + 2_033 + 17_040,
        410_258,
        80_006,
        5_046,
        201,
    ]


def test_a_wrong_byte_in_a_message_is_seen() -> None:
    message = random_message(random.Random(2), "A")
    wrong = bytearray(message)
    wrong[18] ^= 1  # the id's last byte
    rows, valid = itch.decode(*recs_of(bytes(wrong)))
    assert updates_of(rows, valid) != [reference.update(message)]


# --- updates to messages --------------------------------------------------------------------------


def random_updates(n: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    rows = np.zeros(n, UPDATE)
    rows["op"] = rng.choice([Op.ADD, Op.REDUCE, Op.DELETE, Op.REPLACE, Op.TRADE], n)
    rows["seq"] = np.arange(1, n + 1)
    rows["id"] = rng.integers(1, 2**63, n)
    rows["ts_ns"] = rng.integers(0, 2**48, n)
    rows["instrument"] = rng.integers(0, 2**16, n)
    rows["qty"] = np.where(rows["op"] == Op.DELETE, 0, rng.integers(0, 2**32, n))
    has_px = np.isin(rows["op"], [Op.ADD, Op.REPLACE, Op.TRADE])
    rows["px_nano"] = np.where(has_px, rng.integers(0, 2**32, n) * reference.NANO, 0)
    rows["side"] = np.where(np.isin(rows["op"], [Op.ADD, Op.TRADE]), rng.integers(0, 2, n), 0)
    rows["new_id"] = np.where(rows["op"] == Op.REPLACE, rng.integers(1, 2**63, n), 0)
    return rows


def test_updates_come_back_from_their_messages() -> None:
    rows = random_updates(2_000)
    data, recs = itch.encode(rows, symbols="AAPL")
    back, valid = itch.decode(data, recs)
    assert valid.all()
    assert (back == rows).all()
    symbols = itch.read(data, recs, "A")[0]["symbol"]
    assert set(symbols.tolist()) == {b"AAPL    "}


@pytest.mark.parametrize(("kind", "op"), [("F", Op.ADD), ("E", Op.REDUCE), ("C", Op.REDUCE)])
def test_the_type_of_a_message_can_be_chosen(kind: str, op: Op) -> None:
    rows = random_updates(200)
    rows = rows[rows["op"] == op]
    data, recs = itch.encode(rows, types=kind)
    assert set(itch.kinds(data, recs).tolist()) == {kind.encode()}
    assert (itch.decode(data, recs)[0]["id"] == rows["id"]).all()


@pytest.mark.parametrize(
    ("member", "value", "text"),
    [
        ("px_nano", 100_001, "px_nano is not on the grid"),
        ("px_nano", -100_000, "px_nano is not on the grid"),
        ("px_nano", 2**32 * 100_000, "px_nano is not on the grid"),
        ("qty", 2**32, "qty is beyond 32 bits"),
        ("instrument", 2**16, "instrument is beyond 16 bits"),
        ("ts_ns", 2**48, "ts_ns is beyond 48 bits"),
        ("side", 2, "side is neither buy nor sell"),
        ("op", Op.MODIFY, "no encoder for this type"),
    ],
)
def test_an_update_that_itch_cannot_say_is_named(member: str, value: int, text: str) -> None:
    rows = np.zeros(3, UPDATE)
    rows["op"] = Op.ADD
    rows["qty"] = 1
    rows[member][1] = value
    with pytest.raises(ValueError, match=f"update 1: {text}"):
        itch.encode(rows)


def test_a_record_outside_of_the_data_is_named() -> None:
    data, recs = recs_of(b"x" * 36, b"y" * 36)
    recs["offset"][1] = 2**63
    for call in (itch.decode, lambda d, r: itch.read(d, r, "y"), ouch_in):
        with pytest.raises(ValueError, match=r"(record 1|a record) lies outside the data"):
            call(data, recs)


def ouch_in(data: bytes, recs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return ouch.read(data, recs, "in")


# --- every field ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
def test_every_field_of_a_message_comes_back(kind: str) -> None:
    rng = random.Random(kind)
    messages = [random_message(rng, kind) for _ in range(50)]
    others = [random_message(rng, "S" if kind != "S" else "D") for _ in range(3)]
    data, recs = recs_of(*others, *messages)
    values, which = itch.read(data, recs, kind)
    assert which.tolist() == list(range(3, 53))
    assert itch.write(values)[0] == b"".join(messages)
    # Every byte is some field's: without fields nothing is left but padding.
    empty = np.zeros_like(values)
    empty["type"] = kind
    bare = (kind.encode() + bytes(len(messages[0]) - 1)) * 50
    assert itch.write(empty)[0].replace(b" ", b"\0") == bare


def test_fields_lie_where_the_specification_says() -> None:
    message = struct.pack(">cHHHI", b"I", 7, 8, 1, 2) + struct.pack(
        ">QQc8sIIIcc", 11, 12, b"B", b"MSFT    ", 13, 14, 15, b"O", b"L"
    )
    (values,) = itch.read(*recs_of(message), "I")[0]
    assert {name: values[name].item() for name in values.dtype.names} == {
        "locate": 7,
        "tracking": 8,
        "ts_ns": (1 << 32) + 2,
        "type": b"I",
        "paired_qty": 11,
        "imbalance_qty": 12,
        "direction": b"B",
        "symbol": b"MSFT    ",
        "far_px_nano": 13 * reference.NANO,
        "near_px_nano": 14 * reference.NANO,
        "reference_px_nano": 15 * reference.NANO,
        "cross": b"O",
        "variation": b"L",
    }


def test_a_message_of_another_size_is_left_out() -> None:
    good = random_message(random.Random(5), "D")
    values, which = itch.read(*recs_of(good[:-1], good, good + b"x"), "D")
    assert which.tolist() == [1]
    assert len(values) == 1


def test_a_price_off_the_grid_is_not_rounded() -> None:
    values, _ = itch.read(*recs_of(random_message(random.Random(6), "U")), "U")
    values["px_nano"] += 1
    with pytest.raises(ValueError, match=r"message 0: .* a price off its grid"):
        itch.write(values)


@pytest.mark.parametrize("kind", ["Z", "\0"])
def test_a_type_that_itch_has_not_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=r"type: ITCH 5.0 has no"):
        itch.dtype(kind)


# --- OUCH -----------------------------------------------------------------------------------------

DIRECTIONS: list[ouch.Direction] = ["in", "out"]
ALL_OUCH = [(direction, kind) for direction in DIRECTIONS for kind in ouch.types(direction)]


def random_rows(rng: random.Random, direction: ouch.Direction, kind: str, n: int) -> np.ndarray:
    """Every field of the direction filled, those that the type does not have included."""
    rows = np.zeros(n, ouch.dtype(direction))
    for name in rows.dtype.names:
        field = rows.dtype[name]
        if field.kind == "S":
            texts = [bytes(rng.choices(range(0x21, 0x7F), k=field.itemsize)) for _ in range(n)]
            rows[name] = texts
        elif name == "px_nano":
            rows[name] = [rng.randrange(1, 2**40) * reference.NANO for _ in range(n)]
        elif "options" not in name:
            rows[name] = [rng.randrange(1, 2 ** (8 * field.itemsize)) for _ in range(n)]
    rows["type"] = kind
    return rows


@pytest.mark.parametrize(("direction", "kind"), ALL_OUCH)
def test_every_ouch_message_comes_back(direction: ouch.Direction, kind: str) -> None:
    rows = random_rows(random.Random(kind + direction), direction, kind, 50)
    data, recs = ouch.write(rows, direction)
    back, valid = ouch.read(data, recs, direction)
    assert valid.all()
    assert ouch.write(back, direction, data)[0] == data
    names = [name for name in back.dtype.names if "options" not in name]
    has = [name for name in names if back[name].all()]
    assert (back[has] == rows[has]).all()
    # They fill the message to the last byte, and no field of another type is set.
    n_bytes = sum(back.dtype[name].itemsize for name in has)
    assert n_bytes == ouch.types(direction)[kind][1]
    assert not any(back[name].any() for name in set(names) - set(has))


def test_an_order_has_its_fields_where_the_specification_says() -> None:
    numbers = struct.pack(">IcI8sQ", 5, b"B", 100, b"AAPL    ", 1_500_000)
    message = b"O" + numbers + b"0YPNN" + b"order-1       " + b"\0\0"
    (row,), valid = ouch.read(*recs_of(message), "in")
    assert valid.all()
    assert (row["ref"], row["side"], row["qty"], row["symbol"]) == (5, b"B", 100, b"AAPL    ")
    assert row["px_nano"] == 150_000_000_000
    assert (row["tif"], row["display"], row["capacity"]) == (b"0", b"Y", b"P")
    assert (row["sweep"], row["cross"], row["cl_ord_id"]) == (b"N", b"N", b"order-1       ")
    assert row["has_options"]


def an_order() -> np.ndarray:
    rows = np.zeros(1, ouch.dtype("in"))
    rows["type"] = "O"
    rows["side"] = "B"
    rows["qty"] = 100
    rows["px_nano"] = 10**9
    rows["symbol"] = "ES"
    rows["cl_ord_id"] = "a"
    return rows


def test_options_are_taken_from_the_data_and_read_again() -> None:
    min_qty = struct.pack(">BBI", 5, 3, 77)
    unknown = b"\x03\xf0ab"
    rows = an_order()
    rows["options_offset"] = 4
    rows["options_bytes"] = len(min_qty + unknown)
    data, recs = ouch.write(rows, "in", b"...." + min_qty + unknown)
    (row,), valid = ouch.read(data, recs, "in")
    assert valid.all()
    assert ouch.options(data, row) == [
        (3, "min_qty", struct.pack(">I", 77)),
        (0xF0, "unknown", b"ab"),
    ]


def test_an_order_at_a_price_off_the_grid_is_not_written() -> None:
    rows = an_order()
    rows["px_nano"] = 10**9 + 1
    with pytest.raises(ValueError, match=r"message 0: .* a price off the grid"):
        ouch.write(rows, "in")


def test_options_outside_of_the_data_are_not_written() -> None:
    rows = an_order()
    rows["options_offset"] = 2**60
    rows["options_bytes"] = 6
    with pytest.raises(ValueError, match=r"message 0: .* options that do not hold together"):
        ouch.write(rows, "in", b"short")


def test_a_direction_is_in_or_out() -> None:
    with pytest.raises(ValueError, match="direction: neither 'in' nor 'out' but 'up'"):
        ouch.types("up")  # type: ignore[arg-type]


def test_sides_of_updates_and_messages_are_the_same() -> None:
    rows = np.zeros(2, UPDATE)
    rows["op"] = Op.ADD
    rows["qty"] = 1
    rows["side"] = [Side.BUY, Side.SELL]
    data, recs = itch.encode(rows)
    assert itch.read(data, recs, "A")[0]["side"].tolist() == [b"B", b"S"]
