"""A host with every kind of answer that a kernel gives to a tuning, for tests that put it back."""

from __future__ import annotations

import errno
from pathlib import Path

from fake_kernel import FakeKernel, Mortal, Plain, Rounding, change

from harness.tuning.apply import apply
from harness.tuning.journal import Journal
from harness.tuning.knobs.base import Op
from harness.tuning.owner import myself
from harness.tuning.restore import Restored

BEFORE = {
    "/proc/sys/vm/swappiness": "60",
    "/proc/sys/vm/stat_interval": "1",
    "/sys/nr_hugepages": "0",
    "/proc/irq/36/smp_affinity_list": "0-1",
    "/sys/class/net/feed/coalesce": "adaptive",
    "/sys/class/net/feed/usecs": "64",
    "/sys/class/net/feed/channels": "2",
    "/sys/class/net/feed/xps_of_1": "3",
    "/sys/class/net/feed/rps_of_1": "3",
    "/proc/7/affinity": "0-1",
}
SWAP, STAT, PAGES, IRQ, COALESCE, USECS, CHANNELS, XPS, RPS, TASK = BEFORE


def wishes() -> list[Op]:
    """Every kind of answer: taken, rounded, refused, moved by another, taken away, ended."""
    return [
        change(Plain(SWAP), "1"),
        change(Plain(STAT), "10"),
        change(Rounding(PAGES), "512"),
        change(Plain(IRQ), "0"),
        change(Rounding(COALESCE), "off"),
        change(Rounding(USECS), "1"),
        change(Rounding(XPS), "1"),
        change(Plain(CHANNELS), "1"),  # with its queue the other two go, and come back as new
        change(Plain(RPS), "1"),
        change(Mortal(TASK), "0"),
    ]


def tunable_host(root: Path) -> FakeKernel:
    kernel = FakeKernel(root, BEFORE)
    kernel.refusing[IRQ] = errno.EIO
    kernel.becoming[PAGES] = lambda text: str(min(int(text), 300))
    kernel.moving[CHANNELS] = lambda text: dict.fromkeys((XPS, RPS), "0" if text == "2" else None)
    kernel.moving[COALESCE] = lambda text: {USECS: "8" if text == "off" else "64"}
    return kernel


def new_journal(state: Path, kernel: FakeKernel) -> Journal:
    return Journal.create(state, owner=myself(), title="x", root=kernel.root)


def found(state: Path) -> Journal:
    journal = Journal.open(state)
    assert journal is not None
    return journal


def applied(state: Path, kernel: FakeKernel) -> Journal:
    """A journal as the next process finds it after `wishes` were applied."""
    journal = new_journal(state, kernel)
    apply(wishes(), kernel, journal)
    journal.close()
    kernel.writes.clear()
    return found(state)


def by_target(restored: Restored) -> dict[str, str]:
    return {item.target: item.state for item in restored.items}
