"""Tests that change settings of the machine they run on: one at a time, and all put back.

    def test_something(tmp_path: Path) -> None:
        with real_settings("/proc/sys/vm/stat_interval"):
            ...

Inside, nobody else who asks like this changes a real setting: not another worker of pytest, not
another checkout. The files that are named get back the bytes they had, however the test ends; a
test that forks children and kills them has to wait for them before it leaves.

The lock is in /dev/shm: a sandbox has a /run of its own, and settings are the whole machine's.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

LOCK = Path("/dev/shm/redline-tests.lock")
MAX_BYTES = 1 << 20
_depth = 0


@contextmanager
def real_settings(*files: str) -> Iterator[None]:
    """Alone with the real settings; `files` are put back. Skips where they may not be written.

    May be asked for again inside.
    """
    with _alone(), ExitStack() as stack:
        for file in files:
            stack.enter_context(_put_back(file))
        yield


@contextmanager
def _alone() -> Iterator[None]:
    global _depth
    fd = _open_lock() if _depth == 0 else -1
    if fd >= 0:
        fcntl.flock(fd, fcntl.LOCK_EX)  # bounded by the time limit of the test
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if fd >= 0:
            os.close(fd)


def bytes_of(file: str) -> bytes:
    """What the kernel says, unchanged: a recovery is held against it byte by byte."""
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, MAX_BYTES)
    finally:
        os.close(fd)


def write_bytes(file: str, value: bytes) -> None:
    """One write, as a third party does it that knows nothing of any journal."""
    fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value)
    finally:
        os.close(fd)


@contextmanager
def _put_back(file: str) -> Iterator[None]:
    try:
        before = bytes_of(file)
        write_bytes(file, _writable(before))
    except OSError as error:
        pytest.skip(f"cannot write {file}: {(error.strerror or str(error)).lower()}")
    try:
        yield
    finally:
        if bytes_of(file) != before:
            write_bytes(file, _writable(before))


def _writable(read: bytes) -> bytes:
    """`always [madvise] never` is written as the word in brackets."""
    _, bracket, rest = read.partition(b"[")
    return rest.partition(b"]")[0] if bracket else read


def _open_lock() -> int:
    try:
        return os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        pytest.skip(f"needs {LOCK}: {(error.strerror or str(error)).lower()}")
