"""`redline host` on this machine, as a user runs it: tuned, proved, and put back to the byte."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.errors import ExitCode
from harness.tuning import papers
from harness.tuning.host import Host

from .conftest import redline
from .real_host import bytes_of, real_settings
from .sandbox import in_child, in_sandbox, keep_only

HOST = Host()
SWAPPINESS, STAT = "/proc/sys/vm/swappiness", "/proc/sys/vm/stat_interval"
LIMIT_S = 20.0  # for what takes some ms, on a machine that is busy
MANY = 25

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.usefixtures("alone"),
]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("REDLINE_STATE", str(tmp_path / "state"))
    folder = tmp_path / "state" / "tuning"
    yield folder
    found = papers.read(folder)
    if found is not None and found.is_alive:  # a test has failed
        redline("host", "restore", "--force")
        pytest.fail("a guard is left")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A profile of two settings that nobody else feels, neither as it stands."""
    swappiness = 41 if bytes_of(SWAPPINESS) != b"41\n" else 42
    stat = 7 if bytes_of(STAT) != b"7\n" else 8
    path = tmp_path / "mine.yaml"
    path.write_text(
        "why: for a test\n"
        f"knobs: {{memory.swappiness: {swappiness}, memory.stat-interval: {stat}}}\n"
    )
    return path


def hosts_json(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    (reply,) = json.loads(done.stdout)["hosts"].values()
    return dict(reply)


def bytes_of_all(files: Sequence[str]) -> dict[str, bytes]:
    return {file: bytes_of(file) for file in files}


def test_every_setting_of_a_profile_comes_and_goes_and_leaves_every_byte() -> None:
    vm_dev = ("--profile", "vm-dev", "--json")
    with real_settings():
        planned = redline("host", "plan", *vm_dev)
        ops = hosts_json(planned)["ops"]
        changing = [
            op["target"] for op in ops if op["state"] == "change" and op["target"].startswith("/")
        ]
        assert planned.returncode == ExitCode.FAIL
        if len(changing) < MANY:
            pytest.skip(f"this machine has {len(changing)} settings of the profile to change")
        files = [op["target"] for op in ops if op["target"].startswith("/")]
        before = bytes_of_all(files)
        try:
            kept = redline("host", "apply", *vm_dev, "--keep")
            assert kept.returncode == 0, kept.stderr
            reply = hosts_json(kept)
            assert {op["target"] for op in reply["ops"] if op["state"] == "change"} >= set(changing)
            tuned = bytes_of_all(files)
            assert all(tuned[file] != before[file] for file in changing)

            again = hosts_json(redline("host", "apply", *vm_dev, "--keep"))
            assert again["already"] is True
            assert bytes_of_all(files) == tuned
            second = redline("host", "plan", *vm_dev)
            assert second.returncode == 0
            assert not [op for op in hosts_json(second)["ops"] if op["state"] == "change"]
            verified = redline("host", "verify", *vm_dev)
            assert verified.returncode == 0, verified.stdout
            assert sum(level is not None for level in hosts_json(verified)["reached"].values()) > 20
            assert_refusals_are_told(hosts_json(verified)["proofs"], reply["ops"])
        finally:
            restored = redline("host", "restore", "--json")
        assert restored.returncode == 0
        assert bytes_of_all(files) == before
        items = hosts_json(restored)["restored"]
        assert {one["target"] for one in items} >= set(changing)
        assert {one["state"] for one in items} <= {"restored", "unchanged"}
        assert hosts_json(redline("host", "restore", "--json"))["restored"] == []


def assert_refusals_are_told(proofs: Sequence[Any], ops: Sequence[Any]) -> None:
    """An interrupt that the kernel binds to its queue is denied, and nobody is told it holds."""
    managed = [
        path
        for path in HOST.glob("/proc/irq/[0-9]*/smp_affinity_list")
        if not HOST.path(path).stat().st_mode & 0o222
    ]
    by_target = {op["target"]: op for op in ops}
    for path in managed:
        op = by_target[path]
        if op["state"] == "noop":
            continue
        assert op["state"] == "denied"
        assert op["why"].startswith("managed by the kernel")
        (proof,) = [one for one in proofs if one["target"] == path]
        assert (proof["holds"], proof["refused"]) == (False, True)


def test_what_somebody_else_changes_meanwhile_stays_and_is_drift(mine: Path) -> None:
    with real_settings(SWAPPINESS, STAT):
        stat = bytes_of(STAT)
        command = f"sh -c 'echo 33 > {SWAPPINESS}'"
        done = redline("host", "apply", "--profile", mine, "--while", command)
        assert done.returncode == ExitCode.FAIL
        assert f"foreign   {SWAPPINESS}" in done.stdout
        assert bytes_of(SWAPPINESS) == b"33\n"
        assert bytes_of(STAT) == stat
        assert redline("host", "restore").returncode == ExitCode.FAIL
        assert bytes_of(SWAPPINESS) == b"33\n"
        assert redline("host", "restore", "--force").returncode == 0
        assert bytes_of(SWAPPINESS) != b"33\n"


@contextmanager
def held(mine: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """`redline host apply` once it holds; the process is gone with the block."""
    command = [sys.executable, "-m", "harness.cli", "host", "apply", "--profile", str(mine), *more]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said: list[str] = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("held until "):
                    break
            else:
                pytest.fail(f"it did not hold: {said}")
            yield process
        finally:
            process.kill()


def ends(process: subprocess.Popen[str]) -> tuple[int, str]:
    assert process.stdout is not None
    said = process.stdout.read()
    return process.wait(LIMIT_S), said


@pytest.mark.parametrize(
    ("signum", "more", "code"),
    [
        (signal.SIGINT, (), 0),
        (signal.SIGTERM, (), 0),
        (signal.SIGHUP, ("--for", "1h"), 130),
        (signal.SIGINT, ("--for", "1h"), 130),
    ],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP before its time", "Ctrl-C before its time"],
)
def test_who_ends_it_gets_everything_back(
    mine: Path, signum: signal.Signals, more: Sequence[str], code: int
) -> None:
    with real_settings(SWAPPINESS, STAT):
        before = bytes_of_all([SWAPPINESS, STAT])
        with held(mine, *more) as process:
            assert bytes_of(SWAPPINESS) != before[SWAPPINESS]
            process.send_signal(signum)
            assert ends(process)[0] == code
            assert bytes_of_all([SWAPPINESS, STAT]) == before


def test_who_is_killed_is_put_back_by_its_guard_and_the_next_one_can_tell(mine: Path) -> None:
    with real_settings(SWAPPINESS, STAT):
        before = bytes_of_all([SWAPPINESS, STAT])
        with held(mine) as process:
            process.kill()
            ends(process)
            until = time.monotonic() + LIMIT_S
            while bytes_of_all([SWAPPINESS, STAT]) != before and time.monotonic() < until:
                time.sleep(0.02)
            assert bytes_of_all([SWAPPINESS, STAT]) == before
        shown = redline("host", "restore", "--show")
        assert shown.stdout.splitlines()[0] == "nothing to put back"
        assert "2 put back, as process" in shown.stdout


def test_two_do_not_tune_at_once_and_one_may_end_the_other(mine: Path) -> None:
    with real_settings(SWAPPINESS, STAT), held(mine) as process:
        second = redline("host", "apply", "--profile", mine)
        assert second.returncode == ExitCode.HOST_NOT_FIT
        assert second.stderr.startswith("this host is in use: mine by process")
        assert redline("host", "restore").stdout == "2 put back\n"
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], LIMIT_S)[0]  # nobody had to be asked
        code, said = ends(process)
        assert code == ExitCode.HOST_NOT_FIT
        assert said == "mine: was not held until the end: it was put back by another command\n"


# What stands in the way is a line


def stands_in_the_way(mine: Path, said: str) -> None:
    before = bytes_of_all([SWAPPINESS, STAT])
    done = redline("host", "apply", "--profile", mine, "--for", "1ms")
    assert done.returncode == ExitCode.HOST_NOT_FIT, done
    (line,) = done.stderr.splitlines()
    assert said in line
    assert bytes_of_all([SWAPPINESS, STAT]) == before


def mount(what: str, where: Path, kind: str, options: str) -> None:
    command = ["mount", "-t", kind, "-o", options, what, str(where)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount {where}: {done.stderr.strip()}")


@in_sandbox
def test_a_full_disk_is_a_line(mine: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount("none", disk, "tmpfs", "size=16k,mode=0700")
    os.environ["REDLINE_STATE"] = str(disk)
    with real_settings(SWAPPINESS, STAT):
        stands_in_the_way(mine, "no space left on device")


@in_sandbox
def test_a_disk_that_takes_nothing_is_a_line(mine: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount("none", disk, "tmpfs", "ro")
    os.environ["REDLINE_STATE"] = str(disk)
    with real_settings(SWAPPINESS, STAT):
        stands_in_the_way(mine, "read-only file system; $REDLINE_STATE names another place")


@in_sandbox
def test_a_production_host_is_a_line_with_its_reason(mine: Path, tmp_path: Path) -> None:
    mount("none", Path("/etc"), "tmpfs", "mode=0755")
    os.environ["REDLINE_STATE"] = str(tmp_path / "state")
    Path("/etc/redline").mkdir()
    Path("/etc/redline/production").write_text("trades \x1b[31msince monday\n")
    with real_settings(SWAPPINESS, STAT):
        stands_in_the_way(mine, "production host (/etc/redline/production): trades \\x1b[31msince")


@in_sandbox
def test_settings_that_nobody_may_write_are_denied_and_drift(mine: Path, tmp_path: Path) -> None:
    mount("/proc/sys", Path("/proc/sys"), "none", "bind")
    mount("/proc/sys", Path("/proc/sys"), "none", "remount,ro,bind")
    os.environ["REDLINE_STATE"] = str(tmp_path / "state")
    done = redline("host", "apply", "--profile", mine, "--for", "1ms")
    assert done.returncode == ExitCode.FAIL, done
    assert done.stdout.count("(read-only file system)") == 2
    assert done.stdout.splitlines()[-1] == "2 as before"


def test_a_state_that_nobody_may_write_is_a_line(mine: Path, tmp_path: Path) -> None:
    """Root without a single capability is bound by the modes of files like anybody."""
    place = tmp_path / "theirs"
    place.mkdir(mode=0o500)
    words = ["host", "apply", "--profile", str(mine), "--for", "1ms"]

    def work() -> None:
        os.environ["REDLINE_STATE"] = str(place / "state")
        keep_only([])
        assert main(words) == ExitCode.HOST_NOT_FIT

    with real_settings(SWAPPINESS, STAT):
        before = bytes_of_all([SWAPPINESS, STAT])
        code, said = in_child(work)
        assert bytes_of_all([SWAPPINESS, STAT]) == before
    assert code == 0, said
    assert not any(place.iterdir())


def test_a_disk_that_takes_no_output_is_a_line_and_all_is_put_back(mine: Path) -> None:
    with real_settings(SWAPPINESS, STAT):
        before = bytes_of_all([SWAPPINESS, STAT])
        words = ["host", "apply", "--profile", str(mine), "--for", "1ms"]
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "harness.cli", *words],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
            )
        assert done.stderr == "output cannot be written: no space left on device\n"
        assert done.returncode == ExitCode.HOST_NOT_FIT
        assert bytes_of_all([SWAPPINESS, STAT]) == before


def test_this_machine_is_checked_and_a_guest_is_not_qualified() -> None:
    done = redline("host", "check", "--seconds", "0.1", "--json")
    found = hosts_json(done)
    assert found["ok"]
    assert done.returncode == (0 if found["qualified"] else ExitCode.HOST_NOT_FIT)
    rows = {row["id"]: row["state"] for row in found["rows"]}
    is_guest = any("hypervisor: " in reason for reason in found["reasons"])
    assert is_guest is (rows["host.hypervisor"] == "miss")
    assert found["noise"]
