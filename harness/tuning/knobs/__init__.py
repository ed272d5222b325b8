"""The catalogue: every knob that a profile can name."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from harness.tuning.knobs import cpu, cpusets, irq, kernel, lease, memory, net, nic, service, tasks
from harness.tuning.knobs.base import Knob
from harness.tuning.knobs.boot import boot_knob

# Families in the order in which it is safe to write them; undoing goes the other way.
ORDER = ("service", "irq", "nic", "net", "kernel", "memory", "cpu", "task", "lease", "boot")

CATALOGUE: Mapping[str, Knob] = {
    knob.id: knob
    for knob in chain(
        service.KNOBS,
        irq.KNOBS,
        nic.KNOBS,
        net.KNOBS,
        kernel.KNOBS,
        memory.KNOBS,
        cpu.KNOBS,
        tasks.KNOBS,
        cpusets.KNOBS,
        lease.KNOBS,
    )
}


def knob_of(name: str) -> Knob:
    """The knob of that name, `boot.ARGUMENT` for an argument of the kernel. KeyError."""
    return CATALOGUE.get(name) or boot_knob(name)
