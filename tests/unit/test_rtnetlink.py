"""What a kernel lists of its network, and what is made of a list that makes no sense."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tuning import netlink, rtnetlink
from harness.tuning.ethtool_abi import Garbled
from harness.tuning.netlink import collect
from harness.tuning.rtnetlink import Address, Link, Route

RTM_NEWLINK = 16
MULTI = 2


def attribute(kind: int, value: bytes | int) -> bytes:
    data = struct.pack("=I", value) if isinstance(value, int) else value
    size = 4 + len(data)
    return struct.pack("=HH", size, kind) + data + bytes(-size % 4)


def message(kind: int, payload: bytes, flags: int = MULTI) -> bytes:
    size = 16 + len(payload)
    return struct.pack("=IHHII", size, kind, flags, 1, 0) + payload + bytes(-size % 4)


def link(index: int, *attributes: bytes, flags: int = 0) -> bytes:
    return rtnetlink.LINK.pack(0, 0, index, flags, 0) + b"".join(attributes)


def route(prefix_len: int, *attributes: bytes, family: int = socket.AF_INET) -> bytes:
    return rtnetlink.ROUTE.pack(family, prefix_len, 0, 0, 254, 0, 0, 1, 0) + b"".join(attributes)


DONE = message(3, bytes(4))


def hop(index: int) -> bytes:
    gateway = attribute(5, socket.inet_aton("192.0.2.1"))
    return struct.pack("=HBBi", 8 + len(gateway), 0, 0, index) + gateway


# One thing


def test_a_vlan_says_what_it_lies_upon_and_where_it_is_plugged_in() -> None:
    info = attribute(18, attribute(1, b"vlan\0"))
    payload = link(7, attribute(3, b"bond0.5\0"), attribute(5, 3), attribute(10, 9), info)
    assert rtnetlink.parse_link(payload) == Link(7, "bond0.5", "vlan", master=9, lower=3)


def test_a_pair_in_another_namespace_says_so() -> None:
    payload = link(7, attribute(3, b"veth0\0"), attribute(5, 2), attribute(37, 0))
    assert rtnetlink.parse_link(payload) == Link(7, "veth0", lower=2, netns_id=0)


def test_a_tunnel_names_its_carrier_in_its_own_way() -> None:
    info = attribute(18, attribute(1, b"vxlan\0") + attribute(2, attribute(3, 4)))
    assert rtnetlink.parse_link(link(7, attribute(3, b"vx0\0"), info)).lower == 4


def test_an_interface_does_not_lie_upon_itself() -> None:
    loopback = rtnetlink.parse_link(link(1, attribute(3, b"lo\0"), attribute(5, 1), flags=8))
    assert (loopback.lower, loopback.is_loopback) == (None, True)


def test_a_name_that_is_no_text_is_printable() -> None:
    name = rtnetlink.parse_link(link(1, attribute(3, b"\x1b[2J\xff\0"))).name
    assert name.isprintable()


def test_an_address_is_that_of_this_end_of_a_line() -> None:
    here, there = socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.9")
    payload = rtnetlink.ADDRESS.pack(2, 32, 0, 0, 5) + attribute(1, there) + attribute(2, here)
    assert rtnetlink.parse_address(payload) == Address(5, "192.0.2.1", "192.0.2.9", 32)


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        (route(0, attribute(4, 3)), Route("IPv4", "main", "default/0", 0, (3,))),
        (
            route(8, attribute(1, socket.inet_aton("10.0.0.0")), attribute(4, 3)),
            Route("IPv4", "main", "10.0.0.0/8", 8, (3,)),
        ),
        (
            route(0, attribute(4, 3), attribute(15, 51820), family=socket.AF_INET6),
            Route("IPv6", "51820", "default/0", 0, (3,)),
        ),
        (route(0, attribute(9, hop(3) + hop(4))), Route("IPv4", "main", "default/0", 0, (3, 4))),
        (route(0, attribute(30, 8)), Route("IPv4", "main", "default/0", 0, (), nexthop=8)),
        (route(0, attribute(4, 3), attribute(30, 8)), Route("IPv4", "main", "default/0", 0, (3,))),
        (route(20, attribute(1, b"\x01\x02"), family=28), Route("28", "main", "0102/20", 20, ())),
    ],
)
def test_a_route_says_by_which_interfaces_it_leaves(payload: bytes, wanted: Route) -> None:
    assert rtnetlink.parse_route(payload) == wanted


def test_a_nexthop_is_an_interface_or_a_group_of_others() -> None:
    head = rtnetlink.NEXTHOP.pack(2, 0, 0, 0)
    group = struct.pack("=IBBH", 8, 0, 0, 0) + struct.pack("=IBBH", 9, 0, 0, 0)
    assert rtnetlink.parse_nexthop(head + attribute(1, 8) + attribute(5, 3)) == (8, 3, ())
    assert rtnetlink.parse_nexthop(head + attribute(1, 7) + attribute(2, group)) == (7, 0, (8, 9))


# A list


def listed(*datagrams: bytes, is_list: bool = True) -> list[Link]:
    return collect(iter(datagrams), RTM_NEWLINK, rtnetlink.parse_link, is_list=is_list)


def test_a_list_has_many_parts_and_things_of_other_kinds_are_none_of_it() -> None:
    found = listed(
        message(RTM_NEWLINK, link(1)) + message(99, b"?"), message(RTM_NEWLINK, link(2)), DONE
    )
    assert [one.index for one in found] == [1, 2]


def test_one_answer_is_no_list() -> None:
    assert [one.index for one in listed(message(RTM_NEWLINK, link(1), 0), is_list=False)] == [1]


@pytest.mark.parametrize("kind", [2, 3])  # an error, and the end of a list
def test_what_the_kernel_refuses_is_its_error(kind: int) -> None:
    with pytest.raises(PermissionError):
        listed(message(kind, struct.pack("=i", -errno.EPERM)))


@pytest.mark.parametrize("datagrams", [(), (message(RTM_NEWLINK, link(1)),), (message(4, b""),)])
def test_a_list_without_an_end_is_garbled(datagrams: tuple[bytes, ...]) -> None:
    with pytest.raises(Garbled):
        listed(*datagrams)


TORN = message(RTM_NEWLINK, link(1), MULTI | 0x10)


def test_a_list_that_changed_meanwhile_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([[TORN, DONE], [TORN, DONE], [message(RTM_NEWLINK, link(2)), DONE]])
    monkeypatch.setattr(netlink, "_datagrams", lambda sock: iter(next(answers)))
    assert [one.index for one in rtnetlink.links()] == [2]


def test_a_list_that_never_holds_still_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netlink, "_datagrams", lambda sock: iter([TORN, DONE]))
    with pytest.raises(BlockingIOError, match="changes faster than it can be listed"):
        rtnetlink.links()


def test_what_another_process_sends_is_no_answer() -> None:
    said = iter([(b"forged", 4711), (DONE, 0)])

    class Socket:
        def recvmsg(self, size: int) -> tuple[bytes, tuple[()], int, tuple[int, int]]:
            data, sender = next(said)
            return data, (), 0, (sender, 0)

    answers: Iterator[bytes] = netlink._datagrams(Socket())  # type: ignore[arg-type]
    assert next(answers) == DONE


# Whatever comes


@given(data=st.binary(max_size=200))
def test_any_bytes_are_messages_or_garbled(data: bytes) -> None:
    try:
        found = list(netlink.messages(data))
    except Garbled:
        found = []
    assert sum(len(payload) for _, _, payload in found) <= len(data)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_attributes_or_garbled(data: bytes) -> None:
    try:
        found = netlink.attributes(data)
    except Garbled:
        found = {}
    assert sum(map(len, found.values())) <= len(data)


ATTRIBUTES = st.lists(
    st.builds(attribute, st.sampled_from(range(64)), st.binary(max_size=40)), max_size=8
).map(b"".join)


@pytest.mark.parametrize(
    ("parse", "head"),
    [
        (rtnetlink.parse_link, 16),
        (rtnetlink.parse_address, 8),
        (rtnetlink.parse_route, 12),
        (rtnetlink.parse_nexthop, 8),
    ],
)
@given(data=st.binary(min_size=16, max_size=16), rest=st.binary(max_size=80) | ATTRIBUTES)
def test_any_payload_is_understood_or_garbled(
    parse: Callable[[bytes], object], head: int, data: bytes, rest: bytes
) -> None:
    for payload in (data[:head] + rest, data[: head - 1]):
        try:
            parse(payload)
        except OSError as error:
            said = error
        else:
            continue
        assert isinstance(said, Garbled)
        assert str(said).isprintable()


@given(head=st.binary(max_size=12), rest=ATTRIBUTES, index=st.integers(1, 2**31 - 1))
def test_a_whole_list_of_garbage_ends(head: bytes, rest: bytes, index: int) -> None:
    try:
        listed(message(RTM_NEWLINK, link(index) + rest), message(RTM_NEWLINK, head + rest), DONE)
    except OSError as error:
        said = str(error)
    else:
        said = ""
    assert said.isprintable() or not said
