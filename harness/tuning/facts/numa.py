"""Nodes: which CPUs and how much memory each has, and how far they are from each other."""

from __future__ import annotations

import re

from harness.tuning.facts.base import Look, Readers, cpu_numbers, line, number, table
from harness.tuning.tree import Absent, cpu_list

NODES = "/sys/devices/system/node"
_NONE = "no node is described here"


def _cpus(look: Look, source: str) -> dict[str, str]:
    """The CPUs of each node, as a kernel list."""
    nodes = look.numbered(NODES, "node")
    return table(((n, cpu_numbers(look.text(f"{NODES}/node{n}/cpulist"))) for n in nodes), _NONE)


def _node_of_cpu(look: Look, source: str) -> dict[str, str]:
    found = {cpu: node for node, cpus in _cpus(look, source).items() for cpu in cpu_list(cpus)}
    return {str(cpu): found[cpu] for cpu in sorted(found)}


def _memory_kib(look: Look, source: str) -> dict[str, str]:
    def total(node: str) -> str:
        text = look.text(f"{NODES}/node{node}/meminfo")
        match = re.search(r"\bMemTotal:\s+([0-9]{1,20}) kB", text)
        if match is None:
            raise Absent(f"no MemTotal of node {node}")
        return match[1]

    return table(((node, total(node)) for node in look.numbered(NODES, "node")), _NONE)


def _distances(look: Look, source: str) -> dict[str, str]:
    """From each node to all, 10 being its own memory."""

    def row(node: str) -> str:
        words = look.text(f"{NODES}/node{node}/distance").split()
        return " ".join(str(number(word)) for word in words)

    return table(((node, row(node)) for node in look.numbered(NODES, "node")), _NONE)


READERS: Readers = {
    "numa.online": (f"{NODES}/online", line),
    "numa.cpus": (f"{NODES}/node*/cpulist", _cpus),
    "numa.memory_kib": (f"{NODES}/node*/meminfo", _memory_kib),
    "numa.distances": (f"{NODES}/node*/distance", _distances),
    "cpu.numa_node": (f"{NODES}/node*/cpulist", _node_of_cpu),
}
