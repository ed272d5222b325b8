"""The canary: two frozen loops, read before and after a run; they move with the machine alone.

A night on which they stand elsewhere than before says nothing about the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine import component as engine_component
from harness.run.session import Json, Measured, Session

CANARY_KEY = "canary"  # of noise.json: one record a reading


def canary(session: Session, when: str) -> None:
    """A reading before or after the run; after the second one the figures of both.

    The figure is the worse of the two best chunks: a machine that slowed down in between shows.
    """
    readings: list[Json] = session.noise.setdefault(CANARY_KEY, [])
    seen = engine_component.canary(session.cpus.engine, session.clock)
    for kind, reading in (("cpu", seen.cpu), ("mem", seen.mem)):
        readings.append(
            {
                "when": when,
                "kind": kind,
                "cpu": session.cpus.engine,
                "best_ns": reading.best_ns,
                "median_ns": reading.median_ns,
                "quiet_share": reading.quiet_share,
                "source_sha256": seen.source_sha256,
            }
        )
    if when == "after":
        for kind in ("cpu", "mem"):
            session.figure(canary_figure(kind, [r for r in readings if r["kind"] == kind]))


def canary_figure(kind: str, readings: Sequence[Mapping[str, Any]]) -> Measured:
    """One kind of canary over the readings of a run, in their order."""
    best = [float(r["best_ns"]) for r in readings]
    return Measured(
        f"canary.{kind}",
        unit="ns",
        kind="scalar",
        regime="frozen",
        points="fastest chunk, an operation",
        load="one thread",
        facts={
            "value": max(best),
            "median_ns": max(float(r["median_ns"]) for r in readings),
            "before_ns": best[0],
            "after_ns": best[-1],
            "runs_ns": best,
            "source_sha256": readings[-1]["source_sha256"],
            "quiet_share": min(float(r["quiet_share"]) for r in readings),
        },
        roles=("engine",),
    )
