"""What one measuring process is told to do: values that survive a trip through JSON.

A process that measures is started afresh for every trial, so that address layout, page placement
and branch history differ from one repeat to the next and the spread between processes shows.

Units: as in the names; rates in messages a second, prices in 1e-9.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Feed = Literal["itch", "fix"]
Mode = Literal["engine", "reflect"]
ScheduleKind = Literal["constant", "poisson", "recorded"]
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
class TrialPlan:
    """One engine, or reflector, and one rig on two CPUs, loaded on a schedule fixed in advance.

    A capture is sent once and whole, whatever `duration_ns` says. With `interval_ns`
    above 0 histograms are handed out as the trial runs.
    """

    stream: StreamPlan
    engine: EnginePlan
    mode: Mode
    schedule: ScheduleKind
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


@dataclass(frozen=True, slots=True)
class ComponentPlan:
    """One operation, timed alone on one CPU in one regime of its input."""

    component: str
    regime: str
    cpu: int
    duration_ns: int
    stream: StreamPlan


Plan = TrialPlan | ComponentPlan


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values, with its kind."""
    return {"kind": type(plan).__name__, **asdict(plan)}


def from_json(raw: dict[str, Any]) -> Plan:
    """The plan that `to_json` wrote. TypeError or KeyError on anything else."""
    values = dict(raw)
    kind = values.pop("kind")
    values["stream"] = StreamPlan(**values["stream"])
    if kind == ComponentPlan.__name__:
        return ComponentPlan(**values)
    values["engine"] = EnginePlan(**values["engine"])
    if values["kill"] is not None:
        values["kill"] = KillPlan(**values["kill"])
    return TrialPlan(**values)
