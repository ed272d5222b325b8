"""The kernel, how it was started, and what it does on CPUs of its own accord."""

from __future__ import annotations

from harness.tuning.facts.base import (
    Look,
    Readers,
    chosen,
    integer,
    line,
    listed,
    masked,
    signed,
)
from harness.tuning.tree import Absent

_KERNEL = "/proc/sys/kernel"


def _arguments(look: Look, source: str) -> str:
    """The kernel's own: what stands behind -- is for the first program, and may be secret."""
    return line(look, source).split(" -- ")[0]


def _control_groups(look: Look, source: str) -> str:
    """Which version this process is in: v1, v2, or hybrid for both."""
    heads = [text.split(":")[:2] for text in look.text(source).splitlines()]
    unified = ["0", ""] in heads
    split = any(len(head) == 2 and head[1] and "=" not in head[1] for head in heads)
    if unified and split:
        return "hybrid"
    if not unified and not split:
        raise Absent("names no control group")
    return "v2" if unified else "v1"


READERS: Readers = {
    "kernel.release": (f"{_KERNEL}/osrelease", line),
    "kernel.version": (f"{_KERNEL}/version", line),
    "kernel.cmdline": ("/proc/cmdline", _arguments),
    "kernel.tainted": (f"{_KERNEL}/tainted", integer),
    "kernel.lockdown": ("/sys/kernel/security/lockdown", chosen),
    "kernel.cgroup": ("/proc/self/cgroup", _control_groups),
    "kernel.rt_runtime_us": (f"{_KERNEL}/sched_rt_runtime_us", signed),
    "kernel.rt_period_us": (f"{_KERNEL}/sched_rt_period_us", integer),
    "kernel.numa_balancing": (f"{_KERNEL}/numa_balancing", integer),
    "kernel.autogroup": (f"{_KERNEL}/sched_autogroup_enabled", integer),
    "kernel.nmi_watchdog": (f"{_KERNEL}/nmi_watchdog", integer),
    "kernel.watchdog": (f"{_KERNEL}/watchdog", integer),
    "kernel.soft_watchdog": (f"{_KERNEL}/soft_watchdog", integer),
    "kernel.watchdog_cpumask": (f"{_KERNEL}/watchdog_cpumask", listed),
    "kernel.hung_task_timeout_s": (f"{_KERNEL}/hung_task_timeout_secs", integer),
    "kernel.timer_migration": (f"{_KERNEL}/timer_migration", integer),
    "kernel.workqueue_cpumask": ("/sys/devices/virtual/workqueue/cpumask", masked),
}
