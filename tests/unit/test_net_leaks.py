"""No function of the network keeps memory or descriptors: called again and again, it holds as many
blocks, whether it is taken or refused."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import _core
from engine.clock import calibrate
from engine.market.stream import Stream
from engine.net import WirePlan, build_frame, cable, open_port
from engine.net.frames import FRAME_REASONS, read_frame
from engine.net.traffic import datagram
from harness.traffic.synthetic import make

N_BLOCKS = 10  # that may come and go: caches of the interpreter, not ours
CPU = min(os.sched_getaffinity(0))
Call = Callable[[], object]

FLOW = (bytes(6), bytes(6), 0, 0, 0, 0, 0, 0, False)
HEARS = (bytes(6), 0, 0, 0, 0, False)
OPEN: dict[str, Any] = {
    "backend": "udp", "netns": None, "wait": "spin", "wants_stamps": False, "n_slots": 0,
    "n_bytes_frame": 0, "accel": "none", "local": "127.0.0.1:0", "peer": None,
    "multicast_interface": None, "is_listener": False, "interface": "", "is_framed": False,
    "flow": FLOW, "hears": HEARS, "queue": 0, "xdp_mode": "auto", "impair": None,
    "speaks_fix": False,
}  # fmt: skip
PING: dict[str, Any] = {
    "n_rounds": 3, "n_warmup": 0, "n_bytes": 64, "flow": 1, "seed": 1, "timeout_ns": 10**9,
    "gap_ns": 0, "blocks": False, "echo_blocks": False, "one_thread": True,
    "n_placement_batches": 0, "max_ns": 10**9, "prefix": b"", "cpu_ping": CPU, "cpu_echo": CPU,
}  # fmt: skip
FLOOD: dict[str, Any] = {
    "cpu_tx": CPU, "cpu_rx": CPU, "n_frames": 4, "first_seq": 0, "n_bytes": 300, "flow": 1,
    "seed": 1, "n_pack": 2, "span_ns": 100, "n_batch": 0, "is_live": False,
    "n_window": 0, "n_log": 8, "blocks": False, "one_thread": True, "settle_ns": 1000,
    "n_placement_batches": 0, "max_ns": 10**9, "prefix": b"",
}  # fmt: skip
LIVE: dict[str, Any] = {
    "cpu_tx": CPU, "cpu_rx": CPU, "n_frames": 4, "n_bytes": 64, "flow_number": 1, "n_batch": 1,
    "flow": FLOW, "netns": "/run/netns/rl-none", "interface": "rl-none0", "n_prefix": 0,
    "n_window": 0, "n_log": 0, "blocks": False, "settle_ns": 0, "n_placement_batches": 0,
    "max_ns": 1,
}  # fmt: skip
XDP: dict[str, Any] = {
    "kind": "echo", "interface": "rl-none0", "netns": None, "hook": "auto", "udp_port": 5,
    "drops": False,
}  # fmt: skip
FRAME: dict[str, Any] = {
    "from_mac": b"\2" * 6, "to_mac": b"\4" * 6, "from_ip": "10.0.0.1", "to_ip": "10.0.0.2",
    "from_port": 1, "to_port": 2,
}  # fmt: skip


def grown(call: Call, n: int) -> int:
    """Blocks and descriptors held after n calls and not before; the least of twenty tries."""
    for _ in range(60):  # caches fill; numpy's, of buffers asked for, takes some tries more
        call()
    least = sys.maxsize
    for _ in range(20):  # a leak is there in every one
        before = held()
        for _ in range(n):
            call()
        least = min(least, held() - before)
        if least <= N_BLOCKS:
            break
    return least


def held() -> int:
    gc.collect()  # what waits for it is no leak
    n_descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return sys.getallocatedblocks() + 100 * n_descriptors


def refused(call: Callable[..., object], *arguments: object, **named: object) -> None:
    with contextlib.suppress(TypeError, ValueError, OSError, BufferError):
        call(*arguments, **named)
        raise AssertionError("it was taken")


class Bench:
    """A cable, a socket, and everything that a call takes."""

    def __init__(self) -> None:
        self.hz = calibrate(20_000_000).tsc_hz
        ends = cable(1 << 16)
        self.one, self.other = ends.one.core, ends.other.core
        self.closed, _ = cable(4096)
        self.closed.close()
        self.udp = open_port("udp", local=("127.0.0.1", 0)).core
        self.due = np.arange(4, dtype=np.uint64)
        self.stream: Stream = make(
            "itch", seed=3, n_instruments=10, n_orders=200, n_messages=2000
        ).stream
        self.frame = build_frame(b"payload", **FRAME)

    def flood(self, **options: object) -> object:
        wanted = {**FLOOD, "tx": self.one, "rx": self.other, "tsc_hz": self.hz, "stream": None,
                  "due_ns": None, **options}  # fmt: skip
        return _core.flood_run(**wanted)

    def echo(self) -> object:
        self.one.send(b"x" * 50)
        told = _core.echo_run(port=self.other, cpu=CPU, n_max=1, only_probes=False, n_prefix=0,
                              blocks=False, max_ns=10**9)  # fmt: skip
        return told, self.one.receive(4)

    def wire(self, into: object, out: object, plan: tuple[object, ...]) -> object:
        ways: Any = ((into, out, plan, 0, 0),)
        return _core.Wire(ways=ways, tsc_hz=self.hz, cpu=CPU)

    def ping(self, **options: object) -> object:
        wanted = {**PING, "port": self.one, "echo_port": self.other, "tsc_hz": self.hz, **options}
        return _core.ping_run(**wanted)


# What is called, again and again; behind a comma what is refused half way, with something held.
CALLS: dict[str, Callable[[Bench], object]] = {
    "Port": lambda b: _core.Port(**OPEN).close(),
    "Port.send": lambda b: (b.one.send(b"hello"), b.other.receive(8)),
    "Port.receive": lambda b: b.other.receive(8),
    "Port.flush": lambda b: b.one.flush(),
    "Port.wait": lambda b: b.one.wait(),
    "Port.stats": lambda b: b.one.stats(),
    "Port.caps": lambda b: b.one.caps(),
    "Port.reasons": lambda b: b.one.reasons(),
    "Port.local": lambda b: (b.udp.local, b.one.local),
    "Port.in_use": lambda b: b.one.in_use,
    "Port.close": lambda b: b.closed.close(),
    "port_cable": lambda b: cable(4096),
    "ping_run": lambda b: b.ping(),
    "echo_run": lambda b: b.echo(),
    "flood_run": lambda b: b.flood(due_ns=b.due, stream=b.stream),
    "frame_build": lambda b: build_frame(b"payload", **FRAME),
    "frame_read": lambda b: (read_frame(b.frame), read_frame(b"short")),
    "frame_reasons": lambda b: _core.frame_reasons(),
    "probe_datagram": lambda b: datagram(5),
    "wire_decide": lambda b: _core.wire_decide(WirePlan(jitter_ns=5).as_core(), 7),
    "backend_probe": lambda b: _core.backend_probe("udp"),
    "Port, not there": lambda b: refused(
        _core.Port, **{**OPEN, "backend": "afpacket", "interface": "rl-none0"}
    ),
    "Port, no namespace": lambda b: refused(_core.Port, **{**OPEN, "netns": "/run/netns/rl-none"}),
    "Port, too little": lambda b: refused(
        _core.Port, **{k: v for k, v in OPEN.items() if k != "speaks_fix"} | {"netns": "/run/none"}
    ),
    "Port, no impair": lambda b: refused(_core.Port, **{**OPEN, "impair": 5}),
    "ping_run, one port": lambda b: refused(b.ping, echo_port=b.one),
    "ping_run, no CPU": lambda b: refused(b.ping, cpu_ping=4095),
    "flood_run, no room": lambda b: refused(b.flood, stream=b.stream, n_bytes=41),
    "flood_run, no schedule": lambda b: refused(b.flood, due_ns=np.zeros(3, np.uint8)),
    "flood_run, no port": lambda b: refused(b.flood, stream=b.stream, due_ns=b.due, rx=5),
    "live_flood_run": lambda b: refused(_core.live_flood_run, **LIVE, rx=b.one, tsc_hz=b.hz),
    "Impair": lambda b: refused(
        _core.Impair, actions=np.full(3, 9, np.uint8), udp_port=0, corrupt_at=0
    ),
    "Xdp": lambda b: refused(_core.Xdp, **XDP),
    "Wire, no port": lambda b: refused(b.wire, b.one, 5, ()),
    "Wire, no plan": lambda b: refused(b.wire, b.one, b.other, WirePlan().as_core()[:-1]),
    "Wire, no such jitter": lambda b: refused(
        b.wire, b.one, b.other, WirePlan(jitter_ns=1 << 60).as_core()
    ),
}
SLOW = {"Port", "Wire", "ping_run", "echo_run", "flood_run", "port_cable", "backend_probe"}


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("name", CALLS)
def test_calls_do_not_add_up(bench: Bench, name: str) -> None:
    call = CALLS[name]
    assert grown(lambda: call(bench), 25 if name.split(",")[0] in SLOW else 200) <= N_BLOCKS
    assert not bench.one.in_use
    assert not bench.other.in_use


@pytest.mark.parametrize(
    "function",
    [_core.Port, _core.Impair, _core.Wire, _core.Xdp, _core.port_cable, _core.ping_run,
     _core.echo_run, _core.flood_run, _core.live_flood_run, _core.frame_build, _core.frame_read,
     _core.wire_decide, _core.backend_probe, _core.probe_datagram],
    ids=lambda function: function.__name__,
)  # fmt: skip
def test_hostile_calls_do_not_add_up(function: Callable[..., object]) -> None:
    hostile = (object(),) * 30  # more than any takes
    assert grown(lambda: refused(function, *hostile), 300) <= N_BLOCKS
    assert grown(lambda: refused(function, nonsense=5), 300) <= N_BLOCKS


@pytest.mark.parametrize("method", ["send", "receive"])
def test_hostile_arguments_of_a_method_do_not_add_up(bench: Bench, method: str) -> None:
    assert grown(lambda: refused(getattr(bench.one, method), object()), 300) <= N_BLOCKS


def test_every_reason_is_named_once() -> None:
    assert len(set(FRAME_REASONS.values())) == len(FRAME_REASONS) > 10


@pytest.mark.usefixtures("counted_blocks")
def test_a_leak_is_noticed() -> None:
    kept: list[object] = []
    assert grown(lambda: kept.append(object()), 500) > N_BLOCKS
