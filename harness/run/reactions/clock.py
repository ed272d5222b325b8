"""What desks do when the clock of their venue steps: a day in virtual time, and one without."""

from __future__ import annotations

from dataclasses import replace

from engine.exchange.drill import Drill, drill
from engine.exchange.mischief import Mischief
from harness.config.faults_clock import ClockStep
from harness.config.reactions import Case
from harness.run.reactions import Observed, react
from harness.run.session import Session

AGREE = ("ORDERS", "EXECUTIONS", "POSITIONS", "BOOKS")


@react.register
def _(fault: ClockStep, case: Case, session: Session) -> Observed:
    """Injected is the step, in ns; an effect is one that desks were told of, or an order less."""
    seed = session.scenario.input.seed
    day = Drill(seed=seed, n_desks=fault.desks, duration_ns=fault.duration_ns)
    right = Mischief(seed=seed)
    wrong = replace(right, skew_ns=fault.step_ns, skew_at_ns=fault.at_ns)
    usual = drill(day, right)
    outcome = drill(day, wrong) if session.faults_enabled else usual
    skew = next(row for row in outcome.rows if row.name == "SKEW")
    holds = {check.name: check.holds for check in outcome.checks}
    step_ns = fault.step_ns if session.faults_enabled else 0
    values = {
        "stepped_ns": step_ns,
        "seen_ns": skew.observed,
        "orders": outcome.counters["orders"],
        "orders_usual": usual.counters["orders"],
        "trades": outcome.counters["trades"],
        "settled": int(holds["SETTLED"]),
        "disagree": sum(not holds[name] for name in AGREE),
        "tripped": int(not holds["ARMED"]),
    }
    effects = max(abs(skew.observed), values["orders_usual"] - values["orders"])
    return Observed(values, effects=effects, injected=abs(step_ns))
