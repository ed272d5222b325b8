"""Seeded updates in a world so small that everything collides, and hostile ones among them."""

from __future__ import annotations

import random
from typing import TypedDict

from reference import book

N_INSTRUMENTS = 3
# Few enough that every pool of a book of this size runs full, and recovers.
SIZES = {"n_orders": 24, "n_levels_per_side": 6, "n_levels": 18}
IDS = [*range(40), 2**63, 2**64 - 1, 2**32, 2**32 + 1]
PRICES = [*range(-5, 6), 10**12, -(2**63) + 1, 2**63 - 1, book.PX_NONE]
QTYS = [*range(6), 2**32, 2**63, 2**64 - 1]
INSTRUMENTS = [0, 0, 0, 1, 1, 2, N_INSTRUMENTS, 2**32 - 1]
SIDES = [0, 0, 0, 1, 1, 1, 2, 255]
# CLEAR and RESET are rare, or no book would ever fill up.
OPS = [
    *[book.ADD] * 30,
    *[book.REDUCE] * 8,
    *[book.DELETE] * 4,
    *[book.REPLACE] * 8,
    *[book.MODIFY] * 12,
    *[book.LEVEL] * 8,
    *[book.TRADE, book.NONE, book.N_OPS, 255],
]


class Update(TypedDict):
    seq: int
    id: int
    new_id: int
    px_nano: int
    qty: int
    ts_ns: int
    instrument: int
    op: int
    side: int


def update(rng: random.Random, seq: int) -> Update:
    chance = rng.random()
    op = rng.choice(OPS) if chance > 0.002 else book.RESET if chance < 0.0005 else book.CLEAR
    return {
        "seq": seq,
        "id": rng.choice(IDS),
        "new_id": rng.choice(IDS),
        "px_nano": rng.choice(PRICES),
        "qty": rng.choice(QTYS) if rng.random() < 0.9 else rng.randrange(2**64),
        "ts_ns": seq * 10,
        "instrument": rng.choice(INSTRUMENTS) if chance > 0.01 else rng.randrange(2**32),
        "op": op,
        "side": rng.choice(SIDES) if chance > 0.3 else rng.randrange(2),
    }
