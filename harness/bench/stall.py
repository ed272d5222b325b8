"""Threads of a trial stopped on purpose, for a while and again and again: what a stall looks like.

    python -m harness.bench.stall PARENT EVERY_NS LENGTH_NS   (thread ids on the standard input)

A process beside the trial stops the threads by ptrace and lets them go on: a single thread, which
signals could not do, and none is left stopped when this process dies. The trial's own code has no
part in it. For demonstrations and tests; such a trial is labelled and no row judges it.

Linux:  PTRACE_SEIZE and PTRACE_INTERRUPT of ptrace(2), for x86-64. Times are ns.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from harness.bench.plan import StallPlan
from harness.errors import HostError

# linux/ptrace.h, linux/prctl.h, linux/wait.h
_SEIZE, _INTERRUPT, _CONT = 0x4206, 0x4207, 7
_PR_SET_PDEATHSIG, _PR_SET_PTRACER = 1, 0x59616D61
_WALL = 0x40000000
_THREADS = {"engine": ("rl-engine", "rl-reflect"), "rig": ("rl-rig",)}
_STOP_S = 5.0


class Staller:
    """The stalling process: ready before the trial starts, `begin` once its threads are there."""

    def __init__(self, plan: StallPlan) -> None:
        self._who = ("engine", "rig") if plan.who == "both" else (plan.who,)
        command = [sys.executable, "-m", __name__, str(os.getpid())]
        self._process = subprocess.Popen(
            [*command, str(plan.every_ns), str(plan.length_ns)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._said()  # it has loaded what it needs: nothing of that falls into the trial
        _prctl(_PR_SET_PTRACER, self._process.pid)  # refused where nothing forbids it anyway

    def begin(self) -> None:
        """Stop the threads from now on. HostError where this host does not allow it."""
        wanted = [name for who in self._who for name in _THREADS[who]]
        threads = [str(tid) for tid, name in threads_of(os.getpid()) if name in wanted]
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(threads) + "\n")
        self._process.stdin.flush()
        said = self._said()
        if said != "stalling":
            raise HostError(f"threads cannot be stalled here: {said or 'no answer'}")

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __enter__(self) -> Staller:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._process.kill()  # the kernel lets its threads go on
        self._process.wait(_STOP_S)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def threads_of(pid: int) -> list[tuple[int, str]]:
    """(thread id, name) of every thread of a process that is still there."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found.append((int(task.name), (task / "comm").read_text().strip()))
        except OSError:
            continue  # it ended meanwhile
    return found


def main(argv: Sequence[str]) -> int:
    """Stall until killed, or until the threads have ended. Says what it does on stdout."""
    parent, every_ns, length_ns = (int(arg) for arg in argv)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return 1
    print("ready", flush=True)
    threads = [int(tid) for tid in sys.stdin.readline().split()]
    ptrace = _ptrace()
    try:
        if not threads:
            raise ProcessLookupError("no such thread")
        for tid in threads:
            ptrace(_SEIZE, tid)
    except OSError as error:
        print(error.strerror or error, flush=True)
        return 1
    print("stalling", flush=True)
    due_ns = time.monotonic_ns()
    try:
        while True:
            due_ns += every_ns
            time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
            _stall(ptrace, threads, length_ns)
    except (ProcessLookupError, ChildProcessError):
        return 0  # the trial is over


def _stall(ptrace: Callable[[int, int], None], threads: Sequence[int], length_ns: int) -> None:
    for tid in threads:
        ptrace(_INTERRUPT, tid)
    for tid in threads:
        os.waitpid(tid, _WALL)
    time.sleep(length_ns / 1e9)
    for tid in threads:
        ptrace(_CONT, tid)


def _ptrace() -> Callable[[int, int], None]:
    """ptrace(2) without address and data; OSError as the kernel says it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    libc.ptrace.restype = ctypes.c_long

    def call(request: int, tid: int) -> None:
        if libc.ptrace(request, tid, None, None) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    return call


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
