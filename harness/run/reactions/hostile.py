"""Packets that are none between those of a stream: the stream comes out whole, and nothing else."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence

import numpy as np

from engine.market import STREAM_REC, Books, Feed
from harness.config.faults_market import HostilePackets
from harness.config.reactions import Case
from harness.run.reactions import Observed, react
from harness.run.reactions.arrivals import packet
from harness.run.reactions.market import made_messages
from harness.run.session import Session

HEADER_BYTES = 20
COUNT_AT, BLOCK_AT = 18, 20  # of a MoldUDP64 packet; the first block follows its header
MOST = 0xFFFE  # 0xFFFF ends a session


@react.register
def _(fault: HostilePackets, case: Case, session: Session) -> Observed:
    """An effect is what the handler refused."""
    made = session.scenario.input
    messages = made_messages(made, fault.packets * fault.pack)
    starts = range(0, len(messages), fault.pack)
    good = [packet(i + 1, messages[i : i + fault.pack]) for i in starts]
    rng = random.Random(made.seed)
    hostile = list(_hostile(good, fault.every, rng)) if session.faults_enabled else []
    usual = _heard(good, made.instruments, made.orders)
    seen = _heard(_between(good, hostile, fault.every), made.instruments, made.orders)
    numbers, counters, books = seen
    values = {
        "messages": len(messages),
        "delivered": len(np.unique(numbers)),
        "delivered_twice": len(numbers) - len(np.unique(numbers)),
        "refused": counters["bad_frames"] + counters["bad_messages"],
        "books_wrong": int(books != usual[2]),
    }
    return Observed(values, effects=values["refused"], injected=len(hostile))


def _hostile(good: Sequence[bytes], every: int, rng: random.Random) -> Iterator[bytes]:
    """One in front of each `every`-th packet, made of that packet."""
    for i in range(0, len(good), every):
        one = good[i]
        match rng.randrange(4):
            case 0:
                yield one[: rng.randrange(HEADER_BYTES, len(one))]
            case 1:
                (count,) = struct.unpack_from(">H", one, COUNT_AT)
                more = rng.randrange(count + 1, MOST)
                yield one[:COUNT_AT] + struct.pack(">H", more) + one[BLOCK_AT:]
            case 2:
                beyond = rng.randrange(len(one) - HEADER_BYTES, 1 << 16)
                yield one[:BLOCK_AT] + struct.pack(">H", beyond) + one[BLOCK_AT + 2 :]
            case _:
                yield rng.randbytes(rng.randrange(1, HEADER_BYTES))


def _between(good: Sequence[bytes], hostile: Sequence[bytes], every: int) -> list[bytes]:
    found: list[bytes] = []
    for i, one in enumerate(good):
        if i % every == 0 and hostile:
            found.append(hostile[i // every])
        found.append(one)
    return found


def _heard(
    packets: Sequence[bytes], n_instruments: int, n_orders: int
) -> tuple[np.ndarray, dict[str, int], int]:
    """Numbers that came out, the handler's counters, and what the books came to."""
    feed = Feed("itch", in_mold=True, n_instruments=n_instruments, first_seq=1)
    for i in range(n_instruments):
        feed.name(f"SYN{i:03d}", key=i + 1)
    recs = np.zeros(len(packets), STREAM_REC)
    recs["n_bytes"] = [len(one) for one in packets]
    recs["offset"][1:] = np.cumsum(recs["n_bytes"][:-1], dtype=np.uint64)
    updates = feed.push(b"".join(packets), recs)
    books = Books(n_instruments, 4 * n_orders)
    books.apply(updates)
    return updates["seq"], feed.counters()["feed"], books.hash()
