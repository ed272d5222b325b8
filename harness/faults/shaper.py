"""What the kernel's queueing disciplines do to what an interface sends: a rate (tbf), or emulation
(netem). Put on an interface that has none of its own, and taken off exactly.

Only sockets go through them: AF_XDP, and packet sockets that bypass the discipline, do not.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.bench.links import LinkError, netlink
from harness.bench.namespaces import inside
from harness.bench.netns import Interface
from harness.config.impair_units import MILLION, format_bit_rate
from harness.errors import HostError
from harness.faults.plan import Emulation, Rate

HANDLE = 0x10000
ROOT = 0xFFFFFFFF
NS_PER_S = 1_000_000_000
MAX_BYTES_PER_S = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Shaper:
    """A discipline that stands at an interface."""

    kind: str
    at: Interface

    def counters(self) -> dict[str, int]:
        """Packets sent, dropped and waiting."""

        def read() -> dict[str, int]:
            with netlink(self.at.interface) as ip:
                root = _root(ip, self.at.ifindex)
                stats = root.get_attr("TCA_STATS2")
                queue = stats.get_attr("TCA_STATS_QUEUE")
                sent = stats.get_attr("TCA_STATS_BASIC")["packets"]
                return {"sent": sent, "dropped": queue["drops"], "waiting": queue["qlen"]}

        return inside(self.at.netns, read)


@contextmanager
def rate_limit(at: Interface, rate: Rate) -> Iterator[Shaper]:
    """A token bucket behind the sockets of an interface."""
    per_s = rate.bps // 8
    if per_s > MAX_BYTES_PER_S:
        most = format_bit_rate(8 * MAX_BYTES_PER_S)
        raise HostError(f"rate: tbf does {most} at most, not {format_bit_rate(rate.bps)}")
    limit = rate.burst_bytes + per_s * rate.queue_ns // NS_PER_S
    with _discipline(at, "tbf", rate=per_s, burst=rate.burst_bytes, limit=limit) as shaper:
        yield shaper


@contextmanager
def emulation(at: Interface, wanted: Emulation) -> Iterator[Shaper]:
    """The kernel's emulator. HostError where the kernel has none."""
    told: dict[str, Any] = {
        "delay": wanted.delay_ns // 1000,
        "jitter": wanted.jitter_ns // 1000,
        "loss": wanted.loss * 100 / MILLION,
        "duplicate": wanted.duplicate * 100 / MILLION,
        "limit": 10_000,
    }
    if wanted.reorder:
        told["prob_reorder"] = wanted.reorder * 100 / MILLION
    with _discipline(at, "netem", **told) as shaper:
        yield shaper


def netem_is_here(netns: Path) -> bool:
    """Whether the kernel has it; asked at the loopback of a namespace that is ours."""

    def ask() -> bool:
        try:
            with netlink("lo") as ip:
                ip.tc("add", "netem", 1, handle=HANDLE, delay=1)
                ip.tc("del", index=1, parent=ROOT)
        except LinkError as error:
            if error.errno in (errno.ENOENT, errno.EOPNOTSUPP, errno.EPERM, errno.EEXIST):
                return False
            raise
        return True

    return inside(netns, ask)


@contextmanager
def _discipline(at: Interface, kind: str, **told: Any) -> Iterator[Shaper]:
    before = inside(at.netns, partial(_add, at, kind, told))
    try:
        yield Shaper(kind, at)
    finally:
        after = inside(at.netns, partial(_remove, at))
        if after != before:
            raise HostError(f"{at.interface}: its queue is {after} now, not {before} as it was")


def _add(at: Interface, kind: str, told: Mapping[str, Any]) -> str:
    try:
        with netlink(at.interface) as ip:
            root = _root(ip, at.ifindex)
            before = str(root.get_attr("TCA_KIND"))
            if root["handle"] != 0:
                raise HostError(f"{at.interface}: has a queue of somebody else: {before}")
            ip.tc("add", kind, at.ifindex, handle=HANDLE, **told)
            return before
    except LinkError as error:
        if error.errno == errno.ENOENT:
            raise HostError(f"{at.interface}: this kernel has no {kind}") from None
        raise HostError(f"{at.interface}: {kind}: {error.strerror}") from None


def _remove(at: Interface) -> str:
    with netlink(at.interface) as ip:
        # By its place alone: pyroute2 wants a rate when it is told that it is a tbf.
        ip.tc("del", index=at.ifindex, parent=ROOT)
        return str(_root(ip, at.ifindex).get_attr("TCA_KIND"))


def _root(ip: Any, ifindex: int) -> Any:
    """The discipline at the root; of several queues the default one stands for them."""
    return next(one for one in ip.get_qdiscs(ifindex) if one["parent"] == ROOT)
