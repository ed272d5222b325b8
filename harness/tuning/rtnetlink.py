"""Links, addresses and routes of this thread's network namespace, as the kernel lists them.

Sources: linux/rtnetlink.h, linux/if_link.h, linux/nexthop.h, rtnetlink(7).
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.tuning.ethtool_abi import Garbled, text
from harness.tuning.netlink import ATTRIBUTE, aligned, ask, attributes, dump, head, number

RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEXTHOP = 18, 22, 26, 106

IFLA_IFNAME, IFLA_LINK, IFLA_MASTER, IFLA_LINKINFO, IFLA_LINK_NETNSID = 3, 5, 10, 18, 37
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_VXLAN_LINK = 1, 2, 3
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTA_DST, RTA_OIF, RTA_MULTIPATH, RTA_TABLE, RTA_NH_ID = 1, 4, 9, 15, 30
NHA_ID, NHA_GROUP, NHA_OIF = 1, 2, 5

IFF_LOOPBACK = 8
RTN_UNICAST = 1
FAMILIES = {int(socket.AF_INET): "IPv4", int(socket.AF_INET6): "IPv6"}
TABLES = {253: "default", 254: "main", 255: "local"}

LINK = struct.Struct("=BxHiII")
ADDRESS = struct.Struct("=BBBBI")
ROUTE = struct.Struct("=8BI")
HOP = struct.Struct("=HBBi")
NEXTHOP = struct.Struct("=BBBxI")
GROUP_ENTRY = struct.Struct("=I4x")


@dataclass(frozen=True, slots=True)
class Link:
    """An interface: what it is a port of, and what it lies upon.

    `lower` is an index in the namespace `netns_id` when that is not None, else in this one.
    """

    index: int
    name: str
    kind: str = ""
    master: int | None = None
    lower: int | None = None
    netns_id: int | None = None
    flags: int = 0

    @property
    def is_loopback(self) -> bool:
        return bool(self.flags & IFF_LOOPBACK)


@dataclass(frozen=True, slots=True)
class Address:
    """An address of an interface; `peer` is another one where a line has two ends."""

    index: int
    local: str
    peer: str
    prefix_len: int


@dataclass(frozen=True, slots=True)
class Route:
    """A way out: `indexes` has several interfaces when the route has several hops."""

    family: str  # IPv4, IPv6, or a number
    table: str  # main, local, default, or a number
    target: str  # 10.0.0.0/8, default/0
    prefix_len: int
    indexes: tuple[int, ...]
    type: int = RTN_UNICAST
    nexthop: int | None = None  # the object that says where to, when the route itself does not


def links() -> list[Link]:
    """Every interface. OSError with the kernel's reason; EBADMSG when it makes no sense."""
    return dump(RTM_GETLINK, LINK.pack(0, 0, 0, 0, 0), parse_link)


def addresses() -> list[Address]:
    """Of every interface. As links()."""
    return dump(RTM_GETADDR, ADDRESS.pack(0, 0, 0, 0, 0), parse_address)


def routes(longest: int = 128) -> list[Route]:
    """Of every table and family, those with a prefix of at most `longest` bits. As links()."""

    def short(payload: bytes) -> Route | None:
        return parse_route(payload) if payload[1:2] <= bytes([longest]) else None

    found = dump(RTM_GETROUTE, ROUTE.pack(*(0,) * 9), short)
    if any(route.nexthop is not None for route in found):
        hops = nexthops()
        found = [
            replace(route, indexes=hops.get(route.nexthop, ()), nexthop=None)
            if route.nexthop is not None
            else route
            for route in found
        ]
    return found


def nexthops() -> dict[int, tuple[int, ...]]:
    """The interfaces of every nexthop object and group of them, by its number. As links()."""
    raw = dump(RTM_GETNEXTHOP, NEXTHOP.pack(0, 0, 0, 0), parse_nexthop)
    plain = {name: (index,) for name, index, _ in raw if index}
    return plain | {
        name: tuple(index for one in group for index in plain.get(one, ()))
        for name, _, group in raw
        if group
    }


def route_to(address: str) -> Route:
    """The way that a packet to it would take. OSError ENETUNREACH when there is none."""
    packed = ipaddress.ip_address(address).packed
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    order = ROUTE.pack(family, 8 * len(packed), *(0,) * 7)
    order += ATTRIBUTE.pack(ATTRIBUTE.size + len(packed), RTA_DST) + packed
    found = ask(RTM_GETROUTE, 0, order, parse_route)
    if not found:
        raise Garbled("a question for a route had no answer")
    return found[0]


def parse_link(payload: bytes) -> Link:
    _, _, index, flags, _ = head(LINK, payload)
    found = attributes(payload[LINK.size :])
    info = attributes(found.get(IFLA_LINKINFO, b""))
    kind = text(info.get(IFLA_INFO_KIND, b""))
    lower = number(found, IFLA_LINK)
    if not lower and kind == "vxlan":
        lower = number(attributes(info.get(IFLA_INFO_DATA, b"")), IFLA_VXLAN_LINK)
    return Link(
        index=index,
        name=text(found.get(IFLA_IFNAME, b"")),
        kind=kind,
        master=number(found, IFLA_MASTER) or None,
        lower=None if lower == index else lower or None,
        netns_id=number(found, IFLA_LINK_NETNSID),
        flags=flags,
    )


def parse_address(payload: bytes) -> Address:
    family, prefix_len, _, _, index = head(ADDRESS, payload)
    found = attributes(payload[ADDRESS.size :])
    peer = _address(family, found.get(IFA_ADDRESS, b""))
    return Address(index, _address(family, found.get(IFA_LOCAL, b"")) or peer, peer, prefix_len)


def parse_route(payload: bytes) -> Route:
    family, prefix_len, _, _, short_table, _, _, kind, _ = head(ROUTE, payload)
    found = attributes(payload[ROUTE.size :])
    table = number(found, RTA_TABLE) or short_table
    indexes = (number(found, RTA_OIF), *_hops(found.get(RTA_MULTIPATH, b"")))
    ways = tuple(index for index in indexes if index)
    return Route(
        family=FAMILIES.get(family, str(family)),
        table=TABLES.get(table, str(table)),
        target=f"{_address(family, found.get(RTA_DST, b'')) or 'default'}/{prefix_len}",
        prefix_len=prefix_len,
        indexes=ways,
        type=kind,
        nexthop=None if ways else number(found, RTA_NH_ID),
    )


def _hops(data: bytes) -> Iterator[int]:
    at = 0
    while len(data) - at >= HOP.size:
        size, _, _, index = HOP.unpack_from(data, at)
        if not HOP.size <= size <= len(data) - at:
            raise Garbled(f"a hop of {size} bytes where {len(data) - at} are left")
        yield index
        at += aligned(size)


def parse_nexthop(payload: bytes) -> tuple[int, int, tuple[int, ...]]:
    """(number, interface or 0, the numbers in a group)."""
    head(NEXTHOP, payload)
    found = attributes(payload[NEXTHOP.size :])
    raw = found.get(NHA_GROUP, b"")
    whole = raw[: len(raw) // GROUP_ENTRY.size * GROUP_ENTRY.size]
    group = tuple(one for (one,) in GROUP_ENTRY.iter_unpack(whole))
    return number(found, NHA_ID) or 0, number(found, NHA_OIF) or 0, group


def _address(family: int, packed: bytes) -> str:
    """As the kernel writes it; empty without one, in hex when it is of no family we know."""
    if FAMILIES.get(family) and len(packed) in (4, 16):
        return str(ipaddress.ip_address(packed))
    return packed.hex()
