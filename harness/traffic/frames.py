"""Whole Ethernet frames as bytes, built once by scapy before anything is measured: datagrams,
multicast membership and ARP.

An implementation other than ours writes them, so that ours is not tested with its own mistakes.
scapy (GPL-2.0) is optional, and imported by the functions that build.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any

from harness.errors import HostError

IGMP_ROUTERS_V2 = "224.0.0.2"  # RFC 2236, 9: leaving is told to all routers
IGMP_ROUTERS_V3 = "224.0.0.22"  # RFC 3376, 4.2.14
IP_IGMP = 2
BROADCAST = "ff:ff:ff:ff:ff:ff"
TTL_UNICAST, TTL_GROUP = 64, 1


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of datagrams; to a multicast group the MAC of the group is used."""

    from_mac: str
    to_mac: str
    from_ip: str
    to_ip: str
    from_port: int
    to_port: int
    vlan: int = 0  # 0: untagged
    ttl: int = 0  # 0: 64, or 1 to a group
    has_checksum: bool = True

    @property
    def is_multicast(self) -> bool:
        return IPv4Address(self.to_ip).is_multicast


def _layers() -> SimpleNamespace:
    """What is used of scapy. HostError when it is not there."""
    try:
        from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_Router_Alert
        from scapy.layers.inet6 import IPv6
        from scapy.layers.l2 import ARP, LLC, Dot1AD, Dot1Q, Dot3, Ether
        from scapy.packet import Raw
        from scapy.utils import checksum
    except ImportError:
        raise HostError(
            "building frames needs scapy, which is not installed: pip install 'redline[traffic]'"
        ) from None
    return SimpleNamespace(
        ARP=ARP,
        Dot1AD=Dot1AD,
        Dot1Q=Dot1Q,
        Dot3=Dot3,
        Ether=Ether,
        ICMP=ICMP,
        IP=IP,
        IPv6=IPv6,
        LLC=LLC,
        NOP=IPOption_NOP,
        Raw=Raw,
        RouterAlert=IPOption_Router_Alert,
        TCP=TCP,
        UDP=UDP,
        checksum=checksum,
    )


def group_mac(group: str) -> str:
    """RFC 1112, 6.4: 32 groups share a MAC."""
    low = int(IPv4Address(group)) & 0x7FFFFF
    return "01:00:5e:" + low.to_bytes(3).hex(":")


def namesake(group: str) -> str:
    """Another group with the same MAC."""
    return str(IPv4Address(int(IPv4Address(group)) ^ 0x00800000))


class Builder:
    """Packets of a flow, layer by layer, for `udp` and harness.traffic.hostile.

    Every MAC is given, so that scapy never asks the network.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.scapy = _layers()

    def ether(self, dst: str | None = None) -> Any:
        to_mac = group_mac(self.flow.to_ip) if self.flow.is_multicast else self.flow.to_mac
        return self.scapy.Ether(src=self.flow.from_mac, dst=dst or to_mac)

    def link(self, dst: str | None = None) -> Any:
        """Ethernet and the tag of the flow."""
        if self.flow.vlan:
            return self.ether(dst) / self.scapy.Dot1Q(vlan=self.flow.vlan)
        return self.ether(dst)

    def ip(self, **fields: Any) -> Any:
        ttl = self.flow.ttl or (TTL_GROUP if self.flow.is_multicast else TTL_UNICAST)
        ours = {"src": self.flow.from_ip, "dst": self.flow.to_ip, "ttl": ttl, "id": 0}
        return self.scapy.IP(**{**ours, "flags": "DF", **fields})

    def udp(self, **fields: Any) -> Any:
        ours = {"sport": self.flow.from_port, "dport": self.flow.to_port}
        unsummed = {} if self.flow.has_checksum else {"chksum": 0}
        return self.scapy.UDP(**{**ours, **unsummed, **fields})

    def frame(self, payload: bytes, *, ip: Any = None, udp: Any = None) -> bytes:
        ip = self.ip() if ip is None else ip
        return bytes(
            self.link() / ip / (self.udp() if udp is None else udp) / self.scapy.Raw(payload)
        )


def udp(
    flow: Flow, payload: bytes, *, ip_id: int = 0, n_options: int = 0, padding: bytes = b""
) -> bytes:
    """A datagram in its frame. `n_options`: 4-byte words of IP options that say nothing; `padding`
    stands behind the packet, where short frames have it."""
    b = Builder(flow)
    ip = b.ip(id=ip_id, options=[b.scapy.NOP() for _ in range(4 * n_options)])
    return b.frame(payload, ip=ip) + padding


def _igmp(mac: str, ip: str, to: str, message: bytes) -> bytes:
    """RFC 2236 and 3376: never leaves the link (TTL 1), and routers look at it (router alert)."""
    s = _layers()
    summed = message[:2] + struct.pack("!H", s.checksum(message)) + message[4:]
    header = s.IP(src=ip, dst=to, ttl=1, id=0, tos=0xC0, proto=IP_IGMP, options=[s.RouterAlert()])
    return bytes(s.Ether(src=mac, dst=group_mac(to)) / header / s.Raw(summed))


def _igmp_v3(mac: str, ip: str, group: str, kind: int, sources: Sequence[str]) -> bytes:
    packed = b"".join(IPv4Address(source).packed for source in sources)
    record = struct.pack("!BBH4s", kind, 0, len(sources), IPv4Address(group).packed) + packed
    return _igmp(mac, ip, IGMP_ROUTERS_V3, struct.pack("!BBHHH", 0x22, 0, 0, 0, 1) + record)


def igmp_join(
    mac: str, ip: str, group: str, *, version: int = 3, sources: Sequence[str] = ()
) -> bytes:
    """The report of a host that begins to listen; with `sources` (version 3) only to these."""
    if version == 2:
        _only_v3(sources)
        return _igmp(mac, ip, group, struct.pack("!BBH4s", 0x16, 0, 0, IPv4Address(group).packed))
    allow_new, to_exclude = 5, 4  # RFC 3376, 4.2.12
    return _igmp_v3(mac, ip, group, allow_new if sources else to_exclude, sources)


def igmp_leave(
    mac: str, ip: str, group: str, *, version: int = 3, sources: Sequence[str] = ()
) -> bytes:
    """The report of a host that stops listening; with `sources` (version 3) only to these."""
    if version == 2:
        _only_v3(sources)
        message = struct.pack("!BBH4s", 0x17, 0, 0, IPv4Address(group).packed)
        return _igmp(mac, ip, IGMP_ROUTERS_V2, message)
    block_old, to_include = 6, 3
    return _igmp_v3(mac, ip, group, block_old if sources else to_include, sources)


def _only_v3(sources: Sequence[str]) -> None:
    if sources:
        raise ValueError("sources need IGMP version 3")


def arp_request(mac: str, ip: str, wanted_ip: str) -> bytes:
    """Who has `wanted_ip`?"""
    s = _layers()
    ask = s.ARP(op="who-has", hwsrc=mac, psrc=ip, hwdst="00:00:00:00:00:00", pdst=wanted_ip)
    return bytes(s.Ether(src=mac, dst=BROADCAST) / ask)


def arp_reply(mac: str, ip: str, to_mac: str, to_ip: str) -> bytes:
    s = _layers()
    answer = s.ARP(op="is-at", hwsrc=mac, psrc=ip, hwdst=to_mac, pdst=to_ip)
    return bytes(s.Ether(src=mac, dst=to_mac) / answer)
