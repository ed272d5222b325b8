"""Interrupts of devices, and who distributes them."""

from __future__ import annotations

from harness.qualify.checks.common import NO_HOT, by_value, moved_on_hot, spares_hot
from harness.qualify.rows import Finding, Level, Rule, holds, miss, ok, rule, unknown
from harness.qualify.seen import Seen, listed

AFFINITY = "Linux core-api/irq/irq-affinity"
SHOWN = 4  # interrupts by name; a machine with many queues has hundreds


@rule(
    "irq.affinity",
    Level.MUST,
    "device interrupts",
    required="none arrives on a CPU that is measured on",
    file="/proc/irq/*/effective_affinity_list, /proc/interrupts",
    document=f"{AFFINITY}; DPDK Getting Started Guide (irqaffinity)",
    consequence="each interrupt stops the measured thread for microseconds",
    cure="boot with isolcpus=managed_irq,domain,LIST; write /proc/irq/N/smp_affinity_list",
)
def affinity(seen: Seen) -> Finding:
    if not seen.hot:
        return unknown(NO_HOT)
    moved = moved_on_hot(seen, "irq.device_counts")
    if moved is not None:
        risen = {cpu: f"{n} interrupts" for cpu, n in moved.items() if n}
        return miss(by_value(risen)) if risen else ok("none while measured")
    effective = seen.table("irq.effective")
    if effective is None:
        return unknown(seen.why("irq.effective"))
    names = seen.table("irq.names") or {}
    bound = [
        f"{irq} {names.get(irq, '')}".strip()
        for irq, cpus in effective.items()
        if set(listed(cpus)) & set(seen.hot)
    ]
    if not bound:
        return ok(f"all {len(effective)} elsewhere")
    more = f" and {len(bound) - SHOWN} more" if len(bound) > SHOWN else ""
    return miss(f"bound there: {', '.join(bound[:SHOWN])}{more}")


@rule(
    "irq.default",
    Level.SHOULD,
    "interrupts to come",
    required="by default on none of the CPUs that are measured on",
    file="/proc/irq/default_smp_affinity",
    document=f"{AFFINITY}; Linux admin-guide/kernel-parameters (irqaffinity)",
    consequence="a device that is set up later lands on the measured core",
    cure="boot with irqaffinity=LIST, or write the mask to /proc/irq/default_smp_affinity",
)
def default(seen: Seen) -> Finding:
    name = "irq.default_affinity"
    return spares_hot(seen, seen.cpus(name), seen.why(name))


@rule(
    "irq.balance",
    Level.SHOULD,
    "irqbalance",
    required="not running",
    file="/proc/*/comm",
    document="TuneD profiles cpu-partitioning, realtime (banned_cpus)",
    consequence="interrupts wander, and what was bound by hand is undone every ten seconds",
    cure="systemctl stop irqbalance, or IRQBALANCE_BANNED_CPULIST",
)
def balance(seen: Seen) -> Finding:
    runs = seen.flag("service.irqbalance")
    if runs is None:
        return unknown(seen.why("service.irqbalance"))
    return holds(not runs, "running" if runs else "not running")


RULES: tuple[Rule, ...] = (affinity, default, balance)
