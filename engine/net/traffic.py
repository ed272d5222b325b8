"""Loops that measure a path: round trips, floods and who answers them, on pinned threads in C.

Each holds its ports while it runs, waits without the GIL, and ends when a signal's handler raises:
KeyboardInterrupt leaves nothing running. Times are in ns. A round trip is never halved.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.clock import Clock
from engine.market.stream import Stream
from engine.net.port import Address, Port, core_flow

__all__ = ["Echo", "Flood", "Identity", "Placement", "Rtt", "Side", "datagram", "echo", "flood",
           "live_flood", "rtt"]  # fmt: skip

HEADER_BYTES = 32  # of a datagram of ours: struct rl_probe_header
SETTLE_NS = 20_000_000  # after the last frame: so long must nothing come
SLACK_NS = 5_000_000_000  # beyond what a run should take, before it is given up


@dataclass(frozen=True, slots=True)
class Side:
    """What one thread and its port did: what was obtained, faults and switches, counters."""

    backend: str
    mode: str
    stamp: str
    cpu: int
    usage: Mapping[str, int]
    stats: Mapping[str, int]  # of the port, during the run alone


class Placement(NamedTuple):
    """A cache line's round trip between the two CPUs, ns; None: not probed."""

    before_ns: float | None
    after_ns: float | None


class Identity(NamedTuple):
    """What was counted at two places and must be equal."""

    name: str
    left: int
    right: int


@dataclass(frozen=True, slots=True, eq=False)
class Rtt:
    """A closed loop: one frame under way at a time (csrc/rig/traffic/ping.h)."""

    rtt: _core.Hist  # ns from before the send until the answer was read
    processing: _core.Hist  # ns from a frame visible to parsed, compared and handed on
    counters: Mapping[str, int]
    echo_counters: Mapping[str, int]
    ping_side: Side
    echo_side: Side | None  # None: somebody else answers
    placement: Placement
    elapsed_ns: int
    was_stopped: bool


@dataclass(frozen=True, slots=True, eq=False)
class Flood:
    """An open loop: sent by the clock, whatever the receiver does (csrc/rig/traffic/flood.h)."""

    sent: Mapping[str, int]
    received: Mapping[str, int]
    arrived: int  # different frames that arrived whole
    lost: int  # sent - arrived; 0 unless both ends are ours
    sent_span_ns: int  # first to last frame
    received_span_ns: int
    sent_pps: float
    received_pps: float
    handle_ns: float  # mean, a received frame: read, checked, counted
    lateness: _core.Hist  # ns, sent - intended
    from_intended: _core.Hist  # ns, one way
    from_sent: _core.Hist
    tx_side: Side | None
    rx_side: Side | None
    placement: Placement
    identities: Sequence[Identity]
    elapsed_ns: int
    was_stopped: bool
    log: npt.NDArray[np.uint64]  # numbers in the order of arrival, as far as they were kept


@dataclass(frozen=True, slots=True, eq=False)
class Echo:
    """What an echo answered (csrc/rig/traffic/echo.h)."""

    counters: Mapping[str, int]
    side: Side
    elapsed_ns: int
    was_stopped: bool


def rtt(
    port: Port,
    *,
    clock: Clock,
    cpu: int,
    echo_port: Port | None = None,
    echo_cpu: int | None = None,
    count: int = 20_000,
    warmup: int = 1000,
    size: int = 64,
    flow: int = 1,
    seed: int = 1,
    timeout_ns: int = 100_000_000,
    gap_ns: int = 0,
    blocks: bool = False,
    prefix: bytes = b"",
    placement_batches: int = 0,
    max_ns: int = 60_000_000_000,
) -> Rtt:
    """`count` round trips of datagrams of `size` bytes, after `warmup` that are not recorded.

    Answers come from `echo_port`, turned on `echo_cpu` (None: on the same thread as the ping), or
    without one from whoever is at the other end. A round without an answer within `timeout_ns` is
    lost. On a port of whole Ethernet frames `prefix` stands before each datagram.
    Raises EngineError with a sentence.
    """
    told = _core.ping_run(
        port=port.core,
        echo_port=None if echo_port is None else echo_port.core,
        tsc_hz=clock.tsc_hz,
        cpu_ping=cpu,
        cpu_echo=cpu if echo_cpu is None else echo_cpu,
        n_rounds=count,
        n_warmup=warmup,
        n_bytes=size,
        flow=flow,
        seed=seed,
        timeout_ns=timeout_ns,
        gap_ns=gap_ns,
        blocks=blocks,
        echo_blocks=blocks,
        one_thread=echo_port is not None and echo_cpu is None,
        n_placement_batches=placement_batches if echo_cpu not in (None, cpu) else 0,
        max_ns=max_ns,
        prefix=prefix,
    )
    ping_side = _side(told["ping_side"])
    assert ping_side is not None
    return Rtt(
        rtt=told["rtt"],
        processing=told["handle"],
        counters=told["ping"],
        echo_counters=told["echo"],
        ping_side=ping_side,
        echo_side=_side(told["echo_side"]),
        placement=_placement(told["placement_mticks"], clock),
        elapsed_ns=told["elapsed_ns"],
        was_stopped=told["was_stopped"],
    )


def flood(
    sender: Port | None,
    receiver: Port | None,
    *,
    clock: Clock,
    cpu_sender: int,
    cpu_receiver: int,
    count: int,
    size: int = 64,
    due_ns: npt.NDArray[np.uint64] | None = None,
    span_ns: int = 0,
    stream: Stream | None = None,
    pack: int = 1,
    one_thread: bool = False,
    batch: int = 0,
    first_seq: int = 0,
    flow: int = 1,
    seed: int = 1,
    window: int = 0,
    log: int = 0,
    blocks: bool = False,
    settle_ns: int = SETTLE_NS,
    prefix: bytes = b"",
    placement_batches: int = 0,
    max_ns: int = 0,
) -> Flood:
    """Send `count` numbered frames by a schedule, or as fast as they go, and check what arrives.

    Frame i is due at i // len(due_ns) * span_ns + due_ns[i % len(due_ns)] ns after the start; with
    a `stream` each carries `pack` of its records. A sender or a receiver that is None is somebody
    else's part. With `log` the numbers of so many arrivals are kept. Raises EngineError.
    """
    if max_ns == 0:
        planned = 0 if due_ns is None else -(-count // max(len(due_ns), 1)) * span_ns
        max_ns = max(planned, 55_000_000_000 if due_ns is None else 0) + settle_ns + SLACK_NS
    told = _core.flood_run(
        tx=None if sender is None else sender.core,
        rx=None if receiver is None else receiver.core,
        tsc_hz=clock.tsc_hz,
        cpu_tx=cpu_sender,
        cpu_rx=cpu_receiver,
        n_frames=count,
        first_seq=first_seq,
        n_bytes=size,
        flow=flow,
        seed=seed,
        stream=stream,
        n_pack=pack,
        due_ns=due_ns,
        span_ns=span_ns,
        n_batch=batch,
        is_live=False,
        n_window=window,
        n_log=log,
        blocks=blocks,
        one_thread=one_thread,
        settle_ns=settle_ns,
        n_placement_batches=placement_batches,
        max_ns=max_ns,
        prefix=prefix,
    )
    return _flood(told, clock)


def live_flood(
    receiver: Port,
    *,
    clock: Clock,
    interface: str,
    local: Address,
    peer: Address,
    mac: str,
    peer_mac: str,
    netns: str | os.PathLike[str] | None = None,
    cpu_sender: int,
    cpu_receiver: int,
    count: int,
    size: int = 64,
    batch: int = 64,
    vlan: int = 0,
    flow: int = 1,
    window: int = 0,
    log: int = 0,
    blocks: bool = False,
    prefix_bytes: int = 0,
    settle_ns: int = SETTLE_NS,
    placement_batches: int = 0,
    max_ns: int = 60_000_000_000,
) -> Flood:
    """The same from the kernel's own generator: XDP live frames out of `interface`, from `local`
    on `mac` to `peer` on `peer_mac`.

    `batch` 1 is for latency, 64 for rate. `from_intended` is the one way latency. Wants CAP_BPF and
    CAP_NET_ADMIN. Raises EngineError with a sentence.
    """
    told = _core.live_flood_run(
        rx=receiver.core,
        tsc_hz=clock.tsc_hz,
        cpu_tx=cpu_sender,
        cpu_rx=cpu_receiver,
        n_frames=count,
        n_bytes=size,
        flow_number=flow,
        n_batch=batch,
        flow=(*core_flow(mac, peer_mac, local, peer), vlan, 0, False),
        netns=netns,
        interface=interface,
        n_prefix=prefix_bytes,
        n_window=window,
        n_log=log,
        blocks=blocks,
        settle_ns=settle_ns,
        n_placement_batches=placement_batches,
        max_ns=max_ns,
    )
    return _flood(told, clock)


def echo(
    port: Port,
    *,
    cpu: int,
    count: int = 0,
    only_ours: bool = False,
    prefix_bytes: int = 0,
    blocks: bool = False,
    max_ns: int | None = None,
) -> Echo:
    """Send back what comes, until so many frames went back, the time is over, or a signal raises.

    `only_ours` answers no datagram without our header.
    """
    told = _core.echo_run(
        port=port.core,
        cpu=cpu,
        n_max=count,
        only_probes=only_ours,
        n_prefix=prefix_bytes,
        blocks=blocks,
        max_ns=(1 << 64) - 1 if max_ns is None else max_ns,
    )
    side = _side(told["side"])
    assert side is not None
    return Echo(told["echo"], side, told["elapsed_ns"], told["was_stopped"])


def datagram(seq: int, *, size: int = 64, flow: int = 1, seed: int = 1) -> bytes:
    """What frame `seq` of a flood holds, but for its times: for other programs to send."""
    return _core.probe_datagram(seq=seq, n_bytes=size, flow=flow, seed=seed)


def _side(told: _core.SideDict | None) -> Side | None:
    return None if told is None else Side(**told)


def _placement(mticks: tuple[int | None, int | None], clock: Clock) -> Placement:
    before, after = (None if t is None else t / 1000 * clock.ns_per_tick for t in mticks)
    return Placement(before, after)


def _flood(told: _core.FloodDict, clock: Clock) -> Flood:
    return Flood(
        sent=told["sent"],
        received=told["received"],
        arrived=told["arrived"],
        lost=told["lost"],
        sent_span_ns=told["sent_span_ns"],
        received_span_ns=told["received_span_ns"],
        sent_pps=told["sent_pps"],
        received_pps=told["received_pps"],
        handle_ns=told["handle_ns"],
        lateness=told["lateness"],
        from_intended=told["from_intended"],
        from_sent=told["from_sent"],
        tx_side=_side(told["tx_side"]),
        rx_side=_side(told["rx_side"]),
        placement=_placement(told["placement_mticks"], clock),
        identities=[Identity(*one) for one in told["identities"]],
        elapsed_ns=told["elapsed_ns"],
        was_stopped=told["was_stopped"],
        log=np.frombuffer(told["log"], dtype=np.uint64),
    )
