"""The component phase: restarts, their order, and the evidence they leave. Nothing is measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.clock import Clock
from harness.bench.cpus import Cpus
from harness.bench.plan import ComponentPlan, ComponentsPlan, from_json, to_json
from harness.config.components import Components, first_of
from harness.config.loader import ConfigError, parse, project_data
from harness.config.matrix import load_matrix
from harness.config.scenario import Scenario, find_scenario, load_scenario
from harness.measure.histogram import Histogram
from harness.run import components as under_test
from harness.run.artifacts import RunDir
from harness.run.progress import Silent
from harness.run.session import Session

HZ = 1_000_000_000  # a tick is a nanosecond


def phase_of(**more: Any) -> Components:
    return Components.model_validate(
        {
            "phase": "components",
            "metrics": tuple(
                {"id": name, "regimes": regimes, "duration": "10ms"}
                for name, regimes in (
                    ("fix.parse", ("stream", "cold")),
                    ("risk.check", ("stream",)),
                    ("order.id", ("hot",)),
                )
            ),
            **more,
        }
    )


def session_in(out: Path) -> Session:
    return Session(
        load_scenario(find_scenario("smoke")),
        RunDir.create(out),
        Cpus(engine=1, rig=0),
        Silent(),
        load_matrix(project_data("reports/matrix/week1.yaml")),
        clock=Clock(HZ, 10, 0),
    )


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return session_in(tmp_path / "runs")


def _histogram(values: list[int]) -> dict[str, Any]:
    made = Histogram.from_values(values)
    return {
        "slots": made.slots.tolist(),
        "counts": made.counts.tolist(),
        "max": max(values, default=0),
        "saturated": 0,
    }


def _report(plan: ComponentPlan, per_op: int, facts: Mapping[str, int]) -> dict[str, Any]:
    batches = [] if plan.regime == "cold" else [30_000, 31_000, 40_000]
    return {
        "event": "component",
        "hists": {
            "per_op": _histogram([per_op] * 20_000),
            "pair": _histogram([20] * 100),
            "chain": _histogram(batches),
            "chain.quiet": _histogram(batches),
            "tput": _histogram([value // 2 for value in batches]),
        },
        "mix": {},
        "facts": {
            "n_wrong": 0,
            "answer_hash": 0xABC,
            "n_ops": 20_000,
            "n_inputs": 100_000,
            "n_input_bytes": 1,
            "n_live_orders": 0,
            "n_chunks": 10,
            "n_quiet_chunks": 5,
            "allocs": 0,
            "minflt": 0,
            "majflt": 0,
            "first_op_ticks": 5_000,
            "floor_chain_mticks": 500,
            "floor_tput_mticks": 400,
            "warmup_settled": 1,
            **facts,
        },
        "quiet_share": 0.5,
        "seconds": 0.1,
        "tick_ns": 1.0,
        "warmup_mticks": [50_000, 31_000],
    }


class Processes:
    """Stands for the measuring processes: keeps their plans, reports what it was told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plans: list[ComponentsPlan] = []
        self.per_op: Callable[[ComponentPlan, int], int] = lambda _plan, _number: 50
        self.facts: Callable[[ComponentPlan, int, int], dict[str, int]] = lambda *_: {}
        monkeypatch.setattr(under_test, "measure", self.measure)

    def measure(self, plan: ComponentsPlan, on_report: Callable[[Any], None]) -> dict[str, int]:
        self.plans.append(plan)
        number = len(self.plans)
        for place, run in enumerate(plan.runs):
            on_report(_report(run, self.per_op(run, number), self.facts(run, number, place)))
        return {"n": len(plan.runs)}

    def orders(self) -> list[list[tuple[str, str]]]:
        return [[(run.component, run.regime) for run in plan.runs] for plan in self.plans]


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Processes:
    return Processes(monkeypatch)


def _measured(session: Session, name: str, regime: str) -> dict[str, Any]:
    return next(m for m in session.measurements if (m["id"], m["regime"]) == (name, regime))


def _series(session: Session) -> list[dict[str, Any]]:
    text = (session.dir.path / "series.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def _failed(session: Session) -> list[str]:
    return [check["id"] for check in session.checks if not check["ok"]]


def test_every_restart_is_a_process_that_does_everything_once(
    session: Session, processes: Processes
) -> None:
    under_test.components(phase_of(), session)
    assert len(processes.plans) == 5
    wanted = [
        ("fix.parse", "cold"),
        ("fix.parse", "stream"),
        ("order.id", "hot"),
        ("risk.check", "stream"),
    ]
    assert [sorted(order) for order in processes.orders()] == [wanted] * 5


def test_the_order_differs_between_restarts_and_comes_again_with_the_seed(
    session: Session, processes: Processes, tmp_path: Path
) -> None:
    under_test.components(phase_of(), session)
    first = processes.orders()
    assert len({tuple(order) for order in first}) > 1
    processes.plans.clear()
    under_test.components(phase_of(), session_in(tmp_path / "again"))
    assert processes.orders() == first
    facts = _measured(session, "order.id", "hot")["facts"]
    assert facts["order_seed"] == session.scenario.input.seed


def test_an_operation_is_judged_by_as_many_runs_as_it_has_restarts(
    session: Session, processes: Processes
) -> None:
    processes.per_op = lambda _plan, number: 50 + number
    under_test.components(phase_of(), session)
    measured = _measured(session, "fix.parse", "stream")
    assert measured["kind"] == "short_op"
    assert measured["tags"] == [f"fix.parse.stream.r{i}" for i in range(1, 6)]
    assert len(measured["facts"]["restarts"]) == 5
    assert measured["facts"]["n"] == 5 * 20_000


def test_restarts_that_disagree_about_a_target_are_made_ten(
    session: Session, processes: Processes
) -> None:
    slow = {"risk.check": 900}  # its target is 200 ns
    processes.per_op = lambda plan, number: slow.get(plan.component, 50) if number == 3 else 50
    under_test.components(phase_of(), session)
    assert len(processes.plans) == 10
    assert [len(plan.runs) for plan in processes.plans[5:]] == [1] * 5  # the others were decided
    assert len(_measured(session, "risk.check", "stream")["tags"]) == 10
    assert len(_measured(session, "order.id", "hot")["tags"]) == 5


def test_restarts_that_agree_are_not_repeated_however_slow(
    session: Session, processes: Processes
) -> None:
    processes.per_op = lambda _plan, _number: 900
    under_test.components(phase_of(), session)
    assert len(processes.plans) == 5


def test_a_regime_that_no_row_judges_asks_for_no_more_restarts(
    session: Session, processes: Processes
) -> None:
    processes.per_op = lambda plan, number: 9000 if plan.regime == "cold" and number == 2 else 50
    under_test.components(phase_of(), session)
    assert len(processes.plans) == 5


def test_the_three_numbers_stand_beside_each_other_and_the_empty_batch_is_shown(
    session: Session, processes: Processes
) -> None:
    under_test.components(phase_of(), session)
    facts = _measured(session, "fix.parse", "stream")["facts"]
    assert facts["chain_min_ns"] == pytest.approx(29.5, rel=1e-3)
    assert facts["tput_min_ns"] == pytest.approx(14.6, rel=1e-3)
    assert (facts["floor_chain_ns"], facts["floor_tput_ns"]) == (0.5, 0.4)


def test_a_batch_that_is_faster_than_an_empty_one_is_not_made_zero(
    session: Session, processes: Processes
) -> None:
    processes.facts = lambda *_: {"floor_chain_mticks": 32_000}
    under_test.components(phase_of(), session)
    assert _measured(session, "order.id", "hot")["facts"]["chain_min_ns"] < 0


def test_a_cold_operation_has_no_batches(session: Session, processes: Processes) -> None:
    under_test.components(phase_of(), session)
    facts = _measured(session, "fix.parse", "cold")["facts"]
    batches = [facts[f"{kind}_{stat}_ns"] for kind in ("chain", "tput") for stat in ("min", "p50")]
    assert batches == [None] * 4
    assert facts["restarts"][0]["chain_min_ns"] is None


def test_each_restart_is_a_line_with_what_its_warm_up_discarded(
    session: Session, processes: Processes
) -> None:
    under_test.components(phase_of(), session)
    lines = _series(session)
    assert len(lines) == 5 * 4
    assert {line["kind"] for line in lines} == {"component"}
    assert {(line["restart"], line["place"]) for line in lines} == {
        (restart, place) for restart in range(1, 6) for place in range(4)
    }
    assert lines[0]["warmup_ns"] == [50.0, 31.0]


def test_the_first_operation_of_a_process_is_that_of_the_regime_that_came_first(
    session: Session, processes: Processes
) -> None:
    processes.facts = lambda _plan, number, place: {"first_op_ticks": 1000 * number + place}
    under_test.components(phase_of(), session)
    places = [
        min(i for i, (name, _) in enumerate(order) if name == "fix.parse")
        for order in processes.orders()
    ]
    measured = _measured(session, first_of("fix.parse"), "first")
    wanted = [1000.0 * (i + 1) + place for i, place in enumerate(places)]
    assert measured["facts"]["runs_ns"] == wanted
    assert measured["facts"]["value"] == wanted[2]
    assert measured["facts"]["max_ns"] == wanted[4]


def test_a_wrong_answer_in_one_restart_spoils_the_operation(
    session: Session, processes: Processes
) -> None:
    processes.facts = lambda plan, number, _place: {
        "n_wrong": int(plan.component == "risk.check" and number == 4)
    }
    under_test.components(phase_of(), session)
    assert _failed(session) == ["answer.risk.check.stream"]
    assert _measured(session, "risk.check", "stream")["facts"]["verified"] is False
    assert _measured(session, "order.id", "hot")["facts"]["verified"] is True


def test_another_answer_in_one_restart_spoils_the_operation(
    session: Session, processes: Processes
) -> None:
    processes.facts = lambda plan, number, _place: {
        "answer_hash": 0xABD if plan.component == "order.id" and number == 2 else 0xABC
    }
    under_test.components(phase_of(), session)
    assert _failed(session) == ["answer.order.id.hot.same"]
    assert _measured(session, "order.id", "hot")["facts"]["verified"] is False


@pytest.mark.parametrize(("allocs", "expected"), [(0, {}), (3, {"alloc.hot_path": 3})])
def test_an_allocation_in_an_operation_is_one_in_the_hot_path(
    session: Session, processes: Processes, allocs: int, expected: dict[str, int]
) -> None:
    processes.facts = lambda plan, number, _place: {
        "allocs": allocs if plan.component == "order.id" and number == 5 else 0
    }
    under_test.components(phase_of(), session)
    assert session.hot_path == expected


def test_a_plan_of_several_operations_survives_its_trip_to_the_process(
    session: Session, processes: Processes
) -> None:
    under_test.components(phase_of(restarts=1, warmup_min="5ms", warmup_max="7ms"), session)
    (plan,) = processes.plans
    assert from_json(json.loads(json.dumps(to_json(plan)))) == plan
    assert {(run.warmup_min_ns, run.warmup_max_ns) for run in plan.runs} == {(5_000_000, 7_000_000)}


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"restarts": 0}, "restarts"),
        ({"warmup_min": "2s", "warmup_max": "1s"}, "must not be below warmup_min"),
        ({"warmup_min": "soon"}, "warmup_min"),
    ],
)
def test_a_phase_that_cannot_be_is_refused(keys: dict[str, object], wrong: str) -> None:
    smoke = yaml.safe_load(find_scenario("smoke").read_text())
    (phase,) = (phase for phase in smoke["phases"] if phase["phase"] == "components")
    phase.update(keys)
    with pytest.raises(ConfigError, match=wrong):
        parse(yaml.safe_dump(smoke), Scenario, name="s.yaml")


def test_the_length_of_the_phase_counts_every_restart_and_its_warm_up() -> None:
    short = phase_of(restarts=1, warmup_min="5ms")
    assert short.measured_ns() == 4 * 15_000_000
    assert phase_of(restarts=5, warmup_min="5ms").measured_ns() == 5 * short.measured_ns()
