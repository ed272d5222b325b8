"""A capture as a stream: which feed reads it, how its records go onto the wire, where it gets
going.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import engine
from engine.market import FeedKind, Framing, Source, Stream, index
from harness.errors import RedlineError
from harness.traffic.inputs import InputFile

# A message of a file is wrapped into the packets of its feed; a captured packet is sent as it is.
WIRE: dict[Source, tuple[FeedKind, Framing]] = {
    "itch": ("itch", "mold-wrap"),
    "dbn": ("dbn", "mold-wrap"),
    "pcap": ("itch", "mold"),
    "fix": ("fix", "raw"),
}
DBN_FLAGS_AT = 36  # offset of the flags in an MBO record
DBN_SNAPSHOT = 0x20  # the record restates an order that was there before the capture


def stream_of(capture: InputFile) -> tuple[Stream, int]:
    """The stream, sent once, and how many of its first records only restate a book.

    RedlineError names the file and the byte when it is truncated or contradicts itself.
    """
    feed, framing = WIRE[capture.kind]
    try:
        recs = index(capture.kind, capture.data)
    except engine.EngineError as error:
        raise RedlineError(f"{capture.path}: {error.strerror}") from None
    if not len(recs):
        raise RedlineError(f"{capture.path}: no messages in it")
    n_snapshot = _n_snapshot(capture.data, recs) if capture.kind == "dbn" else 0
    return Stream(feed, framing, capture.data, recs, loop_from=len(recs)), n_snapshot


def _n_snapshot(data: bytes, recs: npt.NDArray[np.void]) -> int:
    flags = np.frombuffer(data, dtype=np.uint8)[recs["offset"] + DBN_FLAGS_AT]
    live = np.flatnonzero((flags & DBN_SNAPSHOT) == 0)
    return int(live[0]) if live.size else len(recs)
