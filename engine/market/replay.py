"""Recordings: captures read strictly into an index of records, and played into books.

`read` finds the records of a capture and says what is in it; `play` sends them through arbitration,
feed and books at the pace that was asked for. Times are integer nanoseconds, prices 1e-9 of the
quote currency, quantities the venue's smallest lot. Work happens in C, without the interpreter's
lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, Literal, cast

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.market.stream import STREAM_REC, Source

Protocol = Literal["itch", "dbn", "fix", "mdp3", "ice", "binance"]

# What the records of a file speak; packets speak one of the others.
OF_FILE: Final[Mapping[Source, Protocol]] = {
    "itch": "itch",
    "dbn": "dbn",
    "fix": "fix",
    "binance": "binance",
}


class CaptureError(ValueError):
    """A capture that is truncated, lies or is of another kind: 'at byte N: what'.

    `lines` are the UDP destinations that were found before it was given up.
    """

    def __init__(self, text: str, lines: Sequence[Line] = ()) -> None:
        super().__init__(text)
        self.lines = tuple(lines)


@dataclass(frozen=True, slots=True)
class Line:
    """A UDP destination, and what a capture has of it; a message on two lines counts twice."""

    address: IPv4Address | IPv6Address
    port: int
    n_packets: int = 0
    n_messages: int = 0

    def __str__(self) -> str:
        return (
            f"[{self.address}]:{self.port}"
            if self.address.version == 6
            else (f"{self.address}:{self.port}")
        )

    @classmethod
    def parse(cls, text: str) -> Line:
        """'224.0.31.1:14310' or '[ff02::1]:14310'. Raises ValueError."""
        address, colon, port = text.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 0xFFFF:
            raise ValueError(
                f"not an address and a port: {text!r} (write it like 224.0.31.1:14310)"
            )
        bare = address.removeprefix("[").removesuffix("]")
        try:
            return cls(ip_address(bare), int(port))
        except ValueError:
            raise ValueError(f"not an IP address: {address!r}") from None


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A capture in memory and the index of its records (dtype STREAM_REC)."""

    source: Source
    protocol: Protocol
    framing: str  # of the packets, for people: "MoldUDP64"; "" when records are messages
    data: bytes
    recs: npt.NDArray[np.void]
    lines: tuple[Line, ...]  # sorted by address and port; recs["line"] counts in it
    skips: Mapping[str, int]  # what was passed over, by name

    @property
    def n_messages(self) -> int:
        return int(self.recs["n_messages"].sum())


def guess(data: bytes) -> Source | None:
    """What the first bytes look like; None when like nothing that is read here."""
    return cast(Source, _core.replay_guess(data)) or None


def read(
    data: bytes,
    source: Source | None = None,
    *,
    protocol: Protocol | None = None,
    lines: Sequence[Line] = (),
) -> Recording:
    """The records of a capture; of packets only those to `lines`, when some are named.

    What packets speak is found out unless it is said. Packets come in the order of their stamps,
    those of one line in the order of the file: captures of several ports are often merged in
    pieces. Raises CaptureError, ValueError for a protocol that such a file cannot have.
    """
    source = source or guess(data)
    if source is None:
        raise CaptureError("at byte 0: like no capture that is read here")
    fixed = OF_FILE.get(source)
    if fixed is not None and protocol not in (None, fixed):
        raise ValueError(f"its records are {fixed}, not {protocol}")
    if fixed is not None and lines:
        raise ValueError("it has no packets, so no lines to choose from")
    if fixed is None and protocol in ("dbn", "fix", "binance"):
        raise ValueError(f"packets that carry {protocol} are not read here")
    recs, found, damage = _core.replay_read(
        source=source,
        data=data,
        payload="" if fixed is not None else protocol or "",
        only=tuple((line.address.packed, line.port) for line in lines),
    )
    seen = tuple(Line(ip_address(bytes(a)), *rest) for a, *rest in found["lines"])
    if recs is None:
        raise CaptureError(damage, seen)
    return Recording(
        source=source,
        protocol=fixed or found["protocol"],
        framing=found["framing"],
        data=data,
        recs=_in_time(np.frombuffer(recs, dtype=STREAM_REC)),
        lines=seen,
        skips=found["skips"],
    )


def _in_time(recs: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Packets of several lines by their stamps, without changing the order within a line."""
    if recs["line"].max(initial=0) == 0:
        return recs
    came_ns = recs["ts_ns"].copy()
    for line in np.unique(recs["line"]):
        of_line = recs["line"] == line
        came_ns[of_line] = np.maximum.accumulate(came_ns[of_line])
    return recs[np.argsort(came_ns, kind="stable")]


# An instrument as a play left it; prices as in BBO, `state` counts in STATES, `is_sure` is false
# when something that was lost may have changed the book.
INSTRUMENT = np.dtype(
    {
        "names": [
            "symbol",
            "bid_px_nano",
            "ask_px_nano",
            "bid_qty",
            "ask_qty",
            "n_levels",
            "n_orders",
            "state",
            "is_sure",
        ],
        "formats": ["S32", "<i8", "<i8", "<u8", "<u8", ("<u4", 2), ("<u4", 2), "<u1", "<u1"],
        "offsets": [0, 32, 40, 48, 56, 64, 72, 80, 81],
        "itemsize": 88,
    }
)
STATES: Final = ("empty", "one-sided", "open", "locked", "crossed")

MAX_LINES: Final = 4  # that may carry one stream
MAX_INSTRUMENTS: Final = 1 << 13  # a whole equities market fits
MAX_ORDERS: Final = 1 << 22  # live at once
MIN_ORDERS: Final = 1 << 12
LEVELS_PER_SIDE: Final = 1 << 14
CABLE_BYTES: Final = 1 << 22
# Decimals of a quantity that is sent as a decimal: Binance's finest lot, FIX logs in whole lots.
QTY_DECIMALS: Final[Mapping[Protocol, int]] = {"binance": 8}
WAKE_S: Final = 0.1  # how long a signal waits for its handler


@dataclass(frozen=True, slots=True)
class Pace:
    """When records are played. Made by `at_once`, `as_recorded` or `at_rate`."""

    kind: Literal["max", "recorded", "rate"]
    speed: Fraction = Fraction(1)
    rate_per_s: int = 1

    @classmethod
    def at_once(cls) -> Pace:
        """As fast as it can be read."""
        return cls("max")

    @classmethod
    def as_recorded(cls, speed: Fraction = Fraction(1)) -> Pace:
        """By the stamps of the records, `speed` times as fast."""
        if not (speed > 0 and max(speed.numerator, speed.denominator) <= 0xFFFFFFFF):
            raise ValueError(f"a speed that cannot be played: {speed}")
        return cls("recorded", speed=speed)

    @classmethod
    def at_rate(cls, per_s: int) -> Pace:
        """So many messages a second; those of a packet come together."""
        if not 0 < per_s <= 0xFFFFFFFFFFFFFFFF:
            raise ValueError(f"a rate that cannot be played: {per_s}/s")
        return cls("rate", rate_per_s=per_s)


@dataclass(frozen=True, slots=True)
class LinePlayed:
    """A line, what arbitration counted on it, and its share of first arrivals."""

    line: Line | None  # None: the recording has no lines
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Skew:
    """How much later the first line brought a packet than the second, in ns; negative: earlier."""

    least: int
    median: int
    p99: int
    most: int


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """How a play ended; of several loops, how the last one did.

    `message_hash` knows every byte and the order of the messages that arbitration delivered, but
    not how they were cut into packets. `book_hash` is the state of all books. Both are equal
    wherever and however fast the same recording is played, as long as nothing was lost.
    """

    n_messages: int
    message_hash: int
    book_hash: int
    last_seq: int  # DBN: the venue's own
    n_orders: int
    n_levels: int
    elapsed_ns: int
    damage: str  # what the integrity check of the books found; "" is nothing
    interrupted: bool
    qty_decimals: int  # quantities that are decimals on the wire count 10^-n
    counters: Mapping[str, Mapping[str, int]]  # of "sent", "read", "lines", "feed", "books"
    lines: tuple[LinePlayed, ...]
    skew: Skew | None  # of two lines
    instruments: npt.NDArray[np.void]  # dtype INSTRUMENT
    lateness: _core.Hist  # ns, played less due; empty at full speed

    @property
    def n_lost(self) -> int:
        """Messages that never reached the feed: missing in the recording, or for want of room.

        Numbers of packets where the protocol numbers those (CME), of events on Binance.
        """
        missed = self.counters["feed"]["lost"]
        waiting = self.counters["read"]["left_waiting"]
        return missed + waiting + self.counters["sent"]["messages_unsent"]

    @property
    def unaccounted(self) -> int:
        """Records that were due and neither read nor counted as unsent: always 0."""
        sent = self.counters["sent"]
        return sent["records"] - sent["records_unsent"] - self.counters["read"]["frames"]


def play(
    recording: Recording,
    *,
    pace: Pace | None = None,
    loops: int = 1,
    into: Literal["book", "port"] = "book",
    cpus: tuple[int, int] | None = None,
    qty_decimals: int | None = None,
    max_instruments: int = MAX_INSTRUMENTS,
    max_orders: int | None = None,
    progress: Callable[[Mapping[str, Mapping[str, int]]], None] | None = None,
) -> Played:
    """Play a recording: as fast as it goes, once and into the book, unless told otherwise.

    `loops` 0 is for ever. `cpus` are those of reader and sender; the last two allowed ones
    otherwise. `progress` gets the counters of "sent" and "read" about every 0.1 s.
    KeyboardInterrupt ends it with what was played so far and `interrupted` set. Raises EngineError
    with a sentence for what cannot be had here, ValueError for too many lines.
    """
    n_lines = len(recording.lines)
    if n_lines > MAX_LINES:
        named = ", ".join(map(str, recording.lines[:8])) + (", ..." if n_lines > 8 else "")
        raise ValueError(
            f"{n_lines} lines in it ({named}): choose the ones that carry one stream, "
            f"at most {MAX_LINES}"
        )
    pace = pace or Pace.at_once()
    reader, sender = cpus or _two_cpus()
    if max_orders is None:
        max_orders = min(max(recording.n_messages, MIN_ORDERS), MAX_ORDERS)
    if qty_decimals is None:
        qty_decimals = QTY_DECIMALS.get(recording.protocol, 0)
    player = _core.Player(
        data=recording.data,
        recs=recording.recs,
        protocol=recording.protocol,
        is_packets=n_lines > 0,
        n_lines=max(n_lines, 1),
        pace=pace.kind,
        speed_num=pace.speed.numerator,
        speed_den=pace.speed.denominator,
        rate_per_s=pace.rate_per_s,
        n_loops=loops,
        into_port=into == "port",
        n_instruments=max_instruments,
        n_orders=max_orders,
        n_levels_per_side=LEVELS_PER_SIDE,
        n_qty_decimals=qty_decimals,
        n_cable_bytes=_cable_bytes(recording),
        cpu_reader=reader,
        cpu_sender=sender,
    )
    try:
        player.start()
        interrupted = _follow(player, progress)
        return _played(recording, player.result(), interrupted, qty_decimals)
    finally:
        player.close()


def _follow(
    player: _core.Player, progress: Callable[[Mapping[str, Mapping[str, int]]], None] | None
) -> bool:
    """Sleep until it is over; whether somebody interrupted it."""
    interrupted = False
    while True:
        try:
            while not player.wait(WAKE_S):
                if progress is not None:
                    progress(player.progress())
            return interrupted
        except KeyboardInterrupt:
            interrupted = True
            player.stop()


def _played(
    recording: Recording, found: dict[str, Any], interrupted: bool, qty_decimals: int
) -> Played:
    of_lines = found.pop("lines")
    named: Sequence[Line | None] = recording.lines or [None] * len(of_lines)
    skew = found.pop("skew_ns")
    instruments = np.frombuffer(found.pop("instruments"), dtype=INSTRUMENT)
    return Played(
        **found,
        interrupted=interrupted,
        qty_decimals=qty_decimals,
        lines=tuple(
            LinePlayed(line, counters) for line, counters in zip(named, of_lines, strict=True)
        ),
        skew=None if skew is None else Skew(*skew),
        instruments=instruments,
    )


def _two_cpus() -> tuple[int, int]:
    """The last ones allowed: interrupts favour the first. One CPU serves both, taking turns."""
    last, *others = sorted(os.sched_getaffinity(0), reverse=True)
    return last, others[0] if others else last


def _cable_bytes(recording: Recording) -> int:
    """A ring in which the longest record finds room."""
    longest = int(recording.recs["n_bytes"].max()) if len(recording.recs) else 0
    return max(CABLE_BYTES, 1 << (4 * longest).bit_length())
