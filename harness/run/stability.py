"""Hours at one load: whether anything grew, drifted, broke or went over target on the way.

The hours are asked for, not the only thing asked: a soak holds its row when it lasted, lost nothing
and, over its intervals,
    windows    no interval's p99 was at the end-to-end target or over it,
    drift      p50 and p99 drift by less than 5 % over the run, by the far end of the interval of
               the Theil-Sen slope,
    memory     resident memory grows by less than 1 MiB in four hours, by the same end.
What the interval straddles is MARGINAL. Fewer than MIN_WINDOWS intervals show no drift, and less
than MIN_HOURS no growth: a slope of minutes, drawn out to hours, is a guess.

Host:     latency that the host's noise may have made is no FAIL, as everywhere. Memory has no such
    excuse.
Source:   Theil 1950, Sen 1968; harness/measure/drift.py has the interval.
Units:    percent over the run, bytes per hour, hours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.matrix import Gate, Target
from harness.measure.drift import Interval, drift_pct, growth
from harness.run import verdicts
from harness.run.verdicts import HostNoise, State, Verdict, show, unjudgeable

MAX_DRIFT_PCT = 5.0
MAX_GROWTH_BYTES, GROWTH_H = 1 << 20, 4.0
MIN_WINDOWS = 60
MIN_HOURS = 0.5


@dataclass(frozen=True, slots=True)
class Health:
    """What the intervals of a soak say. None: they do not say it."""

    hours: float
    n_windows: int
    n_lost: int
    n_over: int | None = None
    longest_streak: int | None = None
    p50_pct: Interval | None = None
    p99_pct: Interval | None = None
    rss_bytes_per_h: Interval | None = None

    def json(self) -> dict[str, Any]:
        """The key `drift` of a metric."""
        return {
            "p50_pct": _listed(self.p50_pct),
            "p99_pct": _listed(self.p99_pct),
            "rss_bytes_per_h": _listed(self.rss_bytes_per_h),
            "windows": self.n_windows,
            "windows_over": self.n_over,
            "longest_streak": self.longest_streak,
            "loss": self.n_lost,
        }


def health(intervals: Sequence[Mapping[str, Any]], hours: float, limit: Target | None) -> Health:
    """Read off the lines of kind "interval"; `limit` is the target of each interval's p99."""
    t_s = [float(line["t_s"]) for line in intervals]
    series = {
        name: [None if line.get(name) is None else float(line[name]) for line in intervals]
        for name in ("p50_ns", "p99_ns", "rss_bytes")
    }
    n_over = streak = None
    seen = [value for value in series["p99_ns"] if value is not None]
    if limit is not None and seen:
        over = [value is not None and not limit.met_by(value) for value in series["p99_ns"]]
        n_over, streak = sum(over), longest(over)
    enough = len(intervals) >= MIN_WINDOWS
    return Health(
        hours=hours,
        n_windows=len(intervals),
        n_lost=sum(int(line.get("loss") or 0) for line in intervals),
        n_over=n_over,
        longest_streak=streak,
        p50_pct=drift_pct(t_s, series["p50_ns"]) if enough else None,
        p99_pct=drift_pct(t_s, series["p99_ns"]) if enough else None,
        rss_bytes_per_h=growth(t_s, series["rss_bytes"]) if enough else None,
    )


def longest(hits: Sequence[bool]) -> int:
    """The longest run of True."""
    best = now = 0
    for hit in hits:
        now = now + 1 if hit else 0
        best = max(best, now)
    return best


def verdict(target: Target, found: Health, host: HostNoise) -> Verdict:
    """The hours and everything that must hold over them; the worst of it, with all that is wrong.

    What failed is said before what is lacking: three hours with a leak are a leak.
    """
    parts = [
        verdicts.hours(target, found.hours),
        *_errors(found),
        *_windows(found, host),
        *(_drift(name, seen, host, q) for name, seen, q in _drifts(found)),
    ]
    if found.rss_bytes_per_h is not None and found.hours >= MIN_HOURS:
        parts.append(_memory(found.rss_bytes_per_h))
    if found.hours >= target.value and found.n_windows < MIN_WINDOWS:
        parts.append(
            verdicts.missing(f"{found.n_windows} intervals, {MIN_WINDOWS} show whether it drifts")
        )
    worst = min((part.state for part in parts), key=_FROM_WORST.index)
    said = [part for part in parts if part.state is worst]
    return Verdict(worst, "; ".join(part.reason for part in said))


_FROM_WORST = (State.FAIL, State.MISSING, State.UNJUDGEABLE, State.MARGINAL, State.PASS)


def _drifts(found: Health) -> list[tuple[str, Interval, float]]:
    both = (("p50", found.p50_pct, 0.5), ("p99", found.p99_pct, 0.99))
    return [(name, seen, q) for name, seen, q in both if seen is not None]


def _errors(found: Health) -> list[Verdict]:
    if not found.n_lost:
        return []
    return [Verdict(State.FAIL, f"{found.n_lost} messages were lost on the way")]


def _windows(found: Health, host: HostNoise) -> list[Verdict]:
    if not found.n_over:
        return []
    seen = (
        f"p99 was over target in {found.n_over} of {found.n_windows} intervals, "
        f"{found.longest_streak} in a row"
    )
    if not host.may_fail(0.99):
        return [unjudgeable(f"{host.why_not('p99', 0.99)}; {seen}")]
    return [Verdict(State.FAIL, seen)]


def _drift(name: str, seen: Interval, host: HostNoise, q: float) -> Verdict:
    low, middle, high = seen
    text = f"{name} drifts by {middle:+.2f} % over the run (95 % CI {low:+.2f} to {high:+.2f})"
    allowed = f"{MAX_DRIFT_PCT:g} % allowed"
    if max(abs(low), abs(high)) < MAX_DRIFT_PCT:
        return Verdict(State.PASS, f"{text}, {allowed}")
    if not host.may_fail(q):
        return unjudgeable(f"{host.why_not(name, q)}; {text}, {allowed}")
    if low >= MAX_DRIFT_PCT or high <= -MAX_DRIFT_PCT:
        return Verdict(State.FAIL, f"{text}, {allowed}")
    return Verdict(State.MARGINAL, f"{text} straddles the {allowed}")


def _memory(seen: Interval) -> Verdict:
    low, middle, high = (value * GROWTH_H for value in seen)
    text = (
        f"memory grows by {show(middle)} bytes in {GROWTH_H:g} h "
        f"(95 % CI {show(low)} to {show(high)})"
    )
    allowed = f"less than {MAX_GROWTH_BYTES:,} allowed"
    if high < MAX_GROWTH_BYTES:
        return Verdict(State.PASS, f"{text}, {allowed}")
    if low >= MAX_GROWTH_BYTES:
        return Verdict(State.FAIL, f"{text}, {allowed}")
    return Verdict(State.MARGINAL, f"{text} straddles what is allowed, {allowed}")


def limit_of(gates: Sequence[Gate]) -> Target | None:
    """The latency that every interval must hold: that of the end-to-end row, from wire to wire."""
    return next(
        (
            gate.target
            for gate in gates
            if gate.points == "wire" and gate.target.unit == "ns" and gate.statistic == "p99"
        ),
        None,
    )


def _listed(seen: Interval | None) -> list[float] | None:
    return None if seen is None else list(seen)
