"""What the kernel itself does on the CPUs that are measured on."""

from __future__ import annotations

from harness.qualify.checks.common import NO_HOT, PARAMETERS, covers_hot, spares_hot
from harness.qualify.rows import Finding, Level, Rule, holds, miss, ok, rule, unknown
from harness.qualify.seen import Seen

SYSCTL = "Linux admin-guide/sysctl/kernel"


@rule(
    "kernel.isolated",
    Level.MUST,
    "isolated CPUs",
    required="every CPU that is measured on",
    file="/sys/devices/system/cpu/isolated",
    document=f"{PARAMETERS} (isolcpus); TuneD profile realtime; DPDK Getting Started Guide",
    consequence=(
        "other tasks and interrupts run on the measured cores: tails belong to the host, and a "
        "FAIL there becomes UNJUDGEABLE"
    ),
    cure="boot with isolcpus=managed_irq,domain,LIST",
)
def isolated(seen: Seen) -> Finding:
    return covers_hot(seen, "cpu.isolated", "none")


@rule(
    "kernel.tick",
    Level.SHOULD,
    "timer tick",
    required="off on every CPU that is measured on",
    file="/sys/devices/system/cpu/nohz_full",
    document="Linux timers/no_hz; TuneD profile cpu-partitioning",
    consequence="each core is interrupted 100 to 1000 times a second for some microseconds",
    cure="boot with nohz_full=LIST rcu_nocbs=LIST",
)
def tick(seen: Seen) -> Finding:
    return covers_hot(seen, "cpu.nohz_full", "on everywhere")


@rule(
    "kernel.rcu",
    Level.SHOULD,
    "RCU callbacks",
    required="taken over by kernel threads for every CPU that is measured on",
    file="/proc/*/comm (rcuop/N, rcuos/N)",
    document=f"{PARAMETERS} (rcu_nocbs); TuneD profile cpu-partitioning",
    consequence="the kernel frees memory of other CPUs' work on the measured core",
    cure="boot with rcu_nocbs=LIST (nohz_full implies it)",
)
def rcu(seen: Seen) -> Finding:
    return covers_hot(seen, "kernel.rcu_offloaded", "of no CPU")


@rule(
    "kernel.workqueues",
    Level.SHOULD,
    "unbound kernel work",
    required="on none of the CPUs that are measured on",
    file="/sys/devices/virtual/workqueue/cpumask",
    document="Linux core-api/workqueue; TuneD profile cpu-partitioning",
    consequence="work that could run anywhere runs on the measured core",
    cure="write a mask of the other CPUs to /sys/devices/virtual/workqueue/cpumask",
)
def workqueues(seen: Seen) -> Finding:
    name = "kernel.workqueue_cpumask"
    return spares_hot(seen, seen.cpus(name), seen.why(name))


@rule(
    "kernel.watchdog",
    Level.SHOULD,
    "lockup detector",
    required="off, or off on the CPUs that are measured on",
    file="/proc/sys/kernel/watchdog, watchdog_cpumask",
    document=f"{SYSCTL}; TuneD profile cpu-partitioning (nosoftlockup)",
    consequence="a timer and a real-time thread on every core, every few seconds",
    cure="sysctl kernel.watchdog=0, or kernel.watchdog_cpumask=LIST of the other CPUs",
)
def watchdog(seen: Seen) -> Finding:
    is_on = seen.number("kernel.watchdog")
    if is_on is None:
        return unknown(seen.why("kernel.watchdog"))
    if is_on == 0:
        return ok("off")
    name = "kernel.watchdog_cpumask"
    return spares_hot(seen, seen.cpus(name), seen.why(name))


@rule(
    "kernel.nmi_watchdog",
    Level.SHOULD,
    "NMI watchdog",
    required="0",
    file="/proc/sys/kernel/nmi_watchdog",
    document=f"{SYSCTL}; TuneD profile network-latency",
    consequence="an interrupt that nothing can mask, and one hardware counter less",
    cure="sysctl kernel.nmi_watchdog=0",
)
def nmi_watchdog(seen: Seen) -> Finding:
    return _sysctl(seen, "kernel.nmi_watchdog", 0)


@rule(
    "kernel.rt_throttling",
    Level.SHOULD,
    "real-time throttling",
    required="-1, with a CPU left that is not measured on",
    file="/proc/sys/kernel/sched_rt_runtime_us",
    document="Linux scheduler/sched-rt-group; TuneD profile realtime",
    consequence="a real-time thread that spins is stopped for up to 50 ms in every second",
    cure="sysctl kernel.sched_rt_runtime_us=-1, once the hot CPUs are isolated",
)
def rt_throttling(seen: Seen) -> Finding:
    runtime, online = seen.number("kernel.rt_runtime_us"), seen.cpus("cpu.online")
    if runtime is None:
        return unknown(seen.why("kernel.rt_runtime_us"))
    if runtime != -1:
        return miss(f"{runtime:g} us")
    if not seen.hot or online is None:
        return unknown(seen.why("cpu.online") if seen.hot else NO_HOT)
    spare = [cpu for cpu in online if cpu not in seen.hot]
    return holds(bool(spare), "-1" if spare else "-1, and no CPU is left to stop a runaway thread")


@rule(
    "kernel.timer_migration",
    Level.SHOULD,
    "timer migration",
    required="0",
    file="/proc/sys/kernel/timer_migration",
    document="TuneD profile network-latency",
    consequence="a timer of an idle CPU may be moved to a busy one, the measured one",
    cure="sysctl kernel.timer_migration=0",
)
def timer_migration(seen: Seen) -> Finding:
    return _sysctl(seen, "kernel.timer_migration", 0)


def _sysctl(seen: Seen, name: str, wanted: int) -> Finding:
    value = seen.number(name)
    return unknown(seen.why(name)) if value is None else holds(value == wanted, f"{value:g}")


RULES: tuple[Rule, ...] = (
    isolated,
    tick,
    rcu,
    workqueues,
    watchdog,
    nmi_watchdog,
    rt_throttling,
    timer_migration,
)
