"""Ports: frames in, frames out, whatever carries them.

    with open_port("udp", local=("127.0.0.1", 0), peer=("127.0.0.1", 9000)) as port:
        port.send(b"hello")
        print(port.caps.mode, port.stats()["tx_frames"])

What a frame is depends on the port: a record (shm), a datagram (udp, and afpacket or afxdp when
they are framed), a message (tcp), or a whole Ethernet frame. `send` and `receive` copy: they are
for tests and tools. Loops that measure are in engine.net.traffic and run in C.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import IPv4Address
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NamedTuple, Self, TypeAlias

from engine import _core
from engine.market.fix import Buffer

if TYPE_CHECKING:
    from engine.net.impair import Impair

__all__ = ["Accel", "Address", "Backend", "Cable", "Caps", "Frame", "Port", "Probe", "Wait",
           "XdpMode", "cable", "open_port", "probe"]  # fmt: skip

Backend: TypeAlias = Literal["udp", "tcp", "afpacket", "afxdp"]
Wait: TypeAlias = Literal["spin", "block", "busy-poll"]
XdpMode: TypeAlias = Literal["auto", "zero-copy", "native", "generic"]
Accel: TypeAlias = Literal["none", "onload", "vma"]
Address: TypeAlias = tuple[str, int]

CABLE_BYTES = 1 << 20  # each way: a thousand frames of the largest Ethernet size


class Frame(NamedTuple):
    """A received frame, copied. `stamp_ns` is by the clock that caps.stamp names; 0: none."""

    data: bytes
    stamp_ns: int


@dataclass(frozen=True, slots=True)
class Caps:
    """What was obtained (csrc/net/port/port.h)."""

    backend: str  # "shm", "udp", ...
    mode: str  # how it is done here, in words: "generic copy, need-wakeup"
    stamp: str  # "none", "software", "hardware"
    n_bytes_frame_max: int
    is_ethernet: bool
    zero_copy_rx: bool
    zero_copy_tx: bool
    needs_syscall: bool


class Port:
    """One end of a network path. Made by open_port and cable; a context manager.

    While a loop of engine.net.traffic or a trial uses it, everything but `caps` and `stats` raises
    BufferError, closing too.
    """

    def __init__(self, core: _core.Port) -> None:
        self.core = core
        self.caps = Caps(**core.caps())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, data: Buffer) -> bool:
        """Send one frame now; False when there is no room for it. ValueError when it never fits."""
        return self.core.send(data)

    def receive(self, max_frames: int = 64) -> list[Frame]:
        """Copies of up to so many frames that are there; does not wait."""
        return [Frame(*one) for one in self.core.receive(max_frames)]

    def flush(self) -> None:
        """Make what was queued leave; `send` has done so."""
        self.core.flush()

    def wait(self) -> None:
        """A blocking port sleeps until a frame is there, at most some milliseconds."""
        self.core.wait()

    def stats(self) -> dict[str, int]:
        """The counters of csrc/net/port/port.h; the kernel's too, unless it is in use."""
        return self.core.stats()

    def reasons(self) -> dict[str, int]:
        """Why a framed port refused frames (engine.net.frames.FRAME_REASONS); else empty."""
        return self.core.reasons()

    @property
    def local(self) -> Address:
        """Where a socket is bound, its number as it was obtained. ValueError for other ports."""
        text = self.core.local
        if text is None:
            raise ValueError(f"{self.caps.backend} has no address")
        host, _, number = text.rpartition(":")
        return host.strip("[]"), int(number)

    @property
    def in_use(self) -> bool:
        """Whether a loop has it."""
        return self.core.in_use

    def close(self) -> None:
        """Give everything back; harmless when it was. BufferError while it is in use."""
        self.core.close()


class Cable(NamedTuple):
    """Both ends, which may also be closed one by one; a context manager."""

    one: Port
    other: Port

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.one.close()
        self.other.close()


def cable(n_bytes_each_way: int = CABLE_BYTES) -> Cable:
    """Two shared-memory ports: what one sends, the other receives. A power of two of bytes."""
    one, other = _core.port_cable(n_bytes_each_way)
    return Cable(Port(one), Port(other))


def open_port(
    backend: Backend,
    *,
    netns: str | os.PathLike[str] | None = None,
    wait: Wait = "spin",
    stamps: bool = False,
    n_slots: int = 0,
    n_bytes_frame: int = 0,
    local: Address | None = None,
    peer: Address | None = None,
    multicast_interface: str | None = None,
    listen: bool = False,
    accel: Accel = "none",
    interface: str = "",
    mac: str = "00:00:00:00:00:00",
    peer_mac: str = "00:00:00:00:00:00",
    framed: bool = True,
    vlan: int = 0,
    ttl: int = 0,
    checksum: bool = True,
    group: str | None = None,
    verifies_checksum: bool = False,
    queue: int = 0,
    xdp_mode: XdpMode = "auto",
    impair: Impair | None = None,
    speaks_fix: bool = False,
) -> Port:
    """A port by its name, opened in the namespace at `netns`, or where the caller is.

    udp and tcp take `local` and `peer`: without a peer, the first that sends becomes it; a
    multicast `local` is joined on the address `multicast_interface`. afpacket and afxdp take the
    `interface`; with `framed` their frames are datagrams from `local` on `mac` to `peer` on
    `peer_mac`, and what is received came to `local`, or to the multicast `group` at its port; else
    they are whole Ethernet frames. 0 slots or bytes are the backend's defaults. A tcp port that
    `speaks_fix` carries FIX messages as they are; else each message follows its length, 2 bytes.

    Raises EngineError with the errno and a sentence that names the missing right or feature.
    """
    is_raw = backend in ("afpacket", "afxdp")
    return Port(
        _core.Port(
            backend=backend,
            netns=netns,
            wait=wait,
            wants_stamps=stamps,
            n_slots=n_slots,
            n_bytes_frame=n_bytes_frame,
            accel=accel,
            local=None if is_raw or local is None else _text(local),
            peer=None if is_raw or peer is None else _text(peer),
            multicast_interface=multicast_interface,
            is_listener=listen,
            interface=interface,
            is_framed=is_raw and framed,
            flow=(
                *(core_flow(mac, peer_mac, local, peer) if is_raw and framed else _NO_FLOW),
                vlan,
                ttl,
                checksum,
            ),
            hears=_hears(mac, local, group, vlan, verifies_checksum),
            queue=queue,
            xdp_mode=xdp_mode,
            impair=None if impair is None else impair.core,
            speaks_fix=speaks_fix,
        )
    )


CoreFlow: TypeAlias = tuple[bytes, bytes, int, int, int, int]
_NO_FLOW: CoreFlow = (bytes(6), bytes(6), 0, 0, 0, 0)


def mac_bytes(text: str) -> bytes:
    """Six bytes of aa:bb:cc:dd:ee:ff; ValueError."""
    parts = text.split(":")
    if len(parts) != 6 or not all(len(part) == 2 for part in parts):
        raise ValueError(f"not a MAC address: {text!r}")
    try:
        return bytes(int(part, 16) for part in parts)
    except ValueError:
        raise ValueError(f"not a MAC address: {text!r}") from None


def core_flow(mac: str, peer_mac: str, local: Address | None, peer: Address | None) -> CoreFlow:
    """From, to: MACs, IPv4 addresses, ports. Unknown ends are zero: such a port only receives."""
    (from_ip, from_port), (to_ip, to_port) = local or ("0.0.0.0", 0), peer or ("0.0.0.0", 0)
    return (
        mac_bytes(mac),
        mac_bytes(peer_mac),
        int(IPv4Address(from_ip)),
        int(IPv4Address(to_ip)),
        from_port,
        to_port,
    )


def _hears(
    mac: str, local: Address | None, group: str | None, vlan: int, verifies_checksum: bool
) -> tuple[bytes, int, int, int, int, bool]:
    """MAC, address, group, port, VLAN; port 0: what answers the flow."""
    if group is None:
        return bytes(6), 0, 0, 0, 0, verifies_checksum
    ip, port = local or ("0.0.0.0", 0)
    return (
        mac_bytes(mac),
        int(IPv4Address(ip)),
        int(IPv4Address(group)),
        port,
        vlan,
        verifies_checksum,
    )


def _text(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Probe(NamedTuple):
    """Whether a port of this kind can be had at all, how, or which right or feature is missing."""

    possible: bool
    mode: str
    why: str


def probe(backend: Backend) -> Probe:
    """Of this process on this host, without an interface. Nothing stays open."""
    return Probe(*_core.backend_probe(backend))
