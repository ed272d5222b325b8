"""The library's scenarios of processes and their disk: each holds, and none without its fault."""

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

pytest.importorskip("engine", reason="needs the compiled engine")

from harness.config.faults_log import SenderKilled
from harness.run.reactions import why_not

from .library import both_ways, log_fault_counts

KILL = {"fault": "sender_killed", "kill": True, "seed": 1, "kills": 3, "within_ns": 20_000_000}
FULL = {"fault": "log_disk_full", "kib": 512, "orders": 20_000}


test_what_is_expected_comes_of_the_fault, test_without_its_fault_no_case_holds = both_ways(
    "process"
)


@pytest.mark.parametrize(
    ("plan", "spoiled", "count"),
    [
        (FULL, "log_faults.may_send = lambda writer: True", "unlogged"),
        (KILL, "log_sender.first_id = lambda epoch: 1", "ids_repeated"),
        (KILL, "log_sender.durable_number = lambda writer: 1 << 40", "durable_lost"),
    ],
)
def test_a_sender_that_does_wrong_is_counted(
    plan: dict[str, Any], spoiled: str, count: str
) -> None:
    assert log_fault_counts(plan)[count] == 0
    assert log_fault_counts(plan, spoiled)[count] > 0


def test_senders_and_their_disk_end_with_who_is_killed_amid_them() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts a disk of memory")
    mounts = _mounts_of_the_disk()
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.bench.log_faults"], stdin=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    plan = {**KILL, "kills": 1, "within_ns": 10**12, "parent": os.getpid()}
    process.stdin.write(json.dumps(plan) + "\n")
    process.stdin.flush()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    sender = ""
    while not sender and process.poll() is None:
        sender = children.read_text().strip()
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    while _lives(sender):
        time.sleep(0.01)
    assert _mounts_of_the_disk() == mounts
    assert not Path("/dev/shm/log").exists()


def _mounts_of_the_disk() -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if line.split()[4] == "/dev/shm"]


def _lives(pid: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_who_may_not_mount_is_told_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert (
        why_not(SenderKilled(kind="sender_killed"))
        == "sender_killed needs root: it mounts a disk of memory"
    )
