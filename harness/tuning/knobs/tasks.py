"""Knobs about tasks: who may run on the hot CPUs, and who may not be pushed aside there.

A task is moved alone, as it is at the moment of the plan. What belongs to whoever measures is left
where it is: this process, what it starts, and the shells above it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.errors import printable
from harness.tuning import tasks
from harness.tuning.knobs.base import Knob, Op, Proof, Scope, State, Target, Value, Wish
from harness.tuning.knobs.values import Cpus, shown
from harness.tuning.settings.tasks import (
    AffinitySetting,
    FirstAffinitySetting,
    SchedulingSetting,
    parse_scheduling,
)
from harness.tuning.tasks import Task
from harness.tuning.tree import Absent, cpu_list, cpus_text

MAX_NAMED = 6


def check_fifo(cpus: Sequence[int], scope: Scope) -> str | None:
    """Why real-time tasks may not have all of these CPUs to themselves; None: they may.

    Where no CPU is left for the rest, nothing can be put back by anybody who is not real-time.
    """
    online = scope.host.cpus()
    left = [cpu for cpu in online if cpu not in set(cpus)]
    if not online:
        return "this host does not say which CPUs are online"
    if not left:
        return "would leave no CPU to the tasks that are not real-time"
    if not set(left) & set(scope.roles.housekeeping):
        return "would leave no housekeeping CPU to the tasks that are not real-time"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKnob(Knob):
    """A knob of the tasks of this machine; a recorded one has none."""

    def available(self, scope: Scope, wish: Wish) -> str | None:
        return None if scope.host.is_this_machine else "a recorded host has no tasks"

    def nothing(self, wish: Wish, want: str) -> Op:
        """An operation that says that there is nothing to do."""
        return Op(wish.knob, "tasks", want, want, State.NOOP, on_unsupported=wish.on_unsupported)


@dataclass(frozen=True, slots=True, kw_only=True)
class AffinityKnob(TaskKnob):
    """Every task that can be moved stays on the CPUs of the wish."""

    def parse(self, value: object) -> Value:
        return Cpus().parse(value)

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        since = tasks.now_ticks()
        targets: list[Target] = []
        for one, cpus in self._astray(scope, wish):
            if one.is_bound:
                continue
            want = cpus_text([cpu for cpu in cpu_list(str(wish.value)) if cpu in cpus])
            setting = AffinitySetting(one.target)
            if not targets:
                setting = FirstAffinitySetting(f"{one.target} since {since}")
            targets.append(Target(setting, want or str(wish.value)))
        return targets

    def plan(self, scope: Scope, wish: Wish) -> list[Op]:
        why = self.available(scope, wish)
        if why is not None:
            return TaskKnob.plan(self, scope, wish)
        ops = [op for op in TaskKnob.plan(self, scope, wish) if op.why != "has ended"]
        bound = [one for one, _ in self._astray(scope, wish) if one.is_bound]
        return (ops or [self.nothing(wish, str(wish.value))]) + bound_ops(wish, bound)

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        """Also of tasks that have come to be since: whether any may still run elsewhere."""
        stray = [one for one, _ in self._astray(scope, wish) if not one.is_bound]
        seen = f"{len(stray)} elsewhere" if stray else "none elsewhere"
        return [Proof(self.id, "derived", "tasks", not stray, seen, "none elsewhere", named(stray))]

    def _astray(self, scope: Scope, wish: Wish) -> list[tuple[Task, set[int]]]:
        """Tasks that may run on CPUs they should not run on, and where they may."""
        stay = set(cpu_list(str(wish.value)))
        found = []
        for one in others(scope):
            try:
                cpus = set(cpu_list(tasks.allowed(scope.host, one.tid)))
            except (OSError, Absent):
                continue
            if not cpus <= stay:
                found.append((one, cpus))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulingKnob(TaskKnob):
    """Kernel threads of the hot CPUs by name, each with the way it is scheduled."""

    def parse(self, value: object) -> Value:
        wanted = "a table like {ksoftirqd: fifo 2}"
        if not isinstance(value, Mapping) or not value:
            raise ValueError(f"not {wanted}: {shown(value)}")
        parsed: dict[str, str] = {}
        for name, how in value.items():
            try:
                parse_scheduling(str(how))
            except OSError as error:
                raise ValueError(f"{shown(name)}: {error.strerror}") from None
            parsed[str(name)] = str(how)
        return parsed

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        assert isinstance(wish.value, Mapping), "parse() made it"
        hot = set(scope.roles.hot)
        why = check_fifo(scope.roles.hot, scope) or ""
        found: list[Target] = []
        for one in tasks.tasks(scope.host):
            how = wish.value.get(one.comm.partition("/")[0]) if one.is_kernel else None
            if how is None:
                continue
            try:
                cpus = set(cpu_list(tasks.allowed(scope.host, one.tid)))
            except (OSError, Absent):
                continue
            if cpus <= hot:
                is_real_time = how.startswith(("fifo", "rr"))
                found.append(
                    Target(SchedulingSetting(one.target), how, why if is_real_time else "")
                )
        if not found:
            raise Absent("no such kernel thread on the hot CPUs")
        return found


def others(scope: Scope) -> list[Task]:
    """Every task but those of whoever measures."""
    found = list(tasks.tasks(scope.host))
    mine = tasks.ours(found)
    return [one for one in found if one.pid not in mine]


def bound_ops(wish: Wish, bound: Sequence[Task]) -> list[Op]:
    """One operation that tells of all tasks that the kernel does not let move. Fails no profile."""
    if not bound:
        return []
    why = f"bound by the kernel: {named(bound)}"
    on_unsupported = "warn" if wish.on_unsupported == "fail" else wish.on_unsupported
    target = f"{len(bound)} kernel threads"
    op = Op(wish.knob, target, None, "", State.DENIED, why)
    return [replace(op, want=str(wish.value), on_unsupported=on_unsupported)]


def named(found: Sequence[Task]) -> str:
    """Some of them by name."""
    names = [printable(one.comm) for one in found[:MAX_NAMED]]
    return ", ".join(names) + (
        f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    )


KNOBS: tuple[Knob, ...] = (
    AffinityKnob(
        id="task.affinity",
        title="Tasks stay off the hot CPUs",
        why="Whatever else runs on a hot CPU takes it from the measured task, and its caches.",
        values="the CPUs on which all other tasks stay: ${housekeeping}",
        source="TuneD scheduler plugin, cores isolated by it",
    ),
    SchedulingKnob(
        id="task.scheduling",
        title="How kernel threads of the hot CPUs are scheduled",
        why="A real-time task that never sleeps starves ksoftirqd and RCU, unless they outrank it.",
        values="{ksoftirqd: fifo 2, rcuc: fifo 4}; fifo and rr with a priority, other, batch, idle",
        source="TuneD profile realtime",
    ),
)
