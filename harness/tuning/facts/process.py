"""What this process may do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.tuning.facts.base import STATUS, Look, Readers, integer, number, signed
from harness.tuning.tree import Absent

CAPABILITIES: Mapping[str, int] = {
    "CAP_DAC_OVERRIDE": 1,
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_IPC_LOCK": 14,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_NICE": 23,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}


def _memlock(look: Look, source: str) -> int:
    """Bytes this process may lock; -1 without a limit."""
    match = re.search(r"^Max locked memory\s+(\S+)", look.text(source), re.MULTILINE)
    if match is None:
        raise Absent("no line 'Max locked memory'")
    return -1 if match[1] == "unlimited" else number(match[1])


def _capabilities(look: Look, source: str) -> list[str]:
    text = look.key(source, "CapEff")
    if not re.fullmatch(r"[0-9a-f]{1,16}", text):
        raise Absent(f"not a set of rights: {text[:40]!r}")
    return [name for name, bit in CAPABILITIES.items() if int(text, 16) >> bit & 1]


def _euid(look: Look, source: str) -> int:
    words = look.key(source, "Uid").split()
    if len(words) < 2:
        raise Absent("no effective user in line 'Uid'")
    return number(words[1])


def _core_events(look: Look, source: str) -> list[str]:
    """Hardware counters of the cores (cpu, or cpu_core and cpu_atom on hybrid CPUs)."""
    return [name for name in look.names(source) if name == "cpu" or name.startswith("cpu_")]


def _namespaces(look: Look, source: str) -> list[str]:
    return [name for name in look.names(source) if name in ("net", "mnt", "user")]


READERS: Readers = {
    "process.memlock_bytes": ("/proc/self/limits", _memlock),
    "process.euid": (STATUS, _euid),
    "process.capabilities": (STATUS, _capabilities),
    "process.namespaces": ("/proc/self/ns", _namespaces),
    "process.user_namespaces": ("/proc/sys/user/max_user_namespaces", integer),
    "perf.core_events": ("/sys/bus/event_source/devices", _core_events),
    "perf.paranoid": ("/proc/sys/kernel/perf_event_paranoid", signed),
}
