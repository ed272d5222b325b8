"""What lies in the namespaces of a bench: veth pairs, addresses, neighbours, offloads."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.bench.namespaces import inside, opened
from harness.errors import HostError

Thing = TypeVar("Thing")

TX_QUEUE_LEN = 1000
PREFIX_LEN = 24
SYSCTL = Path("/proc/sys/net")
UP_POLL_S = 0.001

SIOCETHTOOL = 0x8946
# Legacy commands of ethtool(8): (set, get). What a sender leaves to a card is in nobody's hands on
# a virtual cable: frames would carry half a checksum or be larger than the cable.
OFFLOADS = {
    "tx-checksum": (0x17, 0x16),
    "scatter-gather": (0x19, 0x18),
    "tso": (0x1F, 0x1E),
    "gso": (0x24, 0x23),
    "gro": (0x2C, 0x2B),
}
GET_FLAGS, SET_FLAGS = 0x25, 0x26
VLAN_FLAGS = 1 << 7 | 1 << 8  # a tag beside the frame is lost on the way to AF_XDP
NUD_PERMANENT = 0x80


class LinkError(OSError):
    """What netlink refused, with its errno."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug:
    """An interface as it shall be: its address, and who is at the other end of the line.

    With a `vlan` both lie on a tagged interface upon it. Without an address it only passes frames.
    """

    netns: Path
    interface: str
    mac: str
    ip: str = ""
    peer_ip: str = ""
    peer_mac: str = ""
    vlan: int | None = None


@contextmanager
def netlink(about: str) -> Iterator[Any]:
    """A netlink socket of this thread's namespace; what it refuses is a LinkError about that."""
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        with IPRoute() as ip:
            yield ip
    except NetlinkError as error:
        raise LinkError(error.code, os.strerror(error.code).lower(), about) from None


def prepare_namespace(path: Path) -> None:
    """Quiet and the same on every host: no IPv6, no source check, the loopback up."""

    def prepare() -> None:
        for group in ("all", "default"):
            _sysctl(f"ipv6/conf/{group}/disable_ipv6", "1")
            _sysctl(f"ipv4/conf/{group}/rp_filter", "0")
        with netlink("lo") as ip:
            ip.link("set", index=1, state="up")

    inside(path, prepare)


def _sysctl(name: str, value: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
        (SYSCTL / name).write_text(value)


def make_pairs(cables: Sequence[tuple[Plug, Plug]], queues: int) -> None:
    """Veth pairs, each end made in its namespace: it is never anywhere else."""
    for path, here in _by_netns(cables, lambda cable: cable[0].netns).items():
        inside(path, partial(_make_pairs, here, queues))


def _make_pairs(cables: Sequence[tuple[Plug, Plug]], queues: int) -> None:
    common = {"num_tx_queues": queues, "num_rx_queues": queues, "txqlen": TX_QUEUE_LEN}
    for one, other in cables:
        with netlink(f"veth pair {one.interface}") as ip, opened(other.netns) as fd:
            peer = {"ifname": other.interface, "address": other.mac, "net_ns_fd": fd, **common}
            ip.link(
                "add",
                kind="veth",
                ifname=one.interface,
                address=one.mac,
                **common,
                peer=peer,
            )


def set_up(
    plugs: Sequence[Plug], seconds: float, *, keep_offloads: bool = False
) -> dict[Plug, int]:
    """Give interfaces that are there their addresses and neighbours; their indexes.

    HostError when one does not carry frames within `seconds`.
    """
    by_netns = _by_netns(plugs, lambda plug: plug.netns)
    indexes: dict[Plug, int] = {}
    for path, here in by_netns.items():
        indexes |= inside(path, partial(_set_up, here, keep_offloads))
    for path, here in by_netns.items():  # only now: a cable needs both its ends
        down = inside(path, partial(_down_after, here, seconds))
        if down:
            raise HostError(f"{', '.join(down)}: no carrier after {seconds:g} s")
    return indexes


def _set_up(plugs: Sequence[Plug], keep_offloads: bool) -> dict[Plug, int]:
    indexes = {plug: socket.if_nametoindex(plug.interface) for plug in plugs}
    for plug, index in indexes.items():
        with netlink(plug.interface) as ip:
            if not keep_offloads:
                switch_off_offloads(plug.interface)
            ip.link("set", index=index, state="up")
            if plug.ip:
                _address(ip, index, plug)
    return indexes


def _address(ip: Any, index: int, plug: Plug) -> None:
    if plug.vlan is not None:
        index = _tagged(plug, index)
    ip.addr("add", index=index, address=plug.ip, prefixlen=PREFIX_LEN)
    ip.neigh(
        "add", ifindex=index, dst=plug.peer_ip, lladdr=plug.peer_mac, state=NUD_PERMANENT
    )  # so nobody asks for it, and no run waits for an answer


def _tagged(plug: Plug, parent: int) -> int:
    """The index of a VLAN interface upon `parent`."""
    name = f"{plug.interface}.{plug.vlan}"
    try:
        with netlink(name) as ip:
            ip.link("add", kind="vlan", ifname=name, link=parent, vlan_id=plug.vlan)
            index = socket.if_nametoindex(name)
            ip.link("set", index=index, state="up")
    except LinkError as error:
        if error.errno == errno.EOPNOTSUPP:
            raise HostError(f"{name}: this kernel makes no VLAN interfaces (8021q)") from None
        raise
    return index


def _down_after(plugs: Sequence[Plug], seconds: float) -> list[str]:
    """Which of them do not carry frames within `seconds`; none is the good answer.

    An interface that is only up drops what is sent: the kernel starts its queue some time after
    both ends are.
    """
    deadline = time.monotonic() + seconds
    with netlink("links") as ip:
        while True:
            waiting = [plug.interface for plug in plugs if not _carries(ip, plug.interface)]
            if not waiting or time.monotonic() > deadline:
                return waiting
            time.sleep(UP_POLL_S)


def _carries(ip: Any, interface: str) -> bool:
    (link,) = ip.get_links(socket.if_nametoindex(interface))
    return bool(link.get("operstate") == "UP" and link.get("qdisc") != "noop")


def set_state(path: Path, interface: str, state: Literal["up", "down"]) -> None:
    """Switch an interface on or off, and leave what lies upon it as it is."""

    def switch() -> None:
        with netlink(interface) as ip:
            ip.link("set", index=socket.if_nametoindex(interface), state=state)

    inside(path, switch)


def sent_and_dropped(path: Path, interface: str) -> int:
    """Packets that were to leave by an interface and did not, by its own count."""

    def look() -> int:
        with netlink(interface) as ip:
            (link,) = ip.get_links(socket.if_nametoindex(interface))
            return int(link.get("stats64")["tx_dropped"])

    return inside(path, look)


def switch_off_offloads(interface: str) -> None:
    """OSError when one stays on; one that the interface never had is off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for name, (set_it, get_it) in OFFLOADS.items():
            with contextlib.suppress(OSError):  # what counts is what it then is
                ethtool(any_socket, interface, set_it, 0)
            if ethtool(any_socket, interface, get_it, 0):
                raise OSError(errno.EOPNOTSUPP, f"{name} cannot be switched off", interface)
        flags = ethtool(any_socket, interface, GET_FLAGS, 0)
        ethtool(any_socket, interface, SET_FLAGS, flags & ~VLAN_FLAGS)


def ethtool(any_socket: socket.socket, interface: str, command: int, value: int) -> int:
    """What a command of one number answers."""
    order = ctypes.create_string_buffer(struct.pack("=II", command, value))
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(order))
    fcntl.ioctl(any_socket, SIOCETHTOOL, request)
    return int(struct.unpack_from("=II", order)[1])


def _by_netns(
    things: Sequence[Thing], netns_of: Callable[[Thing], Path]
) -> dict[Path, list[Thing]]:
    groups: dict[Path, list[Thing]] = {}
    for thing in things:
        groups.setdefault(netns_of(thing), []).append(thing)
    return groups
