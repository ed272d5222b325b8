"""The steps of a run: each measures one thing and leaves its evidence in the session.

A step knows what it measures and nothing of verdicts; harness/run/judge.py reads what is left here.
"""

from __future__ import annotations

from functools import singledispatch

from engine import clock as engine_clock
from engine import probe
from harness.bench.reports import STAGES, histogram_of
from harness.config.reactions import Reactions
from harness.config.scenario import (
    Attribution,
    BlackBox,
    Clock,
    Components,
    Kill,
    Ladder,
    Network,
    NullBench,
    Phase,
    Soak,
    Stages,
    Throughput,
    TickToTrade,
)
from harness.measure import clock_checks, noise, percentiles
from harness.measure.histogram import Histogram
from harness.run.attribution import attribution
from harness.run.black_box import black_box
from harness.run.canary import canary
from harness.run.components import components
from harness.run.kill import kill
from harness.run.ladder import ladder
from harness.run.network import network
from harness.run.reactions.phase import reactions
from harness.run.search import search
from harness.run.session import Block, Json, Measured, Session
from harness.run.soak import soak
from harness.run.trials import account, extended, hot_path, record, repeat

NEIGHBOUR_PROBES = 200  # 30 ms a CPU: enough to tell a share of quiet chunks to a few percent
FENCED = "lfence_rdtsc_lfence__rdtscp_lfence"
GETTIME = "clock_gettime"


def noise_floor(session: Session, when: str) -> None:
    """Gaps on both CPUs at once, their neighbours, the distance between them, and the canary."""
    cpus, clock = session.cpus.by_role(), session.clock
    seconds = session.scenario.noise.duration_ns / 1e9
    roles = {cpu: role for role, cpu in cpus.items()}
    for seen in probe.noise(list(cpus.values()), seconds, clock):
        record = noise.floor_record(
            seen.gaps_ns,
            seen.seconds,
            seen.threshold_ns,
            when=when,
            cpu=seen.cpu,
            role=roles[seen.cpu],
        )
        session.noise["floor"].append(record)
    for cpu in cpus.values():
        found = probe.neighbour(cpu, clock, NEIGHBOUR_PROBES)
        session.noise["neighbour"].append(
            {
                "when": when,
                "cpu": cpu,
                "quiet_share": found.quiet_share,
                "best_ns": found.best_ns,
                "median_ns": found.median_ns,
            }
        )
    rtt_ns = probe.placement_ns(session.cpus.rig, session.cpus.engine, clock)
    session.noise["placement"].append(
        {"when": when, "cpus": [session.cpus.rig, session.cpus.engine], "rtt_ns": rtt_ns}
    )
    canary(session, when)


def calibrate(session: Session, window_ns: int) -> None:
    """The clock that every figure of the run is converted with."""
    session.clock = engine_clock.calibrate(window_ns)
    session.noise["clock"] = {
        "tsc_hz": session.clock.tsc_hz,
        "quantum_ns": session.clock.quantum_ns,
        "disagree_ppb": session.clock.disagree_ppb,
        "offset": _offset(session),
        "kernel": {"before": clock_checks.look()},
    }


def recalibrate(session: Session, window_ns: int) -> None:
    """Once more at the end: a clock that moved in between makes every figure doubtful."""
    after = engine_clock.calibrate(window_ns)
    facts = session.noise["clock"]
    moved_ppb = round((after.tsc_hz / session.clock.tsc_hz - 1) * 1e9)
    facts["disagree_ppb"] = max(facts["disagree_ppb"], after.disagree_ppb, moved_ppb, key=abs)
    facts["offset_after"] = _offset(session)
    facts["kernel"]["after"] = clock_checks.look()


def _offset(session: Session) -> Json:
    found = engine_clock.offset(session.cpus.rig, session.cpus.engine)
    per_tick = session.clock.ns_per_tick
    return {
        "cpus": list(found.cpus),
        "offset_ns": found.offset_ticks * per_tick,
        "bound_ns": found.bound_ticks * per_tick,
        "rtt_ns": found.rtt_ticks * per_tick,
        "n_violations": found.n_violations,
    }


@singledispatch
def perform(phase: Phase, session: Session) -> None:
    """Do what a phase of the scenario says."""
    raise TypeError(f"no step is known for a {type(phase).__name__}")


@perform.register
def _(phase: Clock, session: Session) -> None:
    """What reading the clock costs, and how well one reading is known."""
    per_tick = session.clock.ns_per_tick
    costs = {name: histogram_of(ticks) for name, ticks in engine_clock.costs().items()}
    session.noise["clock"]["pairs"] = {
        name: {f"{stat}_ns": value for stat, value in _brief(cost, per_tick).items()}
        for name, cost in costs.items()
    }
    bound_ns = session.noise["clock"]["offset"]["bound_ns"]
    pair_p99_ns = session.noise["clock"]["pairs"][FENCED]["p99_ns"]
    session.figure(
        Measured(
            "clock.precision",
            unit="ns",
            kind="scalar",
            regime="empty pair",
            points="lfence;rdtsc;lfence to rdtscp;lfence",
            load="idle",
            facts={
                "value": max(session.clock.quantum_ns, pair_p99_ns, bound_ns),
                "quantile": 0.99,
                "quantum_ns": session.clock.quantum_ns,
                "pair_p99_ns": pair_p99_ns,
                "offset_bound_ns": bound_ns,
            },
        )
    )
    session.histograms(
        Measured(
            "clock.gettime",
            unit="ticks",
            kind="latency",
            regime="hot",
            points="fenced pair around one call",
            load="idle",
            facts={"verified": True},
        ),
        [[Block(costs[GETTIME], 0.0)]],
    )


def _brief(cost: Histogram, scale: float) -> dict[str, float]:
    table = percentiles.table(cost, scale)
    return {stat: table[stat] or 0.0 for stat in ("min", "p50", "p99", "max")}


@perform.register
def _(phase: NullBench, session: Session) -> None:
    for trial in phase.trials:
        record(session, trial, repeat(session, trial, mode="reflect"))


@perform.register
def _(phase: TickToTrade, session: Session) -> None:
    """The scored pass: no stage timing, nothing attached."""
    for trial in phase.trials:
        reports = extended(session, trial, repeat(session, trial))
        record(session, trial, reports)
        for i, report in enumerate(reports, 1):
            account(session, f"{trial.id}.r{i}", report)
        hot_path(session, reports)


@perform.register
def _(phase: Attribution, session: Session) -> None:
    attribution(phase, session)


@perform.register
def _(phase: Stages, session: Session) -> None:
    """Where the time goes; the clock reads between the stages are in every figure."""
    for trial in phase.trials:
        reports = repeat(session, trial, stage_timing=True)
        family = "e2e" if trial.feed == "itch" else f"e2e.{trial.feed}"
        for name in STAGES:
            session.histograms(
                Measured(
                    f"{family}.stage.{name}",
                    unit="ns",
                    kind="latency",
                    regime=session.regime(trial.feed),
                    points=name,
                    load=trial.load,
                    facts={"observer": "a clock read before and after each stage"},
                ),
                [[Block(report.histograms[name], report.seconds)] for report in reports],
            )
        for i, report in enumerate(reports, 1):
            account(session, f"{trial.id}.r{i}", report)


@perform.register
def _(phase: Components, session: Session) -> None:
    components(phase, session)


@perform.register
def _(phase: Network, session: Session) -> None:
    network(phase, session)


@perform.register
def _(phase: Throughput, session: Session) -> None:
    search(phase, session)


@perform.register
def _(phase: Ladder, session: Session) -> None:
    ladder(phase, session)


@perform.register
def _(phase: BlackBox, session: Session) -> None:
    black_box(phase, session)


@perform.register
def _(phase: Kill, session: Session) -> None:
    kill(phase, session)


@perform.register
def _(phase: Soak, session: Session) -> None:
    soak(phase, session)


@perform.register
def _(phase: Reactions, session: Session) -> None:
    reactions(phase, session)
