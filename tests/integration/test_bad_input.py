"""What a hasty user does: each gets one clear line, the right code, and nothing that looks like a
result.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import ROOT, needs_two_cpus, redline, the_run


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if not line.startswith("[")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


def test_an_unknown_key_is_named_with_its_line(small_scenario: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(small_scenario.read_text().replace("why:", "wy:"))
    done = redline("run", broken, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "broken.yaml:2" in done.stderr
    assert "wy" in done.stderr


def test_a_wrong_unit_is_named_with_its_line(small_scenario: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(small_scenario.read_text().replace("target_rate: 10k/s", "target_rate: fast"))
    done = redline("run", broken, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "not a rate: 'fast'" in one_line(done)


def test_a_missing_scenario_is_one_line(tmp_path: Path) -> None:
    done = redline("run", tmp_path / "nowhere.yaml")
    assert done.returncode == 2
    assert "nowhere.yaml" in one_line(done)


def test_a_missing_capture_is_one_line(small_scenario: Path, tmp_path: Path) -> None:
    done = redline("run", small_scenario, "--input", tmp_path / "nowhere.dbn", "--out", tmp_path)
    assert done.returncode == 2
    assert "nowhere.dbn" in one_line(done)


def test_a_truncated_capture_names_the_byte_and_leaves_no_result(
    small_scenario: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.itch"
    # A system event whole, then an add order cut off after ten bytes.
    cut.write_bytes(b"\x00\x0cS" + bytes(10) + b"O" + b"\x00\x24A" + bytes(10))
    out = tmp_path / "out"
    done = redline("run", small_scenario, "--input", cut, "--out", out)
    assert done.returncode == 2
    line = one_line(done)
    assert "cut.itch" in line
    assert "byte" in line
    assert not out.exists() or list(out.iterdir()) == []


def test_an_unwritable_output_is_one_line(small_scenario: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    done = redline("run", small_scenario, "--out", taken)
    assert done.returncode == 2
    assert str(taken) in one_line(done)


def test_too_few_cpus_is_a_host_that_is_not_fit(small_scenario: Path, tmp_path: Path) -> None:
    cpu = min(os.sched_getaffinity(0))
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "run", str(small_scenario), "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
    )
    assert done.returncode == 3
    assert "CPU" in one_line(done)
    assert list(tmp_path.iterdir()) == []


def start(scenario: Path, out: Path, *options: str, until: str) -> subprocess.Popen[str]:
    """A run in a session of its own, waited for until it says so."""
    command = [sys.executable, "-m", "harness.cli", "run", str(scenario), "--out", str(out)]
    run = subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A background job may ignore interrupts, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert run.stderr is not None
    for line in run.stderr:
        if until in line:
            break
    return run


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def wait_for_child(pid: int) -> int:
    """The measuring process of a run; bounded, since it is about to be started."""
    for _ in range(200):
        if found := children_of(pid):
            return found[0]
        time.sleep(0.05)
    raise AssertionError("the run started no measuring process")


def test_ctrl_c_ends_a_run_with_one_line_and_no_result(
    small_scenario: Path, tmp_path: Path
) -> None:
    needs_two_cpus()
    run = start(small_scenario, tmp_path, "--duration", "60s", until="null.itch")
    wait_for_child(run.pid)
    os.killpg(run.pid, signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130, said
    assert "Traceback" not in said
    left = the_run(tmp_path)
    assert left.name.endswith(".partial")
    refused = redline("verify", left)
    assert refused.returncode == 2
    assert "cut off" in refused.stderr


SOAK = """\
name: soak
why: A soak that is cut off, for a test.
bench: {kind: shm, ring: 4MiB}
input: {kind: synthetic, seed: 3, instruments: 4, orders: 500, messages: 5000}
strategy: {imbalance: 30%, every: 1, lot: 10, max_spread: 1000}
limits: {max_qty: 100, max_notional: 10000000, max_position: 100000, band: 5%, max_orders: 1M/s,
  burst: 100000, max_open: 4000}
noise: {duration: 20ms}
phases:
  - {phase: soak, id: soak.itch, feed: itch, rate: 20k/s, warmup: 10ms, duration: 60s,
     interval: 200ms}
matrix: reports/matrix/week1.yaml
"""


def test_a_soak_that_is_cut_off_is_incomplete_and_says_how_far_it_came(tmp_path: Path) -> None:
    needs_two_cpus()
    scenario, out = tmp_path / "soak.yaml", tmp_path / "out"
    scenario.write_text(SOAK)
    run = start(scenario, out, until="orders timed")
    os.killpg(run.pid, signal.SIGINT)
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "INCOMPLETE" in said
    left = the_run(out)
    record = json.loads((left / "run.json").read_text())
    assert record["status"] == "incomplete"
    hours = next(m for m in record["measurements"] if m["id"] == "stability.hours")
    assert 0 < hours["facts"]["value"] < 60 / 3600
    assert redline("verify", left).returncode == 0


def test_nothing_measures_on_when_the_harness_is_killed(
    small_scenario: Path, tmp_path: Path
) -> None:
    needs_two_cpus()
    run = start(small_scenario, tmp_path, "--duration", "60s", until="null.itch")
    child = wait_for_child(run.pid)
    run.kill()
    run.communicate()
    for _ in range(200):
        if not Path(f"/proc/{child}").exists():
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the measuring process outlived the harness")
