"""The judgement of a run, from its raw files alone; the runner and `verify` both call this.

Raw:      run.json (everything but metrics, score, verdict), noise.json, series.jsonl, the histogram
    logs, matrix.yaml. Judged: metrics, score, verdict, as JSON values.
Facts of a measurement that are read here, by kind (units in the names; absent means unknown):
    every kind:  verified (false: it computed wrong answers), allocs, faults, saturated
    latency:     n, loss, tick_ns, planned, sent, lateness_p999_ns
    short_op:    n, tick_ns, quantum_ns, pair_p50_ns, pair_spread_ns, chain_min_ns, quiet_share
    scalar:      value, and quantile (host noise may excuse a miss at it);
                 for tools complete and control_found
    throughput:  phase (of its trials in series.jsonl), joint_metric (whose target must hold too)
Rows:     a row is judged only by its metric with the regime, points and load that it declares;
    another regime is another metric, so the row is MISSING.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.config.matrix import Gate, Matrix
from harness.config.units import UnitError, parse_rate
from harness.measure import noise, percentiles
from harness.measure.percentiles import Support
from harness.run import artifacts, figures, sheet, verdicts
from harness.run.figures import Figures
from harness.run.raw import Measurement, Raw
from harness.run.verdicts import HostNoise, State, Verdict
from harness.score import matrix as scoring
from harness.score.matrix import GateResult, Judged

_Judgement = tuple[Figures, Judged, HostNoise | None]

_ROLES = {"wire": ("engine", "rig")}  # a wire-to-wire figure crosses both threads


def judge(raw: Raw) -> dict[str, Any]:
    """The keys metrics, score and verdict of run.json."""
    judged: dict[str, Judged] = {}
    scored: dict[int, tuple[Gate, _Judgement]] = {}
    for gate in raw.gates():
        found = _measurement_of(raw, gate)
        if isinstance(found, Judged):
            judged[gate.id] = found
        else:
            judgement = _judge_measurement(raw, raw.measurements()[found], gate)
            judged[gate.id] = judgement[1]
            scored.setdefault(found, (gate, judgement))
    metrics = [_metric(raw, i, scored) for i in range(len(raw.measurements()))]
    total = scoring.score(raw.matrix, judged)
    results = (*scoring.row_gates(raw.matrix, judged), *_gates_of_the_run(raw, metrics))
    state, reasons = scoring.sign_off(raw.matrix, total, results)
    return {
        "metrics": metrics,
        "score": sheet.score_json(raw.matrix, judged, total),
        "verdict": {
            "state": str(state),
            "exit_code": int(state.exit_code),
            "reasons": list(reasons),
            "gates": [sheet.gate_json(raw.matrix, judged, result) for result in results],
        },
    }


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
    which = "; ".join(f"{c['promise']}: saw {c['seen']}, wanted {c['wanted']}" for c in broken)
    reason = which or f"{len(checks)} checks hold"
    points, formula = scoring.row_score(gate.target, len(broken))
    return Judged(Verdict(verdict.state, reason), points, formula, f"{len(broken)} broken")


def _another_metric(gate: Gate, measurement: Mapping[str, Any]) -> str:
    """Why this measurement is not the one the row declares; empty when it is."""
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


def _metric(raw: Raw, index: int, scored: Mapping[int, tuple[Gate, _Judgement]]) -> dict[str, Any]:
    measurement = raw.measurements()[index]
    if index in scored:
        gate, judgement = scored[index]
        return sheet.metric_json(raw, measurement, gate, *judgement)
    return sheet.metric_json(raw, measurement, None, *_judge_measurement(raw, measurement, None))


def _judge_measurement(raw: Raw, measurement: Measurement, gate: Gate | None) -> _Judgement:
    match measurement["kind"]:
        case "latency" | "short_op":
            seen = figures.of_percentile(raw, measurement, gate)
        case "throughput":
            seen = figures.of_throughput(raw, measurement)
        case "scalar":
            seen = figures.of_scalar(measurement)
        case kind:
            raise artifacts.RunDirError(f"run.json: {measurement['id']}: no such kind: {kind!r}")
    if gate is None:
        return seen, Judged(Verdict(State.MISSING, "reported beside; no row judges it")), None
    host = _host_noise(raw, measurement, gate, seen)
    verdict = _doubts(raw, measurement, gate, seen, host)
    if verdict is None:
        verdict = _decide(raw, measurement, gate, seen, host)
    verdict = Verdict(verdict.state, verdict.reason + _notes(measurement["facts"]))
    value = sheet.display(seen.value, measurement["unit"])
    if not verdict.judged:
        return seen, Judged(verdict, value=value), host
    if measurement["facts"].get("verified") is False:
        return seen, Judged(verdict, 0.0, "wrong answers: 0", value), host
    points, formula = scoring.row_score(gate.target, _bound(seen, gate))
    return seen, Judged(verdict, points, formula, value), host


def _host_noise(raw: Raw, measurement: Measurement, gate: Gate, seen: Figures) -> HostNoise | None:
    """The contamination of this metric by the host; None where time is not what is judged."""
    target, length_ns = gate.target, seen.percentiles.get("p50") or 0.0
    if measurement["kind"] == "throughput":
        joint = figures.joint_gate(raw, measurement)
        if joint is None:
            return None
        target = joint.target
        length_ns = (seen.detail or {}).get("p50_ns") or 0.0
    if target.unit != "ns":
        return None
    floor = noise.combined(raw.noise["floor"], _roles(measurement))
    if floor is None:
        return HostNoise(1.0, measured=False)
    return HostNoise(noise.contamination(floor, target.value, length_ns))


def _roles(measurement: Measurement) -> tuple[str, ...]:
    named = measurement.get("roles")
    return tuple(named) if named else _ROLES.get(measurement["points"], ("engine",))


def _doubts(
    raw: Raw, measurement: Measurement, gate: Gate, seen: Figures, host: HostNoise | None
) -> Verdict | None:
    """The reasons not to look at the figure at all, in the order of doubt."""
    facts, kind = measurement["facts"], measurement["kind"]
    if facts.get("verified") is False:
        return Verdict(State.FAIL, "it computed wrong answers, so its speed says nothing")
    if kind == "scalar":
        return None if seen.value is not None else verdicts.missing("no value was recorded")
    found = _clock(raw.noise.get("clock") or {})
    if kind == "throughput":
        return found
    if not seen.n:
        return verdicts.missing("no samples were recorded")
    counted = facts.get("n")
    if counted is not None and counted != seen.n:
        return verdicts.unjudgeable(
            f"evidence: the histogram holds {seen.n} samples, the run counted {counted}"
        )
    late = verdicts.generator(
        gate.target.value if gate.target.unit == "ns" else None,
        facts.get("lateness_p999_ns"),
        facts.get("planned"),
        facts.get("sent"),
    )
    q = verdicts.quantile(gate.statistic, seen.n)
    if late is not None and host is not None and not host.may_fail(q):
        # The generator spins on this host too: what made it late is part of the answer.
        late = verdicts.unjudgeable(f"{late.reason}; {host.why_not(gate.statistic, q)}")
    busy = verdicts.neighbour(facts.get("quiet_share")) if kind == "short_op" else None
    few = None
    if gate.statistic != "max":
        few = verdicts.samples(seen.n, gate.statistic, seen.support)
    if few is None and seen.flaw:
        few = verdicts.unjudgeable(seen.flaw)
    return late or found or busy or few


def _clock(facts: Mapping[str, Any]) -> Verdict | None:
    before, after = facts.get("offset") or {}, facts.get("offset_after") or {}
    moved = 0.0
    if before and after:
        # Two bounds overlap when nothing moved; only what lies beyond both is movement.
        apart = abs(float(after["offset_ns"]) - float(before["offset_ns"]))
        moved = max(0.0, apart - float(after["bound_ns"]) - float(before["bound_ns"]))
    return verdicts.clock(facts.get("disagree_ppb"), moved, float(facts.get("quantum_ns") or 0.0))


def _decide(
    raw: Raw,
    measurement: Measurement,
    gate: Gate,
    seen: Figures,
    host: HostNoise | None,
) -> Verdict:
    facts, target, statistic = measurement["facts"], gate.target, gate.statistic
    if measurement["kind"] == "scalar":
        return _decide_scalar(facts, gate, host)
    if host is None:
        return verdicts.missing("no row states the latency that this rate must hold")
    if measurement["kind"] == "throughput":
        found = figures.sustained_by(raw, measurement)
        floor = noise.combined(raw.noise["floor"], _roles(measurement))
        lost_share = floor.lost_share if floor else 0.0
        return verdicts.throughput(
            target, found.joint, found.loss_free, lost_share, host, found.condition
        )
    q = verdicts.quantile(statistic, seen.n)
    if facts.get("loss"):
        lost = f"{facts['loss']} messages never came back; none may be lost"
        if not host.may_fail(q):
            return verdicts.unjudgeable(f"{host.why_not(statistic, q)}; {lost}")
        return Verdict(State.FAIL, lost)
    if seen.value is None:
        return verdicts.unjudgeable(f"too few samples: {seen.n}")
    if measurement["kind"] == "short_op":
        chain = facts.get("chain_min_ns")
        return verdicts.short_op(
            target,
            statistic,
            seen.value,
            float(chain) if chain is not None else None,
            float(facts["pair_p50_ns"]),
            float(facts["pair_spread_ns"]),
            float(facts["quantum_ns"]),
            host,
        )
    if len(seen.runs) >= verdicts.RUNS_FIRST:
        return verdicts.restarts(target, statistic, seen.runs, host)
    bounds = seen.bounds
    interval = None
    if bounds and not bounds.missing:
        interval = (bounds.low, max(bounds.high, *seen.runs, seen.value))
    return verdicts.latency(target, statistic, seen.value, interval, q, host)


def _decide_scalar(facts: Mapping[str, Any], gate: Gate, host: HostNoise | None) -> Verdict:
    value = float(facts["value"])
    if "control_found" in facts or "complete" in facts:
        return verdicts.zero_tolerance(
            int(value), bool(facts.get("complete")), bool(facts.get("control_found")), "findings"
        )
    if gate.target.unit == "h":
        return verdicts.hours(gate.target, value)
    noisy, q = "", facts.get("quantile")
    if host is not None and q is not None and not host.may_fail(float(q)):
        noisy = host.why_not(gate.statistic, float(q))
    return verdicts.scalar(gate.target, value, noisy)


def _bound(seen: Figures, gate: Gate) -> float:
    """The unfavourable end of the figure: what is scored."""
    if seen.value is None:  # only a judged absence comes here: nothing held, or it was lost
        return 0.0 if gate.target.op in (">", ">=") else 2.0 * gate.target.value
    ends = [seen.value]
    if seen.bounds and not seen.bounds.missing:
        ends.append(seen.bounds.high)
    if seen.runs:
        ends.append(percentiles.upper_of_runs(seen.runs))
    return max(ends)


def _notes(facts: Mapping[str, Any]) -> str:
    """What else happened in the measured window; part of the reason, so nobody overlooks it."""
    seen = [
        f"{facts[name]} {what}"
        for name, what in (
            ("allocs", "allocations"),
            ("faults", "page faults"),
            ("saturated", "samples above the range of the histogram"),
        )
        if facts.get(name)
    ]
    return f" ({', '.join(seen)} in the measured window)" if seen else ""


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
            seen = f"saw {check['seen']}, wanted {check['wanted']}"
            results.append(GateResult(check["id"], check["promise"], Verdict(state, seen)))
    thin = _thin_evidence(raw.matrix, metrics)
    if thin:
        results.append(GateResult("evidence", "Evidence enough to sign off", thin))
    return tuple(results)


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
