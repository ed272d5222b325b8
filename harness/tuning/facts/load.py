"""What else wants the CPUs at this moment, and has wanted them since boot."""

from __future__ import annotations

import re

from harness.tuning.facts.base import Look, Readers, lines, number, table
from harness.tuning.tree import Absent


def _load(look: Look, source: str) -> float:
    match = re.match(r"([0-9]{1,9}\.[0-9]{1,4})\s", look.text(source))
    if match is None:
        raise Absent(f"not understood: {look.text(source)[:40]!r}")
    return float(match[1])


def _runnable(look: Look, source: str) -> int:
    """Tasks that run or wait to run at this moment, this one among them."""
    match = re.search(r" ([0-9]{1,9})/[0-9]{1,9} ", look.text(source))
    if match is None:
        raise Absent("no count of runnable tasks")
    return int(match[1])


def _column(look: Look, source: str, column: int) -> dict[str, str]:
    """A column of the lines `cpuN ...`, by CPU; the name is column 0."""
    found = []
    for text in look.text(source).splitlines():
        words = text.split()
        if words and re.fullmatch(r"cpu[0-9]{1,5}", words[0]):
            if len(words) <= column:
                raise Absent(f"line {words[0]!r} has {len(words)} columns")
            found.append((words[0][3:], str(number(words[column]))))
    return table(found, "no line of a CPU")


def _steal_ticks(look: Look, source: str) -> dict[str, str]:
    return _column(look, source, 8)


def _wait_ns(look: Look, source: str) -> dict[str, str]:
    """Time for which tasks waited for the CPU while others ran there."""
    return _column(look, source, 8)


READERS: Readers = {
    "load.one_minute": ("/proc/loadavg", _load),
    "load.runnable": ("/proc/loadavg", _runnable),
    "load.cpu_pressure": ("/proc/pressure/cpu", lines),
    "load.steal_ticks": ("/proc/stat", _steal_ticks),
    "load.wait_ns": ("/proc/schedstat", _wait_ns),
}
