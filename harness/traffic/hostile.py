"""Hostile frames: malformed, foreign and cut off, each with the reason that refuses it.

Built by scapy (harness.traffic.frames) once, before anything is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any

from harness.traffic.frames import BROADCAST, IP_IGMP, Builder, Flow, group_mac, namesake

PAYLOAD = b"a stranger's datagram"
OTHER_MAC = "02:00:00:00:fe:fe"
OTHER_GROUPS = ("239.255.7.7", "239.255.7.8")
JUMBO = 8000  # bytes of payload: longer than any frame of 1500, shorter than 9000


@dataclass(frozen=True, slots=True)
class Hostile:
    """A frame that a receiver must refuse, and the reason it gives: a key of
    `engine.net.FRAME_REASONS`."""

    name: str
    frame: bytes
    reason: str


def hostile(flow: Flow) -> list[Hostile]:
    """What a receiver of `flow` that verifies checksums must refuse, with the reason of each."""
    summed = replace(flow, has_checksum=True)
    return [
        Hostile(name, frame, reason)
        for part in (_truncated, _foreign, _other_protocols, _bad_ip, _bad_udp)
        for name, frame, reason in part(Builder(summed))
    ]


def _truncated(b: Builder) -> Iterator[tuple[str, bytes, str]]:
    """Runts: an end inside every header."""
    good = b.frame(PAYLOAD)
    ip_at = 18 if b.flow.vlan else 14
    optional = b.frame(PAYLOAD, ip=b.ip(options=[b.scapy.NOP()] * 8))
    yield "one byte", good[:1], "too_short"
    yield "ends in the MACs", good[:11], "too_short"
    if b.flow.vlan:
        yield "ends in the tag", good[:16], "too_short"
    yield "ends behind Ethernet", good[:ip_at], "too_short"
    yield "ends in the IP header", good[: ip_at + 19], "too_short"
    yield "ends in the IP options", optional[: ip_at + 24], "too_short"
    yield "ends behind the IP header", good[: ip_at + 20], "bad_length"
    yield "ends in the UDP header", good[: ip_at + 27], "bad_length"
    yield "ends in the payload", good[:-1], "bad_length"


def _foreign(b: Builder) -> Iterator[tuple[str, bytes, str]]:
    """Right frames for somebody else."""
    s, flow = b.scapy, b.flow
    other_ip = str(IPv4Address(flow.to_ip) + 1)
    inside = b.ip() / b.udp() / s.Raw(PAYLOAD)
    yield "to another host", bytes(b.link(OTHER_MAC) / inside), "wrong_mac"
    yield "broadcast", bytes(b.link(BROADCAST) / inside), "wrong_mac"
    ours = group_mac(flow.to_ip)
    strangers = next(group for group in OTHER_GROUPS if group_mac(group) != ours)
    foreign = Builder(replace(flow, to_ip=strangers))
    yield "foreign multicast", foreign.frame(PAYLOAD), "wrong_mac"
    if flow.is_multicast:
        same_mac = Builder(replace(flow, to_ip=namesake(flow.to_ip)))
        yield "foreign multicast with our MAC", same_mac.frame(PAYLOAD), "wrong_address"
    yield "to another address", b.frame(PAYLOAD, ip=b.ip(dst=other_ip)), "wrong_address"
    yield "to another port", b.frame(PAYLOAD, udp=b.udp(dport=flow.to_port ^ 1)), "wrong_port"
    yield (
        "jumbo to another port",
        b.frame(bytes(JUMBO), udp=b.udp(dport=flow.to_port ^ 1)),
        ("wrong_port"),
    )
    other_vlan = flow.vlan % 4094 + 1
    yield "on another VLAN", bytes(b.ether() / s.Dot1Q(vlan=other_vlan) / inside), "wrong_vlan"
    if flow.vlan:
        yield "untagged", bytes(b.ether() / inside), "wrong_vlan"
        yield "priority tag", bytes(b.ether() / s.Dot1Q(vlan=0, prio=7) / inside), "wrong_vlan"
    yield "service tag", bytes(b.ether() / s.Dot1AD(vlan=7) / inside), "qinq"
    yield "QinQ", bytes(b.ether() / s.Dot1AD(vlan=7) / s.Dot1Q(vlan=flow.vlan) / inside), "qinq"
    # Not two of VLAN 0: Linux takes them off a frame for a packet socket, and they name no VLAN.
    vlan = flow.vlan or 7
    twice = b.ether() / s.Dot1Q(vlan=vlan) / s.Dot1Q(vlan=vlan) / inside
    yield "two tags", bytes(twice), "qinq"


def _other_protocols(b: Builder) -> Iterator[tuple[str, bytes, str]]:
    s, flow = b.scapy, b.flow
    ask = s.ARP(op="who-has", hwsrc=flow.from_mac, psrc=flow.from_ip, pdst=flow.to_ip)
    yield "ARP", bytes(b.link() / ask), "not_ipv4"
    six = s.IPv6(src="fe80::1", dst="fe80::2") / b.udp() / s.Raw(PAYLOAD)
    yield "IPv6", bytes(b.link() / six), "not_ipv4"
    if not flow.vlan:
        old = s.Dot3(src=flow.from_mac, dst=b.ether().dst) / s.LLC() / s.Raw(PAYLOAD)
        yield "802.3 with LLC", bytes(old), "not_ipv4"
    tcp = s.TCP(sport=flow.from_port, dport=flow.to_port)
    yield "TCP", bytes(b.link() / b.ip() / tcp), "not_udp"
    yield "ICMP", bytes(b.link() / b.ip() / s.ICMP()), "not_udp"
    igmp = b.ip(proto=IP_IGMP) / s.Raw(bytes.fromhex("1600e9ff00000000"))
    yield "IGMP", bytes(b.link() / igmp), "not_udp"


def _bad_ip(b: Builder) -> Iterator[tuple[str, bytes, str]]:
    n = 20 + 8 + len(PAYLOAD)

    def ip(name: str, reason: str, **fields: Any) -> tuple[str, bytes, str]:
        return name, b.frame(PAYLOAD, ip=b.ip(**fields)), reason

    yield ip("IP version 6 in IPv4", "bad_version", version=6)
    yield ip("IP version 0", "bad_version", version=0)
    yield ip("IP header of 16 bytes", "bad_version", ihl=4)
    yield ip("IP header over the end", "too_short", ihl=15)
    yield ip("IP length of 0", "bad_length", len=0)
    yield ip("IP length inside its header", "bad_length", len=19)
    yield ip("IP length over the end", "bad_length", len=n + 1)
    yield ip("IP length of 65535", "bad_length", len=65535)
    yield ip("wrong IP checksum", "bad_ip_checksum", chksum=0xBAD1)
    yield ip("no IP checksum", "bad_ip_checksum", chksum=0)
    yield ip("first fragment", "fragment", flags="MF")
    yield ip("middle fragment", "fragment", flags="MF", frag=185)
    yield ip("last fragment", "fragment", flags=0, frag=185)
    yield ip("no room for UDP", "bad_udp_length", len=27)


def _bad_udp(b: Builder) -> Iterator[tuple[str, bytes, str]]:
    n = 8 + len(PAYLOAD)

    def udp(name: str, reason: str, **fields: Any) -> tuple[str, bytes, str]:
        return name, b.frame(PAYLOAD, udp=b.udp(**fields)), reason

    yield udp("UDP length of 0", "bad_udp_length", len=0)
    yield udp("UDP length of 7", "bad_udp_length", len=7)
    yield udp("UDP length over the end", "bad_udp_length", len=n + 1)
    yield udp("UDP length of 65535", "bad_udp_length", len=65535)
    good = bytearray(b.frame(PAYLOAD))
    good[-1] ^= 1
    yield "a flipped bit of the payload", bytes(good), "bad_udp_checksum"
    good = bytearray(b.frame(PAYLOAD))
    good[-n + 6] ^= 1
    yield "wrong UDP checksum", bytes(good), "bad_udp_checksum"
