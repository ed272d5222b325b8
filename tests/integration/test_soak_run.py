"""A soak of the real thing: compressed and labelled, and one whose process is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.run.verify import verify

from .conftest import ROOT, needs_two_cpus, redline, the_run

SCENARIO = """\
name: hours
why: Minutes in seconds.
bench: {{kind: shm, ring: 16MiB}}
input: {{kind: synthetic, seed: 11, instruments: 8, orders: 2000, messages: 20000}}
strategy: {{imbalance: 30%, every: 1, lot: 10, max_spread: 1000}}
limits: {{max_qty: 100, max_notional: 10000000, max_position: 100000, band: 5%, max_orders: 1M/s,
  burst: 100000, max_open: 4000}}
noise: {{duration: 50ms}}
phases:
  - {{phase: clock, window: 20ms}}
  - {{phase: soak, id: soak.itch, feed: itch, rate: 50k/s, warmup: 20ms, duration: {duration},
     interval: 10s, health: 10s, compress: 100}}
matrix: reports/matrix/week1.yaml
"""
DEADLINE_S = 30.0


def record_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found


def series_of(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = (run / "series.jsonl").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line["kind"] == kind]


def scenario(folder: Path, duration: str) -> Path:
    path = folder / "hours.yaml"
    path.write_text(SCENARIO.format(duration=duration))
    return path


@pytest.fixture(scope="module")
def compressed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs_two_cpus()
    folder = tmp_path_factory.mktemp("compressed")
    done = redline("run", scenario(folder, "2min"), "--out", folder / "runs")
    assert done.returncode in (0, 1, 75), done.stderr
    return the_run(folder / "runs")


def test_a_compressed_soak_has_the_intervals_of_its_hours_and_verifies(compressed: Path) -> None:
    n = len(series_of(compressed, "interval"))
    assert 3 <= n <= 13  # twelve, and what is left; fewer where nobody woke it in time
    assert series_of(compressed, "health")
    assert verify(compressed) == []


def test_every_figure_of_a_compressed_soak_is_labelled(compressed: Path) -> None:
    metrics = [m for m in record_of(compressed)["metrics"] if m["id"].startswith("soak.")]
    assert [m["id"] for m in metrics] == ["soak.wire", "soak.service"]
    assert all("time-compressed 100x" in m["load"] for m in metrics)


def test_hours_that_did_not_pass_by_the_clock_do_not_count(compressed: Path) -> None:
    (hours,) = (m for m in record_of(compressed)["measurements"] if m["id"] == "stability.hours")
    assert hours["facts"]["value"] < 30 / 3600
    gates = {g["id"]: g["state"] for g in record_of(compressed)["verdict"]["gates"]}
    assert gates["stability_hours"] == "MISSING"


def test_a_soak_whose_process_is_killed_is_a_sealed_run_that_failed(tmp_path: Path) -> None:
    needs_two_cpus()
    out = tmp_path / "runs"
    command = [sys.executable, "-m", "harness.cli", "run", str(scenario(tmp_path, "1h"))]
    with subprocess.Popen(
        [*command, "--out", str(out)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as run:
        _until_it_has_intervals(out)
        (worker,) = _children(run.pid)
        os.kill(worker, signal.SIGKILL)
        run.communicate(timeout=DEADLINE_S)
    assert run.returncode == 1
    found = record_of(the_run(out))
    assert [c["id"] for c in found["checks"] if not c["ok"]] == ["alive.soak.itch"]
    assert found["verdict"]["state"] == "NOT READY"
    assert verify(the_run(out)) == []


def _until_it_has_intervals(out: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        for series in out.glob("*/series.jsonl"):
            if series.read_text().count('"interval"') >= 2:
                return
        time.sleep(0.05)
    raise AssertionError("no interval was written")


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]
