"""Captures that a user hands over: what they are, told by their content, as plain bytes.

`open_input` reads a file, takes zstandard, gzip or bzip2 off it and says which of the kinds it is
that the engine replays. Names and suffixes are never looked at. Sizes and offsets are bytes; an
offset in a message counts in the file for what is wrong with its compression, else in the
decompressed bytes. Records are found, and held against their own lengths, by the engine
(harness/traffic/captures.py).
"""

from __future__ import annotations

import bz2
import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from harness.errors import RedlineError

Kind = Literal["itch", "dbn", "fix", "pcap", "pcapng", "binance"]
Compression = Literal["none", "zstandard", "gzip", "bzip2"]

MAX_BYTES: Final = 4 << 30  # decompressed: all of it lies in memory, beside an index of its records
READ_BYTES: Final = 1 << 20
# Fed at once to zstandard, which cannot be told where to stop and makes up to 32,000 times as much.
ZSTD_FEED_BYTES: Final = 1 << 12
GZIP_OUT_BYTES: Final = 1 << 24
BZIP2_OUT_BYTES: Final = 1 << 24

ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
GZIP_MAGIC: Final = b"\x1f\x8b"
BZIP2_MAGIC: Final = b"BZh"
PCAPNG_MAGIC: Final = b"\x0a\x0d\x0d\x0a"
PCAP_MAGICS: Final = {
    b"\xd4\xc3\xb2\xa1": "microseconds",
    b"\xa1\xb2\xc3\xd4": "microseconds",
    b"\x4d\x3c\xb2\xa1": "nanoseconds",
    b"\xa1\xb2\x3c\x4d": "nanoseconds",
}
# A line of a Binance capture: the local time in ns, a space, JSON.
BINANCE_LINE: Final = re.compile(rb"[\r\n]*[0-9]{1,20} \{")
# Types of the ITCH 5.0 messages by their size: enough to tell such a file from noise.
ITCH_TYPES: Final = {
    **{12: b"SW", 19: b"DB", 20: b"YN", 21: b"h", 23: b"X", 25: b"H", 26: b"L", 28: b"K"},
    **{31: b"E", 35: b"VJU", 36: b"AC", 39: b"R", 40: b"FQ", 44: b"P", 48: b"O", 50: b"I"},
}
ITCH_SIZES: Final = {type_: size for size, types in ITCH_TYPES.items() for type_ in types}
ITCH_LOOK: Final = 16  # messages that must make sense before a file counts as ITCH


class InputError(RedlineError):
    """A file that cannot be used as input: one line with its path and, often, a byte."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A capture in memory. `sha256` is of the file as it lies on disk, `data` is decompressed."""

    path: Path
    kind: Kind
    compression: Compression
    data: bytes
    sha256: str
    description: str


def open_input(path: Path) -> InputFile:
    """Read, decompress and recognise a capture. Raises InputError with one line."""
    data, compression, sha256 = read_bytes(path)
    kind, what = recognise(path, data)
    packed = "" if compression == "none" else f", {compression}"
    return InputFile(
        path=path,
        kind=kind,
        compression=compression,
        data=data,
        sha256=sha256,
        description=f"{what}, {len(data):,} bytes{packed}",
    )


def read_bytes(path: Path, max_bytes: int = MAX_BYTES) -> tuple[bytes, Compression, str]:
    """The decompressed content, what it was compressed with, and the file's sha256.

    Raises InputError for a file that cannot be read, is empty, is damaged or cut off, or holds more
    than `max_bytes`.
    """
    packed = _read_file(path, max_bytes)
    sha256 = hashlib.sha256(packed).hexdigest()
    if packed.startswith(ZSTD_MAGIC):
        return _joined(path, _unzstd(path, packed), max_bytes), "zstandard", sha256
    if packed.startswith(GZIP_MAGIC):
        return _joined(path, _gunzip(path, packed), max_bytes), "gzip", sha256
    if packed.startswith(BZIP2_MAGIC):
        return _joined(path, _bunzip2(path, packed), max_bytes), "bzip2", sha256
    return packed, "none", sha256


def recognise(path: Path, data: bytes) -> tuple[Kind, str]:
    """The kind of a decompressed capture and its name for people. InputError when it is none."""
    head = data[:8]
    if head[:3] == b"DBN":
        return "dbn", f"DBN version {data[3] if len(data) > 3 else 0}"
    if head[:4] in PCAP_MAGICS:
        return "pcap", f"pcap with stamps in {PCAP_MAGICS[head[:4]]}"
    if head[:4] == PCAPNG_MAGIC:
        return "pcapng", "pcapng"
    if head[:5] == b"8=FIX":
        return "fix", "FIX messages"
    if BINANCE_LINE.match(data):
        return "binance", "Binance messages"
    if looks_like_itch(data):
        return "itch", "ITCH 5.0 messages"
    seen = head.hex(" ")
    raise InputError(
        f"{path}: byte 0: neither ITCH 5.0, DBN, FIX, Binance, pcap nor pcapng, "
        f"plain, zstandard, gzip or bzip2: {seen}"
    )


def looks_like_itch(data: bytes) -> bool:
    """Whether the first messages stand behind 2-byte lengths that are theirs, or zero."""
    at = 0
    for _ in range(ITCH_LOOK):
        if at >= len(data):
            break
        if at + 2 >= len(data):  # a cut-off tail is for the indexer to report, with its offset
            return at > 0
        size = ITCH_SIZES.get(data[at + 2], 0)
        if not size or int.from_bytes(data[at : at + 2], "big") not in (0, size):
            return False
        at += 2 + size
    return at > 0


def _read_file(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            n_bytes = os.fstat(file.fileno()).st_size
            if n_bytes > max_bytes:
                raise InputError(f"{path}: {n_bytes:,} bytes, more than {max_bytes:,}")
            data = file.read()
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if not data:
        raise InputError(f"{path}: byte 0: the file is empty")
    return data


def _joined(path: Path, pieces: Iterator[bytes], max_bytes: int) -> bytes:
    found, n_bytes = [], 0
    for piece in pieces:
        n_bytes += len(piece)
        if n_bytes > max_bytes:
            raise InputError(f"{path}: decompresses to more than {max_bytes:,} bytes")
        found.append(piece)
    if not n_bytes:
        raise InputError(f"{path}: byte 0: nothing in it but an empty compressed stream")
    return b"".join(found)


class _Decompressor(Protocol):
    """What zlib's and zstandard's decompression objects have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


def _rest(path: Path, packed: bytes, fed: int, stream: _Decompressor, magic: bytes) -> int:
    """Where the next compressed stream of the file begins; its length when there is none."""
    at = fed - len(stream.unused_data)
    if at < len(packed) and not packed.startswith(magic, at):
        raise InputError(f"{path}: byte {at}: something else follows the compressed data")
    return at


def _unzstd(path: Path, packed: bytes) -> Iterator[bytes]:
    import zstandard

    at = 0
    while at < len(packed):
        stream = zstandard.ZstdDecompressor().decompressobj()
        while not stream.eof:
            if at >= len(packed):
                raise InputError(f"{path}: byte {at}: cut off within its zstandard data")
            try:
                yield stream.decompress(packed[at : at + ZSTD_FEED_BYTES])
            except zstandard.ZstdError as error:
                raise InputError(f"{path}: byte {at}: damaged zstandard data: {error}") from None
            at = min(at + ZSTD_FEED_BYTES, len(packed))
        at = _rest(path, packed, at, stream, ZSTD_MAGIC)


def _gunzip(path: Path, packed: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(packed):
        stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: with gzip's header and sum
        pending = b""
        while not stream.eof:
            if not pending:
                if at >= len(packed):
                    raise InputError(f"{path}: byte {at}: cut off within its gzip data")
                pending = packed[at : at + READ_BYTES]
                at += len(pending)
            try:
                yield stream.decompress(pending, GZIP_OUT_BYTES)
            except zlib.error as error:
                raise InputError(f"{path}: byte {at - len(pending)}: damaged: {error}") from None
            pending = stream.unconsumed_tail
        at = _rest(path, packed, at, stream, GZIP_MAGIC)


def _bunzip2(path: Path, packed: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(packed):
        stream = bz2.BZ2Decompressor()
        while not stream.eof:
            if stream.needs_input and at >= len(packed):
                raise InputError(f"{path}: byte {at}: cut off within its bzip2 data")
            fed = packed[at : at + READ_BYTES] if stream.needs_input else b""
            try:
                piece = stream.decompress(fed, BZIP2_OUT_BYTES)
            except (OSError, ValueError) as error:
                raise InputError(f"{path}: byte {at}: damaged bzip2 data: {error}") from None
            at += len(fed)
            yield piece
        at = _rest(path, packed, at, stream, BZIP2_MAGIC)
