"""Hours at one load: intervals go to the disk as they come, so a cut-off run still tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.bench.launch import Report, measure
from harness.bench.reports import TrialReport, histogram_of
from harness.config.scenario import Soak
from harness.measure import percentiles
from harness.run.session import Measured, Session
from harness.run.trials import BOTH, account, hot_path, placement, plan_of


def soak(phase: Soak, session: Session) -> None:
    """One trial, reported every interval: a line of the log, a line of the series.

    An interrupt ends it early and passes on, after what was seen until then is put down.
    """
    trial = phase.trial()
    metric = phase.id.partition(".")[0] + ".wire"
    tag, name = f"{metric}.r1", f"{metric}.hlog"
    n, elapsed_s = 0, 0.0
    with session.dir.hlog(name, "ns", durable=True) as log:

        def interval(report: Report) -> None:
            nonlocal n, elapsed_s
            seen = histogram_of(report["hist"])
            log.append(tag, elapsed_s, report["seconds"], seen)
            elapsed_s += report["seconds"]
            n += seen.n
            table = percentiles.table(seen, 1.0)
            session.series(
                {
                    "kind": "interval",
                    "t_s": round(elapsed_s, 3),
                    "n": seen.n,
                    "p50_ns": table["p50"],
                    "p99_ns": table["p99"],
                    "max_ns": table["max"],
                    **report["health"],
                }
            )
            session.progress.note(
                f"{elapsed_s:.0f} s of {phase.duration_ns / 1e9:.0f} s, {n:,} orders timed"
            )

        # Its audit records are counted and let go: hours of them would fill a disk.
        plan = replace(plan_of(session, trial), interval_ns=phase.interval_ns)
        report, interrupt = None, None
        try:
            report = TrialReport.of(measure(plan, interval))
        except KeyboardInterrupt as stop:
            interrupt = stop
    facts: dict[str, Any] = {}
    if report is not None:
        session.series(report.series(phase.id, phase.rate_per_s))
        account(session, phase.id, report)
        hot_path(session, [report])
        facts |= {
            "loss": report.loss,
            "planned": report.planned,
            "sent": report.sent,
            "lateness_p999_ns": report.lateness_p999_ns,
            "answer_hash": report.answer_hash,
            **placement([report]),
        }
    session.logged(
        Measured(
            metric,
            unit="ns",
            kind="latency",
            regime=session.regime(phase.feed),
            points="wire",
            load=trial.load,
            facts=facts,
            roles=BOTH,
        ),
        name,
        [tag],
        n,
    )
    session.figure(
        Measured(
            "stability.hours",
            unit="h",
            kind="scalar",
            regime=session.regime(phase.feed),
            points="run",
            load=trial.load,
            facts={"value": elapsed_s / 3600},
        )
    )
    if interrupt is not None:
        raise interrupt
