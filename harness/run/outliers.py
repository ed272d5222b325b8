"""What made the slowest answers of a trial slow: one cause each, by what the kernel did meanwhile.

Span:    from twice its own latency before an answer was due until it was received. What it waits
    behind was queued before it, and a queue is no longer than what built it.
Charge:  what interrupts, softirqs, other tasks and page faults took of the span, on the engine's
    CPU and on the rig's (harness/measure/attribution.py).
Cause:   the largest charge, when it is a third or more of what the answer took beyond the median.
    Else, when the generator itself sent late by half of it, `generator late`; else, for an excess
    of NOTHING_SEEN_NS or more, NOTHING_SEEN: no program stops for so long without the kernel's
    doing, so it was the hypervisor, firmware or hardware; else UNEXPLAINED.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.measure import attribution
from harness.measure.attribution import UNEXPLAINED, Span
from harness.measure.trace_text import Event

NOTHING_SEEN = "no event of the kernel: hypervisor, firmware or hardware"
GENERATOR = "generator late"
NOTHING_SEEN_NS = 20_000  # an answer queues behind a burst for less than that
SHARE = 1 / 3
LATE_SHARE = 1 / 2
LOOKBACK = 2
OWN = ("rl-engine", "rl-rig")  # the names of the trial's two threads


@dataclass(frozen=True, slots=True)
class Outlier:
    """An answer, in ns, and its moments on the CPU's counter."""

    value_ns: int
    seq: int
    intended_tsc: int
    actual_tsc: int
    received_tsc: int


@dataclass(frozen=True, slots=True)
class Caused:
    """An outlier with its cause; `cpu` and `role` are where that was, the engine's for none."""

    outlier: Outlier
    cause: str
    evidence: str
    cpu: int
    role: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What was traced on one CPU of the trial."""

    cpu: int
    role: str
    events: Sequence[Event]


def caused(
    found: Sequence[Outlier], looked: Sequence[Looked], median_ns: float, ns_per_tick: float
) -> list[Caused]:
    """Each outlier with its cause, slowest first. `looked`: the engine's CPU first."""
    ordered = sorted(found, key=lambda one: -one.value_ns)
    if not ordered:
        return []
    spans = {one.seq: _span(one) for one in ordered}
    merged = _merged(list(spans.values()))
    window = (merged[0][0], max(end for _, end in merged))
    charged = [
        (
            look,
            list(zip(merged, attribution.by_span(merged, look.events, window, OWN), strict=True)),
        )
        for look in looked
    ]
    return [_cause(one, spans[one.seq], charged, median_ns, ns_per_tick) for one in ordered]


def _span(one: Outlier) -> Span:
    length = one.received_tsc - one.intended_tsc
    return max(one.intended_tsc - LOOKBACK * length, 0), one.received_tsc


def _merged(spans: list[Span]) -> list[Span]:
    """Spans in order, those that touch as one: answers behind one stall share its cause."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _cause(
    one: Outlier,
    span: Span,
    charged: Sequence[tuple[Looked, Sequence[tuple[Span, Mapping[str, int]]]]],
    median_ns: float,
    ns_per_tick: float,
) -> Caused:
    excess_ns = max(one.value_ns - median_ns, 1.0)
    largest: tuple[float, str, Looked] | None = None
    for look, parts in charged:
        took = next(took for part, took in parts if part[0] <= span[0] and span[1] <= part[1])
        for name, ticks in took.items():
            if largest is None or ticks * ns_per_tick > largest[0]:
                largest = (ticks * ns_per_tick, name, look)
    if largest is not None and largest[0] >= SHARE * excess_ns:
        took_ns, name, look = largest
        said = f"{took_ns / 1000:.1f} us around it on CPU {look.cpu}"
        return Caused(one, name, said, look.cpu, look.role)
    engine = charged[0][0]
    late_ns = (one.actual_tsc - one.intended_tsc) * ns_per_tick
    if late_ns >= LATE_SHARE * excess_ns:
        rig = charged[-1][0]
        return Caused(one, GENERATOR, f"sent {late_ns / 1000:.1f} us late", rig.cpu, rig.role)
    seen = f"the kernel took {(largest[0] if largest else 0) / 1000:.1f} us around it"
    if excess_ns >= NOTHING_SEEN_NS:
        return Caused(one, NOTHING_SEEN, seen, engine.cpu, engine.role)
    return Caused(one, UNEXPLAINED, seen, engine.cpu, engine.role)


def lines(
    trial: str, found: Sequence[Caused], start_tsc: int, ns_per_tick: float
) -> Iterator[dict[str, Any]]:
    """The lines of outliers.jsonl; times are seconds since the earliest outlier was due."""
    for rank, one in enumerate(found, 1):
        yield {
            "trial": trial,
            "pass": "attribution",
            "rank": rank,
            "value_ns": one.outlier.value_ns,
            "t_s": round((one.outlier.intended_tsc - start_tsc) * ns_per_tick / 1e9, 6),
            "cpu": one.cpu,
            "role": one.role,
            "cause": one.cause,
            "evidence": one.evidence,
        }


def sums(found: Sequence[Caused], median_ns: float) -> list[dict[str, Any]]:
    """By cause how many, and what they took beyond the median together; the most first."""
    n: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for one in found:
        n[one.cause] += 1
        lost[one.cause] += max(round(one.outlier.value_ns - median_ns), 0)
    return [{"cause": cause, "n": n[cause], "lost_ns": ns} for cause, ns in lost.most_common()]
