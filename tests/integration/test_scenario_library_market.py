"""The library's scenarios of market data: each holds, and none holds without its fault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from harness.config.reactions import Case

from .library import SCENARIOS, cases, checks_of

LIBRARY = (
    "ab-failover",
    "corruption",
    "duplicate",
    "gap-recovery",
    "loss",
    "reorder",
)


@pytest.mark.parametrize(("name", "case"), cases(LIBRARY))
def test_what_is_expected_comes_of_the_fault(name: str, case: Case) -> None:
    checks = checks_of(name, case, faults_enabled=True)
    assert [id for id, ok in checks.items() if not ok] == []


@pytest.mark.parametrize(("name", "case"), cases(LIBRARY))
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
