"""The library's scenarios of market data: each holds, and none holds without its fault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from harness.config.reactions import Reactions
from harness.config.scenario import load_scenario

from .library import LIBRARY, SCENARIOS, both_ways

PREFIX = "test_scenario_library_"


test_what_is_expected_comes_of_the_fault, test_without_its_fault_no_case_holds = both_ways("market")


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


def test_every_scenario_of_faults_is_tried_by_a_module() -> None:
    scenarios = {path.stem: load_scenario(path) for path in SCENARIOS.glob("*.yaml")}
    of_faults = [
        name
        for name, scenario in scenarios.items()
        if any(isinstance(phase, Reactions) for phase in scenario.phases)
    ]
    assert sorted(of_faults) == sorted(name for group in LIBRARY.values() for name in group)
    modules = {path.stem.rpartition("_")[2] for path in Path(__file__).parent.glob(f"{PREFIX}*.py")}
    assert modules == set(LIBRARY)
