"""A disk that is full, or becomes full at any step: nothing changes, or all of it comes back."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_kernel import FakeKernel, change, changes, dies_at, install_kinds

from harness.tuning.apply import apply
from harness.tuning.host import Host
from harness.tuning.journal import NAME, Journal, JournalError
from harness.tuning.knobs.base import Op
from harness.tuning.lock import host_lock
from harness.tuning.owner import myself
from harness.tuning.restore import restore
from harness.tuning.settings import FileSetting

from .real_host import bytes_of, real_settings
from .sandbox import in_child, in_sandbox

STAT, SWAP = "/proc/sys/vm/stat_interval", "/proc/sys/vm/swappiness"
FILES = (STAT, SWAP)
STEPS = 2 + 5 * len(FILES)  # of an apply of both
SIZE_KIB = 256


def ops() -> list[Op]:
    return [change(FileSetting(STAT, "number"), "7"), change(FileSetting(SWAP, "number"), "61")]


def of_files() -> dict[str, bytes]:
    return {file: bytes_of(file) for file in FILES}


def small_disk(at: Path) -> Path:
    """A file system of its own that is soon full; gone with the sandbox."""
    if shutil.which("mount") is None:
        pytest.skip("needs mount")
    at.mkdir(exist_ok=True)
    options = f"size={SIZE_KIB}k,mode=0700"
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(at)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"needs a tmpfs: {done.stderr.strip()}")
    return at


def filled(disk: Path) -> None:
    """Not a byte is left."""
    with (disk / "filler").open("ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


def new(state: Path, root: Path = Path("/")) -> Journal:
    return Journal.create(state, owner=myself(), title="test", root=root)


def put_back(state: Path) -> None:
    journal = Journal.open(state)
    assert journal is not None
    assert restore(Host(), journal).is_clean


@in_sandbox
def test_on_a_full_disk_no_journal_begins(tmp_path: Path) -> None:
    disk = small_disk(tmp_path / "disk")
    filled(disk)
    with pytest.raises(JournalError, match=rf"{NAME}: no space left on device"):
        new(disk)
    assert [path.name for path in disk.iterdir()] == ["filler"]


@in_sandbox
def test_a_plan_that_finds_no_room_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_kinds(monkeypatch)
    disk = small_disk(tmp_path / "disk")
    kernel = FakeKernel(tmp_path / "host", {f"/proc/sys/{i}": "1" for i in range(500)})
    journal = new(disk, kernel.root)
    with pytest.raises(JournalError, match="no space left on device"):
        apply(changes({f"/proc/sys/{i}": "2" for i in range(500)}), kernel, journal)
    assert kernel.writes == []


@in_sandbox
def test_the_lock_of_a_host_needs_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = small_disk(tmp_path / "disk")
    monkeypatch.setenv("REDLINE_STATE", str(disk))
    with host_lock("first", tmp_path):
        pass
    filled(disk)
    with host_lock("second", tmp_path):
        pass


@pytest.mark.parametrize("k", range(STEPS))
def test_a_disk_that_fills_up_at_any_step_keeps_nothing_from_coming_back(
    tmp_path: Path, k: int
) -> None:
    @in_sandbox
    def scenario() -> None:
        disk = small_disk(tmp_path / "disk")
        before = of_files()
        apply(ops(), Host(), new(disk), step=dies_at(k, lambda: filled(disk)))
        assert of_files() != before
        put_back(disk)
        assert of_files() == before
        assert [path.name for path in disk.iterdir()] == ["filler"]

    with real_settings(*FILES):
        scenario()


def limited(n_bytes: int) -> None:
    """From now on this process makes no file longer than that."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))


def in_a_limited_child(work: Callable[[], None]) -> None:
    code, said = in_child(work)
    assert code == 0, said


def test_where_files_may_not_grow_no_journal_begins(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    def work() -> None:
        limited(8192)
        with pytest.raises(JournalError, match=rf"{NAME}: file too large"):
            new(tmp_path)

    in_a_limited_child(work)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("k", range(STEPS))
def test_a_file_size_limit_at_any_step_keeps_nothing_from_coming_back(
    tmp_path: Path, k: int
) -> None:
    tmp_path.chmod(0o700)

    def work() -> None:
        journal = new(tmp_path)
        length = os.stat(journal.path).st_size  # noqa: PTH116
        apply(ops(), Host(), journal, step=dies_at(k, lambda: limited(length)))

    with real_settings(*FILES):
        before = of_files()
        in_a_limited_child(work)
        assert of_files() != before
        put_back(tmp_path)
        assert of_files() == before


def test_a_file_size_limit_that_forbids_every_line_undoes_what_was_applied(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o700)

    def work() -> None:
        with pytest.raises(JournalError, match=rf"{NAME}: file too large"):
            apply(ops(), Host(), new(tmp_path), step=dies_at(5, lambda: limited(1)))

    with real_settings(*FILES):
        before = of_files()
        in_a_limited_child(work)
        assert of_files() == before
        assert Journal.open(tmp_path) is None
