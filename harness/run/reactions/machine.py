"""Faults below an engine that trades: slow is allowed, a wrong count is not."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from pathlib import Path

from engine import clock as engine_clock
from engine import probe
from harness.bench import links
from harness.bench.hog import faults, hog, ran_ns
from harness.bench.launch import Report, measure
from harness.bench.lines import lines_of
from harness.bench.plan import EndPlan, NetPlan, TrialPlan
from harness.bench.reports import TrialReport, histogram_of
from harness.config.bench import NetnsBench
from harness.config.faults_machine import CpuSteal, MemoryPressure, NicFlap
from harness.config.loads import Trial
from harness.config.reactions import Case
from harness.measure import noise
from harness.run.reactions import Observed, react, why_not
from harness.run.reactions.counts import trial_counts
from harness.run.session import Session
from harness.run.trials import account, plan_of

NS_PER_MS = 1_000_000
CALIBRATION_NS = 20_000_000  # to a ppm or so; shares of a second need less
JUDGED = 0.99
INTERVAL_NS = 50_000_000  # of reports while an interface flaps
RING = "4MiB"


@react.register
def _(fault: CpuSteal, case: Case, session: Session) -> Observed:
    """Injected are the ms that the hog had of the CPU while the engine traded."""
    cpu = session.cpus.engine
    with contextlib.ExitStack() as beside:
        pid = beside.enter_context(hog(cpu)) if session.faults_enabled else None
        clock = engine_clock.calibrate(CALIBRATION_NS)
        (seen,) = probe.noise([cpu], fault.probe_ns / 1e9, clock)
        before_ns = ran_ns(pid) if pid else 0
        report = _traded(fault, case, session)
        stolen_ns = ran_ns(pid) - before_ns if pid else 0
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


@react.register
def _(fault: MemoryPressure, case: Case, session: Session) -> Observed:
    """Injected are the pages that the kernel found for the other program."""
    with contextlib.ExitStack() as beside:
        pid = None
        if session.faults_enabled:
            pid = beside.enter_context(hog(session.cpus.rig, fault.take_bytes))
        before = faults(pid) if pid else 0
        report = _traded(fault, case, session)
        taken = faults(pid) - before if pid else 0
    usage = report.usage["engine"]
    values = trial_counts(report) | {
        "faults": usage["minflt"] + usage["majflt"],
        "pages_taken": taken,
    }
    return Observed(values, effects=taken, injected=taken)


def _traded(fault: CpuSteal | MemoryPressure, case: Case, session: Session) -> TrialReport:
    trial = Trial.of(
        case.id,
        fault.feed,
        rate_per_s=fault.rate_per_s,
        warmup_ns=fault.warmup_ns,
        duration_ns=fault.duration_ns,
    )
    report = TrialReport.of(measure(plan_of(session, trial)))
    session.series(report.series(case.id, fault.rate_per_s))
    account(session, case.id, report)
    return report


@dataclass(slots=True)
class _Flap:
    """Takes an interface down for a while as soon as enough of a trial has passed."""

    end: EndPlan
    after_ns: int
    down_ns: int
    flaps: int = 0
    orders_after: int = 0
    _passed_ns: float = 0.0

    def seen(self, report: Report) -> None:
        if report["event"] != "interval":
            return
        if self.flaps:
            self.orders_after += histogram_of(report["hist"]).n
        self._passed_ns += report["seconds"] * 1e9
        if self.flaps == 0 and self._passed_ns >= self.after_ns:
            self._flap()

    def _flap(self) -> None:
        netns = Path(self.end.netns or "")
        links.set_state(netns, self.end.interface, "down")
        time.sleep(self.down_ns / 1e9)
        links.set_state(netns, self.end.interface, "up")
        self.flaps = 1


@react.register
def _(fault: NicFlap, case: Case, session: Session) -> Observed:
    """Injected are flaps, effects the packets that they cost."""
    trial = Trial.of(
        case.id,
        "itch",
        rate_per_s=fault.rate_per_s,
        warmup_ns=fault.warmup_ns,
        duration_ns=fault.duration_ns,
    )
    bench = NetnsBench.model_validate({"kind": "netns", "ring": RING, "port": "afpacket"})
    with lines_of(bench) as lines:
        market = lines["market"]
        flap = _Flap(market.engine, fault.after_ns, fault.down_ns)
        plan: TrialPlan = replace(
            plan_of(session, trial),
            interval_ns=INTERVAL_NS,
            net=NetPlan(
                port=bench.port,
                xdp_mode=bench.xdp_mode,
                wait=bench.wait,
                accel=bench.accel,
                market=market,
                orders=lines["orders"],
            ),
        )
        report = TrialReport.of(measure(plan, flap.seen if session.faults_enabled else None))
        lost = links.sent_and_dropped(Path(market.rig.netns or ""), market.rig.interface)
    session.series(report.series(case.id, fault.rate_per_s))
    feed = report.counters["feed"]
    values = trial_counts(report) | {
        "flaps": flap.flaps,
        "lost_on_link": lost,
        "unaccounted": report.sent - feed["messages"] - feed["lost"],
        "orders_after": flap.orders_after,
    }
    return Observed(values, effects=lost, injected=flap.flaps)


@why_not.register
def _(fault: NicFlap) -> str | None:
    from harness.tuning import rights

    lacking = rights.why_not(rights.BENCH, rights.ENTER, rights.AFPACKET)
    return f"{fault.kind}: {lacking}" if lacking else None
