"""The cases of shipped scenarios of faults, each done alone, as a run would do it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.bench.cpus import Cpus
from harness.config.reactions import Case, Reactions
from harness.config.scenario import load_scenario
from harness.run.reactions import phase as reactions_phase
from harness.run.reactions import why_not
from harness.run.session import Session

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def cases(names: Iterable[str]) -> list[Any]:
    """Parameters (name, case) of every case of these scenarios."""
    found = []
    for name in names:
        for phase in load_scenario(SCENARIOS / f"{name}.yaml").phases:
            assert isinstance(phase, Reactions)
            found += [pytest.param(name, case, id=case.id) for case in phase.cases]
    return found


def checks_of(name: str, case: Case, *, faults_enabled: bool) -> dict[str, bool]:
    """The checks of one case, by id, as a run would make them."""
    lacking = why_not(case.fault)
    if lacking is not None:
        pytest.skip(lacking)
    series: list[dict[str, object]] = []
    session = Session(
        load_scenario(SCENARIOS / f"{name}.yaml"),
        SimpleNamespace(append_jsonl=lambda _, entry: series.append(entry)),  # type: ignore[arg-type]
        Cpus(1, 0),
        SimpleNamespace(note=lambda _: None),  # type: ignore[arg-type]
        SimpleNamespace(),  # type: ignore[arg-type]
        faults_enabled=faults_enabled,
    )
    reactions_phase.reactions(Reactions(phase="reactions", cases=(case,)), session)
    assert [entry["kind"] for entry in series].count("reaction") == 1
    return {check["id"]: check["ok"] for check in session.checks if not check.get("timed")}
