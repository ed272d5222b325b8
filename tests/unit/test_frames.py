"""Frames of ours held against scapy's, both ways, and hostile ones against the reason they have."""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

pytest.importorskip("scapy", reason="scapy is not installed: pip install 'redline[traffic]'")

from engine.net import FRAME_REASONS, build_frame, read_frame
from harness.errors import ExitCode, HostError
from harness.traffic import frames
from harness.traffic.frames import Flow
from harness.traffic.hostile import hostile

UNICAST = Flow(
    from_mac="02:00:00:00:00:01",
    to_mac="02:00:00:00:00:02",
    from_ip="10.0.0.1",
    to_ip="10.0.0.2",
    from_port=4001,
    to_port=4002,
)
FLOWS = {
    "unicast": UNICAST,
    "group": replace(UNICAST, to_ip="239.1.2.3"),
    "upper group": replace(UNICAST, to_ip="224.129.2.3"),
    "vlan": replace(UNICAST, vlan=100),
    "group on a vlan": replace(UNICAST, to_ip="232.0.0.1", vlan=4094),
    "unsummed": replace(UNICAST, has_checksum=False),
    "ttl": replace(UNICAST, ttl=255),
}
HEARD = ("unicast", "group", "vlan", "group on a vlan")


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ours(flow: Flow, payload: bytes, ip_id: int = 0) -> bytes:
    return build_frame(
        payload,
        from_mac=mac(flow.from_mac),
        to_mac=mac(flow.to_mac),
        from_ip=flow.from_ip,
        to_ip=flow.to_ip,
        from_port=flow.from_port,
        to_port=flow.to_port,
        vlan=flow.vlan,
        ttl=flow.ttl,
        has_checksum=flow.has_checksum,
        ip_id=ip_id,
    )


def hear(flow: Flow, frame: bytes) -> tuple[str, bytes | None]:
    """As the receiver of `flow` that verifies checksums."""
    where = {"group": flow.to_ip} if flow.is_multicast else {"ip": flow.to_ip}
    reason, datagram = read_frame(
        frame,
        mac=mac(flow.to_mac),
        port=flow.to_port,
        vlan=flow.vlan,
        verifies_checksum=True,
        **where,
    )
    return reason, datagram.payload if datagram else None


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
@pytest.mark.parametrize("n", [1, 2, 17, 18, 31, 32, 33, 1000, 1471, 1472])
def test_our_frame_is_scapys_to_the_byte(flow: Flow, n: int) -> None:
    payload = random.Random(n).randbytes(n)
    assert ours(flow, payload) == frames.udp(flow, payload)
    assert ours(flow, payload, ip_id=n) == frames.udp(flow, payload, ip_id=n)


def test_random_flows_are_scapys_to_the_byte() -> None:
    r = random.Random(1)
    for _ in range(150):
        flow = Flow(
            from_mac="02:" + r.randbytes(5).hex(":"),
            to_mac="02:" + r.randbytes(5).hex(":"),
            from_ip=f"{r.randint(1, 223)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(256)}",
            to_ip=f"{r.randint(1, 239)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(256)}",
            from_port=r.randrange(1 << 16),
            to_port=r.randint(1, 65535),
            vlan=r.choice((0, 0, r.randint(1, 4094))),
            ttl=r.randrange(256),
            has_checksum=r.random() < 0.8,
        )
        payload = r.randbytes(r.randint(1, 200))
        frame = frames.udp(flow, payload)
        assert ours(flow, payload) == frame
        assert hear(flow, frame) == ("ok", payload)


def test_a_flipped_bit_makes_the_comparison_fail() -> None:
    assert ours(UNICAST, b"payload") != frames.udp(UNICAST, b"qayload")


def test_the_mac_of_a_group_is_scapys() -> None:
    from scapy.layers.l2 import getmacbyip

    for group in ("224.0.0.1", "239.255.255.255", "239.1.2.3", "224.129.2.3"):
        assert frames.group_mac(group) == getmacbyip(group)
    assert frames.group_mac(frames.namesake("239.1.2.3")) == frames.group_mac("239.1.2.3")
    assert frames.namesake("239.1.2.3") != "239.1.2.3"


@pytest.mark.parametrize("name", HEARD)
@pytest.mark.parametrize("n_options", [0, 1, 10])
@pytest.mark.parametrize("padding", [b"", b"\xa5" * 30])
def test_the_payload_is_found_behind_options_and_before_padding(
    name: str, n_options: int, padding: bytes
) -> None:
    frame = frames.udp(FLOWS[name], b"payload", n_options=n_options, padding=padding)
    assert hear(FLOWS[name], frame) == ("ok", b"payload")


def test_what_a_datagram_says_of_itself_is_what_scapy_reads() -> None:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Dot1Q, Ether

    flow = FLOWS["group on a vlan"]
    frame = ours(flow, b"payload")
    reason, seen = read_frame(frame)
    theirs = Ether(frame)
    assert reason == "ok"
    assert seen is not None
    assert seen.payload == bytes(theirs[UDP].payload)
    assert (seen.from_ip, seen.to_ip) == (theirs[IP].src, theirs[IP].dst)
    assert (seen.from_port, seen.to_port) == (theirs[UDP].sport, theirs[UDP].dport)
    assert seen.vlan == theirs[Dot1Q].vlan


@pytest.mark.parametrize("name", HEARD)
def test_each_hostile_frame_is_refused_for_its_reason(name: str) -> None:
    seen = {h.name: hear(FLOWS[name], h.frame) for h in hostile(FLOWS[name])}
    assert seen == {h.name: (h.reason, None) for h in hostile(FLOWS[name])}


def test_the_hostile_frames_have_every_reason_there_is() -> None:
    assert {h.reason for h in hostile(UNICAST)} == set(FRAME_REASONS)


def test_hostile_frames_have_names_of_their_own_and_come_out_the_same_again() -> None:
    once = hostile(UNICAST)
    assert len({h.name for h in once}) == len(once)
    assert once == hostile(UNICAST)


IGMP_AT = 14 + 24  # behind an IP header with its router alert


@pytest.mark.parametrize(
    ("frame", "to", "message"),
    [
        (frames.igmp_join, "239.1.2.3", "16 00 f8 fa ef 01 02 03"),
        (frames.igmp_leave, "224.0.0.2", "17 00 f7 fa ef 01 02 03"),
    ],
)
def test_igmp_2_messages_are_those_of_the_rfc(
    frame: Callable[..., bytes], to: str, message: str
) -> None:
    sent = frame("02:00:00:00:00:01", "10.0.0.1", "239.1.2.3", version=2)
    assert sent[:6] == mac(frames.group_mac(to))
    assert sent[14 + 16 : 14 + 20] == bytes(map(int, to.split(".")))
    assert sent[14 + 8 : 14 + 10] == b"\x01\x02"  # TTL 1, IGMP
    assert sent[14 + 20 : IGMP_AT] == bytes.fromhex("94040000")  # router alert
    assert sent[IGMP_AT:] == bytes.fromhex(message)


@pytest.mark.parametrize(
    ("frame", "sources", "kind"),
    [
        (frames.igmp_join, (), 4),
        (frames.igmp_leave, (), 3),
        (frames.igmp_join, ("10.0.0.9", "10.0.0.8"), 5),
        (frames.igmp_leave, ("10.0.0.9",), 6),
    ],
)
def test_igmp_3_reports_are_those_of_the_rfc(
    frame: Callable[..., bytes], sources: Sequence[str], kind: int
) -> None:
    sent = frame("02:00:00:00:00:01", "10.0.0.1", "239.1.2.3", sources=sources)
    assert sent[:6] == mac("01:00:5e:00:00:16")
    report = sent[IGMP_AT:]
    assert struct.unpack_from("!BBHHH", report)[::4] == (0x22, 1)
    words = struct.unpack(f"!{len(report) // 2}H", report)
    assert sum(words) % 0xFFFF == 0  # summed with its checksum
    assert report[8:] == struct.pack(
        "!BBH4s", kind, 0, len(sources), bytes((239, 1, 2, 3))
    ) + b"".join(bytes(map(int, s.split("."))) for s in sources)


def test_sources_are_for_version_3() -> None:
    with pytest.raises(ValueError, match="version 3"):
        frames.igmp_join(
            "02:00:00:00:00:01", "10.0.0.1", "239.1.2.3", version=2, sources=["10.0.0.9"]
        )


def test_arp_asks_everybody_and_answers_one() -> None:
    ask = frames.arp_request("02:00:00:00:00:01", "10.0.0.1", "10.0.0.2")
    assert ask == bytes.fromhex(
        "ffffffffffff 020000000001 0806 0001 0800 06 04 0001"
        "020000000001 0a000001 000000000000 0a000002"
    )
    answer = frames.arp_reply("02:00:00:00:00:02", "10.0.0.2", "02:00:00:00:00:01", "10.0.0.1")
    assert answer == bytes.fromhex(
        "020000000001 020000000002 0806 0001 0800 06 04 0002"
        "020000000002 0a000002 020000000001 0a000001"
    )


def test_without_scapy_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [m for m in sys.modules if m == "scapy" or m.startswith("scapy.")]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(HostError, match=r"pip install 'redline\[traffic\]'") as caught:
        frames.udp(UNICAST, b"payload")
    assert caught.value.exit_code == ExitCode.HOST_NOT_FIT
