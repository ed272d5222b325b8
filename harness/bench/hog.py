"""A program beside the engine that takes a CPU, or takes and gives back memory, and never sleeps.

    python -m harness.bench.hog PARENT CPU BYTES

It says "ready" when it is there, and dies with who started it, whatever becomes of that.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.bench.worker import die_with
from harness.errors import HostError

MIN_FAULTS = 9  # of /proc/PID/stat, counted from 0


@contextlib.contextmanager
def hog(cpu: int, n_bytes: int = 0) -> Iterator[int]:
    """A hog on this CPU, of memory where `n_bytes` are given; its process id.

    HostError when it may not be there, or this machine has not twice the memory to spare.
    """
    if 2 * n_bytes > available_bytes():
        raise HostError(f"{n_bytes >> 20} MiB would be more than half of the memory that is free")
    command = [sys.executable, "-m", "harness.bench.hog", str(os.getpid()), str(cpu), str(n_bytes)]
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


def faults(pid: int) -> int:
    """Pages, or huge pages, that a process has been given so far (/proc/PID/stat)."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(after_name[MIN_FAULTS - 2])


def available_bytes() -> int:
    """Memory that can be had without swapping (/proc/meminfo)."""
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) << 10


def main(argv: Sequence[str]) -> int:
    """Spin until killed; 1 when the CPU is not to be had."""
    parent, cpu, n_bytes = (int(arg) for arg in argv)
    die_with(parent)
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError:
        return 1
    print("ready", flush=True)
    while True:
        if n_bytes:  # every page is given, zeroed and taken back
            mmap.mmap(-1, n_bytes, mmap.MAP_PRIVATE | mmap.MAP_POPULATE).close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
