"""From the entries of a file to what each mechanism is to do on each direction of each line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from engine.net import Pause, WirePlan
from harness.config.impair import Direction, Entry, Flap, Impairment, Mechanism, choose
from harness.faults.tables import Fates, Fortune, fates, seed_of

# The byte of a payload that is changed: the first behind the header of our own traffic, so that a
# changed packet still says its number.
CORRUPT_AT = 40


@dataclass(frozen=True, slots=True, eq=False)
class Rate:
    """A rate of the kernel's."""

    bps: int
    burst_bytes: int
    queue_ns: int


@dataclass(frozen=True, slots=True)
class Emulation:
    """What netem is asked for: chances in parts per million, times in ns."""

    loss: int = 0
    duplicate: int = 0
    reorder: int = 0
    delay_ns: int = 0
    jitter_ns: int = 0
    is_normal: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WayPlan:
    """One direction of one line: each mechanism, or None. Packets meet the wire first."""

    line: str
    direction: Direction
    wire: WirePlan | None = None
    table: Fates | None = None
    table_in_xdp: bool = False
    rate: Rate | None = None
    emulation: Emulation | None = None
    flap: Flap | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the packets that arrive can be told beforehand."""
        wire = self.wire
        timed = wire is not None and (wire.overtakes or wire.queue_ns > 0 or wire.counts_all)
        return not timed and self.rate is None and self.emulation is None and self.flap is None

    @property
    def is_statistical(self) -> bool:
        return self.emulation is not None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Of all lines; a direction that nothing is done to is not among the ways."""

    ways: Mapping[tuple[str, Direction], WayPlan]
    needs_wire: bool

    def way(self, line: str, direction: Direction) -> WayPlan:
        return self.ways.get((line, direction)) or WayPlan(line=line, direction=direction)


# A rate that says neither: two full-sized frames, and a millisecond to wait.
BURST_BYTES = 4096
QUEUE_NS = 1_000_000


def plan_of(
    config: Impairment, offered: Collection[Mechanism], *, udp_port: int, streams: bool = False
) -> Plan:
    """Who does what, for datagrams to `udp_port` (0: to any), or where there are `streams`, in a
    wire, for every frame. FieldFault: one entry wants what is not there.

    Every (line, direction, mechanism) draws from a seed of its own.
    """
    chosen = choose(config.impair, offered)
    ways: dict[tuple[str, Direction], WayPlan] = {}
    for key in _ways_of(config):
        line, direction = key
        mine = [
            (mechanism, entry)
            for entry, mechanism in zip(config.impair, chosen, strict=True)
            if entry.line == line and direction in entry.directions()
        ]
        ways[key] = _way(config, line, direction, mine, udp_port, streams)
    return Plan(ways, any(one == "wire" for one in chosen))


def _ways_of(config: Impairment) -> dict[tuple[str, Direction], None]:
    """In the order of the file, each once."""
    return {
        (entry.line, direction): None for entry in config.impair for direction in entry.directions()
    }


def _way(
    config: Impairment,
    line: str,
    direction: Direction,
    entries: list[tuple[Mechanism, Entry]],
    udp_port: int,
    streams: bool,
) -> WayPlan:
    way = WayPlan(line=line, direction=direction)
    by: dict[Mechanism, list[Entry]] = {}
    for mechanism, entry in entries:
        by.setdefault(mechanism, []).append(entry)
    for mechanism, mine in by.items():
        seed = seed_of(config.seed, line, direction, mechanism)
        match mechanism:
            case "tc" | "xdp":
                table = fates(_fortune(mine), seed, config.table)
                if way.table is not None:
                    raise ValueError(f"{line} {direction}: tc and xdp, both at the receiver")
                way = replace(way, table=table, table_in_xdp=mechanism == "xdp")
            case "wire":
                plan = WirePlan(
                    seed=seed,
                    udp_port=udp_port,
                    counts_all=streams,
                    tolerance_ns=config.tolerance_ns,
                )
                way = replace(way, wire=_wire(plan, config, mine))
            case "tbf":
                way = replace(way, rate=_rate(mine[0]))
            case "netem":
                way = replace(way, emulation=_emulation(mine))
            case "link":
                way = replace(way, flap=mine[0].flap)
    return way


def _fortune(entries: list[Entry]) -> Fortune:
    chances: dict[str, int] = {}
    every: dict[str, int] = {}
    for entry in entries:
        chances |= entry.chances()
        if entry.every is not None:
            counted = entry.every.model_dump(exclude_none=True)
            every |= {"loss" if name == "drop" else name: n for name, n in counted.items()}
    holes = [(hole.after, hole.for_) for entry in entries for hole in entry.blackhole]
    return Fortune(chances, every, holes)


def _wire(plan: WirePlan, config: Impairment, entries: list[Entry]) -> WirePlan:
    fortune = _fortune(entries)
    if fortune != Fortune():
        table = fates(fortune, plan.seed, config.table)
        plan = replace(plan, actions=table, corrupt_at=CORRUPT_AT)
    for entry in entries:
        plan = replace(
            plan,
            delay_ns=entry.delay_ns or plan.delay_ns,
            skew_ns=entry.skew_ns or plan.skew_ns,
        )
        if entry.jitter is not None:
            plan = replace(
                plan,
                jitter_ns=entry.jitter.up_to_ns,
                shape=entry.jitter.shape,
                overtakes=entry.jitter.overtakes,
            )
        if entry.reorder is not None:
            plan = replace(
                plan,
                reorder_ppm=entry.reorder.chance or 0,
                reorder_every=entry.reorder.every or 0,
                reorder_by=entry.reorder.by,
                hold_ns=entry.reorder.hold_ns,
            )
        if entry.rate_bps is not None:
            rate = _rate(entry)
            plan = replace(
                plan, rate_bps=rate.bps, burst_bytes=rate.burst_bytes, queue_ns=rate.queue_ns
            )
        if entry.pause:
            pauses = tuple(Pause(one.at_ns, one.for_ns, one.every_ns or 0) for one in entry.pause)
            plan = replace(plan, pauses=pauses)
    return plan


def _rate(entry: Entry) -> Rate:
    assert entry.rate_bps is not None
    return Rate(entry.rate_bps, entry.burst_bytes or BURST_BYTES, entry.queue_ns or QUEUE_NS)


def _emulation(entries: list[Entry]) -> Emulation:
    found = Emulation()
    for entry in entries:
        found = replace(
            found,
            loss=entry.loss or found.loss,
            duplicate=entry.duplicate or found.duplicate,
            reorder=(entry.reorder.chance or 0) if entry.reorder else found.reorder,
            delay_ns=entry.delay_ns or found.delay_ns,
            jitter_ns=entry.jitter.up_to_ns if entry.jitter else found.jitter_ns,
            is_normal=entry.jitter.shape == "normal" if entry.jitter else found.is_normal,
        )
    return found
