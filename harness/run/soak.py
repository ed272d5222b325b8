"""Hours at one load: intervals go to the disk as they come, so a cut-off run still tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.bench.launch import BenchError, Report, measure
from harness.bench.reports import TrialReport, histogram_of
from harness.config.scenario import Soak
from harness.measure import percentiles
from harness.measure.hlog import HlogWriter
from harness.report.figures import count_text, ns_text, short_count
from harness.run.draft import HOURS
from harness.run.session import Block, Measured, Session
from harness.run.trials import BOTH, account, hot_path, placement, plan_of

LIVES = "the process under load lives until it is told to stop"
HEAP = "the engine holds as many bytes of the heap at the end as at the beginning"
NOTE_S = 1.0  # intervals of a compressed soak come faster than anybody reads


def soak(phase: Soak, session: Session) -> None:
    """One trial, reported every interval: a line of the log, a line of the series.

    An interrupt ends it early and passes on, after what was seen until then is put down. A process
    that dies ends it too: what it had shown is kept, and that it died is a check that fails.
    """
    trial = phase.trial()
    metric, beside = phase.metric_ids()[-2:]
    tag, name = f"{metric}.r1", f"{metric}.hlog"
    facts: dict[str, Any] = {"interval_s": phase.real_interval_ns / 1e9}
    if phase.compress > 1:
        facts["compress"] = phase.compress
    measured = Measured(
        metric,
        unit="ns",
        kind="latency",
        regime=session.regime(phase.feed),
        points="wire",
        load=phase.load,
        facts=facts,
        roles=BOTH,
    )
    report, interrupt, death = None, None, ""
    with session.dir.hlog(name, "ns", durable=True) as log:
        session.keep(session.entry(measured, name, [tag]), session.entry(_hours(phase, measured)))
        seen = _Seen(phase, session, log, tag)
        # Its audit records are counted and let go: hours of them would fill a disk.
        plan = replace(
            plan_of(session, trial),
            interval_ns=phase.real_interval_ns,
            health_ns=phase.real_health_ns,
            first_seq=phase.first_seq,
        )
        try:
            report = TrialReport.of(measure(plan, seen.report))
        except KeyboardInterrupt as stop:
            interrupt = stop
        except BenchError as error:
            if not seen.elapsed_s:
                raise  # it never ran: nothing was measured that could be lost
            death = str(error)
    if interrupt is None:
        session.check(f"alive.{phase.id}", LIVES, death or "it did", "it did")
    if report is not None:
        facts |= _finished(phase, session, report)
    session.logged(measured, name, [tag], seen.n)
    if report is not None:
        service = [[Block(report.histograms["service"], report.seconds)]]
        session.histograms(replace(measured, metric=beside, points="service"), service)
    session.figure(_hours(phase, measured, seen.elapsed_s))
    if interrupt is not None:
        raise interrupt


def _hours(phase: Soak, measured: Measured, elapsed_s: float = 0.0) -> Measured:
    """The hours beside a latency: those that passed by the clock, and those asked for."""
    asked_h = phase.real_duration_ns / 1e9 / 3600
    return replace(
        measured,
        metric=HOURS,
        unit="h",
        kind="scalar",
        points="run",
        facts={"value": elapsed_s / 3600, "asked_h": asked_h},
        roles=(),
    )


@dataclass(slots=True)
class _Seen:
    """What came from the process so far; every report is on the disk before the next one."""

    phase: Soak
    session: Session
    log: HlogWriter
    tag: str
    n: int = 0
    elapsed_s: float = 0.0
    noted_s: float = 0.0
    n_sent: int = 0

    def report(self, report: Report) -> None:
        """A report of the process: an interval, or a look at its health."""
        if report["event"] == "health":
            t_s = round(report["t_s"], 3)
            self.session.series({"kind": "health", "t_s": t_s, **report["health"]})
        elif report["event"] == "interval":
            self._interval(report)

    def _interval(self, report: Mapping[str, Any]) -> None:
        recorded = histogram_of(report["hist"])
        self.log.append(self.tag, self.elapsed_s, report["seconds"], recorded)
        self.elapsed_s += report["seconds"]
        self.n += recorded.n
        table = percentiles.table(recorded, 1.0)
        line = {
            "kind": "interval",
            "t_s": round(self.elapsed_s, 3),
            "seconds": round(report["seconds"], 6),
            "n": recorded.n,
            "p50_ns": table["p50"],
            "p99_ns": table["p99"],
            "max_ns": table["max"],
            **report["health"],
        }
        self.session.series(line)
        if self.elapsed_s - self.noted_s >= NOTE_S:
            self.noted_s = self.elapsed_s
            self.session.progress.note(self._note(line))
        self.n_sent = line["n_sent"]

    def _note(self, line: Mapping[str, Any]) -> str:
        """How far the soak is, and what its last interval was like."""
        length_s = self.phase.real_duration_ns / 1e9
        compressed = self.phase.compress > 1
        rate = (line["n_sent"] - self.n_sent) / line["seconds"]
        errors = line["bad_messages"] + line["bad_orders"]
        parts = (
            f"{self.elapsed_s:.0f} s of {length_s:.0f} s"
            + (f", time-compressed {self.phase.compress}x" if compressed else ""),
            f"{short_count(self.n)} orders timed",
            f"{short_count(rate)} messages/s",
            f"p50 {ns_text(line['p50_ns'])}, p99 {ns_text(line['p99_ns'])}",
            f"RSS {line['rss_bytes'] / 2**20:.1f} MiB",
            f"gaps {count_text(line['gaps'])}, errors {count_text(errors)}",
        )
        return "; ".join(parts)


def _finished(phase: Soak, session: Session, report: TrialReport) -> dict[str, Any]:
    """The accounts of a soak that came to its end; what they add to its facts."""
    session.series(report.series(phase.id, phase.rate_per_s))
    account(session, phase.id, report)
    heap = report.usage["engine"].get("heap_bytes", "not counted")
    n = f"{report.counters['feed']['messages']:,} messages"
    session.judged(
        f"heap.{phase.id}", HEAP, ok=heap == 0, seen=f"{heap} bytes after {n}", wanted="0 bytes"
    )
    hot_path(session, [report])
    if phase.feed == (session.input_feed or "itch"):
        session.answer = report.answer
    return {
        "loss": report.loss,
        "planned": report.planned,
        "sent": report.sent,
        "lateness_p999_ns": report.lateness_p999_ns,
        "answer_hash": report.answer_hash,
        **placement([report]),
    }
