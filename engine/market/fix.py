"""FIX messages in batches: one buffer in, arrays of messages, fields and values out.

Nothing here makes an object a message. Offsets count bytes from the start of the buffer that was
parsed; prices are integers of 1e-9, times integers of nanoseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.market.dictionary import MAX_TAG, Dictionary

Buffer: TypeAlias = bytes | bytearray | memoryview | npt.NDArray[np.uint8]
Records: TypeAlias = npt.NDArray[np.void]
Value: TypeAlias = bytes | str | int
# How closely messages are looked at: where they lie; checksum and fields; the header's fields; all
# that a dictionary says. The last two need a dictionary.
Level: TypeAlias = Literal["frame", "checksum", "header", "dictionary"]
Path: TypeAlias = Literal["scalar", "sse2", "avx2", "avx512"]

# What BeginString, BodyLength and CheckSum may take beside a message's fields, and "tag=" SOH.
ROOM_A_MESSAGE = 80
ROOM_A_FIELD = 12
# For the first guess at how many rows there are; a wrong one costs a copy.
TYPICAL_MESSAGE = 128
TYPICAL_FIELD = 8


class Outcome(IntEnum):
    """What became of the bytes of a row (csrc/market/fix/fix.h)."""

    OK = 0
    PARTIAL = 1
    REJECT = 2
    GARBLED = 3


# One row a message, or a run of bytes that begin none: the rows lie end to end from byte 0. `type`
# is MsgType as a number ('X' -> 0x58, 'AE' -> 0x4145, longer ones 0); `reason` is
# SessionRejectReason, -1 unless the outcome is REJECT; `what` an index into FixBatch.sentences.
MESSAGE = np.dtype(
    [
        ("offset", "<u8"),
        ("first_field", "<u8"),
        ("ref_offset", "<u8"),
        ("n_bytes", "<u4"),
        ("type", "<u4"),
        ("n_fields", "<u4"),
        ("ref_tag", "<u4"),
        ("reason", "<i2"),
        ("what", "<u2"),
        ("outcome", "<u1"),
        ("unused", "V3"),
    ]
)

# The value of a field is `length` bytes of the buffer at `offset`. A garbled message has no fields,
# one with a field that is none has those before it, one that a dictionary rejects has all.
FIELD = np.dtype([("offset", "<u8"), ("length", "<u4"), ("tag", "<u4")])


@dataclass(frozen=True, slots=True, eq=False)
class FixBatch:
    """The messages of a buffer.

    `data` is the caller's buffer itself; `messages` (dtype MESSAGE) and `fields` (dtype FIELD)
    point into it. `tail` is where the message begins that the buffer holds only a part of;
    len(data) when it ends with a whole one.
    """

    data: Buffer
    messages: Records
    fields: Records
    sentences: tuple[str, ...]
    tail: int

    def __len__(self) -> int:
        return len(self.messages)

    @property
    def ok(self) -> npt.NDArray[np.bool_]:
        """Which rows are messages without fault."""
        return np.asarray(self.messages["outcome"] == Outcome.OK)

    def why(self, row: int) -> str:
        """What is wrong with a row, as a sentence; "" when nothing is."""
        return self.sentences[int(self.messages["what"][row])]

    def value(self, field: int) -> memoryview:
        """The bytes of a field, not copied."""
        at = self.fields[field]
        return view(self.data)[int(at["offset"]) : int(at["offset"]) + int(at["length"])]

    def find(self, tag: int) -> npt.NDArray[np.int64]:
        """Index of the first field of every message with that tag; -1 where there is none."""
        found = np.empty(len(self.messages), np.int64)
        _core.fix_find(self.messages, self.fields, _tag(tag), found)
        return found

    def ints(self, which: int | npt.NDArray[np.int64]) -> Values:
        """Integers: FIX int, up to 64 bits signed. See `prices` for the argument."""
        return self._values("int", which)

    def prices(self, which: int | npt.NDArray[np.int64]) -> Values:
        """Prices in 1e-9, rounded to nearest beyond the ninth decimal.

        `which` is a tag: the first field of every message that has it; or an array of field indices
        such as `np.flatnonzero(batch.fields["tag"] == 270)` for all entries of repeating groups.
        Where there is no field, or its text is no such value, `valid` is False and the value 0.
        """
        return self._values("price", which)

    def times(self, which: int | npt.NDArray[np.int64]) -> Values:
        """UTC timestamps in nanoseconds since 1970. See `prices` for the argument."""
        return self._values("time", which)

    def strings(self, which: int | npt.NDArray[np.int64]) -> npt.NDArray[np.bytes_]:
        """The values as fixed-width bytes, b"" where there is no field. As `prices` for `which`.

        numpy drops trailing NULs from such strings: raw data is better read with `value`.
        """
        index = self._which(which)
        there = index >= 0
        if index.size and (index >= len(self.fields)).any():
            raise ValueError("a field index lies outside the fields")
        at = self.fields[index[there]]
        width = int(at["length"].max(initial=1))
        data = np.frombuffer(self.data, np.uint8)
        text = np.zeros((len(index), width), np.uint8)
        column = np.arange(width)
        inside = column < at["length"][:, None]
        source = at["offset"][:, None].astype(np.int64) + column
        text[there] = np.where(inside, data[np.where(inside, source, 0)], 0) if at.size else 0
        return text.view(f"S{width}").reshape(len(index))

    def encode(self, rows: npt.NDArray[np.bool_] | None = None) -> bytes:
        """The messages without fault again, from their fields; BodyLength and CheckSum computed.

        `rows` chooses others (a mask over the messages). ValueError for one that cannot be.
        """
        return encode(self.data, self.messages[self.ok if rows is None else rows], self.fields)

    def _which(self, which: int | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        if isinstance(which, (int, np.integer)):
            return self.find(int(which))
        return np.ascontiguousarray(which, np.int64)

    def _values(
        self, kind: Literal["int", "price", "time"], which: int | npt.NDArray[np.int64]
    ) -> Values:
        index = self._which(which)
        values = np.empty(len(index), np.int64)
        valid = np.empty(len(index), np.bool_)
        _core.fix_read(kind, self.data, self.fields, index, values, valid)
        return Values(values, valid)


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """One value (int64) an asked field, and whether it is there and readable."""

    values: npt.NDArray[np.int64]
    valid: npt.NDArray[np.bool_]


def parse(
    data: Buffer, *, dictionary: Dictionary | None = None, level: Level | None = None
) -> FixBatch:
    """Every message of a buffer, in order, going on behind whatever is garbled.

    `level` says how closely: "dictionary" when there is one, else "checksum". The buffer is locked
    while it is read and never changed. ValueError when it is not contiguous, or the level needs a
    dictionary.
    """
    n_bytes = view(data).nbytes
    messages = np.empty(n_bytes // TYPICAL_MESSAGE + 16, MESSAGE)
    fields = np.empty(n_bytes // TYPICAL_FIELD + 64, FIELD)
    sentences = [""]
    n_messages = n_fields = at = 0
    how = level or ("dictionary" if dictionary else "checksum")
    while True:
        new_messages, new_fields, at, is_full = _core.fix_parse(
            data, messages[n_messages:], fields[n_fields:], sentences, at, n_fields, how, dictionary
        )
        n_messages += new_messages
        n_fields += new_fields
        if not is_full:
            break
        # Doubled, since a single message may need more fields than there is room for.
        if n_messages == len(messages):
            messages = _grown(messages)
        else:
            fields = _grown(fields)
    return FixBatch(data, messages[:n_messages], fields[:n_fields], tuple(sentences), at)


@dataclass(slots=True)
class FixStream:
    """Messages of a stream that comes in pieces, cut anywhere; the others are as for `parse`."""

    dictionary: Dictionary | None = None
    level: Level | None = None
    rest: bytes = b""

    def push(self, piece: Buffer) -> FixBatch:
        """The messages that are whole now; the part of one that is not waits for the next piece.

        The batch's `data` is a copy: what was waiting and the piece.
        """
        data = self.rest + bytes(piece)
        batch = parse(data, dictionary=self.dictionary, level=self.level)
        self.rest = bytes(view(batch.data)[batch.tail :])
        return batch


def frame(data: Buffer, at: int = 0) -> tuple[Literal["ok", "partial", "garbled"], int]:
    """Where the message that begins at byte `at` ends, by BodyLength; nothing else is verified.

    ("ok", bytes of the message), ("partial", 0) when more bytes are needed, or ("garbled", bytes to
    skip to what looks like the next start).
    """
    if at < 0:
        raise ValueError(f"at: {at} is before the data")
    return _core.fix_frame(data, at)


def checksum(data: Buffer) -> int:
    """The sum of the bytes modulo 256, as CheckSum wants it."""
    return _core.fix_checksum(data)


def data_tag(length_tag: int) -> int:
    """The raw data tag whose length that tag states (95 -> 96); 0 when it states none."""
    return _core.fix_data_tag(_tag(length_tag))


def paths() -> list[Path]:
    """The instruction sets that this CPU can parse with, the plainest first."""
    return _core.fix_paths()


def path() -> Path:
    """The one in use: the best, unless a test asked for another."""
    return _core.fix_path()


@contextmanager
def using(path: Path) -> Iterator[None]:
    """Parse with that instruction set, in all threads, then with the one before; for tests.

    ValueError when this CPU has it not.
    """
    was = _core.fix_path()
    _core.fix_use(path)
    try:
        yield
    finally:
        _core.fix_use(was)


def encode(data: Buffer, messages: Records, fields: Records) -> bytes:
    """Messages (dtype MESSAGE) from fields (dtype FIELD) whose values lie in `data`, end to end.

    Of a message only `first_field` and `n_fields` count, and of its fields tag, offset and length.
    The first must be BeginString; BodyLength and CheckSum are computed, whether they are there (as
    second and last) or not. ValueError names the message that cannot be encoded.
    """
    messages = np.ascontiguousarray(messages)
    fields = np.ascontiguousarray(fields)
    n_fields = int(messages["n_fields"].sum()) if len(messages) else 0
    # Fields may be used by several messages, values by several fields.
    longest = int(fields["length"].max(initial=0))
    room = min(
        n_fields * (ROOM_A_FIELD + longest),
        _lengths(messages, fields) + n_fields * ROOM_A_FIELD,
    )
    out = np.empty(room + (len(messages) + 1) * ROOM_A_MESSAGE, np.uint8)
    return out[: _core.fix_encode(data, messages, fields, out)].tobytes()


def encode_values(
    messages: Iterable[Sequence[tuple[int, Value]]], begin_string: str = "FIX.4.4"
) -> bytes:
    """Messages from (tag, value) pairs that begin with MsgType, end to end.

    Integers are written in digits, text as Latin-1. For tests and tools: it handles every value.
    """
    data = bytearray(begin_string.encode("latin-1"))
    rows: list[tuple[int, int]] = []
    fields: list[tuple[int, int, int]] = []
    for message in messages:
        first = len(fields)
        fields.append((0, len(begin_string), 8))
        for tag, value in message:
            text = _text(value)
            fields.append((len(data), len(text), _tag(tag)))
            data += text
        rows.append((first, len(fields) - first))
    table = np.zeros(len(rows), MESSAGE)
    table["first_field"] = [first for first, _ in rows]
    table["n_fields"] = [n for _, n in rows]
    return encode(data, table, np.array(fields, FIELD))


def view(data: Buffer) -> memoryview:
    """The bytes of a buffer, not copied."""
    return memoryview(cast(bytes, data))  # for types of 3.11 an array is no buffer


def _text(value: Value) -> bytes:
    if isinstance(value, int):
        return b"%d" % value
    return value.encode("latin-1") if isinstance(value, str) else value


def _tag(tag: int) -> int:
    if not 0 < tag <= MAX_TAG:
        raise ValueError(f"tag: {tag} is not in 1 .. {MAX_TAG}")
    return tag


def _grown(array: Records) -> Records:
    grown = np.empty(2 * len(array), array.dtype)
    grown[: len(array)] = array
    return grown


def _lengths(messages: Records, fields: Records) -> int:
    """Bytes of all values of all messages; a message outside the fields counts what there is."""
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(fields["length"], dtype=np.int64)])
    first = np.minimum(messages["first_field"], len(fields)).astype(np.int64)
    last = np.minimum(first + messages["n_fields"], len(fields)).astype(np.int64)
    return int((total[last] - total[first]).sum())
