"""Beside a soak: a process that seals what was measured when the run's own process is killed.

    with kept(directory, cpus):     # before the first measurement; the draft tells it what to seal
        ...

It is a fresh interpreter in a session of its own that has read its code when `kept` returns, and
then sleeps until the run's process is gone or lets go of it. Whatever ends them both (a machine
that goes down, a service manager that kills a whole unit) leaves a `.partial` directory for
`redline seal`.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HostError, RedlineError
from harness.run.artifacts import RunDir
from harness.run.sealing import seal

START_S = 60.0  # a fresh interpreter on a host that is busy
RELEASE = b"."
IGNORED = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGPIPE)


@contextmanager
def kept(directory: RunDir, cpus: Collection[int]) -> Iterator[None]:
    """A keeper for as long as the body lasts, away from the CPUs that are measured on."""
    ours, its = os.pipe()
    read_end, write_end = os.pipe()
    pidfd = os.pidfd_open(os.getpid())
    command = [sys.executable, "-m", "harness.run.keeper", str(directory.path.resolve())]
    command += [",".join(map(str, sorted(cpus))), str(pidfd), str(read_end), str(its)]
    try:
        keeper = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(pidfd, read_end, its),
            start_new_session=True,
        )
    finally:
        for fd in (pidfd, read_end, its):
            os.close(fd)
    try:
        poller = select.poll()
        poller.register(ours, select.POLLIN)
        if not poller.poll(START_S * 1000) or os.read(ours, 1) != RELEASE:
            raise HostError("the keeper of the run, which would seal it if it were killed, is gone")
        yield
    finally:
        with contextlib.suppress(BrokenPipeError):
            os.write(write_end, RELEASE)
        for fd in (ours, write_end):
            os.close(fd)
        keeper.wait()


def main(partial: Path, cpus: frozenset[int], pidfd: int, control: int, ready: int) -> None:
    """Sleep; seal what there is when the process behind `pidfd` is gone without letting go."""
    for one in IGNORED:
        signal.signal(one, signal.SIG_IGN)
    others = os.sched_getaffinity(0) - cpus
    if others:
        os.sched_setaffinity(0, others)
    os.write(ready, RELEASE)
    os.close(ready)
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    poller.register(control, select.POLLIN)
    while True:
        seen = {fd for fd, _ in poller.poll()}
        if control in seen:
            if os.read(control, 1) == RELEASE:
                return
            poller.unregister(control)  # it dies: closed files come a moment before the end
        if pidfd in seen:
            break
    with contextlib.suppress(RedlineError):  # nobody listens: `redline seal` would say it again
        seal(partial)


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        frozenset(map(int, sys.argv[2].split(","))),
        *map(int, sys.argv[3:6]),
    )
