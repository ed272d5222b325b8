"""What goes wrong on the way: one vocabulary, whatever does it.

    seed: 7
    impair:
      - {loss: 1%, duplicate: 0.5%, corrupt: 0.1%, bad_checksum: 0.1%}
      - {blackhole: {after: 1000, for: 50}, every: {drop: 100}}
      - {line: market, direction: both, delay: 10us, jitter: 2us, reorder: 0.2%}
      - {line: orders, rate: 100Mbit/s, burst: 32KiB, queue: 1ms}
      - {line: orders, flap: {every: 1s, down: 50ms}}

An entry is for one line and one direction, or both, and is done whole by one mechanism:

    tc     a table of fates by packet number, where packets of the line enter the kernel
    xdp    the same table in front of an AF_XDP socket; it cannot duplicate
    wire   a cable of software in a namespace between both ends; does all but flap
    tbf    a token bucket of the kernel behind the sender's sockets; rates alone
    link   the interface itself goes down and up again: flap
    netem  the kernel's emulator, where it is there; by chance, never exact

Without `mechanism` it is the first of these that is there and can do all of the entry; a wire is
there when an entry can be done by nothing else, or names it. Chances are of all packets; a packet
meets one fate. Table and wire are exact: the same seed gives the same fates, and which packets
arrive can be told beforehand. The table begins anew after `table` packets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from harness.config import strict_yaml, units
from harness.config.fields import Count, Duration, PositiveDuration, Size, Strict
from harness.config.impair_units import MILLION, BitRate, Chance, Moment, Wait, format_chance
from harness.config.loader import ConfigError, FieldFault, fault_line, parse, read_text
from harness.config.strict_yaml import Fault

Mechanism = Literal["tc", "xdp", "wire", "tbf", "link", "netem"]
Direction = Literal["to-engine", "to-rig"]
Shape = Literal["uniform", "normal"]
Line = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,7}$")]  # a part of interfaces' names

MAX_TABLE = 1 << 20
MAX_JITTER_NS = 4_000_000_000
MAX_BY = 1024
MAX_BURST = 1 << 30
HOLD_NS = 10_000_000
TOLERANCE_NS = 100_000
PERIODIC = "only one of them may repeat: two could leave no time between them"

# What each can do; the order of the mechanisms is the order in which they are tried.
_TABLE = frozenset({"loss", "duplicate", "corrupt", "bad_checksum", "blackhole", "every"})
_TIMES = frozenset({"delay", "jitter", "reorder", "skew", "pause"})
CAN: Mapping[Mechanism, frozenset[str]] = {
    "tc": _TABLE,
    "xdp": _TABLE - {"duplicate"},
    "wire": _TABLE | _TIMES | {"rate"},
    "tbf": frozenset({"rate"}),
    "link": frozenset({"flap"}),
    "netem": frozenset({"loss", "duplicate", "delay", "jitter", "reorder"}),
}
PORTS: Mapping[str, frozenset[Mechanism]] = {
    "udp": frozenset({"tc", "tbf", "link"}),
    "tcp": frozenset({"tbf", "link"}),  # the table knows datagrams alone
    "afpacket": frozenset({"tc", "link"}),
    "afxdp": frozenset({"xdp", "link"}),  # its frames never come as far as tc
}
EVERYTHING: frozenset[Mechanism] = frozenset(get_args(Mechanism))
EFFECTS = tuple(sorted(frozenset().union(*CAN.values())))


def _listed(value: object) -> object:
    """One may stand for a list of one."""
    return (value,) if isinstance(value, Mapping) else value


class Every(Strict):
    """Each n-th packet: numbers n - 1, 2 n - 1, ... of the table."""

    drop: Count | None = None
    duplicate: Count | None = None
    corrupt: Count | None = None
    bad_checksum: Count | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Every:
        if not self.model_dump(exclude_none=True):
            raise ValueError("says nothing: give one of drop, duplicate, corrupt, bad_checksum")
        return self


class Blackhole(Strict):
    """After so many packets, the next so many are lost."""

    after: Annotated[int, Field(ge=0)]
    for_: Annotated[Count, Field(alias="for")]


class Jitter(Strict):
    """On top of the delay, from nothing up to so much; the order is kept unless it `overtakes`."""

    up_to_ns: Annotated[Wait, Field(alias="up_to")]
    shape: Shape = "uniform"
    overtakes: bool = False

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Jitter:
        if self.up_to_ns > MAX_JITTER_NS:
            text = f"must be at most 4s: '{units.format_duration(self.up_to_ns)}'"
            raise FieldFault(("up_to",), text)
        return self


class Reorder(Strict):
    """Which packets leave behind those that follow: by how many, and how long they wait for them.

    A chance, or each n-th.
    """

    chance: Chance | None = None
    every: Count | None = None
    by: Annotated[int, Field(ge=1, le=MAX_BY)] = 1
    hold_ns: Annotated[Wait, Field(alias="hold")] = HOLD_NS

    @model_validator(mode="after")
    def _one_of_them(self) -> Reorder:
        if (self.chance is None) == (self.every is None):
            raise ValueError("give either chance or every")
        return self


class Pause(Strict):
    """Nothing leaves for so long; with `every` again and again. What is due then leaves after."""

    at_ns: Annotated[Moment, Field(alias="at")] = 0
    for_ns: Annotated[Wait, Field(alias="for")]
    every_ns: Annotated[Wait | None, Field(alias="every")] = None

    @model_validator(mode="after")
    def _ends(self) -> Pause:
        if self.every_ns is not None and self.every_ns <= self.for_ns:
            raise FieldFault(("every",), "must be longer than `for`: nothing would ever leave")
        return self


class Flap(Strict):
    """Down for so long, each so often; the first time after `every`. `times` bounds it."""

    every_ns: Annotated[PositiveDuration, Field(alias="every")]
    down_ns: Annotated[PositiveDuration, Field(alias="down")]
    times: Count | None = None

    @model_validator(mode="after")
    def _comes_up(self) -> Flap:
        if self.every_ns <= self.down_ns:
            raise FieldFault(("down",), "must be shorter than `every`: it would never be up")
        return self


def _jitter(value: object) -> object:
    return {"up_to": value} if isinstance(value, str) else value


def _reorder(value: object) -> object:
    return {"chance": value} if isinstance(value, str) else value


class Entry(Strict):
    """One line of the list: where, and what."""

    line: Line = "market"
    direction: Literal[Direction, "both"] = "to-engine"
    mechanism: Mechanism | None = None
    loss: Chance | None = None
    duplicate: Chance | None = None
    corrupt: Chance | None = None  # the payload, and its checksum: it is delivered
    bad_checksum: Chance | None = None  # the payload alone: who verifies it, drops it
    blackhole: Annotated[
        tuple[Blackhole, ...],
        Field(max_length=64),
        BeforeValidator(_listed, json_schema_input_type=Blackhole | tuple[Blackhole, ...]),
    ] = ()
    every: Every | None = None
    delay_ns: Annotated[Wait | None, Field(alias="delay")] = None
    jitter: Annotated[
        Jitter | None, BeforeValidator(_jitter, json_schema_input_type=Wait | Jitter | None)
    ] = None
    reorder: Annotated[
        Reorder | None, BeforeValidator(_reorder, json_schema_input_type=Chance | Reorder | None)
    ] = None
    skew_ns: Annotated[Wait | None, Field(alias="skew")] = None
    pause: Annotated[
        tuple[Pause, ...],
        Field(max_length=16),
        BeforeValidator(_listed, json_schema_input_type=Pause | tuple[Pause, ...]),
    ] = ()
    rate_bps: Annotated[BitRate | None, Field(alias="rate")] = None
    burst_bytes: Annotated[Size | None, Field(alias="burst", le=MAX_BURST)] = None
    queue_ns: Annotated[Wait | None, Field(alias="queue")] = None
    flap: Flap | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Entry:
        for name, value in (("burst", self.burst_bytes), ("queue", self.queue_ns)):
            if value is not None and self.rate_bps is None:
                raise FieldFault((name,), "means something only beside a rate")
        if not self.effects():
            raise ValueError(f"says nothing: give one of {', '.join(EFFECTS)}")
        total = sum(self.chances().values())
        if total > MILLION:
            name = next(iter(self.chances()))
            raise FieldFault((name,), f"with the others {format_chance(total)} of all packets")
        if sum(one.every_ns is not None for one in self.pause) > 1:
            raise FieldFault(("pause",), PERIODIC)
        return self

    def effects(self) -> tuple[str, ...]:
        """What it asks for, by the names of the file."""
        given = self.model_dump(by_alias=True, exclude_none=True)
        return tuple(name for name in EFFECTS if given.get(name) not in (None, ()))

    def chances(self) -> dict[str, int]:
        """Parts per million of the fates that are drawn."""
        names = ("loss", "duplicate", "corrupt", "bad_checksum")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def directions(self) -> tuple[Direction, ...]:
        if self.direction == "both":
            return ("to-engine", "to-rig")
        return (self.direction,)

    def why_not(self, mechanism: Mechanism) -> str | None:
        """The first effect that this mechanism cannot do."""
        for effect in self.effects():
            if effect not in CAN[mechanism]:
                return effect
        if mechanism == "xdp" and self.every is not None and self.every.duplicate is not None:
            return "every"
        if mechanism == "netem":
            if self.reorder is not None and self.reorder.every is not None:
                return "reorder"
            if self.jitter is not None and self.jitter.shape != "uniform":
                return "jitter"
        return None


def _some(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    if not entries:
        raise ValueError("is empty: leave it out when nothing shall go wrong")
    return entries


Entries = Annotated[tuple[Entry, ...], Field(max_length=64), AfterValidator(_some)]


class Impairment(Strict):
    """All that goes wrong on the lines of a bench, and the seed that decides when."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    table: Annotated[int, Field(ge=1, le=MAX_TABLE)] = 1 << 16
    tolerance_ns: Annotated[Duration, Field(alias="tolerance")] = TOLERANCE_NS
    impair: Entries

    @model_validator(mode="after")
    def _can_be_done(self) -> Impairment:
        if self.table & (self.table - 1):
            raise FieldFault(("table",), f"not a power of two: {self.table}")
        for i, entry in enumerate(self.impair):
            for hole in entry.blackhole:
                if hole.after + hole.for_ > self.table:
                    text = f"ends behind the table of {self.table} packets; a larger table holds it"
                    raise FieldFault(("impair", i, "blackhole"), text)
        _said_once(self.impair)
        choose(self.impair, EVERYTHING)
        return self

    @property
    def needs_wire(self) -> bool:
        """Whether something of it is done by a wire alone, or shall be."""
        return any(
            entry.mechanism == "wire"
            or all(entry.why_not(one) for one in ("tc", "xdp", "tbf", "link"))
            for entry in self.impair
            if entry.mechanism in (None, "wire")
        )


def mechanisms_at(port: str) -> frozenset[Mechanism]:
    """What there is between two ports of that kind on any bench; a wire and netem come on top."""
    return PORTS[port]


def _said_once(entries: Sequence[Entry]) -> None:
    """Two entries may share a direction of a line when they ask for different things."""
    said: dict[tuple[str, str, str], int] = {}
    for i, entry in enumerate(entries):
        for effect in entry.effects():
            for direction in entry.directions():
                first = said.setdefault((entry.line, direction, effect), i)
                if first != i:
                    text = f"given twice for {entry.line} {direction}, first in impair.{first}"
                    raise FieldFault(("impair", i, effect), text)


def choose(entries: Sequence[Entry], offered: Collection[Mechanism]) -> tuple[Mechanism, ...]:
    """Who does each entry, of those offered. FieldFault: nobody can, and why."""
    return tuple(_choose(i, entry, offered) for i, entry in enumerate(entries))


def _choose(i: int, entry: Entry, offered: Collection[Mechanism]) -> Mechanism:
    able = [one for one in CAN if entry.why_not(one) is None]
    wanted = entry.mechanism
    if wanted is not None:
        stuck = entry.why_not(wanted)
        if stuck is not None:
            others = [one for one in CAN if stuck in CAN[one] and one in able] or [
                one for one in CAN if stuck in CAN[one] and one != wanted
            ]
            text = f"{wanted} cannot do it; {_either(others)} can"
            raise FieldFault(("impair", i, stuck), text)
        if wanted not in offered:
            text = f"there is no {wanted} here, only {_both(offered)}"
            raise FieldFault(("impair", i, "mechanism"), text)
        return wanted
    if not able:
        effects = entry.effects()
        stuck = next(e for e in effects if not any({e, effects[0]} <= can for can in CAN.values()))
        text = f"nothing does it together with {effects[0]}: make it an entry of its own"
        raise FieldFault(("impair", i, stuck), text)
    for one in able:
        if one in offered:
            return one
    # Named: the effect that all of those offered lack, or the first one.
    stuck = next(
        (e for e in entry.effects() if not any(e in CAN[one] for one in offered)),
        entry.effects()[0],
    )
    text = f"wants {_either(able)}; here there is only {_both(offered)}"
    raise FieldFault(("impair", i, stuck), text)


def _either(names: Sequence[str]) -> str:
    return " or ".join((", ".join(names[:-1]), names[-1]) if len(names) > 1 else names)


def _both(names: Collection[str]) -> str:
    sorted_names = [one for one in CAN if one in names]
    if not sorted_names:
        return "nothing"
    return " and ".join(
        (", ".join(sorted_names[:-1]), sorted_names[-1]) if len(sorted_names) > 1 else sorted_names
    )


def load_impairment(
    path: Path, offered: Collection[Mechanism] = EVERYTHING, lines: Collection[str] | None = None
) -> Impairment:
    """The file, checked against what there is. ConfigError: `file:line: path: what was seen`."""
    text = read_text(path)
    found = parse(text, Impairment, name=str(path))
    for fault in _faults(found, offered, lines):
        line = strict_yaml.parse(text).line_of(fault.path)
        raise ConfigError(fault_line(str(path), Fault(line, fault.path, str(fault))))
    return found


def _faults(
    found: Impairment, offered: Collection[Mechanism], lines: Collection[str] | None
) -> Iterator[Any]:
    for i, entry in enumerate(found.impair):
        if lines is not None and entry.line not in lines:
            known = ", ".join(sorted(lines))
            yield FieldFault(("impair", i, "line"), f"the bench has {known}: {entry.line!r}")
    try:
        choose(found.impair, offered)
    except FieldFault as fault:
        yield fault
