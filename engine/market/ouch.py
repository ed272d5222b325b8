"""OUCH 5.0 messages in batches: orders to the exchange ("in") and its answers ("out").

One dtype a direction has the fields of all its messages; those that a type does not have are zero.
Prices count 1e-9 (PX_NONE is the market), texts are padded with spaces, stamps count ns since
midnight.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.market.fix import Buffer, Records, view
from engine.market.itch import padded
from engine.market.stream import STREAM_REC

Direction: TypeAlias = Literal["in", "out"]

MAX_FIXED = 66  # the longest message without its options


def types(direction: Direction) -> dict[str, tuple[str, int]]:
    """{type: (name, bytes without options)} of every message of that direction."""
    return _core.ouch_types(direction)


@cache
def dtype(direction: Direction) -> np.dtype[np.void]:
    """The fields of the messages, named as in csrc/market/codec/ouch.h.

    `options_offset` and `options_bytes` say where in the data the appendage lies; `has_options`
    that there is one, be it empty.
    """
    itemsize, members = _core.ouch_layout(direction)
    names, formats, offsets = zip(*members, strict=True)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": itemsize})


def read(
    data: Buffer, recs: Records, direction: Direction
) -> tuple[Records, npt.NDArray[np.bool_]]:
    """The messages `recs` (dtype STREAM_REC) of `data`, one row each.

    The second array is False where the type is unknown to that direction, the size is not that
    type's, or the options do not hold together. ValueError when a record lies outside the data.
    """
    rows = np.zeros(len(recs), dtype(direction))
    valid = np.zeros(len(recs), np.bool_)
    _core.ouch_read(direction, data, np.ascontiguousarray(recs), rows, valid)
    return rows, valid


def write(rows: Records, direction: Direction, data: Buffer = b"") -> tuple[bytes, Records]:
    """Messages of rows (dtype of that direction), and where each lies (dtype STREAM_REC).

    Options are taken from `data`, where the rows say that they lie. ValueError names the message
    that has no such type, options that it cannot have, or a price off the grid of 0.0001.
    """
    rows = padded(rows)
    out = np.empty(len(rows) * (MAX_FIXED + 2) + int(rows["options_bytes"].sum()), np.uint8)
    recs = np.zeros(len(rows), STREAM_REC)
    return out[: _core.ouch_write(direction, rows, data, out, recs)].tobytes(), recs


def options(data: Buffer, row: np.void) -> list[tuple[int, str, bytes]]:
    """(tag, name, value as on the wire) of the options of one row; "unknown" names other tags."""
    at = int(row["options_offset"])
    return _core.ouch_options(view(data)[at : at + int(row["options_bytes"])])
