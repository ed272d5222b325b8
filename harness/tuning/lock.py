"""One harness a host, and none at all on a host that is marked as a production one."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import HostError, printable
from harness.tuning.host import ROOT
from harness.tuning.state import STATE_VARIABLE, state_dir

LOCK = "lock"
KERNEL = Path("/sys/devices/system/cpu")
LOCKS = Path("/proc/locks")
PRODUCTION = "etc/redline/production"
MAX_NOTE_BYTES = 4096
MAX_REASON_CHARS = 200

_held: set[int] = set()


@contextmanager
def host_lock(what: str, root: Path = ROOT) -> Iterator[None]:
    """This process alone tunes the host below `root`, until the block ends or the process dies.

    HostError names who does already. Not for two blocks within each other.

    Of this machine it is alone whatever $REDLINE_STATE says: the second lock is on a directory of
    the kernel. Who has another /sys (a network namespace with one of its own) has another of it.
    """
    with _state_lock(what):
        kernel = _kernel_lock() if root == ROOT else None
        try:
            yield
        finally:
            if kernel is not None and kernel in _held:
                _held.discard(kernel)
                os.close(kernel)


@contextmanager
def measuring_lock(what: str) -> Iterator[None]:
    """This process alone measures on this machine, and nobody tunes it meanwhile.

    As host_lock; who may keep no state has only the kernel's lock, which bears no note.
    """
    try:
        state_dir()
    except HostError:
        kernel = _kernel_lock()
        try:
            yield
        finally:
            if kernel is not None and kernel in _held:
                _held.discard(kernel)
                os.close(kernel)
        return
    with host_lock(what):
        yield


@contextmanager
def _state_lock(what: str) -> Iterator[None]:
    path = state_dir() / LOCK
    fd = _opened(path)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            in_use = _said(fd)
            os.close(fd)
            raise HostError(f"this host is in use: {in_use}") from None
        _held.add(fd)
        _say(fd, what)
        yield
    finally:
        if fd in _held:
            _held.discard(fd)
            # The name stays: taken away, two could hold locks on two files of that name.
            with contextlib.suppress(OSError):
                os.ftruncate(fd, 0)
            os.close(fd)


def refuse_production(root: Path = ROOT) -> None:
    """HostError on a host with the marker file; its first line is the reason that is given."""
    marker = root / PRODUCTION
    if not marker.is_symlink() and not marker.exists():
        return
    try:
        with marker.open(errors="replace") as file:
            reason = file.readline(MAX_REASON_CHARS).strip()
    except OSError:
        reason = ""
    said = f": {printable(reason)}" if reason else ""
    raise HostError(f"this host is marked as a production host ({marker}){said}")


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise HostError(printable(f"{path}: {why}")) from None


def _kernel_lock() -> int | None:
    """None where the kernel has no such directory, or no locks on it."""
    try:
        fd = os.open(KERNEL, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        in_use = _holder(fd)
        os.close(fd)
        said = f"by {in_use}, which keeps its state elsewhere (${STATE_VARIABLE})"
        raise HostError(f"this host is in use: {said}") from None
    except OSError:
        os.close(fd)
        return None
    _held.add(fd)
    return fd


def _holder(fd: int) -> str:
    """Who has the lock that cannot have a note: its number is all that the kernel tells."""
    found = os.fstat(fd)
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with contextlib.suppress(OSError):
        for line in LOCKS.read_text().splitlines():
            fields = line.split()  # 1: FLOCK ADVISORY WRITE 4711 00:16:3562 0 EOF
            if len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == device:
                return f"process {fields[4]}"
    return "another process"


def _say(fd: int, what: str) -> None:
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    note = {"what": what, "pid": os.getpid(), "user": _user(), "since": since}
    with contextlib.suppress(OSError):  # a full disk: the lock holds without its note
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(note).encode()[:MAX_NOTE_BYTES], 0)


def _said(fd: int) -> str:
    try:
        note = json.loads(os.pread(fd, MAX_NOTE_BYTES, 0))
        text = "{what} by process {pid} of {user} since {since}".format(**note)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        text = "by a process that left no note"
    return printable(text)


def _user() -> str:
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _close_in_child() -> None:
    """A forked child would hold the lock on when its parent is killed."""
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_close_in_child)
