"""What kind of host it is, and who else it belongs to."""

from __future__ import annotations

from harness.qualify.rows import Finding, Level, Rule, holds, ok, rule, unknown
from harness.qualify.seen import Seen


@rule(
    "host.hypervisor",
    Level.MUST,
    "hypervisor",
    required="none: bare metal",
    file="/proc/cpuinfo (flag hypervisor), /sys/hypervisor/type",
    document="Redline ADR 0003",
    consequence=(
        "the host below takes CPUs away without a trace in any counter of the guest, and shares "
        "cores with strangers: a miss in the tail is UNJUDGEABLE, never a FAIL of the engine"
    ),
    cure="sign off on bare metal",
)
def hypervisor(seen: Seen) -> Finding:
    name = seen.text("host.hypervisor")
    if name is None:
        return unknown(seen.why("host.hypervisor"))
    shown = "virtual machine" + (f" ({name})" if name != "unnamed" else "")
    return holds(name == "none", "none" if name == "none" else shown)


@rule(
    "host.quota",
    Level.MUST,
    "CPU quota",
    required="none, or as many CPUs as the process may use",
    file="/sys/fs/cgroup/**/cpu.max, cpu.cfs_quota_us",
    document="Linux admin-guide/cgroup-v2",
    consequence="threads that spin use up their quota, then stand still for tens of milliseconds",
    cure="lift cpu.max (cpu.cfs_quota_us) of the control group",
)
def quota(seen: Seen) -> Finding:
    granted, allowed = seen.number("cpu.quota"), seen.cpus("cpu.allowed")
    if granted is None:
        return unknown(seen.why("cpu.quota"))
    if granted == 0:
        return ok("none")
    if allowed is None:
        return unknown(seen.why("cpu.allowed"))
    return holds(granted >= len(allowed), f"{granted:g} CPUs")


@rule(
    "host.container",
    Level.INFO,
    "container",
    required="none",
    file="/proc/1/cgroup, /run/systemd/container, /.dockerenv",
    document="Redline host-check",
    consequence="files may show the container instead of the host: what they say may not be all",
    cure="check and run on the host itself",
)
def container(seen: Seen) -> Finding:
    name = seen.text("host.container")
    return unknown(seen.why("host.container")) if name is None else holds(name == "none", name)


@rule(
    "host.production",
    Level.INFO,
    "production marker",
    required="no marker",
    file="/etc/redline/production",
    document="Redline host-check",
    consequence="this host trades: it can be looked at, but Redline will not tune it",
    cure="measure on a host that is set aside for it",
)
def production(seen: Seen) -> Finding:
    marker = seen.text("host.production")
    if marker is None:
        return unknown(seen.why("host.production"))
    return holds(marker == "none", "no marker" if marker == "none" else marker)


@rule(
    "host.load",
    Level.SHOULD,
    "other work",
    required="a load of less than one task before the measurement",
    file="/proc/loadavg",
    document="Linux filesystems/proc",
    consequence="others share caches, memory and turbo with the run, even beside isolated CPUs",
    cure="wait, or stop what else runs",
)
def load(seen: Seen) -> Finding:
    name = "start.load.one_minute"  # at the end of a run it would be the load of the run itself
    if seen.number(name) is None:
        name = "load.one_minute"
    value = seen.number(name)
    return unknown(seen.why(name)) if value is None else holds(value < 1, f"load {value:.2f}")


@rule(
    "host.tainted",
    Level.SHOULD,
    "kernel in good order",
    required="no warning, machine check, bad page, soft lockup or oops since boot",
    file="/proc/sys/kernel/tainted",
    document="Linux admin-guide/tainted-kernels",
    consequence="the kernel itself doubts its state: what it does from here on is not typical",
    cure="read dmesg, then reboot",
)
def tainted(seen: Seen) -> Finding:
    value = seen.number("kernel.tainted")
    if value is None:
        return unknown(seen.why("kernel.tainted"))
    found = [name for bit, name in _TAINTS.items() if int(value) >> bit & 1]
    return holds(not found, ", ".join(found) or f"{int(value)}")


_TAINTS = {4: "machine check", 5: "bad page", 7: "oops", 9: "warning", 14: "soft lockup"}


@rule(
    "host.lockdown",
    Level.INFO,
    "kernel lockdown",
    required="none",
    file="/sys/kernel/security/lockdown",
    document="man 7 kernel_lockdown",
    consequence="MSRs and debugfs are closed: SMI counts and the fair server cannot be read or set",
    cure="boot without lockdown= and secure boot, if your rules allow it",
)
def lockdown(seen: Seen) -> Finding:
    mode = seen.text("kernel.lockdown")
    return unknown(seen.why("kernel.lockdown")) if mode is None else holds(mode == "none", mode)


RULES: tuple[Rule, ...] = (hypervisor, quota, load, tainted, container, lockdown, production)
