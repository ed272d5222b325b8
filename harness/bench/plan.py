"""What one measuring process is told to do: values that survive a trip through JSON.

A process that measures is started afresh for every trial, so that address layout, page placement
and branch history differ from one repeat to the next and the spread between processes shows.

Units: as in the names; rates in messages a second, prices in 1e-9.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.config.bench import Accel, NetPort, Wait, XdpMode

Feed = Literal["itch", "fix"]
Mode = Literal["engine", "reflect"]
Tripper = Literal["rig", "thread", "process"]


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """Which market data is sent: with a `path` that capture, once; else the seeded stream, in a
    loop.
    """

    feed: Feed
    path: str | None
    seed: int
    n_instruments: int
    n_orders: int
    n_messages: int


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """The engine's rule and its limits; zero is a missing limit and refuses every order."""

    threshold_permille: int
    every: int
    order_qty: int
    max_spread_nano: int
    max_qty: int
    max_notional: int
    max_position: int
    band_bps: int
    rate_per_s: int
    rate_burst: int
    max_open: int


@dataclass(frozen=True, slots=True)
class KillPlan:
    """Trips of the kill switch during a trial; each `hold_every`-th order rests with the venue.

    `board_dir` is where the board lies for a tripper of another process; None: in the engine's own
    memory.
    """

    trips: int
    tripper: Tripper
    every_ns: int
    seed: int
    hold_every: int
    max_resting: int
    board_dir: str | None


@dataclass(frozen=True, slots=True)
class StallPlan:
    """Threads of a trial that are stopped for `length_ns` each `every_ns`."""

    who: Literal["engine", "rig", "both"]
    every_ns: int
    length_ns: int


@dataclass(frozen=True, slots=True)
class ForeignPlan:
    """A program in the engine's place (harness.config.black_box); it prints into `output`."""

    command: tuple[str, ...]
    has_reference: bool
    connect_ns: int
    stop_signal: str
    stop_within_ns: int
    output: str


@dataclass(frozen=True, slots=True)
class EndPlan:
    """One end of a network line: an interface in the namespace at the path `netns`."""

    netns: str | None
    interface: str
    mac: str
    ifindex: int
    ip: str


@dataclass(frozen=True, slots=True)
class LinePlan:
    """A network line, the rig at one end and the engine at the other."""

    rig: EndPlan
    engine: EndPlan


@dataclass(frozen=True, slots=True)
class NetPlan:
    """The network between rig and engine, and the kind of port that both use on it."""

    port: NetPort
    xdp_mode: XdpMode
    wait: Wait
    accel: Accel
    market: LinePlan
    orders: LinePlan


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """One engine, or reflector, and one rig on two CPUs, loaded on a schedule fixed in advance.

    A capture is sent once and whole, whatever `duration_ns` says. With `interval_ns`
    above 0 histograms are handed out as the trial runs. Without `net` the lines are rings of
    `ring_bytes` in shared memory; `pack` messages of a made ITCH stream travel in a packet;
    their numbers begin at `first_seq`.
    """

    stream: StreamPlan
    engine: EnginePlan
    mode: Mode
    schedule: str  # as harness/net/pattern.py reads it
    rate_per_s: int
    warmup_ns: int
    duration_ns: int
    interval_ns: int
    cpu_engine: int
    cpu_rig: int
    ring_bytes: int
    stage_timing: bool
    audit_path: str | None
    kill: KillPlan | None = None
    pack: int = 1
    first_seq: int = 1
    net: NetPlan | None = None
    outliers: bool = False  # the slowest answers come with the report, each by itself
    impairment: str | None = None  # a harness.config.impair.Impairment, as JSON
    stall: StallPlan | None = None
    health_ns: int = 0  # above 0 the process looks at itself so often
    foreign: ForeignPlan | None = None  # a user's program instead of our engine


@dataclass(frozen=True, slots=True)
class ComponentPlan:
    """One operation, timed alone on one CPU in one regime of its input.

    It is warmed up until its blocks agree, for `warmup_min_ns` at least and `warmup_max_ns` at
    most. `is_replayed` adds the fastest replays of a stream, which take nine times its length.
    """

    component: str
    regime: str
    cpu: int
    duration_ns: int
    stream: StreamPlan
    warmup_min_ns: int = 100_000_000
    warmup_max_ns: int = 2_000_000_000
    is_replayed: bool = True


@dataclass(frozen=True, slots=True)
class ComponentsPlan:
    """Several operations in one fresh process, one after another; each is reported as it is done.

    A process start costs more than a short measurement: restarts of many operations share them.
    """

    runs: tuple[ComponentPlan, ...]


@dataclass(frozen=True, slots=True)
class RttPlan:
    """Round trips over the market line of a network, one frame of `size_bytes` under way."""

    net: NetPlan
    size_bytes: int
    rounds: int
    warmup: int
    cpu_ping: int
    cpu_echo: int


Plan = TrialPlan | ComponentPlan | ComponentsPlan | RttPlan


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values, with its kind."""
    return {"kind": type(plan).__name__, **asdict(plan)}


def from_json(raw: dict[str, Any]) -> Plan:
    """The plan that `to_json` wrote. TypeError or KeyError on anything else."""
    values = dict(raw)
    kind = values.pop("kind")
    if kind == RttPlan.__name__:
        values["net"] = _net(values["net"])
        return RttPlan(**values)
    if kind == ComponentsPlan.__name__:
        return ComponentsPlan(tuple(_component(run) for run in values["runs"]))
    if kind == ComponentPlan.__name__:
        return _component(values)
    values["stream"] = StreamPlan(**values["stream"])
    values["engine"] = EnginePlan(**values["engine"])
    if values["kill"] is not None:
        values["kill"] = KillPlan(**values["kill"])
    if values["stall"] is not None:
        values["stall"] = StallPlan(**values["stall"])
    if values["foreign"] is not None:
        told = values["foreign"]
        values["foreign"] = ForeignPlan(**{**told, "command": tuple(told["command"])})
    if values["net"] is not None:
        values["net"] = _net(values["net"])
    return TrialPlan(**values)


def _component(raw: dict[str, Any]) -> ComponentPlan:
    return ComponentPlan(**{**raw, "stream": StreamPlan(**raw["stream"])})


def _net(raw: dict[str, Any]) -> NetPlan:
    lines = {
        name: LinePlan(rig=EndPlan(**raw[name]["rig"]), engine=EndPlan(**raw[name]["engine"]))
        for name in ("market", "orders")
    }
    return NetPlan(**{**raw, **lines})
