"""The fingerprint of an environment: two with the same one may be compared, figure by figure.

The SHA-256 of the canonical JSON (sorted keys, no spaces, UTF-8) of the object that maps each name
of FINGERPRINT to the value of that fact, null where it has none. It covers what changes the speed
of the same program and nothing that changes by itself: not the name of the host, not its load, not
the way somebody logged in. The program under test is not in it either: that is what one wants to
compare; how it was compiled is.

The names come in parts, so that a difference can be told by its kind: another machine, other
firmware, another kernel, other settings, other cards, another build, another interpreter.

    python -m harness.measure.fingerprint > docs/reference/fingerprint.md
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Plain = Mapping[str, Mapping[str, Any]]  # facts as in env.json: {"value": ..., ...} by name


@dataclass(frozen=True, slots=True)
class Part:
    """Fields of the fingerprint that change for the same kind of reason."""

    meaning: str
    changed_by: str
    names: tuple[str, ...]


PARTS: Mapping[str, Part] = {
    "hardware": Part(
        "what the machine is made of, and whether it is one",
        "another machine, other memory, SMT or cores switched off in the firmware",
        (
            *("cpu.model", "cpu.vendor", "cpu.family", "cpu.model_number", "cpu.stepping"),
            *("cpu.flags_sha256", "cpu.present", "cpu.package", "cpu.core"),
            *("cpu.llc_shared_with", "cpu.numa_node", "numa.distances"),
            *("host.hypervisor", "host.vendor", "host.product", "host.board", "memory.total_kib"),
        ),
    ),
    "firmware": Part(
        "what its makers can change from afar",
        "an update of BIOS or microcode",
        ("cpu.microcode", "host.bios_version", "host.bios_date"),
    ),
    "kernel": Part(
        "the kernel, how it was started, and what it works around",
        "an update, another kernel, another boot entry",
        (
            *("kernel.release", "kernel.version", "kernel.cmdline", "kernel.lockdown"),
            *("kernel.cgroup", "cpu.vulnerabilities", "host.container"),
        ),
    ),
    "tuning": Part(
        "how both are set at this moment",
        "a profile, an administrator, a daemon that tunes",
        (
            *("cpu.online", "cpu.allowed", "cpu.quota", "cpu.isolated", "cpu.nohz_full"),
            *("kernel.rcu_offloaded", "cpu.smt_active", "cpu.governor", "cpu.frequency_driver"),
            *("cpu.frequency_range_khz", "cpu.energy_preference", "cpu.energy_bias"),
            *("cpu.boost", "cpu.no_turbo", "cpu.idle_driver", "cpu.idle_governor"),
            *("cpu.idle_states", "cpu.resume_latency_us", "cpu.dma_latency_us"),
            *("cpu.halt_poll_ns", "clock.source", "memory.thp", "memory.thp_defrag"),
            *("memory.ksm", "memory.hugepages_node", "memory.swappiness"),
            *("memory.stat_interval", "memory.compaction_proactiveness", "memory.zone_reclaim"),
            *("kernel.rt_runtime_us", "kernel.rt_period_us", "kernel.numa_balancing"),
            *("kernel.autogroup", "kernel.timer_migration", "kernel.nmi_watchdog"),
            *("kernel.watchdog", "kernel.watchdog_cpumask", "kernel.workqueue_cpumask"),
            *("irq.default_affinity", "service.irqbalance", "pcie.aspm"),
        ),
    ),
    "nic": Part(
        "the physical cards that are up, and how they are set",
        "another card, another port in use, ethtool, an update of driver or firmware",
        (
            *("nic.driver", "nic.firmware", "nic.bus", "nic.link", "nic.numa_node", "nic.pcie"),
            *("nic.rings", "nic.channels", "nic.coalesce", "nic.features", "nic.pause", "nic.eee"),
            "nic.timestamps",
        ),
    ),
    "build": Part(
        "how the engine was compiled",
        "another compiler, other flags",
        ("build.build_type", "build.march", "build.compiler"),
    ),
    "harness": Part(
        "what runs beside the engine",
        "another interpreter or C library",
        ("python.implementation", "python.version", "libc.version"),
    ),
}
FINGERPRINT: tuple[str, ...] = tuple(name for part in PARTS.values() for name in part.names)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which two environments differ; a value is None where there is none."""

    part: str
    name: str
    ours: Any
    theirs: Any

    def as_json(self) -> dict[str, Any]:
        return {"part": self.part, "name": self.name, "ours": self.ours, "theirs": self.theirs}


def fingerprint(facts: Plain, parts: Iterable[str] = tuple(PARTS)) -> str:
    """SHA-256 over the fields of the parts, from the `facts` of an env.json."""
    names = [name for part in parts for name in PARTS[part].names]
    return hashlib.sha256(_canonical({name: _value(facts, name) for name in names})).hexdigest()


def part_hashes(facts: Plain) -> dict[str, str]:
    """The same over the fields of each part alone."""
    return {part: fingerprint(facts, (part,)) for part in PARTS}


def common_parts(ours: Plain, theirs: Plain) -> tuple[str, ...]:
    """Parts that both were asked about: a host that was only looked at has no build."""
    return tuple(
        part
        for part, fields in PARTS.items()
        if all(any(name in facts for name in fields.names) for facts in (ours, theirs))
    )


def differences(
    ours: Plain, theirs: Plain, parts: Iterable[str] = tuple(PARTS)
) -> list[Difference]:
    """Why two environments have different fingerprints, in the order of the parts; [] when not."""
    return [
        Difference(part, name, _value(ours, name), _value(theirs, name))
        for part in parts
        for name in PARTS[part].names
        if _canonical(_value(ours, name)) != _canonical(_value(theirs, name))
    ]


def _value(facts: Plain, name: str) -> Any:
    """Facts come from files that people hand around: what is no fact has no value."""
    fact = facts.get(name)
    return fact.get("value") if isinstance(fact, Mapping) else None


def _canonical(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="surrogatepass")  # JSON can hold halves of a character


_INTRODUCTION = """\
# Fingerprint

Two runs may be compared, figure by figure, when the fingerprints of their environments are the
same. Every run keeps it in `env.json`, and `redline host diff A B` says in which fields two
environments differ and of which kind each difference is. A host on which nothing was run has no
build and no harness: it is compared by its other parts.

It is the SHA-256 of a JSON object that maps each name below to the value of that fact in
`env.json`, `null` where it has none: keys sorted, no spaces, UTF-8, no escapes beyond those that
JSON demands.
A part's hash (`fingerprint.parts` in `env.json`) is made the same way of the names of that part.

- A fact that is absent on both sides is the same on both; one that is absent on one side is a
  difference: what cannot be seen there may be set in any way.
- Not in it: names of hosts, load, counters, the CPUs of a run, the frequency of one moment, which
  interrupt goes where (numbers change with every boot), and the program that is measured.
- A limit that a process holds on idle states (`cpu.dma_latency_us`) counts where it was asked for;
  collecting facts alone opens no device.

This page is written by `python -m harness.measure.fingerprint`; do not edit it.
"""


def reference() -> str:
    """The reference of the fingerprint, as Markdown."""
    parts = [f"{len(FINGERPRINT)} fields in {len(PARTS)} parts.\n"]
    for name, part in PARTS.items():
        parts.append(f"## {name}\n")
        parts.append(
            f"{part.meaning[0].upper()}{part.meaning[1:]}. Changed by {part.changed_by}.\n"
        )
        parts.append("".join(f"- `{field}`\n" for field in part.names))
    return "\n".join([_INTRODUCTION, *parts])


if __name__ == "__main__":
    sys.stdout.write(reference())
