"""What desks do at a venue that misbehaves: a day in virtual time, and the same without."""

from __future__ import annotations

from engine.exchange.drill import Drill, Outcome, drill
from engine.exchange.mischief import Mischief
from harness.config.faults_venue import VenueDay
from harness.config.reactions import Case
from harness.errors import HostError
from harness.run.reactions import Observed, react
from harness.run.session import Session

AGREE = ("ORDERS", "EXECUTIONS", "POSITIONS", "BOOKS")
COUNTERS = ("orders", "trades", "executions", "resent", "asked")
NS = frozenset({"SKEW"})  # rows that are times
ELSEWHERE = frozenset({"MD_LOSS"})  # no mischief of a venue


@react.register
def _(fault: VenueDay, case: Case, session: Session) -> Observed:
    """Effects are what desks saw, or else the orders that they did not send."""
    seed = session.scenario.input.seed
    day = Drill(
        seed=seed,
        n_desks=fault.desks,
        duration_ns=fault.duration_ns,
        actions_per_s=fault.actions_per_s,
    )
    try:
        usual = drill(day, Mischief(seed=seed))
        outcome = drill(day, fault.mischief.engine(seed)) if session.faults_enabled else usual
    except OSError as error:
        raise HostError(f"{case.id}: {error.strerror or error}") from None
    rows = [row for row in outcome.rows if row.name not in ELSEWHERE]
    values = _counts(outcome) | {"orders_usual": usual.counters["orders"]}
    for row in rows:
        unit = "_ns" if row.name in NS else ""
        values[f"{row.name.lower()}{unit}"] = row.injected
        values[f"{row.name.lower()}_seen{unit}"] = row.observed
    seen = sum(abs(row.observed) for row in rows)
    effects = seen or max(0, values["orders_usual"] - values["orders"])
    injected = sum(abs(row.injected) for row in rows) or int(session.faults_enabled)
    return Observed(values, effects=effects, injected=injected)


def _counts(outcome: Outcome) -> dict[str, int]:
    holds = {check.name: check.holds for check in outcome.checks}
    return {
        **{name: outcome.counters[name] for name in COUNTERS},
        "settled": int(holds["SETTLED"]),
        "disagree": sum(not holds[name] for name in AGREE),
        "tripped": int(not holds["ARMED"]),
    }
