"""Somebody else on the CPU of an engine that trades: slow is allowed, a wrong count is not."""

from __future__ import annotations

import contextlib

from engine import clock as engine_clock
from engine import probe
from harness.bench.hog import hog, ran_ns
from harness.bench.launch import measure
from harness.bench.reports import TrialReport
from harness.config.faults_machine import CpuSteal
from harness.config.loads import Trial
from harness.config.reactions import Case
from harness.measure import noise
from harness.run.reactions import Observed, react
from harness.run.reactions.counts import trial_counts
from harness.run.session import Session
from harness.run.trials import account, plan_of

NS_PER_MS = 1_000_000
CALIBRATION_NS = 20_000_000  # to a ppm or so; shares of a second need less
JUDGED = 0.99


@react.register
def _(fault: CpuSteal, case: Case, session: Session) -> Observed:
    """Injected are the ms that the hog had of the CPU while the engine traded."""
    trial = Trial.of(
        case.id,
        fault.feed,
        rate_per_s=fault.rate_per_s,
        warmup_ns=fault.warmup_ns,
        duration_ns=fault.duration_ns,
    )
    cpu = session.cpus.engine
    with contextlib.ExitStack() as beside:
        pid = beside.enter_context(hog(cpu)) if session.faults_enabled else None
        clock = engine_clock.calibrate(CALIBRATION_NS)
        (seen,) = probe.noise([cpu], fault.probe_ns / 1e9, clock)
        before_ns = ran_ns(pid) if pid else 0
        report = TrialReport.of(measure(plan_of(session, trial)))
        stolen_ns = ran_ns(pid) - before_ns if pid else 0
    session.series(report.series(case.id, fault.rate_per_s))
    account(session, case.id, report)
    record = noise.floor_record(
        seen.gaps_ns, seen.seconds, seen.threshold_ns, when="beside", cpu=cpu, role="engine"
    )
    floor = noise.floor_of(record)
    share = noise.contamination(floor, fault.target_ns, fault.target_ns)
    values = trial_counts(report) | {
        "preempted": report.usage["engine"]["nivcsw"],
        "stolen_permille": round(1000 * floor.lost_share),
        "unjudgeable": int(not noise.may_fail(share, JUDGED)),
    }
    injected = stolen_ns // NS_PER_MS
    return Observed(values, effects=min(injected, values["preempted"]), injected=injected)
