"""The matrix of week 1 is the plan's, and a matrix that does not add up is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config.loader import ConfigError
from harness.config.matrix import Matrix, Target, load_matrix, parse_matrix

FILE = Path(__file__).parents[2] / "reports/matrix/week1.yaml"

PLAN = {
    "performance": (40, [10, 15, 10, 15, 10, 25, 15]),
    "quality": (30, [20, 20, 20, 20, 10, 10]),
    "delivery": (30, [40, 20, 20, 20]),
}
PERFORMANCE_TARGETS = ["<100ns", "<5us", "<500ns", "<100ns", "<200ns", "<2us", ">1M msg/s"]
GATES_OF_THE_PLAN = {
    "hot_path_allocations": "=0",
    "clock_gettime": "<100ns",
    "order_id": "<50ns",
    "audit_append": "<100ns",
    "packet_processing": "<500ns",
    "position_update": "<200ns",
    "fill_processing": "<300ns",
    "kill_switch": "<1ms",
    "stability_hours": ">=4h",
}


@pytest.fixture(scope="module")
def week1() -> Matrix:
    return load_matrix(FILE)


def refused(old: str, new: str) -> str:
    text = FILE.read_text()
    assert old in text
    with pytest.raises(ConfigError) as error:
        parse_matrix(text.replace(old, new, 1), name="m.yaml")
    return str(error.value)


def test_the_file_says_why_it_exists_before_anything_else() -> None:
    assert FILE.read_text().startswith("# Why: ")


def test_groups_and_rows_weigh_what_the_plan_says(week1: Matrix) -> None:
    seen = {g.id: (g.weight, [row.weight for row in g.rows]) for g in week1.groups}
    assert seen == PLAN


def test_performance_targets_are_the_plan_s(week1: Matrix) -> None:
    assert [row.target.text for row in week1.groups[0].rows] == PERFORMANCE_TARGETS


def test_daily_targets_of_the_plan_are_gates_without_weight(week1: Matrix) -> None:
    seen = {gate.id: gate.target.text for gate in week1.gates}
    assert GATES_OF_THE_PLAN.items() <= seen.items()


def test_every_weighted_performance_row_is_a_gate_too(week1: Matrix) -> None:
    assert all(row.gate for row in week1.groups[0].rows)


def test_what_a_run_does_not_measure_stays_in_the_matrix(week1: Matrix) -> None:
    lacking = {row.id for row in week1.unmeasured(["e2e.wire"])}
    assert {"unit_coverage", "code_review"} <= lacking
    assert "end_to_end" not in lacking


def test_rows_of_tools_and_of_people_say_so_in_their_metric(week1: Matrix) -> None:
    told = {row.id: (row.metric or "").partition(".")[0] for _, row in week1.rows()}
    people = {row for row, family in told.items() if family == "delivery"}
    assert people == {"code_review", "features", "documentation", "on_schedule"}
    assert sum(family == "quality" for family in told.values()) == 6


def test_a_row_is_demoted_by_somebody_or_not_at_all() -> None:
    said = refused("metric: net.rtt", "gate: false\n        metric: net.rtt")
    assert "rows.1.demoted_by: is missing: who decided" in said
    said = refused("metric: net.rtt", "demoted_by: CTO\n        metric: net.rtt")
    assert "rows.1.demoted_by: is of rows with `gate: false` only" in said


@pytest.mark.parametrize(
    ("total", "name"),
    [
        (100, "Excellent"),
        (90.001, "Excellent"),
        (90, "Good"),
        (80.5, "Good"),
        (80, "Acceptable"),
        (70.1, "Acceptable"),
        (70, "Needs Improvement"),
        (0, "Needs Improvement"),
    ],
)
def test_a_band_begins_strictly_above_its_edge(week1: Matrix, total: float, name: str) -> None:
    assert week1.band(total) == name


@pytest.mark.parametrize(
    ("op", "met", "missed"),
    [("<", 99, 100), ("<=", 100, 101), (">", 101, 100), (">=", 100, 99), ("=", 100, 99)],
)
def test_a_target_is_met_exactly_as_its_sign_says(op: str, met: float, missed: float) -> None:
    target = Target.model_validate({"op": op, "value": 100, "unit": "ns"})
    assert target.met_by(met)
    assert not target.met_by(missed)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("weight: 40", "weight: 41", "m.yaml:14: groups: weights make 101, not 100"),
        ("weight: 25", "weight: 20", "m.yaml:18: groups.0.rows: weights make 95, not 100"),
        ("id: fix_parsing", "id: network_rtt", "rows.2.id: used twice: 'network_rtt'"),
        ("id: order_id", "id: end_to_end", "gates.4.id: used twice: 'end_to_end'"),
        ("id: quality", "id: delivery", "groups.2.id: used twice: 'delivery'"),
        ("above: 90", "above: 75", "bands: must fall from the highest band to the lowest"),
        ('op: "<", value: 100', 'op: "<<", value: 100', "target.op: not one of '<', '<='"),
        ("value: 5000, unit: ns", "value: 5000", "rows.1.target.unit: is missing"),
        ("statistic: p99", "statistic: p99th", "statistic: must look like"),
        ("statistic: p99", "statistics: p99", "unknown key, did you mean 'statistic'?"),
        ("metric: fix.parse", "metric: fix parse", "rows.2.metric: must look like"),
        ("    metric: null\n    checks", "    metric: a.b\n    checks", "not by both"),
        ("weight: 15", "weight: -15", "weight: must be greater than 0: -15"),
        ("load: 1M/s", "load: 1000000", "rows.5.load: no unit: 1000000"),
    ],
)
def test_a_matrix_that_does_not_add_up_is_refused(old: str, new: str, says: str) -> None:
    assert says in refused(old, new)
