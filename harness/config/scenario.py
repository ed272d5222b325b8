"""A scenario: what a run requires, what it sends, what it measures and for how long, as frozen
data.

The file is the declaration made before the run: statistic, regime, load and length stand here and
in the matrix, and the hash of both goes into the result. Options of the command line make another
scenario (`with_overrides`), which is what the run directory then holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from harness.config import overrides, units
from harness.config.bench import LINES, Bench, NetPort
from harness.config.black_box import BlackBox, Engine
from harness.config.components import REGIMES, Component, ComponentRun, Components, Regime
from harness.config.fields import (
    Count,
    Identifier,
    PositiveDuration,
    Price,
    Rate,
    Share,
    Strict,
    Text,
)
from harness.config.impair import choose, mechanisms_at
from harness.config.loader import ConfigError, FieldFault, load, parse, project_data
from harness.config.loads import MAX_RATE_PER_S, Feed, Measures, Schedule, Stall, Trial
from harness.config.overrides import MAX_HOURS
from harness.config.phase import Phase, TrialPhase
from harness.config.phases import (
    CLOCK_WINDOWS,
    MIN_FRAME_BYTES,
    ROUND_TRIP_NS,
    AnyPhase,
    Attribution,
    Clock,
    Kill,
    KillTrial,
    Network,
    NullBench,
    RoundTrips,
    Stages,
    TickToTrade,
    Tripper,
)
from harness.config.reactions import Reactions
from harness.config.sustained import Ladder, Soak, Throughput

__all__ = [
    "CLOCK_WINDOWS",
    "MAX_HOURS",
    "MAX_RATE_PER_S",
    "MIN_FRAME_BYTES",
    "REGIMES",
    "ROUND_TRIP_NS",
    "AnyPhase",
    "Attribution",
    "BlackBox",
    "Clock",
    "Component",
    "ComponentRun",
    "Components",
    "Engine",
    "Feed",
    "Kill",
    "KillTrial",
    "Ladder",
    "Limits",
    "Measures",
    "Network",
    "Noise",
    "NullBench",
    "Phase",
    "Reactions",
    "Regime",
    "Requires",
    "RoundTrips",
    "Scenario",
    "Schedule",
    "Soak",
    "Stages",
    "Stall",
    "Step",
    "Strategy",
    "Synthetic",
    "Throughput",
    "TickToTrade",
    "Trial",
    "TrialPhase",
    "Tripper",
    "find_scenario",
    "load_scenario",
]


class Requires(Strict):
    """What a machine must have, or the run does not start."""

    cpus: Annotated[int, Field(ge=2, le=1024)] = 2


class Synthetic(Strict):
    """The seeded stream: the same seed gives the same bytes. `orders` live at one time."""

    kind: Literal["synthetic"]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    instruments: Annotated[int, Field(ge=1, le=10_000)]
    orders: Annotated[int, Field(ge=1, le=10_000_000)]
    messages: Annotated[int, Field(ge=1000, le=100_000_000)]


class Strategy(Strict):
    """The reference rule: which share of signals becomes orders, and how large they are.

    An order is wanted when one side's best quantity outweighs the other's by `imbalance` of their
    sum and the spread is at most `max_spread`; of these signals each `every`-th is sent.
    """

    imbalance_bp: Annotated[Share, Field(alias="imbalance", gt=0, le=10_000)]
    every: Annotated[int, Field(ge=1, lt=2**32)]
    lot: Count
    max_spread_nano: Annotated[Price, Field(alias="max_spread")]


class Limits(Strict):
    """What the risk check holds every order to. Notional in whole units of the quote currency."""

    max_qty: Count
    max_notional: Count
    max_position: Count
    band_bp: Annotated[Share, Field(alias="band", gt=0, le=10_000)]
    max_orders_per_s: Annotated[Rate, Field(alias="max_orders", lt=2**32)]
    burst: Annotated[int, Field(ge=1, lt=2**32)]
    max_open: Annotated[int, Field(ge=1, lt=2**32)]


class Noise(Strict):
    """The spin probe on the cores of the run: `duration` before, and as long after."""

    duration_ns: Annotated[PositiveDuration, Field(alias="duration")]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the plan: its name, how long it measures, and what it does in words."""

    name: str
    measured_ns: int
    lines: tuple[str, ...]


class Scenario(Strict):
    """A whole scenario. Read it with load_scenario."""

    name: Identifier
    why: Text
    requires: Requires = Requires()
    bench: Bench
    input: Synthetic
    strategy: Strategy
    limits: Limits
    engine: Engine | None = None  # a user's own, of phases black_box; all others have ours
    noise: Noise
    phases: Annotated[tuple[AnyPhase, ...], Field(min_length=1)]
    matrix: Text

    @model_validator(mode="after")
    def _names_are_unique(self) -> Scenario:
        trials: set[str] = set()
        metrics: set[str] = set()
        for i, phase in enumerate(self.phases):
            for name in phase.metric_ids():
                if name in metrics:
                    raise FieldFault(("phases", i), f"metric {name!r} is measured twice")
                metrics.add(name)
            for where, name in phase.load_ids():
                if name in trials:
                    raise FieldFault(("phases", i, *where), f"used twice: {name!r}")
                trials.add(name)
            if isinstance(phase, BlackBox) and self.engine is None:
                raise FieldFault(("phases", i), "needs the key engine: which program is meant")
            if isinstance(phase, Network) and self.bench.kind == "shm":
                raise FieldFault(("phases", i), "a bench of shared memory has no network")
            for where, way in phase.ways():
                if way.port is not None and self.bench.kind == "shm":
                    place = ("phases", i, *where, "port")
                    raise FieldFault(place, f"a bench of shared memory has none: {way.port!r}")
                if isinstance(way, Trial) and way.impairment is not None:
                    own = "udp" if isinstance(phase, BlackBox) else way.port
                    _can_be_impaired(self.bench, way, own, ("phases", i, *where, "impairment"))
        if self.engine and not any(isinstance(phase, BlackBox) for phase in self.phases):
            raise FieldFault(("engine",), "is used by no phase: there is no black_box")
        if self.strategy.lot > self.limits.max_qty:
            raise FieldFault(("strategy", "lot"), f"is above limits.max_qty {self.limits.max_qty}")
        return self

    def ports(self) -> frozenset[NetPort]:
        """The kinds of ports that the run will open; none in shared memory."""
        if self.bench.kind == "shm":
            return frozenset()
        bench = self.bench
        return frozenset(port for phase in self.phases for port in phase.ports(bench.port))

    def metric_ids(self) -> frozenset[str]:
        """Every metric that the run will yield."""
        return frozenset(name for phase in self.phases for name in phase.metric_ids())

    def steps(self) -> tuple[Step, ...]:
        """The run in order, noise floor first and last."""
        length = units.format_duration(self.noise.duration_ns)
        probe = ("every core of the run, spinning for " + length,)
        return (
            Step("noise floor before", self.noise.duration_ns, probe),
            *(
                Step(phase.phase.replace("_", " "), phase.measured_ns(), tuple(self._does(phase)))
                for phase in self.phases
            ),
            Step("noise floor after", self.noise.duration_ns, probe),
        )

    def _does(self, phase: Phase) -> Iterator[str]:
        if isinstance(phase, BlackBox) and self.engine is not None:
            yield self.engine.describe()
        yield from phase.describe()

    def measured_ns(self) -> int:
        """How long the run measures; reading, building and writing come on top."""
        return sum(step.measured_ns for step in self.steps())

    def with_overrides(
        self,
        *,
        rate_per_s: int | None = None,
        duration_ns: int | None = None,
        hours: float | None = None,
    ) -> Scenario:
        """The scenario with another rate or length, as harness/config/overrides.py has it.

        ConfigError when there is nothing that an option could change, or when the result is no
        valid scenario.
        """
        data = _as_written(self)
        overrides.apply(
            data["phases"],
            self.name,
            rate_per_s=rate_per_s,
            duration_ns=duration_ns,
            hours=hours,
        )
        return parse(_to_yaml(data), Scenario, name=f"{self.name} with options")

    def to_yaml(self) -> str:
        """The resolved scenario as a file: loads as an equal scenario."""
        return _to_yaml(_as_written(self))


def load_scenario(path: Path) -> Scenario:
    """The scenario in a file; ConfigError lists what is wrong with it."""
    return load(path, Scenario)


def find_scenario(name: str) -> Path:
    """`name` as a path, here or among what comes with Redline; a word is scenarios/<word>.yaml.

    ConfigError for a word that names no scenario; a path is returned whether it is there or not.
    """
    if "/" in name or name.endswith((".yaml", ".yml")):
        return project_data(name)
    # Files have dashes where names have underscores; either may be written.
    path = project_data(f"scenarios/{name.replace('_', '-')}.yaml")
    if not path.exists():
        known = sorted(p.stem for p in project_data("scenarios").glob("*.yaml"))
        raise ConfigError(f"no scenario is called {name!r}; there are {', '.join(known)}")
    return path


def _can_be_impaired(
    bench: Bench, trial: Trial, port: NetPort | None, where: tuple[str | int, ...]
) -> None:
    """Its lines are those of a bench, and what its port has can do it. A wire wants a third CPU."""
    if bench.kind == "shm":
        raise FieldFault(where, "a bench of shared memory has no network to impair")
    assert trial.impairment is not None
    for i, entry in enumerate(trial.impairment.impair):
        if entry.line not in LINES:
            known = ", ".join(LINES)
            text = f"the bench has {known}: {entry.line!r}"
            raise FieldFault((*where, "impair", i, "line"), text)
    try:
        choose(trial.impairment.impair, mechanisms_at(port or bench.port))
    except FieldFault as fault:
        raise FieldFault((*where, *fault.path), str(fault)) from None


def _as_written(scenario: Scenario) -> dict[str, Any]:
    """The scenario with the keys and units of its file, in containers that may be changed."""
    data: dict[str, Any] = scenario.model_dump(mode="json", exclude_none=True)
    data["phases"] = [{"phase": phase["phase"], **phase} for phase in data["phases"]]
    return data


def _to_yaml(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, sort_keys=False, width=100, allow_unicode=True)
