"""A bench of virtual cables: namespaces for rig and engine, and a veth pair for every line.

    with netns_bench() as bench:
        line = bench.lines["market"]
        open_port("udp", netns=line.rig.netns, local=(line.rig.ip, 5000), ...)

Nothing of it is ever in the namespace of the caller, so a bench cannot disturb the network of its
host, and two benches cannot meet. It needs the rights of harness.tuning.rights.BENCH.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.bench import journal, links, namespaces
from harness.bench.links import Plug
from harness.errors import HostError, RedlineError
from harness.tuning.stopping import ended_as_interrupted, held_signals

UP_S = 2.0  # both ends of a veth pair are up within a tick or two
MAX_LINES = 16
MAX_QUEUES = 64
_ROLES = ("rig", "engine", "to-rig", "to-engine")  # of an interface, in the last byte of its MAC
_LINE_NAME = re.compile(r"[a-z][a-z0-9]{0,7}")  # with "-engine", or a VLAN, an interface's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """An interface in the namespace at the path `netns` (/run/netns/rl-...)."""

    netns: Path
    interface: str
    mac: str
    ifindex: int


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Interface):
    """One end of a line. With a `vlan` the address lies on the tagged interface upon this one."""

    ip: str
    vlan: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A cable with the rig at one end and the engine at the other."""

    rig: End
    engine: End


@dataclass(frozen=True, slots=True)
class Taps:
    """The two interfaces of a line in the wire's namespace: what comes in at one has to be put out
    at the other by somebody, or nothing arrives. They have no address.
    """

    rig: Interface  # faces the rig
    engine: Interface


@dataclass(frozen=True, slots=True)
class Bench:
    """What netns_bench made. `wire` has the same names as `lines`, or none."""

    id: str
    lines: Mapping[str, Line]
    wire: Mapping[str, Taps]


@contextmanager
def netns_bench(
    *,
    lines: Sequence[str] = ("market", "orders"),
    wire: bool = False,
    queues: int = 1,
    vlan: int | None = None,
) -> Iterator[Bench]:
    """Lines between a namespace of the rig and one of the engine; gone afterwards, also when this
    process is interrupted or terminated. harness.bench.leftovers sees to one that was killed.

    HostError names what this user or this host lacks.
    """
    _check(lines, queues, vlan)
    bench_id = journal.new_id()
    roles = ("rig", "engine", "wire") if wire else ("rig", "engine")
    names = {role: journal.namespace_name(bench_id, role) for role in roles}
    entry: journal.Entry | None = None
    with ended_as_interrupted():
        try:
            with held_signals(), refusals_explained():
                entry = journal.record(bench_id, list(names.values()))
                paths = {role: namespaces.make(name) for role, name in names.items()}
                bench = _build(bench_id, paths, lines, queues, vlan)
            yield bench
        finally:
            # A forked child that unwinds this stack has no bench to take away.
            if entry is not None and entry.owner.pid == os.getpid():
                with held_signals():
                    journal.undo(entry)


def _check(lines: Sequence[str], queues: int, vlan: int | None) -> None:
    for name in lines:
        if not _LINE_NAME.fullmatch(name):
            raise RedlineError(f"not a name for a line: {name!r} (a letter, then 7 more or digits)")
    if len(set(lines)) != len(lines) or not 1 <= len(lines) <= MAX_LINES:
        raise RedlineError(f"a bench has 1 to {MAX_LINES} lines of different names")
    if not 1 <= queues <= MAX_QUEUES:
        raise RedlineError(f"an interface of a bench has 1 to {MAX_QUEUES} queues, not {queues}")
    if vlan is not None and not 1 <= vlan <= 4094:
        raise RedlineError(f"not a VLAN: {vlan} (1 to 4094)")


@contextmanager
def refusals_explained() -> Iterator[None]:
    """What the kernel refuses of a bench, as a HostError that names the missing right."""
    from harness.tuning.rights import BENCH, why_not

    try:
        yield
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        where = f"{error.filename}: " if error.filename else ""
        raise HostError(why_not(BENCH) or f"no bench can be made here: {where}{said}") from error


@dataclass(frozen=True, slots=True)
class _Wiring:
    """A line to be made; `taps` lie between its ends when there is a wire."""

    rig: Plug
    engine: Plug
    taps: tuple[Plug, Plug] | None

    @property
    def cables(self) -> list[tuple[Plug, Plug]]:
        if self.taps is None:
            return [(self.rig, self.engine)]
        return [(self.rig, self.taps[0]), (self.taps[1], self.engine)]


def _wiring(i: int, name: str, paths: Mapping[str, Path], vlan: int | None) -> _Wiring:
    """Addresses are the same in every bench: a frame kept from one fits the next."""
    mac = {role: f"02:52:4c:00:{i:02x}:{n:02x}" for n, role in enumerate(_ROLES, start=1)}
    ip = {"rig": f"10.82.{i}.1", "engine": f"10.82.{i}.2"}

    def end(role: str, peer: str) -> Plug:
        return Plug(
            netns=paths[role],
            interface=name,
            mac=mac[role],
            ip=ip[role],
            peer_ip=ip[peer],
            peer_mac=mac[peer],
            vlan=vlan,
        )

    def tap(role: str) -> Plug:
        return Plug(netns=paths["wire"], interface=f"{name}-{role}", mac=mac[f"to-{role}"])

    taps = (tap("rig"), tap("engine")) if "wire" in paths else None
    return _Wiring(end("rig", "engine"), end("engine", "rig"), taps)


def _build(
    bench_id: str, paths: Mapping[str, Path], lines: Sequence[str], queues: int, vlan: int | None
) -> Bench:
    wirings = {name: _wiring(i, name, paths, vlan) for i, name in enumerate(lines)}
    for path in paths.values():
        links.prepare_namespace(path)
    cables = [cable for wiring in wirings.values() for cable in wiring.cables]
    links.make_pairs(cables, queues)
    index = links.set_up([plug for cable in cables for plug in cable], UP_S)

    def end(plug: Plug) -> End:
        return End(**_at(plug), ip=plug.ip, vlan=vlan or 0)

    def _at(plug: Plug) -> dict[str, Any]:
        return {
            "netns": plug.netns,
            "interface": plug.interface,
            "mac": plug.mac,
            "ifindex": index[plug],
        }

    return Bench(
        id=bench_id,
        lines={name: Line(end(one.rig), end(one.engine)) for name, one in wirings.items()},
        wire={
            name: Taps(*(Interface(**_at(tap)) for tap in one.taps))
            for name, one in wirings.items()
            if one.taps is not None
        },
    )
