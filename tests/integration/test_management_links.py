"""What must not be touched, on real links: bridges, tunnels, VLANs and their parts."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.bench.links import LinkError, netlink
from harness.errors import HostError
from harness.tuning import management

from .sandbox import CLONE_NEWNET, in_sandbox, libc

GATEWAY = "192.0.2.254"


def link(name: str, **given: object) -> int:
    """A new link, up; skips when this kernel has none of its kind."""
    try:
        with netlink(name) as ip:
            ip.link("add", ifname=name, **given)
            (index,) = ip.link_lookup(ifname=name)
            ip.link("set", index=index, state="up")
            return int(index)
    except LinkError as error:
        if error.errno == errno.EOPNOTSUPP:
            pytest.skip(f"this kernel makes no {given['kind']} links")
        raise


def pair(name: str) -> int:
    return link(name, kind="veth", peer={"ifname": f"{name}-peer"})


def put_into(index: int, master: int) -> None:
    with netlink("port") as ip:
        ip.link("set", index=index, master=master)


def address(index: int, text: str = "192.0.2.1") -> None:
    with netlink("address") as ip:
        ip.addr("add", index=index, address=text, prefixlen=24)


def default_route(index: int, **more: object) -> None:
    address(index)
    with netlink("route") as ip:
        ip.route("add", dst="0.0.0.0/0", gateway=GATEWAY, oif=index, **more)


def kept() -> dict[str, str]:
    return management.protected(management.read())


@in_sandbox
def test_a_network_without_a_way_out_keeps_only_its_loopback() -> None:
    pair("free")
    assert kept() == {"lo": "is the loopback"}
    management.check(["free"])


@in_sandbox
def test_the_default_route_keeps_its_interface_and_the_other_end_of_its_pair() -> None:
    default_route(pair("eth0"))
    pair("free")
    why = "has the IPv4 default route of table main"
    assert kept() == {
        "lo": "is the loopback",
        "eth0": why,
        "eth0-peer": f"is tied to eth0, which {why}",
    }
    with pytest.raises(HostError, match=f"eth0: {why}: it is never touched"):
        management.check(["free", "eth0"])


@in_sandbox
def test_a_bridge_with_the_default_route_keeps_its_ports_and_what_lies_upon_it() -> None:
    bridge = link("br0", kind="bridge")
    for name in ("port0", "port1"):
        put_into(pair(name), bridge)
    default_route(bridge)
    pair("free")
    assert {"br0", "port0", "port1"} <= kept().keys()
    assert not {"free", "free-peer"} & kept().keys()


@in_sandbox
def test_a_tunnel_with_the_default_route_keeps_what_carries_it() -> None:
    card = pair("eth0")
    default_route(link("vx0", kind="vxlan", vxlan_id=7, vxlan_link=card, vxlan_port=4789))
    assert {"vx0", "eth0"} <= kept().keys()


@pytest.mark.parametrize("kind", ["vlan", "macvlan"])
def test_a_child_with_the_default_route_keeps_its_parent(kind: str) -> None:
    @in_sandbox
    def scenario() -> None:
        card = pair("eth0")
        more = {"vlan_id": 5} if kind == "vlan" else {}
        default_route(link("child", kind=kind, link=card, **more))
        assert {"child", "eth0"} <= kept().keys()

    scenario()


@in_sandbox
def test_a_bond_with_the_default_route_keeps_its_ports() -> None:
    bond = link("bond0", kind="bond")
    card = link("port0", kind="dummy")
    with netlink("port") as ip:
        ip.link("set", index=card, state="down")
    put_into(card, bond)
    default_route(bond)
    assert {"bond0", "port0"} <= kept().keys()


@in_sandbox
def test_every_hop_and_every_table_counts() -> None:
    one, other, third = pair("a"), pair("b"), pair("c")
    for n, index in enumerate((one, other, third)):
        address(index, f"192.0.{n + 1}.1")
    with netlink("routes") as ip:
        ip.route(
            "add",
            dst="0.0.0.0/0",
            multipath=[
                {"oif": one, "gateway": "192.0.1.254"},
                {"oif": other, "gateway": "192.0.2.254"},
            ],
        )
        ip.route("add", dst="0.0.0.0/0", gateway="192.0.3.254", oif=third, table=77)
    assert {"a", "b", "c"} <= kept().keys()
    assert kept()["c"] == "has the IPv4 default route of table 77"


@in_sandbox
def test_a_default_route_of_ipv6_counts() -> None:
    index = pair("eth0")
    with netlink("route") as ip:
        ip.addr("add", family=10, index=index, address="2001:db8::1", prefixlen=64)
        ip.route("add", family=10, dst="default", gateway="2001:db8::fe", oif=index)
    assert kept()["eth0"] == "has the IPv6 default route of table main"


@in_sandbox
def test_the_ssh_connection_is_found_by_its_address_and_by_the_way_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    comes_in, goes_out = pair("in"), pair("out")
    address(comes_in, "192.0.2.1")
    address(goes_out, "198.51.100.1")
    pair("free")
    monkeypatch.setenv("SSH_CONNECTION", "198.51.100.7 50000 192.0.2.1 22")
    why = "carries the SSH connection from 198.51.100.7"
    assert (kept()["in"], kept()["out"]) == (why, why)
    assert "free" not in kept()
    monkeypatch.setenv("SSH_CONNECTION", "203.0.113.7 50000 203.0.113.1 22")  # of another network
    assert set(kept()) == {"lo"}


@pytest.mark.parametrize("compatible", ["0", "1"])
def test_a_default_route_by_nexthop_objects_keeps_the_interfaces_of_all(compatible: str) -> None:
    @in_sandbox
    def scenario() -> None:
        mode = Path("/proc/sys/net/ipv4/nexthop_compat_mode")
        if not mode.exists() or not shutil.which("ip"):
            pytest.skip("needs a kernel with nexthop objects, and ip")
        for n, name in enumerate(("a", "b", "free")):
            address(pair(name), f"192.0.{n + 1}.1")
            with netlink("peer") as ip:
                ip.link("set", index=socket.if_nametoindex(f"{name}-peer"), state="up")
        mode.write_text(compatible)  # 0: a route names its object and nothing else
        for line in (
            "nexthop add id 1 via 192.0.1.254 dev a",
            "nexthop add id 2 via 192.0.2.254 dev b",
            "nexthop add id 9 group 1/2",
            "route add default nhid 9",
        ):
            subprocess.run(["ip", *line.split()], check=True, timeout=10)
        assert kept().keys() == {"lo", "a", "b", "a-peer", "b-peer"}

    scenario()


@in_sandbox
def test_of_another_namespaces_interface_only_this_end_is_kept() -> None:
    default_route(pair("eth0"))
    pair("free")
    with another_namespace() as fd, netlink("peer") as ip:
        ip.link("set", index=socket.if_nametoindex("eth0-peer"), net_ns_fd=fd)
        assert kept().keys() == {"lo", "eth0"}


@contextlib.contextmanager
def another_namespace() -> Iterator[int]:
    """A network namespace of a thread that is gone as soon as the descriptor is closed."""
    made: list[int] = []

    def make() -> None:
        assert libc.unshare(CLONE_NEWNET) == 0
        made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    try:
        yield made[0]
    finally:
        os.close(made[0])
