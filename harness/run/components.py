"""Single operations: several processes, all operations in each, in an order drawn anew.

Within one process an operation's cost hardly spreads; from start to start it does, by the layout
that addresses, pages and branch history happened to get. So each restart is a sample, and what is
judged is judged over restarts (harness/run/short_ops.py). Restarts that disagree are made ten, as
for whole trials; none is ever dropped.

Leaves for each operation and regime: a `short_op` measurement with a tag a restart, a line of
series.jsonl (kind "component") a restart, and what the very first operation of each process took
(`<id>.first`).
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator, Mapping, Sequence

from harness.bench.launch import Report, measure
from harness.bench.plan import ComponentPlan, ComponentsPlan
from harness.config.components import ComponentRun, Components, Regime, first_of
from harness.config.loads import Feed
from harness.config.matrix import Gate
from harness.measure import percentiles
from harness.measure.histogram import Histogram, merge
from harness.run import short_ops
from harness.run.restart import MTICKS, Restart, batches_ns, floor_of
from harness.run.session import Block, Json, Measured, Session
from harness.run.verdicts import RUNS_EXTENDED, RUNS_FIRST

PUBLISHED = ("n_inputs", "n_input_bytes", "n_live_orders")

_Job = tuple[ComponentRun, Regime]
_Key = tuple[str, Regime]


def components(phase: Components, session: Session) -> None:
    """Measure every operation of the phase and leave its evidence in the session."""
    draw = random.Random(session.scenario.input.seed)
    jobs: list[_Job] = [(one, regime) for one in phase.metrics for regime in one.regimes]
    found: dict[_Key, list[Restart]] = {(one.id, regime): [] for one, regime in jobs}
    for number in range(1, phase.restarts + 1):
        session.progress.note(f"restart {number}/{phase.restarts}")
        _restart(phase, session, jobs, number, draw, found)
    if RUNS_FIRST <= phase.restarts < RUNS_EXTENDED:
        open_ = [job for job in jobs if _is_undecided(session, job, found[_key(job)])]
        for number in range(phase.restarts + 1, RUNS_EXTENDED + 1 if open_ else 0):
            session.progress.note(f"restart {number}/{RUNS_EXTENDED} of those that disagree")
            _restart(phase, session, open_, number, draw, found)
    for job in jobs:
        _record(session, *_key(job), found[_key(job)])
    for one in phase.metrics:
        _record_first(session, one, found)


def _key(job: _Job) -> _Key:
    one, regime = job
    return one.id, regime


def _restart(
    phase: Components,
    session: Session,
    jobs: Sequence[_Job],
    number: int,
    draw: random.Random,
    found: dict[_Key, list[Restart]],
) -> None:
    """One fresh process: every job once, in an order of its own."""
    order = draw.sample(list(jobs), len(jobs))
    reports: list[Report] = []
    measure(ComponentsPlan(tuple(_plan(phase, session, job) for job in order)), reports.append)
    for place, (job, report) in enumerate(zip(order, reports, strict=True)):
        name, regime = _key(job)
        restart = Restart.of(report, number, place)
        session.series(restart.series(name, regime))
        found[name, regime].append(restart)


def _plan(phase: Components, session: Session, job: _Job) -> ComponentPlan:
    one, regime = job
    feed: Feed = "fix" if one.id.startswith("fix.") else "itch"
    return ComponentPlan(
        one.id,
        regime,
        session.cpus.engine,
        one.duration_ns,
        session.made_stream(feed),
        warmup_min_ns=phase.warmup_min_ns,
        warmup_max_ns=phase.warmup_max_ns,
        is_replayed=False,
    )


def _is_undecided(session: Session, job: _Job, restarts: Sequence[Restart]) -> bool:
    """Whether a row judges this and its restarts do not agree about the target."""
    name, regime = _key(job)
    for gate in _judging(session, name, regime):
        q = percentiles.fraction(gate.statistic)
        runs_ns = [r.hists["per_op"].quantile(q) * r.tick_ns for r in restarts]
        each = short_ops.of_facts({"restarts": [r.bracket() for r in restarts]}, runs_ns)
        if short_ops.undecided(gate.target, gate.statistic, each, session.clock.quantum_ns):
            return True
    return False


def _judging(session: Session, name: str, regime: str) -> Iterator[Gate]:
    rows = (row for _, row in session.matrix.rows())
    for gate in (*rows, *session.matrix.gates):
        if gate.metric == name and gate.regime in (None, regime) and gate.statistic != "max":
            yield gate


def _record(session: Session, name: str, regime: str, restarts: Sequence[Restart]) -> None:
    """Regimes of one operation share a name: which of them is scored is the matrix's to say."""
    last = restarts[-1]
    pair = percentiles.table(merge([r.hists["pair"] for r in restarts]), last.tick_ns)
    brackets = [r.bracket() for r in restarts]
    n_wrong = sum(r.facts["n_wrong"] for r in restarts)
    hashes = sorted({r.answer_hash for r in restarts})
    n_chunks = sum(r.facts["n_chunks"] for r in restarts)
    quiet = merge([r.hists["chain.quiet"] for r in restarts])
    judged: Json = {
        "verified": n_wrong == 0 and len(hashes) == 1,
        "answer_hash": ", ".join(hashes),
        "quantum_ns": session.clock.quantum_ns,
        "pair_p50_ns": pair["p50"],
        "pair_spread_ns": (pair["p99"] or 0.0) - (pair["p50"] or 0.0),
        **batches_ns(restarts, "chain"),
        **batches_ns(restarts, "tput"),
        "floor_chain_ns": floor_of(restarts, "chain"),
        "floor_tput_ns": floor_of(restarts, "tput"),
        "chain_quiet_p50_ns": _quiet_ns(quiet, restarts),
        "quiet_share": sum(r.facts["n_quiet_chunks"] for r in restarts) / max(n_chunks, 1),
        "saturated": sum(r.saturated for r in restarts),
        "mix": dict(last.mix),
        "n_ops": sum(r.facts["n_ops"] for r in restarts),
        **{key: last.facts[key] for key in PUBLISHED},
        "allocs": max(r.facts["allocs"] for r in restarts),
        "faults": max(r.facts["minflt"] + r.facts["majflt"] for r in restarts),
        "restarts": brackets,
        "order_seed": session.scenario.input.seed,
        "warmup_settled": sum(r.facts["warmup_settled"] for r in restarts),
    }
    session.histograms(
        Measured(
            name,
            unit="ticks",
            kind="short_op",
            regime=regime,
            points="fenced pair around one operation",
            load="one thread",
            facts=judged,
            roles=("engine",),
        ),
        [[Block(r.hists["per_op"], r.seconds)] for r in restarts],
        log_name=f"{name}.{regime}",
    )
    session.check(f"answer.{name}.{regime}", f"{name} computes what it should", n_wrong, 0)
    session.check(
        f"answer.{name}.{regime}.same",
        f"{name} gives the same answers in every restart",
        ", ".join(hashes),
        hashes[0],
    )
    if judged["allocs"]:  # a zero from here alone would claim too much: the hot path is more
        worst = max(judged["allocs"], session.hot_path.get("alloc.hot_path", 0))
        session.hot_path["alloc.hot_path"] = worst


def _quiet_ns(quiet: Histogram, restarts: Sequence[Restart]) -> float | None:
    if not quiet.n:
        return None
    median = percentiles.table(quiet, restarts[0].tick_ns / MTICKS)["p50"]
    return None if median is None else median - floor_of(restarts, "chain")


def _record_first(
    session: Session, one: ComponentRun, found: Mapping[_Key, Sequence[Restart]]
) -> None:
    """The first operation of its kind in each process: whichever regime had its turn first.

    Code that never ran, pages that were never touched, branches that nobody has learnt.
    """
    earliest: dict[int, Restart] = {}
    for regime in one.regimes:
        for restart in found[one.id, regime]:
            seen = earliest.get(restart.number)
            if seen is None or restart.place < seen.place:
                earliest[restart.number] = restart
    runs_ns = [restart.first_ns for _, restart in sorted(earliest.items())]
    session.figure(
        Measured(
            first_of(one.id),
            unit="ns",
            kind="scalar",
            regime="first",
            points="fenced pair around one operation",
            load="one thread",
            facts={
                "value": statistics.median(runs_ns),
                "max_ns": max(runs_ns),
                "runs_ns": runs_ns,
            },
            roles=("engine",),
        )
    )
