"""FIX tag=value as its specification says it, slow and plain: the oracle for the C parser.

Nothing here is taken from the C code. A stream is a run of messages, with garbage in between:

- `8=FIX...`, at most 16 characters, `9=` and 1 to 7 digits, then that many bytes that end in SOH,
  then `10=`, three bytes and SOH: that is a frame. What does not begin one is skipped up to the
  next `8=FIX`, or the next beginning of it at the end of what is there.
- A frame whose third field is not 35, or whose checksum is no three digits or wrong, is garbled.
- Otherwise its fields are read one after the other; the first that is none rejects the message.
- A field that states a length (90, 95 ...) is a field, but rejects the message unless it is a
  number; when the raw data field that belongs to it follows at once, its value has that length,
  whatever is in it.
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import NamedTuple

SOH = b"\x01"
SOH_BYTE = 1
START = b"8=FIX"
TRAILER = 7  # "10=nnn" SOH
MAX_BEGIN_STRING = 16
MAX_LENGTH_DIGITS = 7
MAX_BODY = 1 << 20
LEAST_BODY = 5  # "35=0" SOH
MAX_TAG = 2**31 - 1

OK, PARTIAL, REJECT, GARBLED = 0, 1, 2, 3
INVALID_TAG, NO_VALUE, BAD_FORMAT = 0, 4, 6  # SessionRejectReason
NO_REASON = -1

# Length -> data, a pair a line: every version up to FIX 5.0 SP2 EP260, by the names of the fields.
DATA_TAGS = {
    int(length): int(data)
    for length, data in map(
        str.split, (Path(__file__).parent / "fix_data_tags.txt").read_text().splitlines()
    )
}

TAG = re.compile(rb"[1-9][0-9]*\Z")
DIGITS = re.compile(rb"[0-9]+\Z")


class Row(NamedTuple):
    """A message, or bytes that are none. Offsets count from the start of the stream."""

    offset: int
    n_bytes: int
    outcome: int
    reason: int = NO_REASON
    ref_tag: int = 0
    ref_offset: int = 0  # of a rejected message
    first_field: int = 0
    n_fields: int = 0


class Field(NamedTuple):
    tag: int
    offset: int
    length: int


class Batch(NamedTuple):
    rows: list[Row]
    fields: list[Field]
    tail: int


def checksum(data: bytes) -> int:
    return sum(data) % 256


def next_start(data: bytes, at: int) -> int:
    """Where the next message may begin, after byte `at`."""
    found = data.find(START, at + 1)
    if found >= 0:
        return found
    for n in range(len(START) - 1, 0, -1):
        if data.endswith(START[:n]) and len(data) - n > at:
            return len(data) - n
    return len(data)


def frame(data: bytes, at: int) -> tuple[int, int]:
    """(OK, bytes of the frame), (PARTIAL, 0) or (GARBLED, bytes to skip)."""
    garbled = (GARBLED, next_start(data, at) - at)
    partial = (PARTIAL, 0)
    head = data[at : at + len(START)]
    if head != START:
        return partial if START.startswith(head) else garbled
    value = at + 2
    end = data.find(SOH, value, value + MAX_BEGIN_STRING + 1)
    if end < 0:
        return partial if len(data) - value <= MAX_BEGIN_STRING else garbled
    head = data[end + 1 : end + 3]
    if head != b"9=":
        return partial if b"9=".startswith(head) and end + 3 > len(data) else garbled
    digits = end + 3
    end = data.find(SOH, digits, digits + MAX_LENGTH_DIGITS + 1)
    if end < 0:
        seen = data[digits : digits + MAX_LENGTH_DIGITS + 1]
        is_cut = len(seen) <= MAX_LENGTH_DIGITS and (not seen or DIGITS.match(seen))
        return partial if is_cut else garbled
    if not DIGITS.match(data[digits:end]):
        return garbled
    length = int(data[digits:end])
    if not LEAST_BODY <= length <= MAX_BODY:
        return garbled
    trailer = end + 1 + length
    if len(data) < trailer + TRAILER:
        return partial
    text = data[trailer : trailer + TRAILER]
    if data[trailer - 1] != SOH_BYTE or not text.startswith(b"10=") or not text.endswith(SOH):
        return garbled
    return OK, trailer + TRAILER - at


def read(data: bytes, at: int, n_bytes: int, fields: list[Field]) -> tuple[int, int, int, int]:
    """The frame at `at`: its outcome, reason, tag and offset; its fields are appended."""
    end = at + n_bytes
    trailer = end - TRAILER
    body = data.index(SOH, data.index(SOH, at) + 1) + 1
    check = data[trailer + 3 : trailer + 6]
    if data[body : body + 3] != b"35=" or not DIGITS.match(check):
        return GARBLED, NO_REASON, 0, 0
    if checksum(data[at:trailer]) != int(check):
        return GARBLED, NO_REASON, 0, 0
    data_tag = n_data = 0
    start = at
    while start < trailer:
        soh = data.index(SOH, start)
        equals = data.find(b"=", start, soh)
        digits = data[start:equals] if equals >= 0 else b""
        if not TAG.match(digits) or int(digits) > MAX_TAG:
            return REJECT, INVALID_TAG, 0, start
        tag = int(digits)
        value = equals + 1
        if tag == data_tag:
            soh = value + n_data
            if soh >= trailer:
                return REJECT, BAD_FORMAT, tag, value
            if data[soh] != SOH_BYTE:
                return REJECT, BAD_FORMAT, tag, soh
        if soh == value:
            return REJECT, NO_VALUE, tag, start
        fields.append(Field(tag, value, soh - value))
        data_tag = DATA_TAGS.get(tag, 0)
        if data_tag:
            digits = data[value:soh]
            if not DIGITS.match(digits) or int(digits) >= 2**64:
                return REJECT, BAD_FORMAT, tag, value
            n_data = int(digits)
        start = soh + 1
    fields.append(Field(10, trailer + 3, 3))
    return OK, NO_REASON, 0, 0


def parse(data: bytes) -> Batch:
    """Every message of a stream, in order; rows lie end to end up to `tail`."""
    rows: list[Row] = []
    fields: list[Field] = []
    at = 0
    while at < len(data):
        outcome, n_bytes = frame(data, at)
        if outcome == PARTIAL:
            break
        first = len(fields)
        if outcome == GARBLED:
            rows.append(Row(at, n_bytes, GARBLED, first_field=first))
        else:
            outcome, reason, ref_tag, where = read(data, at, n_bytes, fields)
            rows.append(
                Row(at, n_bytes, outcome, reason, ref_tag, where, first, len(fields) - first)
            )
        at += n_bytes
    return Batch(rows, fields, at)


def message(fields: list[tuple[int, bytes]], begin_string: bytes = b"FIX.4.4") -> bytes:
    """A message of these fields, which begin with MsgType."""
    body = b"".join(b"%d=%b\x01" % field for field in fields)
    head = b"8=%b\x019=%d\x01" % (begin_string, len(body))
    return head + body + b"10=%03d\x01" % checksum(head + body)


# --- values ---------------------------------------------------------------------------------------


def int_of(text: bytes) -> int | None:
    """FIX int: an optional minus and digits, 64 bits without the least of them."""
    if not re.fullmatch(rb"-?[0-9]+", text) or abs(int(text)) >= 2**63:
        return None
    return int(text)


def price_of(text: bytes) -> int | None:
    """FIX float in 1e-9, halves away from zero."""
    if not re.fullmatch(rb"-?([0-9]+\.?[0-9]*|\.[0-9]+)", text):
        return None
    whole, _, part = text.removeprefix(b"-").partition(b".")
    nano = int(whole or b"0") * 10**9 + int(part[:9].ljust(9, b"0")) + (part[9:10] >= b"5")
    if nano >= 2**63:
        return None
    return -nano if text.startswith(b"-") else nano


def time_of(text: bytes) -> int | None:
    """UTCTimestamp in ns since 1970; second 60 is the next minute's first."""
    found = re.fullmatch(
        rb"(\d{4})(\d\d)(\d\d)-(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?", text, re.ASCII
    )
    if not found:
        return None
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    if not 1970 <= year <= 2500 or second > 60:
        return None
    try:
        whole = datetime.datetime(year, month, day, hour, minute, tzinfo=datetime.UTC)
    except ValueError:
        return None
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    seconds = (whole - epoch) // datetime.timedelta(seconds=1) + second
    ns = seconds * 10**9 + int((found[7] or b"").ljust(9, b"0"))
    return ns if ns < 2**63 else None
