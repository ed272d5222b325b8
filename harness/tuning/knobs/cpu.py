"""Knobs of the CPUs: how fast they run, and how deep they sleep."""

from __future__ import annotations

from collections.abc import Sequence

from harness.tuning.knobs.base import Knob
from harness.tuning.knobs.cpu_kinds import (
    BoostKnob,
    GovernorKnob,
    IdleKnob,
    ResumeKnob,
    SmtKnob,
)
from harness.tuning.knobs.files import CPU, CpuFileKnob, FileKnob, LimitKnob
from harness.tuning.knobs.values import Name, Number, Switch, Words

FREQ = f"{CPU}/cpufreq/policy*"
TUNED = "TuneD: profile latency-performance"
NO_CPUFREQ = "no frequency driver: the firmware or the hypervisor decides"
MOST = 2**31 - 1
MOST_STATES = 15  # a driver has ten at most
MOST_IDLE_US = 100_000  # no idle state takes longer to leave

KNOBS: Sequence[Knob] = (
    GovernorKnob(
        id="cpu.governor",
        title="who picks the frequency",
        why="A CPU that slowed down in a quiet spell takes the first burst after it at half speed.",
        values="a governor of the host: performance, powersave, schedutil, ...",
        source=TUNED,
        effect="spin-up",
        files=(f"{FREQ}/scaling_governor", f"{CPU}/cpu*/cpufreq/scaling_governor"),
        takes=Name("a governor"),
        lacks=NO_CPUFREQ,
    ),
    LimitKnob(
        id="cpu.min-frequency",
        title="frequency below which a CPU never goes",
        why="What may slow down does so when it is quiet, and the next message pays for it.",
        values="kHz, or max for the highest of the CPU",
        source="Linux: Documentation/admin-guide/pm/cpufreq.rst; TuneD: min_perf_pct=100",
        effect="spin-up",
        files=(f"{FREQ}/scaling_min_freq", f"{CPU}/cpu*/cpufreq/scaling_min_freq"),
        top="cpuinfo_max_freq",
        takes=Number(1, MOST, {"max": "max"}),
        form="number",
        rounds=True,  # to a frequency that the driver has
        lacks=NO_CPUFREQ,
    ),
    FileKnob(
        id="cpu.min-performance",
        title="frequency below which a CPU never goes, as a share of the highest",
        why="As cpu.min-frequency, where intel_pstate drives the CPUs.",
        values="percent",
        source="TuneD: min_perf_pct=100",
        effect="spin-up",
        files=(f"{CPU}/intel_pstate/min_perf_pct",),
        takes=Number(0, 100),
        form="number",
        rounds=True,  # to a ratio that the CPU has
        lacks="not driven by intel_pstate",
    ),
    FileKnob(
        id="cpu.energy-preference",
        title="what the CPU weighs against speed when it picks its own frequency",
        why="With a hint for saving, the hardware lowers the clock whatever the governor says.",
        values="performance, balance_performance, default, balance_power, power",
        source="TuneD: energy_performance_preference=performance",
        files=(
            f"{FREQ}/energy_performance_preference",
            f"{CPU}/cpu*/cpufreq/energy_performance_preference",
        ),
        takes=Words(("performance", "balance_performance", "default", "balance_power", "power")),
        rounds=True,  # the governor performance pins it
        lacks="no energy preference: not a driver for HWP or CPPC",
    ),
    CpuFileKnob(
        id="cpu.energy-bias",
        title="bias between speed and power of cores that have no finer hint",
        why="A bias for saving lets the core enter turbo late, and leave it early.",
        values="0 (speed) to 15 (power)",
        source="TuneD: energy_perf_bias=performance",
        files=(f"{CPU}/cpu{{cpu}}/power/energy_perf_bias",),
        takes=Number(0, 15),
        form="number",
        lacks="no energy bias: not an Intel CPU, or a guest",
    ),
    BoostKnob(
        id="cpu.boost",
        title="clock above the nominal one (turbo)",
        why="On, it is fastest, and as fast as heat and neighbours allow; off, runs are alike.",
        values="on, off",
        source="TuneD: boost=1; CSIT: off for repeatable runs",
        takes=Switch(),
        lacks="no switch for turbo",
    ),
    LimitKnob(
        id="cpu.uncore-min-frequency",
        title="frequency below which caches and interconnect never go",
        why="They slow down when few cores work, and every miss of a lone hot core pays for it.",
        values="kHz, or max",
        source="Linux: Documentation/admin-guide/pm/intel_uncore_frequency_scaling.rst",
        files=(f"{CPU}/intel_uncore_frequency/package_*_die_*/min_freq_khz",),
        top="initial_max_freq_khz",
        takes=Number(1, MOST, {"max": "max"}),
        form="number",
        rounds=True,
        lacks="no uncore frequency driver",
    ),
    IdleKnob(
        id="cpu.idle-states",
        title="deepest idle state of hot CPUs",
        why="Waking up from a deep state takes up to hundreds of us, and caches are cold after it.",
        values="the number of the deepest one that stays on, as cpuidle counts them; 0: polling",
        source="CSIT: intel_idle.max_cstate=1; LNST: idle states off",
        effect="idle-states",
        files=(f"{CPU}/cpu{{cpu}}/cpuidle/state*/disable",),
        takes=Number(0, MOST_STATES),
        form="number",
        of="hot",
        lacks="no idle states: the CPU polls, or the hypervisor decides",
    ),
    ResumeKnob(
        id="cpu.resume-latency",
        title="longest time that hot CPUs and those that take interrupts may need to wake up",
        why="As cpu.idle-states, by what waking may cost, and also where messages come in.",
        values="us; n/a: no sleep at all; any: no limit (the kernel's 0)",
        source="TuneD: pm_qos_resume_latency_us; Linux: Documentation/power/pm_qos_interface.rst",
        effect="idle-states",
        files=(f"{CPU}/cpu{{cpu}}/power/pm_qos_resume_latency_us",),
        takes=Number(1, MOST_IDLE_US, {"n/a": "n/a", "any": "any"}),
        of="hot and irq",
        lacks="no limit of a CPU by itself",
    ),
    FileKnob(
        id="cpu.idle-governor",
        title="who picks the idle state",
        why="menu bets on how long it stays quiet; a lost bet is a deep sleep before a message.",
        values="a governor of the host: menu, teo, haltpoll, ladder",
        source="Linux: Documentation/admin-guide/pm/cpuidle.rst",
        effect="blocking-rtt",
        files=(f"{CPU}/cpuidle/current_governor",),
        takes=Name("a governor"),
        lacks="no idle governor",
    ),
    FileKnob(
        id="cpu.halt-poll",
        title="how long a guest's CPU polls before it gives itself to the host",
        why="Once halted, a guest's CPU is woken by its host: tens of us in place of some.",
        values="ns; 0: it halts at once",
        source="Linux: Documentation/virt/guest-halt-polling.rst",
        effect="blocking-rtt",
        files=("/sys/module/haltpoll/parameters/guest_halt_poll_ns",),
        takes=Number(0, 10_000_000),
        form="number",
        lacks="no haltpoll: not a guest, or another idle driver",
    ),
    FileKnob(
        id="cpu.halt-poll-shrink",
        title="how fast polling is shortened after it was in vain",
        why="A guest that polled in vain polls shorter, and so halts before the next message.",
        values="a divisor; 0: back to the shortest at once, as long as allow_shrink says so",
        source="Linux: Documentation/virt/guest-halt-polling.rst",
        files=("/sys/module/haltpoll/parameters/guest_halt_poll_shrink",),
        takes=Number(0, 1_000_000),
        form="number",
        lacks="no haltpoll: not a guest, or another idle driver",
    ),
    SmtKnob(
        id="cpu.smt",
        title="two threads on a core",
        why="A neighbour on the core takes execution units and cache from the hot thread.",
        values="on, off",
        source="Linux: Documentation/admin-guide/cputopology.rst",
        files=(f"{CPU}/smt/control",),
        takes=Words(("on", "off")),
        form="text",
        lacks="no switch for threads of a core",
    ),
)
