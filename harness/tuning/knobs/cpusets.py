"""The shield: a cpuset that keeps all other tasks off the hot CPUs, as long as it is there.

With cgroup v1 a group with the other CPUs takes in every task that can be moved: also what these
start later stays there, and goes back with them. With v2 the hot CPUs become a partition, which
takes them away from everybody; who measures goes into it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.tuning import tasks
from harness.tuning.host import Host
from harness.tuning.knobs.base import Knob, Op, Proof, Scope, State, Target, Value, Wish
from harness.tuning.knobs.tasks import TaskKnob, bound_ops, named, others
from harness.tuning.knobs.values import Cpus, Switch, shown
from harness.tuning.settings.cpusets import ANY, GROUP, CpusetSetting, MemberSetting, group_of
from harness.tuning.settings.files import FileSetting
from harness.tuning.tasks import Task
from harness.tuning.tree import Absent, cpu_list, cpus_text

V1 = "/sys/fs/cgroup/cpuset"
V2 = "/sys/fs/cgroup"
BALANCE = "cpuset.sched_load_balance"
KTHREADD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CpusetKnob(TaskKnob):
    """The value: the CPUs to shield, and with `balance: off` outside of all balancing of load."""

    def available(self, scope: Scope, wish: Wish) -> str | None:
        why = TaskKnob.available(self, scope, wish)
        if why is not None:
            return why
        if _version(scope.host) is None:
            return "no cpusets: not by cgroup v1, and none in cgroup.subtree_control of v2"
        if not _rest(scope, wish):
            return "would leave no CPU to all other tasks"
        return None

    def parse(self, value: object) -> Value:
        if not isinstance(value, Mapping):
            return Cpus().parse(value)
        if set(map(str, value)) - {"cpus", "balance"}:
            raise ValueError(f"not {{cpus: LIST, balance: on or off}}: {shown(value)}")
        balance = Switch("on", "off").parse(value.get("balance", "on"))
        return {"cpus": Cpus().parse(value.get("cpus")), "balance": balance}

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        if _version(scope.host) == V2:
            return self._partition(scope, wish)
        mems = scope.host.read(f"{V1}/cpuset.mems").strip()
        group = CpusetSetting(f"{V1}/{GROUP}")
        targets = [Target(group, f"cpus={_rest(scope, wish)} mems={mems}")]
        for one in _in_root(scope):
            if not one.is_bound and one.tid != KTHREADD:
                targets.append(Target(MemberSetting(f"{one.target} in {V1}"), f"{ANY} /{GROUP}"))
        if isinstance(wish.value, Mapping) and wish.value["balance"] == "off":
            targets.append(Target(FileSetting(f"{V1}/{BALANCE}", "number"), "0"))
        return targets

    def _partition(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        mems = scope.host.read(f"{V2}/cpuset.mems.effective").strip()
        want = f"cpus={_hot(wish)} mems={mems} partition=isolated"
        me = tasks.task(scope.host, os.getpid())
        return [
            Target(CpusetSetting(f"{V2}/{GROUP}"), want),
            Target(MemberSetting(f"{me.target} in {V2}"), f"{ANY} /{GROUP}"),
        ]

    def plan(self, scope: Scope, wish: Wish) -> list[Op]:
        ops = [op for op in TaskKnob.plan(self, scope, wish) if op.why != "has ended"]
        if any(op.state is State.UNSUPPORTED for op in ops) or _version(scope.host) == V2:
            return ops
        hot = set(cpu_list(_hot(wish)))
        bound = [one for one in _in_root(scope) if one.is_bound and _may_run(scope.host, one, hot)]
        return ops + bound_ops(wish, bound)

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        """Whether any other task that could be moved may still run there."""
        hot = set(cpu_list(_hot(wish)))
        found = [one for one in others(scope) if not one.is_bound and one.tid != KTHREADD]
        stray = [one for one in found if _may_run(scope.host, one, hot)]
        seen = f"{len(stray)} may run there" if stray else "none may run there"
        return [
            Proof(self.id, "derived", "tasks", not stray, seen, "none may run there", named(stray))
        ]


def _version(host: Host) -> str | None:
    """Where groups with cpusets can be made."""
    if host.exists(f"{V1}/cpuset.cpus"):
        return V1
    try:
        controllers = host.read(f"{V2}/cgroup.subtree_control").split()
    except OSError:
        return None
    return V2 if "cpuset" in controllers else None


def _hot(wish: Wish) -> str:
    return wish.value["cpus"] if isinstance(wish.value, Mapping) else wish.value


def _rest(scope: Scope, wish: Wish) -> str:
    hot = cpu_list(_hot(wish))
    return cpus_text([cpu for cpu in scope.host.cpus() if cpu not in hot])


def _in_root(scope: Scope) -> list[Task]:
    """Tasks that no other group holds already; a container's stay in its own."""
    found = []
    for one in others(scope):
        try:
            if group_of(scope.host, one.tid) in ("/", f"/{GROUP}"):
                found.append(one)
        except OSError:
            continue
    return found


def _may_run(host: Host, one: Task, cpus: set[int]) -> bool:
    try:
        return bool(cpus & set(cpu_list(tasks.allowed(host, one.tid))))
    except (OSError, Absent):
        return False


KNOBS: tuple[Knob, ...] = (
    CpusetKnob(
        id="task.cpuset",
        title="A cpuset keeps other tasks off the hot CPUs",
        why="Whatever else runs on a hot CPU takes it from the measured task.",
        values="the CPUs to shield: ${hot}; or {cpus: ${hot}, balance: off}",
        source="Linux cgroup-v1/cpusets.rst and cgroup-v2.rst, cset shield",
    ),
)
