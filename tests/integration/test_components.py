"""The component phase with real processes: what one of them reports, and what a run keeps of it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.bench.launch import Report, measure
from harness.bench.plan import ComponentPlan, ComponentsPlan, StreamPlan

from .conftest import needs_two_cpus

STREAM = StreamPlan("fix", None, seed=3, n_instruments=8, n_orders=2000, n_messages=5000)
RUN = ComponentPlan(
    "fix.parse",
    "stream",
    cpu=max(os.sched_getaffinity(0)),
    duration_ns=20_000_000,
    stream=STREAM,
    warmup_min_ns=10_000_000,
    warmup_max_ns=30_000_000,
    is_replayed=False,
)
RUNS = (
    RUN,
    replace(RUN, regime="cold"),
    replace(RUN, component="order.id", regime="hot"),
    replace(RUN, regime="stream"),
)


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    found: list[Report] = []
    done = measure(ComponentsPlan(RUNS), found.append)
    assert done["n"] == len(RUNS)
    return found


def _n(report: Report, kind: str) -> int:
    return sum(report["hists"][kind]["counts"])


def test_one_process_reports_every_operation_in_the_order_of_its_plan(
    reports: list[Report],
) -> None:
    assert [report["event"] for report in reports] == ["component"] * len(RUNS)
    # An id is made hundreds of times while a cold message is parsed once.
    assert _n(reports[2], "per_op") > _n(reports[0], "per_op") > _n(reports[1], "per_op") > 0


def test_a_cold_operation_has_no_batch_and_the_same_answer(reports: list[Report]) -> None:
    stream, cold = reports[0], reports[1]
    assert _n(cold, "chain") == _n(cold, "tput") == 0
    assert _n(stream, "chain") > 0
    assert cold["facts"]["n_wrong"] == stream["facts"]["n_wrong"] == 0
    assert cold["facts"]["answer_hash"] == stream["facts"]["answer_hash"]


def test_the_same_operation_twice_in_a_process_gives_the_same_answer(
    reports: list[Report],
) -> None:
    assert reports[0]["facts"]["answer_hash"] == reports[3]["facts"]["answer_hash"]


def test_what_the_warm_up_discarded_is_reported(reports: list[Report]) -> None:
    for report in reports:
        assert len(report["warmup_mticks"]) > 0
        assert report["facts"]["warmup_ns"] > 0


def test_the_first_operation_is_reported(reports: list[Report]) -> None:
    assert all(report["facts"]["first_op_ticks"] > 0 for report in reports)


def test_replays_are_made_only_when_asked_for(reports: list[Report]) -> None:
    assert reports[0]["facts"]["n_replay_ops"] == 0
    facts = measure(replace(RUN, is_replayed=True))["facts"]
    assert facts["n_replay_ops"] == facts["n_inputs"] > 0


def _run(small_run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((small_run / "run.json").read_text())
    return found


def test_a_run_has_a_tag_and_a_line_for_every_restart(small_run: Path) -> None:
    needs_two_cpus()
    measured = next(m for m in _run(small_run)["measurements"] if m["id"] == "risk.check")
    lines = [json.loads(line) for line in (small_run / "series.jsonl").read_text().splitlines()]
    restarts = [line for line in lines if line["kind"] == "component"]
    assert len(restarts) == len(measured["tags"]) == len(measured["facts"]["restarts"]) >= 2
    assert [line["restart"] for line in restarts] == list(range(1, len(restarts) + 1))


@pytest.mark.parametrize("kind", ["cpu", "mem"])
def test_a_run_reads_its_canaries_before_and_after(small_run: Path, kind: str) -> None:
    needs_two_cpus()
    noise = json.loads((small_run / "noise.json").read_text())
    readings = [reading for reading in noise["canary"] if reading["kind"] == kind]
    assert [reading["when"] for reading in readings] == ["before", "after"]
    measured = next(m for m in _run(small_run)["measurements"] if m["id"] == f"canary.{kind}")
    assert measured["facts"]["value"] == max(reading["best_ns"] for reading in readings)
