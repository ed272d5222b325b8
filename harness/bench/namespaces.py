"""Named network namespaces, as `ip netns` knows them: made, entered by a thread, removed.

A namespace belongs to a thread, so whatever happens inside one happens in a thread of its own: the
caller never moves, and no failure can leave it in the wrong place.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

RUN_DIR = Path("/run/netns")
HERE = Path("/proc/thread-self/ns/net")
SYS = Path("/sys")

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MNT_DETACH = 2
MS_REMOUNT = 0x20
MS_BIND, MS_REC, MS_SLAVE, MS_SHARED = 0x1000, 0x4000, 0x80000, 0x100000
MAX_MOUNTS = 16  # stacked on one name; each time somebody bound the same name again


def make(name: str) -> Path:
    """A new namespace called `name`; its path. OSError when there is one, or no right to."""
    _share_run_dir()
    path = RUN_DIR / name
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    try:
        _in_thread(lambda: _unshare_onto(path))
    except BaseException:
        path.unlink()
        raise
    return path


def remove(name: str) -> None:
    """The name goes at once, the namespace with its links when nobody uses it; or neither was."""
    path = RUN_DIR / name
    for _ in range(MAX_MOUNTS):
        try:
            _call("umount2", os.fsencode(path), MNT_DETACH)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOENT):  # no mount; not even a file
                raise
            break
    path.unlink(missing_ok=True)


def is_namespace(path: Path) -> bool:
    """Whether a namespace can be entered there, not only a file left by one."""
    try:
        return path.stat().st_dev == HERE.stat().st_dev  # both on nsfs
    except OSError:
        return False


def identity(path: Path = HERE) -> tuple[int, int]:
    """What two paths of the same namespace have in common."""
    status = path.stat()
    return status.st_dev, status.st_ino


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor of the namespace."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def inside(path: Path, work: Callable[[], Result]) -> Result:
    """What `work` returns, or raises, in the namespace at `path`; it runs in another thread."""

    def enter_and_work() -> Result:
        with opened(path) as fd:
            _call("setns", fd, CLONE_NEWNET)
        return work()

    return _in_thread(enter_and_work)


def inside_with_sysfs(path: Path, work: Callable[[], Result]) -> Result:
    """Like inside, and /sys shows what is in the namespace: its links, their queues.

    /sys shows the namespace it was mounted from, so it is mounted again, for this thread and the
    processes it starts. What others have mounted below it (cgroups, tracing) stays to be seen.
    """

    def mount_and_work() -> Result:
        _call("unshare", CLONE_NEWNS)
        _call("mount", b"none", b"/", None, MS_SLAVE | MS_REC, None)
        with contextlib.ExitStack() as kept:
            below: list[tuple[Path, int]] = []
            for place in _mounts_below(SYS):
                with contextlib.suppress(FileNotFoundError):  # another mount lies above it
                    below.append((place, kept.enter_context(_held(place))))
            _call("mount", b"sysfs", os.fsencode(SYS), b"sysfs", 0, None)
            for place, fd in below:
                source = f"/proc/thread-self/fd/{fd}".encode()
                with contextlib.suppress(FileNotFoundError):  # the namespace has no such place
                    _call("mount", source, os.fsencode(place), None, MS_BIND | MS_REC, None)
        return work()

    return inside(path, mount_and_work)


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def leave_mounts() -> None:
    """From here on this process, of one thread, mounts for itself alone; its death unmounts."""
    _call("unshare", CLONE_NEWNS)
    _call("mount", b"none", b"/", None, MS_SLAVE | MS_REC, None)


def own_disk(where: Path, n_bytes: int) -> None:
    """A new file system in memory over `where`, for who has left the mounts of others.

    It ends with the last process that sees it. OSError without the right to.
    """
    _call("mount", b"tmpfs", os.fsencode(where), b"tmpfs", 0, b"size=%d" % n_bytes)


def resize_disk(where: Path, n_bytes: int) -> None:
    """Another size for what own_disk made."""
    _call("mount", b"tmpfs", os.fsencode(where), b"tmpfs", MS_REMOUNT, b"size=%d" % n_bytes)


def _mounts_below(folder: Path) -> list[Path]:
    """The mount points in a folder, without those in another one of them."""
    lines = Path("/proc/thread-self/mountinfo").read_text(errors="surrogateescape").splitlines()
    # Blanks in a name stand there as \040; nobody names one below /sys so.
    found = sorted({Path(line.split(" ")[4]) for line in lines})
    tops: list[Path] = []
    for place in found:
        if folder in place.parents and not any(top in place.parents for top in tops):
            tops.append(place)
    return tops


def _in_thread(work: Callable[[], Result]) -> Result:
    done: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="namespace")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def _unshare_onto(path: Path) -> None:
    _call("unshare", CLONE_NEWNET)
    _call("mount", os.fsencode(HERE), os.fsencode(path), b"none", MS_BIND, None)


def _share_run_dir() -> None:
    """As `ip netns` does before its first namespace: names are seen by every mount namespace.

    Were it left to `ip netns`, it would later put a second mount above ours, and ours could not be
    removed below it.
    """
    with contextlib.suppress(FileExistsError):
        RUN_DIR.mkdir(mode=0o755)
    where = os.fsencode(RUN_DIR)
    try:
        _call("mount", b"", where, b"none", MS_SHARED | MS_REC, None)
    except OSError as error:
        if error.errno != errno.EINVAL:  # it is no mount point yet
            raise
        _call("mount", where, where, b"none", MS_BIND | MS_REC, None)
        _call("mount", b"", where, b"none", MS_SHARED | MS_REC, None)


def _call(name: str, *args: bytes | int | None) -> None:
    """A call of the C library that Python 3.11 lacks. OSError with its errno."""
    libc = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_ulong(arg) if name == "mount" and isinstance(arg, int) else arg
             for arg in args]  # fmt: skip
    if getattr(libc, name)(*given) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number).lower()}")
