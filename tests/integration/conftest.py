"""One small run of the real thing, shared by the tests that look at it, and the real captures."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .real_host import real_settings

ROOT = Path(__file__).parents[2]

# Every phase once, as short as it can be: what is tested is the evidence, not the figures.
SMALL = """\
name: small
why: Every kind of phase, in a few seconds, for tests.
bench: {kind: shm, ring: 4MiB}
input: {kind: synthetic, seed: 11, instruments: 8, orders: 2000, messages: 20000}
strategy: {imbalance: 30%, every: 1, lot: 10, max_spread: 1000}
limits: {max_qty: 100, max_notional: 10000000, max_position: 100000, band: 5%, max_orders: 1M/s,
  burst: 100000, max_open: 4000}
noise: {duration: 50ms}
phases:
  - {phase: clock, window: 20ms}
  - phase: null_bench
    trials:
      - {id: null.itch, feed: itch, rate: 50k/s, warmup: 20ms, duration: 200ms,
         measures: {wire: null.wire}}
  - phase: components
    restarts: 2
    warmup_min: 10ms
    warmup_max: 50ms
    metrics:
      - {id: risk.check, regimes: [stream], duration: 50ms}
  - phase: tick_to_trade
    trials:
      - {id: e2e.itch, feed: itch, rate: 50k/s, warmup: 20ms, duration: 300ms, repeats: 2,
         measures: {wire: e2e.wire, buf: e2e.buf}}
      - {id: e2e.fix, feed: fix, schedule: poisson, rate: 20k/s, warmup: 20ms, duration: 300ms,
         measures: {wire: e2e.fix.wire}}
  - phase: stages
    trials:
      - {id: stages.itch, feed: itch, schedule: recorded, rate: 20k/s, warmup: 20ms,
         duration: 200ms}
  - phase: kill
    hold_every: 2
    max_resting: 256
    trials:
      - {id: kill.rig, feed: itch, rate: 50k/s, warmup: 20ms, duration: 300ms, tripper: rig,
         trips: 3, every: 30ms}
      - {id: kill.process, feed: itch, rate: 50k/s, warmup: 20ms, duration: 300ms,
         tripper: process, trips: 2, every: 50ms}
  - phase: throughput
    id: throughput.shm
    feed: itch
    target_rate: 10k/s
    max_rate: 40k/s
    width: 100%
    probe: 30ms
    trial: 50ms
    confirm_trials: 1
    soak: 0s
matrix: reports/matrix/week1.yaml
"""


def the_run(out: Path) -> Path:
    """The only run in `out`, finished or not; the chain and the history lie beside it as files."""
    (found,) = (path for path in out.iterdir() if path.is_dir())
    return found


def redline(*args: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it; output captured, bounded in time."""
    command = [sys.executable, "-m", "harness.cli", *map(str, args)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=110)


def needs_two_cpus() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two CPUs: this process may use one")


@pytest.fixture
def alone() -> Iterator[None]:
    """For tests that tune this machine itself: one harness a host, whoever runs the tests."""
    with real_settings():
        yield


@pytest.fixture(scope="session")
def small_scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenario") / "small.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="session")
def small_run(small_scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished run of the small scenario."""
    needs_two_cpus()
    out = tmp_path_factory.mktemp("runs")
    done = redline("run", small_scenario, "--out", out)
    assert done.returncode in (0, 1, 75), done.stderr
    return the_run(out)


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of real captures, never part of the project."""
    for place in (os.environ.get("REDLINE_DATA"), ROOT.parent / "shared" / "data"):
        if place and Path(place).is_dir():
            return Path(place)
    pytest.skip("needs real captures: set REDLINE_DATA to their folder")
