"""Behind the headline: service and response, stages, the throughput search, outliers, the long run.

Units: ns; rates in messages per second.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.measure.percentiles import PUBLISHED
from harness.report import charts
from harness.report.charts import Curve, Lane, Target, Trial
from harness.report.evidence import Evidence, Json
from harness.report.figures import NOT_AVAILABLE, count_text, load_text, ns_text, short_count
from harness.report.metrics import chart_target, is_stage
from harness.report.page import Figure, Table, text_of
from harness.report.svg import Floats

MOST_ROWS = 25
"""Rows of a long table that are printed; the rest is in the file named beside it."""


def distribution_table(curves: Sequence[Curve], first: str) -> Table:
    heads = [first, "n", *PUBLISHED, "max"]
    rows = [
        [
            c.label,
            count_text(c.n),
            *(ns_text(c.percentile(p)) for p in PUBLISHED),
            ns_text(c.max_ns),
        ]
        for c in curves
    ]
    thin = any(c.percentile(PUBLISHED[-1]) is None for c in curves)
    note = f"{NOT_AVAILABLE}: fewer than ten samples lie beyond that percentile" if thin else ""
    return Table(heads, rows, note)


def response_figures(evidence: Evidence) -> list[Figure]:
    """Response counts from the intended time, service from the actual send: the gap is queueing."""
    figures = []
    metrics = {m["id"]: m for m in evidence.run.get("metrics", [])}
    for wire in evidence.run.get("measurements", []):
        identifier = str(wire.get("id", ""))
        if wire.get("points") != "wire" or identifier.startswith("null."):
            continue
        curves = [evidence.curve(wire, "response (from the intended time)", "main")]
        for points, label, role in (
            ("service", "service (from the actual send)", "second"),
            ("lateness", "generator lateness", "null"),
        ):
            curves.append(evidence.curve(_beside(evidence, wire, points), label, role))
        drawn = [c for c in curves if c]
        if len(drawn) < 2:
            continue
        title = f"{wire.get('regime')} at {load_text(wire.get('load'))}"
        chart = charts.percentile_chart(
            f"Service and response, {title}", drawn, chart_target(metrics.get(identifier, {}))
        )
        figures.append(Figure(title, chart, distribution_table(drawn, "distribution")))
    return figures


def _beside(evidence: Evidence, measurement: Json, points: str) -> Json | None:
    """The measurement of the same trial at other points."""
    for other in evidence.run.get("measurements", []):
        same = all(other.get(k) == measurement.get(k) for k in ("regime", "load"))
        if other.get("points") == points and same and not str(other["id"]).startswith("null."):
            return dict(other)
    return None


def stage_figures(evidence: Evidence) -> list[Figure]:
    """One figure a stages trial; each stage in the order it was recorded."""
    groups: dict[str, list[Curve]] = {}
    loads: dict[str, str] = {}
    for measurement in evidence.run.get("measurements", []):
        identifier = str(measurement.get("id", ""))
        if not is_stage(identifier):
            continue
        trial, _, name = identifier.rpartition(".")
        if curve := evidence.curve(measurement, name, "main"):
            groups.setdefault(trial, []).append(curve)
            loads[trial] = f"{measurement.get('regime')} at {load_text(measurement.get('load'))}"
    return [
        Figure(
            loads[trial],
            charts.stage_chart(f"Stages, {loads[trial]}", curves),
            distribution_table(curves, "stage"),
        )
        for trial, curves in groups.items()
    ]


def search_figure(evidence: Evidence) -> Figure | None:
    """The trials of the throughput search; None when the run searched nothing."""
    row: Json = next(
        (m for m in evidence.run.get("metrics", []) if m.get("unit") == "msg/s"),
        {},
    )
    measurement = evidence.measured(row) if row else None
    facts = (measurement or {}).get("facts", {})
    phase = str(facts.get("phase", "search"))
    found = [s for s in evidence.series if s.get("kind") == "trial" and s.get("phase") == phase]
    if not found:
        return None
    joint: Json = next(
        (m for m in evidence.run.get("metrics", []) if m["id"] == facts.get("joint_metric")), {}
    )
    target = chart_target(joint)
    limit = target.value_ns if target else None
    trials = [
        Trial(
            rate_per_s=float(t.get("rate_per_s") or 0),
            p99_ns=(t.get("percentiles_ns") or {}).get("p99"),
            loss=int(t.get("loss") or 0),
            ok=not t.get("loss"),
        )
        for t in found
    ]
    wanted = (row.get("target") or {}).get("value")
    chart = charts.trials_chart("Throughput search", trials, wanted, limit)
    return Figure(str(row.get("regime") or ""), chart, trial_table(found))


def trial_table(found: Sequence[Json]) -> Table:
    heads = ["offered", "seconds", "lost", "p50", "p99", "p99.9", "max"]
    rows = []
    for trial in found:
        named = trial.get("percentiles_ns") or {}
        rows.append(
            [
                f"{short_count(float(trial.get('rate_per_s') or 0))}/s",
                text_of(trial.get("seconds")),
                count_text(float(trial.get("loss") or 0)),
                *(ns_text(named.get(p)) for p in ("p50", "p99", "p99.9", "max")),
            ]
        )
    return Table(heads, rows)


def other_trials(evidence: Evidence) -> Table:
    """Every other trial, with what the machine did to it."""
    heads = ["phase", "offered", "seconds", "lost", "allocations", "page faults", "switches"]
    rows = []
    for trial in evidence.series:
        if trial.get("kind") != "trial" or trial.get("phase") == "search":
            continue
        usage: Json = trial.get("usage") or {}
        usage = usage.get("engine", usage)  # by thread; the engine's is the one that counts
        rows.append(
            [
                text_of(trial.get("phase")),
                f"{short_count(float(trial.get('rate_per_s') or 0))}/s",
                text_of(trial.get("seconds")),
                count_text(float(trial.get("loss") or 0)),
                text_of(usage.get("allocs")),
                _sum(usage, "minflt", "majflt"),
                _sum(usage, "nvcsw", "nivcsw"),
            ]
        )
    return Table(heads, rows)


def _sum(record: Json, *keys: str) -> str:
    seen = [int(record[k]) for k in keys if record.get(k) is not None]
    return count_text(sum(seen)) if seen else NOT_AVAILABLE


def outlier_table(evidence: Evidence) -> Table:
    """The worst, longest first; every field that the run wrote about them."""
    ranked = sorted(evidence.outliers, key=_outlier_ns, reverse=True)[:MOST_ROWS]
    heads = list(dict.fromkeys(key for outlier in ranked for key in outlier))
    rows = [
        [ns_text(float(o[h])) if _is_ns(h, o) else text_of(o.get(h)) for h in heads] for o in ranked
    ]
    left = len(evidence.outliers) - len(rows)
    note = f"{left} more in outliers.jsonl" if left > 0 else ""
    return Table([h.replace("_", " ") for h in heads], rows, note)


def _outlier_ns(outlier: Json) -> float:
    return next((float(outlier[k]) for k in outlier if _is_ns(k, outlier)), 0.0)


def _is_ns(key: str, record: Json) -> bool:
    return (key == "ns" or key.endswith("_ns")) and isinstance(record.get(key), int | float)


def soak_figure(evidence: Evidence, target: Target | None) -> Figure | None:
    """The timeline of a long run; None for runs without intervals."""
    found = [s for s in evidence.series if s.get("kind") == "interval"]
    if len(found) < 2:
        return None

    def column(key: str) -> Floats:
        seen = [np.nan if s.get(key) is None else float(s[key]) for s in found]
        return np.array(seen, dtype=np.float64)

    lines = [
        (name, role, column(key))
        for name, role, key in (
            ("p50", "second", "p50_ns"),
            ("p99", "main", "p99_ns"),
            ("max", "null", "max_ns"),
        )
        if np.isfinite(column(key)).any()
    ]
    lanes = []
    if np.isfinite(column("rss_bytes")).any():
        lanes.append(Lane("RSS", column("rss_bytes") / 2**20, lambda v: f"{v:.1f} MiB"))
    if np.isfinite(column("n")).any():
        lanes.append(Lane("samples", column("n"), short_count))
    chart = charts.interval_chart("Latency over the run", column("t_s"), lines, target, lanes)
    worst = sorted(found, key=lambda s: -float(s.get("max_ns") or 0))[:MOST_ROWS]
    rows = [
        [
            f"{float(s.get('t_s') or 0):.0f} s",
            count_text(float(s.get("n") or 0)),
            *(ns_text(s.get(k)) for k in ("p50_ns", "p99_ns", "max_ns")),
        ]
        for s in worst
    ]
    left = len(found) - len(rows)
    note = f"{left} more intervals in series.jsonl" if left > 0 else ""
    return Figure("", chart, Table(["worst intervals", "n", "p50", "p99", "max"], rows, note))
