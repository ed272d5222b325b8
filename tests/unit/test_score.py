"""The score: floor and ceiling over the whole weight, gates that no weight buys back."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.loader import project_data
from harness.config.matrix import Matrix, Target, load_matrix, parse_matrix
from harness.config.waivers import Waiver
from harness.errors import ExitCode
from harness.run.verdicts import State, Verdict
from harness.score import matrix as scoring
from harness.score.matrix import GateResult, Judged, SignOff
from harness.score.waiving import waive

_WEEK1 = load_matrix(project_data("reports/matrix/week1.yaml"))
_ROWS = [row.id for _, row in _WEEK1.rows()]
UNJUDGED = (State.UNJUDGEABLE, State.MISSING, State.WAIVED)


@pytest.fixture(scope="module")
def week1() -> Matrix:
    return _WEEK1


def _judged(matrix: Matrix, **states: State | float) -> dict[str, Judged]:
    """Every row and gate passes with 100, but for those named: a state, or a score."""
    result = {}
    for gate in (*(row for _, row in matrix.rows()), *matrix.gates):
        said = states.get(gate.id, 100.0)
        if isinstance(said, State):
            points = None if said in UNJUDGED else 0.0
            result[gate.id] = Judged(Verdict(said, "because"), points)
        else:
            state = State.PASS if said == 100 else State.FAIL
            result[gate.id] = Judged(Verdict(state, "seen"), said)
    return result


def _sign_off(matrix: Matrix, judged: dict[str, Judged]) -> tuple[SignOff, tuple[str, ...]]:
    total = scoring.score(matrix, judged)
    return scoring.sign_off(matrix, total, scoring.row_gates(matrix, judged))


def test_the_worked_example_without_latency_and_throughput_scores_60_and_not_100(
    week1: Matrix,
) -> None:
    judged = _judged(week1, end_to_end=State.UNJUDGEABLE, throughput=State.MISSING)
    total = scoring.score(week1, judged)
    performance = total.groups[0]
    assert (performance.floor, performance.ceiling, performance.judged_weight) == (60, 100, 60)
    assert (total.floor, total.ceiling) == (84, 100)
    assert total.judged_weight == 84
    assert scoring.grade(week1, total) == "at least Good"
    assert scoring.headline(total) == "TOTAL 84.0 to 100.0, 84.0 % of the weight judged"


def test_the_worked_example_is_good_by_weight_and_still_not_ready(week1: Matrix) -> None:
    judged = _judged(week1, end_to_end=State.UNJUDGEABLE, throughput=State.MISSING)
    state, reasons = _sign_off(week1, judged)
    assert state is SignOff.INCONCLUSIVE
    assert len(reasons) == 2
    assert any("UNJUDGEABLE" in r for r in reasons)


@given(
    st.dictionaries(st.sampled_from(_ROWS), st.one_of(st.sampled_from(UNJUDGED), st.floats(0, 100)))
)
@settings(max_examples=100)
def test_nothing_is_ever_renormalised(states: dict[str, State | float]) -> None:
    """Between floor and ceiling lies exactly the weight of what was not judged, row by row."""
    total = scoring.score(_WEEK1, _judged(_WEEK1, **states))
    open_weight = floor = 0.0
    for group, row in _WEEK1.rows():
        said = states.get(row.id, 100.0)
        share = group.weight * row.weight / 100
        open_weight += share if isinstance(said, State) else 0.0
        floor += 0.0 if isinstance(said, State) else share * said / 100
    assert total.floor == pytest.approx(floor, abs=1e-6)
    assert total.ceiling - total.floor == pytest.approx(open_weight, abs=1e-6)
    assert total.judged_weight == pytest.approx(100 - open_weight, abs=1e-6)


def test_a_row_that_was_forgotten_cannot_vanish_from_the_score(week1: Matrix) -> None:
    judged = _judged(week1)
    del judged["throughput"]
    with pytest.raises(KeyError):
        scoring.score(week1, judged)


@pytest.mark.parametrize(
    ("ratio", "points"),
    [(0.5, 100), (1, 100), (1.01, 98.5), (1.1, 86.2), (1.25, 67.8), (1.5, 41.5), (2, 0), (9, 0)],
)
def test_one_octave_over_target_is_zero(ratio: float, points: float) -> None:
    target = Target(op="<", value=2000, unit="ns")
    seen, formula = scoring.row_score(target, 2000 * ratio)
    assert math.floor(seen * 10) / 10 == points
    assert formula.endswith(("100", scoring.floored(seen)))


def test_a_rate_is_scored_the_other_way_round() -> None:
    target = Target(op=">", value=1_000_000, unit="msg/s")
    assert scoring.row_score(target, 1_000_001)[0] == 100
    assert scoring.row_score(target, 500_000)[0] == 0
    assert scoring.row_score(target, 1_000_000 / 1.5)[0] == pytest.approx(41.5, abs=0.01)
    assert scoring.row_score(target, 0)[0] == 0


@pytest.mark.parametrize(
    ("target", "hit", "miss"),
    [
        (Target(op="<", value=100, unit="ns"), 99, 101),
        (Target(op=">", value=80, unit="%"), 81, 80),
    ],
)
def test_a_row_without_partial_points_is_all_or_nothing(
    target: Target, hit: float, miss: float
) -> None:
    assert scoring.row_score(target, hit, partial=False)[0] == 100
    assert scoring.row_score(target, miss, partial=False)[0] == 0
    assert scoring.row_score(target, miss)[0] > 90


@pytest.mark.parametrize("bound", [0, 1])
def test_zero_tolerance_is_all_or_nothing(bound: int) -> None:
    assert scoring.row_score(Target(op="=", value=0, unit="count"), bound)[0] == 100 * (not bound)


@pytest.mark.parametrize(("cov", "points"), [(40, 50), (80, 100), (95, 100), (0, 0)])
def test_percent_rows_score_their_share_of_the_target(cov: float, points: float) -> None:
    assert scoring.row_score(Target(op=">", value=80, unit="%"), cov)[0] == points


def test_no_row_pays_for_another(week1: Matrix) -> None:
    best = scoring.score(week1, _judged(week1))
    assert best.ceiling == 100
    spoilt = scoring.score(week1, _judged(week1, fix_parsing=0.0))
    assert spoilt.groups[0].floor == 90


@pytest.mark.parametrize(
    ("total", "name"),
    [
        (90, "Good"),
        (90.000001, "Excellent"),
        (80, "Acceptable"),
        (70, "Needs Improvement"),
        (69.9999999999, "Needs Improvement"),
        (70.1, "Acceptable"),
    ],
)
def test_bands_are_strict(week1: Matrix, total: float, name: str) -> None:
    assert week1.band(total) == name


def test_binary_sums_do_not_carry_a_total_over_a_band_edge() -> None:
    rows = "\n".join(
        f"      - {{id: r{i}, title: R, weight: 10, target: {{op: '=', value: 0, unit: count}}, "
        "metric: null, statistic: value, why: W}"
        for i in range(10)
    )
    text = f"""\
name: tenths
title: T
groups:
  - id: g
    title: G
    weight: 100
    rows:
{rows}
bands: [{{above: 70, name: Acceptable}}]
otherwise: Needs Improvement
ready_above: 70
"""
    matrix = parse_matrix(text, name="tenths")
    judged = _judged(matrix, **{f"r{i}": 70.000_000_000_000_01 for i in range(10)})
    total = scoring.score(matrix, judged)
    assert total.floor == 70
    assert matrix.band(total.floor) == "Needs Improvement"


@pytest.mark.parametrize(("value", "shown"), [(89.96, "89.9"), (60, "60.0"), (99.999, "99.9")])
def test_shown_figures_are_never_rounded_up(value: float, shown: str) -> None:
    assert scoring.floored(value) == shown


def test_a_grade_is_unhedged_only_within_one_band(week1: Matrix) -> None:
    assert scoring.grade(week1, scoring.score(week1, _judged(week1))) == "Excellent"


def test_ready_takes_every_gate_and_the_line(week1: Matrix) -> None:
    state, reasons = _sign_off(week1, _judged(week1))
    assert (state, reasons) == (SignOff.READY, ())
    assert state.exit_code is ExitCode.READY


@pytest.mark.parametrize("state", [State.FAIL, State.MARGINAL])
@pytest.mark.parametrize("row", ["end_to_end", "hot_path_allocations"])
def test_one_broken_gate_is_not_ready_whatever_the_score(
    week1: Matrix, row: str, state: State
) -> None:
    judged = _judged(week1, **{row: state})
    judged[row] = Judged(Verdict(state, "1.01 times the target"), 98.6)
    verdict, reasons = _sign_off(week1, judged)
    assert verdict is SignOff.NOT_READY
    assert verdict.exit_code is ExitCode.FAIL
    assert "1.01 times the target" in reasons[0]


@pytest.mark.parametrize("state", [State.UNJUDGEABLE, State.MISSING])
def test_one_unknown_gate_is_inconclusive(week1: Matrix, state: State) -> None:
    verdict, _ = _sign_off(week1, _judged(week1, kill_switch=state))
    assert verdict is SignOff.INCONCLUSIVE
    assert verdict.exit_code is ExitCode.INCONCLUSIVE


def test_a_failure_outweighs_what_is_unknown(week1: Matrix) -> None:
    judged = _judged(week1, kill_switch=State.MISSING, order_id=State.FAIL)
    assert _sign_off(week1, judged)[0] is SignOff.NOT_READY


def test_a_waived_gate_opens_but_scores_nothing(week1: Matrix) -> None:
    judged = _judged(week1, network_rtt=State.WAIVED)
    assert _sign_off(week1, judged)[0] is SignOff.READY
    assert scoring.score(week1, judged).groups[0].floor == 85


def test_a_ceiling_under_the_line_is_not_ready(week1: Matrix) -> None:
    demoted = week1.model_copy(
        update={
            "groups": tuple(
                g.model_copy(
                    update={"rows": tuple(r.model_copy(update={"gate": False}) for r in g.rows)}
                )
                for g in week1.groups
            )
        }
    )
    low = {row.id: 50.0 for _, row in demoted.rows()}
    verdict, reasons = _sign_off(demoted, _judged(demoted, **low))
    assert verdict is SignOff.NOT_READY
    assert any("even the ceiling" in r for r in reasons)
    assert len(scoring.demoted(demoted)) == len(low)


def test_rows_that_are_no_gate_still_need_the_line(week1: Matrix) -> None:
    gates = [GateResult("g", "Gate", Verdict(State.PASS, "fine"))]
    rows = {row.id: State.MISSING for _, row in week1.rows()}
    total = scoring.score(week1, _judged(week1, **rows))
    verdict, reasons = scoring.sign_off(week1, total, gates)
    assert verdict is SignOff.INCONCLUSIVE
    assert reasons == ("the floor of the total is 0.0, ready takes more than 70",)


def test_every_total_shows_its_arithmetic(week1: Matrix) -> None:
    judged = _judged(week1, end_to_end=State.UNJUDGEABLE, throughput=State.MISSING)
    total = scoring.score(week1, judged)
    assert total.formula == "(40 x 60.0 + 30 x 100.0 + 30 x 100.0) / 100 = 84.0"
    assert total.groups[0].formula.endswith("25 x 0.0 + 15 x 0.0) / 100 = 60.0")


# ---- Bad news ------------------------------------------------------------------------------------

_TARGETS = [
    Target(op="<", value=2000, unit="ns"),
    Target(op=">", value=1_000_000, unit="msg/s"),
    Target(op=">", value=80, unit="%"),
    Target(op="=", value=100, unit="%"),
    Target(op="=", value=0, unit="count"),
]


@pytest.mark.parametrize("target", _TARGETS, ids=lambda t: t.text)
@given(one=st.floats(0, 1e7), other=st.floats(0, 1e7))
@settings(max_examples=60)
def test_a_worse_figure_never_scores_more(target: Target, one: float, other: float) -> None:
    lower = target.op in ("<", "<=") or target.unit == "count"
    good, bad = sorted((one, other), reverse=not lower)
    assert scoring.row_score(target, bad)[0] <= scoring.row_score(target, good)[0]


_ORDER = [SignOff.READY, SignOff.INCONCLUSIVE, SignOff.NOT_READY]
_EVERYTHING = [gate.id for gate in _WEEK1.everything()]
_KNOWN = st.one_of(st.sampled_from([State.UNJUDGEABLE, State.MISSING]), st.floats(0, 100))


@given(
    st.dictionaries(st.sampled_from(_EVERYTHING), _KNOWN),
    st.sampled_from(_EVERYTHING),
    st.sampled_from([State.UNJUDGEABLE, State.MISSING, State.FAIL]),
)
@settings(max_examples=150)
def test_more_bad_news_never_raises_the_floor_nor_makes_a_run_ready(
    news: dict[str, State | float], row: str, worse: State
) -> None:
    before, after = (_judged(_WEEK1, **n) for n in (news, news | {row: worse}))
    floors = [scoring.score(_WEEK1, judged).floor for judged in (before, after)]
    assert floors[1] <= floors[0] + 1e-9
    if _sign_off(_WEEK1, before)[0] is not SignOff.READY:
        assert _sign_off(_WEEK1, after)[0] is not SignOff.READY


@given(st.dictionaries(st.sampled_from(_EVERYTHING), _KNOWN), st.sampled_from(_EVERYTHING))
@settings(max_examples=150)
def test_a_failure_more_never_improves_the_sign_off(
    news: dict[str, State | float], row: str
) -> None:
    before, after = (_judged(_WEEK1, **n) for n in (news, news | {row: State.FAIL}))
    states = [_ORDER.index(_sign_off(_WEEK1, judged)[0]) for judged in (before, after)]
    assert states[0] <= states[1]


@given(st.dictionaries(st.sampled_from(_EVERYTHING), _KNOWN), st.sampled_from(_EVERYTHING))
@settings(max_examples=100)
def test_a_waiver_never_raises_the_floor(news: dict[str, State | float], row: str) -> None:
    before = _judged(_WEEK1, **news)
    after, _ = waive(before, [_waiver(row)], date(2026, 1, 2))
    assert scoring.score(_WEEK1, after).floor <= scoring.score(_WEEK1, before).floor + 1e-9


def _waiver(row: str) -> Waiver:
    return Waiver(
        row=row,
        name="Ada",
        role="CTO",
        reason="known",
        date=date(2026, 1, 1),
        expires=date(2026, 1, 3),
    )


# ---- The examples of the rules -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unjudged", "floor", "grade"),
    [
        ({}, 100, "Excellent"),
        ({"network_rtt": State.MISSING}, 94, "Excellent"),
        ({"network_rtt": State.WAIVED}, 94, "Excellent"),
        ({"end_to_end": State.UNJUDGEABLE, "throughput": State.MISSING}, 84, "at least Good"),
        ({"features": State.MISSING}, 88, "at least Good"),
    ],
)
def test_the_grade_is_that_of_the_floor_and_hedged_where_the_ceiling_has_another(
    week1: Matrix, unjudged: dict[str, State], floor: float, grade: str
) -> None:
    total = scoring.score(week1, _judged(week1, **unjudged))
    assert (total.floor, scoring.grade(week1, total)) == (floor, grade)


def test_renormalising_the_worked_example_would_have_said_excellent(week1: Matrix) -> None:
    """What this harness does not do, done by hand: the judged rows alone are perfect."""
    judged = _judged(week1, end_to_end=State.UNJUDGEABLE, throughput=State.MISSING)
    performance = week1.groups[0]
    seen = [(r.weight, judged[r.id].score) for r in performance.rows]
    there = [(weight, points) for weight, points in seen if points is not None]
    renormalised = sum(w * p for w, p in there) / sum(w for w, _ in there)
    assert (renormalised, week1.band(renormalised)) == (100, "Excellent")
    assert scoring.score(week1, judged).groups[0].floor == 60


@pytest.mark.parametrize(
    ("total", "shown"), [(89.96, "89.9"), (70.0, "70.0"), (79.9999, "79.9"), (100.0, "100.0")]
)
def test_a_shown_total_is_never_rounded_over_an_edge(total: float, shown: str) -> None:
    assert scoring.floored(total) == shown
