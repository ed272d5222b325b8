"""The engine under steady load for as long as asked: `pytest -m stability --hours 4`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.testing.bench import Run


@pytest.mark.stability
@pytest.mark.timeout(0)
def test_the_engine_runs_level_and_loses_nothing_for_the_hours_asked(
    hours: float, engine_run: Callable[..., Run]
) -> None:
    run = engine_run("soak", hours=hours)
    assert run.record["status"] == "complete", f"INCOMPLETE: see {run.dir}"
    broken = [check for check in run.record["checks"] if not check["ok"]]
    assert broken == [], f"see {run.dir}"
    asked = hours <= next(
        m["facts"]["value"] for m in run.record["measurements"] if m["id"] == "stability.hours"
    )
    assert asked or hours < 0.1, "it ended early"
