"""The throughput search: how much holds without loss, and how much with the latency target as well.

Both bounds are searched by halving on the scale of ratios, each probe in a process of its own; what
held is then held again, several times. Whether that proves anything is judged from the series.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import astuple, dataclass

from harness.bench.launch import measure
from harness.bench.reports import TrialReport
from harness.config.matrix import Gate
from harness.config.scenario import Throughput, Trial
from harness.measure import percentiles
from harness.run.session import Measured, Session
from harness.run.trials import BOTH, plan_of

SEARCH = "search"
TRIES = 4  # as many trials as were asked for, at most: one that fails starts again a step lower
WARMUP_NS = 100_000_000  # the books are filled and the caches warm; nothing is scored before


@dataclass(frozen=True, slots=True)
class _Held:
    """What one probe showed, or what most of several did."""

    no_loss: bool
    in_time: bool


def search(phase: Throughput, session: Session) -> None:
    """Find the rate without loss, then the rate that also keeps the latency row; hold it.

    The rate that was held in the end is what a ladder after it climbs to.
    """
    row = session.joint_row(phase.joint)
    known: dict[int, _Held] = {}

    def probe(rate_per_s: int) -> _Held:
        if rate_per_s not in known:
            once = functools.partial(_hold, session, phase, row, rate_per_s, phase.probe_ns)
            known[rate_per_s] = majority(once, phase.votes)
        return known[rate_per_s]

    low, high = phase.target_rate_per_s, phase.max_rate_per_s
    width = phase.width_bp / 10_000
    loss_free = highest(low, high, width, lambda rate: probe(rate).no_loss)
    joint = highest(low, loss_free, width, lambda rate: all(astuple(probe(rate))))
    # Where the host's own delays break the latency claim at once, the loss-free rate is what is
    # left.
    is_joint = probe(joint).in_time
    rate = joint if is_joint else loss_free
    n_held = 0
    for _ in range(TRIES * phase.confirm_trials):
        held = _hold(session, phase, row, rate, phase.trial_ns)
        if held.no_loss and (held.in_time or not is_joint):
            n_held += 1
            if n_held == phase.confirm_trials:
                session.sustained_per_s[phase.feed] = rate
                break
        else:
            rate, n_held = max(1, round(rate / (1 + width))), 0
    if phase.soak_ns:
        _hold(session, phase, row, rate, phase.soak_ns)
    session.figure(
        Measured(
            phase.id,
            unit="msg/s",
            kind="throughput",
            regime=session.regime(phase.feed) + session.over(phase.port),
            points="wire",
            load="searched",
            facts={
                "phase": SEARCH,
                "joint_metric": phase.joint,
                "confirm_trials": phase.confirm_trials,
                "trial_s": phase.trial_ns / 1e9,
                "width": width,
            },
            roles=BOTH,
        )
    )


def majority(once: Callable[[], _Held], votes: int) -> _Held:
    """What more than half of `votes` probes show; no more are made than decide it.

    One probe is often spoilt by a stall of the host, most of several hardly ever: with a share p of
    spoilt probes three of them err at 3p^2 - 2p^3.
    """
    seen: list[_Held] = []
    needed = votes // 2 + 1
    while True:
        seen.append(once())
        loss, time = (sum(one) for one in zip(*map(astuple, seen), strict=True))
        if all(max(yes, len(seen) - yes) >= needed for yes in (loss, time)):
            return _Held(no_loss=loss >= needed, in_time=time >= needed)


def highest(low: int, high: int, width: float, holds: Callable[[int], bool]) -> int:
    """The highest rate found to hold, within `width` of one that does not; `low` when none does.

    Assumes that what holds at a rate holds below it; a rate that breaks this shows in the series.
    """
    if low >= high or not holds(low):
        return low
    if holds(high):
        return high
    while high > low * (1 + width):
        middle = round(math.sqrt(low * high))
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _hold(
    session: Session, phase: Throughput, row: Gate | None, rate_per_s: int, length_ns: int
) -> _Held:
    """One trial of the search, written down."""
    session.progress.note(f"{phase.id} at {rate_per_s:,}/s for {length_ns / 1e9:g} s")
    trial = Trial.of(
        phase.id,
        phase.feed,
        rate_per_s=rate_per_s,
        warmup_ns=WARMUP_NS,
        duration_ns=length_ns,
        way=phase,
    )
    report = TrialReport.of(measure(plan_of(session, trial)))
    session.series(report.series(SEARCH, rate_per_s))
    seen = percentiles.table(report.histograms["wire"], 1.0).get(row.statistic) if row else None
    in_time = row is None or (seen is not None and row.target.met_by(seen))
    return _Held(no_loss=report.loss == 0, in_time=in_time)
