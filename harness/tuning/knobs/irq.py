"""Knobs of interrupts and of the kernel's own work: on which CPUs they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.tuning.cards import irqs_elsewhere, irqs_of
from harness.tuning.host import Host
from harness.tuning.knobs.base import Knob, Proof, Scope, Target, Wish
from harness.tuning.knobs.files import FileKnob, asked, proof, read_only, target
from harness.tuning.knobs.kernel_kinds import WorkqueuesKnob
from harness.tuning.knobs.values import Cpus
from harness.tuning.settings.files import FileSetting
from harness.tuning.tree import cpu_list

IRQ = "/proc/irq"
DOCUMENT = "Linux: Documentation/core-api/irq/irq-affinity.rst"
MANAGED = "managed by the kernel: only isolcpus=managed_irq keeps it off a CPU"
ELSEWHERE = "its card is in another network namespace, where it may be the way in"


@dataclass(frozen=True, slots=True, kw_only=True)
class IrqKnob(FileKnob):
    """All interrupts of devices. Those of a card that must not be touched stay where they are."""

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        protected = _protected(scope)
        found = []
        for path in self.paths(scope):
            number = path.split("/")[3]
            why = protected.get(number, "") or (read_only(scope.host, path) and MANAGED)
            setting = FileSetting(path, self.form)
            found.append(target(scope.host, setting, asked(wish), why))
        return found

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        return [
            effective(scope.host, wish, path.split("/")[3], asked(wish))
            for path in self.paths(scope)
        ]


def effective(host: Host, wish: Wish, irq: str, want: str) -> Proof:
    """Where an interrupt goes: a kernel picks one of the CPUs, and moves it when it next comes.

    Until then nobody can tell a move that is under way from one that was refused.
    """
    name = f"{IRQ}/{irq}/effective_affinity_list"
    try:
        seen = host.read(name).strip()
    except OSError:
        return proof(wish, name, None, "", wanted=want, why="the kernel does not say")
    if not seen:
        return proof(wish, name, None, "", wanted=want, why="it is not in use")
    if set(cpu_list(seen)) <= set(cpu_list(want)):
        return proof(wish, name, True, seen, wanted=want)
    is_asked = set(cpu_list(host.read(f"{IRQ}/{irq}/smp_affinity_list"))) <= set(cpu_list(want))
    why = "it moves when it next comes" if is_asked else MANAGED
    return proof(wish, name, None if is_asked else False, seen, wanted=want, why=why)


def _protected(scope: Scope) -> dict[str, str]:
    """By number the interrupts of interfaces that must not be touched, and why."""
    found = dict.fromkeys(irqs_elsewhere(scope.host), ELSEWHERE)
    for interface, why in scope.protected.items():
        try:
            irqs = irqs_of(scope.host, interface)
        except (OSError, ValueError):
            continue  # it has none
        found |= dict.fromkeys(irqs, f"{interface} {why}")
    return found


WORK = "Linux: Documentation/core-api/workqueue.rst"

KNOBS: Sequence[Knob] = (
    FileKnob(
        id="irq.default-affinity",
        title="CPUs for interrupts that are yet to come",
        why="A device that is set up later takes CPUs from here, the hot ones among them.",
        values="a list of CPUs",
        source=f"{DOCUMENT}; cmdline irqaffinity",
        files=(f"{IRQ}/default_smp_affinity",),
        takes=Cpus(),
        form="mask",
        lacks="no file for it: a container, or one CPU",
    ),
    IrqKnob(
        id="irq.affinity",
        title="CPUs for the interrupts of all devices",
        why="An interrupt takes some us from a hot CPU, at any moment, and leaves its cache cold.",
        values="a list of CPUs",
        source=f"{DOCUMENT}; TuneD: plugin irqbalance; Onload: sfcirqaffinity",
        effect="irq-count",
        files=(f"{IRQ}/[0-9]*/smp_affinity_list",),
        takes=Cpus(),
        form="cpus",
        lacks="no interrupts are shown",
    ),
    WorkqueuesKnob(
        id="irq.workqueues",
        title="CPUs for the kernel's work that is bound to none",
        why="Work of anybody in the kernel runs on any CPU that is listed, the hot ones too.",
        values="a list of CPUs",
        source=f"{WORK}; TuneD: profile realtime",
        files=("/sys/devices/virtual/workqueue/cpumask",),
        takes=Cpus(),
        form="mask",
    ),
    FileKnob(
        id="irq.workqueue-each",
        title="CPUs of each workqueue that has a mask of its own",
        why="Writing dirty pages out comes in bursts of many ms, whenever a recording has grown.",
        values="a list of CPUs",
        source=f"{WORK}; TuneD: profile realtime (writeback)",
        files=("/sys/devices/virtual/workqueue/*/cpumask",),
        takes=Cpus(),
        form="mask",
    ),
)
