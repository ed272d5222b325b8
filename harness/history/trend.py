"""A metric over nights: one series an environment, contaminated nights apart.

A night counts when its run is complete, the metric was judged (or, for a metric that no row judges,
measured), and the frozen benchmarks of the run took what they take. A canary that moved says the
environment moved: that night says nothing of the code, whatever its figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.history.entry import Entry, Metric
from harness.measure import watch
from harness.measure.watch import Band, Step

CANARY_SHARE = 0.03
UNJUDGED = ("UNJUDGEABLE", "MISSING")
LATEST = "value"


@dataclass(frozen=True, slots=True)
class Night:
    """One run of a series. `void`: why it does not count, empty when it does."""

    run_id: str
    started_utc: str
    value: float
    void: str


@dataclass(frozen=True, slots=True)
class Series:
    """One metric in one environment, oldest night first; suspects and steps by run id."""

    key: str
    unit: str
    statistic: str
    fingerprint: str
    nights: tuple[Night, ...]
    expected: Band | None
    suspects: tuple[str, ...]
    steps: tuple[tuple[str, Step], ...]

    @property
    def judged(self) -> tuple[Night, ...]:
        return tuple(night for night in self.nights if not night.void)


def series_of(entries: Sequence[Entry], metric: str = "", statistic: str = LATEST) -> list[Series]:
    """Series of every metric whose id is, or begins with, `metric`; by environment and key.

    `statistic` is `value` (that of its row) or `p50`, which a noisy host leaves judgeable.
    """
    found: dict[tuple[str, str], list[tuple[Entry, Metric, float]]] = {}
    for entry in entries:
        for one in entry.metrics:
            value = one.p50 if statistic == "p50" else one.value
            if value is not None and (
                one.id == metric or one.id.startswith(f"{metric}.") or not metric
            ):
                found.setdefault((entry.fingerprint, one.key), []).append((entry, one, value))
    return [_series(key, looks, statistic) for (_, key), looks in found.items()]


def _series(key: str, looks: Sequence[tuple[Entry, Metric, float]], statistic: str) -> Series:
    moved = _moved_canaries([entry for entry, _, _ in looks])
    nights = tuple(
        Night(
            entry.id, entry.started_utc, value, moved.get(entry.id) or _void(entry, one, statistic)
        )
        for entry, one, value in looks
    )
    judged = [night for night in nights if not night.void]
    values = [night.value for night in judged]
    newest = looks[-1][1]
    return Series(
        key,
        newest.unit,
        "p50" if statistic == "p50" else newest.statistic or "p99",
        looks[-1][0].fingerprint,
        nights,
        watch.band(values[:-1]) if values else None,
        tuple(judged[i].run_id for i in watch.suspects(values)),
        tuple((judged[step.at].run_id, step) for step in watch.steps(values)),
    )


def _void(entry: Entry, metric: Metric, statistic: str) -> str:
    if entry.status != "complete":
        return "the run was cut off"
    if statistic != "p50" and metric.state in UNJUDGED:
        return f"{metric.state}: {metric.reason}"
    return ""


def _moved_canaries(entries: Sequence[Entry]) -> dict[str, str]:
    """Runs whose frozen benchmark lies more than CANARY_SHARE from the median of all nights."""
    names = {name for entry in entries for name in entry.canaries()}
    moved: dict[str, str] = {}
    for name in sorted(names):
        seen = {entry.id: entry.canaries()[name] for entry in entries if name in entry.canaries()}
        usual = float(np.median(list(seen.values())))
        for run_id, value in seen.items():
            if len(seen) >= watch.FEWEST and abs(value / usual - 1) > CANARY_SHARE:
                moved.setdefault(run_id, f"{name} took {value / usual - 1:+.1%} of its usual time")
    return moved
