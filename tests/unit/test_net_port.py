"""Ports as Python holds them: frames across a cable and loopback, and who may close what when."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from engine import EngineError, _core
from engine.clock import Clock, calibrate
from engine.net import Port, cable, flood, open_port, rtt
from engine.net.port import mac_bytes


@pytest.fixture(scope="module")
def clock() -> Clock:
    return calibrate(20_000_000)


def n_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@contextmanager
def udp_pair(**options: object) -> Iterator[tuple[Port, Port]]:
    """Two ports on loopback that are each other's peer."""
    with (
        open_port("udp", local=("127.0.0.1", 0), **options) as one,  # type: ignore[arg-type]
        open_port("udp", local=("127.0.0.1", 0), peer=one.local, **options) as other,  # type: ignore[arg-type]
    ):
        yield one, other


def received(port: Port, n: int) -> list[bytes]:
    """n frames, or what came within two seconds."""
    frames: list[bytes] = []
    end = time.monotonic() + 2
    while len(frames) < n and time.monotonic() < end:
        frames += [one.data for one in port.receive()]
    return frames


# ---- A cable ------------------------------------------------------------------------------------


def test_what_one_end_of_a_cable_sends_the_other_receives_in_order():
    with cable(4096) as (one, other):
        for i in range(20):
            assert one.send(bytes([i]) * (i + 1))
        assert [f.data for f in other.receive()] == [bytes([i]) * (i + 1) for i in range(20)]
        assert other.receive() == []
        assert one.receive() == []
        assert one.stats()["tx_frames"] == other.stats()["rx_frames"] == 20


def test_a_received_frame_is_a_copy():
    one, other = cable(4096)
    one.send(b"first")
    (frame,) = other.receive()
    for _ in range(200):
        one.send(b"other")
        other.receive()
    assert frame.data == b"first"
    assert frame.stamp_ns == 0
    assert other.caps.stamp == "none"


def test_a_full_cable_says_so_and_counts_it():
    one, other = cable(256)
    while one.send(bytes(40)):
        pass
    assert one.stats()["tx_full"] == 1
    assert other.receive()
    assert one.send(bytes(40))


def test_receive_gives_no_more_frames_than_were_asked_for():
    one, other = cable(4096)
    for _ in range(5):
        one.send(b"x")
    assert [len(other.receive(2)) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize("n", [0, 4097, 2**32])
def test_a_burst_that_makes_no_sense_is_refused(n):
    one, _other = cable(4096)
    with pytest.raises((ValueError, OverflowError)):
        one.receive(n)


@pytest.mark.parametrize("n", [0, 1 << 20])
def test_a_frame_that_never_fits_is_a_mistake_and_not_a_full_port(n):
    one, _other = cable(4096)
    with pytest.raises(ValueError, match=f"not {n}"):
        one.send(bytes(n))
    assert one.stats()["tx_full"] == 0


@pytest.mark.parametrize("n", [0, 63, 1000, 1 << 40])
def test_a_cable_of_odd_length_is_refused(n):
    with pytest.raises(ValueError, match="power of two"):
        cable(n)


def test_one_end_outlives_the_other():
    one, other = cable(4096)
    one.send(b"last words")
    one.close()
    del one
    assert [f.data for f in other.receive()] == [b"last words"]
    assert other.send(b"into the void")


@pytest.mark.parametrize("what", ["send", "receive", "flush", "wait", "stats"])
def test_a_closed_port_says_that_it_is_closed(what):
    one, _other = cable(4096)
    one.close()
    one.close()
    with pytest.raises(ValueError, match="closed"):
        getattr(one, what)(*([b"x"] if what == "send" else []))


# ---- In use -------------------------------------------------------------------------------------


@contextmanager
def busy(port: Port, clock: Clock) -> Iterator[None]:
    """A loop of C that has the port for as long as the block, and a little longer."""
    thread = threading.Thread(
        target=flood,
        args=(None, port),
        kwargs={
            "clock": clock,
            "cpu_sender": 0,
            "cpu_receiver": min(os.sched_getaffinity(0)),
            "count": 10**6,
            "max_ns": 200_000_000,
        },
    )
    thread.start()
    try:
        while not port.in_use:
            assert thread.is_alive()
        yield
    finally:
        thread.join()


def test_a_port_that_a_loop_uses_cannot_be_closed_or_used_and_afterwards_can(clock):
    one, other = cable(1 << 16)
    with busy(other, clock):
        for method in (other.close, other.receive, other.flush, other.wait):
            with pytest.raises(BufferError, match="in use"):
                method()
        with pytest.raises(BufferError, match="in use"):
            other.send(b"x")
        with pytest.raises(BufferError, match="in use"):
            rtt(other, clock=clock, cpu=0, count=1)
        assert other.stats()["rx_frames"] == 0  # looking is always allowed
        assert one.send(b"foreign")  # the other end is not in use
    assert not other.in_use
    assert other.stats()["rx_frames"] == 1
    other.close()


def test_one_port_cannot_be_both_ends_and_is_free_after_the_refusal(clock):
    one, _other = cable(4096)
    with pytest.raises(BufferError, match="in use"):
        rtt(one, clock=clock, cpu=0, echo_port=one)
    assert not one.in_use
    one.close()


def test_what_is_not_a_port_is_refused():
    for wrong in (None, 7, object(), np.zeros(4)):
        with pytest.raises(TypeError, match="not a Port"):
            _core.echo_run(
                port=wrong,  # type: ignore[arg-type]
                cpu=0,
                n_max=1,
                only_probes=False,
                n_prefix=0,
                blocks=False,
                max_ns=1,
            )


# ---- Opening ------------------------------------------------------------------------------------


def test_datagrams_cross_loopback():
    with udp_pair() as (one, other):
        assert other.send(b"hello")
        assert received(one, 1) == [b"hello"]
        assert one.send(b"answer")  # who sent first is the peer
        assert received(other, 1) == [b"answer"]
        assert one.caps.backend == "udp"
        assert one.caps.needs_syscall
        assert other.stats()["tx_bytes"] == 5


def test_stamps_are_of_the_clock_that_is_named():
    with udp_pair(stamps=True) as (one, other):
        before = time.time_ns()
        other.send(b"when?")
        frames = []
        while not frames and time.time_ns() < before + 2_000_000_000:
            frames = one.receive()
        assert one.caps.stamp == "software"
        assert before <= frames[0].stamp_ns <= time.time_ns()


def test_messages_cross_a_tcp_connection_whole():
    with (
        open_port("tcp", local=("127.0.0.1", 0), listen=True) as server,
        open_port("tcp", peer=server.local) as client,
    ):
        sent = [bytes([i]) * (i * 7 + 1) for i in range(50)]
        for one in sent:
            assert client.send(one)
        assert received(server, 50) == sent


@pytest.mark.parametrize(
    ("backend", "options", "said"),
    [
        ("pigeon", {}, "backend: no such one: pigeon"),
        ("shm", {}, "backend: no such one: shm"),
        ("udp", {"wait": "sleep"}, "wait: no such one: sleep"),
        ("udp", {"accel": "warp"}, "accel: no such one: warp"),
        ("udp", {"local": ("nowhere.invalid", 1)}, "local: not an address"),
        ("udp", {"local": ("127.0.0.1", 70000)}, "local: not an address"),
        ("udp", {"peer": ("127.0.0.1", -1)}, "peer: not an address"),
        ("afxdp", {"interface": "eth0", "xdp_mode": "magic"}, "xdp_mode: no such one: magic"),
        ("afpacket", {"interface": "an-interface-name"}, "interface: too long"),
        ("afpacket", {"interface": "lo", "mac": "12:34"}, "not a MAC address: '12:34'"),
        ("afpacket", {"interface": "lo", "vlan": 4095}, "4094"),
        ("afpacket", {"interface": "lo", "local": ("127.0.0.1", 65536)}, "65535"),
    ],
)
def test_a_word_that_means_nothing_is_refused_by_its_name(backend, options, said):
    with pytest.raises(ValueError, match=said):
        open_port(backend, **options)


@pytest.mark.parametrize("text", ["", "1:2:3:4:5:6", "aa:bb:cc:dd:ee:fg", "aa:bb:cc:dd:ee:ff:00"])
def test_a_mac_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="not a MAC address"):
        mac_bytes(text)


def test_an_address_that_is_taken_is_an_error_with_a_place():
    with (
        open_port("udp", local=("127.0.0.1", 0)) as one,
        pytest.raises(EngineError) as refused,
        open_port("udp", local=one.local),
    ):
        pass
    assert refused.value.errno == errno.EADDRINUSE
    assert "127.0.0.1" in str(refused.value)


@pytest.mark.parametrize("backend", ["udp", "afpacket", "afxdp"])
def test_a_namespace_that_is_not_there_is_named(backend):
    with pytest.raises(EngineError, match="rl-none") as refused:
        open_port(backend, netns="/run/netns/rl-none", interface="lo", local=("127.0.0.1", 1))
    assert refused.value.errno == errno.ENOENT


@pytest.mark.parametrize("backend", ["afpacket", "afxdp"])
def test_an_interface_that_is_not_there_is_named(backend):
    with pytest.raises(EngineError, match=r"rl-none0|CAP_") as refused:
        open_port(backend, interface="rl-none0", local=("10.0.0.1", 1), peer=("10.0.0.2", 2))
    assert refused.value.errno in (errno.ENODEV, errno.EPERM)


def test_a_refused_port_leaves_no_descriptor_behind():
    before = n_descriptors()
    for _ in range(20):
        with pytest.raises(EngineError):
            open_port("afpacket", interface="rl-none0", netns="/proc/self/ns/net")
        with pytest.raises(EngineError):
            open_port("udp", local=("192.0.2.1", 9), netns="/proc/self/ns/net")
    assert n_descriptors() == before


def test_an_open_port_keeps_its_socket_and_a_closed_one_gives_it_back():
    before = n_descriptors()
    for _ in range(20):
        with udp_pair():
            assert n_descriptors() > before
    assert n_descriptors() == before
