"""Hostile frames on a real link: a port hears its datagrams, and nothing else of what comes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

pytest.importorskip("scapy", reason="scapy is not installed: pip install 'redline[traffic]'")

from engine.net import Port, open_port
from engine.net.port import Backend
from harness.bench.netns import Bench, netns_bench
from harness.errors import HostError
from harness.traffic.frames import Flow, udp
from harness.traffic.hostile import Hostile, hostile

PORT = 4002
GROUP = "239.1.2.3"
PATIENCE_S = 5.0  # a frame crosses a veth pair in microseconds


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    try:
        with netns_bench(lines=("market",)) as made:
            yield made
    except HostError as error:
        pytest.skip(str(error))


def flow_of(bench: Bench, to_ip: str) -> Flow:
    line = bench.lines["market"]
    return Flow(line.rig.mac, line.engine.mac, line.rig.ip, to_ip, 4001, PORT)


def send(stranger: Port, frame: bytes) -> bool:
    """False when the link cannot carry it."""
    if not 14 <= len(frame) <= stranger.caps.n_bytes_frame_max:
        return False
    while not stranger.send(frame):
        time.sleep(0.001)
    return True


def heard(port: Port, n: int) -> list[bytes]:
    seen: list[bytes] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(seen) < n and time.monotonic() < deadline:
        seen += [frame.data for frame in port.receive()]
    return seen


def attack(port: Port, stranger: Port, flow: Flow, frames: list[Hostile]) -> int:
    """Every frame with a good one behind it, of which each is heard; how many frames could go."""
    n_sent = 0
    for i, h in enumerate(frames):
        n_sent += send(stranger, h.frame)
        good = b"good %d" % i
        assert send(stranger, udp(flow, good))
        assert heard(port, 1) == [good], h.name
    return n_sent


@pytest.mark.parametrize("backend", ["afpacket", "afxdp"])
@pytest.mark.parametrize("to_group", [False, True], ids=["unicast", "group"])
def test_a_framed_port_hears_its_datagrams_and_nothing_else(
    bench: Bench, backend: Backend, to_group: bool
) -> None:
    line = bench.lines["market"]
    flow = flow_of(bench, GROUP if to_group else line.engine.ip)
    with (
        open_port(
            "afpacket",
            netns=line.rig.netns,
            interface=line.rig.interface,
            mac=line.rig.mac,
            framed=False,
        ) as stranger,
        open_port(
            backend,
            netns=line.engine.netns,
            interface=line.engine.interface,
            mac=line.engine.mac,
            local=(line.engine.ip, PORT),
            peer=(line.rig.ip, 4001),
            peer_mac=line.rig.mac,
            group=GROUP if to_group else None,
            verifies_checksum=True,
        ) as port,
    ):
        frames = hostile(flow)
        assert attack(port, stranger, flow, frames) > len(frames) // 2
        assert port.receive() == []
        assert port.stats()["rx_frames"] == len(frames)
        # Some die in the kernel's filter before the port; a wrong checksum reaches it.
        assert port.stats()["rx_invalid"] > 0


def test_a_whole_frame_port_hears_them_all(bench: Bench) -> None:
    line = bench.lines["market"]
    flow = flow_of(bench, line.engine.ip)
    with (
        open_port(
            "afpacket", netns=line.rig.netns, interface=line.rig.interface, framed=False
        ) as stranger,
        open_port(
            "afpacket", netns=line.engine.netns, interface=line.engine.interface, framed=False
        ) as port,
    ):
        sent = [h.frame for h in hostile(flow) if send(stranger, h.frame)]
        assert set(sent) <= set(heard(port, len(sent)))
