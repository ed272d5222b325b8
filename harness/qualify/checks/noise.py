"""What the host took away while it was looked at: the only rows that measure."""

from __future__ import annotations

from harness.qualify.checks.common import NO_HOT, by_value, moved_on_hot, stayed_at_rest
from harness.qualify.rows import Finding, Level, Rule, holds, miss, rule, unknown
from harness.qualify.seen import Seen
from harness.tuning.tree import cpus_text

MOST_LOST_SHARE = 0.0001
LONGEST_GAP_NS = 50_000.0
QUIET_SHARE = 0.9  # of a neighbour probe's chunks; the rest is room for its own interrupts
MOST_WAITING_SHARE = 0.0001

_PROBE = "noise.json"


def _unlooked(seen: Seen) -> Finding | None:
    """unknown when a hot CPU was not looked at."""
    if not seen.floor:
        return unknown("no noise floor was measured")
    if not seen.hot:
        return unknown(NO_HOT)
    blind = [cpu for cpu in seen.hot if not seen.looks(cpu)]
    return unknown(f"no noise floor of CPU {cpus_text(blind)}") if blind else None


@rule(
    "noise.lost",
    Level.MUST,
    "time lost",
    required=f"at most {100 * MOST_LOST_SHARE:g} % on every CPU that is measured on",
    file=_PROBE,
    document="Redline ADR 0003",
    consequence="what the host takes is added to every latency above p99.9, whoever wrote the code",
    cure="mend what the other rows name, then look again",
)
def lost(seen: Seen) -> Finding:
    blind = _unlooked(seen)
    shares = {
        cpu: max(look["lost_ns"] / (look["seconds"] * 1e9) for look in seen.looks(cpu))
        for cpu in seen.hot
        if seen.looks(cpu)
    }
    bad = {cpu: f"{100 * s:.2g} %" for cpu, s in shares.items() if not s <= MOST_LOST_SHARE}
    if bad:
        return miss(by_value(bad))
    return blind or holds(True, f"{100 * max(shares.values()):.2g} % at most")


@rule(
    "noise.gap",
    Level.MUST,
    "longest gap",
    required=f"at most {LONGEST_GAP_NS / 1e3:g} us on every CPU that is measured on",
    file=_PROBE,
    document="Redline ADR 0003",
    consequence="one gap holds back every message that arrives within it",
    cure="mend what the other rows name, then look again",
)
def gap(seen: Seen) -> Finding:
    blind = _unlooked(seen)
    longest = {
        cpu: max(float(look["max_ns"]) for look in seen.looks(cpu))
        for cpu in seen.hot
        if seen.looks(cpu)
    }
    bad = {cpu: _time(ns) for cpu, ns in longest.items() if not ns <= LONGEST_GAP_NS}
    if bad:
        return miss(by_value(bad))
    return blind or holds(True, f"{_time(max(longest.values()))} at most")


def _time(ns: float) -> str:
    return f"{ns / 1e6:.3g} ms" if ns >= 1e6 else f"{ns / 1e3:.3g} us"


@rule(
    "noise.neighbour",
    Level.SHOULD,
    "neighbour on the core",
    required=f"full speed in {100 * QUIET_SHARE:g} % of the looks at every CPU",
    file=_PROBE,
    document="Redline metrics",
    consequence="work on a sibling slows a core by up to 1.9 times, and no counter shows it",
    cure="echo off > /sys/devices/system/cpu/smt/control, or leave siblings idle",
)
def neighbour(seen: Seen) -> Finding:
    quiet: dict[int, float] = {}
    for look in seen.neighbour:
        cpu, share = look.get("cpu"), look.get("quiet_share")
        if isinstance(cpu, int) and cpu in seen.hot and isinstance(share, int | float):
            quiet[cpu] = min(float(share), quiet.get(cpu, 1.0))
    bad = {cpu: f"{100 * share:.0f} %" for cpu, share in quiet.items() if not share >= QUIET_SHARE}
    if bad:
        return miss(by_value(bad))
    if not quiet or any(cpu not in quiet for cpu in seen.hot):
        return unknown("was not probed")
    return holds(True, f"{100 * min(quiet.values()):.0f} % at least")


@rule(
    "noise.steal",
    Level.MUST,
    "stolen time",
    required="no tick while measured",
    file="/proc/stat (column steal)",
    document="Linux filesystems/proc",
    consequence="a hypervisor gave the CPU to somebody else; what shows here is the lesser part",
    cure="sign off on bare metal",
)
def steal(seen: Seen) -> Finding:
    return stayed_at_rest(seen, "load.steal_ticks", "ticks stolen")


@rule(
    "noise.waiting",
    Level.SHOULD,
    "tasks that wait for the CPU",
    required=f"at most {100 * MOST_WAITING_SHARE:g} % of the time while measured",
    file="/proc/schedstat",
    document="Linux scheduler/sched-stats",
    consequence="another task wants the CPU, and will get its turn",
    cure="move it away: task.affinity in a profile, or isolcpus=domain",
)
def waiting(seen: Seen) -> Finding:
    moved, seconds = moved_on_hot(seen, "load.wait_ns"), seen.number("moved.seconds")
    if seen.table("load.wait_ns") is None:
        return unknown(seen.why("load.wait_ns"))
    if moved is None or not seconds or not seen.hot:
        return unknown("shows only while measured")
    shares = {cpu: ns / (seconds * 1e9) for cpu, ns in moved.items()}
    bad = {cpu: f"{100 * s:.2g} %" for cpu, s in shares.items() if s > MOST_WAITING_SHARE}
    return miss(by_value(bad)) if bad else holds(True, f"{100 * max(shares.values()):.2g} %")


RULES: tuple[Rule, ...] = (lost, gap, steal, waiting, neighbour)
