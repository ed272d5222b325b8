"""The order side in `make perf`: goals hit and missed, logs that lose records, every way to be
refused; and its answers, on a tiny run of the real thing. Nothing here is judged by a clock.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests"))

from perf import heats, inputs, programs, table  # noqa: E402
from perf.__main__ import choose, main  # noqa: E402
from perf.heats import HEATS, Heat, Target  # noqa: E402
from perf.sample import Sample, combine  # noqa: E402
from perf.table import Result  # noqa: E402

from harness.measure.histogram import Histogram  # noqa: E402
from harness.run.verdicts import State  # noqa: E402

BURST = Heat("orders", "burst", ("audit.burst", "ring.burst"), ("spdlog.overrun",))
MIDDLE_BURST = Target("audit.burst", ("orders",), "burst p50", 20, regime="burst")
LATE_BURST = Target("audit.burst", ("orders",), "burst p99", 50, regime="burst")
MIDDLE_CALL = Target("audit.burst", ("orders",), "p50", 20, regime="burst")
CHAIN = Target("audit.burst", ("orders",), "chain", 40, regime="burst")


def log_sample(
    n_lost: int = 0, n_refused: int = 0, answer: str = "ab" * 8, burst_ticks: int = 800
) -> Sample:
    """A pass of a log: calls took 100 to 299 ticks of half a nanosecond, whole bursts as many."""
    return Sample(
        per_op=Histogram.from_values(list(range(100, 300)) * 10),
        ns_per_tick=0.5,
        fastest_ns=None,
        mean_ns=10,
        answer=answer,
        n_wrong=0,
        pair=Histogram.from_values([40] * 100),
        chain_ns=30.0,
        per_burst=Histogram.from_values([burst_ticks] * 2000),
        n_lost=n_lost,
        n_refused=n_refused,
    )


def logs(ours: Sample, theirs: Sample, floor: Sample | None = None) -> Result:
    passes = {"audit.burst": [ours] * 2, "spdlog.overrun": [theirs] * 2}
    if floor is not None:
        passes["ring.burst"] = [floor] * 2
    return Result(BURST, passes, {})


@pytest.mark.parametrize(
    ("target", "ours", "state", "said"),
    [
        (MIDDLE_BURST, log_sample(), State.PASS, "20 ns is <= 20 ns"),
        (MIDDLE_BURST, log_sample(burst_ticks=820), State.FAIL, "20.5 ns is not <= 20 ns"),
        (LATE_BURST, log_sample(burst_ticks=2000), State.PASS, "50 ns is <= 50 ns"),
        (LATE_BURST, log_sample(burst_ticks=2100), State.FAIL, "is not <= 50 ns"),
        (
            MIDDLE_CALL,
            log_sample(),
            State.FAIL,
            "100 ns is not <= 20 ns; 20 ns of it an empty pair",
        ),
        (CHAIN, log_sample(), State.PASS, "30 ns is <= 40 ns"),
        (CHAIN, replace(log_sample(), chain_ns=40.5), State.FAIL, "40.5 ns is not <= 40 ns"),
        (CHAIN, replace(log_sample(), chain_ns=None), State.UNJUDGEABLE, "too few"),
        (MIDDLE_BURST, log_sample(n_lost=1), State.FAIL, "2 records lost"),
        (MIDDLE_BURST, replace(log_sample(), n_wrong=1), State.FAIL, "2 wrong answers"),
    ],
)
def test_a_goal_of_the_order_side_is_hit_or_missed(
    target: Target, ours: Sample, state: State, said: str
) -> None:
    verdict = table.verdict_of(logs(ours, log_sample()), target)
    assert (verdict.state, said in verdict.reason) == (state, True), verdict


def test_a_peer_that_loses_records_is_marked_and_not_called_wrong() -> None:
    lossy = log_sample(n_lost=600, answer="cd" * 8)
    shown = table.render(logs(log_sample(), lossy))
    ours, _, theirs = shown.splitlines()[2:]
    assert "LOST 1,200 records" in theirs
    assert "WRONG" not in shown
    assert "LOST" not in ours


def test_a_peer_that_loses_nothing_and_answers_otherwise_is_wrong() -> None:
    shown = table.render(logs(log_sample(), log_sample(answer="cd" * 8)))
    assert "WRONG: another answer than audit.burst" in shown


def test_our_log_may_refuse_and_never_lose() -> None:
    assert "REFUSED 6" in table.render(logs(log_sample(n_refused=3), log_sample()))
    lost = logs(log_sample(n_lost=3), log_sample())
    assert "WRONG: 6 records lost" in table.render(lost)
    assert lost.disagreement("audit.burst") == "6 records lost"


def test_a_floor_that_loses_records_is_marked() -> None:
    measured = logs(log_sample(), log_sample(), floor=log_sample(n_lost=5, answer="cd" * 8))
    assert "LOST 10 records" in table.render(measured)
    assert measured.disagreement("ring.burst") == ""


def test_the_cost_of_the_fences_is_shown_and_not_taken_off() -> None:
    shown = table.render(logs(log_sample(), log_sample()))
    row = shown.splitlines()[2].split()
    assert row[:8] == ["audit.burst", "-", "10.0", "30.0", "100", "148", "-", "20"]
    assert "bursts whole: p50 20.0, p99 20.0 a call" in shown


def test_what_was_not_replayed_is_compared_by_means() -> None:
    heat = Heat("orders", "stream", ("oms.fill",), ("naive.fills",))
    ours = replace(log_sample(), mean_ns=60.0)
    theirs = replace(log_sample(), fastest_ns=5.0, mean_ns=15.0)
    measured = Result(heat, {"oms.fill": [ours] * 2, "naive.fills": [theirs] * 2}, {})
    assert measured.times("oms.fill", "naive.fills") == 4


def test_a_log_reports_what_it_lost_and_how_long_whole_bursts_took() -> None:
    found = {
        "about": "a log",
        "n_ops": 20,
        "fastest_ticks": None,
        "mean_ticks": 800,
        "answer": "00",
        "n_wrong": 0,
        "n_lost": 7,
        "n_refused": 1,
        "per_op": {"100": 1000},
        "per_burst": {"800": 1000},
        "pair": {"40": 1000},
    }
    figures = combine([Sample.of_peer(found, 0.5)])
    assert (figures.fastest_ns, figures.mean_ns, figures.pair_ns) == (None, 20, 20)
    assert (figures.n_lost, figures.n_refused) == (7, 1)
    assert figures.per_burst is not None
    assert figures.per_burst["p50"] == 20


@pytest.mark.parametrize(
    ("program", "how"),
    [
        ("spdlog.block", "apt-get install libspdlog-dev"),
        ("naive.fills", "a C++ compiler"),
        ("audit.burst", "a C++ compiler"),
    ],
)
def test_a_program_that_is_not_there_is_named(program: str, how: str, tmp_path: Path) -> None:
    assert programs.missing(program, tmp_path) == f"not installed: {how}"


# ---- the plan -----------------------------------------------------------------------------------


def test_only_orders_chooses_all_of_the_order_side() -> None:
    chosen = choose(HEATS, "orders")
    assert chosen == [heat for heat in HEATS if heat.input == "orders"]
    assert {heat.regime for heat in chosen} == {"hot", "stream", "random", "burst"}
    assert choose(HEATS, "order.i") != chosen


def test_every_way_to_be_refused_is_measured() -> None:
    header = (ROOT / "csrc/rig/component/component_risk.h").read_text()
    ways = re.findall(r'^ +X\([A-Z_]+, "([a-z-]+)", RL_RISK_', header, re.MULTILINE)
    assert len(ways) > 20
    assert [heats.REFUSE + way for way in ways] == list(heats.REFUSALS)
    for heat in HEATS:
        if heat.input == inputs.ORDERS and heat.regime != "burst":
            assert set(heats.REFUSALS) < set(heat.ours)


# ---- the real thing, tiny -----------------------------------------------------------------------


def test_made_executions_are_what_their_reader_expects() -> None:
    data, recs = inputs.fills()
    made = np.frombuffer(data, dtype=inputs.FILL)
    assert (inputs.FILL.itemsize, len(made)) == (40, len(recs))
    assert len(set(made["id"].tolist())) == len(made)
    assert (recs["offset"] + recs["n_bytes"])[-1] == len(data)


def test_a_run_on_the_order_side_is_right_and_shows_every_figure(tmp_path: Path) -> None:
    out = tmp_path / "perf.json"
    short = ["--seconds", "0.01", "--rounds", "1", "--built", str(tmp_path), "--json", str(out)]
    assert main(["--only", "risk.refuse.self", *short]) == 0
    found = json.loads(out.read_text())
    assert [heat["regime"] for heat in found["heats"]] == ["stream", "hot", "random"]
    for heat in found["heats"]:
        assert list(heat["programs"]) == ["risk.accept", "risk.refuse.self-trade"]
        for figures in heat["programs"].values():
            assert figures["wrong"] == ""
            assert figures["chain_ns"] > 0
            assert figures["pair_ns"] > 0
            assert figures["allocations"] == figures["page_faults"] == 0
    assert {t["target"] for t in found["targets"]} == {
        "risk.accept chain <= 40 ns",
        "risk.refuse.self-trade chain <= 40 ns",
    }


def test_bursts_without_compiled_programs_name_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = ["--seconds", "0.01", "--rounds", "1", "--built", str(tmp_path)]
    assert main(["--only", "audit.burst", *short]) == 0
    said = capsys.readouterr().out
    assert "not installed: apt-get install libspdlog-dev" in said
    assert "MISSING      audit.burst burst p50 <= 20 ns" in said
