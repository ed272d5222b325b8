"""A leak of 24 bytes a million messages in the engine, against the accounts of a soak."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import Any

import pytest
import seeded_builds

from harness.bench.cpus import choose_here
from harness.bench.launch import measure
from harness.config.scenario import Soak, load_scenario
from harness.run import soak as soak_module
from harness.run.progress import Silent
from harness.run.session import Session
from harness.tuning.facts import collect

from .conftest import needs_two_cpus
from .test_soak_run import scenario

pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: no seeded builds"),
    pytest.mark.timeout(400),
]
COUNTED = 3  # millions of messages, and some more


@pytest.fixture
def session(tmp_path: Path) -> Session:
    from harness.config.loader import project_data
    from harness.config.matrix import load_matrix
    from harness.run.artifacts import RunDir

    needs_two_cpus()
    chosen = load_scenario(scenario(tmp_path, f"{100 * COUNTED}s")).with_overrides(
        rate_per_s=1_000_000
    )
    directory = RunDir.create(tmp_path / "runs")
    matrix = load_matrix(project_data("reports/matrix/week1.yaml"))
    return Session(chosen, directory, choose_here(collect()), Silent(), matrix)


def soaked(session: Session) -> dict[str, Any]:
    """The check of the heap after the soak of the session."""
    (phase,) = (p for p in session.scenario.phases if isinstance(p, Soak))
    soak_module.soak(phase, session)
    (check,) = (c for c in session.checks if c["id"] == "heap.soak.itch")
    return check


def test_a_leak_of_24_bytes_a_million_messages_is_told_to_the_byte(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = seeded_builds.build(seeded_builds.LEAK).site
    monkeypatch.setattr(soak_module, "measure", functools.partial(measure, engine=site))
    check = soaked(session)
    n_bytes, n_messages = (int(w.replace(",", "")) for w in check["seen"].split() if w[0].isdigit())
    assert n_messages >= seeded_builds.LEAK_EVERY, "no leak was due"
    assert not check["ok"]
    assert n_bytes == seeded_builds.LEAK_BYTES * (n_messages // seeded_builds.LEAK_EVERY)


def test_an_engine_without_a_leak_holds_what_it_held(session: Session) -> None:
    check = soaked(session)
    assert (check["ok"], check["seen"].split(" after ")[0]) == (True, "0 bytes")
