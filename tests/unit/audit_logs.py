"""Small audit logs for tests, made by the engine's writer or put together byte by byte."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.trade.audit import RECORD, AuditWriter, Kind
from harness.audit import verifier

HZ = 1_000_000_000
SEGMENT_BYTES = 4096 + 12 * 64

Segments = dict[int, bytearray]


def records(n: int, first: int = 1) -> npt.NDArray[np.void]:
    """n records of all kinds whose members follow from their number."""
    one = np.zeros(n, RECORD)
    i = np.arange(first, first + n)
    one["kind"] = 1 + i % 20
    one["tsc"] = 1000 + i
    one["id"] = (7 << 40) + i
    one["ref"] = i
    one["px_nano"] = 12_500_000_000 - i
    one["qty"] = 9 * i
    one["detail"] = 1
    one["event"] = 1
    one["account"] = i % 3
    one["instrument"] = 2
    return one


def write(directory: Path, n: int = 60, *, close: bool = True, block: int = 4) -> None:
    """A log of n records over several segments, committed every `block`."""
    writer = AuditWriter(directory, tsc_hz=HZ, segment_bytes=SEGMENT_BYTES, id_epoch=7)
    for first in range(0, n, block):
        writer.append(records(min(block, n - first), first + 1))
        writer.commit()
    if close:
        writer.close()
    else:
        writer.abandon()


def load(directory: Path) -> Segments:
    return {int(p.name[:8]): bytearray(p.read_bytes()) for p in sorted(directory.glob("*.audit"))}


def store(directory: Path, segments: Segments) -> None:
    """The directory has these segments and no others."""
    directory.mkdir(exist_ok=True)
    for path in directory.glob("*.audit"):
        path.unlink()
    for number, data in segments.items():
        (directory / f"{number:08d}.audit").write_bytes(data)


def chained(
    spoil: Callable[[npt.NDArray[np.void]], None] = lambda one: None, n: int = 8
) -> Segments:
    """One closed segment of n records in two blocks, spoilt before anything was chained."""
    one = records(n)
    one["number"] = np.arange(1, n + 1)
    one["kind"] = Kind.SENT
    spoil(one)
    header = bytearray(4096)
    struct.pack_into("<8sIIIIQ16sQQQQ", header, 0, b"RLAUDIT\n", 1, 4096, 64, 1, 1, b"s" * 16, 7,
                     HZ, 1000, 10**18)  # fmt: skip
    header[4064:] = hashlib.sha256(header[:4064]).digest()
    data, crc, hash_ = bytes(header), 0, bytes(header[4064:])

    def unit(first60: bytes) -> bytes:
        nonlocal crc
        crc = verifier.crc32c(first60, crc)
        return first60 + struct.pack("<I", crc)

    for block in (one[: n // 2], one[n // 2 :]):
        units = b"".join(unit(record.tobytes()[:60]) for record in block)
        hash_ = hashlib.sha256(hash_ + units).digest()
        last = int(block["number"][-1])
        seal = struct.pack("<QQ32sIHBB4x", last, 0, hash_, len(block), 0, 240, 0)
        data += units + unit(seal)
    data += unit(struct.pack("<QQ32sIHBB4x", last, 0, hash_, 0, 0, 241, 2))
    return {1: bytearray(data)}
