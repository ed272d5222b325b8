"""The tasks of a host: every thread of every process, and the kernel's own."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.tuning.host import Host
from harness.tuning.settings.base import Gone
from harness.tuning.tree import Absent

PF_KTHREAD = 0x00200000
PF_NO_SETAFFINITY = 0x04000000
_GONE = (errno.ENOENT, errno.ESRCH)


@dataclass(frozen=True, slots=True)
class Task:
    """A thread. `started` in ticks since boot tells it from a later one with its number.

    A kernel thread that is `bound` stays where the kernel has put it.
    """

    tid: int
    pid: int
    parent: int
    comm: str
    started: int
    is_kernel: bool
    is_bound: bool

    @property
    def target(self) -> str:
        return f"{self.tid} {self.started}"

    def __str__(self) -> str:
        return f"{self.comm} ({self.tid})"


def tasks(host: Host) -> Iterator[Task]:
    """Every task there is; one that ends meanwhile is left out."""
    for pid in _numbers(host, "proc"):
        try:
            tids = _numbers(host, f"proc/{pid}/task")
        except Absent:
            continue
        for tid in tids:
            try:
                yield task(host, tid, pid)
            except OSError:
                continue


def task(host: Host, tid: int, pid: int | None = None) -> Task:
    """The task of that number now. Gone."""
    try:
        text = host.read(f"/proc/{tid}/stat")
    except OSError as error:
        if error.errno in _GONE:
            raise Gone(errno.ESRCH, "has ended") from None
        raise
    before, _, after = text.rpartition(")")  # a name may hold anything
    fields = after.split()
    if len(fields) < 20:
        raise Gone(errno.ESRCH, "has ended")
    flags = int(fields[6])
    return Task(
        tid,
        tid if pid is None else pid,
        int(fields[1]),
        before.partition("(")[2],
        int(fields[19]),
        bool(flags & PF_KTHREAD),
        bool(flags & PF_NO_SETAFFINITY),
    )


def allowed(host: Host, tid: int) -> str:
    """The CPUs it may run on, as a list. Gone."""
    try:
        for line in host.read(f"/proc/{tid}/status").splitlines():
            name, _, value = line.partition(":")
            if name == "Cpus_allowed_list":
                return value.strip()
    except OSError as error:
        if error.errno not in _GONE:
            raise
    raise Gone(errno.ESRCH, "has ended")


def ours(all_tasks: Iterable[Task]) -> set[int]:
    """Processes that measure, or will: this one, what it has started, and who has started it.

    The shell of whoever sits before it stays free: what is started there later inherits from it.
    """
    parents = {one.pid: one.parent for one in all_tasks if one.tid == one.pid}
    me = os.getpid()
    found = {me}
    above = parents.get(me, 0)
    while above > 1 and above not in found:
        found.add(above)
        above = parents.get(above, 0)
    for pid in parents:
        line, one = [], pid
        while one > 1 and one not in line:
            line.append(one)
            one = parents.get(one, 0)
        if me in line:
            found.add(pid)
    return found


def now_ticks() -> int:
    """Now, as the start of a task is given."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def _numbers(host: Host, folder: str) -> list[int]:
    return sorted(
        int(name) for name in host.tree.names(folder) if name.isascii() and name.isdigit()
    )
