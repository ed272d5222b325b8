"""What runs on a host, as far as it matters: kernel threads, services that tune and keep time.

A process can call itself anything, so the name of a service is no proof of it. Kernel threads are
told from others by a flag that no process can set.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.tuning.facts.base import Look, Readers
from harness.tuning.tree import Absent, cpu_list

PROC = "/proc"
PF_KTHREAD = 0x0020_0000
PF_NO_SETAFFINITY = 0x0400_0000  # bound to its CPU by the kernel
TIMEKEEPERS = ("chronyd", "ntpd", "ntpd-rs", "phc2sys", "ptp4l", "systemd-timesyn", "ts2phc")
BALANCER = "irqbalance"
SERVICES = (*TIMEKEEPERS, BALANCER)


@dataclass(frozen=True, slots=True)
class Task:
    """A process or kernel thread, by its line in /proc/PID/stat."""

    pid: int
    name: str
    flags: int

    @property
    def is_kernel(self) -> bool:
        return bool(self.flags & PF_KTHREAD)


def task_of(text: str) -> Task:
    """Absent for what is no line of /proc/PID/stat; names may hold blanks and brackets."""
    match = re.match(r"([0-9]{1,10}) \((.*)\) \S( -?[0-9]{1,10}){5} ([0-9]{1,10})\b", text, re.S)
    if match is None:
        raise Absent(f"no line of a task: {text[:40]!r}")
    return Task(int(match[1]), match[2], int(match[4]))


def tasks(look: Look) -> list[Task]:
    """All there are; those that ended meanwhile are left out. Absent when none is to be seen."""
    return look.once("tasks", lambda: _read_tasks(look))


def _read_tasks(look: Look) -> list[Task]:
    found = []
    for pid in look.numbered(PROC, ""):
        with contextlib.suppress(Absent):
            found.append(task_of(look.text(f"{PROC}/{pid}/stat")))
    if not found:
        raise Absent("no task is to be seen")
    return found


def _named(look: Look, names: tuple[str, ...]) -> list[str]:
    running = {task.name for task in tasks(look) if not task.is_kernel}
    return [name for name in names if name in running]


def _timekeepers(look: Look, source: str) -> list[str]:
    return _named(look, TIMEKEEPERS)


def _irqbalance(look: Look, source: str) -> bool:
    return bool(_named(look, (BALANCER,)))


def _rcu_offloaded(look: Look, source: str) -> list[int]:
    """CPUs whose RCU callbacks kernel threads call: what took effect, not what was asked for."""
    kernel = [task.name for task in tasks(look) if task.is_kernel]
    if not kernel:
        raise Absent("no kernel thread is to be seen: this is a container")
    found = (re.fullmatch(r"rcuo[psg]/([0-9]{1,5})", name) for name in kernel)
    return sorted({int(match[1]) for match in found if match})


def _kthreads_on(look: Look, source: str) -> dict[str, str]:
    """By CPU the kernel threads that may run there and could be kept from it."""
    movable = [t for t in tasks(look) if t.is_kernel and not t.flags & PF_NO_SETAFFINITY]
    if not movable:
        raise Absent("no kernel thread is to be seen: this is a container")
    counts: dict[int, int] = {}
    for cpus in _affinities(look, movable):
        for cpu in cpus:
            counts[cpu] = counts.get(cpu, 0) + 1
    return {str(cpu): str(counts[cpu]) for cpu in sorted(counts)}


def _affinities(look: Look, movable: list[Task]) -> Iterator[list[int]]:
    for task in movable:
        with contextlib.suppress(Absent, OSError):  # it ended meanwhile
            if look.by_files:
                yield cpu_list(look.key(f"{PROC}/{task.pid}/status", "Cpus_allowed_list"))
            else:
                yield sorted(os.sched_getaffinity(task.pid))


_STAT = f"{PROC}/*/stat"
READERS: Readers = {
    "clock.daemons": (_STAT, _timekeepers),
    "service.irqbalance": (_STAT, _irqbalance),
    "kernel.rcu_offloaded": (_STAT, _rcu_offloaded),
    "kernel.kthreads_on": (_STAT, _kthreads_on),
}
