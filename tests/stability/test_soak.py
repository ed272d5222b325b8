"""The engine under steady load for as long as asked: `pytest -m stability --hours 4`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.config.scenario import load_scenario
from harness.run.progress import Lines
from harness.run.runner import run

SCENARIO = Path(__file__).parents[2] / "scenarios" / "soak.yaml"


@pytest.mark.stability
@pytest.mark.timeout(0)
def test_the_engine_runs_level_and_loses_nothing_for_the_hours_asked(hours: float) -> None:
    scenario = load_scenario(SCENARIO).with_overrides(hours=hours)
    outcome = run(scenario, scenario_path=SCENARIO, out=Path("runs"), progress=Lines())
    record = json.loads((outcome.dir / "run.json").read_text())
    assert record["status"] == "complete", f"INCOMPLETE: see {outcome.dir}"
    broken = [check for check in record["checks"] if not check["ok"]]
    assert broken == [], f"see {outcome.dir}"
