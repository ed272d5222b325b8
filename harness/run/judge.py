"""The judgement of a run, from its raw files alone; the runner and `verify` both call this.

Raw:      run.json (everything but metrics, score, verdict), env.json, noise.json, series.jsonl, the
    histogram logs, matrix.yaml, and the papers beside. Judged: metrics, score, verdict, as JSON.
Host:     a gate of every run: on a host that is not qualified (harness/qualify) no figure can be
    signed, whatever it is, so that gate is UNJUDGEABLE there; it never is a FAIL of the engine. A
    matrix of counts alone says `host: any` and has no such gate.
Rows:     a row is judged only by its metric with the regime, points and load that it declares;
    another regime is another metric, so the row is MISSING. decide.py judges the measurement.
Waivers:  last, on the rows alone: the metrics keep what was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from harness.config.matrix import Gate, Matrix
from harness.config.units import UnitError, parse_rate
from harness.measure import percentiles
from harness.measure.percentiles import Support
from harness.qualify import Qualification
from harness.qualify.recorded import qualification_of
from harness.run import figures, papers, sheet, verdicts
from harness.run.decide import Judgement, judgement
from harness.run.raw import Raw
from harness.run.verdicts import State, Verdict
from harness.score import claims
from harness.score import matrix as scoring
from harness.score.matrix import GateResult, Judged
from harness.score.waiving import Applied, waive

NOISY = "too late, on a host that is not qualified"
COMPRESSED = "time-compressed"  # in a load: hours that were minutes


def judge(raw: Raw, *, noise_gate: bool = True) -> dict[str, Any]:
    """The keys metrics, score and verdict of run.json.

    `noise_gate` False shows what would be said by who knows no noise floor; never a result.
    """
    found: dict[str, Judged] = {}
    scored: dict[int, tuple[Gate, Judgement]] = {}
    for gate in raw.gates():
        which = _measurement_of(raw, gate)
        if isinstance(which, Judged):
            found[gate.id] = which
        else:
            judged = judgement(raw, raw.measurements()[which], gate, noise_gate=noise_gate)
            found[gate.id] = judged.judged
            scored.setdefault(which, (gate, judged))
    metrics = [
        sheet.metric_json(raw, m, *(scored.get(i) or (None, judgement(raw, m, None))))
        for i, m in enumerate(raw.measurements())
    ]
    rows, waivers, signed = _waived(raw, found)
    total = scoring.score(raw.matrix, rows)
    host = qualification_of(raw.env, raw.noise)
    results = (
        *scoring.row_gates(raw.matrix, rows),
        *_gates_of_the_run(raw, metrics),
        *_host_gate(raw, host),
    )
    state, reasons = scoring.sign_off(raw.matrix, total, results)
    return {
        "metrics": metrics,
        "score": sheet.score_json(raw.matrix, rows, total),
        "verdict": {
            "state": str(state),
            "exit_code": int(state.exit_code),
            "reasons": list(reasons),
            "gates": [sheet.gate_json(raw.matrix, rows, result) for result in results],
            "host": sheet.host_json(host),
            "waivers": [sheet.waiver_json(raw.matrix, fate, signed) for fate in waivers],
            "claims": [sheet.claim_json(claim) for claim in _claims(raw, scored, rows)],
        },
    }


def _waived(
    raw: Raw, judged: Mapping[str, Judged]
) -> tuple[dict[str, Judged], tuple[Applied, ...], str]:
    """The rows with their waivers, what became of each, and who signed the file, if anybody."""
    if not raw.papers.waivers:
        return dict(judged), (), ""
    at = papers.started_s(raw.run)
    signed = raw.papers.signed(papers.WAIVERS, at)
    not_good = signed.why_not if signed.forged else ""
    day = datetime.fromtimestamp(at, UTC).date()
    return (*waive(judged, raw.papers.waivers, day, not_good), signed.by)


def _claims(
    raw: Raw, scored: Mapping[int, tuple[Gate, Judgement]], rows: Mapping[str, Judged]
) -> Iterator[claims.Claim]:
    """A rate and the latency that it must hold are one claim, as good as its worse half."""
    for index, (rate, _) in scored.items():
        latency = figures.joint_gate(raw, raw.measurements()[index])
        if raw.measurements()[index]["kind"] == "throughput" and latency is not None:
            yield claims.joint(rate, rows[rate.id].verdict, latency, rows[latency.id].verdict)


def _measurement_of(raw: Raw, gate: Gate) -> int | Judged:
    """Which measurement a row is judged by; or, where none is, what is to be said instead."""
    if gate.checks:
        return _judge_checks(raw, gate)
    named = [i for i, m in enumerate(raw.measurements()) if m["id"] == gate.metric]
    others = {i: _another_metric(gate, raw.measurements()[i]) for i in named}
    fitting = [i for i in named if not others[i]]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        regimes = ", ".join(repr(raw.measurements()[i]["regime"]) for i in fitting)
        return Judged(verdicts.missing(f"measured as {regimes}; the row declares none of them"))
    return Judged(verdicts.missing("; ".join(others.values()) or "not measured in this run"))


def _judge_checks(raw: Raw, gate: Gate) -> Judged:
    """How many of the checks with these prefixes do not hold."""
    checks = [c for c in raw.run["checks"] if c["id"].startswith(gate.checks)]
    if not checks:
        return Judged(verdicts.missing("no such check ran"))
    broken = [c for c in checks if not c["ok"]]
    verdict = verdicts.scalar(gate.target, len(broken))
    if broken and verdict.state != State.PASS and all(_only_the_host(raw, c) for c in broken):
        late = "; ".join(f"{c['promise']}: saw {c['seen']}" for c in broken)
        return Judged(verdicts.unjudgeable(f"{NOISY}: {late}"))
    which = "; ".join(f"{c['promise']}: saw {c['seen']}, wanted {c['wanted']}" for c in broken)
    reason = which or f"{len(checks)} checks hold"
    points, formula = scoring.row_score(gate.target, len(broken))
    return Judged(Verdict(verdict.state, reason), points, formula, f"{len(broken)} broken")


def _another_metric(gate: Gate, measurement: Mapping[str, Any]) -> str:
    """Why this measurement is not the one the row declares; empty when it is."""
    made_up = _made_up(measurement)
    if made_up:
        return f"measured {made_up}, which is a demonstration and no result"
    statistics = {"latency": r"p[0-9].*|max", "short_op": r"p[0-9].*", "throughput": "lower_bound"}
    known = statistics.get(measurement["kind"])
    if known is not None and not re.fullmatch(known, gate.statistic):
        kind = measurement["kind"]
        return f"measured as {kind}, which has no {gate.statistic!r} that the row declares"
    for what, wanted in (("regime", gate.regime), ("points", gate.points)):
        if wanted is not None and wanted not in re.split(r"[^\w.-]+", str(measurement[what])):
            return f"measured with {what} {measurement[what]!r}, the row declares {wanted!r}"
    if gate.load_per_s is not None:
        load = str(measurement["load"])
        try:
            rate = parse_rate(load.split(" ")[0])
        except UnitError:
            rate = 0
        if rate != gate.load_per_s:
            return f"measured at {load!r}, the row declares {gate.load_per_s}/s"
    return ""


def _made_up(measurement: Mapping[str, Any]) -> str:
    """What was done to a measurement so that no row may be judged by it; empty for a real one."""
    facts, load = measurement["facts"], str(measurement["load"])
    if facts.get("injected"):
        return f"with an injected fault ({facts['injected']})"
    if int(facts.get("compress") or 1) > 1 or COMPRESSED in load:
        return f"at {load!r}"
    return ""


def _gates_of_the_run(raw: Raw, metrics: Sequence[Mapping[str, Any]]) -> tuple[GateResult, ...]:
    """What the run itself must keep, beside the rows of the matrix."""
    results = []
    if raw.run["status"] != "complete":
        cut = verdicts.missing("the run was cut off; what is shown is what it had until then")
        results.append(GateResult("complete", "The run is complete", cut))
    counted = tuple(prefix for gate in raw.matrix.gates for prefix in gate.checks)
    for check in raw.run["checks"]:
        if check["gate"] and not check["id"].startswith(counted or ("\0",)):
            state = State.PASS if check["ok"] else State.FAIL
            verdict = Verdict(state, f"saw {check['seen']}, wanted {check['wanted']}")
            if _only_the_host(raw, check):
                verdict = verdicts.unjudgeable(f"{NOISY}: {verdict.reason}")
            results.append(GateResult(check["id"], check["promise"], verdict))
    thin = _thin_evidence(raw.matrix, metrics)
    if thin:
        results.append(GateResult("evidence", "Evidence enough to sign off", thin))
    return tuple(results)


def _only_the_host(raw: Raw, check: Mapping[str, Any]) -> bool:
    """Whether a broken check may be the host's doing: noise only adds time, and never a count."""
    if check["ok"] or not check.get("timed"):
        return False
    return not qualification_of(raw.env, raw.noise).qualified


def _host_gate(raw: Raw, host: Qualification) -> Iterator[GateResult]:
    """None of a matrix that any host may sign: counts are the same on all of them."""
    if raw.matrix.host == "qualified":
        yield GateResult("host", "Qualified host", _host(host))


def _host(host: Qualification) -> Verdict:
    if host.qualified:
        return Verdict(State.PASS, "nothing that must hold speaks against it")
    against = ", ".join(row.title for row in host.standing_against)
    return verdicts.unjudgeable(f"not a qualified host: {against}")


def _thin_evidence(matrix: Matrix, metrics: Sequence[Mapping[str, Any]]) -> Verdict | None:
    """Passes that a short run can show but not sign: they keep their score, not the sign-off.

    Only end-to-end claims, the rows that declare points: a component is timed in one burst.
    """
    claims = {gate.id for gate in matrix.must_hold() if gate.points and gate.statistic != "max"}
    signed = Support.SIGN_OFF.name.lower()
    thin = [
        m["id"]
        for m in metrics
        if m["row"] in claims and m["state"] == State.PASS and m["support"] != signed
    ]
    if not thin:
        return None
    return verdicts.missing(
        f"{', '.join(thin)}: a sign-off takes {percentiles.BLOCKS_TO_SIGN_OFF} blocks of a second "
        "for a percentile, and for a rate seven trials of ten seconds and one of sixty"
    )
