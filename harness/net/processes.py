"""Other programs, started in a namespace and on a CPU, and never left behind."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HostError

STOP_GRACE_S = 2.0
LIFE_S = 300  # nothing that is started here takes longer


@contextmanager
def spawned(
    command: Sequence[str], *, netns: Path | None = None, cpu: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A program with a pipe for what it says, in the namespace at `netns`; ended with the block.

    HostError when it cannot be started.
    """
    bounded = [*_leash(), *command]

    def start() -> subprocess.Popen[str]:
        # The thread that starts it has the namespace and the CPU: the child inherits both.
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        return subprocess.Popen(
            bounded,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is ours to handle, and its end too
        )

    with _kept_by_a_thread(start, netns) as child:
        if isinstance(child, OSError):
            raise HostError(f"{command[0]}: {(child.strerror or str(child)).lower()}")
        try:
            yield child
        finally:
            _stop(child)


def _leash() -> list[str]:
    """What ends a program when we are killed before we can: at once, or where that cannot be had
    some time later."""
    if setpriv := shutil.which("setpriv"):
        return [setpriv, "--pdeathsig", "KILL", "--"]
    if limit := shutil.which("timeout"):
        return [limit, "-s", "KILL", str(LIFE_S)]
    return []


def said(child: subprocess.Popen[str], name: str, timeout_s: float) -> str:
    """All it says until it ends; HostError by its name when it fails, or takes too long."""
    try:
        out, _ = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise HostError(f"{name}: not done within {timeout_s:g} s") from None
    if child.returncode != 0:
        last = (out.strip().splitlines() or ["nothing said"])[-1]
        raise HostError(f"{name}: ended with {child.returncode}: {last}")
    return out


@contextmanager
def _kept_by_a_thread(
    start: Callable[[], subprocess.Popen[str]], netns: Path | None
) -> Iterator[subprocess.Popen[str] | OSError]:
    """What `start` made in the namespace, or why it did not. The thread that started a program
    lives as long as the block: the kernel takes its end for ours, and ends the program."""
    from harness.bench import namespaces

    made: queue.SimpleQueue[subprocess.Popen[str] | OSError] = queue.SimpleQueue()
    is_over = threading.Event()

    def start_and_stay() -> None:
        made.put(start())
        is_over.wait()

    def run() -> None:
        try:
            if netns is None:
                start_and_stay()
            else:
                namespaces.inside(netns, start_and_stay)
        except OSError as error:
            made.put(error)

    thread = threading.Thread(target=run, name="starts a program", daemon=True)
    thread.start()
    try:
        yield made.get()
    finally:
        is_over.set()
        thread.join()


def _stop(child: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(STOP_GRACE_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdout is not None:
        child.stdout.close()
