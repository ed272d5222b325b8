"""Other programs, started in a namespace and on a CPU, and never left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HostError

STOP_GRACE_S = 2.0
LIFE_S = 300  # nothing that is started here takes longer, should we be killed before we stop it


@contextmanager
def spawned(
    command: Sequence[str], *, netns: Path | None = None, cpu: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A program with a pipe for what it says, in the namespace at `netns`; ended with the block.

    HostError when it cannot be started.
    """
    limit = shutil.which("timeout")
    bounded = [*([limit, "-s", "KILL", str(LIFE_S)] if limit else []), *command]

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

    try:
        child = _started(start, netns)
    except OSError as error:
        raise HostError(f"{command[0]}: {(error.strerror or str(error)).lower()}") from None
    try:
        yield child
    finally:
        _stop(child)


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


def _started(
    start: Callable[[], subprocess.Popen[str]], netns: Path | None
) -> subprocess.Popen[str]:
    from harness.bench import namespaces

    if netns is not None:
        return namespaces.inside(netns, start)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(start).result()


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
