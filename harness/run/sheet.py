"""The judged part of run.json: figures, verdicts and scores as JSON values.

Numbers stay numbers, in the unit that stands beside them; None is "not there", never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.config.matrix import Gate, Matrix
from harness.measure.percentiles import Bounds
from harness.qualify import Qualification
from harness.qualify import State as HostState
from harness.run import papers
from harness.run.decide import Judgement
from harness.run.raw import SERIES, Measurement, Raw
from harness.score import matrix as scoring
from harness.score.claims import Claim
from harness.score.matrix import GateResult, Judged
from harness.score.waiving import Applied


def metric_json(
    raw: Raw,
    measurement: Measurement,
    gate: Gate | None,
    judgement: Judgement,
) -> dict[str, Any]:
    """One measurement with its figures and, where a row asks for it, its judgement."""
    figures, judged, host = judgement.figures, judgement.judged, judgement.host
    bounds = figures.bounds
    files = [n for n in (measurement.get("hlog"), papers.file_of(measurement["id"])) if n]
    if measurement["kind"] == "throughput" and SERIES in raw.sha256:
        files.append(SERIES)
    return {
        "id": measurement["id"],
        "row": gate.id if gate else None,
        "kind": measurement["kind"],
        "unit": measurement["unit"],
        "target": _target_json(gate),
        "statistic": gate.statistic if gate else None,
        "regime": measurement["regime"],
        "points": measurement["points"],
        "load": measurement["load"],
        "n": figures.n,
        "value": figures.value,
        "percentiles": dict(figures.percentiles),
        "mean": figures.mean,
        "sd": figures.sd,
        "over_target": figures.over_target,
        "ci": [bounds.low, bounds.high] if bounds and not bounds.missing else None,
        "ci_note": _ci_note(bounds),
        "infinite": list(figures.infinite),
        "runs": list(figures.runs),
        "modes": [{"value": mode.value, "n": mode.n} for mode in figures.modes],
        "drift": judgement.health.json() if judgement.health else None,
        "n_blocks": figures.n_blocks,
        "support": figures.support.name.lower(),
        "state": str(judged.verdict.state) if gate else None,
        "reason": judged.verdict.reason,
        "contamination": host.contamination if host and host.measured else None,
        "judgeable_quantile": host.judgeable_quantile if host else None,
        "score": judged.score,
        "formula": judged.formula,
        "detail": dict(figures.detail or {}),
        "evidence": [{"file": name, "sha256": raw.sha256[name]} for name in files],
    }


def score_json(
    matrix: Matrix, judged: Mapping[str, Judged], total: scoring.Score
) -> dict[str, Any]:
    groups = []
    for group, result in zip(matrix.groups, total.groups, strict=True):
        rows = [
            {
                "id": row.id,
                "title": row.title,
                "target": row.target.text,
                "weight": row.weight,
                "metric": row.metric,
                "statistic": row.statistic,
                "gate": row.gate,
                "value": judged[row.id].value or None,
                "state": str(judged[row.id].verdict.state),
                "reason": judged[row.id].verdict.reason,
                "score_floor": judged[row.id].floor,
                "score_ceiling": judged[row.id].ceiling,
                "formula": judged[row.id].formula,
            }
            for row in group.rows
        ]
        groups.append(
            {
                "id": group.id,
                "title": group.title,
                "weight": group.weight,
                "floor": result.floor,
                "ceiling": result.ceiling,
                "judged_weight": result.judged_weight,
                "rows": rows,
            }
        )
    return {
        "groups": groups,
        "floor": total.floor,
        "ceiling": total.ceiling,
        "judged_weight": total.judged_weight,
        "band_floor": matrix.band(total.floor),
        "band_ceiling": matrix.band(total.ceiling),
        "grade": scoring.grade(matrix, total),
        "headline": scoring.headline(total),
        "formulas": {g.id: g.formula for g in total.groups} | {"total": total.formula},
        "demoted": [{"id": g.id, "by": g.demoted_by or ""} for g in scoring.demoted(matrix)],
    }


def waiver_json(matrix: Matrix, applied: Applied, signed_by: str) -> dict[str, Any]:
    waiver = applied.waiver
    return {
        "row": waiver.row,
        "title": next(g.title for g in matrix.everything() if g.id == waiver.row),
        "name": waiver.name,
        "role": waiver.role,
        "reason": waiver.reason,
        "date": waiver.date.isoformat(),
        "expires": waiver.expires.isoformat(),
        "signed_by": signed_by,
        "used": applied.used,
        "note": applied.note,
        "was": str(applied.was.state),
        "was_reason": applied.was.reason,
    }


def claim_json(claim: Claim) -> dict[str, Any]:
    return {
        "rows": list(claim.rows),
        "text": claim.text,
        "state": str(claim.verdict.state),
        "reason": claim.verdict.reason,
    }


def gate_json(matrix: Matrix, judged: Mapping[str, Judged], result: GateResult) -> dict[str, Any]:
    gate = next((g for g in matrix.must_hold() if g.id == result.id), None)
    return {
        "id": result.id,
        "title": result.title,
        "state": str(result.verdict.state),
        "reason": result.verdict.reason,
        "target": gate.target.text if gate else None,
        "metric": gate.metric if gate else None,
        "value": (judged[gate.id].value or None) if gate else None,
    }


def host_json(host: Qualification) -> dict[str, Any]:
    """What stands against the host, by the ids of its rows; env.json holds them in full."""
    against = host.standing_against
    return {
        "qualified": host.qualified,
        "missed": [row.id for row in against if row.state is HostState.MISS],
        "not_shown": [row.id for row in against if row.state is HostState.UNKNOWN],
    }


def _ci_note(bounds: Bounds | None) -> str:
    if bounds is None:
        return "no interval for this kind of figure"
    if bounds.missing:
        return f"no interval: {bounds.missing}"
    return f"95 %, resampling {bounds.n_blocks} blocks, seed {bounds.seed}"


def _target_json(gate: Gate | None) -> dict[str, Any] | None:
    return gate.target.model_dump() if gate else None
