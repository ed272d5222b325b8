"""One section a metric: its curve, its numbers, and the sentence that judged it.

Units: recorded units become ns by the tick length that the measurement states.
"""

from __future__ import annotations

import math
from typing import Any

from harness.measure.percentiles import PUBLISHED, TAIL_TO_PUBLISH, fraction, tail
from harness.report import curves, short_ops
from harness.report.evidence import Evidence, Json
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
from harness.report.page import Metric, Table, text_of

_CURVED = ("wire", "buf", "trip_to_seen", "trip_to_last_order", "trip_to_all_cancelled")
"""Points whose distribution deserves a chart of its own even where no row judges it."""

_TABLED = ("loads", "irregular_loads")
"""Details that the figure of the throughput search shows."""

_DETAILS = {
    "joint": "highest rate, latency kept",
    "loss_free": "highest rate without loss",
    "first_failure": "lowest failing rate",
    "n_trials": "trials",
    "n_invalid": "void trials",
    "p50_ns": "p50 at the bound",
    "longest_streak": "longest streak of blocks at or over target",
    "upper": "lowest rate known to fail",
    "majority": "rate that half of the trials held",
}


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
        and not str(m["id"]).startswith(("null.", "ladder"))
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
    shown, absent = _percentile_cells(metric)
    return Metric(
        id=identifier,
        anchor=anchor(metric),
        title=title or identifier,
        target=target_text(metric["target"]) if metric.get("target") else "",
        value=beside_target(metric.get("value"), unit, metric.get("target")),
        state=str(metric.get("state") or ""),
        reason=str(metric.get("reason") or ""),
        facts=_facts(metric, unit),
        percentiles=shown,
        unpublished=absent,
        short_op=short_ops.named_numbers(evidence, metric),
        chart=curves.metric_chart(evidence, metric, title or identifier),
        runs=curves.runs_figure(metric, title or identifier),
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
    if metric.get("mean") is not None and not metric.get("modes"):
        spread = value_text(metric.get("sd"), unit)
        facts.append(("mean \u00b1 SD", f"{value_text(metric['mean'], unit)} \u00b1 {spread}"))
    if metric.get("over_target") is not None:
        facts.append(("at or over target", count_text(metric["over_target"])))
    if metric.get("ci"):
        low, high = metric["ci"]
        facts.append(("95 % interval", f"{value_text(low, unit)} to {value_text(high, unit)}"))
    elif metric.get("ci_note") and metric.get("percentiles") and metric.get("state"):
        facts.append(("95 % interval", str(metric["ci_note"])))
    if modes := metric.get("modes"):
        said = " and ".join(f"{value_text(m['value'], unit)} ({m['n']} runs)" for m in modes)
        facts.append(("two modes between runs", said))
    if metric.get("contamination") is not None:
        share = value_text(100 * metric["contamination"], "%")
        facts.append(("delayed by the host alone", share))
    if metric.get("judgeable_quantile") is not None:
        facts.append(("judgeable up to", quantile_name(metric["judgeable_quantile"])))
    detail = {k: v for k, v in (metric.get("detail") or {}).items() if k not in _TABLED}
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


def anchor(metric: Json) -> str:
    """Ids repeat by regime, points and load, and a page's anchors must not."""
    names = [str(metric.get(key) or "") for key in ("id", "regime", "points", "load")]
    return "m-" + "".join(c if c.isalnum() else "-" for c in "-".join(names))


def _percentile_cells(metric: Json) -> tuple[list[tuple[str, str]], str]:
    """The table row, and a sentence for the percentiles that the sample cannot carry."""
    named: Json = metric.get("percentiles") or {}
    unit, n = str(metric.get("unit", "")), metric.get("n")
    lost = set(metric.get("infinite") or [])
    cells, absent = [], []
    for name in ("min", *PUBLISHED, "max"):
        if name in lost:
            cells.append((name, ns_text(math.inf)))
            continue
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


def beside_table(evidence: Evidence) -> Table:
    """Every measurement that no row judges, stages left out (they have a chart)."""
    rows, thin = [], False
    for metric in evidence.run.get("metrics", []):
        identifier = str(metric["id"])
        if metric.get("state") or is_stage(identifier) or identifier.startswith("ladder"):
            continue  # these have tables of their own
        unit = str(metric.get("unit", ""))
        cells, absent = _percentile_cells(metric)
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
