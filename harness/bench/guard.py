"""Which interfaces of this machine must never be touched, and why.

Whoever works on a machine far away loses it with its way in: the interfaces of default routes, the
one that carries the SSH connection, and whatever these are made of or carry (bonds, bridges, VLANs,
tunnels; a whole family counts as one).
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HostError

IFF_LOOPBACK = 8
RTN_UNICAST = 1
HALF_OF_ALL = 1  # 0.0.0.0/1 and 128.0.0.0/1 stand in for a default route where a VPN has set them
MAX_ANCESTORS = 64
FAMILIES = {2: "IPv4", 10: "IPv6"}
TABLES = {253: "default", 254: "main", 255: "local"}


@dataclass(frozen=True, slots=True)
class Link:
    """An interface: what it is a port of, and what it lies upon, both in this namespace."""

    index: int
    name: str
    kind: str = ""
    master: int | None = None
    lower: int | None = None
    is_loopback: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A way out: `indexes` has several interfaces when the route has several hops."""

    family: str
    table: str
    target: str
    prefix_len: int
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """A connection somebody works through, and the interfaces its packets take here."""

    client: str
    server: str
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """What a decision needs to know of a network namespace."""

    links: tuple[Link, ...]
    routes: tuple[Route, ...] = ()
    ways: tuple[Way, ...] = ()


def protected(network: Network) -> dict[str, str]:
    """By interface the sentence that says why it must not be touched."""
    by_index = {link.index: link for link in network.links}
    why = {link.index: "is the loopback" for link in network.links if link.is_loopback}
    heads: dict[int, str] = {}
    for index, reason in _seeds(network):
        if index in by_index:
            heads.setdefault(index, reason)
    kin = _kin(network.links)
    for head, reason in heads.items():
        why.setdefault(head, reason)
    for head, reason in heads.items():
        for relative in _family(head, kin) - why.keys():
            why[relative] = f"is tied to {by_index[head].name}, which {reason}"
    return {by_index[index].name: why[index] for index in sorted(why)}


def _seeds(network: Network) -> Iterator[tuple[int, str]]:
    for way in network.ways:
        for index in way.indexes:
            yield index, f"carries the SSH connection from {way.client}"
    for route in network.routes:
        if route.prefix_len <= HALF_OF_ALL:
            for index in route.indexes:
                shown = "default route" if route.prefix_len == 0 else f"route {route.target}"
                yield index, f"has the {route.family} {shown} of table {route.table}"


def _kin(links: Sequence[Link]) -> Mapping[int, set[int]]:
    there = {link.index for link in links if not link.is_loopback}
    kin: dict[int, set[int]] = {}
    for link in links:
        for other in (link.master, link.lower):
            if other in there and link.index in there:
                kin.setdefault(link.index, set()).add(other)
                kin.setdefault(other, set()).add(link.index)
    return kin


def _family(head: int, kin: Mapping[int, set[int]]) -> set[int]:
    """All that can be reached from it, whichever of two lies upon the other."""
    family, waiting = {head}, [head]
    while waiting:
        fresh = kin.get(waiting.pop(), set()) - family
        family |= fresh
        waiting += fresh
    return family


def check(interfaces: Iterable[str], network: Network | None = None) -> None:
    """HostError when one of them must not be touched, or is not there; a line each."""
    seen = network or read()
    names = {link.name for link in seen.links}
    forbidden = protected(seen)
    faults = [
        f"{name}: {forbidden[name]}: it is never touched"
        if name in forbidden
        else f"{name}: no such interface (there are: {', '.join(sorted(names - set(forbidden)))})"
        for name in interfaces
        if name in forbidden or name not in names
    ]
    if faults:
        raise HostError("\n".join(faults))


def read() -> Network:
    """The network of this thread's namespace, and the connections this process hangs on."""
    from harness.bench.links import netlink

    with netlink("links and routes") as ip:
        links = tuple(_link(raw) for raw in ip.get_links())
        routes = tuple(_route(raw) for raw in ip.get_routes() if _is_way_out(raw))
        ways = tuple(_way(ip, client, server) for client, server in ssh_connections())
    return Network(links, routes, ways)


def _link(raw: Any) -> Link:
    # What lies in another namespace has an index there, which means something else here.
    is_elsewhere = raw.get("link_netnsid") is not None
    lower = raw.get("link") or raw.get(("linkinfo", "data", "vxlan_link"))
    return Link(
        index=raw["index"],
        name=raw.get("ifname"),
        kind=raw.get(("linkinfo", "kind")) or "",
        master=raw.get("master") or None,
        lower=None if is_elsewhere or lower == raw["index"] else lower or None,
        is_loopback=bool(raw["flags"] & IFF_LOOPBACK),
    )


def _is_way_out(raw: Any) -> bool:
    return bool(raw["type"] == RTN_UNICAST and raw["dst_len"] <= HALF_OF_ALL)


def _route(raw: Any) -> Route:
    hops = [hop["oif"] for hop in raw.get("multipath") or ()]
    table = raw.get("table") or raw["table"]
    return Route(
        family=FAMILIES.get(raw["family"], str(raw["family"])),
        table=TABLES.get(table, str(table)),
        target=f"{raw.get('dst') or 'default'}/{raw['dst_len']}",
        prefix_len=raw["dst_len"],
        indexes=tuple(index for index in (raw.get("oif"), *hops) if index),
    )


def _way(ip: Any, client: str, server: str) -> Way:
    """Both where the client's packets come in and where ours go out: they may differ."""
    indexes = [
        one["index"] for one in ip.get_addr() if server in (one.get("local"), one.get("address"))
    ]
    from pyroute2.netlink.exceptions import NetlinkError

    with contextlib.suppress(NetlinkError):  # no way there: the connection is of another namespace
        indexes += [route.get("oif") for route in ip.route("get", dst=client)]
    return Way(client, server, tuple(dict.fromkeys(indexes)))


def ssh_connections() -> list[tuple[str, str]]:
    """(client, server) of the SSH connections that this process or an ancestor came by.

    sudo takes $SSH_CONNECTION away; the shell above it still has it.
    """
    found: dict[tuple[str, str], None] = {}
    environments = [os.environ, *map(_environment, _ancestors(os.getpid()))]
    for text in (one.get("SSH_CONNECTION", "") for one in environments):
        words = text.split()
        if len(words) == 4 and (ends := (_address(words[0]), _address(words[2]))) != ("", ""):
            found[ends] = None
    return list(found)


def _address(text: str) -> str:
    """As the kernel writes it, without a scope or an IPv6 wrapping; empty when it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _ancestors(pid: int) -> Iterator[int]:
    for _ in range(MAX_ANCESTORS):
        if pid <= 0:
            return
        yield pid
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return
        pid = int(stat.rpartition(")")[2].split()[1])


def _environment(pid: int) -> dict[str, str]:
    try:
        return environment(Path(f"/proc/{pid}/environ").read_bytes())
    except OSError:
        return {}


def environment(raw: bytes) -> dict[str, str]:
    """The variables in a /proc/PID/environ."""
    pairs = (item.partition(b"=") for item in raw.split(b"\0"))
    return {os.fsdecode(key): os.fsdecode(value) for key, _, value in pairs}
