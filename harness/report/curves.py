"""The chart of a metric: its curve with target, interval, noise floor and what stands beside it.

Units: recorded units become ns by the tick length that the measurement states.
"""

from __future__ import annotations

from markupsafe import Markup

from harness.measure.percentiles import PUBLISHED, block_bootstrap, fraction
from harness.report import charts, charts_small
from harness.report.charts import Band, Curve, Target
from harness.report.evidence import Evidence, Json, scale_of
from harness.report.figures import beside_target, target_text, value_text
from harness.report.host import worst_floor
from harness.report.page import Figure, Table

_MOST_THIN_LINES = 30
_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


def metric_chart(evidence: Evidence, metric: Json, title: str) -> Markup | None:
    measurement = evidence.measured(metric)
    if measurement is None or not measurement.get("hlog"):
        return None
    main = evidence.curve(measurement, "this run, merged", "main")
    if main is None:
        return None
    drawn = [*_thin_lines(evidence, measurement), main, *_companions(evidence, measurement)]
    return charts.percentile_chart(
        f"{title}: percentile curve",
        drawn,
        chart_target(metric),
        worst_floor(evidence),
        _band(evidence, metric, measurement, main),
    )


def _band(evidence: Evidence, metric: Json, measurement: Json, main: Curve) -> Band | None:
    """95 % intervals by resampling blocks, as for the scored statistic; only where it is judged.

    The judgement's own interval is used for its statistic, so that chart and table agree.
    """
    if not metric.get("state"):
        return None
    scale = scale_of(measurement)
    blocks = [h for _, h in evidence.intervals(measurement)]
    points = []
    for name in PUBLISHED:
        if main.percentile(name) is None:
            continue
        if name == metric.get("statistic") and metric.get("ci"):
            low, high = (float(b) for b in metric["ci"])
        else:
            bounds = block_bootstrap(blocks, name, scale)
            if bounds.missing:
                continue
            low, high = bounds.low, bounds.high
        points.append((float(fraction(name)), low, high))
    return Band("95 % interval", tuple(points)) if points else None


def runs_figure(metric: Json, title: str) -> Figure | None:
    """The statistic of each run beside the others; None for fewer than two."""
    runs = [float(v) for v in metric.get("runs") or []]
    if len(runs) < 2:
        return None
    unit, target = str(metric.get("unit", "")), metric.get("target") or {}
    limit = float(target["value"]) if target and str(target.get("unit")) == unit else None
    interval = metric.get("ci")
    chart = charts_small.runs_strip(
        f"{title}: {metric.get('statistic') or 'value'} of each run",
        runs,
        limit,
        (float(interval[0]), float(interval[1])) if interval else None,
        lambda value: value_text(value, unit),
    )
    said = ", ".join(beside_target(value, unit, target or None) for value in runs)
    return Figure(f"each of {len(runs)} runs: {said}", chart, Table([], []))


def chart_target(metric: Json) -> Target | None:
    limit = metric.get("target")
    if not limit or str(limit.get("unit")) not in _NS:
        return None
    statistic = str(metric.get("statistic", ""))
    quantile = float(fraction(statistic)) if statistic in PUBLISHED else None
    return Target(float(limit["value"]) * _NS[str(limit["unit"])], target_text(limit), quantile)


def _thin_lines(evidence: Evidence, measurement: Json) -> list[Curve]:
    """Repeats, or the blocks of a single one, as long as a reader can tell them apart."""
    intervals = evidence.intervals(measurement)
    tags = list(dict.fromkeys(tag for tag, _ in intervals))
    scale = scale_of(measurement)
    if len(tags) > 1:
        parts = [evidence.curve({**measurement, "tags": [t]}, "repeat", "repeat") for t in tags]
        lines = [p for p in parts if p]
    else:
        lines = [Curve("block", h, "repeat", scale) for _, h in intervals if h.n]
    return lines if 2 <= len(lines) <= _MOST_THIN_LINES else []


def _companions(evidence: Evidence, measurement: Json) -> list[Curve]:
    """The null bench at the same points; other regimes of the same short operation."""
    identifier = str(measurement["id"])
    found: list[Curve | None] = []
    if identifier.startswith("e2e.") and (null := _null_of(evidence, measurement)):
        found.append(evidence.curve(null, "null bench (reflector)", "null"))
    for other in evidence.run.get("measurements", []):
        related = str(other.get("id", "")) == identifier or str(other.get("id", "")).startswith(
            identifier + "."
        )
        regime = other.get("regime")
        if other.get("kind") == "short_op" and related and regime != measurement.get("regime"):
            found.append(evidence.curve(other, f"regime {regime}, not scored", "second"))
    return [c for c in found if c]


def _null_of(evidence: Evidence, measurement: Json) -> Json | None:
    """The null measurement of the same stream; the only one at these points when none says so."""
    same = [
        other
        for other in evidence.run.get("measurements", [])
        if str(other.get("id", "")).startswith("null.")
        and other.get("points") == measurement.get("points")
    ]
    exact = [other for other in same if other.get("regime") == measurement.get("regime")]
    chosen = exact or (same if len(same) == 1 else [])
    return dict(chosen[0]) if chosen else None
