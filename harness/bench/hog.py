"""A program that takes a CPU and never sleeps: what a careless neighbour does.

    python -m harness.bench.hog PARENT CPU

It says "ready" when it is there, and dies with who started it, whatever becomes of that.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.bench.worker import die_with
from harness.errors import HostError


@contextlib.contextmanager
def hog(cpu: int) -> Iterator[int]:
    """A hog on this CPU; its process id. HostError when it may not be there."""
    command = [sys.executable, "-m", "harness.bench.hog", str(os.getpid()), str(cpu)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline().strip() != b"ready":
                raise HostError(f"CPU {cpu}: nothing else can be put there")
            yield process.pid
        finally:
            process.kill()


def ran_ns(pid: int) -> int:
    """How long a process of one thread has had a CPU (/proc/PID/schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def main(argv: Sequence[str]) -> int:
    """Spin until killed; 1 when the CPU is not to be had."""
    parent, cpu = (int(arg) for arg in argv)
    die_with(parent)
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError:
        return 1
    print("ready", flush=True)
    while True:
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
