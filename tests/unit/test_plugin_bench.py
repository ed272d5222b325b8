"""How runs end tests: by their verdict, by a row, by checks, against a baseline."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.config.scenario import find_scenario, load_scenario
from harness.errors import RedlineError
from harness.history import compare, entry
from harness.testing import bench, hardware, junit, workers
from harness.testing.bench import Run
from harness.testing.outcomes import Unjudgeable

FAILED = pytest.fail.Exception


def a_run(state: str = "READY", row: str = "PASS", *, ok: bool = True, **more: Any) -> Run:
    check = {"id": "loss", "ok": ok, "promise": "nothing is lost", "seen": "3"}
    rows = [{"id": "e2e", "state": row, "reason": "because", "value": 1.0}]
    record = {
        "verdict": {"state": state, "reasons": ["a", "b"], "gates": []},
        "score": {"groups": [{"rows": rows}]},
        "metrics": [{"id": "e2e.wire"}],
        "checks": [check],
    }
    return Run(Path("runs/x"), record | more, "f" * 64, "")


def test_a_ready_run_lets_the_test_go_on() -> None:
    a_run().require()
    a_run().row("e2e").require()
    a_run().require_checks()


@pytest.mark.parametrize("state", ["NOT READY", "a word of tomorrow"])
def test_a_run_that_is_not_ready_fails_the_test(state: str) -> None:
    with pytest.raises(FAILED, match=r"runs/x: .*: a; b"):
        a_run(state).require()


def test_an_inconclusive_run_is_neither() -> None:
    with pytest.raises(Unjudgeable):
        a_run("INCONCLUSIVE").require()


@pytest.mark.parametrize("state", ["FAIL", "MARGINAL", "a word of tomorrow"])
def test_a_row_that_is_no_pass_fails_the_test(state: str) -> None:
    with pytest.raises(FAILED, match="because"):
        a_run(row=state).row("e2e").require()


@pytest.mark.parametrize("state", ["UNJUDGEABLE", "MISSING", "WAIVED"])
def test_a_row_that_nobody_can_tell_is_unjudgeable(state: str) -> None:
    with pytest.raises(Unjudgeable):
        a_run(row=state).row("e2e").require()


def test_a_broken_check_is_named() -> None:
    with pytest.raises(FAILED, match="nothing is lost: saw 3"):
        a_run(ok=False).require_checks()


def test_a_run_without_checks_has_shown_nothing() -> None:
    with pytest.raises(Unjudgeable):
        a_run(checks=[]).require_checks()


def test_names_that_are_not_there_are_told_with_those_that_are() -> None:
    with pytest.raises(RedlineError, match="there are e2e"):
        a_run().row("e3e")
    with pytest.raises(RedlineError, match=r"there are e2e\.wire"):
        a_run().metric("e3e")


def compared(monkeypatch: pytest.MonkeyPatch, *outcomes: compare.Outcome) -> Run:
    rows = [
        SimpleNamespace(key="e2e.wire|itch|wire|1", outcome=one, reason="p") for one in outcomes
    ]
    monkeypatch.setattr(entry, "read_entry", lambda path: path)
    monkeypatch.setattr(compare, "compare", lambda a, b: SimpleNamespace(rows=rows))
    run = a_run()
    run.baseline = (Path("runs/before"),)
    return run


def test_a_figure_that_is_worse_than_the_baseline_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    run = compared(monkeypatch, compare.Outcome.SAME, compare.Outcome.WORSE)
    with pytest.raises(FAILED, match=r"worse than the baseline: e2e\.wire"):
        run.require()


def test_a_baseline_that_decides_nothing_is_unjudgeable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unjudgeable, match="nothing could be decided"):
        compared(monkeypatch, compare.Outcome.CANNOT_DECIDE).require()


def test_a_baseline_that_is_met_is_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    compared(monkeypatch, compare.Outcome.SAME, compare.Outcome.CANNOT_DECIDE).require()


def test_a_baseline_of_another_environment_is_unjudgeable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = compared(monkeypatch, compare.Outcome.SAME)

    def unlike(a: object, b: object) -> None:
        raise compare.Unlike("kernel: 6.1 / 6.2")

    monkeypatch.setattr(compare, "compare", unlike)
    with pytest.raises(Unjudgeable, match="kernel"):
        run.require()


def test_one_metric_is_measured_with_clock_and_null_bench_alone() -> None:
    week = load_scenario(find_scenario("week1"))
    assert [phase.phase for phase in bench.only(week, "risk.check").phases] == [
        "clock",
        "null_bench",
        "components",
    ]
    with pytest.raises(RedlineError, match="no phase of week1 measures 'risk'"):
        bench.only(week, "risk")


def test_the_session_is_as_good_as_its_worst_run() -> None:
    runs = [a_run("READY"), a_run("NOT READY"), a_run("INCONCLUSIVE")]
    assert ("redline.verdict", "NOT READY") in junit.properties(runs, "f")
    assert junit.properties([], "f") == [("redline.fingerprint", "f")]


@pytest.mark.parametrize(
    ("allowed", "isolated", "kept"),
    [
        ({0, 1, 2, 3}, {2, 3}, {0, 1}),
        ({0, 1}, set(), {0, 1}),
        ({2, 3}, {2, 3}, {2, 3}),  # nothing else would be left
    ],
)
def test_workers_keep_off_isolated_cpus(
    allowed: set[int], isolated: set[int], kept: set[int]
) -> None:
    assert workers.housekeeping(allowed, isolated) == kept


def test_a_host_is_this_machine_under_a_name() -> None:
    assert hardware._profile_of(None) is None
    assert hardware._profile_of("bench") == "ci"  # of hosts/example.yaml


def test_a_host_that_is_another_machine_is_refused() -> None:
    with pytest.raises(RedlineError, match="engine-a: is another machine; start pytest there"):
        hardware._profile_of("engine-a")
