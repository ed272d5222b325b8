"""What shall go wrong at a venue: chances, delays, and the seed that says when.

The defaults are a venue that behaves. Chances are of a million, times are nanoseconds.
csrc/rig/exchange/mischief.h says what each of them does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Mischief:
    """Latencies are samples: one value is a constant, many are drawn from at random."""

    seed: int = 1
    request_ns: Sequence[int] = (0,)
    answer_ns: Sequence[int] = (0,)
    slow_chance: int = 0
    slow_ns: int = 0
    late_fill_chance: int = 0
    late_fill_ns: int = 0
    duplicate_fill_chance: int = 0
    swap_chance: int = 0
    bust_chance: int = 0
    bust_after_ns: int = 0
    reject_burst_chance: int = 0
    reject_burst: int = 0
    halts: Sequence[tuple[int, int]] = ()  # after how long, and for how long
    garbage_chance: int = 0
    garbage_bytes: int = 0
    reset_chance: int = 0
    silence_chance: int = 0
    silence_ns: int = 0
    skew_ns: int = 0
    skew_at_ns: int = 0
    drift_per_mega: int = 0
    n_waiting: int = 1 << 14  # requests and answers that may wait at a time

    def as_core(self) -> dict[str, Any]:
        """As the extension takes it."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        for latency in ("request_ns", "answer_ns"):
            values[latency] = np.asarray(values[latency], dtype=np.uint64)
        return values
