"""Tunings under a guard, in processes that a test may end as it likes.

    with child(lambda say: hold_until_killed(scope, wishes, say)) as owner:
        owner.heard()            # what it said: it holds
        owner.kill(signal.SIGKILL)

Whatever the test does, no guard and no child of it outlives the block.
"""

from __future__ import annotations

import os
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from harness.tuning import guard, papers
from harness.tuning.host import Host
from harness.tuning.knobs.base import Roles, Scope, Wish

BOUND_S = 20.0  # of waiting for what takes some ms, on a machine that is busy
SWAPPINESS = "/proc/sys/vm/swappiness"
STAT_INTERVAL = "/proc/sys/vm/stat_interval"
WISHES = [Wish("memory.swappiness", "1"), Wish("memory.stat-interval", "10")]

Say = Callable[[str], None]


def fake_scope(root: Path) -> Scope:
    """A tree with two settings that WISHES change."""
    for name, value in ((SWAPPINESS, "60"), (STAT_INTERVAL, "1")):
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return Scope(Host(root), Roles(hot=(1,), irq=(0,), housekeeping=(0,)))


def values(scope: Scope) -> list[str]:
    return [scope.host.read(name).strip() for name in (SWAPPINESS, STAT_INTERVAL)]


class Child:
    """A forked process that says lines to the test."""

    def __init__(self, pid: int, pipe: int) -> None:
        self.pid, self.pipe = pid, pipe
        self.code: int | None = None
        self._text = b""

    def heard(self) -> str:
        """The next line; "" when it has ended."""
        while b"\n" not in self._text:
            ready, _, _ = select.select([self.pipe], [], [], BOUND_S)
            assert ready, "the child says nothing"
            data = os.read(self.pipe, 4096)
            if not data:
                break
            self._text += data
        line, _, self._text = self._text.partition(b"\n")
        return line.decode()

    def kill(self, signum: int) -> None:
        os.kill(self.pid, signum)

    def wait(self) -> int:
        """How it ended: its code, negative for a signal."""
        if self.code is None:
            _, status = os.waitpid(self.pid, 0)
            self.code = os.waitstatus_to_exitcode(status)
        return self.code


@contextmanager
def child(work: Callable[[Say], None]) -> Iterator[Child]:
    """A child in a process group of its own that does `work`. It exits with 0, or with 1."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setpgid(0, 0)
            os.close(reader)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest's own would be run in its place
            signal.alarm(60)
            work(lambda line: _write(writer, line))
            code = 0
        except KeyboardInterrupt:
            code = 130
        except BaseException:
            _write(writer, traceback.format_exc().replace("\n", " | "))
        finally:
            os._exit(code)
    os.close(writer)
    made = Child(pid, reader)
    try:
        yield made
    finally:
        with suppress(ProcessLookupError):
            if made.code is None:
                os.kill(pid, signal.SIGKILL)
                made.wait()
        os.close(reader)


def _write(fd: int, line: str) -> None:
    os.write(fd, f"{line}\n".encode())


def until_killed() -> NoReturn:
    """Waits, and hears every signal: one that comes just before a pause() would be waited out."""
    while True:
        time.sleep(0.01)


def comes_true(what: Callable[[], bool]) -> bool:
    """Whether it does while it is waited for, which is long."""
    end = time.monotonic() + BOUND_S
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def guard_pid(state: Path) -> int:
    found = papers.read(state)
    assert found is not None
    return found.guard.pid


def end_guard(state: Path) -> None:
    """For the end of a test that failed: its guard does not outlive it."""
    found = papers.read(state)
    if found is not None and found.is_alive and found.guard.pid != os.getpid():
        os.kill(found.guard.pid, signal.SIGKILL)
        assert comes_true(lambda: is_gone(found.guard.pid))
    guard.reap()


def is_gone(pid: int) -> bool:
    """No such process, or one that waits for its parent to take note of its end."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return text.rpartition(")")[2].split()[0] in "ZX"


def children() -> set[int]:
    """Processes of ours, the dead ones too that were not waited for."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in found}


def open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}
