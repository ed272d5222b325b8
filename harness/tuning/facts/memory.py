"""Memory: how much, in which pages, and who moves them."""

from __future__ import annotations

from harness.tuning.facts.base import (
    Look,
    Readers,
    chosen,
    integer,
    number,
    number_of,
    signed,
    table,
)
from harness.tuning.facts.numa import NODES

_POOLS = "/sys/kernel/mm/hugepages"
_EDAC = "/sys/devices/system/edac/mc"
_VM = "/proc/sys/vm"
_MEMINFO = "/proc/meminfo"

# Counts of /proc/vmstat that go up when somebody has to wait for a page.
EVENTS = (
    "compact_stall",
    "numa_pages_migrated",
    "pgmajfault",
    "pswpin",
    "pswpout",
    "thp_collapse_alloc",
)


def _sizes_kib(look: Look, folder: str) -> list[tuple[str, str]]:
    """(size in KiB, folder) of each pool of huge pages."""
    found = []
    for name in look.names(folder):
        size = name.removeprefix("hugepages-").removesuffix("kB")
        if name == f"hugepages-{size}kB" and size.isascii() and size.isdecimal():
            found.append((size, f"{folder}/{name}"))
    return sorted(found, key=lambda one: number(one[0]))


def _free(look: Look, source: str) -> dict[str, str]:
    """Free huge pages by size in KiB."""
    return {
        size: str(integer(look, f"{folder}/free_hugepages"))
        for size, folder in _sizes_kib(look, source)
    }


def _total(look: Look, source: str) -> dict[str, str]:
    """Huge pages by size in KiB, used or not."""
    return {
        size: str(integer(look, f"{folder}/nr_hugepages"))
        for size, folder in _sizes_kib(look, source)
    }


def _per_node(look: Look, source: str) -> dict[str, str]:
    """Huge pages by node and size in KiB: {"node0 2048": "512"}."""
    return {
        f"node{node} {size}": str(integer(look, f"{folder}/nr_hugepages"))
        for node in look.numbered(NODES, "node")
        for size, folder in _sizes_kib(look, f"{NODES}/node{node}/hugepages")
    }


def _errors(look: Look, source: str) -> dict[str, str]:
    """Errors that memory controllers corrected (ce) and could not correct (ue)."""
    entries = (
        (
            f"mc{mc}",
            f"ce={integer(look, f'{source}/mc{mc}/ce_count')} "
            f"ue={integer(look, f'{source}/mc{mc}/ue_count')}",
        )
        for mc in look.numbered(source, "mc")
    )
    return table(entries, "no memory controller counts errors here")


def _events(look: Look, source: str) -> dict[str, str]:
    rows = (text.partition(" ") for text in look.text(source).splitlines())
    found = ((name, str(number(count))) for name, _, count in rows if name in EVENTS)
    return table(found, "counts none of what was looked for")


def _swap_used_kib(look: Look, source: str) -> int:
    return number_of("SwapTotal")(look, source) - number_of("SwapFree")(look, source)


_THP = "/sys/kernel/mm/transparent_hugepage"
READERS: Readers = {
    "memory.total_kib": (_MEMINFO, number_of("MemTotal")),
    "memory.available_kib": (_MEMINFO, number_of("MemAvailable")),
    "memory.swap_used_kib": (_MEMINFO, _swap_used_kib),
    "memory.thp": (f"{_THP}/enabled", chosen),
    "memory.thp_defrag": (f"{_THP}/defrag", chosen),
    "memory.ksm": ("/sys/kernel/mm/ksm/run", integer),
    "memory.hugepages_free": (_POOLS, _free),
    "memory.hugepages_total": (_POOLS, _total),
    "memory.hugepages_node": (f"{NODES}/node*/hugepages", _per_node),
    "memory.swappiness": (f"{_VM}/swappiness", integer),
    "memory.stat_interval": (f"{_VM}/stat_interval", integer),
    "memory.compaction_proactiveness": (f"{_VM}/compaction_proactiveness", integer),
    "memory.zone_reclaim": (f"{_VM}/zone_reclaim_mode", signed),
    "memory.edac": (_EDAC, _errors),
    "memory.events": ("/proc/vmstat", _events),
}
