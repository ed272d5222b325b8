"""Feeds: packets of a market data stream to updates for the books, in batches.

A feed knows the protocol: framing, sequence numbers, decoding, which instrument is which. With
`lines` it also makes one stream of several lines that carry the same packets (A and B): whoever
comes first is heard, gaps wait for the other line, are asked for again or given up, and counted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.market.books import UPDATE
from engine.market.fix import Buffer, Records, view
from engine.market.replay import Protocol
from engine.market.stream import STREAM_REC

LINE_RECOVERY = 4  # the line of packets that answer requests
LINE_ANY = 5  # for silent_ns
ALL_INSTRUMENTS = 2**32 - 1

# Numbers [first, first + n) that were given up.
LOSS = np.dtype([("first", "<u8"), ("n", "<u8")])


@dataclass(frozen=True, slots=True)
class Arbitration:
    """How several lines are made one; what is None is the protocol's default (feed/lines.h).

    Times are ns. A gap waits `gap_skews` times the p99.9 of what the lines differ, at least
    `gap_floor_ns` and at most `gap_ceiling_ns`; then it is asked for `n_requests` times, first
    waiting `request_wait_ns`, twice as long each time; then, with `has_snapshots`, one is waited
    for, else the loss is declared.
    """

    n_lines: int = 2
    n_window: int | None = None  # packets kept that came too early ...
    n_window_bytes: int | None = None  # ... and their bytes
    n_losses: int | None = None  # how many losses `losses` remembers
    gap_floor_ns: int | None = None
    gap_ceiling_ns: int | None = None
    gap_skews: int | None = None
    n_requests: int | None = None
    request_wait_ns: int | None = None
    n_request_max: int | None = None  # numbers in one request
    has_snapshots: bool | None = None
    starts_with_snapshot: bool | None = None  # nothing is delivered before the first


class Request(NamedTuple):
    """What to ask the venue for: numbers [first, first + n) again, or a snapshot."""

    is_snapshot: bool
    first: int
    n: int
    attempt: int


class Feed:
    """One stream of market data.

    `in_mold`: ITCH and DBN messages come in MoldUDP64 packets, else a packet is a message.
    `n_instruments` are numbered at most, `n_qty_decimals` (FIX, Binance) is how fine quantities
    are, `first_seq` the first number that counts (0: whatever comes first). `lines` is None for one
    line without arbitration, a number of lines with defaults, or `Arbitration`.

    One thread at a time uses it; calls of others while `push` works raise RuntimeError. ValueError
    names what cannot be.
    """

    def __init__(
        self,
        protocol: Protocol,
        *,
        lines: int | Arbitration | None = None,
        n_instruments: int = 1024,
        in_mold: bool = False,
        n_qty_decimals: int = 0,
        first_seq: int = 0,
    ) -> None:
        how = Arbitration(lines) if isinstance(lines, int) else lines
        settings = {k: v for k, v in asdict(how).items() if v is not None} if how else {}
        n_lines = settings.pop("n_lines", 0)
        if how and n_lines < 1:
            raise ValueError(f"lines: {n_lines} are none")
        for name, value in settings.items():
            if value < 0:
                raise ValueError(f"{name}: {value} is negative")
        for name, value, top in (
            ("n_instruments", n_instruments, 2**32),
            ("n_qty_decimals", n_qty_decimals, 2**8),
            ("first_seq", first_seq, 2**64),
            ("lines", n_lines, 2**32),
        ):
            if not 0 <= value < top:
                raise ValueError(f"{name}: {value} is not in 0 .. {top - 1}")
        self.protocol = protocol
        self._core = _core.Feed(
            protocol=protocol,
            in_mold=in_mold,
            n_instruments=n_instruments,
            n_qty_decimals=n_qty_decimals,
            first_seq=first_seq,
            n_lines=n_lines,
            settings=settings,
        )

    # --- packets ----------------------------------------------------------------------------------

    def push(self, data: Buffer, recs: Records) -> Records:
        """The updates (dtype UPDATE) of packets `recs` (dtype STREAM_REC) of `data`, in order.

        `line` of a record says on which line it came, LINE_RECOVERY for answers to requests, and
        `ts_ns` when, which is the feed's clock. Every message gives an update, NONE when it
        concerns no book; fields that an operation does not use are 0. ValueError when a record lies
        outside the data, and nothing is pushed.
        """
        return self.push_each(data, recs)[0]

    def push_each(self, data: Buffer, recs: Records) -> tuple[Records, npt.NDArray[np.uint64]]:
        """As `push`; the second array is how many updates there were after each record."""
        ends = np.empty(len(recs), np.uint64)
        updates = self._core.push(data, np.ascontiguousarray(recs), ends)
        return np.frombuffer(updates, UPDATE), ends

    def push_one(self, packet: Buffer, *, line: int = 0, now_ns: int = 0) -> Records:
        """The updates of one packet."""
        return self.push(packet, _record(view(packet).nbytes, line, now_ns))

    def poll(self, now_ns: int) -> Records:
        """The updates that time sets free when no packet comes: a gap that waited long enough."""
        return np.frombuffer(self._core.poll(_u64("now_ns", now_ns)), UPDATE)

    def request(self, now_ns: int) -> Request | None:
        """What should be asked for, after a `poll`; each request is handed out once."""
        found = self._core.request(_u64("now_ns", now_ns))
        return None if found is None else Request(*found)

    def due_ns(self) -> int | None:
        """When `poll` and `request` should be called at the latest; None: no need."""
        return self._core.due_ns()

    def forget(self) -> None:
        """The next packet may have any number: another recording, or the same again."""
        self._core.forget()

    # --- what was seen ----------------------------------------------------------------------------

    def counters(self) -> dict[str, dict[str, int]]:
        """By name: "feed", and with lines "lines" (all together), "line 0" ... and "recovery"."""
        return self._core.counters()

    def losses(self) -> Records:
        """What was given up (dtype LOSS), the oldest first. ValueError without lines."""
        return np.frombuffer(self._core.losses(), LOSS)

    def lag(self, line: int) -> _core.Hist:
        """ns behind the line that was first, of the packets that it was not first with.

        To one percent; the greatest is exact.
        """
        return self._core.lag(_line(line))

    def skew_ns(self, a: int, b: int, pct: float) -> int:
        """How much later line `a` brings a packet than line `b`, by percentile; 0 of none."""
        return self._core.skew_ns(_line(a), _line(b), pct)

    def silent_ns(self, line: int, now_ns: int) -> int | None:
        """Time since the line, or LINE_ANY of them, was heard; None: never."""
        return self._core.silent_ns(_line(line), _u64("now_ns", now_ns))

    @property
    def next_seq(self) -> int:
        """The number expected next; 0: not known yet."""
        return self._core.next_seq()

    def is_synced(self, instrument: int = ALL_INSTRUMENTS) -> bool:
        """Whether the instrument's book, or all, holds all that the venue said."""
        return self._core.is_synced(instrument)

    # --- instruments ------------------------------------------------------------------------------

    def symbols(self) -> list[str]:
        """What the instruments are called, by number; "" for one that the wire has not named."""
        return self._core.symbols()

    def name(self, symbol: str, *, key: int = 0) -> None:
        """Name an instrument for lines that do not, numbering it when it is new.

        `key` is what the wire calls it: stock locate (ITCH) or instrument number (DBN). ValueError
        for a symbol that is too long, or when the table is full.
        """
        if not 0 <= key < 2**32:
            raise ValueError(f"key: {key} is not a 32-bit number")
        self._core.name(key, symbol)


def _record(n_bytes: int, line: int, now_ns: int) -> Records:
    recs = np.zeros(1, STREAM_REC)
    recs["n_bytes"] = n_bytes
    recs["line"] = _line(line)
    recs["ts_ns"] = _u64("now_ns", now_ns)
    recs["n_messages"] = 1
    return recs


def _line(line: int) -> int:
    if not 0 <= line <= LINE_ANY:
        raise IndexError(f"line: {line} is not in 0 .. {LINE_ANY}")
    return line


def _u64(name: str, value: int) -> int:
    if not 0 <= value < 2**64:
        raise ValueError(f"{name}: {value} is not a number of 64 bits")
    return value
