"""`pytest --profile`: tuned before the first measuring test, as it was after the session."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .real_host import bytes_of, real_settings

SWAPPINESS = "/proc/sys/vm/swappiness"
PATIENCE_S = 20.0

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.usefixtures("alone"),
]

SUITE = """\
import pathlib, sys, time
import pytest

SWAPPINESS = pathlib.Path("/proc/sys/vm/swappiness")

def test_plain():
    assert SWAPPINESS.read_text().strip() != "{wanted}"

def test_tuned(tuned_host):
    pathlib.Path("tuned").write_text(SWAPPINESS.read_text())
    assert [op["want"] for op in tuned_host["ops"]] == ["{wanted}"]

@pytest.mark.stress
def test_long():
    pathlib.Path("held").touch()
    time.sleep(float({seconds}))
"""


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Path]:
    with real_settings(SWAPPINESS):
        yield tmp_path


@pytest.fixture
def wanted(where: Path) -> str:
    """A value that is not there, and the profile that asks for it."""
    wanted = "41" if bytes_of(SWAPPINESS) != b"41\n" else "42"
    (where / "mine.yaml").write_text(f"why: a test\nknobs: {{memory.swappiness: {wanted}}}\n")
    return wanted


def start(where: Path, wanted: str, seconds: float, *options: str) -> subprocess.Popen[str]:
    (where / "test_it.py").write_text(SUITE.format(wanted=wanted, seconds=seconds))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    env = os.environ | {"REDLINE_STATE": str(where / "state")}
    return subprocess.Popen(
        [*command, "--profile", str(where / "mine.yaml"), str(where)],
        cwd=where,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def settles_at(value: bytes) -> bool:
    """The guard of a killed session comes when the kernel says that it is gone."""
    end = time.monotonic() + PATIENCE_S
    while bytes_of(SWAPPINESS) != value and time.monotonic() < end:
        time.sleep(0.02)
    return bytes_of(SWAPPINESS) == value


def test_tests_that_measure_find_the_machine_tuned(where: Path, wanted: str) -> None:
    before = bytes_of(SWAPPINESS)
    with start(where, wanted, 0) as process:
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 0, said
    assert (where / "tuned").read_text().strip() == wanted
    assert bytes_of(SWAPPINESS) == before


def test_it_stays_tuned_when_asked_to(where: Path, wanted: str) -> None:
    before = bytes_of(SWAPPINESS)
    with start(where, wanted, 0, "--keep-tuned") as process:
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 0, said
    assert bytes_of(SWAPPINESS).decode().strip() == wanted
    command = [sys.executable, "-m", "harness.cli", "host", "restore"]
    env = os.environ | {"REDLINE_STATE": str(where / "state")}
    assert subprocess.run(command, env=env, capture_output=True, timeout=60).returncode == 0
    assert bytes_of(SWAPPINESS) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_session_that_is_ended_leaves_the_machine_as_it_was(
    number: signal.Signals, where: Path, wanted: str
) -> None:
    before = bytes_of(SWAPPINESS)
    with start(where, wanted, 60) as process:
        end = time.monotonic() + PATIENCE_S
        while not (where / "held").exists() and time.monotonic() < end:
            time.sleep(0.02)
        assert bytes_of(SWAPPINESS).decode().strip() == wanted
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 2)
    assert settles_at(before)


def test_a_profile_that_there_is_not_ends_the_session(where: Path, wanted: str) -> None:
    (where / "mine.yaml").write_text("why: a test\nknobs: {memory.swapiness: 1}\n")
    with start(where, wanted, 0) as process:
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 4
    assert "memory.swapiness" in said
    assert "Traceback" not in said
