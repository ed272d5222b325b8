"""Histogram logs: HdrHistogram's text format 1.2 with V2 payloads, one interval a line.

Written by this module, read back through the independent `hdrhistogram` package: what our own
encoder gets wrong, our own decoder cannot hide.

Line:     Tag=<tag>,<start s>,<length s>,<exact max>,<base64 of a compressed histogram>
Units:    a comment `#[Unit: ns]` names the unit; the max field is in the same unit. Start is in
    seconds since the file's StartTime.
Crashes:  a line is one write to an append-only descriptor, so a killed writer leaves at most one
    cut last line. `read_hlog(..., cut=True)` leaves that one out and says so.
Errors:   HlogError, `file:line: what was seen`; OSError from the file system.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import numpy as np
from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException
from hdrh.histogram import HdrHistogram

from harness.measure.histogram import DIGITS, HIGHEST, LOWEST, N_SLOTS, Histogram, merge

_V2_COUNTS = 0x1C849313
_V2_COMPRESSED = 0x1C849314
_TAG = re.compile(r"[A-Za-z0-9_.:/-]+")
_UNIT = re.compile(r"#\[Unit: (\w+)\]")
_START = re.compile(r"#\[StartTime: ([0-9.]+) ")
_LINE = re.compile(rf"Tag=({_TAG.pattern}),([0-9.]+),([0-9.]+),([0-9.]+),([A-Za-z0-9+/=]+)")
_LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


class HlogError(ValueError):
    """A histogram log that cannot be read as one; the text names file, line and fault."""


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """One line: the samples of `length_s` seconds from `start_s` after the start of the file."""

    tag: str
    start_s: float
    length_s: float
    histogram: Histogram


@dataclass(frozen=True, slots=True, eq=False)
class Hlog:
    """A whole log; `note` says what was left out, when something was."""

    name: str
    unit: str
    started: datetime
    intervals: tuple[Interval, ...]
    note: str = ""

    def tags(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(i.tag for i in self.intervals))

    def blocks(self, tag: str) -> tuple[Histogram, ...]:
        """The intervals of one tag, in the order they were written."""
        return tuple(i.histogram for i in self.intervals if i.tag == tag)

    def total(self, tags: Iterable[str] | None = None) -> Histogram:
        """All samples of these tags (of every tag when None)."""
        wanted = self.tags() if tags is None else tuple(tags)
        return merge(i.histogram for i in self.intervals if i.tag in wanted)


def encode(histogram: Histogram) -> str:
    """A histogram as HdrHistogram's base64 text: zigzag LEB128 counts, runs of zeros, zlib."""
    counts = _zigzag_counts(histogram)
    # normalizing index 0, integer-to-double ratio 1.0: both only concern other recorders.
    head = struct.pack(">IIIIQQd", _V2_COUNTS, len(counts), 0, DIGITS, LOWEST, HIGHEST, 1.0)
    packed = zlib.compress(head + counts)
    return base64.b64encode(struct.pack(">II", _V2_COMPRESSED, len(packed)) + packed).decode()


def decode(text: str) -> tuple[Histogram, int]:
    """Through the `hdrhistogram` package: the histogram, and the package's own total as a check.

    HlogError when the payload is damaged or its geometry is not the fixed one.
    """
    try:
        read = HdrHistogram.decode(text.encode())
    except (
        binascii.Error,
        zlib.error,
        ValueError,
        IndexError,
        struct.error,
        HdrCookieException,
        HdrLengthException,
        HdrHistogramSettingsException,
    ) as error:
        raise HlogError(f"damaged histogram: {error}") from None
    seen = (read.lowest_trackable_value, read.highest_trackable_value, read.significant_figures)
    if seen != (LOWEST, HIGHEST, DIGITS):
        raise HlogError(f"geometry {seen}, expected {(LOWEST, HIGHEST, DIGITS)}")
    counts = np.ctypeslib.as_array(read.counts).astype(np.int64)[:N_SLOTS]
    try:
        return Histogram.from_counts(counts), int(read.total_count)
    except ValueError as error:
        raise HlogError(f"damaged histogram: {error}") from None


class HlogWriter:
    """Appends intervals; each line is on its way to the disk before `append` returns."""

    def __init__(
        self,
        path: Path,
        unit: str,
        started: datetime | None = None,
        comments: Sequence[str] = (),
        durable: bool = False,
    ) -> None:
        """Start a new log. FileExistsError when there is one: a result is never overwritten.

        `durable` waits for the disk after every line (a soak that must survive a power cut).
        """
        self._durable = durable
        self._name = path.name
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
        when = (started or datetime.now(UTC)).astimezone(UTC)
        lines = ["#[Histogram log format version 1.2]", f"#[Unit: {unit}]"]
        lines += [f"#[{' '.join(comment.split())}]" for comment in comments]
        lines.append(
            f"#[StartTime: {when.timestamp():.3f} (seconds since epoch), "
            f"{when:%a %b %d %H:%M:%S UTC %Y}]"
        )
        self._write("\n".join([*lines, _LEGEND]) + "\n")

    def append(self, tag: str, start_s: float, length_s: float, histogram: Histogram) -> None:
        """One interval. ValueError for a tag that the format cannot carry."""
        if not _TAG.fullmatch(tag):
            raise ValueError(f"a histogram tag is letters, digits and _.:/- only, saw {tag!r}")
        self._write(
            f"Tag={tag},{start_s:.3f},{length_s:.3f},{histogram.highest},{encode(histogram)}\n"
        )

    def close(self) -> None:
        if self._fd >= 0:
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> HlogWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, text: str) -> None:
        raw = text.encode()
        if os.write(self._fd, raw) != len(raw):
            raise OSError(f"{self._name}: the disk took only a part of an interval")
        if self._durable:
            os.fdatasync(self._fd)


def read_hlog(path: Path, cut: bool = False) -> Hlog:
    """Read a whole log. HlogError names the line that is not one.

    `cut` accepts a last line that a killed writer left unfinished; it is left out with a note.
    """
    name = path.name
    try:
        text = path.read_bytes().decode("ascii")
    except UnicodeDecodeError as error:
        raise HlogError(f"{name}: byte {error.start} is not text") from None
    lines = text.split("\n")
    note = ""
    if lines[-1] == "":
        lines.pop()
    elif cut:
        note = f"{name}:{len(lines)}: cut in the middle of a line, left out"
        lines.pop()
    else:
        raise HlogError(f"{name}:{len(lines)}: cut in the middle of a line")
    unit, started = "", datetime.fromtimestamp(0, UTC)
    intervals: list[Interval] = []
    for number, line in enumerate(lines, 1):
        if match := _UNIT.match(line):
            unit = match[1]
        elif match := _START.match(line):
            started = datetime.fromtimestamp(float(match[1]), UTC)
        elif not line.startswith("#") and line != _LEGEND:
            try:
                intervals.append(_interval(line))
            except ValueError as error:
                raise HlogError(f"{name}:{number}: {error}") from None
    if not unit:
        raise HlogError(f"{name}: no '#[Unit: ...]' comment: the numbers have no unit")
    return Hlog(name, unit, started, tuple(intervals), note)


def _interval(line: str) -> Interval:
    match = _LINE.fullmatch(line)
    if match is None:
        raise HlogError(f"not an interval: {line[:60]!r}")
    tag, start, length, highest, payload = match.groups()
    histogram, total = decode(payload)
    if histogram.n != total:
        raise HlogError(f"counts add up to {histogram.n}, the reader says {total}")
    if not total:
        return Interval(tag, float(start), float(length), histogram)
    exact = Histogram.from_sparse(histogram.slots, histogram.counts, int(float(highest)))
    return Interval(tag, float(start), float(length), exact)


def _zigzag_counts(histogram: Histogram) -> bytes:
    """Zigzag LEB128, nine bytes at most: a count, or minus the length of a run of zeros."""
    out = bytearray()
    after = 0
    for slot, count in zip(histogram.slots.tolist(), histogram.counts.tolist(), strict=True):
        gap = slot - after
        if gap == 1:
            out.append(0)
        elif gap:
            _put(out, 2 * gap - 1)
        _put(out, 2 * count)
        after = slot + 1
    return bytes(out)


def _put(out: bytearray, word: int) -> None:
    for _ in range(8):
        if word < 0x80:
            out.append(word)
            return
        out.append(word & 0x7F | 0x80)
        word >>= 7
    out.append(word)  # the ninth byte carries eight bits, so 64 bits fit
