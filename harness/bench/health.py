"""What a measuring process looks like from its own /proc, second by second.

A look takes a fraction of a millisecond on the thread that otherwise sleeps. Where the process may
use a CPU besides the two of the trial it is taken there; on a machine without one it takes a turn
from them, and `took_ns` says how long: the observer's cost stands beside what it saw.

Shapes: `Health.look()` gives whole numbers by name, those of CPUs and hot threads by role below it;
    what this host does not tell is absent. COUNTERS only rise, from the start of the process or of
    the host: a reader takes differences. The others are levels.
Source:  proc(5): statm, smaps_rollup, task/<tid>/status, interrupts, softirqs, stat.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from harness.bench.stall import threads_of

T = TypeVar("T")
Look = dict[str, int | dict[str, int]]
COUNTERS = ("minflt", "majflt", "nvcsw", "nivcsw", "irqs", "softirqs", "steal_ticks")

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PSS_EVERY = 10  # looks
_HOT = {"rl-engine": "engine", "rl-reflect": "engine", "rl-rig": "rig"}
_STEAL = 8  # of a line of /proc/stat: name, user, nice, system, idle, iowait, irq, softirq, steal


class Health:
    """Looks at this process and at the CPUs that its trial runs on, by role."""

    def __init__(self, cpus: Mapping[str, int], root: Path = Path("/")) -> None:
        self._cpus = cpus
        self._root = root
        self._threads: dict[str, int] = {}
        self._n_looks = 0

    def look(self) -> Look:
        """Memory, descriptors, faults, switches, interrupts, stolen time, frequencies."""
        began = time.monotonic_ns()
        used = resource.getrusage(resource.RUSAGE_SELF)
        seen: Look = {
            "rss_bytes": int(self._text("proc/self/statm").split()[1]) * PAGE_BYTES,
            "minflt": used.ru_minflt,
            "majflt": used.ru_majflt,
            "n_fds": sum(1 for _ in (self._root / "proc/self/fd").iterdir()),
        }
        walk = self._n_looks % PSS_EVERY == 0  # the kernel walks every page table for it
        self._n_looks += 1
        pss = field(self._text("proc/self/smaps_rollup"), "Pss") if walk else None
        if pss is not None:
            seen["pss_bytes"] = pss * 1024
        statuses = self._statuses()
        interrupts, softirqs = self._text("proc/interrupts"), self._text("proc/softirqs")
        stat = self._text("proc/stat")
        seen |= {
            "nvcsw": _told(statuses, lambda text: field(text, "voluntary_ctxt_switches")),
            "nivcsw": _told(statuses, lambda text: field(text, "nonvoluntary_ctxt_switches")),
            "irqs": _told(self._cpus, lambda cpu: column_sum(interrupts, cpu)),
            "softirqs": _told(self._cpus, lambda cpu: column_sum(softirqs, cpu)),
            "steal_ticks": _told(self._cpus, lambda cpu: steal(stat, cpu)),
            "freq_khz": _told(self._cpus, self._frequency),
        }
        return seen | {"took_ns": time.monotonic_ns() - began}

    def _statuses(self) -> dict[str, str]:
        """The status of each hot thread that is still there."""
        if not self._threads:
            named = threads_of(os.getpid())
            self._threads = {_HOT[name]: tid for tid, name in named if name in _HOT}
        texts = ((r, self._text(f"proc/self/task/{t}/status")) for r, t in self._threads.items())
        return {role: text for role, text in texts if text}

    def _frequency(self, cpu: int) -> int | None:
        path = f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq"
        text = self._text(path).strip()
        return int(text) if text.isdigit() else None

    def _text(self, name: str) -> str:
        try:
            return (self._root / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


def _told(of: Mapping[str, T], ask: Callable[[T], int | None]) -> dict[str, int]:
    """The answers by role, without those that there are not."""
    answers = ((role, ask(what)) for role, what in of.items())
    return {role: answer for role, answer in answers if answer is not None}


@contextmanager
def out_of_the_way(cpus: Mapping[str, int]) -> Iterator[None]:
    """This thread on the other CPUs that it may use, if there are any; back at the end."""
    allowed = os.sched_getaffinity(0)
    others = allowed - set(cpus.values())
    if others:
        os.sched_setaffinity(0, others)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def column_sum(table: str, cpu: int) -> int | None:
    """All counts of one CPU in /proc/interrupts or /proc/softirqs; None when it has no column."""
    head, _, body = table.partition("\n")
    names = head.split()
    if f"CPU{cpu}" not in names:
        return None
    at = names.index(f"CPU{cpu}") + 1
    total = 0
    for line in body.splitlines():
        parts = line.split()
        # Lines such as ERR have one count, for the whole machine.
        if len(parts) > len(names) and parts[at].isdigit():
            total += int(parts[at])
    return total


def steal(stat: str, cpu: int) -> int | None:
    """Ticks that the hypervisor took from a CPU, by /proc/stat."""
    for line in stat.splitlines():
        parts = line.split()
        if parts[:1] == [f"cpu{cpu}"] and len(parts) > _STEAL:
            return int(parts[_STEAL])
    return None


def field(text: str, name: str) -> int | None:
    """A number of a file of `Name: number` lines."""
    for line in text.splitlines():
        key, _, rest = line.partition(":")
        number = rest.split()[:1]
        if key == name and number and number[0].isdigit():
            return int(number[0])
    return None
