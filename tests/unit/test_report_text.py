"""Numbers as people read them, and the scorecard of the terminal."""

from __future__ import annotations

import json

import pytest
from run_dirs import VARIANTS, build

from harness.report import ReportError, scorecard
from harness.report import figures as f
from harness.run.verdicts import State


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0.0, "0 ns"),
        (0.5, "0.5 ns"),
        (8.0, "8.00 ns"),
        (88.0, "88.0 ns"),
        (812.4, "812 ns"),
        (999.6, "1.00 \u00b5s"),
        (1890.0, "1.89 \u00b5s"),
        (18_432.0, "18.4 \u00b5s"),
        (2.31e6, "2.31 ms"),
        (3.6e12, "3600 s"),
        (float("inf"), "\u221e"),
        (None, "n/a"),
    ],
)
def test_a_duration_is_printed_in_the_unit_that_suits_it(ns, text):
    assert f.ns_text(ns) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1999.6, "1.9996 \u00b5s"), (1500.0, "1.50 \u00b5s"), (2000.0, "2.00 \u00b5s")],
)
def test_a_printed_value_never_contradicts_its_verdict(value, text):
    assert f.beside_target(value, "ns", {"op": "<", "value": 2000, "unit": "ns"}) == text


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ({"op": "<", "value": 2000, "unit": "ns"}, "< 2 \u00b5s"),
        ({"op": "<", "value": 100, "unit": "ns"}, "< 100 ns"),
        ({"op": ">", "value": 1e6, "unit": "msg/s"}, "> 1 M msg/s"),
        ({"op": "=", "value": 0, "unit": "count"}, "= 0"),
        ({"op": ">=", "value": 4, "unit": "h"}, "\u2265 4 h"),
        (None, "n/a"),
    ],
)
def test_a_target_is_printed_with_its_comparison(target, text):
    assert f.target_text(target) == text


@pytest.mark.parametrize(("score", "text"), [(89.96, "89.9"), (100.0, "100.0"), (None, "n/a")])
def test_a_score_is_floored_and_never_rounded_over_an_edge(score, text):
    assert f.score_text(score) == text


def test_a_missing_percentile_says_how_many_samples_it_needs():
    assert f.missing_percentile("p99.99", 90_000) == "p99.99 needs 100 k samples, has 90 k"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_terminal_scorecard_fits_a_hundred_columns_of_ascii(tmp_path, variant):
    text = scorecard(build(tmp_path, variant, blocks=5))
    assert text.isascii()
    *lines, path = text.splitlines()
    assert max(len(line) for line in lines) <= 100
    assert path.startswith("Report  "), "a path is never wrapped"


def test_it_leads_with_the_verdict_and_ends_with_the_report(tmp_path):
    run_dir = build(tmp_path, "failing", blocks=5)
    lines = scorecard(run_dir).splitlines()
    assert lines[2].startswith("NOT READY   TOTAL ")
    assert lines[-1] == f"Report  {run_dir / 'report.html'}"


def test_what_did_not_pass_gives_its_reason(tmp_path):
    text = scorecard(build(tmp_path, "noisy", blocks=5))
    assert "Host    NOT QUALIFIED - INDICATIVE ONLY\n    time lost: " in text
    assert "    hypervisor: virtual machine (kvm)\n" in text
    assert "host noise: the host alone delays" in text


def test_a_row_that_was_not_measured_is_shown(tmp_path):
    text = scorecard(build(tmp_path, "missing", blocks=5))
    (row,) = [line for line in text.splitlines() if line.startswith("  FIX parsing")]
    assert "MISSING" in row
    assert "0.0 - 100.0" in row


def test_an_incomplete_run_says_that_it_is_none(tmp_path):
    assert "INCOMPLETE RUN" in scorecard(build(tmp_path, "incomplete", blocks=5))


def test_control_characters_of_a_scenario_do_not_reach_the_terminal(tmp_path):
    run_dir = build(tmp_path, "good", blocks=5)
    record = json.loads((run_dir / "run.json").read_text())
    record["scenario"]["name"] = "week1\x1b[31m\x07"
    (run_dir / "run.json").write_text(json.dumps(record))
    assert "\x1b" not in scorecard(run_dir)


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_its_word(tmp_path, state):
    run_dir = build(tmp_path, "good", blocks=5)
    record = json.loads((run_dir / "run.json").read_text())
    record["score"]["groups"][0]["rows"][0]["state"] = str(state)
    (run_dir / "run.json").write_text(json.dumps(record))
    assert f" {state} " in scorecard(run_dir)


def test_a_directory_that_is_no_run_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(ReportError, match=r"no run\.json in it"):
        scorecard(tmp_path)


def test_a_qualified_host_is_named_as_one(tmp_path):
    text = scorecard(build(tmp_path, "ready", blocks=5))
    assert "Host    QUALIFIED\n" in text
    assert "INDICATIVE" not in text
