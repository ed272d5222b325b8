"""The bench of a scenario: where the parts run and what connects them.

A bench has two lines, market data and orders, each with the rig at one end and the engine at the
other: cables in shared memory, pairs of virtual interfaces in namespaces of their own, or cables
between the ports of this machine.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from harness.config import units
from harness.config.fields import Size, Strict
from harness.config.loader import FieldFault

NetPort = Literal["udp", "tcp", "afpacket", "afxdp"]
XdpMode = Literal["auto", "zero-copy", "native", "generic"]
Wait = Literal["spin", "block", "busy-poll"]
Accel = Literal["none", "onload", "vma"]

LINES = ("market", "orders")
MAX_PACK = 64  # a packet of 1,500 bytes holds fewer of the longest messages; the trial says so
_INTERFACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")  # what a kernel takes, less surprises


def _interface(name: str) -> str:
    if not _INTERFACE.fullmatch(name):
        raise ValueError(f"not a network interface: {name!r}")
    return name


Interface = Annotated[str, AfterValidator(_interface)]
Cable = tuple[Interface, Interface]  # the rig's end, the engine's end


class _Bench(Strict):
    """`ring` is the size of each direction of a line, and of what may be under way."""

    ring_bytes: Annotated[Size, Field(alias="ring")]

    @model_validator(mode="after")
    def _ring_wraps_by_a_mask(self) -> _Bench:
        if self.ring_bytes & (self.ring_bytes - 1) or self.ring_bytes < 4096:
            shown = units.format_size(self.ring_bytes)
            raise FieldFault(("ring",), f"not a power of two of at least 4KiB: '{shown}'")
        return self


class ShmBench(_Bench):
    """Cables in the memory of one process: needs no right and no interface."""

    kind: Literal["shm"]


class _NetworkBench(_Bench):
    """Every trial runs over `port` unless it names another."""

    port: NetPort
    xdp_mode: XdpMode = "auto"
    wait: Wait = "spin"
    accel: Accel = "none"  # of udp and tcp: a trial whose sockets it has not taken over fails


class NetnsBench(_NetworkBench):
    """A pair of virtual interfaces a line; rig and engine in namespaces made for the run."""

    kind: Literal["netns"]


class CableBench(_NetworkBench):
    """Ports of this machine joined by cables: for each line the rig's interface, the engine's."""

    kind: Literal["loop-cable"]
    market: Cable
    orders: Cable

    @model_validator(mode="after")
    def _every_end_is_another(self) -> CableBench:
        ends = (*self.market, *self.orders)
        for i, name in enumerate(ends):
            if name in ends[:i]:
                where = ("market" if i < 2 else "orders", i % 2)
                raise FieldFault(where, f"given twice: {name!r}")
        return self


Bench = Annotated[ShmBench | NetnsBench | CableBench, Field(discriminator="kind")]
NetworkBench = NetnsBench | CableBench


class Way(Strict):
    """How the messages of a load travel: `pack` of them a packet, through a port of that kind.

    Only ITCH is packed (MoldUDP64); all messages of a packet are due with it.
    """

    port: NetPort | None = None
    pack: Annotated[int, Field(ge=1, le=MAX_PACK)] = 1


PLAIN = Way()
