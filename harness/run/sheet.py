"""The judged part of run.json: figures, verdicts and scores as JSON values.

Numbers stay numbers, in the unit that stands beside them; None is "not there", never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.config.matrix import Gate, Matrix
from harness.measure.percentiles import Bounds
from harness.run.figures import Figures
from harness.run.raw import SERIES, Measurement, Raw
from harness.run.verdicts import HostNoise
from harness.score import matrix as scoring
from harness.score.matrix import GateResult, Judged

_STEPS = {
    "ns": ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1.0, "ns")),
    "msg/s": ((1e6, "M msg/s"), (1e3, "k msg/s"), (1.0, "msg/s")),
    "count": ((1.0, ""),),
}


def display(value: float | None, unit: str) -> str:
    """A figure for people: '1.89 us', '3.2 M msg/s'; 'n/a' for None."""
    if value is None:
        return "n/a"
    steps = _STEPS.get(unit, ((1.0, unit),))
    scale, name = next((s for s in steps if abs(value) >= s[0]), steps[-1])
    return f"{value / scale:.6g} {name}".rstrip()


def metric_json(
    raw: Raw,
    measurement: Measurement,
    gate: Gate | None,
    figures: Figures,
    judged: Judged,
    host: HostNoise | None,
) -> dict[str, Any]:
    """One measurement with its figures and, where a row asks for it, its judgement."""
    bounds = figures.bounds
    files = [name for name in (measurement.get("hlog"),) if name]
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
        "runs": list(figures.runs),
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
        "demoted": [gate.id for gate in scoring.demoted(matrix)],
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


def _ci_note(bounds: Bounds | None) -> str:
    if bounds is None:
        return "no interval for this kind of figure"
    if bounds.missing:
        return f"no interval: {bounds.missing}"
    return f"95 %, resampling {bounds.n_blocks} blocks, seed {bounds.seed}"


def _target_json(gate: Gate | None) -> dict[str, Any] | None:
    return gate.target.model_dump() if gate else None
