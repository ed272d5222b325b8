"""Pages: who moves them, and whether they are there when they are needed."""

from __future__ import annotations

from harness.qualify.rows import Finding, Level, Rule, holds, miss, ok, rule, unknown
from harness.qualify.seen import Seen
from harness.tuning.tree import cpus_text

STALLS = ("pswpin", "pswpout", "compact_stall", "numa_pages_migrated")


@rule(
    "memory.stalls",
    Level.MUST,
    "pages on the move",
    required="none swapped, compacted or migrated while measured",
    file=f"/proc/vmstat ({', '.join(STALLS)})",
    document="Linux admin-guide/sysctl/vm",
    consequence="a thread that touches such a page waits for it, up to milliseconds",
    cure="swapoff -a; sysctl vm.compaction_proactiveness=0 kernel.numa_balancing=0",
)
def stalls(seen: Seen) -> Finding:
    during = seen.moved("memory.events")
    counts = during if during is not None else seen.counts("memory.events")
    when = "while measured" if during is not None else "since boot"
    if counts is None or not set(STALLS) & set(counts):
        return unknown(seen.why("memory.events"))
    found = {name: counts[name] for name in STALLS if counts.get(name)}
    text = ", ".join(f"{name} {n}" for name, n in found.items())
    if not found:
        return ok(f"none {when}")
    if during is None:
        return unknown(f"{text} {when}; when is not known")
    return miss(f"{text} {when}")


@rule(
    "memory.swap",
    Level.SHOULD,
    "swap",
    required="none in use",
    file="/proc/meminfo (SwapTotal, SwapFree)",
    document="TuneD profile latency-performance (vm.swappiness)",
    consequence="a page that comes back from disk stalls a thread for milliseconds",
    cure="swapoff -a",
)
def swap(seen: Seen) -> Finding:
    used = seen.number("memory.swap_used_kib")
    if used is None:
        return unknown(seen.why("memory.swap_used_kib"))
    return holds(used == 0, f"{used / 1024:,.0f} MiB" if used else "none")


@rule(
    "memory.thp",
    Level.SHOULD,
    "transparent huge pages",
    required="never or madvise",
    file="/sys/kernel/mm/transparent_hugepage/enabled",
    document="Linux admin-guide/mm/transhuge; TuneD profile network-latency",
    consequence="the kernel gathers pages behind everybody's back, which stalls threads",
    cure="echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
)
def thp(seen: Seen) -> Finding:
    mode = seen.text("memory.thp")
    if mode is None:
        return unknown(seen.why("memory.thp"))
    return holds(mode in ("never", "madvise"), mode)


@rule(
    "memory.ksm",
    Level.SHOULD,
    "merging of equal pages",
    required="not running (0 or 2)",
    file="/sys/kernel/mm/ksm/run",
    document="Linux admin-guide/mm/ksm",
    consequence="a page that was merged is copied again at the next write: a fault",
    cure="echo 2 > /sys/kernel/mm/ksm/run",
)
def ksm(seen: Seen) -> Finding:
    run = seen.number("memory.ksm")
    return unknown(seen.why("memory.ksm")) if run is None else holds(run in (0, 2), f"{run:g}")


@rule(
    "memory.numa_balancing",
    Level.SHOULD,
    "NUMA balancing",
    required="0, or a single node",
    file="/proc/sys/kernel/numa_balancing, /sys/devices/system/node/online",
    document="Linux admin-guide/sysctl/kernel; TuneD profile network-latency",
    consequence="the kernel takes pages away to see who misses them: faults on the hot path",
    cure="sysctl kernel.numa_balancing=0",
)
def numa_balancing(seen: Seen) -> Finding:
    value = seen.number("kernel.numa_balancing")
    if value == 0:
        return ok("0")
    if seen.text("numa.online") == "0":
        return ok("a single node")
    if value is None:
        return unknown(seen.why("kernel.numa_balancing"))
    return miss(f"{value:g}")


@rule(
    "memory.hugepages",
    Level.SHOULD,
    "huge pages",
    required="some free on the node of the CPUs that are measured on",
    file="/sys/devices/system/node/node*/hugepages/*, /sys/kernel/mm/hugepages/*",
    document="Linux admin-guide/mm/hugetlbpage; DPDK Getting Started Guide",
    consequence="books and rings lie on pages that the kernel chose: more TLB misses",
    cure="echo 64 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
)
def hugepages(seen: Seen) -> Finding:
    free = seen.counts("memory.hugepages_free")
    if free is None:
        return unknown(seen.why("memory.hugepages_free"))
    there = {int(size): n for size, n in free.items() if n > 0 and size.isdecimal()}
    if not there:
        return miss("none free")
    shown = ", ".join(f"{n} x {size // 1024} MiB" for size, n in there.items())
    nodes, placed = seen.table("cpu.numa_node") or {}, seen.counts("memory.hugepages_node")
    mine = {nodes[str(cpu)] for cpu in seen.hot if str(cpu) in nodes}
    if placed is not None and mine:
        bare = sorted(
            int(node)
            for node in mine
            if node.isdecimal() and not any(n > 0 for key, n in placed.items() if _is_on(key, node))
        )
        if bare:
            return miss(f"{shown}, but none on node {cpus_text(bare)}")
    return ok(f"{shown} free")


def _is_on(key: str, node: str) -> bool:
    return key.split()[:1] == [f"node{node}"]


@rule(
    "memory.errors",
    Level.MUST,
    "memory errors",
    required="none corrected or uncorrected",
    file="/sys/devices/system/edac/mc/mc*/{ce_count,ue_count}",
    document="Linux admin-guide/RAS",
    consequence="corrections come as machine checks or SMIs, which stop all cores at once",
    cure="replace the module that the counts name",
)
def errors(seen: Seen) -> Finding:
    table = seen.table("memory.edac")
    if not table:
        # Without ECC or its driver there is nothing to count, and no way to ask for it.
        return unknown(seen.why("memory.edac") if table is None else "no counters", Level.SHOULD)
    bad = [f"{name} {text}" for name, text in table.items() if _has_errors(text)]
    return holds(not bad, ", ".join(bad) or "none")


def _has_errors(text: str) -> bool:
    return any(word.partition("=")[2] != "0" for word in text.split())


RULES: tuple[Rule, ...] = (stalls, errors, swap, thp, ksm, numa_balancing, hugepages)
