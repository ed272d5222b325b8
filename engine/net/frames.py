"""Frames as bytes: Ethernet, VLAN, IPv4 and UDP, written and read by the code that ports use.

For tests that hold it against another implementation, and for tools; copies.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import NamedTuple

from engine import _core
from engine.market.fix import Buffer

__all__ = ["FRAME_REASONS", "Datagram", "build_frame", "read_frame"]

# Why a receiver refuses a frame: name -> text.
FRAME_REASONS: dict[str, str] = _core.frame_reasons()


class Datagram(NamedTuple):
    payload: bytes
    from_ip: str
    to_ip: str
    from_port: int
    to_port: int
    vlan: int  # 0: none


def build_frame(
    payload: Buffer,
    *,
    from_mac: bytes,
    to_mac: bytes,
    from_ip: str,
    to_ip: str,
    from_port: int,
    to_port: int,
    vlan: int = 0,
    ttl: int = 0,
    has_checksum: bool = False,
    ip_id: int = 0,
) -> bytes:
    """A whole frame around a datagram; to a multicast group its own MAC is used. ValueError."""
    return _core.frame_build(
        payload,
        from_mac=from_mac,
        to_mac=to_mac,
        from_ip=int(IPv4Address(from_ip)),
        to_ip=int(IPv4Address(to_ip)),
        from_port=from_port,
        to_port=to_port,
        vlan=vlan,
        ttl=ttl,
        has_checksum=has_checksum,
        ip_id=ip_id,
    )


def read_frame(
    frame: Buffer,
    *,
    mac: bytes | None = None,
    ip: str = "0.0.0.0",
    group: str = "0.0.0.0",
    port: int = 0,
    vlan: int = 0,
    verifies_checksum: bool = False,
) -> tuple[str, Datagram | None]:
    """("ok", the datagram), or (a key of FRAME_REASONS, None), as who hears `mac`, `ip` or `group`,
    `port` and `vlan` sees it. Without a `mac`: as who hears anybody."""
    reason, d = _core.frame_read(
        frame,
        mac=mac,
        ip=int(IPv4Address(ip)),
        group=int(IPv4Address(group)),
        port=port,
        vlan=vlan,
        verifies_checksum=verifies_checksum,
    )
    if d is None:
        return reason, None
    return reason, Datagram(d[0], str(IPv4Address(d[1])), str(IPv4Address(d[2])), *d[3:])
