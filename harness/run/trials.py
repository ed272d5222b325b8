"""Trials: what is planned for one, what its repeats leave as evidence, and what they promise.

A trial is one engine under one load in a process of its own; several phases are made of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.trade import audit as audit_log
from harness.bench.launch import Report, measure
from harness.bench.plan import Mode, StallPlan, TrialPlan
from harness.bench.reports import TrialReport
from harness.config.scenario import Trial
from harness.measure import percentiles
from harness.run.restarts import more
from harness.run.session import Block, Measured, Session

BLOCK_NS = 1_000_000_000  # what an interval of confidence is drawn from, in a sign-off
LONG_NS = 10 * BLOCK_NS  # shorter trials are one block: no wake-up disturbs them
BOTH = ("engine", "rig")  # a wire-to-wire figure crosses both threads


def plan_of(
    session: Session,
    trial: Trial,
    *,
    mode: Mode = "engine",
    stage_timing: bool = False,
    audit_name: str = "",
    outliers: bool = False,
) -> TrialPlan:
    """What the process of one repeat is told. The audit log is kept when it gets a name."""
    return TrialPlan(
        stream=session.stream(trial.feed),
        engine=session.engine(),
        mode=mode,
        schedule=trial.schedule,
        rate_per_s=trial.rate_per_s,
        warmup_ns=trial.warmup_ns,
        duration_ns=trial.duration_ns,
        interval_ns=0,
        cpu_engine=session.cpus.engine,
        cpu_rig=session.cpus.rig,
        ring_bytes=session.scenario.bench.ring_bytes,
        stage_timing=stage_timing,
        audit_path=str(session.dir.file(audit_name)) if audit_name else None,
        pack=trial.pack,
        outliers=outliers,
        net=session.net(trial.port),
        impairment=(
            trial.impairment.model_dump_json(by_alias=True, exclude_none=True)
            if trial.impairment
            else None
        ),
        stall=stall_of(trial),
    )


def stall_of(trial: Trial) -> StallPlan | None:
    """How the process is told of a stall."""
    stall = trial.stall
    if stall is None:
        return None
    return StallPlan(who=stall.who, every_ns=stall.every_ns, length_ns=stall.length_ns)


def repeat(
    session: Session,
    trial: Trial,
    *,
    mode: Mode = "engine",
    stage_timing: bool = False,
    done: int = 0,
) -> list[TrialReport]:
    """The repeats of a trial after those that are `done`, each in a process of its own; scored ones
    keep their audit logs.
    """
    reports = []
    keeps_audit = mode == "engine" and not stage_timing
    for i in range(done + 1, trial.repeats + 1):
        session.progress.note(f"{trial.id} {i}/{trial.repeats}")
        name = f"{trial.id}.r{i}.audit" if keeps_audit else ""
        plan = plan_of(session, trial, mode=mode, stage_timing=stage_timing, audit_name=name)
        if trial.duration_ns >= LONG_NS:
            plan = replace(plan, interval_ns=BLOCK_NS)
        intervals: list[Report] = []
        report = TrialReport.of(measure(plan, intervals.append), intervals)
        session.series(report.series(trial.id, trial.rate_per_s))
        if keeps_audit:
            _check_audit(session, name, report)
        reports.append(report)
    return reports


def extended(session: Session, trial: Trial, reports: list[TrialReport]) -> list[TrialReport]:
    """The reports, and those of further restarts where five disagree about a row's target."""
    due = 0
    for metric, point in ((trial.measures.wire, "wire"), (trial.measures.buf, "buf")):
        row = session.joint_row(metric) if metric else None
        if row is None or row.target.unit != "ns" or not row.statistic.startswith("p"):
            continue
        seen = [percentiles.percentile(r.histograms[point], row.statistic) for r in reports]
        due = max(due, more(row.target, seen))
    if not due:
        return reports
    session.progress.note(f"{trial.id}: {len(reports)} restarts disagree, {due} more decide")
    longer = trial.model_copy(update={"repeats": len(reports) + due})
    return reports + repeat(session, longer, done=len(reports))


def _check_audit(session: Session, name: str, report: TrialReport) -> None:
    """The log is proven to its end, holds all that the engine counted, and leads to its state."""
    found = audit_log.replay_log(session.dir.file(name))
    for what, promise, seen, wanted in (
        ("proof", "the audit log is proven to its end", found.verdict.text or "proven", "proven"),
        (
            "records",
            "the audit log holds every decision and every answer",
            found.verdict.n_records,
            report.counters["orders"]["audit_records"],
        ),
        (
            "replay",
            "the audit log, replayed, leads to the state in which the engine stopped",
            found.contradiction[1] if found.contradiction else "the same",
            "the same",
        ),
    ):
        session.check(f"answer.{name}.{what}", promise, seen, wanted)


def record(session: Session, trial: Trial, reports: Sequence[TrialReport]) -> None:
    """The metrics that a trial was declared to measure, and their companions."""
    last = reports[-1]
    answer = last.answer if last.has_engine else None
    if answer is not None and trial.feed == (session.input_feed or "itch"):
        session.answer = answer
    facts: dict[str, object] = {
        "loss": sum(r.loss for r in reports),
        "planned": sum(r.planned for r in reports),
        "sent": sum(r.sent for r in reports),
        "lateness_p999_ns": max(r.lateness_p999_ns for r in reports),
        "allocs": max(r.allocs for r in reports),
        "faults": max(r.faults for r in reports),
        "answer_hash": last.answer_hash,
    }
    if trial.stall is not None:
        facts["injected"] = trial.stall.describe()
    facts |= placement(reports) | network(reports)
    wire, buf = trial.measures.wire, trial.measures.buf
    wanted: list[tuple[str, str]] = []
    if wire:
        family = wire.removesuffix("wire")
        wanted += [
            (wire, "wire"),
            (family + "service", "service"),
            (family + "lateness", "lateness"),
        ]
    if buf:
        wanted += [(buf, "buf")]
    for metric, point in wanted:
        session.histograms(
            Measured(
                metric,
                unit="ns",
                kind="latency",
                regime=session.regime(trial.feed) + session.over(trial.port),
                points=point,
                load=trial.load,
                facts=facts | {"saturated": sum(r.saturated[point] for r in reports)},
                roles=("engine",) if point == "buf" else BOTH,
            ),
            [_blocks(r, point) for r in reports],
        )


def placement(reports: Sequence[TrialReport]) -> dict[str, object]:
    """How near and how far apart the two CPUs were seen: like is compared with like only."""
    seen = [ns for report in reports for ns in report.placement_ns]
    return {"placement_min_ns": min(seen), "placement_max_ns": max(seen)}


def network(reports: Sequence[TrialReport]) -> dict[str, object]:
    """What the ports of a network bench obtained; nothing for shared memory."""
    modes = {
        f"{name}.{role}": f"{end['backend']}: {end['mode']}"
        for report in reports
        for name, line in (report.net or {}).items()
        for role, end in line.items()
    }
    return {"ports": "; ".join(sorted(set(modes.values())))} if modes else {}


def _blocks(report: TrialReport, point: str) -> list[Block]:
    """Second by second where that was recorded, else the repeat as a whole."""
    if point == "wire" and report.blocks:
        return [Block(histogram, seconds) for histogram, seconds in report.blocks]
    return [Block(report.histograms[point], report.seconds)]


def account(session: Session, name: str, report: TrialReport) -> None:
    """What the trial promises about its own arithmetic."""
    session.check(
        f"conservation.{name}",
        "everything counted on both ends of a way agrees",
        report.broken or "agrees",
        "agrees",
    )
    session.check(
        f"answer.{name}.orders", "the exchange understood every order", report.bad_orders, 0
    )
    damage = (report.answer or {}).get("damage", "no book was reported")
    session.check(f"answer.{name}.book", "the books pass their integrity walk", damage, "")


def hot_path(session: Session, reports: Sequence[TrialReport]) -> None:
    """Heap calls and page faults of the engine thread while it was measured: the worst trial."""
    for metric, unit_of_report in (("alloc.hot_path", "allocs"), ("faults.hot_path", "faults")):
        worst = max(getattr(report, unit_of_report) for report in reports)
        session.hot_path[metric] = max(worst, session.hot_path.get(metric, 0))
