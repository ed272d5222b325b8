"""Cpusets: a group of our own below the root of a hierarchy, and which group a task is in.

Only a directory of the name `redline` is ever made or removed. It goes when everybody in it has
gone back; who was started in it goes to the group above.
"""

from __future__ import annotations

import contextlib
import errno
import re
import time
from dataclasses import dataclass
from typing import ClassVar

from harness.tuning import tasks
from harness.tuning.host import Host
from harness.tuning.settings.base import Gone, Setting
from harness.tuning.settings.tasks import TaskSetting, set_affinity
from harness.tuning.tree import Absent, cpu_list

GROUP = "redline"
ABSENT = "absent"
ANY = "*"
_FOLDER = re.compile(r"/sys/fs/cgroup(/[A-Za-z0-9_,-]+)?/redline")
_VALUE = re.compile(r"cpus=([\d,-]*) mems=([\d,-]*)(?: partition=(member|root|isolated))?")
_MEMBER = re.compile(r"([1-9]\d{0,9} \d{1,19}) in (/sys/fs/cgroup(?:/[A-Za-z0-9_,-]+)?)")
_BUSY_S = 0.01
_ROUNDS = 100  # a task that is dying keeps its group busy for some ms


@dataclass(frozen=True, slots=True)
class CpusetSetting(Setting):
    """The directory at `target`: `absent`, or `cpus=0-1 mems=0`, of cgroup v2 with ` partition=..`.

    ValueError for another directory.
    """

    kind: ClassVar[str] = "cpuset"

    def __post_init__(self) -> None:
        if not _FOLDER.fullmatch(self.target):
            raise ValueError("not a cpuset of ours")

    @property
    def rounds(self) -> bool:
        return True  # made in steps: whatever was reached of them is ours

    def read(self, host: Host) -> str:
        if not host.exists(self.target):
            return ABSENT
        cpus, mems = (
            host.read(f"{self.target}/cpuset.{name}").strip() for name in ("cpus", "mems")
        )
        partition = f"{self.target}/cpuset.cpus.partition"
        if not host.exists(partition):
            return f"cpus={cpus} mems={mems}"
        return f"cpus={cpus} mems={mems} partition={host.read(partition).strip()}"

    def write(self, host: Host, value: str) -> None:
        if value == ABSENT:
            self._remove(host)
            return
        match = _VALUE.fullmatch(value)
        if match is None:
            raise OSError(errno.EINVAL, f"not a cpuset: {value[:60]!r}")
        with contextlib.suppress(FileExistsError):
            host.path(self.target).mkdir()
        host.write(f"{self.target}/cpuset.cpus", match[1] or "\n")
        host.write(f"{self.target}/cpuset.mems", match[2] or "\n")
        if match[3]:
            host.write(f"{self.target}/cpuset.cpus.partition", match[3])

    def _remove(self, host: Host) -> None:
        above = self.target.rpartition("/")[0]
        for _ in range(_ROUNDS):
            if not host.exists(self.target):
                return
            leaf = "tasks" if host.exists(f"{self.target}/tasks") else "cgroup.procs"
            for one in host.read(f"{self.target}/{leaf}").split():
                with contextlib.suppress(OSError):  # it has ended
                    host.write(f"{above}/{leaf}", one)
            try:
                host.path(self.target).rmdir()
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                time.sleep(_BUSY_S)
        raise OSError(errno.EBUSY, "a task stays in it")

    def command(self, value: str) -> str:
        above = self.target.rpartition("/")[0]
        if value == ABSENT:
            return f"xargs -n1 < {self.target}/tasks > {above}/tasks; rmdir {self.target}"
        match = _VALUE.fullmatch(value)
        cpus, mems = (match[1], match[2]) if match else ("", "")
        return (
            f"mkdir -p {self.target}; echo {cpus} > {self.target}/cpuset.cpus; "
            f"echo {mems} > {self.target}/cpuset.mems"
        )


@dataclass(frozen=True, slots=True)
class MemberSetting(TaskSetting):
    """The group a task is in, and its CPUs: `0-3 /docker/7a1`, with `*` for whatever it gets there.

    `4711 88214 in /sys/fs/cgroup/cpuset`: the task and where the hierarchy is mounted. Going from
    one cpuset to another may change the CPUs of a task; going back does not always bring them back.
    """

    kind: ClassVar[str] = "cpuset-member"

    def _parts(self) -> tuple[int, int]:
        match = _MEMBER.fullmatch(self.target)
        if match is None:
            raise ValueError(f"not a task in a hierarchy: {self.target[:60]!r}")
        tid, _, started = match[1].partition(" ")
        return int(tid), int(started)

    @property
    def mount(self) -> str:
        return self.target.partition(" in ")[2]

    def read(self, host: Host) -> str:
        self.there(host)
        return f"{tasks.allowed(host, self.tid)} {group_of(host, self.tid)}"

    def write(self, host: Host, value: str) -> None:
        self.here(host)
        cpus, _, group = value.partition(" ")
        if not group.startswith("/") or {"..", "."} & set(group.split("/")):
            raise OSError(errno.EINVAL, "not a group")
        folder = f"{self.mount}{group.rstrip('/')}"
        leaf = "tasks" if host.exists(f"{folder}/tasks") else "cgroup.procs"
        try:
            host.write(f"{folder}/{leaf}", str(self.tid))
        except ProcessLookupError:
            raise Gone(errno.ESRCH, "has ended") from None
        if cpus != ANY and not self.same(self.read(host), value):
            set_affinity(self.tid, cpus)

    def same(self, one: str, other: str) -> bool:
        (cpus, _, group), (more_cpus, _, other_group) = one.partition(" "), other.partition(" ")
        if group != other_group:
            return False
        try:
            return ANY in (cpus, more_cpus) or set(cpu_list(cpus)) == set(cpu_list(more_cpus))
        except Absent:
            return one == other

    def command(self, value: str) -> str:
        cpus, _, group = value.partition(" ")
        move = f"echo {self.tid} > {self.mount}{group.rstrip('/')}/tasks"
        return move if cpus == ANY else f"{move}; taskset -pc {cpus} {self.tid}"


def group_of(host: Host, tid: int) -> str:
    """Its group in the hierarchy that has cpusets. Gone; OSError when there is none."""
    try:
        lines = host.read(f"/proc/{tid}/cgroup").splitlines()
    except FileNotFoundError:
        raise Gone(errno.ESRCH, "has ended") from None
    unified = None
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if "cpuset" in controllers.split(","):
            return group
        if number == "0":
            unified = group
    if unified is None:
        raise OSError(errno.EOPNOTSUPP, "this host has no cpusets")
    return unified
