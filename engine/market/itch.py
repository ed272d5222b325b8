"""ITCH 5.0 messages in batches: indexed bytes to updates and back, or to every field and back.

`decode` is what a book wants: one dtype for all messages that concern it. `read` and `write` know
every field of every message, one dtype a type.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.market.books import UPDATE, Op
from engine.market.fix import Buffer, Records
from engine.market.stream import STREAM_REC

MAX_MESSAGE = 50
SYMBOL_BYTES = 8

# {type: (name, bytes)} of every message of the specification; sizes without the length prefix.
TYPES: dict[str, tuple[str, int]] = _core.itch_types()

# The message that says what an update does, when nothing else is known of it.
PLAIN = {Op.ADD: "A", Op.REDUCE: "X", Op.DELETE: "D", Op.REPLACE: "U", Op.TRADE: "P"}


def decode(data: Buffer, recs: Records) -> tuple[Records, npt.NDArray[np.bool_]]:
    """Updates (dtype UPDATE) of the messages `recs` (dtype STREAM_REC) of `data`, one each.

    `seq` counts from 1, `instrument` is the stock locate, `ts_ns` counts from midnight. A message
    that concerns no book is an update NONE. The second array is False where the type is unknown or
    the size is not that type's. ValueError when a record lies outside the data.
    """
    updates = np.zeros(len(recs), UPDATE)
    valid = np.zeros(len(recs), np.bool_)
    _core.itch_decode(data, recs, updates, valid)
    return updates, valid


def encode(
    updates: Records,
    *,
    types: npt.NDArray[np.bytes_] | str | None = None,
    symbols: npt.NDArray[np.bytes_] | str = "",
) -> tuple[bytes, Records]:
    """Messages of updates (dtype UPDATE), and where each lies (dtype STREAM_REC).

    `types` are the messages' type characters, one each or one for all: A F E C X D U P; without
    them the plain one of the operation. `symbols` go into those that name the stock. `instrument`
    becomes the stock locate; of E, C and P `new_id` is the match number. ValueError names the
    update whose price is not on ITCH's grid of 0.0001 or whose values are too large.
    """
    n = len(updates)
    if types is None:
        known = np.full(256, b"\0", "S1")
        for op, name in PLAIN.items():
            known[op] = name.encode()
        kinds = known[updates["op"]]
    else:
        kinds = np.broadcast_to(np.asarray(types, "S1"), n)
    out = np.empty(n * MAX_MESSAGE, np.uint8)
    recs = np.zeros(n, STREAM_REC)
    n_bytes = _core.itch_encode(
        np.ascontiguousarray(updates),
        np.ascontiguousarray(kinds),
        np.ascontiguousarray(np.broadcast_to(np.asarray(symbols, f"S{SYMBOL_BYTES}"), n)),
        out,
        recs,
    )
    return out[:n_bytes].tobytes(), recs


@cache
def dtype(type: str) -> np.dtype[np.void]:
    """The fields of a message type ("A" ...), named as in csrc/market/codec/itch_fields.h.

    Beside them `locate`, `tracking`, `ts_ns` (since midnight) and `type`. Prices count 1e-9, texts
    are padded with spaces. ValueError for a type that ITCH 5.0 does not have.
    """
    itemsize, members = _core.itch_layout(type.encode("latin-1"))
    names, formats, offsets = zip(*members, strict=True)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": itemsize})


def kinds(data: Buffer, recs: Records) -> npt.NDArray[np.bytes_]:
    """The type character of every message; b"" where a record is empty."""
    raw = np.frombuffer(data, np.uint8)
    out = np.zeros(len(recs), np.uint8)
    there = recs["n_bytes"] > 0
    if (recs["offset"][there] >= len(raw)).any():
        raise ValueError("a record lies outside the data")
    out[there] = raw[recs["offset"][there].astype(np.int64)]
    return out.view("S1")


def read(data: Buffer, recs: Records, type: str) -> tuple[Records, npt.NDArray[np.int64]]:
    """Every field of the messages of one type, and which of `recs` they are.

    A message whose size is not the type's is left out.
    """
    which = np.flatnonzero(kinds(data, recs) == type.encode("latin-1"))
    values = np.zeros(len(which), dtype(type))
    valid = np.zeros(len(which), np.bool_)
    _core.itch_read(data, np.ascontiguousarray(recs[which]), values, valid)
    return values[valid], which[valid]


def write(values: Records) -> tuple[bytes, Records]:
    """Messages of what `read` gives, and where each lies (dtype STREAM_REC).

    Texts are padded with spaces where numpy has dropped them. ValueError names the message that has
    no such type, a stamp beyond 48 bits or a price off its grid: nothing is rounded.
    """
    values = padded(values)
    out = np.empty(len(values) * MAX_MESSAGE, np.uint8)
    recs = np.zeros(len(values), STREAM_REC)
    return out[: _core.itch_write(values, out, recs)].tobytes(), recs


def padded(values: Records) -> Records:
    """A copy whose texts of several characters are filled up with spaces."""
    values = values.copy()
    for name in values.dtype.names or ():
        text = values.dtype[name]
        if text.kind == "S" and text.itemsize > 1:
            values[name] = np.char.ljust(values[name], text.itemsize)
    return values
