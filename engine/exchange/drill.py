"""A day at an exchange that misbehaves, in virtual time, with everything real but the clock.

    outcome = drill(Drill(seed=7), Mischief(late_fill_chance=30_000, late_fill_ns=80_000_000))
    assert outcome.holds

Desks trade with each other and with a house that quotes; csrc/rig/drill/drill.h says how. Raises
EngineError (EINVAL) with a sentence for a config whose faults could not be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from engine import _core
from engine.exchange.mischief import Mischief


@dataclass(frozen=True, slots=True)
class Drill:
    """How many take part, and for how long. Times in nanoseconds of virtual time."""

    seed: int = 1
    n_desks: int = 3
    n_instruments: int = 4
    duration_ns: int = 2_000_000_000
    step_ns: int = 500_000
    actions_per_s: int = 400
    md_loss_chance: int = 0  # of a packet on a line, of a million
    heartbeat_s: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of fault: how often it was injected, and how often the desks saw it."""

    name: str
    text: str
    injected: int
    observed: int


@dataclass(frozen=True, slots=True)
class Check:
    """What must hold between the two sides at the end; `what` is the first difference."""

    name: str
    text: str
    holds: bool
    what: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. The same config leads to the same hash."""

    rows: tuple[Row, ...]
    checks: tuple[Check, ...]
    counters: Mapping[str, int]
    hash: int
    holds: bool


def drill(config: Drill, mischief: Mischief | None = None) -> Outcome:
    """Runs the day; the seed of the drill is the mischief's too."""
    wanted = mischief or Mischief()
    said = _core.drill_run(asdict(config), wanted.as_core())
    return Outcome(
        rows=tuple(Row(name, text, _signed(a), _signed(b)) for name, text, a, b in said["rows"]),
        checks=tuple(Check(*check) for check in said["checks"]),
        counters=said["counters"],
        hash=said["hash"],
        holds=said["holds"],
    )


def _signed(value: int) -> int:
    """A clock that is behind is so many ns ahead, modulo 2^64."""
    return value - (1 << 64) if value >> 63 else value
