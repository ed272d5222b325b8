"""The kill switch under load: what the venue saw come after each trip, and when.

The venue at the other end of the wire is the judge; of the engine it hears the acknowledgement and
nothing else. Each trial is a process of its own with a fresh engine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace

from harness.bench.launch import measure
from harness.bench.plan import KillPlan, TrialPlan
from harness.bench.reports import TrialReport
from harness.config.scenario import Kill, KillTrial
from harness.run.session import Block, Measured, Session
from harness.run.trials import BOTH, account, placement, plan_of

# Metric of each point. What is scored is the last: until then an order could still have come.
POINTS = {
    "kill.seen": "trip_to_seen",
    "kill.cancelled": "trip_to_all_cancelled",
    "kill.trip": "trip_to_last_order",
}
MOST_IN_FLIGHT = 1  # decided when the trip came, and on the wire before the next look at the word


def kill(phase: Kill, session: Session) -> None:
    """All trials of the phase, their histograms side by side, and what they must have kept."""
    reports = []
    for one in phase.trials:
        session.progress.note(f"{one.id}: {one.trips} trips")
        with tempfile.TemporaryDirectory(prefix="redline-") as board_dir:
            report = TrialReport.of(measure(_plan(phase, one, session, board_dir)))
        session.series(report.series(one.id, one.rate_per_s))
        account(session, one.id, report)
        _promises(session, one, report)
        reports.append(report)
    for metric, point in POINTS.items():
        session.histograms(
            Measured(
                metric,
                unit="ns",
                kind="latency",
                regime=session.regime(phase.trials[0].feed),
                points=point,
                load=phase.trials[0].trial().load,
                facts=_facts(phase.trials, reports, point),
                roles=BOTH,
            ),
            [[Block(report.histograms[point], report.seconds)] for report in reports],
        )


def _plan(phase: Kill, one: KillTrial, session: Session, board_dir: str) -> TrialPlan:
    plan = KillPlan(
        trips=one.trips,
        tripper=one.tripper,
        every_ns=one.every_ns,
        seed=session.scenario.input.seed,
        hold_every=phase.hold_every,
        max_resting=phase.max_resting,
        board_dir=board_dir if one.tripper == "process" else None,
    )
    return replace(plan_of(session, one.trial()), kill=plan)


def _promises(session: Session, one: KillTrial, report: TrialReport) -> None:
    seen = report.counters["judge"]
    in_flight = seen["orders_in_flight_most"]
    for name, promise, value, wanted in (
        ("trips", "trips were made and followed to their end", seen["trips"] > 0, True),
        ("seen", "the engine acknowledged every trip", seen["trips_unseen"], 0),
        ("after", "no order left after a trip was acknowledged", seen["orders_after_trip"], 0),
        (
            "in_flight",
            "at most one order was under way when a trip came",
            max(in_flight, MOST_IN_FLIGHT),
            MOST_IN_FLIGHT,
        ),
        ("residual", "nothing rested with the venue after a trip", seen["trips_residual"], 0),
    ):
        session.check(f"kill.{one.id}.{name}", promise, value, wanted)


def _facts(
    trials: Sequence[KillTrial], reports: Sequence[TrialReport], point: str
) -> dict[str, object]:
    judged = [report.counters["judge"] for report in reports]
    return {
        "saturated": sum(r.saturated[point] for r in reports),
        "trips": sum(seen["trips"] for seen in judged),
        "trips_planned": sum(one.trips for one in trials),
        "trips_with_orders": sum(seen["trips_with_orders"] for seen in judged),
        "orders_in_flight": sum(seen["orders_in_flight"] for seen in judged),
        "orders_after_trip": sum(seen["orders_after_trip"] for seen in judged),
        **placement(reports),
    }
