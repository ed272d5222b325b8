"""A soak of the real thing: compressed and labelled, and one of which everything is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.measure.hlog import read_hlog
from harness.report import scorecard
from harness.run import chain, draft
from harness.run.verify import verify
from harness.tuning.owner import state_and_start

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
    with under_load(tmp_path) as (run, out):
        os.kill(child_of(run, "harness.bench.worker"), signal.SIGKILL)
        run.communicate(timeout=DEADLINE_S)
    assert run.returncode == 1
    found = record_of(the_run(out))
    assert [c["id"] for c in found["checks"] if not c["ok"]] == ["alive.soak.itch"]
    assert found["verdict"]["state"] == "NOT READY"
    assert verify(the_run(out)) == []
    assert not (the_run(out) / draft.NAME).exists()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_soak_that_is_killed_at_any_moment_is_sealed_as_incomplete(
    tmp_path: Path, seed: int
) -> None:
    needs_two_cpus()
    with under_load(tmp_path) as (run, out):
        keeper = child_of(run, "harness.run.keeper")
        time.sleep(random.Random(seed).uniform(0.0, 0.5))
        run.kill()
    assert ended(keeper)
    found = the_run(out)
    record = record_of(found)
    assert (record["status"], verify(found)) == ("incomplete", [])
    log = read_hlog(found / "soak.wire.hlog", cut=True)
    wire, hours = (measured(record, name) for name in ("soak.wire", "stability.hours"))
    assert wire["facts"]["n"] == log.total().n > 0
    seen_s = sum(interval.length_s for interval in log.intervals)
    assert hours["facts"]["value"] == pytest.approx(seen_s / 3600)
    assert hours["facts"]["asked_h"] == pytest.approx(0.01)  # an hour, a hundred times faster
    assert "s of 36 s: it was cut off" in scorecard(found)
    assert len(chain.read(out)) == 1


def test_a_soak_that_is_killed_with_its_keeper_is_sealed_by_hand(tmp_path: Path) -> None:
    needs_two_cpus()
    with under_load(tmp_path) as (run, out):
        (partial,) = out.glob("*.partial")
        early = redline("seal", partial)
        keeper = child_of(run, "harness.run.keeper")
        os.kill(keeper, signal.SIGKILL)
        run.kill()
    assert ended(keeper)
    assert early.returncode == 2
    assert f"process {run.pid} is still measuring" in early.stderr
    refused = redline("report", partial)
    assert (refused.returncode, "redline seal" in refused.stderr) == (2, True)
    done = redline("seal", partial)
    assert (done.returncode, "INCOMPLETE RUN" in done.stdout) == (0, True)
    assert verify(the_run(out)) == []
    assert "no such run directory" in redline("seal", partial).stderr


def test_the_keeper_of_a_soak_that_ends_goes_with_it(compressed: Path) -> None:
    keepers = [p for p in Path("/proc").glob("[0-9]*/cmdline") if _is_keeper_of(p, compressed)]
    assert keepers == []


def _is_keeper_of(cmdline: Path, run: Path) -> bool:
    try:
        return os.fsencode(run.name) in cmdline.read_bytes()
    except OSError:  # it ended while we looked
        return False


def measured(record: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (m for m in record["measurements"] if m["id"] == name)
    return dict(found)


@contextmanager
def under_load(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A soak that has written its first intervals; killed at the end if it still runs."""
    out = folder / "runs"
    command = [sys.executable, "-m", "harness.cli", "run", str(scenario(folder, "1h"))]
    with subprocess.Popen(
        [*command, "--out", str(out)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as run:
        try:
            _until_it_has_intervals(out)
            yield run, out
        finally:
            run.kill()


def child_of(run: subprocess.Popen[bytes], module: str) -> int:
    """The process that the run has started from this module."""
    listed = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    named = [
        pid
        for pid in map(int, listed)
        if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    ]
    (child,) = named
    return child


def ended(pid: int) -> bool:
    """Whether a process that is nobody's child ends in time; who is dead and unburied has ended."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        now = state_and_start(pid)
        if now is None or now[0] in "ZX":
            return True
        time.sleep(0.05)
    return False


def _until_it_has_intervals(out: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        for series in out.glob("*/series.jsonl"):
            if series.read_text().count('"interval"') >= 2:
                return
        time.sleep(0.05)
    raise AssertionError("no interval was written")
