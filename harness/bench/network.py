"""The network of a bench in the measuring process: its ports, its faults, and what they did."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.clock import Clock
from engine.net import Impair, Port, open_port, rtt
from engine.pipeline import Line
from harness.bench import netns
from harness.bench.plan import EndPlan, LinePlan, NetPlan, RttPlan, TrialPlan
from harness.bench.reports import histogram_json
from harness.config.impair import Direction, Impairment
from harness.config.loader import parse
from harness.faults.network import Faults, figures, impaired, offered
from harness.faults.plan import plan_of

PORTS = {"market": 20_000, "orders": 21_000}  # of the rig; the engine has the next
FRAME_BYTES = 2048  # what a slot takes
MIN_SLOTS, MAX_SLOTS = 256, 1 << 14
# A run of round trips ends by then, whatever happens: a blocked one takes a tenth of this.
MIN_LIMIT_NS, MAX_ROUND_NS = 10_000_000_000, 1_000_000

Identity = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Network:
    """The lines of a trial, open, and the faults on them; nothing of either in shared memory."""

    lines: Mapping[str, Line] = field(default_factory=dict)
    faults: Faults | None = None

    def report(self) -> dict[str, Any] | None:
        """What was obtained at each end, and what it counted; None for shared memory."""
        if not self.lines:
            return None
        return {
            name: {
                role: {"backend": port.caps.backend, "mode": port.caps.mode, "stats": port.stats()}
                for role, port in line._asdict().items()
            }
            for name, line in self.lines.items()
        }

    def fault_report(self) -> dict[str, dict[str, int]] | None:
        """The truth of what was done to each direction of each line; None: nothing was to be."""
        if self.faults is None:
            return None
        keys = self.faults.plan.ways
        return {f"{line} {way}": dict(figures(self.faults, (line, way))) for line, way in keys}

    def identities(self, counters: Mapping[str, Mapping[str, int]]) -> Iterator[Identity]:
        """What was sent and what came, where a table decided over it; by chance nothing adds up."""
        if self.faults is None:
            return
        engine, exchange = counters["engine"], counters["exchange"]
        ways: tuple[tuple[str, Direction, int, int], ...] = (
            ("market", "to-engine", counters["generator"]["frames_sent"], engine["frames"]),
            ("orders", "to-rig", engine["requests_sent"], exchange["requests_received"]),
            ("orders", "to-engine", exchange["answers_sent"], engine["answers"]),
        )
        for line, way, sent, came in ways:
            yield from self._identity(line, way, sent, came)

    def _identity(self, line: str, way: Direction, sent: int, came: int) -> Iterator[Identity]:
        assert self.faults is not None
        if not self.faults.plan.way(line, way).is_exact:
            return
        done = self.faults.table_counters(line, way)
        ends = self.lines[line]
        source, target = (ends.rig, ends.engine) if way == "to-engine" else (ends.engine, ends.rig)
        lost = source.stats()["tx_lost"] + target.stats()["rx_dropped"]
        yield (
            f"{line} {way}: sent + repeated on the line = received + lost on the line",
            sent + done.get("n_duplicated", 0),
            came + done.get("n_dropped", 0) + lost,
        )


@contextmanager
def network_of(plan: TrialPlan, clock: Clock) -> Iterator[Network]:
    """Both lines, open until the block is left, with the faults that the plan wants on them."""
    net = plan.net
    if net is None:
        yield Network()
        return
    n_slots = min(max(plan.ring_bytes // FRAME_BYTES, MIN_SLOTS), MAX_SLOTS)
    with ExitStack() as stack:
        faults = None
        if plan.impairment is not None:
            wanted = parse(plan.impairment, Impairment, name="impairment")
            bench = bench_of(net)
            told = plan_of(wanted, offered(net.port, bench), udp_port=0)
            faults = stack.enter_context(impaired(bench, told, udp_port=0, clock=clock))
        lines = {
            "market": _line(net, "market", net.market, n_slots, faults, stack),
            "orders": _line(net, "orders", net.orders, n_slots, faults, stack),
        }
        yield Network(lines, faults)


def bench_of(net: NetPlan) -> netns.Bench:
    """The plan's interfaces as the bench that they are."""

    def end(one: EndPlan) -> netns.End:
        return netns.End(
            netns=Path(one.netns or "/proc/self/ns/net"),
            interface=one.interface,
            mac=one.mac,
            ifindex=one.ifindex,
            ip=one.ip,
        )

    lines = {"market": net.market, "orders": net.orders}
    return netns.Bench(
        "", {name: netns.Line(end(one.rig), end(one.engine)) for name, one in lines.items()}, {}
    )


def _line(
    net: NetPlan,
    name: str,
    line: LinePlan,
    n_slots: int,
    faults: Faults | None,
    stack: ExitStack,
) -> Line:
    def end(own: EndPlan, own_port: int, other: EndPlan, other_port: int, way: Direction) -> Port:
        table: Impair | None = faults.asked_by(name, way) if faults else None
        opened = open_port(
            net.port,
            netns=own.netns,
            interface=own.interface,
            mac=own.mac,
            peer_mac=other.mac,
            local=(own.ip, own_port),
            peer=(other.ip, other_port),
            listen=net.port == "tcp" and own is line.engine,
            wait=net.wait,
            xdp_mode=net.xdp_mode,
            accel=net.accel,
            n_slots=n_slots,
            checksum=False,  # optional over IPv4, and no part of what is measured
            impair=table,
        )
        return stack.enter_context(opened)

    port = PORTS[name]
    # The engine's end first: a TCP rig connects to it.
    engine_end = end(line.engine, port + 1, line.rig, port, "to-engine")
    return Line(rig=end(line.rig, port, line.engine, port + 1, "to-rig"), engine=engine_end)


def round_trips(plan: RttPlan, clock: Clock) -> dict[str, Any]:
    """One process's share of a path: pings from the rig's end, answered at the engine's."""
    began = time.monotonic()
    with ExitStack() as stack:
        line = _line(plan.net, "market", plan.net.market, MIN_SLOTS, None, stack)
        found = rtt(
            line.rig,
            clock=clock,
            cpu=plan.cpu_ping,
            count=plan.rounds,
            warmup=plan.warmup,
            size=plan.size_bytes,
            echo_port=line.engine,
            echo_cpu=plan.cpu_echo,
            blocks=plan.net.wait == "block",
            max_ns=MIN_LIMIT_NS + (plan.rounds + plan.warmup) * MAX_ROUND_NS,
        )
        net = Network({"market": line}).report()
    return {
        "hists": {
            "rtt": histogram_json(found.rtt),
            "processing": histogram_json(found.processing),
        },
        "counters": found.counters,
        "net": net,
        "seconds": time.monotonic() - began,
    }
