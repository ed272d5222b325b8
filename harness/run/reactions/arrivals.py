"""Packets of market data lines as they arrive: what each line does to them, and what whole lines
would have brought.

Pure functions of the fault's seed. Times are ns of the packets' own clock, from 0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.net import build_frame, read_frame
from engine.net.impair import Action
from harness.config.faults_market import LineFate, Lines
from harness.faults.tables import Fates, Fortune, fates, seed_of

SESSION = b"REDLINE001"
NS_PER_S = 1_000_000_000
FROM_MAC, TO_MAC = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
FROM_IP, TO_IP = "10.0.0.1", "10.0.0.2"
FROM_PORT, TO_PORT = 20_000, 20_001


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """A packet that came; in the order of time, then of the lines."""

    at_ns: int
    line: int
    number: int  # of its first message, from 1
    n: int  # messages in it; 0: a heartbeat


@dataclass(frozen=True, slots=True)
class LineDone:
    """What a line did to its packets, counted as it was done."""

    lost: int = 0
    duplicated: int = 0
    corrupted: int = 0
    displaced: int = 0
    refused: int = 0  # of those corrupted, by who verifies checksums
    missing: frozenset[int] = frozenset()  # numbers that it did not bring whole


def packet(number: int, messages: Sequence[bytes]) -> bytes:
    """Messages from `number` on as one MoldUDP64 packet; none make a heartbeat."""
    blocks = b"".join(struct.pack(">H", len(one)) + one for one in messages)
    return struct.pack(">10sQH", SESSION, number, len(messages)) + blocks


def sent_ns(fault: Lines, number: int) -> int:
    """When a packet leaves the venue."""
    return (number - 1) * NS_PER_S // fault.rate_per_s


def arrivals(
    fault: Lines, line: int, fate: LineFate, messages: Sequence[bytes]
) -> tuple[list[Arrival], LineDone]:
    """What one line brings of one message a packet, and what it did to them.

    A heartbeat that nothing happens to comes last, so that a loss at the end shows, too.
    """
    n = len(messages)
    table = _table(fault, line, fate, n)
    behind_ns = line * fault.skew_ns
    came: list[Arrival] = []
    lost = duplicated = corrupted = displaced = refused = 0
    missing: set[int] = set()
    for i in range(n):
        number = i + 1
        at_ns = sent_ns(fault, number) + behind_ns
        action = table[i]
        if action == Action.DROP:
            lost += 1
            missing.add(number)
            continue
        if action == Action.CORRUPT:
            corrupted += 1
            if not _is_accepted(packet(number, messages[i : i + 1]), seed=i):
                refused += 1
                missing.add(number)
                continue
        elif _is_displaced(fate, i, n):
            assert fate.reorder is not None
            displaced += 1
            at_ns = sent_ns(fault, number + fate.reorder.by) + behind_ns + 1
        came.append(Arrival(at_ns, line, number, 1))
        if action == Action.DUPLICATE:
            duplicated += 1
            came.append(Arrival(at_ns + 1, line, number, 1))
    end_ns = sent_ns(fault, n + _farthest(fate) + 1) + behind_ns
    came.append(Arrival(end_ns, line, n + 1, 0))
    return came, LineDone(lost, duplicated, corrupted, displaced, refused, frozenset(missing))


def _table(fault: Lines, line: int, fate: LineFate, n: int) -> Fates:
    every: dict[str, int] = {}
    if fate.every is not None:
        counted = fate.every.model_dump(exclude_none=True)
        every = {"loss" if name == "drop" else name: value for name, value in counted.items()}
    holes = [(hole.after, hole.for_) for hole in fate.silent]
    fortune = Fortune(fate.chances(), every, holes)
    return fates(fortune, seed_of(fault.seed, "line", "ab"[line]), n)


def _is_displaced(fate: LineFate, i: int, n: int) -> bool:
    """Those at the end, which nothing follows that could overtake them, stay where they are."""
    late = fate.reorder
    return late is not None and i % late.every == late.every - 1 and i + late.by < n


def _farthest(fate: LineFate) -> int:
    return fate.reorder.by if fate.reorder else 0


def _is_accepted(datagram: bytes, *, seed: int) -> bool:
    """Whether a receiver that verifies checksums takes the datagram with one bit changed."""
    whole = build_frame(
        datagram,
        from_mac=FROM_MAC,
        to_mac=TO_MAC,
        from_ip=FROM_IP,
        to_ip=TO_IP,
        from_port=FROM_PORT,
        to_port=TO_PORT,
        has_checksum=True,
    )
    changed = bytearray(whole)
    bit = seed % (8 * len(datagram))
    changed[len(whole) - len(datagram) + bit // 8] ^= 1 << bit % 8
    reason, _ = read_frame(
        bytes(changed),
        mac=TO_MAC,
        ip=TO_IP,
        port=TO_PORT,
        verifies_checksum=True,
    )
    return reason == "ok"


def answer(first: int, n: int, at_ns: int, line: int) -> Iterator[Arrival]:
    """What the venue sends for a request, in packets that a network carries."""
    each = 20  # of the longest messages there are, in less than 1,400 bytes
    for number in range(first, first + n, each):
        yield Arrival(at_ns + (number - first) // each, line, number, min(each, first + n - number))
