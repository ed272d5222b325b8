"""Settings of a task: where it may run, and how it is scheduled.

A task is named by its number and its start, `4711 88214`: a number alone comes back. Other hosts
than this one have no tasks that could be moved.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from typing import ClassVar

from harness.tuning import tasks
from harness.tuning.host import Host
from harness.tuning.settings.base import Gone, Setting
from harness.tuning.tree import Absent, cpu_list

_TASK = re.compile(r"([1-9]\d{0,9}) (\d{1,19})")
_FIRST = re.compile(r"([1-9]\d{0,9}) (\d{1,19}) since (\d{1,19})")
_POLICIES = {"other": os.SCHED_OTHER, "batch": os.SCHED_BATCH, "idle": os.SCHED_IDLE}
_REAL_TIME = {"fifo": os.SCHED_FIFO, "rr": os.SCHED_RR}
_NAMES = {number: name for name, number in (_POLICIES | _REAL_TIME).items()}


@dataclass(frozen=True, slots=True)
class TaskSetting(Setting):
    """ValueError for a target that names no task."""

    def __post_init__(self) -> None:
        self._parts()

    def _parts(self) -> tuple[int, int]:
        match = _TASK.fullmatch(self.target)
        if match is None:
            raise ValueError(f"not a task: {self.target[:40]!r}")
        return int(match[1]), int(match[2])

    @property
    def tid(self) -> int:
        return self._parts()[0]

    def there(self, host: Host) -> tasks.Task:
        """The task. Gone when it has ended, and when another one has its number."""
        tid, started = self._parts()
        found = tasks.task(host, tid)
        if found.started != started:
            raise Gone(errno.ESRCH, "has ended; another one has its number")
        return found

    def here(self, host: Host) -> tasks.Task:
        if not host.is_this_machine:
            raise OSError(errno.EOPNOTSUPP, "a recorded host has no tasks")
        return self.there(host)


@dataclass(frozen=True, slots=True)
class AffinitySetting(TaskSetting):
    """The CPUs a task may run on, as a list."""

    kind: ClassVar[str] = "affinity"

    def read(self, host: Host) -> str:
        self.there(host)
        return tasks.allowed(host, self.tid)

    def write(self, host: Host, value: str) -> None:
        if self.here(host).is_bound:
            raise OSError(errno.EPERM, "bound by the kernel")
        set_affinity(self.tid, value)

    def same(self, one: str, other: str) -> bool:
        try:
            return set(cpu_list(one)) == set(cpu_list(other))
        except Absent:
            return one == other

    def command(self, value: str) -> str:
        return f"taskset -pc {value} {self.tid}"


@dataclass(frozen=True, slots=True)
class FirstAffinitySetting(AffinitySetting):
    """The same of the first task that is moved and so of the last that is put back.

    `1 3 since 88214`: what was started after that moment and has inherited its narrow CPUs gets
    the wide ones back with it. Else services would stay on few CPUs that were restarted meanwhile.
    """

    kind: ClassVar[str] = "affinity-and-heirs"

    def _parts(self) -> tuple[int, int]:
        match = _FIRST.fullmatch(self.target)
        if match is None:
            raise ValueError(f"not a task and a moment: {self.target[:40]!r}")
        return int(match[1]), int(match[2])

    @property
    def since(self) -> int:
        return int(self.target.rpartition(" ")[2])

    def write(self, host: Host, value: str) -> None:
        narrow = self.read(host)
        AffinitySetting.write(self, host, value)
        if not set(cpu_list(narrow)) < set(cpu_list(value)):
            return
        found = list(tasks.tasks(host))
        mine = tasks.ours(found)
        for one in found:
            if one.started <= self.since or one.is_kernel or one.pid in mine:
                continue
            try:
                if self.same(tasks.allowed(host, one.tid), narrow):
                    set_affinity(one.tid, value)
            except OSError:
                continue  # it has ended, or is not ours to move


@dataclass(frozen=True, slots=True)
class SchedulingSetting(TaskSetting):
    """How a task is scheduled: `other`, `batch`, `idle`, or `fifo` and `rr` with a priority."""

    kind: ClassVar[str] = "scheduling"

    def read(self, host: Host) -> str:
        tid = self.here(host).tid
        try:
            policy = os.sched_getscheduler(tid) & ~os.SCHED_RESET_ON_FORK
            priority = os.sched_getparam(tid).sched_priority
        except ProcessLookupError:
            raise Gone(errno.ESRCH, "has ended") from None
        name = _NAMES.get(policy, f"policy-{policy}")
        return f"{name} {priority}" if policy in _REAL_TIME.values() else name

    def write(self, host: Host, value: str) -> None:
        tid = self.here(host).tid
        policy, priority = parse_scheduling(value)
        try:
            os.sched_setscheduler(tid, policy, os.sched_param(priority))
        except ProcessLookupError:
            raise Gone(errno.ESRCH, "has ended") from None

    def command(self, value: str) -> str:
        name, _, priority = value.partition(" ")
        return f"chrt --{name} -p {priority or 0} {self.tid}"


def set_affinity(tid: int, value: str) -> None:
    """OSError with the kernel's reason; Gone."""
    try:
        os.sched_setaffinity(tid, cpu_list(value))
    except ProcessLookupError:
        raise Gone(errno.ESRCH, "has ended") from None
    except (Absent, ValueError, OverflowError):
        raise OSError(errno.EINVAL, f"not a list of CPUs: {value[:40]!r}") from None


def parse_scheduling(value: str) -> tuple[int, int]:
    """Policy and priority for the kernel. OSError EINVAL for what is none that can be set."""
    name, _, priority = value.partition(" ")
    if name in _REAL_TIME and re.fullmatch(r"[1-9]\d?", priority):
        return _REAL_TIME[name], int(priority)
    if name in _POLICIES and not priority:
        return _POLICIES[name], 0
    raise OSError(errno.EINVAL, f"not a way to be scheduled: {value[:40]!r}")
