"""A long run: latency over time, what the machine did meanwhile, drift, and its worst stretch.

Reads the intervals of the soak's histogram log and the lines of series.jsonl with kind `interval`
and `health`. Counters are drawn as what was added between two lines, levels as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from harness.measure.hlog import Interval
from harness.report import charts_time
from harness.report.charts import Target
from harness.report.charts_time import Heat, Moment
from harness.report.curves import chart_target
from harness.report.evidence import Evidence, Json, scale_of
from harness.report.figures import NOT_AVAILABLE, count_text, ns_text, span_text
from harness.report.lanes import lanes, number
from harness.report.page import Figure, LongRun, Table, text_of

MOST_ROWS = 12
_COMPRESSED = re.compile(r"time-compressed (\d+)x")
_ZOOM_SHARE = 12  # 20 minutes of four hours


def long_run(evidence: Evidence) -> LongRun | None:
    """None for runs that watched no load over time."""
    lines = [s for s in evidence.series if s.get("kind") == "interval"]
    soak = _soak(evidence)
    if soak is None or len(lines) < 2:
        return None
    metric: Json = next((m for m in evidence.run.get("metrics", []) if _same(m, soak)), {})
    target = chart_target(metric) or chart_target(
        {"target": evidence.wire_target, "statistic": "p99"}
    )
    timed = evidence.timed(soak)
    label, factor = compressed(evidence), compression(evidence)
    heat = _heat(timed, scale_of(soak), factor)
    if heat is None:
        return None
    health = [s for s in evidence.series if s.get("kind") == "health"] or lines
    length_s = float(lines[-1].get("t_s") or 0) * factor
    over = _over(timed, scale_of(soak), target)
    return LongRun(
        label=label,
        chart=charts_time.timeline_chart(
            _titled("Latency over the run", label),
            heat,
            target,
            lanes(lines, health, factor),
            _moments(evidence, factor),
        ),
        facts=[
            ("length", span_text(length_s) + (f" shown, {label}" if label else "")),
            ("intervals", count_text(len(lines))),
            ("intervals with p99 at or over target", _over_target(lines, target)),
            ("longest streak of them", _streak(lines, target)),
            ("samples at or over target", over),
        ],
        drift=_drift(evidence),
        worst=_worst(lines, factor),
        zoom=_zoom(timed, scale_of(soak), target, health, lines, factor),
    )


def compressed(evidence: Evidence) -> str:
    """'time-compressed 240x' of a run whose clock ran faster for the record; '' of any other."""
    factor = compression(evidence)
    return f"time-compressed {factor:g}x" if factor > 1 else ""


def compression(evidence: Evidence) -> float:
    """How many seconds of the record pass in one by the clock; 1 for an honest run."""
    for measurement in evidence.run.get("measurements", []):
        factor = (measurement.get("facts") or {}).get("compress")
        if factor and float(factor) > 1:
            return float(factor)
        if match := _COMPRESSED.search(str(measurement.get("load") or "")):
            return float(match[1])
    return 1.0


def _titled(title: str, label: str) -> str:
    return f"{title}, {label}" if label else title


def _soak(evidence: Evidence) -> Json | None:
    """The wire latency of the phase that lasted: named so, or the one with most intervals."""
    wires = [
        m
        for m in evidence.run.get("measurements", [])
        if m.get("points") == "wire" and m.get("hlog") and not str(m["id"]).startswith("null.")
    ]
    named = [m for m in wires if str(m["id"]).split(".")[0] in ("soak", "stability")]
    return (named or sorted(wires, key=lambda m: -len(evidence.timed(m))))[0] if wires else None


def _same(metric: Json, measurement: Json) -> bool:
    return all(metric.get(k) == measurement.get(k) for k in ("id", "regime", "points", "load"))


def _heat(timed: Sequence[Interval], scale: float, factor: float) -> Heat | None:
    starts = np.array([i.start_s for i in timed], dtype=np.float64) * factor
    ends = np.array([i.start_s + i.length_s for i in timed], dtype=np.float64) * factor
    levels = [
        (
            np.asarray(i.histogram.values() * scale, dtype=np.float64),
            i.histogram.counts,
            i.histogram.highest * scale,
        )
        for i in timed
    ]
    return charts_time.heat_of(starts, ends, levels)


def _moments(evidence: Evidence, factor: float) -> list[Moment]:
    """Named moments of the series: phases, injected faults, trips of the kill switch."""
    return [
        Moment(float(s["t_s"]) * factor, str(s.get("label") or s.get("event") or ""))
        for s in evidence.series
        if s.get("kind") in ("event", "moment") and s.get("t_s") is not None
    ][:20]


def _at_or_over(lines: Sequence[Json], target: Target | None) -> list[bool]:
    if target is None:
        return []
    return [float(s.get("p99_ns") or 0) >= target.value_ns for s in lines]


def _over_target(lines: Sequence[Json], target: Target | None) -> str:
    seen = _at_or_over(lines, target)
    return f"{sum(seen)} of {len(seen)}" if seen else "no target"


def _streak(lines: Sequence[Json], target: Target | None) -> str:
    longest = at = 0
    seen = _at_or_over(lines, target)
    for over in seen:
        at = at + 1 if over else 0
        longest = max(longest, at)
    return str(longest) if seen else NOT_AVAILABLE


def _over(timed: Sequence[Interval], scale: float, target: Target | None) -> str:
    if target is None:
        return NOT_AVAILABLE
    return count_text(sum(i.histogram.n_at_or_above(target.value_ns / scale) for i in timed))


def _worst(lines: Sequence[Json], factor: float) -> Table:
    ranked = sorted(lines, key=lambda s: -float(s.get("max_ns") or 0))[:MOST_ROWS]
    rows = [
        [
            span_text(float(s.get("t_s") or 0) * factor),
            count_text(float(s.get("n") or 0)),
            *(ns_text(s.get(k)) for k in ("p50_ns", "p99_ns", "max_ns")),
            text_of(s.get("loss"), ""),
        ]
        for s in ranked
    ]
    left = len(lines) - len(rows)
    note = f"{count_text(left)} more intervals in series.jsonl" if left > 0 else ""
    heads = ["worst intervals end at", "orders timed", "p50", "p99", "max", "lost"]
    return Table(heads, rows, note)


def _zoom(
    timed: Sequence[Interval],
    scale: float,
    target: Target | None,
    health: Sequence[Json],
    lines: Sequence[Json],
    factor: float,
) -> Figure | None:
    """The stretch with most samples at or over target (without one: with the longest sample)."""
    wide = max(len(timed) // _ZOOM_SHARE, 4)
    if len(timed) < 3 * wide:
        return None
    bad = np.array(
        [
            i.histogram.n_at_or_above(target.value_ns / scale) if target else i.histogram.highest
            for i in timed
        ],
        dtype=np.float64,
    )
    if not bad.any():
        bad = np.array([i.histogram.highest for i in timed], dtype=np.float64)
    first = int(np.argmax(np.convolve(bad, np.ones(wide), mode="valid")))
    part = timed[first : first + wide]
    heat = _heat(part, scale, factor)
    if heat is None:
        return None

    def within(some: Sequence[Json]) -> list[Json]:
        return [s for s in some if heat.from_s <= float(s.get("t_s") or 0) * factor <= heat.to_s]

    said = f"Worst stretch, {span_text(heat.from_s)} to {span_text(heat.to_s)}"
    chart = charts_time.timeline_chart(
        said, heat, target, lanes(within(lines), within(health), factor)
    )
    return Figure(said, chart, Table([], []))


def _drift(evidence: Evidence) -> Table:
    """Each judged metric's drift over the run, with its 95 % interval."""
    units = {"p50_pct": ("p50", "%"), "p99_pct": ("p99", "%")}
    rows = []
    for metric in evidence.run.get("metrics", []):
        for key, bounds in (metric.get("drift") or {}).items():
            if not isinstance(bounds, list) or len(bounds) != 3 or not all(map(number, bounds)):
                continue
            low, middle, high = (float(b) for b in bounds)
            if key.endswith("_bytes_per_h"):
                name, unit = key.removesuffix("_bytes_per_h").upper(), "KiB/h"
                low, middle, high = low / 1024, middle / 1024, high / 1024
            else:
                name, unit = units.get(key, (key.replace("_", " "), ""))
            rows.append(
                [
                    str(metric.get("id")),
                    name,
                    f"{middle:+.3g} {unit}".rstrip(),
                    f"{low:+.3g} to {high:+.3g} {unit}".rstrip(),
                ]
            )
    return Table(["metric", "drift of", "over the run", "95 % interval"], rows)


def cut_off(run: Json) -> str:
    """Of a run that is incomplete: how far its soak came, where it has one that says so."""
    facts = [m.get("facts") or {} for m in run.get("measurements", []) if m.get("unit") == "h"]
    said = "it was cut off before its end; what it holds is no result"
    for one in facts:
        if isinstance(one.get("asked_h"), int | float) and isinstance(
            one.get("value"), int | float
        ):
            return f"{_clock(one['value'])} of {_clock(one['asked_h'])}: {said}"
    return said


def _clock(hours: float) -> str:
    """'3 h 12 m', '4 h', '40 s'; never rounded up."""
    seconds = int(hours * 3600 + 1e-6)
    minutes = seconds % 3600 // 60
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 3600} h {minutes} m" if minutes else f"{seconds // 3600} h"
