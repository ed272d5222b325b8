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
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import HostError
from harness.tuning import rtnetlink
from harness.tuning.host import Host
from harness.tuning.rtnetlink import IFF_LOOPBACK, RTN_UNICAST, Link, Route
from harness.tuning.tree import Absent, Tree

HALF_OF_ALL = 1  # 0.0.0.0/1 and 128.0.0.0/1 stand in for a default route where a VPN has set them
MAX_ANCESTORS = 64
NET = "sys/class/net"
RTF_REJECT = 0x200  # a route that leads nowhere


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
        # What lies in another namespace has an index there, which means something else here.
        lower = link.lower if link.netns_id is None else None
        for other in (link.master, lower):
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
    """The network of this thread's namespace, and the connections this process hangs on.

    HostError when the kernel does not say: then nobody knows what must not be touched.
    """
    try:
        ways = tuple(_way(client, server) for client, server in ssh_connections())
        routes = tuple(route for route in rtnetlink.routes(HALF_OF_ALL) if _is_way_out(route))
        return Network(tuple(rtnetlink.links()), routes, ways)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise HostError(f"links and routes: {why}: what must not be touched is unknown") from None


def read_protected(host: Host) -> dict[str, str]:
    """Of that host by interface why it must not be touched. HostError as read().

    Of a recorded one: by the main tables in /proc/net, and as far as it was recorded.
    """
    return protected(read() if host.is_this_machine else recorded(host.tree))


def recorded(tree: Tree) -> Network:
    """The network of a recorded machine: /sys/class/net, /proc/net/route and ipv6_route."""
    found = _names(tree, NET)
    names = list(dict.fromkeys(["lo", *(name for name in found if tree.has(f"{NET}/{name}/mtu"))]))
    indexes = {name: i + 1 for i, name in enumerate(names)}
    links = {
        name: Link(i, name, flags=IFF_LOOPBACK if name == "lo" else 0)
        for name, i in indexes.items()
    }
    for name in names:
        for entry in _names(tree, f"{NET}/{name}"):
            kind, _, lower = entry.partition("_")
            if kind != "lower" or lower not in indexes:
                continue
            if links[name].lower is None:
                links[name] = replace(links[name], lower=indexes[lower])
            else:
                links[lower] = replace(links[lower], master=indexes[name])
    routes = tuple(
        Route(family, "main", f"{target if bits else 'default'}/{bits}", bits, (indexes[name],))
        for family, name, target, bits in (*_routes_4(tree), *_routes_6(tree))
        if name in indexes and bits <= HALF_OF_ALL
    )
    return Network(tuple(links.values()), routes)


def _names(tree: Tree, folder: str) -> list[str]:
    with contextlib.suppress(Absent):
        return [name for name in tree.names(folder) if name.isprintable()]
    return []


def _rows(tree: Tree, name: str) -> Iterator[list[str]]:
    with contextlib.suppress(Absent):
        yield from (line.split() for line in tree.text(name).splitlines())


def _routes_4(tree: Tree) -> Iterator[tuple[str, str, str, int]]:
    """(family, interface, target, bits); numbers lie in memory as on the wire."""
    for words in _rows(tree, "proc/net/route"):
        with contextlib.suppress(ValueError, IndexError):  # the headline, and garbled lines
            if not int(words[3], 16) & RTF_REJECT:
                target = ipaddress.ip_address(bytes.fromhex(words[1])[::-1])
                yield "IPv4", words[0], str(target), int(words[7], 16).bit_count()


def _routes_6(tree: Tree) -> Iterator[tuple[str, str, str, int]]:
    for words in _rows(tree, "proc/net/ipv6_route"):
        with contextlib.suppress(ValueError, IndexError):
            if not int(words[8], 16) & RTF_REJECT:
                target = ipaddress.ip_address(bytes.fromhex(words[0]))
                yield "IPv6", words[9], str(target), int(words[1], 16)


def _is_way_out(route: Route) -> bool:
    return route.type == RTN_UNICAST and route.prefix_len <= HALF_OF_ALL


def _way(client: str, server: str) -> Way:
    """Both where the client's packets come in and where ours go out: they may differ."""
    indexes = [one.index for one in rtnetlink.addresses() if server in (one.local, one.peer)]
    with contextlib.suppress(OSError):  # no way there: the connection is of another namespace
        indexes += rtnetlink.route_to(client).indexes
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
