"""A CPU hog beside the engine: the floor rises, and what it spoils cannot be judged any more."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from harness.bench.cpus import choose_here
from harness.run.decide import judgement
from harness.run.raw import Raw, read_raw
from harness.run.verdicts import State
from harness.tuning.facts import collect

from .conftest import needs_two_cpus, redline, the_run

HOG = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
SPOILT_SHARE = 0.2  # two that want one CPU have half of it each, less what others take

SCENARIO = """\
name: beside
why: One load, long enough to judge p90.
bench: {kind: shm, ring: 16MiB}
input: {kind: synthetic, seed: 11, instruments: 8, orders: 2000, messages: 20000}
strategy: {imbalance: 30%, every: 1, lot: 10, max_spread: 1000}
limits: {max_qty: 100, max_notional: 10000000, max_position: 100000, band: 5%, max_orders: 1M/s,
  burst: 100000, max_open: 4000}
noise: {duration: 400ms}
phases:
  - {phase: clock, window: 20ms}
  - phase: tick_to_trade
    trials:
      - {id: e2e.itch, feed: itch, rate: 200k/s, warmup: 50ms, duration: 800ms,
         measures: {wire: e2e.wire}}
matrix: matrix.yaml
"""
MATRIX = """\
name: beside
title: One latency
groups:
  - id: performance
    title: Performance
    weight: 100
    rows:
      - {id: end_to_end, title: End to end, weight: 100, target: {op: "<", value: 2000, unit: ns},
         metric: e2e.wire, statistic: p90, points: wire, load: 200k/s, why: The engine keeps up.}
gates: []
bands: [{above: 90, name: Excellent}]
otherwise: Poor
ready_above: 70
"""


@pytest.fixture(scope="module")
def beside_a_hog(tmp_path_factory: pytest.TempPathFactory) -> Raw:
    """The raw files of a run on whose engine CPU another program spins all the time."""
    needs_two_cpus()
    folder = tmp_path_factory.mktemp("beside")
    (folder / "scenario.yaml").write_text(SCENARIO)
    (folder / "matrix.yaml").write_text(MATRIX)
    cpu = choose_here(collect()).engine
    with subprocess.Popen([sys.executable, "-c", HOG, str(cpu)]) as hog:
        try:
            done = redline("run", folder / "scenario.yaml", "--out", folder / "runs")
        finally:
            hog.send_signal(signal.SIGKILL)
    assert done.returncode in (0, 1, 75), done.stderr
    path = the_run(folder / "runs")
    return read_raw(path)


def state_of(raw: Raw, *, noise_gate: bool = True) -> tuple[State, str]:
    (row,) = raw.gates()
    (measurement,) = (m for m in raw.measurements() if m["id"] == row.metric)
    verdict = judgement(raw, measurement, row, noise_gate=noise_gate).judged.verdict
    return verdict.state, verdict.reason


def lost_share(record: Mapping[str, Any]) -> float:
    return float(record["lost_ns"]) / (float(record["seconds"]) * 1e9)


def test_the_floor_of_that_cpu_shows_the_hog_before_and_after(beside_a_hog: Raw) -> None:
    floors = [f for f in beside_a_hog.noise["floor"] if f["role"] == "engine"]
    assert {f["when"] for f in floors} >= {"before", "after"}
    for floor in floors:
        if floor["when"] in ("before", "after"):
            assert lost_share(floor) > SPOILT_SHARE


def test_what_the_hog_spoilt_is_not_judged_and_the_host_is_named(beside_a_hog: Raw) -> None:
    state, reason = state_of(beside_a_hog)
    assert state is State.UNJUDGEABLE
    assert "host noise" in reason


def test_the_same_data_without_a_look_at_the_noise_would_have_been_failed(
    beside_a_hog: Raw,
) -> None:
    assert state_of(_on_time(beside_a_hog), noise_gate=False)[0] is State.FAIL


def test_nothing_that_the_hog_spoilt_turns_into_a_pass(beside_a_hog: Raw) -> None:
    for raw in (beside_a_hog, _on_time(beside_a_hog)):
        assert state_of(raw)[0] is State.UNJUDGEABLE


def _on_time(raw: Raw) -> Raw:
    """The same run as a harness sees it that does not ask its generator how late it was."""
    measurements = []
    for measurement in raw.measurements():
        facts = dict(measurement["facts"])
        facts.pop("lateness_p999_ns", None)
        measurements.append(dict(measurement) | {"facts": facts})
    return replace(raw, run=dict(raw.run) | {"measurements": measurements})
