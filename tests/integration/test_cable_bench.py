"""Two ports of one machine: a veth pair plays the cable, which would die with its namespace."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable

import pytest

from harness.bench import cable, journal, namespaces
from harness.bench.cable import cable_bench
from harness.bench.journal import benches_dir
from harness.bench.links import netlink
from harness.errors import HostError

from .sandbox import in_child, in_sandbox, names_of_namespaces

WAIT_S = 5.0


def a_cable(a: str = "cab0", b: str = "cab1") -> None:
    with netlink("cable") as ip:
        ip.link("add", kind="veth", ifname=a, peer={"ifname": b})


def index_of(name: str) -> int:
    return socket.if_nametoindex(name)


def names() -> list[str]:
    return sorted(name for _, name in socket.if_nameindex())


@in_sandbox
def test_frames_go_through_the_cable_and_the_ports_come_home() -> None:
    a_cable()
    with netlink("cab0") as ip:
        ip.addr("add", index=index_of("cab0"), address="192.0.2.1", prefixlen=24)
    with cable_bench("cab0", "cab1") as line:
        assert names() == ["lo"]
        assert line.rig.netns != line.engine.netns
        assert (line.rig.interface, line.engine.interface) == ("cab0", "cab1")

        def bound(ip: str, port: int) -> socket.socket:
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.settimeout(WAIT_S)
            one.bind((ip, port))
            return one

        one = namespaces.inside(line.rig.netns, lambda: bound(line.rig.ip, 0))
        other = namespaces.inside(line.engine.netns, lambda: bound(line.engine.ip, 5000))
        with one, other:
            one.sendto(b"hello", (line.engine.ip, 5000))
            assert other.recv(64) == b"hello"
    assert names() == ["cab0", "cab1", "lo"]
    with netlink("cab0") as ip:
        assert [a.get("address") for a in ip.get_addr(index=index_of("cab0"))] == ["192.0.2.1"]
        assert not ip.get_links(index_of("cab0"))[0]["flags"] & 1, "it was down"
    assert names_of_namespaces() == []
    assert list(benches_dir().iterdir()) == []


@in_sandbox
def test_two_cables_at_once() -> None:
    a_cable()
    a_cable("cab2", "cab3")
    with cable_bench("cab0", "cab1") as market, cable_bench("cab2", "cab3") as orders:
        assert market.rig.netns != orders.rig.netns
        assert names() == ["lo"]
    assert names() == ["cab0", "cab1", "cab2", "cab3", "lo"]


@in_sandbox
def test_ports_come_home_when_the_block_fails_or_is_terminated() -> None:
    a_cable()
    with pytest.raises(ZeroDivisionError), cable_bench("cab0", "cab1"):
        raise ZeroDivisionError
    assert names() == ["cab0", "cab1", "lo"]

    def terminated() -> None:
        with cable_bench("cab0", "cab1"):
            signal.raise_signal(signal.SIGTERM)

    assert in_child(terminated)[0] == 1
    assert names() == ["cab0", "cab1", "lo"]


@in_sandbox
def test_ports_come_home_when_there_is_no_cable_between_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a_cable()
    a_cable("cab2", "cab3")
    monkeypatch.setattr(cable, "CARRIER_S", 0.05)
    with pytest.raises(HostError, match="cab0: no carrier"), cable_bench("cab0", "cab2"):
        pass
    assert names() == ["cab0", "cab1", "cab2", "cab3", "lo"]
    assert names_of_namespaces() == []


def way_out() -> None:
    with netlink("cab0") as ip:
        ip.link("set", index=index_of("cab0"), state="up")
        ip.addr("add", index=index_of("cab0"), address="192.0.2.1", prefixlen=24)
        ip.route("add", dst="0.0.0.0/0", gateway="192.0.2.254", oif=index_of("cab0"))


def in_a_bridge() -> None:
    with netlink("bridge") as ip:
        ip.link("add", kind="bridge", ifname="br0")
        ip.link("set", index=index_of("cab1"), master=index_of("br0"))


def with_a_route_of_two_hops() -> None:
    with netlink("route") as ip:
        for name, network in (("cab0", "192.0.2"), ("cab1", "198.51.100")):
            ip.link("set", index=index_of(name), state="up")
            ip.addr("add", index=index_of(name), address=f"{network}.1", prefixlen=24)
        hops = [
            {"oif": index_of("cab0"), "gateway": "192.0.2.254"},
            {"oif": index_of("cab1"), "gateway": "198.51.100.254"},
        ]
        ip.route("add", dst="203.0.113.0/24", multipath=hops)


@pytest.mark.parametrize(
    ("prepare", "ends", "fault"),
    [
        (way_out, ("cab0", "cab1"), "cab0: has the IPv4 default route of table main: it is never"),
        (lambda: None, ("lo", "cab1"), "lo: is the loopback"),
        (lambda: None, ("cab0", "eth7"), r"eth7: no such interface \(there are: cab0, cab1\)"),
        (lambda: None, ("cab0", "cab0"), "cab0: a cable has two ends"),
        (in_a_bridge, ("cab0", "cab1"), "cab1: is a port of br0: take it out first"),
        (in_a_bridge, ("br0", "cab0"), "br0: cab1 is a port of it"),
        (with_a_route_of_two_hops, ("cab0", "cab1"), "cab0: the route to 203.0.113.0/24 could not"),
    ],
)
def test_what_must_not_or_cannot_be_borrowed_is_refused_untouched(
    prepare: Callable[[], None], ends: tuple[str, str], fault: str
) -> None:
    @in_sandbox
    def scenario() -> None:
        a_cable()
        prepare()
        before = names()
        with pytest.raises(HostError, match=fault), cable_bench(*ends):
            pass
        assert names() == before
        assert not benches_dir().exists() or list(benches_dir().iterdir()) == []
        assert names_of_namespaces() == []

    scenario()


@in_sandbox
def test_a_port_the_kernel_brought_home_under_another_name_gets_its_own_back() -> None:
    """As with a card whose namespace somebody deleted: the kernel moves it to the first network."""
    a_cable()

    def killed() -> None:
        with cable_bench("cab0", "cab1"):
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(killed)[0] == -signal.SIGKILL
    (path,) = benches_dir().iterdir()
    entry = journal.read(path)
    home = namespaces.HERE
    with namespaces.opened(home) as fd:

        def moved_by_hand(name: str) -> None:
            with netlink(name) as ip:
                ip.link("set", index=index_of(name), net_ns_fd=fd, ifname="dev7")

        namespaces.inside(
            namespaces.RUN_DIR / entry.moved[0].namespace, lambda: moved_by_hand("cab0")
        )
    assert names() == ["dev7", "lo"]
    journal.undo(entry)
    assert names() == ["cab0", "cab1", "lo"]
