"""The plugin as a user's own test suite meets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """\
import pytest

@pytest.mark.{marker}
def test_it(hours):
    print("ran for", hours)
"""


def run_suite(where: Path, marker: str, *options: str) -> subprocess.CompletedProcess[str]:
    (where / "test_it.py").write_text(SUITE.format(marker=marker))
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", *options, str(where)]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("marker", ["perf", "stress", "stability"])
def test_a_measuring_test_refuses_to_share_the_machine(marker: str, tmp_path: Path) -> None:
    done = run_suite(tmp_path, marker, "-n", "2")
    assert done.returncode == 1
    assert f"a {marker} test needs the machine to itself: run it with -n 0" in done.stdout


def test_a_measuring_test_runs_alone(tmp_path: Path) -> None:
    done = run_suite(tmp_path, "perf", "-n", "0")
    assert done.returncode == 0, done.stdout


def test_hours_reach_the_test(tmp_path: Path) -> None:
    done = run_suite(tmp_path, "stability", "-m", "stability", "--hours", "0.25")
    assert "ran for 0.25" in done.stdout


@pytest.mark.parametrize("hours", ["0", "-1", "many", "100000"])
def test_hours_that_make_no_sense_are_refused(hours: str, tmp_path: Path) -> None:
    done = run_suite(tmp_path, "stability", f"--hours={hours}")
    assert done.returncode == 4
    assert "--hours" in done.stderr
