"""The guard of a host that was sent our source as a file in memory: it needs nothing else of us."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from guarded import STAT_INTERVAL, SWAPPINESS, comes_true, end_guard, fake_scope, values

from harness.fleet.parcel import our_parcel
from harness.tuning import hold

# As the far end does it: the path leads to memory by a descriptor that stays open.
OWNER = f"""
import os, signal, sys
from pathlib import Path
fd = os.memfd_create("redline")
os.write(fd, sys.stdin.buffer.read())
sys.path.insert(0, "/proc/self/fd/%d" % fd)
from harness.tuning import hold
from harness.tuning.host import Host
from harness.tuning.knobs.base import Roles, Scope, Wish
scope = Scope(Host(Path(sys.argv[1])), Roles((1,), (0,), (0,)))
wishes = [Wish("memory.swappiness", "1"), Wish("memory.stat-interval", "10")]
with hold.tuned(scope, wishes, title="x"):
    print(hold.__file__.startswith("/proc/self/fd/"), scope.host.read("{SWAPPINESS}"))
    print(scope.host.read("{STAT_INTERVAL}"), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_guards_with_a_source_that_is_in_memory_alone(tmp_path: Path) -> None:
    scope = fake_scope(tmp_path / "host")
    owner = subprocess.run(
        [sys.executable, "-ISB", "-c", OWNER, str(tmp_path / "host")],
        input=our_parcel().data,
        capture_output=True,
        env={"REDLINE_STATE": str(tmp_path / "state")},
        cwd="/",
        timeout=60,
        check=False,
    )
    assert owner.stdout.split() == [b"True", b"1", b"10"], owner.stderr.decode()
    assert owner.returncode == -9
    assert comes_true(lambda: values(scope) == ["60", "1"])
    assert comes_true(lambda: not (tmp_path / "state/tuning/guard.json").exists())


def test_a_pipe_of_the_owner_ends_with_the_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A connection hangs as long as anybody holds its pipes: the guard must not."""
    scope = fake_scope(tmp_path / "host")
    keeper = OWNER.replace('title="x"', 'title="x", keep=True').replace(
        "os.kill(os.getpid(), signal.SIGKILL)", "pass"
    )
    reader, writer = os.pipe()
    monkeypatch.setenv("REDLINE_STATE", str(tmp_path / "state"))
    request.addfinalizer(lambda: end_guard(tmp_path / "state/tuning"))
    with subprocess.Popen(
        [sys.executable, "-ISB", "-c", keeper, str(tmp_path / "host")],
        stdin=subprocess.PIPE,
        stdout=writer,
        stderr=writer,
        env={"REDLINE_STATE": str(tmp_path / "state")},
    ) as owner:
        os.close(writer)
        owner.communicate(our_parcel().data, timeout=60)
        with open(reader, "rb") as pipe:  # noqa: PTH123
            assert pipe.read().split() == [b"True", b"1", b"10"]  # to its end, while it is kept
    assert values(scope) == ["1", "10"]
    assert hold.restore_now(scope.host) is not None
    assert values(scope) == ["60", "1"]
