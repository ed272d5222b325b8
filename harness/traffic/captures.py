"""A capture as a stream: which feed reads it, how its records go onto the wire, where it gets
going.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.market import FeedKind, Framing, Source, Stream
from engine.market.replay import CaptureError, Line, Protocol, Recording, read
from harness.errors import RedlineError
from harness.traffic.inputs import InputFile

# A message of a file is wrapped into the packets of its feed; a captured packet is sent as it is.
WIRE: dict[Source, tuple[FeedKind, Framing]] = {
    "itch": ("itch", "mold-wrap"),
    "dbn": ("dbn", "mold-wrap"),
    "pcap": ("itch", "mold"),
    "pcapng": ("itch", "mold"),
    "fix": ("fix", "raw"),
}
DBN_FLAGS_AT = 36  # offset of the flags in an MBO record
DBN_SNAPSHOT = 0x20  # the record restates an order that was there before the capture


def recording_of(
    capture: InputFile, *, protocol: Protocol | None = None, lines: Sequence[Line] = ()
) -> Recording:
    """The records of a capture, only those of some lines when any are named.

    RedlineError names the file, and the byte when it is truncated or contradicts itself.
    """
    try:
        found = read(capture.data, capture.kind, protocol=protocol, lines=lines)
    except CaptureError as error:
        hint = ""
        if len(error.lines) > 1 and not lines:  # one of them may be something else altogether
            hint = f"; lines seen: {', '.join(map(str, error.lines[:8]))}"
        raise RedlineError(f"{capture.path}: {error}{hint}") from None
    except ValueError as error:
        raise RedlineError(f"{capture.path}: {error}") from None
    if not len(found.recs):
        raise RedlineError(f"{capture.path}: no messages in it")
    return found


def stream_of(capture: InputFile) -> tuple[Stream, int]:
    """The stream, sent once, and how many of its first records only restate a book.

    RedlineError as recording_of, and for what the bench has no wire for.
    """
    found = recording_of(capture)
    if capture.kind not in WIRE or found.protocol in ("mdp3", "ice"):
        spoken = found.framing or "Binance"
        raise RedlineError(
            f"{capture.path}: {spoken} is not sent through the bench; `redline replay` plays it"
        )
    feed, framing = WIRE[capture.kind]
    recs = found.recs
    n_snapshot = _n_snapshot(capture.data, recs) if capture.kind == "dbn" else 0
    return Stream(feed, framing, capture.data, recs, loop_from=len(recs)), n_snapshot


def _n_snapshot(data: bytes, recs: npt.NDArray[np.void]) -> int:
    flags = np.frombuffer(data, dtype=np.uint8)[recs["offset"] + DBN_FLAGS_AT]
    live = np.flatnonzero((flags & DBN_SNAPSHOT) == 0)
    return int(live[0]) if live.size else len(recs)
