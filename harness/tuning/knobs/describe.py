"""The reference of the knobs, written from the catalogue itself.

    python -m harness.tuning.knobs.describe > docs/reference/knobs.md

A test holds the file to what this prints.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from harness.tuning.knobs import CATALOGUE, ORDER
from harness.tuning.knobs.base import Knob

FAMILIES = {
    "service": "Services",
    "irq": "Interrupts and the kernel's work",
    "nic": "Network cards",
    "net": "Network stack",
    "kernel": "Kernel",
    "memory": "Memory",
    "cpu": "CPUs",
    "task": "Tasks",
    "lease": "Leases",
}

_INTRODUCTION = """\
# Knobs

What a profile (`hosts/profiles/*.yaml`) can ask of a host, in the order in which it is written;
undoing goes the other way. Those of cards stand below `nics`, under the role of an interface and
without `nic.`; all others below `knobs`.

- **What was there is put back.** A value is on disk before it is changed. What somebody else has
  changed since is reported and left alone.
- **Three levels of proof.** *readback*: the file holds what was written. *derived*: what the
  kernel made of it does, where that can differ (marked *yes* below). *effect*: what it is for was
  measured; the column names the measurement.
- **A refusal is a state.** `unsupported`: this host has no such thing. `denied`: it will not let
  us, or we must not: an interrupt that the kernel manages, a card by which the host is reached.
  `ineffective`: written without an error, and something else stands there.
- **Lists of CPUs** are written as kernels write them (`0-2,5`); `${hot}`, `${irq}` and
  `${housekeeping}` stand for those of the host. Switches take on and off.

This page is written by `python -m harness.tuning.knobs.describe`; do not edit it.
"""

_BOOT = """\
## Arguments of the kernel

`boot.ARGUMENT`, below `require: cmdline:` of a profile, is looked up and never written: the plan
prints the exact argument, and that it takes a reboot. Where the kernel shows what came of an
argument, that is looked at too, since a kernel that was built without it says no word. What
protects a machine (`mitigations`, `nopti`, `lockdown` and the like) and what decides which programs
it starts with is for people to decide: a plan says whether it is given, and never asks for it.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join([_INTRODUCTION, f"{len(CATALOGUE)} knobs.\n", *_families(), _BOOT])


def _families() -> Iterator[str]:
    for family in ORDER:
        knobs = [knob for knob in CATALOGUE.values() if knob.family == family]
        if knobs:
            yield f"## {FAMILIES[family]}\n"
            yield _table(knobs)


def _table(knobs: Sequence[Knob]) -> str:
    heads = ["knob", "what", "a wrong value costs", "values", "derived", "effect", "asked for by"]
    return "\n".join([_line(heads), _line(["---"] * len(heads)), *map(_row, knobs), ""])


def _row(knob: Knob) -> str:
    has_derived = type(knob).derived is not Knob.derived
    effect = f"`{knob.effect}`" if knob.effect else ""
    said = [knob.title, knob.why, knob.values, "yes" if has_derived else "", effect, knob.source]
    return _line([f"`{knob.id}`", *said])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    sys.stdout.write(page())
