"""The rows of a diagnosis: one function each, from facts to a state and what follows from it.

`ok`: nothing is lost. `limited`: a run is possible, but something it could show is lost. `missing`:
a part of Redline cannot work here; with `stops_run` no run can. A fact that is absent never counts
as good. Whether a signature may rest on the host is another question, and harness/qualify asks it;
what both ask about is explained there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.qualify.checks import RULES_BY_ID
from harness.qualify.seen import Known
from harness.tuning.facts import Facts
from harness.tuning.tree import cpus_text

MEMORY_FLOOR_KIB = 512 * 1024  # stream, rings, books and histograms of the main scenario, with room
MEMLOCK_WANTED = 256 << 20  # what the main scenario would lock


class State(StrEnum):
    """How well a row is."""

    OK = "ok"
    LIMITED = "limited"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing about the machine. `stops_run`: without it no run is possible."""

    id: str
    title: str
    state: State
    seen: str
    consequence: str = ""
    cure: str = ""
    stops_run: bool = False


def rows(facts: Facts, *, cpus: int, engine: str | None) -> tuple[Row, ...]:
    """Every row, what stops a run first."""
    seen = Seen(facts)
    return (
        _engine(engine),
        _cpus(seen, cpus),
        _quota(seen, cpus),
        _other_work(seen, cpus),
        *(judge(seen) for judge in _JUDGES),
    )


class Seen(Known):
    """Facts, where an absent list or table is an empty one: a row counts what is there."""

    def flag(self, name: str) -> bool:
        return super().flag(name) is True

    def cpus(self, name: str) -> list[int]:
        return super().cpus(name) or []

    def names(self, name: str) -> list[str]:
        return super().names(name) or []

    def table(self, name: str) -> dict[str, str]:
        return super().table(name) or {}


def _said(rule: str) -> tuple[str, str]:
    """(consequence, cure) of a row of the host check: said once, in harness/qualify."""
    found = RULES_BY_ID[rule]
    return found.consequence, found.cure


def _engine(why_not: str | None) -> Row:
    if why_not is None:
        return Row("engine", "engine", State.OK, "the compiled core loads")
    return Row(
        "engine",
        "engine",
        State.MISSING,
        why_not,
        "nothing can be measured without the compiled core",
        "pip install -e .",
        stops_run=True,
    )


def _cpus(seen: Seen, wanted: int) -> Row:
    allowed = seen.cpus("cpu.allowed")
    shown = f"{len(allowed)} allowed ({short_list(allowed)}), {wanted} needed"
    if len(allowed) >= wanted:
        return Row("cpus", "CPUs", State.OK, shown)
    return Row(
        "cpus",
        "CPUs",
        State.MISSING,
        shown if allowed else seen.why("cpu.allowed"),
        "engine and generator would take turns on one CPU: every latency would be the scheduler's",
        "give the process more CPUs (taskset, cpuset, a larger machine)",
        stops_run=True,
    )


def _quota(seen: Seen, wanted: int) -> Row:
    quota = seen.number("cpu.quota")
    if quota is None:
        return Row(
            "quota",
            "CPU quota",
            State.LIMITED,
            seen.why("cpu.quota"),
            "a quota of a control group would stop the spinning threads for milliseconds, unseen",
        )
    if quota == 0 or quota >= len(seen.cpus("cpu.allowed")):
        return Row("quota", "CPU quota", State.OK, f"{quota:g} CPUs" if quota else "none")
    short = quota < wanted
    return Row(
        "quota",
        "CPU quota",
        State.MISSING if short else State.LIMITED,
        f"{quota:g} CPUs, {wanted} needed",
        *_said("host.quota"),
        stops_run=short,
    )


def _other_work(seen: Seen, wanted: int) -> Row:
    load, online = seen.number("load.one_minute"), len(seen.cpus("cpu.online"))
    if load is None:
        why = seen.why("load.one_minute")
        return Row("load", "other work", State.LIMITED, why, "other work would go unnoticed")
    shown = f"load {load:.2f} on {online} CPUs"
    # Half a task a minute is what logging in and building leave behind.
    if load <= online - wanted + 0.5:
        return Row("load", "other work", State.OK, shown)
    return Row(
        "load",
        "other work",
        State.LIMITED,
        shown,
        "somebody else wants the CPUs of the run: their turns show up as latency",
        _said("host.load")[1],
    )


def _tsc(seen: Seen) -> Row:
    if seen.flag("clock.invariant_tsc"):
        return Row("tsc", "invariant TSC", State.OK, "constant_tsc, nonstop_tsc, rdtscp")
    absent = seen.fact("clock.invariant_tsc").value is None
    return Row(
        "tsc",
        "invariant TSC",
        State.MISSING,
        seen.why("clock.invariant_tsc") if absent else "CPU or hypervisor does not promise it",
        *_said("clock.tsc"),
        stops_run=True,
    )


def _clocksource(seen: Seen) -> Row:
    source = seen.text("clock.source")
    if source == "tsc":
        return Row("clocksource", "clocksource", State.OK, source)
    if source == "kvm-clock":
        cost = "stable, but each clock_gettime costs a few ns more and follows the hypervisor"
    else:
        cost = "clock_gettime enters the kernel (about 1 us), and the kernel may distrust the TSC"
    return Row(
        "clocksource",
        "clocksource",
        State.LIMITED,
        source or seen.why("clock.source"),
        cost,
        _said("clock.source")[1],
    )


def _instructions(seen: Seen) -> Row:
    title = "instruction set"
    if seen.fact("cpu.missing_for_build").value is None:
        why = seen.why("cpu.missing_for_build")
        return Row("instructions", title, State.LIMITED, why, "the engine may refuse to load")
    lacking = seen.names("cpu.missing_for_build")
    if not lacking:
        return Row("instructions", title, State.OK, "x86-64-v3")
    return Row(
        "instructions",
        title,
        State.MISSING,
        f"lacks {', '.join(lacking)}",
        "the engine is compiled for x86-64-v3 and refuses to load here",
        "use a CPU of 2015 or later (Haswell, Zen)",
        stops_run=True,
    )


def _memory(seen: Seen) -> Row:
    free, swapped = seen.number("memory.available_kib"), seen.number("memory.swap_used_kib")
    if free is None:
        return Row("memory", "memory", State.LIMITED, seen.why("memory.available_kib"), "unknown")
    shown = f"{free / 1024:,.0f} MiB available"
    if free < MEMORY_FLOOR_KIB:
        need = f"a run takes up to {MEMORY_FLOOR_KIB // 1024} MiB and may be killed"
        return Row("memory", "memory", State.LIMITED, shown, need, "free memory first")
    if swapped:
        return Row(
            "memory",
            "memory",
            State.LIMITED,
            f"{shown}, {swapped / 1024:,.0f} MiB swapped out",
            *_said("memory.swap"),
        )
    return Row("memory", "memory", State.OK, shown)


def _isolation(seen: Seen) -> Row:
    isolated, allowed = seen.cpus("cpu.isolated"), seen.cpus("cpu.allowed")
    usable = [cpu for cpu in isolated if cpu in allowed]
    if len(usable) >= 2:
        return Row("isolation", "isolated CPUs", State.OK, short_list(usable))
    if isolated:
        return Row(
            "isolation",
            "isolated CPUs",
            State.LIMITED,
            f"{short_list(isolated)}, of which this process may use {short_list(usable)}",
            "the run would not use the CPUs that were set apart for it",
            f"start it with taskset -c {short_list(isolated)}",
        )
    return Row(
        "isolation",
        "isolated CPUs",
        State.LIMITED,
        "none",
        *_said("kernel.isolated"),
    )


def _tick(seen: Seen) -> Row:
    quiet, allowed = seen.cpus("cpu.nohz_full"), seen.cpus("cpu.allowed")
    if len([cpu for cpu in quiet if cpu in allowed]) >= 2:
        return Row("tick", "timer tick", State.OK, f"off on {short_list(quiet)}")
    return Row(
        "tick",
        "timer tick",
        State.LIMITED,
        "on everywhere",
        *_said("kernel.tick"),
    )


def _governor(seen: Seen) -> Row:
    governors = seen.table("cpu.governor")
    title = "CPU frequency"
    if not governors:
        return Row(
            "governor",
            title,
            State.LIMITED,
            "no frequency driver here",
            "the frequency can neither be read nor held: short operations vary with it unseen",
        )
    others = sorted({g for g in governors.values() if g != "performance"})
    if not others:
        return Row("governor", title, State.OK, "governor performance")
    return Row(
        "governor",
        title,
        State.LIMITED,
        f"governor {', '.join(others)}",
        *_said("cpu.governor"),
    )


def _smt(seen: Seen) -> Row:
    shared = seen.table("cpu.siblings")
    title = "hyperthreads"
    if not shared:
        why = seen.why("cpu.siblings")
        return Row("smt", title, State.LIMITED, why, "a busy sibling would go unnoticed")
    pairs = sorted({s for s in shared.values() if "," in s or "-" in s})
    if not pairs:
        return Row("smt", title, State.OK, "no sibling visible on the CPUs of the run")
    return Row(
        "smt",
        title,
        State.LIMITED,
        f"siblings {' '.join(pairs)}",
        *_said("cpu.smt"),
    )


def _hypervisor(seen: Seen) -> Row:
    name = seen.text("host.hypervisor")
    if name == "none":
        return Row("hypervisor", "hypervisor", State.OK, "none: bare metal")
    return Row(
        "hypervisor",
        "hypervisor",
        State.LIMITED,
        "virtual machine" + (f" ({name})" if name and name != "unnamed" else ""),
        *_said("host.hypervisor"),
    )


def _locked(seen: Seen) -> Row:
    limit = seen.number("process.memlock_bytes")
    title = "locked memory"
    if "CAP_IPC_LOCK" in seen.names("process.capabilities") or limit == -1:
        return Row("memlock", title, State.OK, "no limit for this process")
    if limit is None:
        why = seen.why("process.memlock_bytes")
        return Row("memlock", title, State.LIMITED, why, "memory may turn out not to be locked")
    shown = f"limit {limit / (1 << 20):,.0f} MiB"
    if limit >= MEMLOCK_WANTED:
        return Row("memlock", title, State.OK, shown)
    return Row(
        "memlock",
        title,
        State.LIMITED,
        shown,
        "the rest is prefaulted but may be moved or reclaimed during a long run: page faults",
        "ulimit -l unlimited, or LimitMEMLOCK=infinity",
    )


def _hugepages(seen: Seen) -> Row:
    pools = seen.table("memory.hugepages_free")
    free = {size: int(n) for size, n in pools.items() if n.isdigit() and int(n) > 0}
    if free:
        shown = ", ".join(f"{n} x {int(size) // 1024} MiB free" for size, n in free.items())
        return Row("hugepages", "huge pages", State.OK, shown)
    return Row(
        "hugepages",
        "huge pages",
        State.LIMITED,
        "none reserved",
        *_said("memory.hugepages"),
    )


def _thp(seen: Seen) -> Row:
    mode = seen.text("memory.thp")
    title = "transparent huge pages"
    if mode == "madvise":
        return Row("thp", title, State.OK, "madvise: only where they are asked for")
    cost, cure = _said("memory.thp")
    if mode != "always":
        cost = "without reserved huge pages all memory lies on 4 KiB pages"
    return Row(
        "thp",
        title,
        State.LIMITED,
        mode or seen.why("memory.thp"),
        cost,
        cure,
    )


def _perf(seen: Seen) -> Row:
    events, paranoid = seen.names("perf.core_events"), seen.number("perf.paranoid")
    title = "performance counters"
    lost = "no cycles, instructions or cache misses beside the times; outliers keep fewer causes"
    if not events:
        return Row("perf", title, State.MISSING, "no core counters on this CPU or VM", lost)
    is_root = "CAP_PERFMON" in seen.names("process.capabilities")
    if is_root or (paranoid is not None and paranoid <= 2):
        return Row("perf", title, State.OK, ", ".join(events))
    return Row(
        "perf",
        title,
        State.LIMITED,
        f"{', '.join(events)}, closed by perf_event_paranoid",
        lost,
        "sysctl kernel.perf_event_paranoid=2",
    )


def _rights(seen: Seen) -> Row:
    held = seen.names("process.capabilities")
    lacking = [name for name in _USES if name not in held]
    title = "rights"
    if not lacking:
        root = seen.number("process.euid") == 0
        return Row("rights", title, State.OK, "root" if root else ", ".join(held))
    return Row(
        "rights",
        title,
        State.LIMITED,
        f"without {', '.join(lacking)}",
        "; ".join(_USES[name] for name in lacking),
        "not needed for the shm bench; run as root for the rest",
    )


_USES: Mapping[str, str] = {
    "CAP_NET_ADMIN": "no network bench",
    "CAP_NET_RAW": "no raw packets",
    "CAP_SYS_ADMIN": "no tuning of the host",
    "CAP_SYS_NICE": "no real-time priority",
    "CAP_BPF": "no attribution by tracepoints",
}


def _compiler(seen: Seen) -> Row:
    path = seen.text("tools.compiler")
    if path:
        return Row("compiler", "C compiler", State.OK, path)
    return Row(
        "compiler",
        "C compiler",
        State.MISSING,
        seen.why("tools.compiler"),
        "the engine cannot be rebuilt here; an installed one runs",
        "apt install gcc",
    )


_JUDGES: tuple[Callable[[Seen], Row], ...] = (
    _tsc,
    _clocksource,
    _instructions,
    _memory,
    _isolation,
    _tick,
    _governor,
    _smt,
    _hypervisor,
    _locked,
    _hugepages,
    _thp,
    _perf,
    _rights,
    _compiler,
)


def short_list(cpus: list[int]) -> str:
    """CPUs as people write them: 0-2,5; 'none' for none."""
    return cpus_text(cpus) or "none"
