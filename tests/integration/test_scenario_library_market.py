"""The library's scenarios of load and market data: each holds, and none holds without its fault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from harness.bench.cpus import Cpus
from harness.config.faults_market import Overload
from harness.config.reactions import Case, Reactions
from harness.config.scenario import load_scenario
from harness.run.reactions import phase as reactions_phase
from harness.run.reactions import why_not
from harness.run.session import Session

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LIBRARY = (
    "ab-failover",
    "burst",
    "corruption",
    "duplicate",
    "gap-recovery",
    "loss",
    "max-load",
    "ramp",
    "reorder",
    "rts6-stress",
)


def cases() -> list[Any]:
    found = []
    for name in LIBRARY:
        for phase in load_scenario(SCENARIOS / f"{name}.yaml").phases:
            assert isinstance(phase, Reactions)
            found += [pytest.param(name, case, id=case.id) for case in phase.cases]
    return found


def shortened(case: Case) -> Case:
    """Trials long enough for one cycle of what they send, and no longer."""
    if not isinstance(case.fault, Overload) or not case.fault.schedule.startswith("const"):
        return case
    short = case.fault.model_copy(update={"duration_ns": 50_000_000})
    return case.model_copy(update={"fault": short})


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
    reactions_phase.reactions(Reactions(phase="reactions", cases=(shortened(case),)), session)
    assert [entry["kind"] for entry in series].count("reaction") == 1
    return {check["id"]: check["ok"] for check in session.checks if not check.get("timed")}


@pytest.mark.parametrize(("name", "case"), cases())
def test_what_is_expected_comes_of_the_fault(name: str, case: Case) -> None:
    checks = checks_of(name, case, faults_enabled=True)
    assert [id for id, ok in checks.items() if not ok] == []


@pytest.mark.parametrize(("name", "case"), cases())
def test_without_its_fault_no_case_holds(name: str, case: Case) -> None:
    checks = checks_of(name, case, faults_enabled=False)
    assert not checks[f"reactions.{case.id}.effect"]


@pytest.mark.parametrize(("option", "code"), [((), 0), (("--without-faults",), 1)])
def test_a_whole_run_is_ready_with_its_faults_alone(
    tmp_path: Path, option: tuple[str, ...], code: int
) -> None:
    command = [sys.executable, "-m", "harness.cli", "run", str(SCENARIOS / "loss.yaml")]
    done = subprocess.run(
        [*command, "--out", str(tmp_path), *option], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert ("the fault had an effect" in done.stdout) == bool(option)
