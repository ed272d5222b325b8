"""What a history keeps of a run: enough to compare and to follow it, never the evidence itself.

A metric's key is everything that makes it that metric: id, regime, points and load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.run import artifacts, chain
from harness.run.artifacts import RunDirError
from harness.run.raw import ENV

CANARY = "canary."


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a run. `values`: its statistic in each restart, for metrics that have some."""

    key: str
    id: str
    unit: str
    statistic: str | None
    value: float | None
    p50: float | None
    state: str | None
    reason: str
    n: int
    values: tuple[float, ...]
    lower_is_better: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A run; `facts` are those of its env.json, kept for the difference of two environments."""

    id: str
    started_utc: str
    scenario: str
    status: str
    verdict: str
    is_qualified: bool
    fingerprint: str
    parts: Mapping[str, str]
    sums_sha256: str
    metrics: tuple[Metric, ...]
    facts: Mapping[str, Any]

    def canaries(self) -> dict[str, float]:
        """What the frozen benchmarks took, ns; empty where none ran."""
        return {m.id: m.value for m in self.metrics if m.id.startswith(CANARY) and m.value}


def read_entry(path: Path) -> Entry:
    """The entry of a finished run. RunDirError for what is none."""
    artifacts.open_run(path)
    run, env = artifacts.read_json(path / artifacts.RUN), artifacts.read_json(path / ENV)
    try:
        return Entry(
            id=run["id"],
            started_utc=run["started_utc"],
            scenario=run["scenario"]["name"],
            status=run["status"],
            verdict=run["verdict"]["state"],
            is_qualified=bool(run["verdict"]["host"]["qualified"]),
            fingerprint=env["fingerprint"]["sha256"],
            parts=dict(env["fingerprint"].get("parts", {})),
            sums_sha256=chain.seal_of(path).sums_sha256,
            metrics=tuple(_metric(one) for one in run["metrics"]),
            facts=env["facts"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RunDirError(
            f"{path}: not a run of this version: {error!r} in {artifacts.RUN}"
        ) from None


def _metric(one: Mapping[str, Any]) -> Metric:
    target = one["target"] or {}
    rate = one["unit"] == "msg/s"
    return Metric(
        key="|".join(str(one[part]) for part in ("id", "regime", "points", "load")),
        id=one["id"],
        unit=one["unit"],
        statistic=one["statistic"],
        value=one["value"],
        p50=one["percentiles"].get("p50"),
        state=one["state"],
        reason=one["reason"],
        n=one["n"],
        values=tuple(one["runs"]),
        lower_is_better=str(target.get("op", ">" if rate else "<")).startswith("<"),
    )
