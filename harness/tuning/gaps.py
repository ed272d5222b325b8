"""What a host takes from a program that does nothing but look at the clock, where no engine is.

A loop of the interpreter looks some ten million times a second, so shorter gaps than its threshold
are not seen: a floor found this way is too good, never too bad, below a microsecond.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from harness.tuning.effects.children import child, rest

INSTRUMENT = "python loop"
MAX_CPUS = 64
MAX_SECONDS = 60.0


def gaps(cpus: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """Gaps in ns that a spinning loop saw, on all CPUs at once; one record a CPU.

    Gaps without room count as one. OSError for a CPU that may not be used; ValueError for none, one
    twice, too many or too long.
    """
    if not 0 < len(set(cpus)) == len(cpus) <= MAX_CPUS or not 0 < seconds <= MAX_SECONDS:
        raise ValueError(
            f"a look takes 1 to {MAX_CPUS} CPUs, each once, and up to {MAX_SECONDS:g} s"
        )
    lasts = seconds + 2.0
    with ExitStack() as stack:
        started = [
            stack.enter_context(child("gaps", cpu, float(seconds), seconds=lasts)) for cpu in cpus
        ]
        return [_record(cpu, rest(one, lasts)) for cpu, one in zip(cpus, started, strict=True)]


def _record(cpu: int, numbers: Sequence[int]) -> dict[str, Any]:
    if len(numbers) < 3:
        raise OSError(errno.EIO, "the measuring process ended without a result")
    took, threshold, no_room, *found = numbers
    return {
        "cpu": cpu,
        "seconds": took / 1e9,
        "threshold_ns": threshold,
        "gaps_ns": found + ([no_room] if no_room else []),
        "instrument": INSTRUMENT,
    }
