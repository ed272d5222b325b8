"""An interface that goes down and comes up again by a schedule, and is up at the end.

Who is connected to it sees its carrier go. Going down, an interface forgets its neighbours: those
that were permanent are told to it again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from harness.bench.links import NUD_PERMANENT, netlink
from harness.bench.namespaces import inside
from harness.bench.netns import Interface
from harness.config.impair import Flap
from harness.errors import HostError

NS_PER_S = 1_000_000_000


class Flapper:
    """Flaps from `start` to `stop`; `times` are the moments of CLOCK_MONOTONIC, ns, down and up."""

    def __init__(self, at: Interface, flap: Flap) -> None:
        self.at = at
        self.flap = flap
        self.times: list[tuple[int, int]] = []
        self.failure: BaseException | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link-flap")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The interface is up when it returns. HostError: it was not always up and down in time."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self.failure is not None:
            raise HostError(f"{self.at.interface}: flapping failed: {self.failure}")

    def _run(self) -> None:
        try:
            inside(self.at.netns, self._flap)
        except BaseException as error:
            self.failure = error

    def _flap(self) -> None:
        due = time.monotonic_ns()
        with netlink(self.at.interface) as ip:
            while self.flap.times is None or len(self.times) < self.flap.times:
                due += self.flap.every_ns
                if self._ended_by(due):
                    return
                neighbours = list(_permanent(ip, self.at.ifindex))
                down = time.monotonic_ns()
                try:
                    ip.link("set", index=self.at.ifindex, state="down")
                    self._ended_by(time.monotonic_ns() + self.flap.down_ns)
                finally:
                    ip.link("set", index=self.at.ifindex, state="up")
                    for one in neighbours:
                        ip.neigh("replace", ifindex=self.at.ifindex, state=NUD_PERMANENT, **one)
                self.times.append((down, time.monotonic_ns()))

    def _ended_by(self, moment_ns: int) -> bool:
        return self._end.wait(max(0, moment_ns - time.monotonic_ns()) / NS_PER_S)


def _permanent(ip: Any, ifindex: int) -> Iterator[dict[str, str]]:
    for one in ip.get_neighbours(ifindex=ifindex):
        if one["state"] & NUD_PERMANENT and one.get_attr("NDA_LLADDR"):
            yield {"dst": one.get_attr("NDA_DST"), "lladdr": one.get_attr("NDA_LLADDR")}


@contextmanager
def flapping(at: Interface, flap: Flap) -> Iterator[Flapper]:
    """Flap an interface as long as the block lasts; it is up when the block was left."""
    if not inside(at.netns, partial(_is_up, at)):
        raise HostError(f"{at.interface}: is down already")
    flapper = Flapper(at, flap)
    flapper.start()
    try:
        yield flapper
    finally:
        flapper.stop()


def _is_up(at: Interface) -> bool:
    with netlink(at.interface) as ip:
        (link,) = ip.get_links(at.ifindex)
        return bool(link["flags"] & 1)  # IFF_UP
