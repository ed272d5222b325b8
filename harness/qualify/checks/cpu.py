"""Clock, frequency, idle states, hyperthreads and errors of the CPUs that are measured on."""

from __future__ import annotations

from harness.qualify.checks.common import (
    CONTROL_FILE,
    NO_HOT,
    by_value,
    each_hot,
    stayed_at_rest,
)
from harness.qualify.rows import Finding, Level, Rule, State, holds, miss, ok, rule, unknown
from harness.qualify.seen import Seen, listed
from harness.tuning.tree import cpus_text

SHALLOW = ("POLL", "C1")  # not haltpoll: a guest that halts leaves the CPU to its hypervisor
CPU = "/sys/devices/system/cpu"


@rule(
    "clock.tsc",
    Level.MUST,
    "invariant TSC",
    required="constant_tsc, nonstop_tsc and rdtscp",
    file="/proc/cpuinfo (flags)",
    document="Intel SDM vol. 3, Invariant TSC; AMD APM vol. 2, Time-Stamp Counter",
    consequence="the clock of every figure could change its pace, or differ between cores",
    cure="use another machine, or let the hypervisor pass invtsc through",
)
def tsc(seen: Seen) -> Finding:
    promised = seen.flag("clock.invariant_tsc")
    if promised is None:
        return unknown(seen.why("clock.invariant_tsc"))
    return holds(promised, "promised" if promised else "not promised by CPU or hypervisor")


@rule(
    "clock.source",
    Level.MUST,
    "clocksource",
    required="tsc",
    file="/sys/devices/system/clocksource/clocksource0/current_clocksource",
    document="Linux timers/timekeeping; TuneD profile network-latency (tsc=reliable)",
    consequence=(
        "the kernel distrusts the TSC or follows a hypervisor: clock_gettime costs more, up to a "
        "system call each"
    ),
    cure="echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource",
)
def source(seen: Seen) -> Finding:
    name = seen.text("clock.source")
    return unknown(seen.why("clock.source")) if name is None else holds(name == "tsc", name)


@rule(
    "cpu.governor",
    Level.MUST,
    "frequency governor",
    required="performance on every CPU that is measured on",
    file=f"{CPU}/cpu*/cpufreq/scaling_governor",
    document="Linux admin-guide/pm/cpufreq; TuneD profile latency-performance",
    consequence="a core that idled runs slowly at first: the same code gives different figures",
    cure="echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
)
def governor(seen: Seen) -> Finding:
    return each_hot(seen, "cpu.governor", lambda value: value == "performance")


@rule(
    "cpu.idle",
    Level.MUST,
    "idle states",
    required="none deeper than C1 can be entered",
    file=f"{CPU}/cpu*/cpuidle/state*, /dev/cpu_dma_latency, cpu*/power/pm_qos_resume_latency_us",
    document="Linux admin-guide/pm/cpuidle; TuneD profile latency-performance (force_latency)",
    consequence="waking from a deep state takes tens to hundreds of microseconds",
    cure="hold /dev/cpu_dma_latency open at 0 (a profile: lease.cpu-dma-latency), or disable them",
)
def idle(seen: Seen) -> Finding:
    limit = seen.number("cpu.dma_latency_us")
    if limit == 0:
        return ok("latency limit 0 us: no state is entered")
    states = seen.table("cpu.idle_states")
    if states is None:
        if seen.text("cpu.idle_driver") == "none":
            return ok("no idle driver: halt only")
        return unknown(seen.why("cpu.idle_states"))
    if not seen.hot:
        return unknown(NO_HOT)
    own = seen.table("cpu.resume_latency_us") or {}
    deep = {
        cpu: found
        for cpu in seen.hot
        if (found := _deep(states.get(str(cpu), ""), limit, own.get(str(cpu), "0")))
    }
    if deep:
        return miss(by_value(deep))
    silent = [cpu for cpu in seen.hot if not states.get(str(cpu))]
    if silent:
        return unknown(f"nothing is said of CPU {cpus_text(silent)}")
    return ok("nothing deeper than C1")


def _deep(states: str, limit_us: float | None, own: str) -> str:
    """Names of the states behind C1 that can be entered under both limits; '' for none.

    `states` are words like C6=133:on, `own` the limit of one CPU: n/a forbids all, 0 is no limit.
    """
    if own == "n/a":
        return ""
    limits = [limit_us] if limit_us is not None else []
    limits += [float(own)] if own.isdecimal() and own != "0" else []
    names = []
    for word in states.split():
        name, _, rest = word.partition("=")
        latency, _, switch = rest.partition(":")
        reachable = all(float(latency) <= us for us in limits) if latency.isdecimal() else True
        if name.split("_")[0] not in SHALLOW and switch != "off" and reachable:
            names.append(name)
    return " ".join(names)


@rule(
    "cpu.smt",
    Level.MUST,
    "hyperthreads",
    required="off, or the sibling isolated and without work of its own",
    file=f"{CPU}/smt/active, cpu*/topology/thread_siblings_list, isolated",
    document=f"{CONTROL_FILE}; Redline metrics",
    consequence="work on a sibling slows a core by up to 1.9 times, and nothing else shows it",
    cure="echo off > /sys/devices/system/cpu/smt/control, or leave siblings idle",
)
def smt(seen: Seen) -> Finding:
    if seen.text("host.hypervisor") not in (None, "none"):
        return unknown("a guest does not see who has the other thread of its cores")
    if seen.number("cpu.smt_active") == 0:
        return ok("off")
    table = seen.table("cpu.thread_siblings") or seen.table("cpu.siblings")
    if not seen.hot:
        return unknown(NO_HOT)
    if table is None or any(str(cpu) not in table for cpu in seen.hot):
        return unknown(seen.why("cpu.thread_siblings"))
    online, isolated = seen.cpus("cpu.online"), seen.cpus("cpu.isolated")
    busy = {}
    for cpu in seen.hot:
        siblings = [s for s in listed(table[str(cpu)]) if s != cpu]
        siblings = [s for s in siblings if online is None or s in online]
        if siblings and isolated is None:
            return unknown(seen.why("cpu.isolated"))
        shared = [s for s in siblings if s in seen.hot or s not in (isolated or ())]
        if shared:
            busy[cpu] = f"sibling {cpus_text(shared)} in use"
    return miss(by_value(busy)) if busy else ok("no sibling in use")


@rule(
    "cpu.throttle",
    Level.MUST,
    "thermal throttling",
    required="none while measured",
    file=f"{CPU}/cpu*/thermal_throttle/core_throttle_count",
    document=f"{CONTROL_FILE}; Intel SDM vol. 3, Thermal Monitoring",
    consequence="a hot core runs slower: figures of one run are then of two machines",
    cure="cool the machine, then measure again",
)
def throttle(seen: Seen) -> Finding:
    found = stayed_at_rest(seen, "cpu.throttle_count", "throttle events")
    if found.state is State.UNKNOWN and seen.text("cpu.vendor") == "AuthenticAMD":
        # Only Intel counts this, so it cannot be asked of others.
        return unknown("this CPU keeps no such count", Level.SHOULD)
    return found


@rule(
    "cpu.machine_checks",
    Level.MUST,
    "machine checks",
    required="none while measured",
    file="/proc/interrupts (MCE)",
    document="Linux arch/x86/x86_64/machinecheck",
    consequence="hardware that corrects errors stops for them, and answers may be wrong",
    cure="read dmesg and replace what is failing",
)
def machine_checks(seen: Seen) -> Finding:
    moved = seen.moved("irq.mce_exceptions")
    if moved is not None:
        n = sum(moved.values())
        return holds(n == 0, f"{n or 'none'} while measured")
    total = seen.number("irq.mce_exceptions")
    if total is None:
        return unknown(seen.why("irq.mce_exceptions"))
    if total == 0:
        return ok("none since boot")
    return unknown(f"{total:g} since boot; when is not known")


@rule(
    "cpu.turbo",
    Level.INFO,
    "turbo",
    required="off",
    file=f"{CPU}/cpufreq/boost, {CPU}/intel_pstate/no_turbo",
    document="Linux admin-guide/pm/cpufreq; FD.io CSIT performance_tuning role",
    consequence="speed depends on what the other cores do: lower figures, that repeat less well",
    cure="echo 0 > /sys/devices/system/cpu/cpufreq/boost (or 1 > intel_pstate/no_turbo)",
)
def turbo(seen: Seen) -> Finding:
    off, boost = seen.number("cpu.no_turbo"), seen.number("cpu.boost")
    if off is None and boost is None:
        return unknown(seen.why("cpu.boost"))
    is_off = off == 1 or (off is None and boost == 0)
    return holds(is_off, "off" if is_off else "on")


@rule(
    "cpu.energy",
    Level.SHOULD,
    "energy preference",
    required="performance",
    file=f"{CPU}/cpu*/cpufreq/energy_performance_preference, cpu*/power/energy_perf_bias",
    document="Linux admin-guide/pm/intel_pstate; TuneD profile latency-performance",
    consequence="the CPU itself lowers its clock between bursts, whatever the governor says",
    cure="echo performance | tee /sys/devices/system/cpu/cpufreq/policy*/energy_performance_pref*",
)
def energy(seen: Seen) -> Finding:
    if seen.table("cpu.energy_preference") is not None:
        return each_hot(seen, "cpu.energy_preference", lambda value: value == "performance")
    if seen.table("cpu.energy_bias") is not None:
        return each_hot(seen, "cpu.energy_bias", lambda value: value in ("0", "performance"))
    return unknown(seen.why("cpu.energy_preference"))


@rule(
    "cpu.mitigations",
    Level.INFO,
    "mitigations",
    required="none switched off",
    file=f"{CPU}/vulnerabilities/*",
    document="Linux admin-guide/hw-vuln",
    consequence="system calls and switches are cheaper here than where mitigations are on",
    cure="nothing to do here: know it when you compare; Redline never changes them",
)
def mitigations(seen: Seen) -> Finding:
    table = seen.table("cpu.vulnerabilities")
    if not table:
        return unknown(seen.why("cpu.vulnerabilities"))
    open_ones = sorted(n for n, text in table.items() if text.startswith("Vulnerable"))
    return holds(not open_ones, f"vulnerable: {', '.join(open_ones)}" if open_ones else "all on")


@rule(
    "cpu.microcode",
    Level.INFO,
    "microcode",
    required="a revision that the CPU states",
    file="/proc/cpuinfo (microcode)",
    document="Linux arch/x86/microcode",
    consequence="a revision changes the cost of instructions and idle states; here it is hidden",
    cure="read it on the host below",
)
def microcode(seen: Seen) -> Finding:
    revision = seen.text("cpu.microcode")
    if revision is None:
        return unknown(seen.why("cpu.microcode"))
    return holds(revision.lower() not in ("0x0", "0xffffffff"), revision)


RULES: tuple[Rule, ...] = (
    tsc,
    source,
    governor,
    idle,
    smt,
    throttle,
    machine_checks,
    energy,
    turbo,
    mitigations,
    microcode,
)
