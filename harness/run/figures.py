"""What one measurement says, before anybody judges it.

Units:  those of the measurement (recorded ticks are scaled by its `tick_ns`); rates in msg/s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.config.matrix import Gate
from harness.measure import censored, percentiles
from harness.measure.histogram import Histogram
from harness.measure.modes import Mode, two_modes
from harness.measure.percentiles import Bounds, Support
from harness.run.raw import Measurement, Raw
from harness.run.stability import longest
from harness.run.sustained import Sustained, sustained

_STEPS = {
    "ns": ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1.0, "ns")),
    "msg/s": ((1e6, "M msg/s"), (1e3, "k msg/s"), (1.0, "msg/s")),
    "count": ((1.0, ""),),
}


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
    infinite: tuple[str, ...] = ()  # percentiles that fall among lost messages
    modes: tuple[Mode, ...] = ()  # between runs, where there are two
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
    infinite = censored.statistics(total, lost)
    table = _with_losses(total, lost, infinite, scale)
    plain = Figures(
        n=total.n,
        value=table["p99"],
        percentiles=table,
        mean=total.mean() * scale if total.n else None,
        sd=total.sd() * scale if total.n else None,
        n_blocks=n_blocks,
        infinite=infinite,
    )
    if gate is None:
        return plain
    over = total.n_at_or_above(gate.target.value / scale) + lost
    if gate.statistic == "max":
        enough = Support.JUDGE if total.n else Support.NONE
        return replace(plain, value=table["max"], over_target=over, support=enough)
    q = percentiles.fraction(gate.statistic)
    several = len(runs) > 1
    thin = [t for t, r in zip(tags, runs, strict=True) if not percentiles.support(r.n, q, 0)]
    flaw = f"too few samples for {gate.statistic} in {', '.join(thin)}" if several and thin else ""
    values = tuple(run.quantile(q) * scale for run in runs) if several and not thin else ()
    return replace(
        plain,
        value=table.get(gate.statistic, _percentile(total, lost, gate.statistic, scale)),
        over_target=over,
        bounds=percentiles.block_bootstrap(blocks, gate.statistic, scale),
        runs=values,
        modes=two_modes(values),
        support=percentiles.support(total.n, q, n_blocks),
        flaw=flaw,
        detail=_streak([log.blocks(tag) for tag in tags], gate, scale),
    )


def _with_losses(
    total: Histogram, lost: int, infinite: Collection[str], scale: float
) -> dict[str, float | None]:
    """The table over sent messages: what never arrived ranks above everything that did."""
    table = percentiles.table(total, scale)
    if lost:
        table |= {name: _percentile(total, lost, name, scale) for name in percentiles.PUBLISHED}
        table |= dict.fromkeys(infinite)
    return table


def _percentile(total: Histogram, lost: int, statistic: str, scale: float) -> float | None:
    q = percentiles.fraction(statistic)
    n = total.n + lost
    rank = -(-q.numerator * n // q.denominator)
    if rank > total.n or percentiles.support(n, q, 0) is Support.NONE:
        return None
    return total.at_rank(max(rank, 1)) * scale


def _streak(
    trials: Sequence[Sequence[Histogram]], gate: Gate, scale: float
) -> dict[str, int] | None:
    """The most blocks in a row, of one trial, whose percentile missed the target.

    A block too short for the percentile does not say; None where none says.
    """
    seen = [
        [percentiles.percentile(block, gate.statistic, scale) for block in trial]
        for trial in trials
    ]
    if all(value is None for trial in seen for value in trial):
        return None
    missed = (
        longest([value is not None and not gate.target.met_by(value) for value in trial])
        for trial in seen
    )
    return {"longest_streak": max(missed)}


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
    facts, joint = measurement["facts"], joint_gate(raw, measurement)
    trials = [t for t in raw.series if t["kind"] == "trial"]
    wanted = [t for t in trials if t["phase"] == facts.get("phase")]
    return sustained(
        wanted,
        joint.target if joint else None,
        joint.statistic if joint else "p99",
        confirm_trials=int(facts.get("confirm_trials") or 1),
        trial_s=float(facts.get("trial_s") or 0.0),
    )


def joint_gate(raw: Raw, measurement: Measurement) -> Gate | None:
    """The row whose latency target a throughput must hold too."""
    wanted = measurement["facts"].get("joint_metric")
    return next((g for g in raw.gates() if wanted and g.metric == wanted), None)


def of_scalar(measurement: Measurement) -> Figures:
    facts = measurement["facts"]
    value = facts.get("value")
    runs = tuple(float(one) for one in facts.get("runs_ns") or ())
    return Figures(1 if value is not None else 0, value, {}, runs=runs, modes=two_modes(runs))


def display(value: float | None, unit: str) -> str:
    """A figure for people: '1.89 us', '3.2 M msg/s'; 'n/a' for None."""
    if value is None:
        return "n/a"
    steps = _STEPS.get(unit, ((1.0, unit),))
    scale, name = next((s for s in steps if abs(value) >= s[0]), steps[-1])
    return f"{value / scale:.6g} {name}".rstrip()
