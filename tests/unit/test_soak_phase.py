"""A soak from the reports of a process that only pretends to be under load."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.bench.cpus import Cpus
from harness.bench.launch import BenchError, Report
from harness.bench.plan import TrialPlan
from harness.config.loader import project_data
from harness.config.matrix import load_matrix
from harness.config.scenario import Scenario, Soak, load_scenario
from harness.measure.histogram import Histogram
from harness.measure.hlog import read_hlog
from harness.run import soak as soak_module
from harness.run.artifacts import RunDir
from harness.run.progress import Silent
from harness.run.session import Session
from harness.run.soak import soak

MATRIX = project_data("reports/matrix/week1.yaml")
OnReport = Callable[[Report], None]


def phase_of(scenario: Scenario) -> Soak:
    (phase,) = (p for p in scenario.phases if isinstance(p, Soak))
    return phase


@pytest.fixture
def session(tmp_path: Path) -> Session:
    scenario = load_scenario(project_data("scenarios/soak-compressed.yaml"))
    run = RunDir.create(tmp_path)
    return Session(scenario, run, Cpus(0, 1), Silent(), load_matrix(MATRIX))


def interval(seconds: float, values: list[int], **health: int) -> Report:
    seen = Histogram.from_values(np.array(values))
    hist = {"slots": seen.slots.tolist(), "counts": seen.counts.tolist(), "max": max(values)}
    names = ("rss_bytes", "n_sent", "gaps", "bad_messages", "bad_orders")
    health = dict.fromkeys(names, 0) | health
    return {"event": "interval", "hist": hist, "seconds": seconds, "health": health}


def dying(reports: list[Report], error: BaseException) -> Callable[[TrialPlan, OnReport], Report]:
    """A process that reports so far and then ends by `error`."""

    def measure(plan: TrialPlan, on_report: OnReport) -> Report:
        for report in reports:
            on_report(report)
        raise error

    return measure


def lines(session: Session) -> list[dict[str, Any]]:
    text = session.dir.file("series.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


REPORTS = [
    interval(0.5, [500] * 40),
    {"event": "health", "t_s": 0.6, "health": {"rss_bytes": 2, "irqs": {"engine": 3}}},
    interval(0.5, [700] * 20),
]
DEATH = BenchError("the measuring process was killed by SIGKILL")


def run_and_die(session: Session, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    monkeypatch.setattr(soak_module, "measure", dying(REPORTS, error))
    soak(phase_of(session.scenario), session)


def test_a_process_that_dies_leaves_its_intervals_and_a_check_that_fails(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_and_die(session, monkeypatch, DEATH)
    (check,) = [c for c in session.checks if c["id"] == "alive.soak.itch"]
    assert not check["ok"]
    assert check["gate"]
    assert "SIGKILL" in check["seen"]
    assert read_hlog(session.dir.file("soak.wire.hlog")).total(["soak.wire.r1"]).n == 60


def test_the_hours_of_a_process_that_died_are_those_that_it_lived(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_and_die(session, monkeypatch, DEATH)
    (hours,) = [m for m in session.measurements if m["id"] == "stability.hours"]
    assert hours["facts"]["value"] == pytest.approx(1.0 / 3600)


def test_a_process_that_never_ran_is_an_error_and_no_result(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soak_module, "measure", dying([], DEATH))
    with pytest.raises(BenchError, match="SIGKILL"):
        soak(phase_of(session.scenario), session)


def test_an_interrupt_passes_on_and_is_no_death(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_and_die(session, monkeypatch, KeyboardInterrupt())
    assert session.checks == []
    assert [m["id"] for m in session.measurements] == ["soak.wire", "stability.hours"]


def test_every_measurement_of_a_compressed_soak_says_so(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_and_die(session, monkeypatch, DEATH)
    wire, hours = session.measurements
    assert wire["facts"]["compress"] == 240
    assert all("time-compressed 240x" in m["load"] for m in (wire, hours))


def test_a_soak_in_real_time_says_nothing_of_compression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = load_scenario(project_data("scenarios/soak.yaml"))
    plain = Session(scenario, RunDir.create(tmp_path), Cpus(0, 1), Silent(), load_matrix(MATRIX))
    run_and_die(plain, monkeypatch, DEATH)
    assert all("compress" not in m["facts"] for m in plain.measurements)
    assert all("time-compressed" not in m["load"] for m in plain.measurements)


def test_live_progress_tells_rate_latency_memory_and_what_went_wrong(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr(session.progress, "note", notes.append, raising=False)
    seen = [
        interval(2.0, [500] * 4000, n_sent=100_000, rss_bytes=3 << 20),
        interval(2.0, [800] * 4000, n_sent=400_000, gaps=2, bad_messages=1, bad_orders=3),
    ]
    monkeypatch.setattr(soak_module, "measure", dying(seen, DEATH))
    soak(phase_of(session.scenario), session)
    first, second = (note.split("; ") for note in notes)
    assert first[1:] == [
        "4 k orders timed",
        "50 k messages/s",
        "p50 500 ns, p99 500 ns",
        "RSS 3.0 MiB",
        "gaps 0, errors 0",
    ]
    assert first[0].startswith("2 s of ")
    assert first[0].endswith("time-compressed 240x")
    assert second[1:3] == ["8 k orders timed", "150 k messages/s"]
    assert second[-1] == "gaps 2, errors 4"


def test_intervals_and_looks_at_the_process_are_lines_of_the_series(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_and_die(session, monkeypatch, DEATH)
    assert [(line["kind"], line["t_s"]) for line in lines(session)] == [
        ("interval", 0.5),
        ("health", 0.6),
        ("interval", 1.0),
    ]
    assert lines(session)[1]["irqs"] == {"engine": 3}


def test_the_process_is_told_the_real_lengths_of_a_compressed_soak(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[TrialPlan] = []

    def measure(plan: TrialPlan, on_report: OnReport) -> Report:
        plans.append(plan)
        return dying(REPORTS, DEATH)(plan, on_report)

    monkeypatch.setattr(soak_module, "measure", measure)
    soak(phase_of(session.scenario), session)
    (plan,) = plans
    assert plan.duration_ns == 60_000_000_000
    assert plan.interval_ns == plan.health_ns == 10_000_000_000 // 240
