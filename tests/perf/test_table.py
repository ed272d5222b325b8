"""The arithmetic of `make perf`, on figures made up; and its answers, on a tiny run of the real
thing. Nothing here is judged by a clock.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests"))

from perf import heats, inputs, programs, table  # noqa: E402
from perf.__main__ import choose, main  # noqa: E402
from perf.heats import HEATS, TARGETS, Heat, Target  # noqa: E402
from perf.sample import Sample, combine, palindrome, ratio  # noqa: E402
from perf.table import Result  # noqa: E402

from harness.measure.histogram import Histogram  # noqa: E402
from harness.run.verdicts import State  # noqa: E402

HEAT = Heat("nos_1k", "stream", ("fix.parse", "fix.floor"), ("quickfix.parse",))


def sample(fastest_ns: float, answer: str = "ab" * 8, quiet: float | None = 0.9) -> Sample:
    """A pass whose single operations took 100 to 299 ticks of half a nanosecond."""
    return Sample(
        per_op=Histogram.from_values(list(range(100, 300)) * 10),
        ns_per_tick=0.5,
        fastest_ns=fastest_ns,
        mean_ns=fastest_ns * 2,
        answer=answer,
        n_wrong=0,
        quiet_share=quiet,
    )


def result(
    ours: Sequence[Sample], floor: Sequence[Sample] = (), peer: Sequence[Sample] = ()
) -> Result:
    passes = {"fix.parse": ours, "fix.floor": floor, "quickfix.parse": peer}
    absent = {} if peer else {"quickfix.parse": "not installed: apt-get install libquickfix-dev"}
    return Result(HEAT, {name: p for name, p in passes.items() if p}, absent)


FASTER_THAN_FLOOR = Target("fix.parse", ("nos_1k",), "fastest", 1.0, "fix.floor")
FIFTEEN_TIMES = Target("fix.parse", ("nos_1k",), "fastest", 1 / 15, "quickfix.parse")
SIXTY_NS = Target("fix.parse", ("nos_1k",), "fastest", 60)
P99 = Target("fix.parse", ("nos_1k",), "p99", 140)


# ---- passes and ratios --------------------------------------------------------------------------


def test_a_round_goes_forth_and_back() -> None:
    assert palindrome(["a", "b", "c"]) == ["a", "b", "c", "c", "b", "a"]


@pytest.mark.parametrize(
    ("theirs", "ours", "wanted"),
    [
        ([20, 20], [10, 10], 2.0),
        ([20, 40], [10, 20], 2.0),  # both half as fast on the way back: no difference
        ([20, 20, 90, 90, 40, 40], [10, 10, 10, 10, 10, 10], 4.0),  # the middle round, not the mean
        ([20], [10], None),
        ([20, 20, 20], [10, 10, 10], None),
        ([20, 20], [10, 10, 10, 10], None),
    ],
)
def test_a_ratio_is_that_of_the_middle_round(
    theirs: list[float], ours: list[float], wanted: float | None
) -> None:
    assert ratio(theirs, ours) == wanted


def test_passes_are_merged_and_never_the_best_one_taken() -> None:
    both = combine([sample(50), replace(sample(70), per_op=Histogram.from_values([600] * 2000))])
    assert (both.fastest_ns, both.mean_ns, both.spread_ns) == (60, 120, (50, 70))
    assert both.n == 4000
    assert both.percentiles["p50"] == 299 * 0.5  # of 4,000 the 2,000th: the last fast one
    assert both.percentiles["p99"] == 300


def test_a_percentile_of_too_few_samples_is_none() -> None:
    assert combine([sample(50)]).percentiles["p99.9"] is None


def test_passes_that_differ_in_their_answers_are_wrong() -> None:
    assert combine([sample(50), sample(50)]).n_wrong == 0
    assert combine([sample(50), sample(50, answer="cd" * 8)]).n_wrong == 1


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="no pass"):
        combine([])


def test_a_peer_reports_ticks_and_is_read_in_nanoseconds() -> None:
    found = {
        "about": "a peer",
        "n_ops": 10,
        "fastest_ticks": 2000,
        "mean_ticks": 3000.0,
        "answer": "00",
        "n_wrong": 0,
        "per_op": {"100": 500, "5000": 500},
    }
    figures = combine([Sample.of_peer(found, 0.5)])
    assert (figures.fastest_ns, figures.mean_ns) == (100, 150)
    assert figures.percentiles == {"p50": 50, "p99": 2500, "p99.9": None}


# ---- verdicts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "measured", "state", "said"),
    [
        (FASTER_THAN_FLOOR, result([sample(50)] * 2, [sample(60)] * 2), State.PASS, "0.8333"),
        (FASTER_THAN_FLOOR, result([sample(70)] * 2, [sample(60)] * 2), State.FAIL, "1.167"),
        (SIXTY_NS, result([sample(60)] * 2), State.PASS, "60 ns"),
        (SIXTY_NS, result([sample(61)] * 2), State.FAIL, "61 ns is not <= 60 ns"),
        (SIXTY_NS, result([sample(61, quiet=0.01)] * 2), State.UNJUDGEABLE, "neighbour"),
        (SIXTY_NS, result([sample(59, quiet=0.01)] * 2), State.PASS, "59 ns"),
        (P99, result([sample(50)] * 2), State.FAIL, "148 ns is not"),
        (
            FIFTEEN_TIMES,
            result([sample(50)] * 2),
            State.UNJUDGEABLE,
            "quickfix.parse: not installed: apt-get install libquickfix-dev",
        ),
        (FIFTEEN_TIMES, result([sample(50)] * 2, peer=[sample(1000)] * 2), State.PASS, "0.05"),
        (FIFTEEN_TIMES, result([sample(50)] * 2, peer=[sample(600)] * 2), State.FAIL, "0.08333"),
        (SIXTY_NS, Result(HEAT, {}, {"fix.parse": "no AVX2"}), State.MISSING, "no AVX2"),
    ],
)
def test_a_target_gets_the_verdict_that_the_figures_allow(
    target: Target, measured: Result, state: State, said: str
) -> None:
    verdict = table.verdict_of(measured, target)
    assert (verdict.state, said in verdict.reason) == (state, True), verdict


def test_a_wrong_answer_fails_however_fast() -> None:
    wrong = [replace(sample(1), n_wrong=3)] * 2
    verdict = table.verdict_of(result(wrong), SIXTY_NS)
    assert (verdict.state, verdict.reason) == (State.FAIL, "6 wrong answers")


def test_a_peer_that_answers_otherwise_is_shown_and_not_compared_with() -> None:
    measured = result([sample(50)] * 2, peer=[sample(1000, answer="cd" * 8)] * 2)
    assert "WRONG: another answer than fix.parse" in table.render(measured)
    assert table.verdict_of(measured, FIFTEEN_TIMES).state is State.UNJUDGEABLE


def test_a_floor_with_another_answer_is_no_floor() -> None:
    measured = result([sample(50)] * 2, [sample(60, answer="cd" * 8)] * 2)
    assert table.verdict_of(measured, FASTER_THAN_FLOOR).state is State.UNJUDGEABLE


def test_an_extra_is_a_difference_in_nanoseconds() -> None:
    extra = Target("fix.parse", ("nos_1k",), "fastest", 5, "fix.floor", is_extra=True)
    within = result([sample(64)] * 2, [sample(60)] * 2)
    beyond = result([sample(66)] * 2, [sample(60)] * 2)
    assert table.verdict_of(within, extra).state is State.PASS
    assert table.verdict_of(beyond, extra).state is State.FAIL


def test_the_block_of_a_heat_shows_every_program_and_who_is_not_there() -> None:
    shown = table.render(result([sample(50)] * 2, [sample(40)] * 2))
    title, _, ours, floor, peer = shown.splitlines()
    assert title == "nos_1k stream"
    assert ours.split() == [
        *("fix.parse", "50.0", "100.0", "-", "100", "148", "-", "-", "4,000", "90%", "abababab"),
        *("1.25", "x", "fix.floor"),
    ]
    assert floor.startswith("fix.floor ")
    assert peer.split(maxsplit=1) == [
        "quickfix.parse",
        "not installed: apt-get install libquickfix-dev",
    ]


# ---- the plan -----------------------------------------------------------------------------------


def test_every_name_in_the_plan_means_something() -> None:
    for heat in HEATS:
        assert heat.input in (*inputs.INPUTS, inputs.ORDERS)
        assert set(heat.peers) <= set(heats.RIVALS)
        assert all(heats.RIVALS[peer] in heat.ours for peer in heat.peers)
    separate = set(programs.COMPILED) | set(programs.SCRIPTS)
    assert set(heats.RIVALS) == separate - set(heats.BURSTS)
    ran = {(heat.input, heat.regime): {*heat.ours, *heat.peers} for heat in HEATS}
    for target in TARGETS:
        for name in target.inputs:
            assert {target.operation, target.against} - {""} <= ran[name, target.regime], target


def test_only_chooses_operations_and_what_they_are_compared_with() -> None:
    chosen = choose(HEATS, "fix.encode")
    assert {heat.input for heat in chosen} == {"nos_1k"}
    stream = next(heat for heat in chosen if heat.regime == "stream")
    assert stream.ours == ("fix.checksum", "fix.encode")
    assert stream.peers == ("quickfix.encode", "simplefix.encode")
    assert choose(HEATS, "fix.encrypt") == []


def test_what_begins_with_nothing_known_is_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--only", "fix.encrypt"])
    assert left.value.code == 2
    assert "nothing begins with 'fix.encrypt'" in capsys.readouterr().err


# ---- the real thing, tiny -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nos_1k", "er_1k", "mdi_1k"])
def test_a_made_corpus_is_valid_and_always_the_same(name: str) -> None:
    _, make = inputs.INPUTS[name]
    made, again = make(), make()
    assert (len(made.recs), made.data) == (1000, again.data)
    assert len({made.data[r["offset"] :][: r["n_bytes"]] for r in made.recs}) == 1000


def test_a_capture_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDLINE_DATA", str(tmp_path))
    monkeypatch.setattr(inputs, "ROOT", tmp_path / "nothing")
    inputs.get.cache_clear()
    assert inputs.get("nos_1k").note.startswith("made: fix/nos_1k.fix is not in $REDLINE_DATA")
    inputs.get.cache_clear()


def test_a_run_on_made_orders_agrees_with_plain_python(tmp_path: Path) -> None:
    out = tmp_path / "perf.json"
    short = ["--seconds", "0.01", "--rounds", "1", "--json", str(out)]
    assert main(["--made", "--input", "nos_1k", "--only", "python", *short]) == 0
    (heat,) = json.loads(out.read_text())["heats"]
    assert heat["note"] == "made"
    ours, peer = heat["programs"]["fix.parse"], heat["programs"]["python.split"]
    assert ours["answer"] == peer["answer"]
    assert ours["allocations"] == ours["page_faults"] == 0
    assert peer["beside"] == "fix.parse"
    assert peer["times"] > 0
