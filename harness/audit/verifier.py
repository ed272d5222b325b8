"""A second verifier of audit logs, from docs/reference/audit-format.md and from nothing else.

Pure Python with the standard library: no part of it is shared with the engine, so that a mistake of
one is no mistake of both. Slow (some 100,000 records a second) and simple.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

WHOLE, TORN, DAMAGED, BROKEN, NUMBERS, TIMES = range(6)
CLASSES = ("whole", "torn", "corrupt", "chain", "sequence", "time")
TEXTS = (
    "whole",
    "it has no end, or one that a crash tore",
    "damaged or altered",
    "a segment or a part of one is missing, or the chain of hashes is broken",
    "its number is not the next",
    "an earlier time than before",
)
ROTATED, CLOSED, RECOVERED = 1, 2, 3

UNIT, HEADER, SECTOR = 64, 4096, 512
SEAL, FOOTER = 240, 241
ZEROS = bytes(32)

HEADER_FIELDS = struct.Struct("<8sIIIIQ16sQQQQIIIIQQ32s32s")
UNIT_FIELDS = struct.Struct("<QQ32sIHBBBBBBI")


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = _crc_table()


def crc32c(data: bytes, crc: int = 0) -> int:
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fault is: the segment's number, an offset in it, the first record not proven."""

    segment: int
    offset: int
    record: int


@dataclass(frozen=True, slots=True)
class Finding:
    """The class of the format's table, its place (None when whole), and what was counted."""

    fault: int
    place: Place | None
    n_records: int
    n_blocks: int
    n_segments: int
    n_recovered: int
    n_gaps: int
    n_backward: int
    head_number: int
    head_hash: bytes


@dataclass(frozen=True, slots=True)
class Unit:
    number: int
    tsc: int
    hash: bytes
    detail: int
    kind: int
    event: int
    crc: int

    @classmethod
    def at(cls, data: bytes, offset: int) -> Unit:
        number, tsc, hash_, detail, _, kind, event, _, _, _, _, crc = UNIT_FIELDS.unpack_from(
            data, offset
        )
        return cls(number, tsc, hash_, detail, kind, event, crc)


def unit_crc(data: bytes, offset: int, before: int) -> int:
    return crc32c(data[offset : offset + UNIT - 4], before)


@dataclass(frozen=True, slots=True)
class Header:
    version: int
    n_header: int
    n_unit: int
    segment: int
    first_number: int
    session: bytes
    tsc_hz: int
    wall_ns: int
    previous_crc: int
    previous_end: int
    previous_bytes: int
    torn_bytes: int
    previous_hash: bytes
    torn_hash: bytes
    hash: bytes

    @classmethod
    def of(cls, data: bytes) -> Header | None:
        """The header, or None when it is damaged or of another version."""
        magic, *f = HEADER_FIELDS.unpack_from(data)
        hash_ = data[HEADER - 32 : HEADER]
        if magic != b"RLAUDIT\n" or hashlib.sha256(data[: HEADER - 32]).digest() != hash_:
            return None
        header = cls(
            version=f[0],
            n_header=f[1],
            n_unit=f[2],
            segment=f[3],
            first_number=f[4],
            session=f[5],
            tsc_hz=f[7],
            wall_ns=f[9],
            previous_crc=f[11],
            previous_end=f[12],
            previous_bytes=f[14],
            torn_bytes=f[15],
            previous_hash=f[16],
            torn_hash=f[17],
            hash=hash_,
        )
        known = (header.version, header.n_header, header.n_unit) == (1, HEADER, UNIT)
        return header if known and header.tsc_hz else None


@dataclass(frozen=True, slots=True)
class End:
    """How a segment ended: `event` of its footer, 0 without; where its good part ended."""

    segment: int
    event: int
    offset: int
    torn: bytes


class Stop(Exception):
    """A fault of class 2 or 3: the walk is over."""


class Walk:
    """One walk through a log."""

    def __init__(self, first_segment: int) -> None:
        self.first_segment = max(first_segment, 1)
        self.number, self.crc, self.hash = 0, 0, ZEROS
        self.end: End | None = None
        self.must_be_empty: End | None = None  # the predecessor, whose footer is missing
        self.session, self.tsc, self.wall_ns = b"", 0, 0
        self.fault = WHOLE
        self.place: Place | None = None
        self.n_records = self.n_blocks = self.n_segments = 0
        self.n_recovered = self.n_gaps = self.n_backward = 0

    def stop(self, fault: int, segment: int, offset: int) -> None:
        self.fault, self.place = fault, Place(segment, offset, self.number + 1)
        raise Stop

    def remember(self, fault: int, segment: int, offset: int) -> None:
        if self.fault == WHOLE:
            self.fault, self.place = fault, Place(segment, offset, self.number + 1)

    def log(self, segments: Mapping[int, bytes | Path]) -> None:
        numbers = sorted(segments)
        for number in numbers:
            segment = segments[number]
            data = segment.read_bytes() if isinstance(segment, Path) else segment
            if not self.segment(number, data, number == numbers[-1]):
                return
        end = self.end
        assert end is not None
        if end.event == ROTATED:
            self.stop(BROKEN, end.segment, end.offset)
        elif end.event != CLOSED:
            self.remember(TORN, end.segment, end.offset)

    def segment(self, name: int, data: bytes, is_last: bool) -> bool:
        """False: it is the last and not even its header is there."""
        if name != (self.end.segment + 1 if self.end else self.first_segment):
            self.stop(BROKEN, name, 0)
        if len(data) < HEADER or not any(data[:HEADER]):
            if is_last and (len(data) < HEADER or not any(data)):
                before = self.end
                if before is not None and before.event == 0:
                    self.remember(TORN, before.segment, before.offset)
                else:
                    self.remember(TORN, name, 0)
                return False
            self.stop(BROKEN if len(data) < HEADER else DAMAGED, name, 0)
        header = Header.of(data)
        if header is None:
            self.stop(DAMAGED, name, 0)
            return False
        if header.segment != name:
            self.stop(BROKEN, name, 0)
        self.link(name, header)
        if header.wall_ns < self.wall_ns:
            self.n_backward += 1
            self.remember(TIMES, name, 0)
        self.wall_ns = header.wall_ns
        if header.session != self.session:
            self.session, self.tsc = header.session, 0
        self.hash = header.hash
        self.n_segments += 1
        self.units(name, data)
        return True

    def link(self, name: int, header: Header) -> None:
        before, self.must_be_empty = self.end, None
        if before is None and name > 1:  # older segments were moved away
            self.number, self.crc = header.first_number - 1, header.previous_crc
            return
        is_linked = (
            header.first_number == self.number + 1
            and header.previous_crc == self.crc
            and header.previous_hash == self.hash
            and header.previous_bytes == (before.offset if before else 0)
        )
        if before is None or before.event:
            end = before.event if before else 0
            if not is_linked or header.previous_end != end or header.torn_bytes:
                self.stop(BROKEN, name, 0)
            return
        is_acknowledged = (
            header.previous_end == RECOVERED
            and header.torn_bytes == len(before.torn)
            and header.torn_hash == hashlib.sha256(before.torn).digest()
        )
        if not is_linked or not (is_acknowledged or header.previous_end == ROTATED):
            self.stop(BROKEN, before.segment, before.offset)
        if header.previous_end == ROTATED:
            self.must_be_empty = before
        else:
            self.n_recovered += 1

    def units(self, name: int, data: bytes) -> None:
        at = block = HEADER
        while len(data) - at >= UNIT:
            unit = Unit.at(data, at)
            if unit.kind == 0 or unit.kind > FOOTER or unit.crc != unit_crc(data, at, self.crc):
                break
            if unit.kind == FOOTER:
                self.footer(name, unit, at, block, len(data))
                return
            if unit.kind == SEAL:
                self.seal(name, unit, at, data[block:at])
                block = at + UNIT
            else:
                self.record(name, unit, at)
            self.crc = unit.crc
            at += UNIT
        if at < len(data) and not is_torn(data, at, self.number + 1):
            self.stop(DAMAGED, name, at)
        if at > block:
            self.hash = hashlib.sha256(self.hash + data[block:at]).digest()
        self.end = End(name, 0, at, data[at:])

    def record(self, name: int, unit: Unit, at: int) -> None:
        if self.must_be_empty is not None:
            self.stop(BROKEN, self.must_be_empty.segment, self.must_be_empty.offset)
        if unit.number != self.number + 1:
            self.n_gaps += 1
            self.remember(NUMBERS, name, at)
        if unit.tsc < self.tsc:
            self.n_backward += 1
            self.remember(TIMES, name, at)
        self.tsc = max(self.tsc, unit.tsc)
        self.number = unit.number
        self.n_records += 1

    def seal(self, name: int, unit: Unit, at: int, block: bytes) -> None:
        hash_ = hashlib.sha256(self.hash + block).digest()
        n = len(block) // UNIT
        if n == 0 or unit.detail != n or unit.number != self.number or unit.hash != hash_:
            self.stop(BROKEN, name, at)
        self.hash = hash_
        self.n_blocks += 1

    def footer(self, name: int, unit: Unit, at: int, block: int, n: int) -> None:
        is_right = (
            at == block
            and unit.event in (ROTATED, CLOSED)
            and unit.number == self.number
            and unit.hash == self.hash
        )
        if not is_right:
            self.stop(BROKEN, name, at)
        if at + UNIT != n:
            self.stop(DAMAGED, name, at + UNIT)
        self.end = End(name, unit.event, at, b"")


def is_torn(data: bytes, begin: int, missing: int) -> bool:
    """Whether a disk that writes sectors whole or not at all may leave this."""
    if len(data) - begin < UNIT:
        return True
    if any(data[begin : begin + UNIT]):
        return False
    crc: int | None = None  # None: behind zeros
    for at in range(begin, len(data) - UNIT + 1, UNIT):
        if not any(data[at : at + UNIT]):
            crc = None
            continue
        unit = Unit.at(data, at)
        if crc is None and at % SECTOR:
            return False
        if crc is not None and unit.crc != unit_crc(data, at, crc):
            return False
        if unit.kind in (0, FOOTER) or (unit.kind == SEAL and unit.tsc >= missing):
            return False
        if not missing - 1 <= unit.number <= missing + (at - begin) // UNIT:
            return False
        crc = unit.crc
    return True


def verify_segments(segments: Mapping[int, bytes | Path], first_segment: int = 0) -> Finding:
    """Prove a log whose segments are bytes, or files to be read one at a time; at least one."""
    walk = Walk(first_segment)
    with contextlib.suppress(Stop):
        walk.log(segments)
    return Finding(
        walk.fault,
        walk.place,
        walk.n_records,
        walk.n_blocks,
        walk.n_segments,
        walk.n_recovered,
        walk.n_gaps,
        walk.n_backward,
        walk.number,
        walk.hash,
    )


def verify(directory: Path, first_segment: int = 0) -> Finding:
    """Prove a log; FileNotFoundError when there is none."""
    chosen: dict[int, bytes | Path] = {
        int(path.name[:8]): path
        for path in directory.iterdir()
        if re.fullmatch("[0-9]{8}[.]audit", path.name)
        if int(path.name[:8]) >= max(first_segment, 1)
    }
    if not chosen:
        raise FileNotFoundError(2, "no segment of an audit log", str(directory))
    return verify_segments(chosen, first_segment)
