"""The hole that a kernel keeps in real-time tasks, for the ordinary ones.

A real-time task that never sleeps spins on one CPU, and the longest time it did not run is the
hole: what is left of a second after `sched_rt_runtime_us`, or nothing. One such probe runs at a
time on a host, never on its only CPU; child.py sees to its end.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator

from harness.tuning.effects.children import numbers
from harness.tuning.effects.proofs import proof, unknown, whole_number
from harness.tuning.host import Host
from harness.tuning.knobs.base import Proof, Scope, Wish

NAME = "fifo-gap"
RUNTIME_US = "/proc/sys/kernel/sched_rt_runtime_us"
PERIOD_US = "/proc/sys/kernel/sched_rt_period_us"
SECONDS = 2.1  # throttled or not: wherever in a period of a second it begins, a whole one follows
MAX_SECONDS = 5.0
LEAST_HOLE_US = 5_000  # a shorter one could be anything's


def fifo_longest_gap_ns(cpu: int, seconds: float = SECONDS) -> int:
    """The longest time in ns that a real-time task which never sleeps did not run on its CPU.

    OSError: without CAP_SYS_NICE, in a cgroup without real-time, on a host with one CPU, while
    another such probe runs. ValueError beyond MAX_SECONDS.
    """
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"a real-time probe runs for up to {MAX_SECONDS:g} s, not {seconds:g}")
    if len(Host().cpus()) < 2:
        raise OSError(errno.EBUSY, "a real-time probe would hold the only CPU")
    with _alone():
        (longest,) = numbers("fifo-gap", cpu, float(seconds), seconds=seconds)
    return longest


def prove_fifo_gap(scope: Scope, wish: Wish) -> Proof:
    """Without a limit (-1): no gap of half the hole that the default leaves. With one: a hole."""
    asked = whole_number(wish)
    if not scope.host.is_this_machine:
        return unknown(wish, NAME, "a recorded host cannot be measured")
    if asked is None:
        return unknown(wish, NAME, "not a number of microseconds")
    period_us = int(scope.host.read(PERIOD_US))
    if period_us > SECONDS * 1e6:
        return unknown(wish, NAME, f"a period of {period_us} us is longer than the probe")
    hole_us = period_us // 20 if asked < 0 else period_us - asked
    if hole_us < LEAST_HOLE_US:
        return unknown(wish, NAME, f"a hole of {hole_us} us cannot be told from other gaps")
    cpu = scope.roles.hot[-1] if scope.roles.hot else max(scope.host.cpus())
    longest_us = fifo_longest_gap_ns(cpu) / 1000
    half = hole_us / 2
    seen = f"longest gap {longest_us / 1000:.1f} ms (CPU {cpu})"
    if asked < 0:
        return proof(wish, NAME, longest_us < half, seen, f"below {half / 1000:g} ms")
    if longest_us < half:  # newer kernels keep a hole only while somebody waits for it
        return unknown(wish, NAME, "no ordinary task needed the time that is kept for it", seen)
    return proof(wish, NAME, True, seen, f"{half / 1000:g} ms or more")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two probes on two CPUs could hold a whole machine. The setting they look at is their lock."""
    fd = os.open(RUNTIME_US, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(errno.EBUSY, "another real-time probe is running") from None
        yield
    finally:
        os.close(fd)
