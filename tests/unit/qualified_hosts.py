"""What is known of a well-tuned host over a quiet while: every row of the host check holds on it.

Composed of what the documents ask for that the rows name; no machine was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.qualify.window import window
from harness.tuning.facts import Fact

CPUS = {"engine": 15, "rig": 14}
HOT = sorted(CPUS.values())
ONLINE = list(range(16))
ISOLATED = list(range(2, 16))

# Two short interruptions in two seconds: what a core that is left alone sees.
QUIET: list[dict[str, Any]] = [
    {"cpu": cpu, "role": role, "seconds": 2.0, "lost_ns": 2_000.0, "max_ns": 1_500.0}
    for role, cpu in CPUS.items()
] + [{"cpu": cpu, "quiet_share": 0.99} for cpu in HOT]


def each(text: str) -> dict[str, str]:
    """The same for every CPU."""
    return {str(cpu): text for cpu in ONLINE}


_KEEPS_TIME = ["chronyd", "phc2sys", "ptp4l"]
_VALUES: Mapping[str, Any] = {
    "clock.daemons": _KEEPS_TIME,
    "clock.invariant_tsc": True,
    "clock.source": "tsc",
    "clock.synchronised": True,
    "cpu.allowed": ONLINE,
    "cpu.boost": None,
    "cpu.dma_latency_us": 2_000_000_000,
    "cpu.energy_bias": each("0"),
    "cpu.energy_preference": each("performance"),
    "cpu.governor": each("performance"),
    "cpu.idle_driver": "intel_idle",
    "cpu.idle_states": each("POLL=0:on C1=2:on C1E=10:off C6=133:off"),
    "cpu.isolated": ISOLATED,
    "cpu.microcode": "0x2b000461",
    "cpu.model": "Example CPU 9000",
    "cpu.no_turbo": 1,
    "cpu.nohz_full": ISOLATED,
    "cpu.numa_node": each("0"),
    "cpu.online": ONLINE,
    "cpu.quota": 0.0,
    "cpu.resume_latency_us": each("0"),
    "cpu.siblings": {str(cpu): str(cpu) for cpu in ONLINE},
    "cpu.smt_active": 0,
    "cpu.thread_siblings": {str(cpu): str(cpu) for cpu in ONLINE},
    "cpu.throttle_count": each("0"),
    "cpu.vendor": "GenuineIntel",
    "cpu.vulnerabilities": {"meltdown": "Not affected", "spectre_v2": "Mitigation: IBRS"},
    "host.container": "none",
    "host.hypervisor": "none",
    "host.production": "none",
    "irq.default_affinity": [0, 1],
    "irq.device_counts": {**each("0"), "0": "90321", "1": "5512"},
    "irq.effective": {"24": "0", "61": "1", "62": "0"},
    "irq.mce_exceptions": 0,
    "irq.names": {"24": "nvme0q0", "61": "eth2-rx-0", "62": "eth2-tx-0"},
    "kernel.lockdown": "none",
    "kernel.nmi_watchdog": 0,
    "kernel.numa_balancing": 0,
    "kernel.rcu_offloaded": ISOLATED,
    "kernel.release": "6.12.1",
    "kernel.rt_runtime_us": -1,
    "kernel.tainted": 0,
    "kernel.timer_migration": 0,
    "kernel.watchdog": 1,
    "kernel.watchdog_cpumask": [0, 1],
    "kernel.workqueue_cpumask": [0, 1],
    "load.one_minute": 0.08,
    "load.steal_ticks": each("0"),
    "load.wait_ns": {**each("1000"), "0": "88123456"},
    "memory.edac": {"mc0": "ce=0 ue=0"},
    "memory.events": {
        "pswpin": "0",
        "pswpout": "0",
        "compact_stall": "0",
        "numa_pages_migrated": "0",
        "thp_collapse_alloc": "12",
    },
    "memory.hugepages_free": {"2048": "512"},
    "memory.hugepages_node": {"node0 2048": "512", "node1 2048": "0"},
    "memory.ksm": 0,
    "memory.swap_used_kib": 0,
    "memory.thp": "never",
    "nic.coalesce": {"eth0": "adaptive-rx=on rx-usecs=50", "eth2": "adaptive-rx=off rx-usecs=0"},
    "nic.features": {"eth0": "gro=on lro=off", "eth2": "gro=off lro=off"},
    "nic.names": ["eth0", "eth2"],
    "nic.numa_node": {"eth0": "1", "eth2": "0"},
    "nic.pause": {"eth0": "autoneg=on rx=on tx=on", "eth2": "autoneg=off rx=off tx=off"},
    "nic.pcie": {
        "eth0": "5.0 GT/s x4 of 8.0 GT/s x8",
        "eth2": "16.0 GT/s x16 of 16.0 GT/s x16",
    },
    "nic.protected": ["eth0"],
    "nic.rings": {"eth0": "rx=4096/4096 tx=4096/4096", "eth2": "rx=512/8192 tx=512/8192"},
    "nic.timestamps": {"eth0": "software-transmit", "eth2": "hardware-transmit hardware-receive"},
    "numa.online": "0-1",
    "pcie.aspm": "performance",
    "service.irqbalance": False,
}


def known(**changes: Any) -> dict[str, Fact]:
    """The facts, some with another value; a dot in a name is written as two underscores."""
    values = {**_VALUES, **{name.replace("__", "."): value for name, value in changes.items()}}
    return {
        name: Fact(value, f"source of {name}", "no such file" if value is None else None)
        for name, value in values.items()
    }


def measured(before: Mapping[str, Fact], after: Mapping[str, Fact]) -> dict[str, Fact]:
    """The same host over ten seconds."""
    return {**after, **window(before, after, 10.0)}


def tuned(**changes: Any) -> dict[str, Fact]:
    """The host over ten seconds in which nothing moved."""
    facts = known(**changes)
    return measured(facts, facts)


def but(table: str, **changes: str) -> dict[str, str]:
    """A table of facts with other values for some keys; `cpu15` is CPU 15."""
    return {**_VALUES[table], **{key.removeprefix("cpu"): v for key, v in changes.items()}}
