"""sockperf, an independent measure of the same round trip over kernel sockets.

It tells half of each round trip. That is doubled here, where it is read, and nowhere else.
"""

from __future__ import annotations

import re
import shutil
import time
from typing import TYPE_CHECKING, Final

from harness.errors import HostError
from harness.net.place import Place
from harness.net.processes import said, spawned
from harness.net.rtt import Run, Settings

if TYPE_CHECKING:
    from harness.bench.cpus import Cpus

NAME: Final = "sockperf udp (its RTT/2, x2)"
PORT: Final = 20_111
MIN_BYTES: Final = 14  # its own header
SECONDS: Final = 1
START_S: Final = 0.5  # it says nothing when it is ready that a pipe would bring in time
_VALUE = re.compile(r"---> (?:percentile (\d+\.\d+)|<(MIN|MAX)> observation) += +(\d+\.\d+)")
_COUNTS = re.compile(r"Valid Duration.*SentMessages=(\d+); ReceivedMessages=(\d+)")
_NAMES: Final = {"50.000": "p50", "99.000": "p99", "99.900": "p99.9", "MIN": "min", "MAX": "max"}


def measure(where: Place, settings: Settings, cpus: Cpus) -> Run:
    """A run of `sockperf ping-pong`, spinning at both ends. HostError names what is missing."""
    program = shutil.which("sockperf")
    if program is None:
        raise HostError("sockperf is not installed (Debian: apt install sockperf)")
    near, far = where.near, where.far
    at = ["-i", far.ip if far else "127.0.0.1", "-p", str(PORT), "--nonblocked"]
    size = str(max(settings.size, MIN_BYTES))
    server = [program, "server", *at]
    ask = [program, "ping-pong", *at, "-t", str(SECONDS), "-m", size]
    with spawned(server, netns=far.netns if far else None, cpu=cpus.engine) as serving:
        time.sleep(START_S)
        if serving.poll() is not None:
            said(serving, "sockperf server", 1)
            raise HostError("sockperf server: ended at once")
        with spawned(ask, netns=near.netns if near else None, cpu=cpus.rig) as asking:
            return read(said(asking, "sockperf", SECONDS + 30))


def read(text: str) -> Run:
    """What it printed, doubled. HostError when it printed something else."""
    values: dict[str, float | None] = {}
    for percent, extreme, us in _VALUE.findall(text):
        name = _NAMES.get(percent or extreme)
        if name is not None:
            values[name] = 2 * round(float(us) * 1000)
    counts = _COUNTS.search(text)
    if counts is None or set(values) != set(_NAMES.values()):
        raise HostError("sockperf: nothing that can be read as its result")
    sent, received = int(counts[1]), int(counts[2])
    return Run(
        n=received,
        lost=sent - received,
        values=values,
        processing_p50_ns=None,
        mode="non-blocking, another program",
        clock="its own",
        placement_ns=(None, None),
        counters={},
    )
