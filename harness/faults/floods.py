"""A flood through what a file asks for, and whether exactly those packets arrived that were told.

Numbered datagrams go from one end of a line to the other, by one thread that sends and receives;
a wire turns on another CPU. What arrived is compared with the prediction packet for packet, and the
counters of every mechanism with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.config.impair import Direction, Impairment
from harness.config.units import format_duration
from harness.errors import HostError
from harness.faults.plan import WayPlan, plan_of
from harness.faults.predict import (
    CORRUPT_BIT,
    Prediction,
    first_difference,
    first_miscount,
    predict,
)

if TYPE_CHECKING:
    from engine import Hist
    from engine.clock import Clock
    from engine.net import Flood, Port
    from engine.net.wire import WirePlan
    from harness.bench.netns import Bench
    from harness.faults.network import Faults

SENDER_PORT, RECEIVER_PORT = 20_000, 20_001
# Without a packet for so long none will come: a thread of the kernel on the CPU of the flood, or
# the wire on a CPU that somebody else wants too, may be kept waiting meanwhile.
SETTLE_NS = 50_000_000
WIRE_SETTLE_NS = 300_000_000
MAX_SETTLE_NS = 2_000_000_000
RECEIVE_SLOTS = 4096
NS_PER_S = 1_000_000_000

FloodPort = Literal["udp", "afpacket", "afxdp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent: so many datagrams of that size, by a constant rate, or as fast as they go."""

    port: FloodPort = "udp"
    count: int = 10_000
    size: int = 64
    rate_per_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImpairedFlood:
    """One direction of one line: what was sent, what came, and the first thing that is wrong."""

    way: WayPlan
    load: Load
    how: tuple[str, ...]  # what was obtained: ports, CPUs, where the table is
    n_sent: int
    seen: tuple[int, ...]  # numbers in the order of arrival, CORRUPT_BIT set in changed ones
    prediction: Prediction | None  # None: nobody can tell beforehand
    counted: dict[str, int]
    release_errors: Hist | None  # of the wire: ns behind the time at which each should leave
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.differences

    def lines(self) -> Iterator[str]:
        """For people; the verdict comes last."""
        rate = f" at {self.load.rate_per_s:,}/s" if self.load.rate_per_s else ""
        where = f"{self.way.line} {self.way.direction}"
        changed = sum(1 for number in self.seen if number & CORRUPT_BIT)
        yield f"{where}: {self.n_sent:,} datagrams of {self.load.size} B by {self.load.port}{rate}"
        yield f"  {'; '.join(self.how)}"
        yield f"  arrived {len(self.seen):,}, {changed:,} of them changed"
        shown = {name: n for name, n in self.counted.items() if n}
        for who in dict.fromkeys(name.partition(".")[0] for name in shown):
            mine = (
                f"{name.partition('.')[2]} {n:,}"
                for name, n in shown.items()
                if name.startswith(f"{who}.")
            )
            yield f"  {who}: {', '.join(mine)}"
        if self.release_errors is not None and self.release_errors.n:
            errors = self.release_errors
            parts = [f"min {errors.min:,}", *_percentiles(errors), f"max {errors.max:,}"]
            yield f"  release error, ns: {', '.join(parts)}"
        if self.way.is_statistical:
            yield "  statistical: netem draws its own numbers, none are told beforehand"
        for text in self.differences:
            yield f"  WRONG: {text}"
        if self.passed:
            yield (
                "  the packets that arrived are exactly those that were told"
                if self.prediction
                else "  nothing that arrived contradicts what can be told"
            )


def _percentiles(hist: Hist) -> Iterator[str]:
    """Those that so many samples can carry."""
    from harness.measure.percentiles import PUBLISHED, Support, fraction, support

    for name in PUBLISHED:
        if support(hist.n, fraction(name), 0) > Support.NONE:
            yield f"{name} {hist.percentile(float(name[1:])):,}"


def run_floods(
    bench: Bench, config: Impairment, load: Load, *, clock: Clock, cpu: int, wire_cpu: int
) -> Iterator[ImpairedFlood]:
    """Every direction that the file names, one after the other, each with the faults put anew."""
    from harness.faults.network import impaired, offered

    plan = plan_of(config, offered(load.port, bench), udp_port=RECEIVER_PORT)
    for line, direction in plan.ways:
        with impaired(
            bench, plan, udp_port=RECEIVER_PORT, clock=clock, wire_cpu=wire_cpu
        ) as faults:
            yield flood_once(bench, faults, line, direction, load, clock=clock, cpu=cpu)


def flood_once(
    bench: Bench,
    faults: Faults,
    line: str,
    direction: Direction,
    load: Load,
    *,
    clock: Clock,
    cpu: int,
) -> ImpairedFlood:
    """One flood over faults that nothing has met yet."""
    from harness.faults.network import figures

    way = faults.plan.way(line, direction)
    with open_ports(bench, faults, line, direction, load) as (sender, receiver):
        is_wired = faults.wire is not None
        told = _flood(sender, receiver, way, load, clock, cpu, passes_wire=is_wired)
    n_sent = told.sent["frames_sent"]
    errors = None
    if faults.wire is not None:  # stopped, its ports say what they had no room for
        faults.wire.stop()
        errors = faults.wire.errors(faults.wire_ways[line, direction])
    prediction = None
    differences: list[str | None] = []
    seen = tuple(told.log.tolist())
    if way.is_exact:
        prediction = predict(way, n_sent, verifies_checksum=True)
        differences = [
            first_miscount(prediction.wire, faults.wire_counters(line, direction), "the wire"),
            first_miscount(prediction.table, faults.table_counters(line, direction), "the table"),
            first_difference(prediction.arrivals, seen),
        ]
        if any(differences):
            differences += _reasons(told, faults, prediction, line, direction)
    return ImpairedFlood(
        way=way,
        load=load,
        how=tuple(_how(told, faults, line, direction)),
        n_sent=n_sent,
        seen=seen,
        prediction=prediction,
        counted=dict(figures(faults, (line, direction))),
        release_errors=errors if way.wire is not None else None,
        differences=tuple(text for text in differences if text is not None),
    )


def _how(told: Flood, faults: Faults, line: str, direction: Direction) -> Iterator[str]:
    sender, receiver = told.tx_side, told.rx_side
    assert sender is not None
    assert receiver is not None
    yield f"sender {sender.mode}, receiver {receiver.mode}, both on CPU {sender.cpu}"
    if faults.wire is not None:
        yield f"wire on CPU {faults.wire_cpu}: {faults.taps[0].caps.mode}"
    table = faults.tables.get((line, direction))
    if table is not None:
        yield f"table at {table.hook or 'xdp'}"


def _reasons(
    told: Flood, faults: Faults, prediction: Prediction, line: str, direction: Direction
) -> Iterator[str]:
    """What happened that no fault of ours asked for: it explains a difference."""
    assert told.tx_side is not None
    assert told.rx_side is not None
    wire = faults.plan.way(line, direction).wire
    too_soon = faults.wire_counters(line, direction).get("let_go", 0) - prediction.wire.get(
        "let_go", 0
    )
    if wire is not None and too_soon > 0:
        hold = format_duration(wire.hold_ns)
        yield f"the wire let {too_soon} packets go for which nothing came within {hold}"
    for who, n in (
        ("the sender had no room for", told.sent["frames_unsent"]),
        ("the sender's port lost", told.tx_side.stats["tx_lost"]),
        ("the receiver's port had no room for", told.rx_side.stats["rx_dropped"]),
        ("the wire's ports had no room for", sum(p.stats()["rx_dropped"] for p in faults.taps)),
        ("the wire's ports lost", sum(p.stats()["tx_lost"] for p in faults.taps)),
    ):
        if n:
            yield f"{who} {n} packets"


@contextmanager
def open_ports(
    bench: Bench, faults: Faults, line: str, direction: Direction, load: Load
) -> Iterator[tuple[Port, Port]]:
    """Sender and receiver of a direction; both verify checksums, and frames carry them."""
    from engine import EngineError
    from engine.net import open_port

    one = bench.lines[line]
    near, far = (one.rig, one.engine) if direction == "to-engine" else (one.engine, one.rig)
    try:
        with (
            open_port(
                load.port,
                netns=far.netns,
                interface=far.interface,
                mac=far.mac,
                peer_mac=near.mac,
                local=(far.ip, RECEIVER_PORT),
                peer=(near.ip, SENDER_PORT),
                n_slots=RECEIVE_SLOTS,
                verifies_checksum=True,  # as the kernel does for udp
                impair=faults.asked_by(line, direction),
            ) as receiver,
            open_port(
                load.port,
                netns=near.netns,
                interface=near.interface,
                mac=near.mac,
                peer_mac=far.mac,
                local=(near.ip, SENDER_PORT),
                peer=(far.ip, RECEIVER_PORT),
            ) as sender,
        ):
            yield sender, receiver
    except EngineError as error:
        raise HostError(f"{load.port}: {error.strerror or error}") from None


def _flood(
    sender: Port,
    receiver: Port,
    way: WayPlan,
    load: Load,
    clock: Clock,
    cpu: int,
    *,
    passes_wire: bool,
) -> Flood:
    from engine.net import flood

    due, span_ns = None, 0
    if load.rate_per_s is not None:
        gap_ns = max(1, NS_PER_S // load.rate_per_s)
        due, span_ns = np.zeros(1, dtype=np.uint64), gap_ns
    return flood(
        sender,
        receiver,
        clock=clock,
        cpu_sender=cpu,
        cpu_receiver=cpu,
        one_thread=True,
        count=load.count,
        size=load.size,
        due_ns=due,
        span_ns=span_ns,
        log=2 * load.count + 64,
        settle_ns=settle_ns(way.wire, passes_wire=passes_wire),
    )


def settle_ns(wire: WirePlan | None, *, passes_wire: bool) -> int:
    """Beyond that for which the wire may hold a packet back."""
    if wire is None:
        return WIRE_SETTLE_NS if passes_wire else SETTLE_NS
    pause = max((one.for_ns for one in wire.pauses), default=0)
    hold = wire.hold_ns if wire.reorder_ppm or wire.reorder_every else 0
    waits = wire.delay_ns + wire.skew_ns + wire.jitter_ns + hold + wire.queue_ns + pause
    return min(MAX_SETTLE_NS, WIRE_SETTLE_NS + waits)
