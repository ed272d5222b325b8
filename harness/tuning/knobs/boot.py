"""What only the boot loader can change: shown with the exact argument, never written."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.tuning.knobs.base import Knob, Op, Proof, Scope, State, Target, Value, Wish
from harness.tuning.knobs.files import proof
from harness.tuning.knobs.values import shown, text_of
from harness.tuning.tree import Absent, cpu_list

CMDLINE = "proc/cmdline"
PREFIX = "boot."
_ARGUMENT = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_VALUE = re.compile(r"[A-Za-z0-9_.,:/@+=-]{0,255}")

# What decides, where the kernel says what came of an argument: a list of CPUs must be a part of it.
IN_EFFECT: Mapping[str, str] = {
    "isolcpus": "sys/devices/system/cpu/isolated",
    "nohz_full": "sys/devices/system/cpu/nohz_full",
}
# Where the kernel shows what stands today, whoever set it, and what it shows when the value holds.
SHOWN: Mapping[tuple[str, str], tuple[str, str]] = {
    ("nosmt", ""): ("sys/devices/system/cpu/smt/active", "0"),
    ("tsc", "reliable"): ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc"),
    ("idle", "poll"): ("sys/devices/system/cpu/cpuidle/current_driver", "none"),
    ("intel_pstate", "disable"): ("sys/devices/system/cpu/intel_pstate/status", "off"),
    ("nmi_watchdog", "0"): ("proc/sys/kernel/nmi_watchdog", "0"),
    ("nosoftlockup", ""): ("proc/sys/kernel/soft_watchdog", "0"),
    ("nowatchdog", ""): ("proc/sys/kernel/watchdog", "0"),
    ("numa_balancing", "disable"): ("proc/sys/kernel/numa_balancing", "0"),
}
MODULES: Mapping[str, str] = {  # arguments that a module keeps, and shows, as they were given
    "intel_idle.max_cstate": "sys/module/intel_idle/parameters/max_cstate",
    "processor.max_cstate": "sys/module/processor/parameters/max_cstate",
    "rcutree.nohz_full_patience_delay": "sys/module/rcutree/parameters/nohz_full_patience_delay",
    "rcupdate.rcu_normal_after_boot": "sys/module/rcupdate/parameters/rcu_normal_after_boot",
}
TAKEN = ("isolcpus", "nohz_full")  # these CPUs are for nothing else
ALL_WHY = "no CPU would be left for the rest of the machine"
LISTS = ("isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity", "kthread_cpus")
# Pairs that may come several times (hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=512).
REPEATED = ("hugepagesz", "hugepages", "console")
# What protects a machine, and what decides which programs it starts with: people's, not a tool's.
PEOPLES = re.compile(
    r"mitigations|no?pti|kpti|(no)?spec.*|nospectre_.*|spectre_.*|l1tf|mds|tsx.*|tsx_async_abort"
    r"|mmio_stale_data|retbleed|srbds|gather_data_sampling|reg_file_data_sampling|indirect_.*|its"
    r"|vmscape|tsa|srso|no_?entry_flush|no_stf_barrier|no_uaccess_flush|kvm\..*mitigat.*"
    r"|kvm.*nx_huge_pages|nokaslr|kaslr|nosmep|nosmap|noexec.*|vsyscall|random\..*|init_on_.*"
    r"|page_poison|slub_debug|slab_nomerge|lockdown|lsm|security|selinux|enforcing|apparmor.*"
    r"|module\..*|integrity|ima_.*|evm|efi|init|rdinit|initrd|root|rootflags|rootfstype|ro|rw"
)
PEOPLES_WHY = "is for people to decide, and never asked for by this tool"
WHY: Mapping[str, str] = {
    "isolcpus": "Other tasks, and with managed_irq interrupts, run on the measured CPUs.",
    "nohz_full": "The tick interrupts every CPU 100 to 1000 times a second.",
    "rcu_nocbs": "Callbacks of the kernel run on the measured CPUs.",
    "mitigations": "Only shown. Whether a machine does without them is not for a tool to decide.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BootKnob(Knob):
    """One argument of the kernel."""

    argument: str

    def parse(self, value: object) -> Value:
        text = text_of(value)
        if (value != "" and not text) or not _VALUE.fullmatch(text):
            raise ValueError(f"{self.id}: not the value of a kernel argument: {shown(value)}")
        return text

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        return ()

    def plan(self, scope: Scope, wish: Wish) -> list[Op]:
        want = f"{self.argument}={wish.value}" if wish.value else self.argument
        try:
            words = list(_arguments(scope.host.tree.text(CMDLINE)))
        except Absent as why:
            return [self._op(wish, want, None, State.UNSUPPORTED, str(why))]
        mine = [word for word in words if _same_name(word.partition("=")[0], self.argument)]
        # The last one counts, as for the kernel.
        of_use = mine if self.argument in REPEATED else mine[-1:]
        before = (mine or ["not given"])[-1]
        if not any(_same_value(self.argument, word, want) for word in of_use):
            if PEOPLES.fullmatch(self.argument.replace("-", "_").lower()):
                whose = f"{self.argument} {PEOPLES_WHY}"
                return [self._op(wish, want, before, State.DENIED, whose)]
            if self._takes_all(scope, str(wish.value)):
                return [self._op(wish, want, before, State.DENIED, ALL_WHY)]
            return [self._op(wish, want, before, State.REBOOT)]
        why_not = self._without_effect(scope, str(wish.value))
        state = State.INEFFECTIVE if why_not else State.NOOP
        return [self._op(wish, want, before, state, why_not)]

    def _takes_all(self, scope: Scope, value: str) -> bool:
        """Whether a machine that is started with it has no CPU left for anything else."""
        cpus = set(scope.host.cpus())
        flags, taken = _parts(value)
        return self.argument in TAKEN and ("all" in flags or (bool(cpus) and cpus <= taken))

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        """What the kernel shows of it, where it does; asked for or not."""
        value = str(wish.value)
        name, wanted = SHOWN.get((self.argument, value), ("", ""))
        if not name:
            name, wanted = MODULES.get(self.argument, ""), value
        if self.argument in IN_EFFECT:
            why = self._without_effect(scope, value)
            seen = scope.host.tree.text(IN_EFFECT[self.argument])
            return [proof(wish, f"/{IN_EFFECT[self.argument]}", not why, seen, why=why)]
        if not name:
            return ()
        seen = scope.host.tree.text(name)
        return [proof(wish, f"/{name}", seen == wanted, seen, wanted=wanted)]

    def _without_effect(self, scope: Scope, value: str) -> str:
        """Given, and yet nothing came of it: a kernel that was built without it says no word."""
        name = IN_EFFECT.get(self.argument)
        if name is None:
            return ""
        try:
            wanted = set(cpu_list(",".join(p for p in value.split(",") if p[:1].isdigit())))
            came = set(cpu_list(scope.host.tree.text(name).replace("(null)", "")))
        except Absent as why:
            return f"/{name}: {why}"
        return "" if wanted <= came else f"/{name} says otherwise: the kernel may lack it"

    def _op(self, wish: Wish, want: str, before: str | None, state: State, why: str = "") -> Op:
        return Op(
            wish.knob,
            shlex.quote(want),
            before,
            want,
            state,
            why,
            on_unsupported=wish.on_unsupported,
        )


def boot_knob(name: str) -> BootKnob:
    """`boot.isolcpus` and the like. KeyError for what is no kernel argument."""
    argument = name.removeprefix(PREFIX)
    if argument == name or not _ARGUMENT.fullmatch(argument):
        raise KeyError(name)
    return BootKnob(
        id=name,
        argument=argument,
        title=f"kernel argument {argument}",
        why=WHY.get(argument, "Takes effect at the next start of the machine."),
        values="the value of the argument",
        source="Linux: Documentation/admin-guide/kernel-parameters.rst",
    )


def _arguments(cmdline: str) -> Iterator[str]:
    """The kernel's words of its command line; behind `--` they are those of init.

    Quotes keep blanks in a word, and are no part of it.
    """
    for word in re.findall(r'(?:[^\s"]|"[^"]*"?)+', cmdline):
        if word == "--":
            return
        yield word.replace('"', "")


def _same_name(one: str, other: str) -> bool:
    """For a kernel - and _ are the same in a name."""
    return one.replace("-", "_") == other.replace("-", "_")


def _same_value(argument: str, word: str, want: str) -> bool:
    """Whether a word says what is wanted; CPUs and flags of a list in any order."""
    _, is_there, value = word.partition("=")
    _, is_wanted, wanted = want.partition("=")
    if is_there != is_wanted:
        return False
    return value == wanted or (argument in LISTS and _parts(value) == _parts(wanted))


def _parts(value: str) -> tuple[set[str], set[int]]:
    """Flags and CPUs of a list; all of it is a flag when it is none."""
    words = [word for word in value.split(",") if word]
    flags = {word for word in words if not word[0].isdigit()}
    try:
        return flags, set(cpu_list(",".join(word for word in words if word not in flags)))
    except Absent:
        return flags | {value}, set()
