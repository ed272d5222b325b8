"""One measurement against the row that judges it: doubts first, then the figure.

Facts that are read here, by kind of measurement (units in the names; absent means unknown):
    every kind:  verified (false: it computed wrong answers), allocs, faults, saturated
    latency:     n, loss, tick_ns, planned, sent, lateness_p999_ns
    short_op:    n, tick_ns, quantum_ns, pair_p50_ns, pair_spread_ns, chain_min_ns, quiet_share;
                 of restarts the same under `restarts`; mhz and pinned_mhz of the core
    scalar:      value (or why it is missing: missing), runs_ns, and quantile (host noise may
                 excuse a miss at it); of tools complete and control_found
    throughput:  phase (of its trials in series.jsonl), joint_metric (whose target must hold too)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.config.matrix import Gate
from harness.measure import clock_checks, noise, percentiles
from harness.run import artifacts, doubts, figures, short_ops, stability, verdicts
from harness.run.figures import Figures
from harness.run.raw import Measurement, Raw
from harness.run.verdicts import HostNoise, State, Verdict
from harness.score import matrix as scoring
from harness.score.matrix import Judged

_ROLES = {"wire": ("engine", "rig")}  # a wire-to-wire figure crosses both threads


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a measurement says, what that is worth, and what the host has to do with it."""

    figures: Figures
    judged: Judged
    host: HostNoise | None = None
    health: stability.Health | None = None  # of a soak


def judgement(
    raw: Raw, measurement: Measurement, gate: Gate | None, *, noise_gate: bool = True
) -> Judgement:
    """RunDirError for a kind of measurement that does not exist.

    `noise_gate` False takes the host's word for everything, as harnesses do that know no noise
    floor: for showing what they would have said of the same data, and for nothing else.
    """
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
        beside = Judged(Verdict(State.MISSING, "reported beside; no row judges it"))
        return Judgement(seen, beside, health=_health_of(raw, measurement))
    host = _host_noise(raw, measurement, gate, seen)
    if host is not None and not noise_gate:
        host = HostNoise(0.0, gated=False)
    verdict = _doubts(raw, measurement, gate, seen, host)
    if verdict is None:
        verdict = _decide(raw, measurement, gate, seen, host, noise_gate)
    notes = _notes(measurement["facts"]) + _modes(seen, measurement["unit"])
    verdict = Verdict(verdict.state, verdict.reason + notes)
    value = figures.display(seen.value, measurement["unit"])
    if not verdict.judged:
        return Judgement(seen, Judged(verdict, value=value), host, _health_of(raw, measurement))
    if measurement["facts"].get("verified") is False:
        return Judgement(seen, Judged(verdict, 0.0, "wrong answers: 0", value), host)
    points, formula = scoring.row_score(
        gate.target, _bound(seen, gate), partial=gate.partial == "octave"
    )
    judged = Judged(verdict, points, formula, value)
    return Judgement(seen, judged, host, _health_of(raw, measurement))


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
    contamination = noise.contamination(floor, target.value, length_ns)
    return HostNoise(contamination, longest_ns=floor.max_ns)


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
        if seen.value is not None:
            return None
        return verdicts.missing(str(facts.get("missing") or "no value was recorded"))
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
    late = doubts.generator(
        gate.target.value if gate.target.unit == "ns" else None,
        # Without the noise gate a late generator is nobody's doing either: it is in the response.
        facts.get("lateness_p999_ns") if host is None or host.gated else None,
        facts.get("planned"),
        facts.get("sent"),
    )
    q = verdicts.quantile(gate.statistic, seen.n)
    if late is not None and host is not None and not host.may_fail(q):
        # The generator spins on this host too: what made it late is part of the answer.
        late = verdicts.unjudgeable(f"{late.reason}; {host.why_not(gate.statistic, q)}")
    busy = None
    if kind == "short_op":
        busy = doubts.neighbour(facts.get("quiet_share")) or doubts.frequency(
            facts.get("mhz"), facts.get("pinned_mhz")
        )
    few = None
    if gate.statistic != "max":
        few = doubts.samples(seen.n, gate.statistic, seen.support)
    if few is None and seen.flaw:
        few = verdicts.unjudgeable(seen.flaw)
    return late or found or busy or few


def _clock(facts: Mapping[str, Any]) -> Verdict | None:
    doubt = clock_checks.doubt_of(facts)
    if doubt:
        return verdicts.unjudgeable(f"clock: {doubt}")
    before, after = facts.get("offset") or {}, facts.get("offset_after") or {}
    moved = 0.0
    if before and after:
        # Two bounds overlap when nothing moved; only what lies beyond both is movement.
        apart = abs(float(after["offset_ns"]) - float(before["offset_ns"]))
        moved = max(0.0, apart - float(after["bound_ns"]) - float(before["bound_ns"]))
    return doubts.clock(facts.get("disagree_ppb"), moved, float(facts.get("quantum_ns") or 0.0))


def _decide(
    raw: Raw,
    measurement: Measurement,
    gate: Gate,
    seen: Figures,
    host: HostNoise | None,
    noise_gate: bool,
) -> Verdict:
    facts, target, statistic = measurement["facts"], gate.target, gate.statistic
    if measurement["kind"] == "scalar":
        return _decide_scalar(raw, measurement, gate, host, noise_gate)
    if host is None:
        return verdicts.missing("no row states the latency that this rate must hold")
    if measurement["kind"] == "throughput":
        found = figures.sustained_by(raw, measurement)
        floor = noise.combined(raw.noise["floor"], _roles(measurement))
        lost_share = floor.lost_share if floor and host.gated else 0.0
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
        if facts.get("restarts") and seen.runs:
            return short_ops.decide(
                target,
                statistic,
                short_ops.of_facts(facts, seen.runs),
                float(facts["quantum_ns"]),
                host,
            )
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
    if statistic == "max":
        return verdicts.maximum(target, seen.value, seen.n, host)
    bounds = seen.bounds
    interval = None
    if bounds and not bounds.missing:
        interval = (bounds.low, max(bounds.high, *seen.runs, seen.value))
    return verdicts.latency(target, statistic, seen.value, interval, q, host)


def _decide_scalar(
    raw: Raw, measurement: Measurement, gate: Gate, host: HostNoise | None, noise_gate: bool
) -> Verdict:
    facts = measurement["facts"]
    value = float(facts["value"])
    if "control_found" in facts or "complete" in facts:
        return verdicts.tool(
            gate.target, value, bool(facts.get("complete")), facts.get("control_found")
        )
    if gate.target.unit == "h":
        return stability.verdict(gate.target, health(raw, value), _soak_noise(raw, noise_gate))
    noisy, q = "", facts.get("quantile")
    if host is not None and q is not None and not host.may_fail(float(q)):
        noisy = host.why_not(gate.statistic, float(q))
    return verdicts.scalar(gate.target, value, noisy)


def health(raw: Raw, hours: float) -> stability.Health:
    """What the intervals of a soak say, those of series.jsonl."""
    intervals = [line for line in raw.series if line["kind"] == "interval"]
    return stability.health(intervals, hours, stability.limit_of(tuple(raw.gates())))


def _health_of(raw: Raw, measurement: Measurement) -> stability.Health | None:
    facts = measurement["facts"]
    if (
        measurement["kind"] == "latency"
        and measurement["points"] == "wire"
        and "interval_s" in facts
    ):
        return health(raw, 0.0)
    if measurement["unit"] == "h" and facts.get("value") is not None:
        return health(raw, float(facts["value"]))
    return None


def _soak_noise(raw: Raw, noise_gate: bool) -> HostNoise:
    """The host's part in the latency of each interval, from wire to wire."""
    limit = stability.limit_of(tuple(raw.gates()))
    floor = noise.combined(raw.noise["floor"], _ROLES["wire"])
    if not noise_gate or limit is None:
        return HostNoise(0.0, gated=noise_gate)
    if floor is None:
        return HostNoise(1.0, measured=False)
    return HostNoise(noise.contamination(floor, limit.value, 0.0))


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


def _modes(seen: Figures, unit: str) -> str:
    """Runs in two groups: no figure between them stands for either."""
    groups = [f"{figures.display(mode.value, unit)} in {mode.n}" for mode in seen.modes]
    return f" (the runs have two modes: {' and '.join(groups)})" if groups else ""
