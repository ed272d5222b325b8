"""The kill phase: each lapse that the venue can see breaks a promise, and none breaks without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.bench.cpus import Cpus
from harness.bench.plan import KillPlan, TrialPlan, from_json, to_json
from harness.config.matrix import load_matrix
from harness.config.scenario import Kill, load_scenario
from harness.run import kill as kill_phase
from harness.run.artifacts import RunDir
from harness.run.progress import Silent
from harness.run.session import Session

ROOT = Path(__file__).parents[2]
GOOD = {
    "trips": 10,
    "trips_unseen": 0,
    "trips_residual": 0,
    "trips_with_orders": 9,
    "orders_in_flight": 3,
    "orders_in_flight_most": 1,
    "orders_after_trip": 0,
}


def report(**judged: int) -> dict[str, Any]:
    """What a trial's process says, its judge's counters changed."""
    hist = {"slots": [100], "counts": [10], "max": 100, "saturated": 0}
    names = ("wire", "lateness", "trip_to_seen", "trip_to_last_order", "trip_to_all_cancelled")
    return {
        "seconds": 1.0,
        "hists": dict.fromkeys(names, hist),
        "counters": {
            "engine": {"requests_sent": 5},
            "generator": {
                "frames_planned": 9, "frames_sent": 9, "messages_sent": 9, "messages_unsent": 0,
            },
            "exchange": {
                "requests_received": 5, "orders_received": 5, "orders_valid": 5, "requests_bad": 0,
            },
            "feed": {"messages": 9},
            "judge": GOOD | judged,
        },
        "usage": None,
        "identities": [("sent = received", 5, 5)],
        "answer": {"damage": ""},
        "placement_ns": [80, 90],
    }  # fmt: skip


class Bench:
    """A session whose trials are made up; the plans that it was given."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch, **judged: int) -> None:
        self.plans: list[TrialPlan] = []

        def measure(plan: TrialPlan) -> dict[str, Any]:
            self.plans.append(plan)
            return report(**judged)

        monkeypatch.setattr(kill_phase, "measure", measure)
        scenario = load_scenario(ROOT / "scenarios" / "week1.yaml")
        (self.phase,) = [p for p in scenario.phases if isinstance(p, Kill)]
        matrix = load_matrix(ROOT / scenario.matrix)
        self.session = Session(scenario, RunDir.create(path), Cpus(0, 1), Silent(), matrix)
        kill_phase.kill(self.phase, self.session)

    def broken(self) -> set[str]:
        return {check["id"] for check in self.session.checks if not check["ok"]}


def test_an_engine_without_fault_breaks_no_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, monkeypatch)
    assert bench.broken() == set()
    kinds = {check["id"].partition(".")[0] for check in bench.session.checks}
    assert kinds == {"kill", "conservation", "answer"}


@pytest.mark.parametrize(
    ("judged", "promise"),
    [
        ({"orders_after_trip": 1}, "after"),
        ({"orders_in_flight_most": 2}, "in_flight"),
        ({"trips_unseen": 1}, "seen"),
        ({"trips_residual": 1}, "residual"),
        ({"trips": 0}, "trips"),
    ],
)
def test_each_lapse_breaks_its_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judged: dict[str, int], promise: str
) -> None:
    bench = Bench(tmp_path, monkeypatch, **judged)
    wanted = {f"kill.{trial.id}.{promise}" for trial in bench.phase.trials}
    assert bench.broken() == wanted


def test_each_time_of_a_trip_is_one_measurement_over_all_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {m["id"]: m for m in Bench(tmp_path, monkeypatch).session.measurements}
    assert set(found) == {"kill.trip", "kill.seen", "kill.cancelled"}
    assert {m["points"] for m in found.values()} == set(kill_phase.POINTS.values())
    assert all(m["facts"]["n"] == 30 and len(m["tags"]) == 3 for m in found.values())
    assert found["kill.trip"]["facts"]["orders_in_flight"] == 9


def test_only_another_process_gets_a_board_in_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = [plan.kill for plan in Bench(tmp_path, monkeypatch).plans]
    assert all(isinstance(kill, KillPlan) for kill in kills)
    assert [kill.tripper for kill in kills if kill] == ["rig", "thread", "process"]
    assert [bool(kill.board_dir) for kill in kills if kill] == [False, False, True]
    assert not any(Path(kill.board_dir).exists() for kill in kills if kill and kill.board_dir)


def test_a_plan_survives_its_trip_through_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for plan in Bench(tmp_path, monkeypatch).plans:
        assert from_json(to_json(plan)) == plan
