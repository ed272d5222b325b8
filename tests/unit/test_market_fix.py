"""engine.market.fix: batches over the caller's bytes, values, streams cut anywhere, encoding."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from reference import fix as reference
from reference import fix_messages
from reference.fix_agreement import difference

from engine.market import FixBatch, FixStream, Outcome, fix

PATHS = fix.paths()


def message(*fields: tuple[int, bytes]) -> bytes:
    return reference.message([(35, b"D"), *fields])


def texts(batch: FixBatch, rows: np.ndarray | None = None) -> list[tuple[int, list[bytes]]]:
    """Outcome and fields of every message that frames, wherever it lies."""
    out = []
    for row in batch.messages if rows is None else batch.messages[rows]:
        first = int(row["first_field"])
        fields = range(first, first + int(row["n_fields"]))
        if row["n_fields"]:
            out.append((int(row["outcome"]), [bytes(batch.value(i)) for i in fields]))
    return out


# --- rows -----------------------------------------------------------------------------------------


def test_rows_lie_end_to_end_whatever_is_in_the_buffer() -> None:
    data = fix_messages.stream(random.Random(1), 2_000) + b"8=FIX.4.4\x019=5"
    rows = fix.parse(data).messages
    ends = rows["offset"] + rows["n_bytes"]
    assert rows["offset"][0] == 0
    assert (rows["offset"][1:] == ends[:-1]).all()
    assert fix.parse(data).tail == ends[-1] == len(data) - 13


def test_a_row_says_what_is_wrong_and_where() -> None:
    good = message((55, b"ES"))
    data = good + b"garbage" + good.replace(b"ES", b"EX") + message((55, b"A"), (0, b"1"))
    batch = fix.parse(data)
    assert batch.messages["outcome"].tolist() == [
        Outcome.OK,
        Outcome.GARBLED,
        Outcome.GARBLED,
        Outcome.REJECT,
    ]
    assert batch.ok.tolist() == [True, False, False, False]
    assert batch.why(0) == ""
    assert "begin no message" in batch.why(1)
    assert "CheckSum" in batch.why(2)
    rejected = batch.messages[3]
    assert rejected["reason"] == reference.INVALID_TAG
    assert data[int(rejected["ref_offset"]) :].startswith(b"0=1")


def test_types_are_numbers_and_long_ones_are_not() -> None:
    data = b"".join(reference.message([(35, kind)]) for kind in (b"X", b"AE", b"LONG"))
    assert fix.parse(data).messages["type"].tolist() == [0x58, 0x4145, 0]


def test_an_empty_buffer_has_no_messages() -> None:
    batch = fix.parse(b"")
    assert (len(batch), batch.tail, batch.encode()) == (0, 0, b"")


@pytest.mark.parametrize("n_fields", [1_000, 100_000])
def test_a_message_may_have_more_fields_than_any_guess(n_fields: int) -> None:
    data = message(*[(1, b"x")] * n_fields)
    assert fix.parse(data * 2).messages["n_fields"].tolist() == [n_fields + 4] * 2


def test_many_short_messages_find_room() -> None:
    data = reference.message([(35, b"0")]) * 5_000
    assert len(fix.parse(data)) == 5_000


def test_the_frame_level_looks_at_nothing_else() -> None:
    data = message((55, b"ES")).replace(b"ES", b"EX") + message((0, b""))
    batch = fix.parse(data, level="frame")
    assert batch.ok.tolist() == [True, True]
    assert len(batch.fields) == 0


@pytest.mark.parametrize("path", PATHS)
def test_every_instruction_set_finds_the_same(path: fix.Path) -> None:
    data = fix_messages.stream(random.Random(2), 3_000)
    was = fix.path()
    with fix.using(path):
        assert fix.path() == path
        assert difference(data, fix.parse(data), reference.parse(data)) is None
    assert fix.path() == was


def test_an_instruction_set_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="path: this CPU has no 'mmx'"), fix.using("mmx"):  # type: ignore[arg-type]
        pass


# --- streams --------------------------------------------------------------------------------------

SHORT_STREAM = b"".join(
    [
        message((55, b"ES"), (44, b"4810.25")),
        b"8=FI, that is garbage",
        message((95, b"9"), (96, b"8=FIX.4.4"), (58, b"a=b=c")),
        message((95, b"8"), (96, b"\x0110=1\x01ab")),
        message((0, b"rejected")),
        message((55, b"sum")).replace(b"sum", b"mus+"),
        b"8=FIX.4.4\x019=99999999\x01",
        reference.message([(35, b"0")], b"FIXT.1.1"),
    ]
)


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_may_be_cut_at_every_byte(path: fix.Path) -> None:
    with fix.using(path):
        whole = texts(fix.parse(SHORT_STREAM))
        for cut in range(len(SHORT_STREAM) + 1):
            stream = FixStream()
            seen = texts(stream.push(SHORT_STREAM[:cut])) + texts(stream.push(SHORT_STREAM[cut:]))
            assert seen == whole, cut
            assert stream.rest == b""


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_a_stream_may_come_in_pieces_of_any_size(size: int) -> None:
    data = SHORT_STREAM + fix_messages.stream(random.Random(3), 50)
    stream = FixStream()
    seen = []
    for at in range(0, len(data), size):
        seen += texts(stream.push(data[at : at + size]))
    assert seen == texts(fix.parse(data))


@pytest.mark.parametrize("path", PATHS)
def test_no_byte_behind_a_cut_message_is_missed_or_used(path: fix.Path) -> None:
    data = message((58, b"x" * 90), (55, b"ES"))
    with fix.using(path):
        for n in range(len(data)):
            batch = fix.parse(data[:n])
            assert (len(batch), batch.tail) == (0, 0), n


# --- memory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, lambda b: np.frombuffer(b, "u1")])
def test_any_buffer_is_read_where_it_lies(make: type) -> None:
    data = make(message((55, b"ES")))
    batch = fix.parse(data)
    assert batch.data is data
    assert batch.strings(55).tolist() == [b"ES"]
    assert batch.value(3) == b"ES"


def test_a_value_is_a_view_of_the_callers_bytes() -> None:
    data = bytearray(message((55, b"ES")))
    batch = fix.parse(data)
    value = batch.value(3)
    data[batch.fields["offset"][3]] = ord("N")
    assert value == b"NS"
    assert batch.strings(55).tolist() == [b"NS"]
    with pytest.raises(BufferError):  # locked as long as somebody looks
        data.clear()
    value.release()
    data.clear()


def test_a_buffer_cannot_shrink_while_it_is_parsed() -> None:
    data = bytearray(message((58, b"x" * 90)) * 20_000)
    done = threading.Event()

    def parse() -> None:
        while not done.is_set():
            fix.parse(data)

    thread = threading.Thread(target=parse)
    thread.start()
    refused = False
    while not refused:  # it is parsed nearly all of the time
        try:
            data.append(0)
            del data[-1:]
        except BufferError:
            refused = True
    done.set()
    thread.join()


def test_a_buffer_that_shrank_afterwards_is_noticed() -> None:
    data = bytearray(message((44, b"4810.25")))
    batch = fix.parse(data)
    del data[20:]
    with pytest.raises(ValueError, match="field 0 lies outside the arrays"):
        batch.prices(44)


def test_rows_of_another_batch_are_noticed() -> None:
    batch = fix.parse(message((44, b"1")))
    other = FixBatch(batch.data, batch.messages, batch.fields[:2], batch.sentences, batch.tail)
    with pytest.raises(ValueError, match="message 0 lies outside the arrays"):
        other.find(44)


# --- values ---------------------------------------------------------------------------------------


def test_a_tag_is_read_from_the_first_field_that_has_it() -> None:
    data = message((44, b"1.5"), (44, b"2")) + message((55, b"ES")) + message((44, b"x"))
    prices = fix.parse(data).prices(44)
    assert prices.values.tolist() == [1_500_000_000, 0, 0]
    assert prices.valid.tolist() == [True, False, False]


def test_all_entries_of_groups_are_read_at_once() -> None:
    data = message((268, b"2"), (270, b"1"), (270, b"2")) + message((268, b"1"), (270, b"-3.25"))
    batch = fix.parse(data)
    entries = np.flatnonzero(batch.fields["tag"] == 270)
    assert batch.prices(entries).values.tolist() == [10**9, 2 * 10**9, -3_250_000_000]
    assert batch.strings(entries).tolist() == [b"1", b"2", b"-3.25"]


def digits(rng: random.Random, most: int) -> bytes:
    return bytes(rng.choices(b"0123456789", k=rng.randint(0, most)))


def int_text(rng: random.Random) -> bytes:
    return rng.choice([b"", b"-", b"00"]) + digits(rng, 21)


def price_text(rng: random.Random) -> bytes:
    point = rng.choice([b"", b".", b"."])
    return rng.choice([b"", b"-", b"0"]) + digits(rng, 12) + point + digits(rng, 14)


def time_text(rng: random.Random) -> bytes:
    date = (rng.choice([1969, 1970, 1999, 2000, 2024, 2100, 2262, 2500, 2501]), rng.randint(0, 13))
    time = (rng.randint(0, 32), rng.randint(0, 24), rng.randint(0, 60), rng.randint(0, 61))
    fraction = rng.choice([b"", b".", b".%b" % digits(rng, 10)])
    return b"%04d%02d%02d-%02d:%02d:%02d" % (date + time) + fraction


TEXTS = {
    "ints": (int_text, reference.int_of),
    "prices": (price_text, reference.price_of),
    "times": (time_text, reference.time_of),
}
EDGES = {
    "ints": ["0", "-0", "9223372036854775807", "9223372036854775808", "-9223372036854775807"],
    "prices": [
        *["9223372036.854775807", "9223372036.8547758075", "-9223372036.854775807", "9223372037"],
        *["0.0000000005", "-0.0000000005", "0.00000000049999999999999999999", "1.", ".5", "."],
        *[
            "000000000000000000000000000000001",
            "1.000000000000000000000000000000",
            "1e5",
            "+1",
            " 1",
        ],
    ],
    "times": [
        *["20240229-23:59:60", "20230229-00:00:00", "20000229-00:00:00", "21000229-00:00:00"],
        *["19700101-00:00:00", "22620411-23:47:16.854775807", "22620411-23:47:16.854775808"],
        *["20240101 00:00:00", "20240101-00:00:00.", "20240101-00:00:00.1234567890"],
    ],
}


@pytest.mark.parametrize("kind", TEXTS)
def test_values_are_what_plain_python_makes_of_them(kind: str) -> None:
    make, value_of = TEXTS[kind]
    rng = random.Random(4)
    wanted = [edge.encode() for edge in EDGES[kind]]
    for _ in range(20_000):
        text = bytearray(make(rng) or b"x")
        if rng.random() < 0.1:
            text[rng.randrange(len(text))] = rng.choice(b" +-.:0x9")
        wanted.append(bytes(text))
    batch = fix.parse(message(*((1, text) for text in wanted)))
    which = np.flatnonzero(batch.fields["tag"] == 1)
    assert len(which) == len(wanted)
    seen = getattr(batch, kind)(which)
    values = [value_of(text) for text in wanted]
    assert [
        (int(value) if valid else None, text)
        for value, valid, text in zip(seen.values, seen.valid, wanted, strict=True)
    ] == list(zip(values, wanted, strict=True))
    assert sum(value is not None for value in values) > 3_000
    assert sum(value is None for value in values) > 1_000


def test_where_there_is_no_field_a_string_is_empty() -> None:
    data = message((55, b"ES")) + message((1, b"x")) + message((55, b"NQZ4"))
    assert fix.parse(data).strings(55).tolist() == [b"ES", b"", b"NQZ4"]
    assert fix.parse(data).strings(99).tolist() == [b"", b"", b""]


# --- encoding -------------------------------------------------------------------------------------


def test_a_batch_encodes_to_the_bytes_it_came_from() -> None:
    data = fix_messages.stream(random.Random(7), 2_000)
    batch = fix.parse(data)
    good = batch.messages[batch.ok]
    cut = [data[o : o + n] for o, n in zip(good["offset"], good["n_bytes"], strict=True)]
    assert batch.encode() == b"".join(cut)


def test_the_encoder_agrees_with_the_reference() -> None:
    fields = [(35, b"D"), (55, b"ES"), (44, b"1"), (95, b"3"), (96, b"\x01=\x01")]
    pairs = [(35, "D"), (55, b"ES"), (44, 1), (95, 3), (96, b"\x01=\x01")]
    assert fix.encode_values([pairs, pairs]) == reference.message(fields) * 2


def test_a_changed_field_gets_another_length_and_checksum() -> None:
    batch = fix.parse(message((55, b"ES"), (58, b"ES more")))
    batch.fields["length"][3] = 1
    assert batch.encode() == message((55, b"E"), (58, b"ES more"))


def test_messages_are_encoded_by_choice() -> None:
    batch = fix.parse(message((1, b"a")) + message((2, b"b")) + message((3, b"c")))
    assert batch.encode(np.array([True, False, True])) == message((1, b"a")) + message((3, b"c"))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda b: b.messages.__setitem__("first_field", 99), "its fields lie outside the array"),
        (lambda b: b.fields["offset"].__setitem__(2, 2**40), "a value lies outside the data"),
        (lambda b: b.fields["tag"].__setitem__(0, 9), "it does not begin with a BeginString"),
        (lambda b: b.fields["length"].__setitem__(0, 17), "it does not begin with a BeginString"),
    ],
)
def test_what_cannot_be_encoded_names_the_message(change: object, text: str) -> None:
    batch = fix.parse(message((58, b"some text")))
    change(batch)  # type: ignore[operator]
    with pytest.raises(ValueError, match=f"message 0 cannot be encoded: {text}"):
        batch.encode()


# --- small questions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "at", "result"),
    [
        (message((1, b"a")), 0, ("ok", len(message((1, b"a"))))),
        (b"xx" + message((1, b"a")), 2, ("ok", len(message((1, b"a"))))),
        (message((1, b"a"))[:-1], 0, ("partial", 0)),
        (b"", 0, ("partial", 0)),
        (b"abc", 99, ("partial", 0)),
        (b"abc8=F", 0, ("garbled", 3)),
        (b"8=FIX.4.4\x019=x\x018=FIX", 0, ("garbled", 14)),
    ],
)
def test_a_frame_is_found_by_its_length(data: bytes, at: int, result: tuple[str, int]) -> None:
    assert fix.frame(data, at) == result


@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 63, 64, 65, 1000, 100_000])
def test_a_checksum_is_the_sum_of_the_bytes(n: int) -> None:
    data = random.Random(n).randbytes(n)
    assert fix.checksum(data) == sum(data) % 256


def test_lengths_of_raw_data_are_those_of_all_versions() -> None:
    seen = {tag: fix.data_tag(tag) for tag in range(1, 60_000) if fix.data_tag(tag)}
    assert seen == reference.DATA_TAGS


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: fix.parse("8=FIX"), TypeError, "a bytes-like object is required, not 'str'"),
        (lambda: fix.parse(np.zeros(8, "u1")[::2]), ValueError, "data: not contiguous"),
        (lambda: fix.parse(b"", level="header"), ValueError, "level: this one needs a dictionary"),
        (lambda: fix.parse(b"", level="all"), ValueError, "level: no 'all'"),
        (lambda: fix.parse(b"", dictionary=5), TypeError, "dictionary: not a Dictionary"),
        (lambda: fix.parse(b"").find(0), ValueError, "tag: 0 is not in 1 .. 2147483647"),
        (lambda: fix.parse(b"").ints(2**31), ValueError, "tag: 2147483648 is not in"),
        (lambda: fix.parse(b"").ints(np.array([0])), ValueError, "field 0 lies outside"),
        (lambda: fix.parse(b"").strings(np.array([7])), ValueError, "a field index lies outside"),
        (lambda: fix.frame(b"", -1), ValueError, "at: -1 is before the data"),
        (lambda: fix.checksum(5), TypeError, "data: not a buffer"),
        (lambda: fix.encode_values([[(35, "D")]], "x" * 17), ValueError, "message 0 cannot be"),
    ],
)
def test_a_bad_argument_is_one_clear_error(call: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()  # type: ignore[operator]
