"""Interrupts of devices: where they may go, where they go, and how many there were."""

from __future__ import annotations

import re

from harness.tuning.facts.base import Look, Readers, cpu_numbers, masked, number, plain
from harness.tuning.tree import Absent

INTERRUPTS = "/proc/interrupts"
IRQS = "/proc/irq"


def _heads(text: str) -> list[str]:
    """The CPUs of the columns of /proc/interrupts."""
    words = text.partition("\n")[0].split()
    cpus = [word[3:] for word in words if re.fullmatch(r"CPU[0-9]{1,5}", word)]
    if not cpus or len(cpus) != len(words):
        raise Absent("no headline of CPUs")
    return cpus


def _rows(look: Look) -> dict[str, list[str]]:
    """The words behind the colon of each line, by interrupt."""
    return look.once("interrupts", lambda: _read_rows(look))


def _read_rows(look: Look) -> dict[str, list[str]]:
    rows = {}
    for text in look.text(INTERRUPTS).splitlines()[1:]:
        name, colon, rest = text.partition(":")
        if not colon:
            raise Absent(f"a line without a colon: {text[:40]!r}")
        rows[name.strip()] = rest.split()
    return rows


def _counts(irq: str, words: list[str], n_cpus: int) -> list[int]:
    if len(words) < n_cpus:
        raise Absent(f"interrupt {irq[:20]!r} has {len(words)} of {n_cpus} columns")
    return [number(word) for word in words[:n_cpus]]


def _numbered(look: Look) -> dict[str, list[str]]:
    return {irq: words for irq, words in _rows(look).items() if re.fullmatch(r"[0-9]{1,6}", irq)}


def _names(look: Look, source: str) -> dict[str, str]:
    """Who asked for each interrupt: the last word of its line."""
    n_cpus = len(_heads(look.text(source)))
    return {irq: plain(words[-1]) for irq, words in _numbered(look).items() if len(words) > n_cpus}


def _device_counts(look: Look, source: str) -> dict[str, str]:
    """Interrupts of all devices that each CPU took since boot."""
    cpus = _heads(look.text(source))
    sums = [0] * len(cpus)
    for irq, words in _numbered(look).items():
        sums = [a + b for a, b in zip(sums, _counts(irq, words, len(cpus)), strict=True)]
    return dict(zip(cpus, map(str, sums), strict=True))


def _machine_checks(look: Look, source: str) -> int:
    cpus, rows = _heads(look.text(source)), _rows(look)
    if "MCE" not in rows:
        raise Absent("no line 'MCE'")
    return sum(_counts("MCE", rows["MCE"], len(cpus)))


def _affinity(look: Look, source: str) -> dict[str, str]:
    return _lists(look, ("smp_affinity_list",))


def _effective(look: Look, source: str) -> dict[str, str]:
    """Where each goes; where it may go, when the kernel does not say where it does."""
    return _lists(look, ("effective_affinity_list", "smp_affinity_list"))


def _lists(look: Look, leaves: tuple[str, ...]) -> dict[str, str]:
    """Of every interrupt that somebody asked for, as kernel lists."""
    found = {}
    for irq in _names(look, INTERRUPTS):
        files = (f"{IRQS}/{irq}/{leaf}" for leaf in leaves)
        texts = (look.text(file) for file in files if look.has(file))
        if text := next(filter(None, texts), ""):
            found[irq] = cpu_numbers(text)
    return found


READERS: Readers = {
    "irq.names": (INTERRUPTS, _names),
    "irq.affinity": (f"{IRQS}/*/smp_affinity_list", _affinity),
    "irq.effective": (f"{IRQS}/*/effective_affinity_list", _effective),
    "irq.default_affinity": (f"{IRQS}/default_smp_affinity", masked),
    "irq.device_counts": (INTERRUPTS, _device_counts),
    "irq.mce_exceptions": (INTERRUPTS, _machine_checks),
}
