"""The attribution pass: trials once more under the kernel's trace, beside the same without it.

A scored pass is never traced. Here each repeat is measured plain and traced, in turns; causes come
from the traced ones, and the difference between the two is what looking costs.
"""

from __future__ import annotations

from typing import Any

from harness.bench.launch import measure
from harness.bench.reports import TrialReport
from harness.config.scenario import Attribution, Trial
from harness.errors import HostError
from harness.measure import percentiles, trace_text, tracing
from harness.measure.attribution import UNEXPLAINED
from harness.measure.histogram import Histogram, merge
from harness.run import outliers
from harness.run.outliers import NOTHING_SEEN, Caused, Looked, Outlier
from harness.run.session import Session
from harness.run.tiers import tiers
from harness.run.trials import plan_of

FILE, SUMMARY = "outliers.jsonl", "attribution.json"
SCHEMA = "redline.attribution/1"
MOST = 200  # of a traced repeat; the slowest


def attribution(phase: Attribution, session: Session) -> None:
    """Explain the slowest answers of each trial; where nothing can be traced, say why."""
    seen = tiers()
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "missing": next(tier.why for tier in seen if tier.tier == "T1"),
        "tiers": [tier.as_json() for tier in seen],
        "trials": [],
    }
    if not record["missing"]:
        try:
            record["trials"] = [_explained(session, trial) for trial in phase.trials]
        except HostError as error:
            record["missing"] = str(error)
    session.dir.write_json(SUMMARY, record)


def _explained(session: Session, trial: Trial) -> dict[str, Any]:
    cpus, per_tick = session.cpus, session.clock.ns_per_tick
    plain: list[Histogram] = []
    traced: list[Histogram] = []
    found: list[Caused] = []
    lost_events = 0
    with tracing.instance(tuple(cpus.by_role().values())) as instance:
        for number in range(trial.repeats):
            for is_traced in (False, True) if number % 2 else (True, False):
                session.progress.note(f"{trial.id}: {'traced' if is_traced else 'plain'}")
                if not is_traced:
                    plain.append(_measured(session, trial).histograms["wire"])
                    continue
                with instance.look():
                    report = _measured(session, trial)
                traced.append(report.histograms["wire"])
                lost_events += sum(instance.lost(cpu) for cpu in instance.cpus)
                looked = [
                    Looked(cpu, role, trace_text.parse(instance.lines(cpu), cpu).events)
                    for role, cpu in (("engine", cpus.engine), ("rig", cpus.rig))
                ]
                slowest = sorted(_outliers(report), key=lambda one: -one.value_ns)[:MOST]
                found += outliers.caused(slowest, looked, _p50(traced[-1:]), per_tick)
    found.sort(key=lambda one: -one.outlier.value_ns)
    median_ns = _p50(traced)
    start_tsc = min((one.outlier.intended_tsc for one in found), default=0)
    for line in outliers.lines(trial.id, found, start_tsc, per_tick):
        session.dir.append_jsonl(FILE, line)
    causes = outliers.sums(found, median_ns)
    total = sum(cause["lost_ns"] for cause in causes)
    unknown = sum(c["lost_ns"] for c in causes if c["cause"] in (UNEXPLAINED, NOTHING_SEEN))
    return {
        "trial": trial.id,
        "n_outliers": len(found),
        "lost_events": lost_events,
        "causes": causes,
        "unexplained_share": unknown / total if total else 0.0,
        "observer": _observer(plain, traced),
    }


def _measured(session: Session, trial: Trial) -> TrialReport:
    return TrialReport.of(measure(plan_of(session, trial, outliers=True)))


def _outliers(report: TrialReport) -> list[Outlier]:
    return [Outlier(*one) for one in report.outliers]


def _p50(histograms: list[Histogram]) -> float:
    return percentiles.table(merge(histograms), 1.0)["p50"] or 0.0


def _observer(plain: list[Histogram], traced: list[Histogram]) -> dict[str, float | None]:
    without, with_ = (percentiles.table(merge(one), 1.0) for one in (plain, traced))
    return {
        "p50_without_ns": without["p50"],
        "p50_with_ns": with_["p50"],
        "p99_without_ns": without["p99"],
        "p99_with_ns": with_["p99"],
    }
