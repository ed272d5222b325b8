"""The noise floor of a host, CPU by CPU: what each takes from a program that watches the clock.

Several looks, all CPUs at once. Percentiles of waiting are over all looks together: how long an
arrival at a random moment waits. `lost_shares` has a share a look; their spread tells how steady
the host is. Hosts without the engine are looked at through harness/tuning/gaps.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import clock as engine_clock
from engine import probe
from harness.measure import noise
from harness.tuning.host import ROOT
from harness.tuning.tree import Absent, Tree

DEFAULT_LOOKS = 3
CALIBRATION_NS = 200_000_000
_STEAL_COLUMN = 8


@dataclass(frozen=True, slots=True)
class CoreFloor:
    """One CPU. Times in ns; `steal_ns` is what a hypervisor says it took, None when not told."""

    cpu: int
    role: str
    seconds: float
    threshold_ns: float
    n_gaps: int
    lost_share: float
    lost_shares: tuple[float, ...]
    max_ns: float
    p99_ns: float
    p999_ns: float
    p9999_ns: float
    steal_ns: int | None
    records: tuple[Mapping[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """Without the records: those are noise.json's."""
        return {
            "cpu": self.cpu,
            "role": self.role,
            "seconds": self.seconds,
            "threshold_ns": self.threshold_ns,
            "n_gaps": self.n_gaps,
            "lost_share": self.lost_share,
            "lost_shares": list(self.lost_shares),
            "max_ns": self.max_ns,
            "p99_ns": self.p99_ns,
            "p99.9_ns": self.p999_ns,
            "p99.99_ns": self.p9999_ns,
            "steal_ns": self.steal_ns,
        }


def look(
    cpus: Sequence[int],
    seconds: float,
    *,
    looks: int = DEFAULT_LOOKS,
    roles: Mapping[int, str] | None = None,
    clock: engine_clock.Clock | None = None,
) -> list[CoreFloor]:
    """Spin on all `cpus` for `seconds` in all, in several looks. A floor a CPU, in their order.

    EngineError for a CPU that cannot be used. ValueError without a CPU, a look or time.
    """
    if not cpus or looks < 1 or seconds <= 0:
        raise ValueError("a floor takes a CPU, a look and some time")
    clock = clock or engine_clock.calibrate(CALIBRATION_NS)
    before = _steal()
    found = [one for _ in range(looks) for one in probe.noise(cpus, seconds / looks, clock)]
    after = _steal()
    return [
        _floor(
            [one for one in found if one.cpu == cpu],
            (roles or {}).get(cpu, f"cpu{cpu}"),
            after[cpu] - before[cpu] if cpu in after and cpu in before else None,
        )
        for cpu in cpus
    ]


def records(floors: Sequence[CoreFloor]) -> list[dict[str, Any]]:
    """All looks in the form of noise.json, for whoever judges by it."""
    return [dict(record) for floor in floors for record in floor.records]


def _floor(looks: Sequence[probe.Noise], role: str, steal_ns: int | None) -> CoreFloor:
    gaps = np.concatenate([one.gaps_ns for one in looks])
    wall_ns = sum(one.seconds for one in looks) * 1e9
    shares = tuple(float(one.gaps_ns.sum()) / (one.seconds * 1e9) for one in looks)
    waits = [noise.wait_percentile(gaps, wall_ns, q) for q in (0.99, 0.999, 0.9999)]
    return CoreFloor(
        cpu=looks[0].cpu,
        role=role,
        seconds=wall_ns / 1e9,
        threshold_ns=max(one.threshold_ns for one in looks),
        n_gaps=int(gaps.size),
        lost_share=float(gaps.sum()) / wall_ns,
        lost_shares=shares,
        max_ns=float(gaps.max()) if gaps.size else 0.0,
        p99_ns=waits[0],
        p999_ns=waits[1],
        p9999_ns=waits[2],
        steal_ns=steal_ns,
        records=tuple(_record(one, number, role) for number, one in enumerate(looks, 1)),
    )


def _record(one: probe.Noise, number: int, role: str) -> dict[str, Any]:
    return noise.floor_record(
        one.gaps_ns, one.seconds, one.threshold_ns, when=f"look {number}", cpu=one.cpu, role=role
    )


def _steal() -> dict[int, int]:
    """Time in ns by CPU that a hypervisor says it gave to others; {} where it is not told."""
    tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    try:
        lines = Tree(ROOT).text("proc/stat").splitlines()
    except Absent:
        return {}
    words = [line.split() for line in lines if line.startswith("cpu") and line[3:4].isdigit()]
    return {
        int(one[0][3:]): int(one[_STEAL_COLUMN]) * tick_ns
        for one in words
        if len(one) > _STEAL_COLUMN and one[0][3:].isdecimal() and one[_STEAL_COLUMN].isdecimal()
    }
