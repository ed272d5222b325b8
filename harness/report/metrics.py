"""One section a metric: its curve, its numbers, and the sentence that judged it.

Units: recorded units become ns by the tick length that the measurement states.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from harness.measure.percentiles import PUBLISHED, TAIL_TO_PUBLISH, fraction, tail
from harness.report import charts
from harness.report.charts import Curve, Target
from harness.report.evidence import Evidence, Json, scale_of
from harness.report.figures import (
    NOT_AVAILABLE,
    beside_target,
    count_text,
    load_text,
    missing_percentile,
    ns_text,
    quantile_name,
    score_text,
    short_count,
    target_text,
    value_text,
)
from harness.report.host import worst_floor
from harness.report.page import Metric, Table, text_of

_CURVED = ("wire", "buf", "trip_to_seen", "trip_to_last_order", "trip_to_all_cancelled")
"""Points whose distribution deserves a chart of its own even where no row judges it."""

_MOST_THIN_LINES = 30
_DETAILS = {
    "joint": "highest rate, latency kept",
    "loss_free": "highest rate without loss",
    "first_failure": "lowest failing rate",
    "n_trials": "trials",
    "n_invalid": "void trials",
    "p50_ns": "p50 at the bound",
}
_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


def judged_metrics(evidence: Evidence) -> list[Metric]:
    """The metrics that a row or gate of the matrix asks for, weighted rows first."""
    titles = _titles(evidence.run)
    order = list(titles)
    judged = [m for m in evidence.run.get("metrics", []) if m.get("state")]
    judged.sort(key=lambda m: order.index(m["id"]) if m["id"] in order else len(order))
    return [_metric(evidence, m, titles.get(m["id"], "")) for m in judged]


def other_metrics(evidence: Evidence) -> list[Metric]:
    """Distributions that stand beside the judged ones: the FIX path, the in-process points."""
    return [
        _metric(evidence, m, "")
        for m in evidence.run.get("metrics", [])
        if not m.get("state")
        and m.get("points") in _CURVED
        and not str(m["id"]).startswith("null.")
        and not is_stage(str(m["id"]))
    ]


def is_stage(identifier: str) -> bool:
    """Stages have a figure of their own: stages.itch.decode, e2e.stage.decode."""
    return identifier.startswith("stages.") or ".stage." in identifier


def _titles(run: Json) -> dict[str, str]:
    """Metric id -> the title of what it is judged for, in the order of the matrix."""
    rows = [r for g in run.get("score", {}).get("groups", []) for r in g.get("rows", [])]
    gates = run.get("verdict", {}).get("gates", [])
    titles: dict[str, str] = {}
    for judged in (*rows, *gates):
        if judged.get("metric"):
            titles.setdefault(str(judged["metric"]), str(judged.get("title", judged["id"])))
    return titles


def _metric(evidence: Evidence, metric: Json, title: str) -> Metric:
    unit = str(metric.get("unit", ""))
    identifier = str(metric["id"])
    shown, absent = _percentile_cells(metric.get("percentiles") or {}, unit, metric.get("n"))
    return Metric(
        id=identifier,
        anchor="m-" + "".join(c if c.isalnum() else "-" for c in identifier),
        title=title or identifier,
        target=target_text(metric["target"]) if metric.get("target") else "",
        value=beside_target(metric.get("value"), unit, metric.get("target")),
        state=str(metric.get("state") or ""),
        reason=str(metric.get("reason") or ""),
        facts=_facts(metric, unit),
        percentiles=shown,
        unpublished=absent,
        short_op=_three_numbers(evidence, metric),
        chart=_metric_chart(evidence, metric, title or identifier),
        formula=str(metric.get("formula") or ""),
        why=evidence.why.get(str(metric.get("row")), ""),
        evidence=[
            (str(e.get("file", "")), str(e.get("sha256", ""))) for e in metric.get("evidence", [])
        ],
    )


def _facts(metric: Json, unit: str) -> list[tuple[str, str]]:
    """What belongs to the metric's name, then what qualifies the figure."""
    facts = [
        (name, text_of(metric.get(name)))
        for name in ("statistic", "regime", "points")
        if metric.get(name)
    ]
    if metric.get("load"):
        facts.append(("load", load_text(metric["load"])))
    if metric.get("n") and metric.get("percentiles"):
        facts.append(("samples", count_text(metric["n"])))
    if metric.get("mean") is not None:
        spread = value_text(metric.get("sd"), unit)
        facts.append(("mean \u00b1 SD", f"{value_text(metric['mean'], unit)} \u00b1 {spread}"))
    if metric.get("over_target") is not None:
        facts.append(("at or over target", count_text(metric["over_target"])))
    if metric.get("ci"):
        low, high = metric["ci"]
        facts.append(("95 % interval", f"{value_text(low, unit)} to {value_text(high, unit)}"))
    elif metric.get("ci_note") and metric.get("percentiles") and metric.get("state"):
        facts.append(("95 % interval", str(metric["ci_note"])))
    if metric.get("runs"):
        facts.append(("each repeat", ", ".join(value_text(v, unit) for v in metric["runs"])))
    if metric.get("contamination") is not None:
        share = value_text(100 * metric["contamination"], "%")
        facts.append(("delayed by the host alone", share))
    if metric.get("judgeable_quantile") is not None:
        facts.append(("judgeable up to", quantile_name(metric["judgeable_quantile"])))
    detail = metric.get("detail") or {}
    facts += [(_DETAILS.get(k, k.replace("_", " ")), _detail_text(k, detail[k])) for k in detail]
    if metric.get("score") is not None:
        facts.append(("score", score_text(metric["score"])))
    return facts


def _detail_text(name: str, value: Any) -> str:
    """Details of a search: rates but for what says otherwise."""
    if name.endswith("_ns"):
        return ns_text(value)
    if isinstance(value, float) and abs(value) >= 1000:
        return f"{short_count(value)}/s"
    return text_of(value, "none")


def _percentile_cells(
    named: Mapping[str, Any], unit: str, n: int | None
) -> tuple[list[tuple[str, str]], str]:
    """The table row, and a sentence for the percentiles that the sample cannot carry."""
    cells, absent = [], []
    for name in ("min", *PUBLISHED, "max"):
        if name not in named:
            continue
        value = named[name]
        if name in PUBLISHED:
            if n is not None and tail(n, fraction(name)) < TAIL_TO_PUBLISH:
                value = None  # whoever wrote it: the sample cannot carry it
            if value is None:
                absent.append(missing_percentile(name, n))
        cells.append((name, value_text(value, unit)))
    return cells, "; ".join(absent)


def _three_numbers(evidence: Evidence, metric: Json) -> list[tuple[str, str, str]]:
    """A short operation is bracketed: from above by the fenced call, from below by the chain."""
    measurement = evidence.measured(metric)
    if measurement is None or measurement.get("kind") != "short_op":
        return []
    facts, named = measurement.get("facts", {}), metric.get("percentiles") or {}
    statistic = str(metric.get("statistic") or "p99")
    per_op, pair = named.get(statistic), facts.get("pair_p50_ns")
    net = None if per_op is None or pair is None else per_op - pair
    blur = float(facts.get("quantum_ns") or 0) + float(facts.get("pair_spread_ns") or 0)
    rows = [
        (f"per-op {statistic}", ns_text(per_op), "each call fenced, timer included: upper bound"),
        (
            f"per-op {statistic} less the empty pair",
            NOT_AVAILABLE if net is None else f"{ns_text(net)} \u00b1 {ns_text(blur)}",
            f"the pair alone takes {ns_text(pair)}; \u00b1 one step of the clock and its spread",
        ),
        (
            "dependent chain, fastest batch",
            ns_text(facts.get("chain_min_ns")),
            "each call waits for the last: lower bound, noise only adds to it",
        ),
    ]
    for key, name, why in (
        ("chain_p50_ns", "dependent chain, median batch", "of batch means, not of calls"),
        ("chain_quiet_p50_ns", "the same, neighbour quiet", "batches with the probe at full speed"),
    ):
        if facts.get(key) is not None:
            rows.append((name, ns_text(facts[key]), why))
    if facts.get("quiet_share") is not None:
        share = f"{100 * float(facts['quiet_share']):.1f} %"
        rows.append(("quiet share", share, "chunks in which the sibling hyperthread was idle"))
    if facts.get("n_inputs"):
        mix = text_of(facts.get("mix") or {}, "")
        rows.append(("distinct inputs", count_text(facts["n_inputs"]), mix))
    if facts.get("answer_hash"):
        rows.append(("answer", str(facts["answer_hash"]), "hash of what it computed, verified"))
    return rows


def _metric_chart(evidence: Evidence, metric: Json, title: str) -> Markup | None:
    measurement = evidence.measured(metric)
    if measurement is None or not measurement.get("hlog"):
        return None
    main = evidence.curve(measurement, "this run, merged", "main")
    if main is None:
        return None
    curves = [*_thin_lines(evidence, measurement), main, *_companions(evidence, measurement)]
    return charts.percentile_chart(
        f"{title}: percentile curve", curves, chart_target(metric), worst_floor(evidence)
    )


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


def beside_table(evidence: Evidence) -> Table:
    """Every measurement that no row judges, stages left out (they have a chart)."""
    rows, thin = [], False
    for metric in evidence.run.get("metrics", []):
        identifier = str(metric["id"])
        if metric.get("state") or is_stage(identifier):
            continue
        unit = str(metric.get("unit", ""))
        cells, absent = _percentile_cells(metric.get("percentiles") or {}, unit, metric.get("n"))
        named = dict(cells)
        thin = thin or bool(absent)
        figures = [named.get(p, "") for p in ("p50", "p99", "p99.9", "max")]
        if not cells:
            figures[0] = value_text(metric.get("value"), unit)
        n = metric.get("n")
        rows.append(
            [
                identifier,
                text_of(metric.get("points")),
                load_text(metric.get("load")),
                short_count(n) if n else NOT_AVAILABLE,
                *figures,
            ]
        )
    heads = ["measurement", "points", "load", "n", "p50", "p99", "p99.9", "max"]
    note = f"{NOT_AVAILABLE}: fewer than ten samples lie beyond that percentile" if thin else ""
    return Table(heads, rows, note)
