"""Where a tool measures: on a bench in namespaces that it makes, else on loopback.

Frames never leave the machine. Without the rights for a bench, shared memory and the sockets of
loopback still work, and the place says which right is missing for the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import HostError, RedlineError

if TYPE_CHECKING:
    from harness.bench.cpus import Cpus
    from harness.bench.netns import End

PINGER_PORT, ECHO_PORT = 20_000, 20_001  # in namespaces of our own: nobody else has them


@dataclass(frozen=True, slots=True)
class Place:
    """Two ends of a line, or loopback (then `why` says why there is no line)."""

    near: End | None = None
    far: End | None = None
    why: str = ""

    @property
    def kind(self) -> str:
        return "loopback" if self.near is None else "netns"

    def ends(self) -> tuple[End, End]:
        """Both ends; HostError with the reason when there are none."""
        if self.near is None or self.far is None:
            raise HostError(self.why)
        return self.near, self.far


@contextmanager
def place(*, on_loopback: bool = False) -> Iterator[Place]:
    """A bench for as long as the block lasts, or loopback: when asked for, or when nothing else
    can be had."""
    from harness.bench.netns import netns_bench
    from harness.tuning.rights import BENCH, why_not

    why = "it needs two interfaces, and loopback was asked for" if on_loopback else why_not(BENCH)
    if why is not None:
        yield Place(why=why)
        return
    with netns_bench(lines=("net",)) as bench:
        line = bench.lines["net"]
        yield Place(near=line.rig, far=line.engine)


def choose_cpus(text: str | None) -> Cpus:
    """The two CPUs that were named, or the best two of this machine.

    HostError when it has fewer; RedlineError for a list that is none.
    """
    from harness.bench.cpus import Cpus, choose_here
    from harness.tuning import facts

    if text is None:
        try:
            return choose_here(facts.collect())
        except ValueError as error:
            raise HostError(str(error)) from None
    first, comma, second = text.partition(",")
    if not comma or not all(part.isascii() and part.isdecimal() for part in (first, second)):
        raise RedlineError(f"--cpus: not two CPUs: {text!r} (write it like 2,3)")
    cpus = Cpus(engine=int(second[:6]), rig=int(first[:6]))
    if cpus.engine == cpus.rig:
        raise RedlineError(f"--cpus: the same CPU twice: {text}")
    allowed = os.sched_getaffinity(0)
    for cpu in (cpus.rig, cpus.engine):
        if cpu not in allowed:
            raise HostError(f"--cpus: CPU {cpu} is not there, or not allowed for this process")
    return cpus
