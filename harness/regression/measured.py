"""Asking real builds: for every reading a fresh process on one CPU, with that side's engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine import clock as engine_clock
from engine import component as engine_component
from harness.bench.launch import BenchError, Report, measure
from harness.bench.plan import ComponentPlan, ComponentsPlan, StreamPlan
from harness.measure import percentiles
from harness.regression.abba import Ask, Canary, Process, Reading, Side, Subject
from harness.regression.builds import Build
from harness.run.restart import MTICKS, Restart

CANARY_NS = 60_000_000  # dozens of chunks, of which the best counts
CALIBRATION_NS = 50_000_000
WARMUP_MIN_NS = 50_000_000
WARMUP_MAX_NS = 500_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how long an operation is timed in a process; `streams` by feed."""

    cpu: int
    duration_ns: int
    streams: Mapping[str, StreamPlan]


def asker(builds: Mapping[Side, Build], setting: Setting) -> Ask:
    """Measures operations of one side. BenchError when its engine cannot be asked; it names it."""

    def ask(side: Side, subjects: Sequence[Subject]) -> Process:
        build = builds[side]
        seen: list[Report] = []
        plan = ComponentsPlan(tuple(_plan(one, setting) for one in subjects))
        try:
            measure(plan, seen.append, engine=build.site)
        except BenchError as error:
            raise BenchError(f"{build.name}: {error}") from error
        loaded, *reports = seen
        if loaded["core_sha256"] != build.core_sha256:
            raise BenchError(f"{build.name}: {loaded['file']} has changed since it was resolved")
        return Process(side, dict(zip(subjects, map(_reading, reports), strict=True)))

    return ask


def canary_on(cpu: int) -> Canary:
    """The canary of this harness's own engine, ns an operation of its best chunk."""
    clock = engine_clock.calibrate(CALIBRATION_NS)
    return lambda: engine_component.canary(cpu, clock, CANARY_NS).cpu.best_ns


def _plan(one: Subject, setting: Setting) -> ComponentPlan:
    return ComponentPlan(
        one.component,
        one.regime,
        setting.cpu,
        setting.duration_ns,
        setting.streams["fix" if one.component.startswith("fix.") else "itch"],
        warmup_min_ns=WARMUP_MIN_NS,
        warmup_max_ns=WARMUP_MAX_NS,
        is_replayed=False,
    )


def _reading(report: Report) -> Reading:
    restart = Restart.of(report, 0, 0)
    fastest = percentiles.table(restart.hists["chain"], restart.tick_ns / MTICKS)["min"]
    if fastest is None:
        raise BenchError("no batch was timed: ask for a longer --duration")
    return Reading(
        value_ns=fastest,
        quiet_share=restart.quiet_share,
        n_wrong=restart.facts["n_wrong"],
        answer_hash=restart.answer_hash,
    )
