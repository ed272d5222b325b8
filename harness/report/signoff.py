"""The first page: state, score and its arithmetic, gates, host, waivers.

Errors: none; what run.json does not say is shown as not said.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.report import charts_small
from harness.report.evidence import Evidence, Json
from harness.report.figures import (
    NOT_AVAILABLE,
    beside_target,
    range_text,
    score_text,
    short_target,
    target_text,
)
from harness.report.longrun import compressed, cut_off
from harness.report.page import Gate, Group, OpenPoint, Row, Signoff
from harness.report.qualification import qualification

_BROKEN = ("FAIL", "MARGINAL")

_MEANING = {
    "READY": "Every gate is passed and every judged figure was proved on this host.",
    "NOT READY": "A gate failed, or the score cannot reach the line. Nothing buys a gate back.",
    "INCONCLUSIVE": "Nothing failed, but this run could not prove everything that sign-off needs.",
}


def signoff(evidence: Evidence) -> Signoff:
    run = evidence.run
    score: Json = run.get("score", {})
    verdict: Json = run.get("verdict", {})
    metrics = {m["row"]: m for m in run.get("metrics", []) if m.get("row")}
    groups = [_group(g, metrics) for g in score.get("groups", [])]
    state = str(verdict.get("state", "INCONCLUSIVE"))
    qualified, host_reasons = qualification(evidence)
    gates = _gates(verdict, score)
    floor, ceiling = float(score.get("floor", 0.0)), float(score.get("ceiling", 100.0))
    return Signoff(
        state=state,
        meaning=_MEANING.get(state, ""),
        reasons=[str(r) for r in verdict.get("reasons", [])],
        open_points=open_points(gates, verdict),
        total=range_text(floor, ceiling),
        bar=charts_small.score_bar(floor, ceiling, (70.0, 80.0, 90.0)),
        grade=grade(score),
        judged=f"{score_text(score.get('judged_weight') or 0.0)} %",
        groups=groups,
        gates=gates,
        n_gates_held=sum(g.state == "PASS" for g in gates),
        demoted=[_demoted(score, entry) for entry in score.get("demoted", [])],
        qualified=qualified,
        host_reasons=host_reasons,
        waivers=waivers(run),
        complete=run.get("status") == "complete",
        stamps=stamps(evidence),
        combined=_combined(score),
    )


def stamps(evidence: Evidence) -> list[tuple[str, str]]:
    """What must be read before any figure."""
    found = []
    if evidence.run.get("status") != "complete":
        found.append(("Incomplete run", f"{capital(cut_off(evidence.run))}."))
    if label := compressed(evidence):
        said = "Hours are shown that did not pass: this proves nothing about a long run."
        found.append((label, said))
    injected = [
        (m.get("facts") or {}).get("injected") for m in evidence.run.get("measurements", [])
    ]
    for said in dict.fromkeys(str(one) for one in injected if one):
        found.append(("Fault injected", f"{capital(said)}."))
    return found


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _demoted(score: Json, entry: object) -> str:
    """A row that the matrix scores without its being a gate, and who decided that."""
    if not isinstance(entry, Mapping):
        return _row_title(score, str(entry))
    title, by = _row_title(score, str(entry.get("id", ""))), entry.get("by")
    return f"{title} (by {by})" if by else title


def _gates(verdict: Json, score: Json) -> list[Gate]:
    rows = {row["id"] for group in score.get("groups", []) for row in group.get("rows", [])}
    return [
        Gate(
            title=str(gate.get("title", gate["id"])),
            state=str(gate["state"]),
            reason=str(gate.get("reason") or ""),
            weighted=gate["id"] in rows,
        )
        for gate in verdict.get("gates", [])
    ]


def open_points(gates: list[Gate], verdict: Json) -> list[OpenPoint]:
    """A failure each with its reason; what is merely open together, by its cause."""
    points = [OpenPoint(g.state, g.title, g.reason) for g in gates if g.state in _BROKEN]
    causes: dict[str, list[str]] = {}
    for gate in gates:
        if gate.state == "UNJUDGEABLE":
            causes.setdefault(gate.reason.partition(":")[0], []).append(gate.title)
    points += [OpenPoint("UNJUDGEABLE", cause, ", ".join(t)) for cause, t in causes.items()]
    absent = [g.title for g in gates if g.state == "MISSING"]
    if absent:
        points.append(OpenPoint("MISSING", f"{len(absent)} not measured", ", ".join(absent)))
    of_gates = tuple(f"{g.title}: " for g in gates)
    for reason in verdict.get("reasons", []):
        if not str(reason).startswith(of_gates or ("\0",)):
            points.append(OpenPoint("", "score", str(reason)))
    return points


def grade(score: Json) -> str:
    """Unhedged only where floor and ceiling share a band."""
    low, high = str(score.get("band_floor", "")), str(score.get("band_ceiling", ""))
    if not low:
        return "no grade"
    return low if low == high else f"at least \u201c{low}\u201d, at most \u201c{high}\u201d"


def waivers(run: Json) -> list[tuple[str, str]]:
    """(title, who and why) of every row and gate that is set aside."""
    verdict: Json = run.get("verdict", {})
    found = {
        str(w.get("title") or w.get("row")): f"{w.get('name')}, until {w.get('expires')}: "
        f"{w.get('reason')}"
        for w in verdict.get("waivers") or []
        if w.get("used")
    }
    rows = [r for g in run.get("score", {}).get("groups", []) for r in g.get("rows", [])]
    for one in (*rows, *verdict.get("gates", [])):
        if one.get("state") == "WAIVED":
            found.setdefault(str(one.get("title", one.get("id", ""))), str(one.get("reason") or ""))
    return list(found.items())


def _row_title(score: Json, identifier: str) -> str:
    rows = (row for group in score.get("groups", []) for row in group.get("rows", []))
    return next((str(r["title"]) for r in rows if r["id"] == identifier), identifier)


def _group(group: Json, metrics: Mapping[str, Json]) -> Group:
    rows = [_row(row, metrics) for row in group.get("rows", [])]
    floor, ceiling = group.get("floor"), group.get("ceiling")
    weight = float(group.get("weight", 0))
    return Group(
        title=str(group.get("title", str(group["id"]).capitalize())),
        weight=f"{weight:g} %",
        judged=f"{score_text(group.get('judged_weight', 0.0))} %",
        range=range_text(floor, ceiling),
        points=range_text((floor or 0) * weight / 100, (ceiling or 0) * weight / 100),
        arithmetic=" + ".join(
            f"{float(r.get('weight', 0)):g} % \u00d7 {range_text(*_row_scores(r))}"
            for r in group.get("rows", [])
        ),
        rows=rows,
    )


def _row_scores(row: Json) -> tuple[float, float]:
    both = float(row.get("score") or 0)
    return float(row.get("score_floor", both)), float(row.get("score_ceiling", both))


def _row(row: Json, metrics: Mapping[str, Json]) -> Row:
    metric = metrics.get(row["id"])
    low, high = _row_scores(row)
    weight = float(row.get("weight", 0))
    target = short_target(str(row.get("target") or ""))
    value = str(row.get("value") or NOT_AVAILABLE)
    if metric:
        target = target_text(metric.get("target")) if metric.get("target") else target
        value = beside_target(metric.get("value"), metric.get("unit", ""), metric.get("target"))
    return Row(
        title=str(row.get("title", row["id"])),
        target=target,
        value=value,
        state=str(row["state"]),
        reason=str(row.get("reason") or ""),
        gate=bool(row.get("gate", False)),
        weight=f"{weight:g} %",
        score=range_text(low, high),
        points=range_text(low * weight / 100, high * weight / 100),
        metric=str(row.get("metric") or ""),
        strip=charts_small.target_strip(_ratio(metric)),
        anchor=f"f-{row['id']}",
        formula=_formula(row, metric),
    )


def _formula(row: Json, metric: Json | None) -> str:
    """The arithmetic of a row's score, in words where there is none."""
    if formula := str((metric or {}).get("formula") or row.get("formula") or ""):
        return formula
    state = str(row["state"])
    if state in ("UNJUDGEABLE", "MISSING"):
        return f"{state}: 0 in the floor, 100 in the ceiling"
    if state == "WAIVED":
        return "WAIVED: 0 in the floor and in the ceiling"
    return f"{state}: {range_text(*_row_scores(row))}"


def _ratio(metric: Json | None) -> float | None:
    """Value over target, turned round where more is better: below 1 is always good."""
    if not metric or metric.get("value") is None or not metric.get("target"):
        return None
    value, limit = float(metric["value"]), float(metric["target"]["value"])
    if str(metric["target"].get("op", "<")).startswith(">"):
        value, limit = limit, value
    return value / limit if limit else None


def _combined(score: Json) -> str:
    parts = [
        f"{float(g.get('weight', 0)):g} % \u00d7 {range_text(g.get('floor'), g.get('ceiling'))}"
        for g in score.get("groups", [])
    ]
    return " + ".join(parts) + f" = {range_text(score.get('floor'), score.get('ceiling'))}"
