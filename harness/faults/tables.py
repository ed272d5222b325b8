"""The table of fates of one direction: drawn from a seed, then overruled by what is counted.

The draws are those of csrc/rig/wire/wire_plan.h, so that every number of every kind is a pure
function of the seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.net.impair import Action
from harness.config.impair_units import MILLION

Fates = npt.NDArray[np.uint8]

STEP = np.uint64(0x9E3779B97F4A7C15)
DRAW_FATE = 3  # beside RL_WIRE_DRAW_JITTER and RL_WIRE_DRAW_REORDER

# In the order of precedence where two are counted out to the same packet.
FATES: Mapping[str, Action] = {
    "loss": Action.DROP,
    "duplicate": Action.DUPLICATE,
    "corrupt": Action.CORRUPT,
    "bad_checksum": Action.CORRUPT_FRAME,
}


@dataclass(frozen=True, slots=True)
class Fortune:
    """What a table shall hold: chances in parts per million, each n-th, runs of losses."""

    chances: Mapping[str, int] = field(default_factory=dict)
    every: Mapping[str, int] = field(default_factory=dict)
    holes: Sequence[tuple[int, int]] = ()  # after so many, for so many


def seed_of(seed: int, *names: str) -> int:
    """A seed of its own for each name, 63 bits: lines and directions share no draws."""
    told = "/".join((str(seed), *names)).encode()
    return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "little") >> 1


def fates(fortune: Fortune, seed: int, n: int) -> Fates:
    """The fates of packets 0 to n - 1; n is a power of two."""
    table = np.full(n, Action.PASS, dtype=np.uint8)
    if fortune.chances:
        drawn = ((_drawn(seed, DRAW_FATE, n) >> np.uint64(32)) * np.uint64(MILLION)) >> np.uint64(
            32
        )
        below = 0
        for name, action in FATES.items():
            above = below + fortune.chances.get(name, 0)
            table[(drawn >= below) & (drawn < above)] = action
            below = above
    for name, action in reversed(tuple(FATES.items())):
        if name in fortune.every:
            table[fortune.every[name] - 1 :: fortune.every[name]] = action
    for after, length in fortune.holes:
        table[after : after + length] = Action.DROP
    return table


def _drawn(seed: int, kind: int, n: int) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):  # modulo 2^64 is what is meant
        start = _mix(np.array([seed], dtype=np.uint64) + np.uint64(kind) * STEP)
        return _mix(start + np.arange(1, n + 1, dtype=np.uint64) * STEP)


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
