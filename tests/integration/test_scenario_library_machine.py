"""The library's scenarios of the machine: each holds, none without its fault, nothing stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from harness.bench.hog import hog
from harness.errors import HostError

from .library import both_ways

KEEPS_A_HOG = """\
import sys, time
from harness.bench.hog import hog
with hog(int(sys.argv[1])) as pid:
    print(pid, flush=True)
    time.sleep(1000)
"""


test_what_is_expected_comes_of_the_fault, test_without_its_fault_no_case_holds = both_ways(
    "machine"
)


def test_a_hog_dies_with_who_is_killed_beside_it() -> None:
    cpu = str(min(os.sched_getaffinity(0)))
    with subprocess.Popen(
        [sys.executable, "-c", KEEPS_A_HOG, cpu], stdout=subprocess.PIPE, text=True
    ) as keeper:
        assert keeper.stdout is not None
        hog_pid = int(keeper.stdout.readline())
        assert _runs(hog_pid)
        keeper.send_signal(signal.SIGKILL)
    until = time.monotonic() + 60
    while _runs(hog_pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not _runs(hog_pid)


def test_a_hog_for_a_cpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(HostError, match="CPU 4095: nothing else can be put there"), hog(4095):
        pass


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
