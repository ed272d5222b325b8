"""Two lines that lose, repeat and delay packets, and what must come out of them.

The oracle is a set: a number that either line brought comes out once, in order; a number that
neither brought is lost. No window, no timer, no state.
"""

from __future__ import annotations

import itertools
import random
import struct
from dataclasses import dataclass

SESSION = b"SESSION  1"
A_PACKET_NS = 1_000_000  # between packets: longer than any gap waits here
MAX_DELAY_NS = 40_000  # of one line behind the other


@dataclass(frozen=True, slots=True)
class Packet:
    """Messages `first` .. `first + n - 1`, as they came on a line."""

    at_ns: int
    line: int
    first: int
    n: int
    data: bytes


def mold(seq: int, messages: list[bytes], session: bytes = SESSION) -> bytes:
    blocks = b"".join(struct.pack(">H", len(m)) + m for m in messages)
    return struct.pack(">10sQH", session, seq, len(messages)) + blocks


def cut(rng: random.Random, messages: list[bytes]) -> list[tuple[int, list[bytes]]]:
    """(number of the first, messages) of packets of 1 to 4."""
    out, at = [], 0
    while at < len(messages):
        n = rng.randint(1, 4)
        out.append((at + 1, messages[at : at + n]))
        at += n
    return out


def arrivals(
    rng: random.Random, messages: list[bytes], *, drop: float, lose: float, repeat: float
) -> list[Packet]:
    """The packets of both lines in the order in which they came.

    A packet misses on one line with probability `drop`, on both with `lose`, and comes twice on a
    line with `repeat`. First and last packet are always there, so that every loss is seen.
    """
    out: list[Packet] = []
    packets = cut(rng, messages)
    for i, (first, part) in enumerate(packets):
        lines = [0, 1]
        if 0 < i < len(packets) - 1:
            chance = rng.random()
            if chance < lose:
                lines = []
            elif chance < lose + drop:
                lines = [rng.randrange(2)]
        for line in lines:
            for _ in range(2 if rng.random() < repeat else 1):
                at_ns = (i + 1) * A_PACKET_NS + rng.randrange(MAX_DELAY_NS)
                out.append(Packet(at_ns, line, first, len(part), mold(first, part)))
    return sorted(out, key=lambda packet: packet.at_ns)


def numbers(packets: list[Packet]) -> list[int]:
    """What comes out: every number that came at all, once, in order."""
    return sorted({n for p in packets for n in range(p.first, p.first + p.n)})


def losses(packets: list[Packet]) -> list[tuple[int, int]]:
    """(first, how many) of every run of numbers that never came."""
    there = numbers(packets)
    return [(a + 1, b - a - 1) for a, b in itertools.pairwise(there) if b > a + 1]


def wins(packets: list[Packet]) -> list[int]:
    """How often each line was first, of packets that are sorted by time."""
    first: dict[int, int] = {}
    for packet in packets:
        first.setdefault(packet.first, packet.line)
    return [list(first.values()).count(line) for line in (0, 1)]
