"""Latency against load: service and response, the ladder, the throughput search, every trial.

Units: ns; rates in messages per second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.config import units
from harness.measure.percentiles import PUBLISHED
from harness.report import charts, charts_load
from harness.report.charts import Curve
from harness.report.charts_load import Rung, Trial
from harness.report.curves import chart_target
from harness.report.evidence import Evidence, Json
from harness.report.figures import NOT_AVAILABLE, count_text, load_text, ns_text, short_count
from harness.report.metrics import is_stage
from harness.report.page import Figure, Table, text_of


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
    """Response counts from the intended time, service from the actual send: the gap is queueing.

    Rungs of a ladder have a picture of their own, and a soak is drawn over time.
    """
    figures = []
    metrics = {m["id"]: m for m in evidence.run.get("metrics", [])}
    for wire in evidence.run.get("measurements", []):
        identifier = str(wire.get("id", ""))
        if wire.get("points") != "wire" or identifier.startswith(("null.", "ladder")):
            continue
        curves = [evidence.curve(wire, "response (from the intended time)", "main")]
        for points, label, role in (
            ("service", "service (from the actual send)", "second"),
            ("lateness", "generator lateness", "null"),
        ):
            curves.append(evidence.curve(beside(evidence, wire, points), label, role))
        drawn = [c for c in curves if c]
        if len(drawn) < 2:
            continue
        title = f"{wire.get('regime')} at {load_text(wire.get('load'))}"
        chart = charts.percentile_chart(
            f"Service and response, {title}", drawn, chart_target(metrics.get(identifier, {}))
        )
        why = _gap_sentence(drawn[0], next((c for c in drawn if c.role == "second"), None))
        figures.append(Figure(title, chart, distribution_table(drawn, "distribution"), why))
    return figures


def _gap_sentence(response: Curve, service: Curve | None) -> str:
    """What somebody who stamps at the actual send would not have seen."""
    ours = response.percentile("p99")
    theirs = None if service is None else service.percentile("p99")
    if ours is None or theirs is None:
        return ""
    return (
        f"At p99 the response is {ns_text(ours)} and the service {ns_text(theirs)}: "
        f"{ns_text(max(ours - theirs, 0.0))} of waiting that a closed loop leaves out."
    )


def beside(evidence: Evidence, measurement: Json, points: str) -> Json | None:
    """The measurement of the same trial at other points: of the same family when there is one."""
    family = str(measurement.get("id", "")).rpartition(".")[0]
    found = [
        other
        for other in evidence.run.get("measurements", [])
        if other.get("points") == points
        and all(other.get(k) == measurement.get(k) for k in ("regime", "load"))
        and not str(other["id"]).startswith("null.")
    ]
    own = [other for other in found if str(other["id"]).rpartition(".")[0] == family]
    return dict((own or found)[0]) if own or found else None


def ladder_figures(evidence: Evidence) -> list[Figure]:
    """One figure a ladder: its rungs by offered load, response and service."""
    families: dict[str, list[Json]] = {}
    for measurement in evidence.run.get("measurements", []):
        family, _, last = str(measurement.get("id", "")).rpartition(".")
        if family.split(".")[0] == "ladder" and last == "wire":
            families.setdefault(family, []).append(measurement)
    figures = []
    for family, rungs in families.items():
        climbed = sorted(
            ((_rate(one), one) for one in rungs if _rate(one)), key=lambda pair: pair[0]
        )
        joint: Json = next(
            (m for m in evidence.run.get("metrics", []) if m["id"] == "e2e.wire"), {}
        )
        target = chart_target(joint)
        drawn = [_rung(evidence, rate, one, joint) for rate, one in climbed]
        chart = charts_load.ladder_chart(
            f"Latency against load, {climbed[0][1].get('regime') if climbed else family}",
            drawn,
            target.value_ns if target else None,
        )
        figures.append(Figure(f"{family}, {len(drawn)} rungs", chart, _ladder_table(drawn)))
    return figures


def _rate(measurement: Json) -> float:
    """Messages a second, from the load: '10k/s constant'; 0 where it names no rate."""
    number, slash, _ = str(measurement.get("load") or "").partition("/s")
    try:
        return float(units.parse_rate(number + slash))
    except units.UnitError:
        return 0.0


def _rung(evidence: Evidence, rate: float, wire: Json, joint: Json) -> Rung:
    def named(measurement: Json | None) -> dict[str, float | None]:
        curve = evidence.curve(measurement, "", "main")
        if measurement is None or curve is None:
            return {}
        metric: Json = next(
            (m for m in evidence.run.get("metrics", []) if _same(m, measurement)), {}
        )
        table: dict[str, float | None] = {
            p: curve.percentile(p) for p in ("p50", "p99", "p99.9")
        } | {"max": curve.max_ns}
        # The judged figures count lost messages in; the curve holds what arrived.
        table |= {p: v for p, v in (metric.get("percentiles") or {}).items() if p in table and v}
        lost = {*infinite(metric.get("infinite")), *infinite(measurement["facts"].get("infinite"))}
        return {p: math.inf if p in lost else v for p, v in table.items()}

    facts: Json = wire.get("facts") or {}
    response = named(wire)
    loss = int(facts.get("loss") or 0)
    if loss:
        response["max"] = math.inf  # a message that never came is the longest of all
    claimed = bool(joint.get("state")) and _rate(joint) == rate
    service = named(beside(evidence, wire, "service"))
    return Rung(rate, response, service, loss, claimed, text_of(facts.get("rung"), ""))


def _same(metric: Json, measurement: Json) -> bool:
    return all(metric.get(k) == measurement.get(k) for k in ("id", "regime", "points", "load"))


def infinite(names: object) -> list[str]:
    """Percentiles that fall among lost messages, however a file names them."""
    if isinstance(names, str):
        return names.replace(",", " ").split()
    return [str(name) for name in names] if isinstance(names, list | tuple | dict) else []


def _ladder_table(rungs: Sequence[Rung]) -> Table:
    heads = ["offered", "rung", "lost", "p50", "p99", "p99.9", "max", "service p99", "gap at p99"]
    rows = []
    for rung in rungs:
        ours, theirs = rung.response.get("p99"), rung.service.get("p99")
        gap = None if ours is None or theirs is None else max(ours - theirs, 0.0)
        rows.append(
            [
                f"{short_count(rung.rate_per_s)}/s" + (", claimed" if rung.claimed else ""),
                rung.name,
                count_text(rung.loss),
                *(ns_text(rung.response.get(p)) for p in ("p50", "p99", "p99.9", "max")),
                ns_text(theirs),
                ns_text(gap),
            ]
        )
    return Table(heads, rows)


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
            charts_load.stage_chart(f"Stages, {loads[trial]}", curves),
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
    chart = charts_load.trials_chart("Throughput search", trials, wanted, limit)
    why = _irregular((row.get("detail") or {}).get("irregular_loads"))
    return Figure(str(row.get("regime") or ""), chart, trial_table(found), why)


def _irregular(loads: object) -> str:
    """Loads that held although a lower one did not: the search is then a bound, not the truth."""
    if not isinstance(loads, list) or not loads:
        return ""
    named = ", ".join(f"{short_count(float(rate))}/s" for rate in loads)
    return f"Irregular: {named} held although a lower load did not."


def trial_table(found: Sequence[Json]) -> Table:
    heads = ["step", "offered", "seconds", "lost", "p50", "p99", "p99.9", "max"]
    rows = []
    for trial in found:
        named = trial.get("percentiles_ns") or {}
        rows.append(
            [
                text_of(trial.get("step"), ""),
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


def void_runs(evidence: Evidence) -> Table:
    """Trials that do not count, each with the reason; they are shown and never dropped."""
    rows = []
    for line in evidence.series:
        reason = line.get("void_reason") or line.get("void") or line.get("broken")
        if reason:
            where = line.get("phase") or line.get("id") or line.get("kind")
            offered = line.get("rate_per_s")
            rows.append(
                [
                    text_of(where),
                    text_of(line.get("trial") or line.get("repeat"), ""),
                    f"{short_count(float(offered))}/s" if offered else "",
                    text_of(reason),
                ]
            )
    return Table(["phase", "trial", "offered", "why it does not count"], rows)


def _sum(record: Json, *keys: str) -> str:
    seen = [int(record[k]) for k in keys if record.get(k) is not None]
    return count_text(sum(seen)) if seen else NOT_AVAILABLE
