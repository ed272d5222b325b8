"""The noise of a host as text: how much each CPU loses, in gaps of which lengths, and to what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.measure.causes import Attribution, CoreCauses

Records = Sequence[Mapping[str, Any]]

# Gaps longer than these, in ns: decades, as the curve of a record has them.
DECADES: Sequence[tuple[float, str]] = (
    (100.0, "0.1-1 us"),
    (1e3, "1-10 us"),
    (1e4, "10-100 us"),
    (1e5, "0.1-1 ms"),
    (1e6, "1-10 ms"),
    (1e7, "10 ms or more"),
)
MAX_CAUSES = 8


def floor_lines(records: Records) -> Iterator[str]:
    """A line a CPU: lost time, the longest gap, and how many gaps of each length there were."""
    cpus = dict.fromkeys(one["cpu"] for one in records if "lost_ns" in one)
    for cpu in cpus:
        looks = [one for one in records if one["cpu"] == cpu and "lost_ns" in one]
        seconds = sum(one["seconds"] for one in looks)
        lost = sum(one["lost_ns"] for one in looks) / (seconds * 1e9)
        longest = max(one["max_ns"] for one in looks)
        yield (
            f"CPU {cpu}: {100 * lost:.2g} % of {seconds:.3g} s lost, longest gap {_time(longest)}"
            f"{_histogram(looks)}"
        )


def _histogram(looks: Records) -> str:
    """Counts by decade, from the curves of gaps longer than x, where they were recorded."""
    if not all("rate" in one for one in looks):
        return ""
    longer = [sum(_longer_than(one, x) for one in looks) for x, _ in DECADES]
    counts = [a - b for a, b in zip(longer, [*longer[1:], 0.0], strict=True)]
    shown = [
        f"{count:.0f} of {name}"
        for count, (_, name) in zip(counts, DECADES, strict=True)
        if count >= 0.5
    ]
    return f"; gaps: {', '.join(shown) or 'none'}"


def _longer_than(look: Mapping[str, Any], x_ns: float) -> float:
    """How many gaps of a look are longer."""
    found = [rate for at, rate in look["rate"] if abs(at - x_ns) < 1e-3 * x_ns]
    return float(found[0]) * look["seconds"] * 1e9 if found else 0.0


def causes_lines(found: Attribution) -> Iterator[str]:
    """Where the lost time of each CPU went, and what looking cost; or why nobody can tell."""
    if found.missing:
        yield f"causes: not shown: {found.missing}"
    for core in found.cores:
        yield from _core_lines(core)


def _core_lines(core: CoreCauses) -> Iterator[str]:
    wall_ns = core.seconds * 1e9
    yield (
        f"CPU {core.cpu}: {100 * core.lost_ns / wall_ns:.2g} % of {core.seconds:.3g} s lost "
        "while traced, by cause:"
    )
    rows = [*core.causes[:MAX_CAUSES]]
    rest = core.causes[MAX_CAUSES:]
    for cause in rows:
        yield _cause_line(cause.name, cause.lost_ns, core.lost_ns, cause.count, cause.worst_ns)
    if rest:
        lost_ns, count = sum(one.lost_ns for one in rest), sum(one.count for one in rest)
        worst = max(one.worst_ns for one in rest)
        yield _cause_line(f"{len(rest)} others", lost_ns, core.lost_ns, count, worst)
    left = core.unexplained
    yield _cause_line(
        "unexplained (hypervisor, SMI)", left.lost_ns, core.lost_ns, left.count, left.worst_ns
    )
    observer = core.observer
    cost = (
        f"not known: {observer.difference.missing}"
        if observer.difference.missing
        else f"{observer.difference.worth:.0f} ppm of the time "
        f"({observer.difference.low:.0f} to {observer.difference.high:.0f})"
    )
    yield f"  looking cost {cost}"
    if core.lost_events:
        yield f"  {core.lost_events} events were lost: causes are incomplete"


def _cause_line(name: str, lost_ns: float, all_ns: float, count: int, worst_ns: float) -> str:
    share = lost_ns / all_ns if all_ns else 0.0
    return f"  {name:<40} {100 * share:5.1f} %  {count:>7} gaps  worst {_time(worst_ns)}"


def _time(ns: float) -> str:
    return f"{ns / 1e6:.3g} ms" if ns >= 1e6 else f"{ns / 1e3:.3g} us"
