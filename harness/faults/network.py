"""Put in place what a file asks for, on the lines of a bench, and take all of it away again.

Everything happens in the bench's namespaces, so nothing of it can reach an interface of the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from engine import EngineError
from engine.clock import Clock
from engine.net import Impair, Port, Way, Wire, WirePlan, open_port
from harness.bench.netns import Bench, Interface
from harness.config.impair import Direction, Mechanism, mechanisms_at
from harness.errors import HostError, RedlineError
from harness.faults.flap import Flapper, flapping
from harness.faults.plan import CORRUPT_AT, Plan, WayPlan
from harness.faults.shaper import Shaper, emulation, netem_is_here, rate_limit

Key = tuple[str, Direction]

WIRE_SLOTS = 8192
WIRE_PORT_SLOTS = 2048


def offered(port: str, bench: Bench) -> frozenset[Mechanism]:
    """What there is for packets between two ports of this kind on the lines of this bench."""
    here = set(mechanisms_at(port))
    if "tbf" in here and netem_is_here(next(iter(bench.lines.values())).rig.netns):
        here.add("netem")
    if bench.wire:
        here.add("wire")
    return frozenset(here)


@dataclass(slots=True)
class Faults:
    """What is in place. Packets of each direction take their numbers from then on."""

    plan: Plan
    tables: dict[Key, Impair] = field(default_factory=dict)
    wire: Wire | None = None
    wire_cpu: int | None = None
    wire_ways: dict[Key, int] = field(default_factory=dict)
    taps: list[Port] = field(default_factory=list)  # the wire's, until it is stopped
    shapers: dict[Key, Shaper] = field(default_factory=dict)
    flappers: dict[Key, Flapper] = field(default_factory=dict)

    def asked_by(self, line: str, direction: Direction) -> Impair | None:
        """The table that an AF_XDP port of the receiver must be opened with."""
        way = self.plan.way(line, direction)
        return self.tables.get((line, direction)) if way.table_in_xdp else None

    def table_counters(self, line: str, direction: Direction) -> dict[str, int]:
        table = self.tables.get((line, direction))
        return {} if table is None else table.counters()

    def wire_counters(self, line: str, direction: Direction) -> dict[str, int]:
        way = self.wire_ways.get((line, direction))
        return {} if self.wire is None or way is None else self.wire.counters(way)


@contextmanager
def impaired(
    bench: Bench, plan: Plan, *, udp_port: int, clock: Clock, wire_cpu: int | None = None
) -> Iterator[Faults]:
    """All that the plan asks for, until the block is left. HostError: it cannot be done here.

    A bench with a wire needs one on `wire_cpu` for anything to arrive. Tables that an AF_XDP port
    asks are closed after it: open the port inside the block.
    """
    for line, _ in plan.ways:
        if line not in bench.lines:
            known = ", ".join(sorted(bench.lines))
            raise RedlineError(f"the bench has no line {line!r}, but {known}")
    faults = Faults(plan)
    with ExitStack() as stack:
        try:
            if bench.wire:
                _start_wire(faults, bench, clock, wire_cpu, stack)
            for key, way in plan.ways.items():
                _put(faults, key, way, bench, udp_port, stack)
        except EngineError as error:
            raise HostError(f"impairment: {error.strerror or error}") from None
        yield faults


def ends(bench: Bench, line: str, direction: Direction) -> tuple[Interface, Interface]:
    """Where packets of that direction come from, and where they go."""
    one = bench.lines[line]
    return (one.rig, one.engine) if direction == "to-engine" else (one.engine, one.rig)


def _put(
    faults: Faults, key: Key, way: WayPlan, bench: Bench, udp_port: int, stack: ExitStack
) -> None:
    sender, receiver = ends(bench, *key)
    if way.table is not None:
        table = Impair(way.table, udp_port=udp_port, corrupt_at=CORRUPT_AT)
        faults.tables[key] = stack.enter_context(table)
        if not way.table_in_xdp:
            table.attach(receiver.interface, "ingress", netns=receiver.netns)
    if way.rate is not None and way.emulation is not None:
        raise RedlineError(f"{key[0]} {key[1]}: tbf and netem want the same place; use a wire")
    if way.rate is not None:
        faults.shapers[key] = stack.enter_context(rate_limit(sender, way.rate))
    if way.emulation is not None:
        faults.shapers[key] = stack.enter_context(emulation(sender, way.emulation))
    if way.flap is not None:
        faults.flappers[key] = stack.enter_context(flapping(sender, way.flap))


def _start_wire(
    faults: Faults, bench: Bench, clock: Clock, cpu: int | None, stack: ExitStack
) -> None:
    if cpu is None:
        raise RedlineError("a bench with a wire wants a CPU for it")
    ways: list[Way] = []
    directions: tuple[Direction, Direction] = ("to-engine", "to-rig")
    for line, taps in bench.wire.items():
        near, far = (stack.enter_context(_tap(tap)) for tap in (taps.rig, taps.engine))
        faults.taps += (near, far)
        for direction, into, out in zip(directions, (near, far), (far, near), strict=True):
            plan = faults.plan.way(line, direction).wire or WirePlan()
            faults.wire_ways[line, direction] = len(ways)
            ways.append(Way(into, out, plan, n_slots=WIRE_SLOTS))
    faults.wire = stack.enter_context(Wire(ways, clock=clock, cpu=cpu))
    faults.wire_cpu = cpu


def _tap(tap: Interface) -> Port:
    return open_port(
        "afpacket",
        netns=tap.netns,
        interface=tap.interface,
        framed=False,
        n_slots=WIRE_PORT_SLOTS,
    )


def figures(faults: Faults, key: Key) -> Mapping[str, int]:
    """Every counter of a direction, by mechanism and name."""
    found: dict[str, int] = {}
    for who, counters in (
        ("wire", faults.wire_counters(*key)),
        ("table", faults.table_counters(*key)),
        ("queue", faults.shapers[key].counters() if key in faults.shapers else {}),
    ):
        found |= {f"{who}.{name}": n for name, n in counters.items()}
    if key in faults.flappers:
        found["link.flaps"] = len(faults.flappers[key].times)
    return found
