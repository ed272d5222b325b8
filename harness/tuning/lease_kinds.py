"""The leases there are, and how one comes back from what was written down of it."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.tuning.host import Host
from harness.tuning.leases import Lease

DMA_LATENCY = "/dev/cpu_dma_latency"
MAX_LATENCY_US = 2_000_000_000  # the kernel's "no limit"
SO_TIMESTAMPING = 37
SOF_TIMESTAMPING_RX_SOFTWARE = 1 << 3
SOF_TIMESTAMPING_SOFTWARE = 1 << 4


@dataclass(frozen=True, slots=True)
class DmaLatencyLease(Lease):
    """No CPU may sleep so deeply that waking takes longer than `value` us.

    /dev/cpu_dma_latency; Documentation/power/pm_qos_interface.rst of Linux.
    """

    kind: ClassVar[str] = "cpu-dma-latency"

    def unavailable(self, host: Host) -> str | None:
        return None if host.exists(DMA_LATENCY) else f"no {DMA_LATENCY}"

    def now(self, host: Host) -> str | None:
        """What all who hold it have brought about, in us: the least of what they ask for."""
        try:
            fd = os.open(host.path(DMA_LATENCY), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return str(struct.unpack("=i", os.read(fd, 4))[0])
        except (OSError, struct.error):
            return None
        finally:
            os.close(fd)

    def take(self) -> int:
        fd = os.open(DMA_LATENCY, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, struct.pack("=i", int(self.value)))
        except BaseException:
            os.close(fd)
            raise
        return fd


@dataclass(frozen=True, slots=True)
class TimestampingLease(Lease):
    """Software time stamps of packets stay switched on.

    The first socket that asks for them, and the last, make the kernel rewrite its code on every
    CPU, which interrupts them all. One socket that asks all the time spares them that.
    """

    kind: ClassVar[str] = "timestamping"

    def unavailable(self, host: Host) -> str | None:
        return None

    def now(self, host: Host) -> str | None:
        return None  # a kernel does not tell

    def take(self) -> int:
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as ours:
            flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE
            ours.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, flags)
            return ours.detach()


def dma_latency_lease(value: str) -> DmaLatencyLease:
    """ValueError for what is no latency in us."""
    if not value.isascii() or not value.isdigit() or int(value) > MAX_LATENCY_US:
        raise ValueError(f"not a latency in us: {value[:40]!r}")
    return DmaLatencyLease(value)


def timestamping_lease(value: str) -> TimestampingLease:
    """ValueError for anything but on."""
    if value != "on":
        raise ValueError(f"not on: {value[:40]!r}")
    return TimestampingLease(value)


KINDS = {
    DmaLatencyLease.kind: dma_latency_lease,
    TimestampingLease.kind: timestamping_lease,
}


def lease_of(raw: Mapping[str, Any]) -> Lease:
    """The lease that as_json() wrote down. ValueError for anything else."""
    kind, value = raw.get("kind"), raw.get("value")
    make = KINDS.get(kind) if isinstance(kind, str) else None
    if make is None or not isinstance(value, str):
        raise ValueError("no such kind of lease")
    return make(value)
