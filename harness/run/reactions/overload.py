"""More market data than usual, or all of it at once: a trial, counted at both of its ends."""

from __future__ import annotations

import numpy as np

from harness.bench.launch import measure
from harness.bench.reports import TrialReport
from harness.config.faults_market import Overload
from harness.config.loads import Trial
from harness.config.reactions import Case
from harness.net.pattern import read_pattern
from harness.run.reactions import Observed, react
from harness.run.reactions.counts import trial_counts
from harness.run.session import Session
from harness.run.trials import account, plan_of

NS_PER_S = 1_000_000_000


@react.register
def _(fault: Overload, case: Case, session: Session) -> Observed:
    """`waited` counts messages that shared a look of the engine with one before them."""
    rate_per_s, schedule = fault.usual_per_s, "constant"
    if session.faults_enabled:
        rate_per_s, schedule = fault.peak_per_s, fault.schedule
    trial = Trial.of(
        case.id,
        fault.feed,
        rate_per_s=rate_per_s,
        warmup_ns=fault.warmup_ns,
        duration_ns=fault.duration_ns,
        schedule=schedule,
    )
    report = TrialReport.of(measure(plan_of(session, trial)))
    session.series(report.series(case.id, rate_per_s))
    account(session, case.id, report)
    values = trial_counts(report)
    injected = _closer_than_usual(fault, schedule, rate_per_s, report.planned)
    extra = (rate_per_s - fault.usual_per_s) * fault.measured_ns() // NS_PER_S
    above_usual = max(0, values["received"] - (report.planned - extra)) if extra > 0 else 0
    effects = min(injected, max(above_usual, values["waited"]))
    return Observed(values, effects=effects, injected=injected)


def _closer_than_usual(fault: Overload, schedule: str, rate_per_s: int, n: int) -> int:
    """Messages that were due sooner behind the one before them than is usual."""
    due = read_pattern(schedule, rate_per_s, 1)
    gaps_ns = np.diff(due.due_ns.astype(np.int64), append=due.span_ns + int(due.due_ns[0]))
    closer = gaps_ns < NS_PER_S // fault.usual_per_s
    whole, rest = divmod(n, len(closer))
    return whole * int(closer.sum()) + int(closer[:rest].sum())
