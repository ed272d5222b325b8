"""The load ladder: one load from idle to the most that holds, response beside service.

Response is timed from the intended moment of a message, service from the moment at which it was
really sent; the gap between the two is what a closed loop would have hidden (G. Tene, "How NOT to
Measure Latency", 2013; wrk2 prints the same pair). No row judges a rung.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.bench.launch import measure
from harness.bench.reports import TrialReport
from harness.config.scenario import Ladder
from harness.config.units import format_rate, format_share
from harness.measure import censored, percentiles
from harness.run.session import Block, Measured, Session
from harness.run.trials import BOTH, account, network, placement, plan_of

POINTS = ("wire", "service")
_DIGITS = 3  # of a rate that is a share of another: no more of them were found


@dataclass(frozen=True, slots=True)
class Rung:
    """`name` is part of a file name, `title` is for people."""

    name: str
    title: str
    rate_per_s: int


def rungs(phase: Ladder, sustained_per_s: int | None) -> Iterator[Rung]:
    """The rungs by rate, lowest first; those that are shares only where a rate was found."""
    found = [Rung("idle", "idle", phase.idle_per_s)]
    for share in phase.shares_bp if sustained_per_s else ():
        rate = max(1, _rounded((sustained_per_s or 0) * share // 10_000))
        found.append(Rung(f"share_{share}bp", f"{format_share(share)} of the rate held", rate))
    for rate in phase.at_per_s:
        found.append(Rung(f"at_{rate}", f"exactly {format_rate(rate)}", rate))
    yield from sorted(found, key=lambda rung: rung.rate_per_s)


def ladder(phase: Ladder, session: Session) -> None:
    """Climb it: a trial a rung, two measurements of each."""
    held = session.sustained_per_s.get(phase.feed)
    if held is None and phase.shares_bp:
        session.progress.note(f"{phase.id}: no rate was held, so its shares are left out")
    for rung in rungs(phase, held):
        session.progress.note(f"{phase.id}, {rung.title}: {rung.rate_per_s:,}/s")
        trial = phase.trial(rung.name, rung.rate_per_s)
        report = TrialReport.of(measure(plan_of(session, trial)))
        account(session, trial.id, report)
        lost = censored.statistics(report.histograms["wire"], report.loss)
        session.series(
            report.series(phase.id, rung.rate_per_s)
            | {
                "rung": rung.title,
                "service_ns": percentiles.table(report.histograms["service"], 1.0),
                "infinite": list(lost),
            }
        )
        for point in POINTS:
            facts = {
                "rung": rung.title,
                "sustained_per_s": held,
                "loss": report.loss,
                "infinite": list(lost),
                "planned": report.planned,
                "sent": report.sent,
                "lateness_p999_ns": report.lateness_p999_ns,
                "saturated": report.saturated[point],
            }
            session.histograms(
                Measured(
                    f"{phase.family}.{point}",
                    unit="ns",
                    kind="latency",
                    regime=session.regime(phase.feed) + session.over(phase.port),
                    points=point,
                    load=f"{format_rate(rung.rate_per_s)} {phase.schedule}",
                    facts=facts | placement([report]) | network([report]),
                    roles=BOTH,
                ),
                [[Block(report.histograms[point], report.seconds)]],
                log_name=f"{phase.family}.{point}.{rung.name}",
            )


def _rounded(rate: int) -> int:
    """To as many digits as count: a found rate is known to a few percent."""
    step: int = 10 ** max(0, len(str(rate)) - _DIGITS)
    return rate // step * step
