"""Ports, programs and wires of engine.net on virtual cables: what is sent is what arrives, and what
somebody uses cannot be closed."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator

import numpy as np
import pytest

from engine import EngineError
from engine.clock import Clock, calibrate
from engine.net import (
    Action,
    Impair,
    Port,
    Way,
    Wire,
    WirePlan,
    XdpCount,
    XdpEcho,
    build_frame,
    live_flood,
    open_port,
    rtt,
)
from engine.net.port import mac_bytes
from engine.net.traffic import datagram
from harness.bench.netns import Bench, End, netns_bench
from harness.tuning import rights

from .conftest import needs_two_cpus

NEAR, FAR = 20_000, 20_001
RAW = ("afpacket", "afxdp")
CPUS = sorted(os.sched_getaffinity(0))


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    needs_two_cpus()
    why = rights.why_not(rights.BENCH, rights.AFXDP)
    if why is not None:
        pytest.skip(why)
    with netns_bench(lines=("one",), wire=False) as made:
        yield made


@pytest.fixture(scope="module")
def clock() -> Clock:
    return calibrate(20_000_000)


def end(backend: str, own: End, other: End, own_port: int, other_port: int, **options) -> Port:
    return open_port(
        backend,
        netns=own.netns,
        interface=own.interface,
        mac=own.mac,
        peer_mac=other.mac,
        local=(own.ip, own_port),
        peer=(other.ip, other_port),
        **options,
    )


@pytest.fixture
def ends(bench: Bench) -> tuple[End, End]:
    return bench.lines["one"].rig, bench.lines["one"].engine


def received(port: Port, n: int) -> list[bytes]:
    """n frames, or what came within two seconds."""
    frames: list[bytes] = []
    limit = time.monotonic() + 2
    while len(frames) < n and time.monotonic() < limit:
        frames += [one.data for one in port.receive()]
    return frames


@pytest.mark.parametrize("backend", ["udp", *RAW])
def test_datagrams_cross_the_cable_both_ways(ends, backend):
    near, far = ends
    with (
        end(backend, far, near, FAR, NEAR) as there,
        end(backend, near, far, NEAR, FAR) as here,
    ):
        sent = [bytes([i]) * (20 + i) for i in range(30)]
        assert all(here.send(one) for one in sent)
        assert received(there, 30) == sent
        assert there.send(b"and back")
        assert received(here, 1) == [b"and back"]
        assert there.stats()["rx_frames"] == 30


@pytest.mark.parametrize("backend", RAW)
def test_what_is_for_somebody_else_is_refused_by_its_reason(ends, backend):
    near, far = ends
    headers = {
        "from_mac": mac_bytes(near.mac), "to_mac": mac_bytes(far.mac), "from_ip": near.ip,
        "to_ip": far.ip, "from_port": NEAR, "to_port": FAR,
    }  # fmt: skip
    with (
        end(backend, far, near, FAR, NEAR, verifies_checksum=True) as there,
        open_port("afpacket", netns=near.netns, interface=near.interface, framed=False) as here,
    ):
        assert here.caps.is_ethernet
        bad = bytearray(build_frame(b"damaged later", **headers, has_checksum=True))
        bad[-1] ^= 1
        here.send(bytes(bad))
        here.send(build_frame(b"good", **headers))
        assert received(there, 1) == [b"good"]
        assert there.reasons()["bad_udp_checksum"] == 1
        assert here.reasons() == {}


def test_a_group_is_heard_by_who_asked_for_it(ends):
    near, far = ends
    with (
        end("afpacket", far, near, FAR, NEAR, group="239.1.2.3") as listens,
        end("afpacket", far, near, FAR, NEAR) as does_not,
        open_port(
            "afpacket", netns=near.netns, interface=near.interface, mac=near.mac,
            local=(near.ip, NEAR), peer=("239.1.2.3", FAR),
        ) as here,
    ):  # fmt: skip
        here.send(b"to all")
        assert received(listens, 1) == [b"to all"]
        assert does_not.receive() == []


@pytest.mark.parametrize("mode", ["native", "generic"])
def test_a_mode_that_is_asked_for_is_the_mode_that_is_told(ends, mode):
    near, far = ends
    with end("afxdp", near, far, NEAR, FAR, xdp_mode=mode) as port:
        assert port.caps.mode.startswith(mode)


def test_zero_copy_that_a_driver_lacks_is_an_error_and_not_a_copy(ends):
    near, far = ends
    with pytest.raises(EngineError, match="zero-copy"):
        end("afxdp", near, far, NEAR, FAR, xdp_mode="zero-copy")


def test_a_second_program_on_an_interface_is_refused(ends):
    near, far = ends
    with (
        end("afxdp", near, far, NEAR, FAR),
        pytest.raises(EngineError) as refused,
        XdpCount(near.interface, netns=near.netns),
    ):
        pass
    assert refused.value.errno in (errno.EBUSY, errno.EEXIST)


# ---- Programs -----------------------------------------------------------------------------------


def test_a_program_in_the_driver_answers_without_a_thread(ends, clock):
    near, far = ends
    with (
        end("afxdp", near, far, NEAR, FAR, xdp_mode="generic") as port,
        XdpEcho(far.interface, udp_port=FAR, hook="generic", netns=far.netns) as echo,
    ):
        found = rtt(port, clock=clock, cpu=CPUS[0], count=100, warmup=0, timeout_ns=1_000_000_000)
        assert found.counters["answered"] == found.rtt.n == 100
        assert echo.n_frames == 100
        assert echo.hook == "generic"
        assert found.echo_side is None
    with pytest.raises(ValueError, match="closed"):
        assert echo.n_frames


def test_a_counter_counts_and_lets_pass_or_not(ends):
    near, far = ends
    for drops, n_arrived in ((False, 5), (True, 0)):
        with (
            XdpCount(far.interface, udp_port=FAR, drops=drops, netns=far.netns) as counter,
            end("udp", far, near, FAR, NEAR) as there,
            end("udp", near, far, NEAR, FAR) as here,
        ):
            for _ in range(5):
                here.send(b"count me")
            limit = time.monotonic() + 2
            while counter.n_frames < 5 and time.monotonic() < limit:
                pass
            assert counter.n_frames == 5
            assert len(received(there, 5) if n_arrived else there.receive()) == n_arrived


@pytest.mark.parametrize("kind", [XdpEcho, XdpCount])
def test_a_program_for_no_interface_is_refused(kind):
    with pytest.raises(EngineError, match=r"rl-none0|CAP_"):
        kind("rl-none0", udp_port=5)


def test_live_frames_arrive_numbered(ends, clock):
    near, far = ends
    with end("afxdp", far, near, FAR, NEAR, xdp_mode="native", n_slots=4096) as there:
        found = live_flood(
            there,
            clock=clock,
            interface=near.interface,
            netns=near.netns,
            local=(near.ip, NEAR),
            peer=(far.ip, FAR),
            mac=near.mac,
            peer_mac=far.mac,
            cpu_sender=CPUS[0],
            cpu_receiver=CPUS[1],
            count=2000,
            log=2000,
        )
    assert found.sent["frames_sent"] == 2000
    assert found.arrived + found.lost == 2000
    assert found.log.tolist() == sorted(found.log.tolist())
    assert found.received["corrupt"] == found.received["foreign"] == 0
    assert not [one.name for one in found.identities if one.left != one.right]


# ---- Faults -------------------------------------------------------------------------------------


def table(n: int = 16) -> np.ndarray:
    actions = np.full(n, Action.PASS, np.uint8)
    actions[1], actions[3] = Action.DROP, Action.DUPLICATE
    return actions


def test_the_fate_of_each_packet_is_that_of_the_table(ends):
    near, far = ends
    with (
        Impair(table(), udp_port=FAR) as impair,
        end("udp", far, near, FAR, NEAR) as there,
        end("udp", near, far, NEAR, FAR) as here,
    ):
        assert impair.hook is None
        obtained = impair.attach(far.interface, netns=far.netns)
        assert obtained == impair.hook in ("tcx", "clsact")
        for i in range(5):
            here.send(bytes([i]))
        assert received(there, 5) == [b"\0", b"\2", b"\3", b"\3", b"\4"]
        counted = impair.counters()
        assert (counted["n_seen"], counted["n_dropped"], counted["n_duplicated"]) == (5, 1, 1)
        impair.restart()
        assert impair.counters()["n_seen"] == 0
        with pytest.raises(ValueError, match="16 actions"):
            impair.restart(table(32))
        impair.detach()
        here.send(b"safe")
        assert received(there, 1) == [b"safe"]
        assert impair.counters()["n_seen"] == 0


def test_a_table_that_a_port_asks_cannot_be_closed_before_it(ends):
    near, far = ends
    actions = table()
    actions[3] = Action.DROP
    impair = Impair(actions, udp_port=FAR)
    with (
        end("afxdp", far, near, FAR, NEAR, impair=impair) as there,
        end("afxdp", near, far, NEAR, FAR) as here,
    ):
        with pytest.raises(BufferError, match="1 ports"):
            impair.close()
        for i in range(5):
            here.send(bytes([i]) * 20)
        assert [data[0] for data in received(there, 3)] == [0, 2, 4]
        assert impair.counters()["n_dropped"] == 2
    impair.close()
    impair.close()
    with pytest.raises(ValueError, match="closed"):
        impair.counters()


def test_a_program_that_cannot_duplicate_says_so(ends):
    near, far = ends
    with Impair(table(), udp_port=FAR) as impair:
        with pytest.raises(EngineError, match=r"[Dd]uplicate"):
            end("afxdp", far, near, FAR, NEAR, impair=impair)
        impair.close()  # the port that never was holds nothing


@pytest.mark.parametrize("actions", [[], [0, 0, 0], [0, 9], [0] * (1 << 21)], ids=len)
def test_a_table_that_makes_no_sense_is_refused(bench, actions):
    with pytest.raises(EngineError) as refused:
        Impair(np.array(actions, np.uint8))
    assert refused.value.errno == errno.EINVAL


def test_a_table_for_no_interface_is_refused(bench):
    with Impair(table()) as impair:
        with pytest.raises(EngineError, match="rl-none0"):
            impair.attach("rl-none0")
        with pytest.raises(ValueError, match="hook: no such one"):
            impair.attach("lo", hook="magic")  # type: ignore[arg-type]
        assert impair.hook is None


# ---- A wire -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wired() -> Iterator[Bench]:
    needs_two_cpus()
    why = rights.why_not(rights.BENCH, rights.AFXDP)
    if why is not None:
        pytest.skip(why)
    with netns_bench(lines=("one",), wire=True) as made:
        yield made


def test_a_wire_carries_both_ways_and_holds_its_ports_until_it_is_stopped(wired, clock):
    near, far = wired.lines["one"].rig, wired.lines["one"].engine
    taps = wired.wire["one"]
    with (
        open_port("afpacket", netns=taps.rig.netns, interface=taps.rig.interface,
                  framed=False) as left,
        open_port("afpacket", netns=taps.engine.netns, interface=taps.engine.interface,
                  framed=False) as right,
        end("udp", far, near, FAR, NEAR) as there,
        end("udp", near, far, NEAR, FAR) as here,
    ):  # fmt: skip
        plan = WirePlan(udp_port=FAR, delay_ns=100_000, actions=table())
        with Wire([Way(left, right, plan), Way(right, left)], clock=clock, cpu=CPUS[1]) as wire:
            for port in (left, right):
                assert port.in_use
                with pytest.raises(BufferError, match="in use"):
                    port.close()
            with pytest.raises(BufferError, match="stop it first"):
                wire.errors(0)
            for i in range(5):
                here.send(datagram(i))
            arrived = received(there, 5)
            assert arrived == [datagram(i) for i in (0, 2, 3, 3, 4)]
            assert there.send(b"back")
            assert received(here, 1) == [b"back"]
            with pytest.raises(IndexError, match="no way 2"):
                wire.counters(2)
            wire.stop()
            assert not left.in_use
            assert wire.counters(0)["lost"] == wire.counters(0)["duplicated"] == 1
            assert 4 <= wire.errors(0).n <= wire.counters(0)["forwarded"] == 5  # a copy has no time
            assert wire.waiting(0) == 0
            assert set(wire.usage) == {"minflt", "majflt", "nvcsw", "nivcsw", "allocs"}
        with pytest.raises(ValueError, match="closed"):
            wire.counters(0)


def test_a_wire_that_makes_no_sense_is_refused_and_frees_its_ports(wired, clock):
    taps = wired.wire["one"]
    with open_port("afpacket", netns=taps.rig.netns, interface=taps.rig.interface,
                   framed=False) as port:  # fmt: skip
        for ways in (
            [],
            [Way(port, port)] * 9,
            [Way(port, port, WirePlan(actions=np.zeros(3, np.uint8)))],
            [Way(port, port, WirePlan(jitter_ns=1 << 50))],
        ):
            with pytest.raises((EngineError, ValueError)):
                Wire(ways, clock=clock, cpu=CPUS[1])
            assert not port.in_use
        with pytest.raises(ValueError, match="shape"):
            Wire([Way(port, port, WirePlan(shape="square"))], clock=clock, cpu=CPUS[1])  # type: ignore[arg-type]
        with pytest.raises(EngineError):
            Wire([Way(port, port)], clock=clock, cpu=4095)
        assert not port.in_use
