"""One harness a host: who holds it, how it is let go, and where nobody may tune at all."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import ExitCode, HostError
from harness.tuning import lock, papers
from harness.tuning.lock import LOCK, PRODUCTION, host_lock, measuring_lock, refuse_production
from harness.tuning.state import state_dir

HOLD = """
import os, sys, time
from pathlib import Path
from harness.tuning import lock
from harness.tuning.lock import host_lock
lock.KERNEL = Path(os.environ["KERNEL"])
with host_lock("soak test"):
    if "fork" in sys.argv and os.fork() == 0:
        print("the child is there", flush=True)
        sys.stdin.read()
        os._exit(0)
    print(os.getpid(), flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """And a directory that stands in for the kernel's: tests elsewhere may tune this machine."""
    (tmp_path / "cpu").mkdir()
    monkeypatch.setattr(lock, "KERNEL", tmp_path / "cpu")
    monkeypatch.setenv("KERNEL", str(tmp_path / "cpu"))
    monkeypatch.setenv("REDLINE_STATE", str(tmp_path / "redline"))
    return tmp_path / "redline"


def holder(*args: str) -> subprocess.Popen[str]:
    """A process that holds the lock; its standard input ends when it is closed here."""
    pipe = subprocess.PIPE
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, *args], stdin=pipe, stdout=pipe, text=True
    )
    assert child.stdout is not None
    for _ in ("the holder", *args):
        child.stdout.readline()  # each is there when it has said so
    return child


def killed(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGKILL)
    child.wait()


def ended(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    child.stdout.close()


def test_the_second_one_is_told_who_has_the_host() -> None:
    child = holder()
    try:
        said = rf"this host is in use: soak test by process {child.pid} of \S+ since \d{{4}}-"
        with pytest.raises(HostError, match=said) as caught, host_lock("x"):
            pytest.fail("two have the host")
        assert caught.value.exit_code == ExitCode.HOST_NOT_FIT
    finally:
        killed(child)
        ended(child)


def test_a_killed_owner_lets_go() -> None:
    child = holder()
    killed(child)
    ended(child)
    with host_lock("x"):
        pass


def test_a_forked_child_does_not_hold_on_for_a_killed_owner() -> None:
    child = holder("fork")
    killed(child)
    try:
        with host_lock("x"):
            pass
    finally:
        ended(child)


def test_it_is_let_go_at_the_end_of_the_block_and_after_an_error() -> None:
    with pytest.raises(KeyboardInterrupt), host_lock("x"):
        raise KeyboardInterrupt
    with host_lock("x"):
        pass


def test_one_process_does_not_have_it_twice() -> None:
    with (
        host_lock("outer"),
        pytest.raises(HostError, match=f"outer by process {os.getpid()}"),
        host_lock("inner"),
    ):
        pytest.fail("two have the host")
    with host_lock("x"):
        pass


def test_one_with_another_state_is_told_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = holder()
    try:
        monkeypatch.setenv("REDLINE_STATE", str(tmp_path / "other"))
        with pytest.raises(HostError, match=r"keeps its state elsewhere"), host_lock("x"):
            pytest.fail("two have the host")
    finally:
        killed(child)
        ended(child)
    with host_lock("x"):
        pass


@pytest.mark.parametrize("name", ["missing", "file"])
def test_without_that_directory_of_the_kernel_the_state_alone_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(lock, "KERNEL", tmp_path / name)
    with host_lock("x"), pytest.raises(HostError, match="in use: x by"), host_lock("y"):
        pytest.fail("two have the host")


def test_a_tree_and_this_machine_are_two_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with host_lock("x"):
        monkeypatch.setenv("REDLINE_STATE", str(tmp_path / "other"))
        with host_lock("y", tmp_path):
            pass


@pytest.mark.parametrize(
    "note",
    [
        "",
        "{",
        "[]",
        "7",
        '{"what": 1}',
        '{"what": "\\u001b[2J", "pid": 1, "user": "a\\nb", "since": "now"}',
        "[" * 4000,
        "\x00\xff",
    ],
)
def test_a_garbled_note_is_one_line_all_the_same(note: str) -> None:
    with host_lock("x"):
        (state_dir() / LOCK).write_text(note)
        with pytest.raises(HostError, match=r"^this host is in use: ") as caught, host_lock("y"):
            pytest.fail("two have the host")
        assert str(caught.value).isprintable()


def test_a_full_disk_keeps_nobody_from_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, data: bytes, offset: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    with (
        host_lock("x"),
        pytest.raises(HostError, match="a process that left no note"),
        host_lock("y"),
    ):
        pytest.fail("two have the host")


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (state_dir() / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises(HostError, match="symbolic links"), host_lock("x"):
        pytest.fail("locked")
    assert not (tmp_path / "precious").exists()


def test_the_state_is_for_its_owner_alone(state: Path) -> None:
    assert state_dir() == state / "tuning"
    assert state_dir().stat().st_mode & 0o777 == 0o700


def test_the_state_has_a_place_of_its_own_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDLINE_STATE", "")
    seen: list[Path] = []
    monkeypatch.setattr(Path, "mkdir", lambda self, *args, **kwargs: seen.append(self))
    monkeypatch.setattr(Path, "lstat", lambda self: os.lstat("/nonexistent"))
    with pytest.raises(HostError, match="no such file"):
        state_dir()
    assert seen == [Path("/var/lib/redline"), Path("/var/lib/redline/tuning")]


def test_a_state_that_is_another_one_in_each_directory_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDLINE_STATE", "state")
    for look in (state_dir, papers.state_if_any):
        with pytest.raises(HostError, match=r"^\$REDLINE_STATE is not an absolute path: state$"):
            look()


def test_a_state_that_others_may_write_is_refused(state: Path) -> None:
    state_dir().chmod(0o777)
    with pytest.raises(HostError, match="others may write to it"):
        state_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: makes a directory of another user")
def test_a_state_of_another_user_is_refused() -> None:
    os.chown(state_dir(), 65534, 65534)
    with pytest.raises(HostError, match="belongs to another user"):
        state_dir()


def test_a_state_that_is_a_link_or_a_file_is_refused(state: Path, tmp_path: Path) -> None:
    state.mkdir()
    (state / "tuning").symlink_to(tmp_path)
    with pytest.raises(HostError, match="not a directory"):
        state_dir()
    (state / "tuning").unlink()
    (state / "tuning").write_text("")
    with pytest.raises(HostError, match="file exists"):
        state_dir()


def marked(root: Path, text: str) -> Path:
    path = root / PRODUCTION
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_a_host_without_the_marker_may_be_tuned(tmp_path: Path) -> None:
    refuse_production(tmp_path)


def test_a_production_host_is_refused_and_its_reason_quoted(tmp_path: Path) -> None:
    path = marked(tmp_path, "matching engine A, ask ops first\nmore\n")
    said = f"marked as a production host ({path}): matching engine A, ask ops first"
    with pytest.raises(HostError, match=re.escape(said) + "$"):
        refuse_production(tmp_path)


@pytest.mark.parametrize("text", ["", "\n", "\x1b[2J\x07", "x" * 100_000])
def test_whatever_the_marker_says_is_a_line(tmp_path: Path, text: str) -> None:
    marked(tmp_path, text)
    with pytest.raises(HostError) as caught:
        refuse_production(tmp_path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_a_marker_that_cannot_be_read_is_a_marker(tmp_path: Path) -> None:
    (tmp_path / PRODUCTION).mkdir(parents=True)
    with pytest.raises(HostError, match="marked as a production host"):
        refuse_production(tmp_path)


def test_a_marker_that_leads_nowhere_is_a_marker(tmp_path: Path) -> None:
    path = tmp_path / PRODUCTION
    path.parent.mkdir(parents=True)
    path.symlink_to("/nonexistent")
    with pytest.raises(HostError, match="marked as a production host"):
        refuse_production(tmp_path)


def test_who_may_keep_no_state_still_measures_alone(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDLINE_STATE", "/proc/no-such-place")
    with pytest.raises(HostError), host_lock("pytest"):
        pass
    with (
        measuring_lock("pytest"),
        pytest.raises(HostError, match="this host is in use"),
        measuring_lock("another pytest"),
    ):
        pass
    with measuring_lock("pytest"):  # and it was given back
        pass
