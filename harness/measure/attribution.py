"""Charging the time of gaps to what the kernel did meanwhile. Pure: ticks and events in, sums out.

A gap begins and ends with the probe running. So whoever was switched to in it had the CPU until the
next switch; and the probe is the task that had the CPU while there was no gap.
"""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.measure.trace_text import Event, Kind

Span = tuple[int, int]  # from, until before, on the counter

UNEXPLAINED = "unexplained"
FAULT = "page fault"
_RANK = {Kind.INTERRUPT: 0, Kind.SOFTIRQ: 1, Kind.TASK: 2}
MAX_TASKS = 200  # names of tasks come from outside
OTHER_TASKS = "task: others"


@dataclass(slots=True)
class Charge:
    """Ticks in all, the number of gaps with a part of it, and the most of it in one gap."""

    ticks: int = 0
    count: int = 0
    worst: int = 0

    def add(self, ticks: int, count: int = 1, worst: int | None = None) -> None:
        self.ticks += ticks
        self.count += count
        self.worst = max(self.worst, ticks if worst is None else worst)


@dataclass(frozen=True, slots=True)
class Charges:
    """By cause, UNEXPLAINED among them; their ticks are those of all gaps."""

    by_name: Mapping[str, Charge]
    eventless_ticks: int = 0  # of gaps in which nothing was traced


@dataclass(frozen=True, slots=True)
class Interval:
    """Something was under way from `start` until before `end`."""

    start: int
    end: int
    rank: int
    name: str


def attribute(gaps: Sequence[Span], events: Sequence[Event], window: Span) -> Charges:
    """What each cause took of these gaps, which are in order, do not overlap, and lie in `window`.

    `window` is when the probe ran; events from before and after it do no harm.
    """
    tasks = _tasks(gaps, events, window)
    away = [(one.start, one.end) for one in tasks]
    faults = [e.tsc for e in events if e.kind is Kind.FAULT and not _within(e.tsc, away)]
    times = [event.tsc for event in events]
    sums: dict[str, Charge] = {}
    eventless = 0
    for (start, end), charged in zip(
        gaps, _charged(gaps, _under_way(events, window, tasks)), strict=True
    ):
        left = end - start - charged.total()
        if left and bisect_left(faults, start) < bisect_right(faults, end):
            charged[FAULT] += left
        elif left:
            charged[UNEXPLAINED] += left
            seen = charged.total() > left or bisect_left(times, start) < bisect_right(times, end)
            eventless += 0 if seen else left
        for name, ticks in charged.items():
            sums.setdefault(_bounded(name, sums), Charge()).add(ticks)
    return Charges(sums, eventless)


def by_span(
    spans: Sequence[Span], events: Sequence[Event], window: Span, own: Collection[str]
) -> list[Counter[str]]:
    """Per span what each cause took of it: for spans in which the thread itself may have worked.

    Spans are in order and do not overlap; `own` are the names of the threads that are watched. What
    no cause took is not unexplained here: it may be theirs.
    """
    others = [
        one for one in _stays(events, window[1]) if one.name not in {f"task: {n}" for n in own}
    ]
    return _charged(spans, _under_way(events, window, others))


def _stays(events: Sequence[Event], until: int) -> list[Interval]:
    """Who had the CPU from which switch to which."""
    switches = [event for event in events if event.kind is Kind.TASK]
    ends = [*(event.tsc for event in switches[1:]), until][: len(switches)]
    return [
        Interval(event.tsc, end, _RANK[Kind.TASK], f"task: {event.name}")
        for event, end in zip(switches, ends, strict=True)
        if event.tsc < end
    ]


def _under_way(events: Sequence[Event], window: Span, tasks: Sequence[Interval]) -> list[Interval]:
    return sorted([*intervals(events, window[1]), *tasks], key=lambda one: one.start)


def added(parts: Iterable[Charges]) -> Charges:
    """Several looks as one."""
    sums: dict[str, Charge] = {}
    eventless = 0
    for part in parts:
        eventless += part.eventless_ticks
        for name, one in part.by_name.items():
            into = sums.setdefault(_bounded(name, sums), Charge())
            into.add(one.ticks, one.count, one.worst)
    return Charges(sums, eventless)


def intervals(events: Iterable[Event], until: int) -> list[Interval]:
    """Interrupts and softirqs from entry to exit; one whose exit was not seen lasts until the end.

    An exit ends the youngest of its name, and whatever began after that: its own exit got lost. One
    without an entry is left out, for when it began is not known.
    """
    found: list[Interval] = []
    open_: list[Event] = []
    for event in events:
        if event.kind not in (Kind.INTERRUPT, Kind.SOFTIRQ):
            continue
        if event.begins:
            open_.append(event)
            continue
        at = next((i for i in range(len(open_) - 1, -1, -1) if _ends(event, open_[i])), None)
        if at is not None:
            found += [_interval(one, event.tsc) for one in open_[at:]]
            del open_[at:]
    return found + [_interval(one, until) for one in open_]


def _ends(event: Event, beginning: Event) -> bool:
    """A device's interrupt begins as `38 virtio2-input.0` and ends as `38`."""
    if event.kind is not beginning.kind:
        return False
    return event.name == beginning.name or beginning.name.startswith(f"{event.name} ")


def _interval(event: Event, end: int) -> Interval:
    return Interval(event.tsc, end, _RANK[event.kind], f"{event.kind.value}: {event.name}")


def _tasks(gaps: Sequence[Span], events: Sequence[Event], window: Span) -> list[Interval]:
    """When other tasks than the probe had the CPU."""
    switches = [event for event in events if event.kind is Kind.TASK]
    if not switches:
        return []
    times = [event.tsc for event in switches]
    stays = list(zip(switches, times, [*times[1:], window[1]], strict=True))
    alone = _Covered(gaps, window)
    ran = Counter({switches[0].previous_pid: alone.free(window[0], times[0])})
    for event, start, end in stays:
        ran[event.pid] += alone.free(start, end)
    probe_pid, free = ran.most_common(1)[0]
    if not free:  # all of the window is one gap; the probe was there before the first switch
        probe_pid = switches[0].previous_pid
    return [
        Interval(start, end, _RANK[Kind.TASK], f"task: {event.name}")
        for event, start, end in stays
        if event.pid != probe_pid and start < end
    ]


class _Covered:
    """How much of a stretch of time lies in the window and in no gap."""

    def __init__(self, gaps: Sequence[Span], window: Span) -> None:
        self._window = window
        self._starts = [start for start, _ in gaps]
        self._sums = [0]
        for start, end in gaps:
            self._sums.append(self._sums[-1] + end - start)
        self._gaps = gaps

    def free(self, start: int, end: int) -> int:
        start, end = max(start, self._window[0]), min(end, self._window[1])
        return max(0, end - start - (self._before(end) - self._before(start)))

    def _before(self, moment: int) -> int:
        at = bisect_right(self._starts, moment) - 1
        if at < 0:
            return 0
        start, end = self._gaps[at]
        return self._sums[at] + min(moment, end) - start


def _charged(gaps: Sequence[Span], under_way: Sequence[Interval]) -> list[Counter[str]]:
    """By gap what each interval took of it: at any moment the first by rank, then the youngest.

    A sweep over all bounds; what is under way is in a heap from which it falls when it has ended.
    """
    bounds = sorted(
        {bound for gap in gaps for bound in gap} | {t for i in under_way for t in (i.start, i.end)}
    )
    charged: list[Counter[str]] = [Counter() for _ in gaps]
    heap: list[tuple[int, int, int, Interval]] = []
    gap = begun = 0
    for now, then in itertools.pairwise(bounds):
        while begun < len(under_way) and under_way[begun].start <= now:
            one = under_way[begun]
            heapq.heappush(heap, (one.rank, -one.start, -begun, one))
            begun += 1
        while heap and heap[0][3].end <= now:
            heapq.heappop(heap)
        while gap < len(gaps) and gaps[gap][1] <= now:
            gap += 1
        if heap and gap < len(gaps) and gaps[gap][0] <= now:
            charged[gap][heap[0][3].name] += then - now
    return charged


def _within(moment: int, spans: Sequence[Span]) -> bool:
    at = bisect_right(spans, (moment, 1 << 70)) - 1
    return at >= 0 and spans[at][0] <= moment < spans[at][1]


def _bounded(name: str, known: Mapping[str, Charge]) -> str:
    if name in known or not name.startswith("task: ") or len(known) < MAX_TASKS:
        return name
    return OTHER_TASKS
