"""Market data as bytes plus an index of records: captures read strictly, synthetic streams made.

Nothing here makes an object a message: a stream is one buffer and one numpy array.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine import _core

Source = Literal["itch", "dbn", "fix", "pcap", "pcapng", "binance"]
FeedKind = Literal["itch", "dbn", "fix"]
Framing = Literal["mold-wrap", "mold", "fix-stamp", "raw"]

# Mirrors struct rl_stream_rec: where a record lies, the venue's or the capture's stamp, how much it
# holds.
STREAM_REC = np.dtype(
    [
        ("offset", "<u8"),
        ("ts_ns", "<u8"),
        ("n_bytes", "<u4"),
        ("n_messages", "<u2"),
        ("line", "<u1"),
        ("unused", "<u1"),
    ]
)

MEAN_GAP_NS = (
    1000  # between operations, for the stamps inside a synthetic stream; a schedule sends it
)


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """What a rig sends: records in `data`, in the order of `recs` (dtype STREAM_REC).

    After the last record a sender goes on with `loop_from`; len(recs) means that it does not.
    """

    feed: FeedKind
    framing: Framing
    data: bytes
    recs: npt.NDArray[np.void]
    loop_from: int

    @property
    def n_messages(self) -> int:
        return int(self.recs["n_messages"].sum())


def index(source: Source, data: bytes) -> npt.NDArray[np.void]:
    """Index of the records of a capture, dtype STREAM_REC.

    Raises EngineError that names the byte when the capture is truncated or contradicts itself.
    """
    return np.frombuffer(_core.replay_index(source, data), dtype=STREAM_REC)


def synthetic(
    feed: Literal["itch", "fix"],
    *,
    seed: int,
    n_instruments: int,
    n_orders: int,
    n_messages: int,
    operations: Mapping[str, int],
    permille: Mapping[str, int],
    tables: Mapping[str, npt.NDArray[np.int32]],
) -> tuple[Stream, dict[str, int]]:
    """A seeded stream that behaves like the capture it was calibrated on, and counts of what is in
    it.

    `operations` are relative counts, `permille` the shares `bbo_price_change`,
    `reprice_keeps_qty`, `last_fill_part`, `attributed` and `priced`, `tables` equally likely
    values, all by name (csrc/rig/synth/synth.h). The body holds about `n_messages` operations and
    ends with the books as they were before it, so that it may be sent again and again. Raises
    EngineError for sizes that cannot be made, ValueError for a calibration that lacks something.
    """
    data, recs, loop_from, counts = _core.synth(
        seed=seed,
        n_body=n_messages,
        mean_gap_ns=MEAN_GAP_NS,
        n_instruments=n_instruments,
        n_live_orders=n_orders,
        is_fix=feed == "fix",
        weights=dict(operations),
        px_change_permille=permille["bbo_price_change"],
        reprice_keeps_qty_permille=permille["reprice_keeps_qty"],
        last_fill_part_permille=permille["last_fill_part"],
        attributed_permille=permille["attributed"],
        priced_permille=permille["priced"],
        tables=dict(tables),
    )
    framing: Framing = "fix-stamp" if feed == "fix" else "mold-wrap"
    return Stream(feed, framing, data, np.frombuffer(recs, dtype=STREAM_REC), loop_from), counts
