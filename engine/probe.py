"""What the host takes away: stolen time, a busy sibling, and the distance between two CPUs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.clock import Clock


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """Gaps that a spinning CPU saw between two looks at the clock; lengths in ns.

    `starts_tsc` is when each began, on the counter; one shorter than `gaps_ns` when some gaps had
    no room, whose sum is the last of the lengths.
    """

    cpu: int
    seconds: float
    threshold_ns: float
    gaps_ns: npt.NDArray[np.float64]
    tsc_start: int
    starts_tsc: npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """How often a CPU ran independent additions at full speed, and how long a probe took, in ns."""

    cpu: int
    quiet_share: float
    best_ns: float
    median_ns: float


def noise(cpus: Sequence[int], seconds: float, clock: Clock) -> list[Noise]:
    """Spin on all `cpus` at once for `seconds`. Raises EngineError when a CPU cannot be used."""
    found = _core.probe_noise(tuple(cpus), round(seconds * 1e9), clock.tsc_hz)
    return [_noise(probe, clock.ns_per_tick) for probe in found]


def _noise(probe: _core.NoiseProbe, ns_per_tick: float) -> Noise:
    gaps = np.frombuffer(probe["gaps"], dtype=np.uint64).reshape(-1, 2)
    ticks = gaps[:, 1]
    if probe["n_dropped"]:
        # Gaps without room count as one: it makes the floor worse than it was, never better.
        ticks = np.append(ticks, np.uint64(probe["lost_ticks"]) - ticks.sum())
    return Noise(
        cpu=probe["cpu"],
        seconds=probe["elapsed_ticks"] * ns_per_tick / 1e9,
        threshold_ns=probe["threshold_ticks"] * ns_per_tick,
        gaps_ns=ticks.astype(np.float64) * ns_per_tick,
        tsc_start=probe["tsc_start"],
        starts_tsc=gaps[:, 0],
    )


def neighbour(cpu: int, clock: Clock, n: int = 400) -> Neighbour:
    """n probes of about 12 us on one CPU. Raises EngineError when the CPU cannot be used."""
    found = _core.probe_neighbour(cpu, n, clock.tsc_hz)
    ticks = np.frombuffer(found["ticks"], dtype=np.uint64)
    return Neighbour(
        cpu=cpu,
        quiet_share=found["n_quiet"] / found["n"],
        best_ns=found["best_ticks"] * clock.ns_per_tick,
        median_ns=float(np.median(ticks)) * clock.ns_per_tick,
    )


def placement_ns(cpu_a: int, cpu_b: int, clock: Clock) -> float:
    """Median round trip of one cache line between two CPUs, in ns; from batches of round trips."""
    found = _core.probe_placement(cpu_a, cpu_b)
    return found["median_mticks"] / 1000 * clock.ns_per_tick
