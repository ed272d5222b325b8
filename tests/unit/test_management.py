"""Which interfaces must not be touched, on machines as others have them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from harness.errors import HostError
from harness.tuning import management, rtnetlink
from harness.tuning.host import Host
from harness.tuning.management import Link, Network, Route, Way, check, protected, read_protected
from harness.tuning.rtnetlink import IFF_LOOPBACK

LO = Link(1, "lo", flags=IFF_LOOPBACK)
ETH0, ETH1, ETH2 = (Link(2 + i, f"eth{i}") for i in range(3))


def default(*indexes: int, family: str = "IPv4", table: str = "main") -> Route:
    return Route(family, table, "default/0", 0, indexes)


def test_a_card_that_nobody_needs_may_be_taken() -> None:
    network = Network((LO, ETH0, ETH1), (default(ETH0.index),))
    assert set(protected(network)) == {"lo", "eth0"}
    check(["eth1"], network)


def test_the_reason_is_a_sentence_that_names_the_interface() -> None:
    network = Network((LO, ETH0, ETH1), (default(ETH0.index),))
    with pytest.raises(HostError) as refused:
        check(["lo", "eth0", "eth9"], network)
    assert str(refused.value).splitlines() == [
        "lo: is the loopback: it is never touched",
        "eth0: has the IPv4 default route of table main: it is never touched",
        "eth9: no such interface (there are: eth1)",
    ]
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    ("route", "why"),
    [
        (default(3, family="IPv6"), "has the IPv6 default route of table main"),
        (default(3, table="51820"), "has the IPv4 default route of table 51820"),
        (Route("IPv4", "main", "128.0.0.0/1", 1, (3,)), "has the IPv4 route 128.0.0.0/1 of"),
        (default(2, 3), "has the IPv4 default route of table main"),  # two hops
    ],
)
def test_every_way_out_counts_in_every_table(route: Route, why: str) -> None:
    network = Network((LO, ETH0, ETH1, ETH2), (default(ETH0.index), route))
    assert protected(network)["eth1"].startswith(why)
    assert "eth2" not in protected(network)


def test_a_route_to_some_network_does_not_keep_its_card() -> None:
    network = Network((LO, ETH0, ETH1), (Route("IPv4", "main", "10.0.0.0/8", 8, (3,)),))
    check(["eth1"], network)


def test_the_card_that_carries_the_ssh_connection_is_kept_without_any_default_route() -> None:
    network = Network((LO, ETH0, ETH1), (), (Way("192.0.2.7", "192.0.2.1", (3,)),))
    assert protected(network)["eth1"] == "carries the SSH connection from 192.0.2.7"
    assert "eth0" not in protected(network)


BOND = Link(10, "bond0", "bond")
PORTS = tuple(Link(11 + i, f"port{i}", master=10) for i in range(2))
VLAN = Link(20, "bond0.5", "vlan", lower=10)
BRIDGE = Link(30, "br0", "bridge")
TAGGED_PORT = Link(20, "bond0.5", "vlan", master=30, lower=10)
MACVLAN = Link(40, "mv0", "macvlan", lower=2)


@pytest.mark.parametrize(
    ("links", "way_out", "kept"),
    [
        ((BOND, *PORTS), 10, {"bond0", "port0", "port1"}),  # parts of the bond
        ((BOND, *PORTS, VLAN), 20, {"bond0", "bond0.5", "port0", "port1"}),  # a VLAN on a bond
        (
            (BOND, *PORTS, TAGGED_PORT, BRIDGE),  # a bridge on a VLAN on a bond
            30,
            {"br0", "bond0.5", "bond0", "port0", "port1"},
        ),
        ((BOND, *PORTS, VLAN), 10, {"bond0", "bond0.5", "port0", "port1"}),  # what lies upon it
        ((ETH0, MACVLAN), 2, {"eth0", "mv0"}),
        ((ETH0, MACVLAN), 40, {"eth0", "mv0"}),
    ],
)
def test_parents_and_children_of_a_way_out_are_kept(
    links: tuple[Link, ...], way_out: int, kept: set[str]
) -> None:
    network = Network((LO, *links, Link(99, "free")), (default(way_out),))
    assert set(protected(network)) == {"lo", *kept}


def test_a_relative_says_to_whom_it_is_tied() -> None:
    network = Network((LO, BOND, *PORTS), (default(10),))
    assert protected(network)["port1"] == (
        "is tied to bond0, which has the IPv4 default route of table main"
    )


def test_the_loopback_ties_nothing_together() -> None:
    links = (LO, ETH0, Link(50, "a", lower=1), Link(51, "b", lower=1))
    assert set(protected(Network(links, (default(50),)))) == {"lo", "a"}


def test_what_lies_upon_an_interface_of_another_namespace_is_no_relative() -> None:
    elsewhere = Link(50, "peer", "veth", lower=ETH0.index, netns_id=0)
    assert set(protected(Network((LO, ETH0, elsewhere), (default(ETH0.index),)))) == {"lo", "eth0"}


def test_links_that_refer_to_what_is_not_there_are_survived() -> None:
    odd = Network((LO, Link(60, "odd", master=77, lower=60)), (default(88), default(60)))
    assert set(protected(odd)) == {"lo", "odd"}


# The SSH connection is looked for above this process too.

ENVIRONMENTS = {
    30: "SHELL=/bin/sh\0",
    20: "PATH=/bin\0SSH_CONNECTION=2001:db8::7%eth0 50000 ::ffff:192.0.2.1 22\0",
    10: "SSH_CONNECTION=not an address at all\0",
    1: "",
}


def test_an_ssh_connection_that_sudo_took_away_is_found_above(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(management, "_ancestors", lambda pid: iter((30, 20, 10, 1)))
    monkeypatch.setattr(
        management, "_environment", lambda pid: management.environment(ENVIRONMENTS[pid].encode())
    )
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    assert management.ssh_connections() == [("2001:db8::7", "192.0.2.1")]


def test_the_own_ssh_connection_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management, "_ancestors", lambda pid: iter(()))
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
    assert management.ssh_connections() == [("192.0.2.7", "192.0.2.1")]
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000")
    assert management.ssh_connections() == []


def test_the_ancestors_of_this_process_end_at_the_first() -> None:
    line = list(management._ancestors(os.getpid()))
    assert line[:2] == [os.getpid(), os.getppid()]
    assert Path(f"/proc/{line[-1]}").exists()


# A recorded machine tells by its files.

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth2\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0
"""
ROUTES_6 = f"""\
{"0" * 32} 00 {"0" * 32} 00 {"f" * 32} 00000400 00000001 00000000 00000003     eth3
"""


def recorded(tmp_path: Path, *, four: str = "", six: str = "", lower: tuple[str, ...] = ()) -> Host:
    files = {"proc/net/route": four, "proc/net/ipv6_route": six}
    files |= {f"sys/class/net/eth{i}/mtu": "1500" for i in range(5)}
    for name in (*files, *(f"sys/class/net/{one}/mtu" for one in lower)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(files.get(name, "1500"))
    return Host(tmp_path)


def test_of_a_recorded_machine_both_default_routes_count(tmp_path: Path) -> None:
    assert read_protected(recorded(tmp_path, four=ROUTES, six=ROUTES_6)) == {
        "lo": "is the loopback",
        "eth0": "has the IPv4 default route of table main",
        "eth3": "has the IPv6 default route of table main",
    }


def test_of_a_recorded_machine_the_ports_of_a_bond_are_kept_with_it(tmp_path: Path) -> None:
    bond = ROUTES.replace("eth0", "bond0")
    host = recorded(tmp_path, four=bond, lower=("bond0", "bond0/lower_eth3", "bond0/lower_eth4"))
    assert set(read_protected(host)) == {"lo", "bond0", "eth3", "eth4"}


@pytest.mark.parametrize("garbled", ["", "eth0", "eth0 zz zz zz zz zz zz zz", "\0\x1b[2J" * 50])
def test_garbled_routes_of_a_recorded_machine_keep_nothing_but_the_loopback(
    tmp_path: Path, garbled: str
) -> None:
    assert set(read_protected(recorded(tmp_path, four=garbled, six=garbled))) == {"lo"}


def test_when_the_kernel_does_not_answer_nothing_may_be_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> list[Link]:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(rtnetlink, "links", refuse)
    with pytest.raises(HostError, match="operation not permitted: what must not be touched is unk"):
        check(["eth0"])
