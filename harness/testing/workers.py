"""Workers of xdist: off the CPUs that are kept for measuring, and never measuring themselves."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

ISOLATED = Path("/sys/devices/system/cpu/isolated")


def is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


def leave_measured_cpus() -> None:
    """Keep this worker off the CPUs that the kernel isolates: a tuned host measures on those.

    A host that isolates none keeps none for anybody, and there a worker stays where it is.
    """
    allowed = os.sched_getaffinity(0)
    kept = housekeeping(allowed, isolated())
    if kept != allowed:
        os.sched_setaffinity(0, kept)


def housekeeping(allowed: Collection[int], kept_free: Collection[int]) -> set[int]:
    """The allowed CPUs without those kept free; all of them when nothing else would be left."""
    return set(allowed) - set(kept_free) or set(allowed)


def isolated() -> set[int]:
    """The CPUs that the kernel isolates; none where it does not say."""
    from harness.tuning.tree import Absent, cpu_list

    try:
        return set(cpu_list(ISOLATED.read_text()))
    except (OSError, Absent, ValueError):
        return set()
