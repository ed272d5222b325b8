"""The audit log: what its records are, a writer, proving, reading and replaying a log.

A log is a directory (docs/reference/audit-format.md). Records are numpy arrays of RECORD: prices in
1e-9 of the quote currency, quantities in lots, times in ticks of the writer's counter, which the
header of each segment ties to UTC. Whoever reads gets only what is proven.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import _core

UNIT_BYTES = 64
HEADER_BYTES = 4096
NO_SYMBOL = 65535
FIRST_OTHER_KIND = 240  # seals and footers: no records

RECORD = np.dtype(
    [
        ("number", "<u8"),
        ("tsc", "<u8"),
        ("id", "<u8"),
        ("ref", "<u8"),
        ("px_nano", "<i8"),
        ("qty", "<u8"),
        ("detail", "<u4"),
        ("instrument", "<u2"),
        ("kind", "u1"),
        ("event", "u1"),
        ("flags", "u1"),
        ("venue", "u1"),
        ("account", "u1"),
        ("strategy", "u1"),
        ("crc", "<u4"),
    ]
)
HEADER = np.dtype(
    [
        ("magic", "S8"),
        ("version", "<u4"),
        ("n_header_bytes", "<u4"),
        ("n_unit_bytes", "<u4"),
        ("segment", "<u4"),
        ("first_number", "<u8"),
        ("session", "V16"),
        ("id_epoch", "<u8"),
        ("tsc_hz", "<u8"),
        ("tsc", "<u8"),
        ("wall_ns", "<u8"),
        ("is_clock_synced", "<u4"),
        ("previous_crc", "<u4"),
        ("previous_end", "<u4"),
        ("zero", "<u4"),
        ("previous_bytes", "<u8"),
        ("torn_bytes", "<u8"),
        ("previous_hash", "V32"),
        ("torn_hash", "V32"),
        ("schema_hash", "V32"),
        ("config_hash", "V32"),
        ("limits_hash", "V32"),
        ("build_id", "S32"),
        ("host_id", "S32"),
        ("zeros", "V3728"),
        ("hash", "V32"),
    ]
)
# struct rl_audit_words: running figures of a writer, each a word of its own.
WORDS = np.dtype(
    {
        "names": [
            "durable",
            "durable_number",
            "error",
            "health",
            "n_written",
            "backlog",
            "max_backlog",
            "stall_ns",
            "max_stall_ns",
            "n_stalls",
            "n_commits",
            "max_commit_ns",
            "n_blocks",
            "n_segments",
            "segment",
        ],
        "formats": ["<u8", "<u8", "<u4", "<u4", *["<u8"] * 11],
        "offsets": [0, 8, 16, 20, *range(24, 112, 8)],
        "itemsize": 128,
    }
)


class Kind(IntEnum):
    """What a record is of; the members by kind are in docs/reference/audit-format.md."""

    SENT = 1
    RISK_REJECT = 2
    RISK_DETAIL = 3
    KILL_BLOCK = 4
    TX_FULL = 5
    CANCEL_SENT = 6
    REPLACE_SENT = 7
    EVENT = 8
    EVENT_REF = 9
    FEE = 10
    STATE = 11
    LIMITS = 12
    OVERRIDE = 14
    KILL = 15
    ARM = 16
    SESSION = 17
    FEED = 18
    START = 19
    STOP = 20
    STALL = 21
    CLOCK = 22
    LOG_FAILED = 24


class Fault(IntEnum):
    """What is wrong with a log; also the exit codes of `redline audit verify`."""

    WHOLE = 0
    TORN = 1
    CORRUPT = 2
    CHAIN = 3
    SEQUENCE = 4
    TIME = 5


class Health(IntEnum):
    """How a writer is: FULL still writes, into the emergency space; FAILED never again."""

    GOOD = 0
    FULL = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk through a log found.

    The place (segment, offset, record, text) is that of the first fault of the worst class;
    `record` is the number of the first record that is not proven. `head_*` belong outside, where
    nobody who can rewrite the log can rewrite them.
    """

    fault: Fault
    segment: int
    offset: int
    record: int
    text: str
    n_records: int
    n_blocks: int
    n_segments: int
    n_recovered: int
    n_gaps: int
    n_backward: int
    head_number: int
    head_hash: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """Some records of one segment, in order, with the header that ties their times to UTC."""

    header: np.void  # HEADER
    records: npt.NDArray[np.void]  # RECORD

    def wall_ns(self) -> npt.NDArray[np.uint64]:
        """UTC of each record in ns since 1970, rounded towards the moment of the header."""
        hz, base = int(self.header["tsc_hz"]), int(self.header["tsc"])
        wall = int(self.header["wall_ns"])
        tsc = self.records["tsc"]
        after = tsc >= base
        ticks = np.where(after, tsc - np.uint64(base), np.uint64(base) - tsc)
        # Whole seconds and the rest apart: ticks times 1e9 would not fit 64 bits.
        whole, rest = ticks // np.uint64(hz), ticks % np.uint64(hz)
        ns = whole * np.uint64(10**9) + rest * np.uint64(10**9) // np.uint64(hz)
        return np.where(after, np.uint64(wall) + ns, np.uint64(wall) - np.minimum(ns, wall))


@dataclass(frozen=True, slots=True)
class ReplayedLog:
    """A log fed to a fresh order side: the hash of the state it ends in, and whether it fits.

    `contradiction` is the number of a record and a sentence when a record meets another state than
    the one it tells of, or the state at a STOP has another hash.
    """

    verdict: Verdict
    n_records: int
    n_starts: int
    n_stops: int
    hash: int | None
    contradiction: tuple[int, str] | None


def verify(directory: str | os.PathLike[str], *, first_segment: int = 0) -> Verdict:
    """Prove every record of a log; EngineError when it cannot be read."""
    return _verdict(_core.audit_scan(directory, first_segment))


def replay_log(
    directory: str | os.PathLike[str], *, first_segment: int = 0, n_fifo_lots: int = 1024
) -> ReplayedLog:
    """Feed a log to a fresh order side, engine start by engine start; EngineError as verify."""
    found = _core.audit_replay(directory, first_segment, n_fifo_lots)
    return ReplayedLog(**{**found, "verdict": _verdict(found["verdict"])})


def read(
    directory: str | os.PathLike[str],
    *,
    first_segment: int = 0,
    verdict: Verdict | None = None,
    n_at_once: int = 65536,
) -> Iterator[Segment]:
    """The proven records of a log, at most `n_at_once` units of them at a time in memory.

    `verdict` is that of `verify`, which is called when it is left out.
    """
    if verdict is None:
        verdict = verify(directory, first_segment=first_segment)
    stops = verdict.fault in (Fault.TORN, Fault.CORRUPT, Fault.CHAIN)
    paths = segment_paths(directory, first_segment)
    if stops:
        paths = [path for path in paths if int(path.name[:8]) <= verdict.segment]
    headers = [header for path in paths if (header := _header(path)) is not None]
    for i, header in enumerate(headers):
        end: int | None = None  # of the file
        if i + 1 < len(headers):
            end = int(headers[i + 1]["previous_bytes"])  # a torn tail may lie behind it
        elif stops and int(header["segment"]) == verdict.segment:
            end = verdict.offset
        yield from _units(paths[i], header, end, n_at_once, verdict.head_number)


def segment_paths(directory: str | os.PathLike[str], first_segment: int = 0) -> list[Path]:
    """The files of a log in order."""
    return sorted(
        path
        for path in Path(directory).glob("*.audit")
        if re.fullmatch("[0-9]{8}[.]audit", path.name)
        if int(path.name[:8]) >= max(first_segment, 1)
    )


def _header(path: Path) -> np.void | None:
    """The header of a segment; None for one that a crash left without."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    return np.frombuffer(head, HEADER)[0] if len(head) == HEADER_BYTES else None


def _units(
    path: Path, header: np.void, end: int | None, n_at_once: int, last: int
) -> Iterator[Segment]:
    at = HEADER_BYTES
    with path.open("rb") as file:
        file.seek(at)
        while True:
            n = n_at_once if end is None else max(0, min(n_at_once, (end - at) // UNIT_BYTES))
            data = file.read(n * UNIT_BYTES)
            units = np.frombuffer(data[: len(data) // UNIT_BYTES * UNIT_BYTES], RECORD)
            if len(units) == 0:
                return
            at += len(data)
            records = units[(units["kind"] > 0) & (units["kind"] < FIRST_OTHER_KIND)]
            yield Segment(header, records[records["number"] <= last])


def _verdict(found: dict[str, Any]) -> Verdict:
    return Verdict(**{**found, "fault": Fault(found["fault"])})


class AuditWriter:
    """A ring and the writer behind it, for tools and tests.

    `append` is the order side and never waits: what finds no room is refused. `step` (or the thread
    that `start` makes) takes it to the disk. Leaving the context closes the log.
    """

    def __init__(self, directory: str | os.PathLike[str], *, tsc_hz: int, **config: Any) -> None:
        self._core = _core.AuditWriter(directory, tsc_hz, **config)
        self.words = np.frombuffer(memoryview(self._core), WORDS).reshape(())  # live

    def append(self, records: npt.NDArray[np.void], n_more: int = 0) -> int:
        """Claim and commit these records; how many found room, with room for n_more behind."""
        return self._core.append(np.ascontiguousarray(records, RECORD), n_more)

    def step(self, now_tsc: int = 0) -> int:
        """Take what waits; how many. EngineError when the writer has failed, then and ever on."""
        return self._core.step(now_tsc)

    def commit(self, now_tsc: int = 0) -> None:
        """Make what waits durable now."""
        self._core.commit(now_tsc)

    def rotate(self, now_tsc: int = 0) -> None:
        """Go on in a new segment."""
        self._core.rotate(now_tsc)

    def start(self, cpu: int = -1, poll_ns: int = 0) -> None:
        """Step in a thread of its own until closed."""
        self._core.start(cpu, poll_ns)

    def close(self, now_tsc: int = 0) -> None:
        """Take the rest, make it durable, write the footer."""
        self._core.close(now_tsc)

    def abandon(self) -> None:
        """Let go of the log as a crash would."""
        self._core.abandon()

    @property
    def durable(self) -> int:
        """How many of the appended records are on the disk."""
        return self._core.durable

    @property
    def health(self) -> Health:
        return Health(int(self.words["health"]))

    @property
    def error(self) -> int:
        """errno of what failed or is full; 0."""
        return self._core.error

    def __enter__(self) -> AuditWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
