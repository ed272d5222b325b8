"""The cases of shipped scenarios of faults, each done alone, as a run would do it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
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

from .conftest import needs_two_cpus

SCENARIOS = Path(__file__).parents[2] / "scenarios"
# Every scenario of faults, by the module that tries it.
LIBRARY = {
    "kill": ("kill-switch",),
    "load": ("burst", "max-load", "ramp", "rts6-stress"),
    "machine": ("cpu-steal", "memory-pressure", "nic-flap"),
    "market": ("ab-failover", "corruption", "duplicate", "gap-recovery", "loss", "reorder"),
    "process": ("disk-full", "kill-9", "power-loss"),
    "venue": (
        "clock-step",
        "exchange-disconnect",
        "malformed",
        "queue-full",
        "reject-storm",
        "slow-consumer",
    ),
}
Test = Callable[[str, Case], None]


def cases(group: str) -> list[Any]:
    """Parameters (name, case) of every case of the group's scenarios."""
    found = []
    for name in LIBRARY[group]:
        for phase in load_scenario(SCENARIOS / f"{name}.yaml").phases:
            assert isinstance(phase, Reactions)
            found += [pytest.param(name, case, id=case.id) for case in phase.cases]
    return found


def both_ways(group: str, prepare: Callable[[Case], Case] = lambda case: case) -> tuple[Test, Test]:
    """Two tests of every case of a group: with its fault it holds, and without it it does not."""

    @pytest.mark.parametrize(("name", "case"), cases(group))
    def holds(name: str, case: Case) -> None:
        checks = checks_of(name, prepare(case), faults_enabled=True)
        assert [id for id, ok in checks.items() if not ok] == []

    @pytest.mark.parametrize(("name", "case"), cases(group))
    def does_not(name: str, case: Case) -> None:
        checks = checks_of(name, prepare(case), faults_enabled=False)
        assert not checks[f"reactions.{case.id}.effect"]

    return holds, does_not


def checks_of(name: str, case: Case, *, faults_enabled: bool) -> dict[str, bool]:
    """The checks of one case, by id, as a run would make them."""
    needs_two_cpus()
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


def log_fault_counts(
    plan: dict[str, Any], spoiled: str = "", *, timeout_s: float = 100
) -> dict[str, int]:
    """The counts of harness.bench.log_faults in a process in which lines have been replaced."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts a disk of memory")
    program = f"from harness.bench import log_faults, log_sender\n{spoiled}\nlog_faults.main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps({**plan, "parent": os.getpid()}) + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    return counts
