"""ITCH 5.0 by `struct`, one message at a time: the oracle for decoding to updates.

Layouts are those of Nasdaq's specification: big endian, prices in 1e-4, time in 6 bytes.
"""

from __future__ import annotations

import struct

from reference import book

# Type, stock locate, tracking number, and the time's high 16 and low 32 bits come first.
HEAD = ">cHHHI"
ADD = struct.Struct(HEAD + "QcI8sI")
ADD_MPID = struct.Struct(HEAD + "QcI8sI4s")
EXECUTED = struct.Struct(HEAD + "QIQ")
EXECUTED_PRICE = struct.Struct(HEAD + "QIQcI")
CANCEL = struct.Struct(HEAD + "QI")
DELETE = struct.Struct(HEAD + "Q")
REPLACE = struct.Struct(HEAD + "QQII")
TRADE = struct.Struct(HEAD + "QcI8sIQ")

SIZES = {
    **{b"S": 12, b"R": 39, b"H": 25, b"Y": 20, b"L": 26, b"V": 35, b"W": 12, b"K": 28, b"J": 35},
    **{b"h": 21, b"A": 36, b"F": 40, b"E": 31, b"C": 36, b"X": 23, b"D": 19, b"U": 35, b"P": 44},
    **{b"Q": 40, b"B": 19, b"I": 50, b"N": 20, b"O": 48},
}
NANO = 100_000  # 1e-4 in 1e-9

# (op, id, new_id, side, qty, px_nano, locate, ts_ns); what an operation does not use is 0.
Update = tuple[int, int, int, int, int, int, int, int]


def update(m: bytes) -> Update | None:
    """The update of a message; None when its type is unknown or its size not that type's."""
    kind = m[:1]
    if SIZES.get(kind) != len(m):
        return None
    _, locate, _, high, low = struct.unpack_from(HEAD, m)
    ts = high << 32 | low
    if kind in (b"A", b"F", b"P"):
        layout = {b"A": ADD, b"F": ADD_MPID, b"P": TRADE}[kind]
        id, side, qty, _, px = layout.unpack(m)[5:10]
        op = book.TRADE if kind == b"P" else book.ADD
        return op, id, 0, int(side == b"S"), qty, px * NANO, locate, ts
    if kind in (b"E", b"C", b"X"):
        layout = {b"E": EXECUTED, b"C": EXECUTED_PRICE, b"X": CANCEL}[kind]
        id, qty = layout.unpack(m)[5:7]
        return book.REDUCE, id, 0, 0, qty, 0, locate, ts
    if kind == b"D":
        return book.DELETE, DELETE.unpack(m)[5], 0, 0, 0, 0, locate, ts
    if kind == b"U":
        id, new_id, qty, px = REPLACE.unpack(m)[5:9]
        return book.REPLACE, id, new_id, 0, qty, px * NANO, locate, ts
    return book.NONE, 0, 0, 0, 0, 0, locate, ts
