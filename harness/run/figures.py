"""What one measurement says, before anybody judges it.

Units:  those of the measurement (recorded ticks are scaled by its `tick_ns`); rates in msg/s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.config.matrix import Gate
from harness.measure import percentiles
from harness.measure.histogram import Histogram
from harness.measure.percentiles import Bounds, Support
from harness.run.raw import Measurement, Raw
from harness.run.sustained import Sustained, sustained


@dataclass(frozen=True, slots=True)
class Figures:
    """What one measurement says before anybody judges it."""

    n: int
    value: float | None
    percentiles: Mapping[str, float | None]
    mean: float | None = None
    sd: float | None = None
    over_target: int | None = None
    bounds: Bounds | None = None
    runs: tuple[float, ...] = ()
    support: Support = Support.NONE
    n_blocks: int = 0
    flaw: str = ""  # why these figures cannot be judged, whatever they are
    detail: Mapping[str, Any] | None = None


def of_percentile(raw: Raw, measurement: Measurement, gate: Gate | None) -> Figures:
    log, tags = raw.hlogs[measurement["hlog"]], measurement["tags"]
    scale = float(measurement["facts"].get("tick_ns", 1.0))
    runs = [log.total([tag]) for tag in tags]
    blocks = [block for tag in tags for block in log.blocks(tag)]
    # A block stands for at least a second of stalls; shorter intervals are shown, not counted.
    enough_s = 0.999 * percentiles.BLOCK_S  # a timer is never early, its time stamp may be
    n_blocks = sum(i.tag in tags and i.length_s >= enough_s for i in log.intervals)
    total = log.total(tags)
    lost = int(measurement["facts"].get("loss") or 0)
    table = percentiles.table(total, scale)
    plain = Figures(
        n=total.n,
        value=table["p99"],
        percentiles=table,
        mean=total.mean() * scale if total.n else None,
        sd=total.sd() * scale if total.n else None,
        n_blocks=n_blocks,
    )
    if gate is None:
        return plain
    over = total.n_at_or_above(gate.target.value / scale) + lost
    if gate.statistic == "max":
        worst = table["max"] if not lost else None
        enough = Support.JUDGE if total.n else Support.NONE
        return replace(plain, value=worst, over_target=over, support=enough)
    q = percentiles.fraction(gate.statistic)
    several = len(runs) > 1
    thin = [t for t, r in zip(tags, runs, strict=True) if not percentiles.support(r.n, q, 0)]
    flaw = f"too few samples for {gate.statistic} in {', '.join(thin)}" if several and thin else ""
    return replace(
        plain,
        value=_with_losses(total, lost, gate.statistic, scale),
        over_target=over,
        bounds=percentiles.block_bootstrap(blocks, gate.statistic, scale),
        runs=tuple(run.quantile(q) * scale for run in runs) if several and not thin else (),
        support=percentiles.support(total.n, q, n_blocks),
        flaw=flaw,
    )


def _with_losses(total: Histogram, lost: int, statistic: str, scale: float) -> float | None:
    """The percentile over sent messages: what never arrived ranks above everything that did."""
    q = percentiles.fraction(statistic)
    n = total.n + lost
    rank = -(-q.numerator * n // q.denominator)
    if rank > total.n or percentiles.support(n, q, 0) is Support.NONE:
        return None
    return total.at_rank(max(rank, 1)) * scale


def of_throughput(raw: Raw, measurement: Measurement) -> Figures:
    found = sustained_by(raw, measurement)
    return Figures(
        n=found.n_trials,
        value=found.joint,
        percentiles={},
        support=found.support if found.joint is not None else Support.NONE,
        detail=found.json(),
    )


def sustained_by(raw: Raw, measurement: Measurement) -> Sustained:
    joint = joint_gate(raw, measurement)
    trials = [t for t in raw.series if t["kind"] == "trial"]
    wanted = [t for t in trials if t["phase"] == measurement["facts"].get("phase")]
    return sustained(wanted, joint.target if joint else None, joint.statistic if joint else "p99")


def joint_gate(raw: Raw, measurement: Measurement) -> Gate | None:
    """The row whose latency target a throughput must hold too."""
    wanted = measurement["facts"].get("joint_metric")
    return next((g for g in raw.gates() if wanted and g.metric == wanted), None)


def of_scalar(measurement: Measurement) -> Figures:
    value = measurement["facts"].get("value")
    return Figures(1 if value is not None else 0, value, {})
