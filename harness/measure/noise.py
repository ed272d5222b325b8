"""The noise floor of a host: what it takes from a program that does nothing wrong.

Input:  the gaps that a spinning probe saw between two looks at the clock, in ns.
F(x):   chance that an operation of no length, arriving at random, waits longer than x:
    sum(max(0, gap - x)) / T over a wall time T.
rate:   gaps longer than x per ns of wall time; times the length of an operation it is the chance
    that one lands inside it.
Judge:  contamination c = F(0.1 T) + rate(0.1 T) * d for a target T and an operation of length d.
    A quantile q can be failed on this host only when c < (1 - q) / 3; the host's own delays
    would otherwise make up too much of the tail. Gaps below the probe's threshold are not seen.
Units:  ns everywhere; shares are 0..1. Before and after are combined by the worse of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import HostError, printable

GRID_NS: npt.NDArray[np.float64] = np.round(10.0 ** np.linspace(1, 7, 49), 3)  # 10 ns to 10 ms
MAX_GAPS, MAX_SECONDS = 2_000_000, 86_400.0  # of a look that somebody else took
QUANTILES = (0.5, 0.9, 0.99, 0.999, 0.9999)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Floor:
    """One CPU's noise floor, or several combined: curves over GRID_NS."""

    role: str
    waiting: FloatArray
    rate: FloatArray
    lost_share: float
    max_ns: float

    def f(self, x_ns: float) -> float:
        """Chance that a random arrival waits longer than x: read off the grid, rounded up."""
        return float(self.waiting[_grid_below(x_ns)])

    def gaps_per_ns(self, x_ns: float) -> float:
        """Gaps longer than x per ns of wall time: read off the grid, rounded up."""
        return float(self.rate[_grid_below(x_ns)])


def floor_record(
    gaps_ns: npt.ArrayLike, seconds: float, threshold_ns: float, *, when: str, cpu: int, role: str
) -> dict[str, Any]:
    """The JSON form of one probe run, as noise.json holds it."""
    gaps = np.sort(np.asarray(gaps_ns, dtype=np.float64))
    wall_ns = seconds * 1e9
    return {
        "when": when,
        "cpu": cpu,
        "role": role,
        "seconds": seconds,
        "threshold_ns": threshold_ns,
        "n_gaps": int(gaps.size),
        "lost_ns": float(gaps.sum()),
        "max_ns": float(gaps[-1]) if gaps.size else 0.0,
        "curve": np.column_stack([GRID_NS, _waiting(gaps, wall_ns)]).tolist(),
        "rate": np.column_stack([GRID_NS, _rate(gaps, wall_ns)]).tolist(),
        "percentiles": {
            name: wait_percentile(gaps, wall_ns, q)
            for name, q in (("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999))
        },
    }


def floor_records(gaps: Sequence[Mapping[str, Any]], *, role: str = "hot") -> list[dict[str, Any]]:
    """The same of what harness.tuning.gaps saw, here or on another host; with its `instrument`.

    HostError, one line, for what no clock can have shown.
    """
    return [_checked_record(one, role) for one in gaps]


def _checked_record(seen: Mapping[str, Any], role: str) -> dict[str, Any]:
    try:
        cpu, seconds = int(seen["cpu"]), float(seen["seconds"])
        threshold, lengths = float(seen["threshold_ns"]), seen["gaps_ns"]
        if not isinstance(lengths, list) or len(lengths) > MAX_GAPS:
            raise ValueError("no list of gaps")
        found = np.asarray([float(one) for one in lengths], dtype=np.float64)
        if cpu < 0 or not 0 < seconds < MAX_SECONDS or not 0 <= threshold < MAX_SECONDS * 1e9:
            raise ValueError("a number that no look can have")
        if not np.isfinite(found).all() or (found < 0).any():
            raise ValueError("a gap without a length")
        if found.sum() > 1.01 * seconds * 1e9:  # two clocks need not agree to the last digit
            raise ValueError("gaps longer than the look")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise HostError(f"not a record of gaps: {printable(str(error))[:200]}") from None
    record = floor_record(found, seconds, threshold, when="look 1", cpu=cpu, role=role)
    return record | {"instrument": printable(str(seen.get("instrument", ""))[:40])}


def wait_percentile(gaps_ns: npt.ArrayLike, wall_ns: float, q: float) -> float:
    """How long a random zero-cost arrival waits at quantile q: the x where F(x) falls to 1 - q."""
    gaps = np.sort(np.asarray(gaps_ns, dtype=np.float64))
    allowed_ns = (1.0 - q) * wall_ns
    if float(gaps.sum()) <= allowed_ns:
        return 0.0
    # Between two gap lengths F is a straight line: find the piece, then solve it.
    beyond = np.cumsum(gaps[::-1])[::-1]  # total length of gaps[i:]
    longer = np.arange(gaps.size, 0, -1)
    at_gap = beyond - longer * gaps  # F(x) * T at x = gaps[i]
    piece = int(np.searchsorted(-at_gap, -allowed_ns))
    return float((beyond[piece] - allowed_ns) / longer[piece])


def floor_of(record: Mapping[str, Any]) -> Floor:
    """Read one record of noise.json back. ValueError when its grid is not the fixed one."""
    curve, rate = np.asarray(record["curve"]), np.asarray(record["rate"])
    for part in (curve, rate):
        if part.shape != (GRID_NS.size, 2) or not np.array_equal(part[:, 0], GRID_NS):
            raise ValueError("noise.json: a floor curve is not on the fixed grid of 10 ns to 10 ms")
    lost = float(record["lost_ns"]) / (float(record["seconds"]) * 1e9)
    return Floor(str(record["role"]), curve[:, 1], rate[:, 1], lost, float(record["max_ns"]))


def worst(floors: Sequence[Floor]) -> Floor:
    """The worse of several looks at the same CPU, point by point."""
    return Floor(
        floors[0].role,
        np.max([f.waiting for f in floors], axis=0),
        np.max([f.rate for f in floors], axis=0),
        max(f.lost_share for f in floors),
        max(f.max_ns for f in floors),
    )


def along(floors: Sequence[Floor]) -> Floor:
    """A path through several CPUs is delayed by each of them: the chances add up."""
    return Floor(
        "+".join(f.role for f in floors),
        np.minimum(np.sum([f.waiting for f in floors], axis=0), 1.0),
        np.sum([f.rate for f in floors], axis=0),
        min(sum(f.lost_share for f in floors), 1.0),
        max(f.max_ns for f in floors),
    )


def combined(records: Sequence[Mapping[str, Any]], roles: Sequence[str]) -> Floor | None:
    """The floor under a path through these roles: worst of before and after, then added up.

    None when a role was never probed: then the host proves nothing.
    """
    parts = []
    for role in roles:
        looks = [floor_of(r) for r in records if r["role"] == role]
        if not looks:
            return None
        parts.append(worst(looks))
    return along(parts) if parts else None


def contamination(floor: Floor, target_ns: float, length_ns: float) -> float:
    """Share of operations of this length that the host alone delays by a tenth of the target."""
    x = 0.1 * target_ns
    return min(floor.f(x) + floor.gaps_per_ns(x) * length_ns, 1.0)


def may_fail(share: float, q: float) -> bool:
    """Whether a value over target at quantile q is the program's doing on this host."""
    return share < (1.0 - q) / 3.0


def judgeable_quantile(share: float) -> float:
    """The highest of the usual quantiles that this contamination leaves judgeable; 0 for none."""
    return max((q for q in QUANTILES if may_fail(share, q)), default=0.0)


def _waiting(gaps: FloatArray, wall_ns: float) -> FloatArray:
    first = np.searchsorted(gaps, GRID_NS, side="right")
    beyond = np.concatenate([np.cumsum(gaps[::-1])[::-1], [0.0]])
    return np.asarray((beyond[first] - (gaps.size - first) * GRID_NS) / wall_ns)


def _rate(gaps: FloatArray, wall_ns: float) -> FloatArray:
    return np.asarray((gaps.size - np.searchsorted(gaps, GRID_NS, side="right")) / wall_ns)


def _grid_below(x_ns: float) -> int:
    """Both curves only fall, so the grid point below x never flatters the host."""
    return max(int(np.searchsorted(GRID_NS, x_ns * (1 + 1e-9), side="right")) - 1, 0)
