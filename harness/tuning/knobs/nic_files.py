"""Kinds of knobs of one interface that lie in files: of the interface, of its queues, of its irqs.

/sys/class/net shows the interfaces of the network namespace in which it was mounted, which can be
another one than ours: an interface of ours that is not the one shown there is not written.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass

from harness.tuning.cards import NET, irqs_of, not_shown
from harness.tuning.host import Host
from harness.tuning.knobs.base import Proof, Scope, Target, Value, Wish
from harness.tuning.knobs.nic_kinds import NicKnob, number_of, shown
from harness.tuning.settings.files import FileSetting, Form
from harness.tuning.tree import Absent, cpu_list, cpus_text

SPREAD = "spread "
NONE = "none"
IRQ = "/proc/irq"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceFileKnob(NicKnob):
    """One number in a file of the interface."""

    leaf: str
    least: int
    most: int

    def available(self, scope: Scope, wish: Wish) -> str | None:
        return NicKnob.available(self, scope, wish) or not_shown(scope.host, wish.interface)

    def parse(self, value: object) -> Value:
        text = number_of(self.leaf, value)
        if not self.least <= int(text) <= self.most:
            raise ValueError(f"{self.id}: not from {self.least} to {self.most}: {text}")
        return text

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        setting = FileSetting(f"{NET}/{wish.interface}/{self.leaf}", form="number")
        return [self.target(scope, wish, setting, str(wish.value))]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFileKnob(InterfaceFileKnob):
    """The same number for every queue: `leaf` is below the queue, `queues` matches their names."""

    queues: str

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        files = queue_files(scope.host, wish.interface, self.queues, self.leaf)
        return [
            self.target(scope, wish, _of_queue(file, "number"), str(wish.value)) for file in files
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCpusKnob(NicKnob):
    """CPUs of every queue: one list for all, `spread LIST` for one CPU each in turn, or none."""

    leaf: str
    queues: str

    def available(self, scope: Scope, wish: Wish) -> str | None:
        return NicKnob.available(self, scope, wish) or not_shown(scope.host, wish.interface)

    def parse(self, value: object) -> Value:
        return parse_cpus(self.id, value, may_be_none=True)

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        files = queue_files(scope.host, wish.interface, self.queues, self.leaf)
        return [
            self.target(scope, wish, _of_queue(file, "mask"), want)
            for file, want in zip(files, share_out(str(wish.value), len(files)), strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class NicIrqKnob(NicKnob):
    """Which CPUs the interrupts of a card may go to: a list for all, or `spread LIST`."""

    def available(self, scope: Scope, wish: Wish) -> str | None:
        return NicKnob.available(self, scope, wish) or not_shown(scope.host, wish.interface)

    def parse(self, value: object) -> Value:
        return parse_cpus(self.id, value, may_be_none=False)

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        irqs = irqs_of(scope.host, wish.interface)
        return [
            self.target(
                scope, wish, FileSetting(f"/proc/irq/{irq}/smp_affinity_list", form="cpus"), want
            )
            for irq, want in zip(irqs, share_out(str(wish.value), len(irqs)), strict=True)
        ]

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        """Where they go: a kernel picks one of the CPUs, and moves an interrupt when it comes."""
        irqs = irqs_of(scope.host, wish.interface)
        return [
            self._proof(scope.host, irq, want)
            for irq, want in zip(irqs, share_out(str(wish.value), len(irqs)), strict=True)
        ]

    def _proof(self, host: Host, irq: str, want: str) -> Proof:
        name = f"{IRQ}/{irq}/effective_affinity_list"
        try:
            seen = host.read(name)
            holds = bool(seen.strip()) and set(cpu_list(seen)) <= set(cpu_list(want))
        except OSError:
            return Proof(self.id, "derived", name, None, "", want, "the kernel does not say")
        why = "" if holds else "it moves with the next interrupt, or the kernel keeps it"
        return Proof(self.id, "derived", name, holds, seen, want, why)


def parse_cpus(about: str, value: object, *, may_be_none: bool) -> str:
    """`none`, a list of CPUs or `spread LIST`, the list as kernels write it. ValueError."""
    text = "" if value is None or isinstance(value, bool) else str(value)
    if text == NONE and may_be_none:
        return NONE
    is_spread = text.startswith(SPREAD)
    try:
        cpus = cpu_list(text.removeprefix(SPREAD))
    except Absent:
        cpus = []
    if not cpus:
        wanted = f"{'none, ' if may_be_none else ''}a list of CPUs (0-2,5) or spread LIST"
        raise ValueError(f"{about}: not {wanted}: {shown(value)}")
    return f"{SPREAD if is_spread else ''}{cpus_text(cpus)}"


def share_out(value: str, n: int) -> list[str]:
    """For each of `n` the CPUs it gets."""
    if value == NONE:
        return [""] * n
    if not value.startswith(SPREAD):
        return [value] * n
    cpus = cpu_list(value.removeprefix(SPREAD))
    return [str(cpus[i % len(cpus)]) for i in range(n)]


def _of_queue(file: str, form: Form) -> FileSetting:
    """It may change by itself: with its queue it goes, and comes back without its value."""
    return FileSetting(file, form=form, may_round=True)


def queue_files(host: Host, interface: str, queues: str, leaf: str) -> list[str]:
    """Absent when there are none."""
    found = host.glob(f"{NET}/{glob.escape(interface)}/queues/{queues}/{leaf}")
    if not found:
        raise Absent(f"{interface} has no queues with {leaf}")
    return found
