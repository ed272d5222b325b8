"""Round trips over the network of the bench, and what one received frame costs there."""

from __future__ import annotations

from collections.abc import Sequence

from harness.bench.launch import Report, measure
from harness.bench.plan import RttPlan
from harness.bench.reports import histogram_of
from harness.config.scenario import Network, RoundTrips
from harness.run.session import Block, Measured, Session
from harness.run.trials import BOTH

WARMUP_ROUNDS = 1000


def network(phase: Network, session: Session) -> None:
    """Every path in turn, again and again: what the host does to one it does to all."""
    reports: dict[str, list[Report]] = {one.id: [] for one in phase.paths}
    for repeat in range(1, max(one.repeats for one in phase.paths) + 1):
        for one in phase.paths:
            if repeat <= one.repeats:
                session.progress.note(f"{one.id} {repeat}/{one.repeats}")
                reports[one.id].append(measure(_plan(one, session)))
    for one in phase.paths:
        _record(one, session, reports[one.id])


def _plan(one: RoundTrips, session: Session) -> RttPlan:
    net = session.net(one.port, xdp_mode=one.xdp_mode, wait=one.wait)
    assert net is not None, "the scenario was checked to have a network"
    return RttPlan(
        net=net,
        size_bytes=one.size_bytes,
        rounds=one.rounds,
        warmup=WARMUP_ROUNDS,
        cpu_ping=session.cpus.rig,
        cpu_echo=session.cpus.engine,
    )


def _record(one: RoundTrips, session: Session, reports: Sequence[Report]) -> None:
    lost = sum(report["counters"]["lost"] for report in reports)
    modes = {
        f"{end['backend']}: {end['mode']}"
        for report in reports
        for end in report["net"]["market"].values()
    }
    placements = [ns for report in reports for ns in report["placement_ns"]]
    facts = {
        "loss": lost,
        "ports": "; ".join(sorted(modes)),
        "placement_min_ns": min(placements),
        "placement_max_ns": max(placements),
    }
    points: list[tuple[str, str, str, tuple[str, ...]]] = [(one.id, "rtt", "round_trip", BOTH)]
    if one.processing:
        points.append((one.processing, "processing", "frame visible to handed on", ("rig",)))
    for metric, which, where, roles in points:
        saturated = sum(report["hists"][which]["saturated"] for report in reports)
        session.histograms(
            Measured(
                metric,
                unit="ns",
                kind="latency",
                regime=f"{one.size_bytes} B" + session.over(one.port),
                points=where,
                load="one frame under way",
                facts=facts | {"saturated": saturated},
                roles=roles,
            ),
            [[Block(histogram_of(r["hists"][which]), r["seconds"])] for r in reports],
        )
    for i, report in enumerate(reports, 1):
        session.series({"kind": "round_trips", "phase": one.id, "repeat": i, **_brief(report)})
    session.check(f"conservation.{one.id}", "every frame of a round trip came back, once", lost, 0)


def _brief(report: Report) -> dict[str, object]:
    return {key: report[key] for key in ("counters", "net", "seconds", "placement_ns")}
