"""The text of a kernel's trace, read strictly: what is not understood is counted, never guessed.

    python3-633     [001] d.h1. 149732666642312: local_timer_entry: vector=236

Task names are anything up to 15 bytes, a line's end and a made-up line included; so a line counts
only when all of it fits, on the CPU that is read, and not before the line ahead of it. Names of
tasks and devices are made printable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from harness.errors import printable

MAX_EVENTS = 2_000_000
MAX_LINE = 1000
MAX_NAME = 40
_LINE = re.compile(
    r" *(?P<task>.{1,24})-(?P<pid>[0-9]{1,10}) +\[(?P<cpu>[0-9]{3,5})\] [^ ]{4,6} +"
    r"(?P<tsc>[0-9]{1,20}): (?P<event>[a-z0-9_]{1,40}): ?(?P<rest>.*)"
)
_SWITCH = re.compile(
    r"prev_comm=(?P<prev>.{0,24}) prev_pid=(?P<prev_pid>[0-9]{1,10}) prev_prio=-?[0-9]{1,10} "
    r"prev_state=\S{1,8} ==> "
    r"next_comm=(?P<next>.{0,24}) next_pid=(?P<next_pid>[0-9]{1,10}) next_prio=-?[0-9]{1,10}"
)
_DEVICE = re.compile(r"irq=(?P<irq>[0-9]{1,6}) name=(?P<name>.*)")
_DEVICE_END = re.compile(r"irq=(?P<irq>[0-9]{1,6}) ret=\w{1,12}")
_SOFTIRQ = re.compile(r"vec=[0-9]{1,4} \[action=(?P<name>\w{1,20})\]")
_VECTOR = re.compile(r"vector=[0-9]{1,4}")
_FAULT = re.compile(r"address=\S{1,80} ip=\S{1,80} error_code=0x[0-9a-f]{1,16}")
_LOST = re.compile(r"CPU:([0-9]{1,5}) \[LOST ([0-9]{1,18}) EVENTS\]")


class Kind(Enum):
    """In the order in which causes are asked; a page fault has a beginning and no end."""

    INTERRUPT = "interrupt"
    SOFTIRQ = "softirq"
    TASK = "task"
    FAULT = "page fault"


@dataclass(frozen=True, slots=True)
class Event:
    """`begins` False ends the youngest of its kind and name. Of a switch: who runs from now on."""

    tsc: int
    kind: Kind
    name: str
    begins: bool = True
    pid: int = -1
    previous_pid: int = -1


@dataclass(frozen=True, slots=True)
class Trace:
    """`n_strange` lines made no sense; `n_lost` events the kernel says it lost."""

    events: tuple[Event, ...]
    n_strange: int
    n_lost: int


def parse(lines: Iterable[str], cpu: int) -> Trace:
    """What happened on a CPU, in the order of time; for any text."""
    events: list[Event] = []
    n_strange = n_lost = last = 0
    for line in lines:
        if line.startswith("#") or not line.strip():
            continue
        lost = _LOST.fullmatch(line)
        if lost:
            n_lost += int(lost[2]) if int(lost[1]) == cpu else 0
            continue
        event = _event(line, cpu)
        if event is None or event.tsc < last or len(events) >= MAX_EVENTS:
            n_strange += 1
            continue
        last = event.tsc
        events.append(event)
    return Trace(tuple(events), n_strange, n_lost)


def _event(line: str, cpu: int) -> Event | None:
    match = _LINE.fullmatch(line) if len(line) <= MAX_LINE else None
    if match is None or int(match["cpu"]) != cpu or int(match["tsc"]) >= 1 << 64:
        return None
    tsc, event, rest = int(match["tsc"]), match["event"], match["rest"]
    if event == "sched_switch":
        return _switch(tsc, rest)
    if event in ("page_fault_user", "page_fault_kernel"):
        return Event(tsc, Kind.FAULT, "page fault") if _FAULT.fullmatch(rest) else None
    what, _, end = event.rpartition("_")
    if end not in ("entry", "exit"):
        return None
    begins = end == "entry"
    if what == "irq_handler":
        device = (_DEVICE if begins else _DEVICE_END).fullmatch(rest)
        return _device(tsc, device, begins) if device else None
    if what == "softirq":
        soft = _SOFTIRQ.fullmatch(rest)
        return Event(tsc, Kind.SOFTIRQ, soft["name"], begins) if soft else None
    return Event(tsc, Kind.INTERRUPT, what, begins) if _VECTOR.fullmatch(rest) else None


def _device(tsc: int, match: re.Match[str], begins: bool) -> Event:
    """By number alone when it ends: the kernel does not say the name again."""
    name = f"{match['irq']} {_name(match['name'])}" if begins else match["irq"]
    return Event(tsc, Kind.INTERRUPT, name, begins)


def _switch(tsc: int, rest: str) -> Event | None:
    match = _SWITCH.fullmatch(rest)
    if match is None:
        return None
    return Event(
        tsc,
        Kind.TASK,
        _name(match["next"]),
        pid=int(match["next_pid"]),
        previous_pid=int(match["prev_pid"]),
    )


def _name(text: str) -> str:
    return printable(text[:MAX_NAME])
