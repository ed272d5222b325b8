"""An interface of this machine that a bench borrows: what it was, sent away, and back as it was.

The kernel takes addresses and routes off an interface that changes its namespace, and shuts it. A
mark in its alias stays on it wherever it is, so that whoever cleans up later knows it from one that
was never touched.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.bench import namespaces
from harness.bench.links import netlink
from harness.errors import HostError

IFF_UP = 1
RTPROT_KERNEL, RTPROT_RA = 2, 9
RT_TABLE_LOCAL = 255
IFA_F_PERMANENT = 0x80
AF_INET, AF_INET6 = 2, 10
ROUTE_FIELDS = ("family", "proto", "scope", "type", "tos")
ROUTE_ATTRIBUTES = ("gateway", "prefsrc", "priority", "table")
MORE_THAN_WE_PUT_BACK = ("multipath", "via", "encap", "nh_id")


@dataclass(frozen=True, slots=True)
class Moved:
    """Where an interface came from and how it was there; `namespace` is where it is borrowed to."""

    namespace: str
    interface: str
    mac: str
    mtu: int
    is_up: bool
    alias: str
    origin: tuple[int, int]
    addresses: tuple[Mapping[str, Any], ...]
    routes: tuple[Mapping[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(raw: Mapping[str, Any]) -> Moved:
    """What as_json wrote. TypeError, KeyError or ValueError on anything else."""
    values = dict(raw)
    device, inode = map(int, values.pop("origin"))
    values |= {name: tuple(values[name]) for name in ("addresses", "routes")}
    return Moved(**values, origin=(device, inode))


def mark(bench_id: str) -> str:
    return f"redline {bench_id}"


def look(interface: str, namespace: str) -> Moved:
    """The interface as it is in this thread's namespace. HostError when it cannot be borrowed."""
    with netlink(interface) as ip:
        found = ip.link_lookup(ifname=interface)
        if not found:
            raise HostError(f"{interface}: no such interface")
        (link,) = ip.get_links(found[0])
        return Moved(
            namespace=namespace,
            interface=interface,
            mac=link.get("address") or "",
            mtu=link.get("mtu"),
            is_up=bool(link["flags"] & IFF_UP),
            alias=link.get("ifalias") or "",
            origin=namespaces.identity(),
            addresses=tuple(_addresses(ip, found[0])),
            routes=tuple(_routes(ip, found[0], interface)),
        )


def _addresses(ip: Any, index: int) -> Iterator[dict[str, Any]]:
    for one in ip.get_addr(index=index):
        flags = one.get("flags") or one["flags"]
        is_made_by_kernel = one["family"] == AF_INET6 and (
            one["scope"] != 0 or not flags & IFA_F_PERMANENT
        )
        if is_made_by_kernel:
            continue
        known = {
            "family": one["family"],
            "address": one.get("local") or one.get("address"),
            "prefixlen": one["prefixlen"],
            "scope": one["scope"],
            "broadcast": one.get("broadcast"),
            "label": one.get("label"),
        }
        if not flags & IFA_F_PERMANENT:  # a lease: whoever renews it goes on from here
            lasts = one.get("cacheinfo")
            known["valid_lft"] = lasts["ifa_valid"]
            known["preferred_lft"] = lasts["ifa_preferred"]
        yield {key: value for key, value in known.items() if value is not None}


def _routes(ip: Any, index: int, interface: str) -> Iterator[dict[str, Any]]:
    for route in ip.get_routes():
        hops = [hop["oif"] for hop in route.get("multipath") or ()]
        if route.get("oif") != index and index not in hops:
            continue
        if route["proto"] in (RTPROT_KERNEL, RTPROT_RA) or route.get("table") == RT_TABLE_LOCAL:
            continue
        target = f"{route.get('dst') or 'default'}/{route['dst_len']}"
        if any(route.get(name) is not None for name in MORE_THAN_WE_PUT_BACK):
            raise HostError(
                f"{interface}: the route to {target} could not be put back as it is: take it off "
                f"first"
            )
        known = {name: route[name] for name in ROUTE_FIELDS}
        known |= {name: route.get(name) for name in ROUTE_ATTRIBUTES}
        known["dst"] = target
        yield {key: value for key, value in known.items() if value is not None}


def send_away(moved: Moved, bench_id: str) -> None:
    """From this thread's namespace into the bench's."""
    with (
        namespaces.opened(namespaces.RUN_DIR / moved.namespace) as fd,
        netlink(moved.interface) as ip,
    ):
        (index,) = ip.link_lookup(ifname=moved.interface)
        ip.link("set", index=index, ifalias=mark(bench_id))
        ip.link("set", index=index, net_ns_fd=fd)


def bring_back(moved: Moved, bench_id: str) -> None:
    """To where it came from, as it was; does nothing to one that is back or was never touched."""
    home = _path_of(moved.origin)
    borrowed_to = namespaces.RUN_DIR / moved.namespace
    if home is None:
        raise HostError(
            f"{moved.interface}: the namespace it came from is not to be found; it stays in "
            f"{moved.namespace}"
        )
    if namespaces.is_namespace(borrowed_to):
        with namespaces.opened(home) as fd:  # here: the path may mean another one in there
            namespaces.inside(borrowed_to, lambda: _send_home(bench_id, moved, fd))
    namespaces.inside(home, lambda: _restore(bench_id, moved))


def _send_home(bench_id: str, moved: Moved, home_fd: int) -> None:
    with netlink(moved.interface) as ip:
        index = _marked(ip, bench_id, moved)
        if index is not None:
            ip.link("set", index=index, net_ns_fd=home_fd)


def _restore(bench_id: str, moved: Moved) -> None:
    with netlink(moved.interface) as ip:
        index = _marked(ip, bench_id, moved)
        if index is None:
            return
        ip.link("set", index=index, ifname=moved.interface, mtu=moved.mtu)
        ip.link("set", index=index, state="up" if moved.is_up else "down")
        for address in moved.addresses:
            with _if_not_there():
                ip.addr("add", index=index, **address)
        for route in moved.routes:
            with _if_not_there():
                ip.route("add", oif=index, **route)
        ip.link("set", index=index, ifalias=moved.alias)  # last: it says that more is to be done


def _marked(ip: Any, bench_id: str, moved: Moved) -> int | None:
    """By the mark, not the name: the kernel renames what it has to bring home by itself."""
    for link in ip.get_links():
        if link.get("ifalias") == mark(bench_id) and link.get("address") == moved.mac:
            return int(link["index"])
    return None


@contextlib.contextmanager
def _if_not_there() -> Iterator[None]:
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        yield
    except NetlinkError as error:
        if error.code != errno.EEXIST:
            raise


def _path_of(origin: tuple[int, int]) -> Path | None:
    """A path by which the namespace can be entered: this process's, a named one, a process's."""
    places = [namespaces.HERE, Path("/proc/1/ns/net")]
    with contextlib.suppress(OSError):
        places += sorted(namespaces.RUN_DIR.iterdir())
    places += [one / "ns/net" for one in Path("/proc").iterdir() if one.name.isdigit()]
    for path in places:
        with contextlib.suppress(OSError):
            if namespaces.identity(path) == origin:
                return path
    return None
