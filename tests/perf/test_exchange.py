"""The exchange in `make perf`: what benches print is read and judged; one whose state is not the
reference's is called wrong, however fast. Nothing here is judged by a clock.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests"))

from perf import exchange, exchange_table  # noqa: E402
from perf.__main__ import main  # noqa: E402
from perf.exchange import GOALS, PLAIN, PROGRAMS, Goal, Program, busy_s  # noqa: E402
from perf.exchange_run import Figures, Found, ReadError, Row, Run, State, read  # noqa: E402
from perf.programs import Bench, ProgramError  # noqa: E402
from perf.sample import Sample, from_counts  # noqa: E402

from harness.measure.histogram import Histogram  # noqa: E402
from harness.run import verdicts  # noqa: E402

ANSWER = 0xABCD
KEY = ("same id", "match")
GOAL = Goal("matching", "same id", "match", 20e6)
MATCHING = PROGRAMS[0]


def a_run(
    ns: float = 40,
    wrong: str = "",
    answer: int = ANSWER,
    taken: float = 0.0,
    quiet: float | None = 0.9,
    floor_ns: float = 20,
) -> Run:
    rows = {
        KEY: [Row(ns=ns, n=2000, chunks=(ns - 1, ns + 1), quiet=quiet)],
        ("same id", "floor"): [Row(ns=floor_ns, n=2000)],
    }
    return Run(rows, {"same id": State(answer, wrong, "the slow one's")}, taken)


def found(*runs: Run, peer: Sequence[Sample] = ()) -> dict[str, Found]:
    measured = {"matching": Found(runs)}
    return measured | ({PLAIN: Found((), peer=tuple(peer))} if peer else {})


def a_peer(answer: int = ANSWER, mean_ns: float = 120) -> Sample:
    per_op = Histogram.from_values([200] * 1000)
    return Sample(per_op, 0.5, mean_ns - 20, mean_ns, f"{answer:016x}", 0, about="plain")


# ---- reading ------------------------------------------------------------------------------------

ROW = {"row": "match", "input": "same id", "n": 2000, "ns": 40.0}
STATE = {"state": "same id", "answer": "00ab", "wrong": "", "equals": "the slow one's"}


def lines(*said: object) -> str:
    return "\n".join(["for people: {}", *map(json.dumps, said), "  and more", ""])


def test_lines_of_json_are_read_and_those_for_people_are_not() -> None:
    chunks = {"n_probed": 4, "n_quiet": 3, "chunks": [39.0, 41.5]}
    single = {"ns": 0, "ns_per_unit": 0.5, "max": 300, "per_op": {"100": 990, "300": 10}}
    run = read(lines({**ROW, **chunks}, {**ROW, "row": "move", **single}, ROW, STATE), 0.25)
    first, second = run.rows[KEY]
    assert (first.ns, first.n, first.chunks, first.quiet) == (40, 2000, (39, 41.5), 0.75)
    assert (second.chunks, second.quiet) == ((), None)
    (move,) = run.rows["same id", "move"]
    assert (move.ns, move.per_op and move.per_op.n) == (None, 1000)
    assert run.states == {"same id": State(0xAB, "", "the slow one's")}
    assert run.taken == 0.25


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "printed no figures"),
        ("match 40 ns", "printed no figures"),
        (lines(STATE), "printed no figures"),
        ('{"row": "match", "inp', "cannot be read: {"),
        (lines({**ROW, "ns": "fast"}), "cannot be read"),
        (lines({"row": "match"}), "cannot be read"),
        (lines({**ROW, "per_op": {"1": 2}}), "cannot be read"),
        (lines(ROW, {**STATE, "answer": "none"}), "cannot be read"),
        (lines(ROW, {"state": "same id"}), "cannot be read"),
    ],
)
def test_what_is_no_report_is_an_error_and_no_figure(text: str, said: str) -> None:
    with pytest.raises(ReadError, match=re.escape(said)):
        read(text, 0)


def test_counts_by_the_edges_of_slots_keep_the_exact_maximum() -> None:
    hist = from_counts({"4096": 5, "8192": 1}, 8195)
    assert (hist.n, hist.highest) == (6, 8195)


def test_time_of_the_cpus_that_are_used_is_counted_without_idling() -> None:
    stat = "cpu  9 9 9 9 9 9 9 9\ncpu0 1 2 3 1000 50 4 5 6 7 8\ncpu1 100 0 0 0 0 0 0 0\nintr 5"
    assert busy_s(stat, {0}, 100) == pytest.approx(0.21)
    assert busy_s(stat, {0, 1}, 100) == pytest.approx(1.21)
    assert busy_s("", {0}, 100) == 0


# ---- figures ------------------------------------------------------------------------------------


def test_the_middle_run_counts_and_never_the_best() -> None:
    f = found(a_run(60), a_run(40), a_run(90))["matching"].figures(KEY)
    assert f is not None
    assert (f.mean_ns, f.middle_ns, f.spread_ns, f.n, f.n_runs) == (60, 60, (40, 90), 6000, 3)
    assert f.quiet == pytest.approx(0.9)


def test_the_fastest_is_that_of_each_chunk() -> None:
    runs = [Row(ns=2, n=2, chunks=(1.0, 9.0)), Row(ns=2, n=2, chunks=(5.0, 2.0))]
    assert Figures.of(runs).fastest_ns == 1.5
    uneven = [*runs, Row(ns=2, n=2, chunks=(1.0,))]
    assert Figures.of(uneven).fastest_ns is None


def test_percentiles_are_of_all_runs_merged_and_none_of_too_few() -> None:
    fast = Row(None, 1000, per_op=Histogram.from_values([100] * 1000), ns_per_unit=0.5)
    slow = replace(fast, per_op=Histogram.from_values([900] * 1000))
    f = Figures.of([fast, slow])
    assert f.percentiles == {"p50": 50, "p99": 450, "p99.9": None}
    assert (f.max_ns, f.mean_ns, f.per_s) == (450, None, None)


def test_a_ratio_is_that_of_one_process_and_the_middle_of_them() -> None:
    runs = (a_run(40, floor_ns=20), a_run(90, floor_ns=30), a_run(80, floor_ns=80))
    assert found(*runs)["matching"].times(KEY, "floor") == 2
    assert found(*runs)["matching"].times(KEY, "ceiling") is None


# ---- verdicts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measured", "state", "said"),
    [
        (found(a_run(40)), verdicts.State.PASS, "25,000,000 msg/s is >= 20,000,000"),
        (found(a_run(50)), verdicts.State.PASS, "20,000,000"),
        (found(a_run(51)), verdicts.State.FAIL, "is not >= 20,000,000"),
        (found(a_run(40), a_run(90), a_run(95)), verdicts.State.FAIL, "3 runs, 10,526,316 to"),
        (found(a_run(60, taken=0.1)), verdicts.State.FAIL, "16,666,667"),
        (found(a_run(60, taken=0.3)), verdicts.State.UNJUDGEABLE, "others were on the same"),
        (found(a_run(60, taken=1.0)), verdicts.State.UNJUDGEABLE, "100.0%"),
        (found(a_run(60, quiet=0.01)), verdicts.State.UNJUDGEABLE, "neighbour"),
        (found(a_run(60, quiet=None)), verdicts.State.FAIL, "is not"),
        (found(a_run(49, taken=0.3, quiet=0)), verdicts.State.PASS, "is >="),
        (found(a_run(1, wrong="other books")), verdicts.State.FAIL, "other books"),
        (found(a_run(1), a_run(1, answer=7)), verdicts.State.FAIL, "from run to run"),
        (found(a_run(40), peer=[a_peer()]), verdicts.State.PASS, "25,000,000"),
        (found(a_run(1), peer=[a_peer(7)]), verdicts.State.FAIL, "plain matcher has other books"),
        ({"matching": Found((), absent="not built")}, verdicts.State.MISSING, "not built"),
        ({"matching": Found((), failed="x.c:9: not true")}, verdicts.State.FAIL, "x.c:9"),
        ({"matching": Found((a_run(1),), failed="died")}, verdicts.State.FAIL, "died"),
    ],
)
def test_a_goal_gets_the_verdict_that_the_figures_allow(
    measured: dict[str, Found], state: verdicts.State, said: str
) -> None:
    verdict = exchange_table.verdict_of(measured, GOAL)
    assert (verdict.state, said in verdict.reason) == (state, True), verdict


def test_a_goal_whose_row_is_gone_is_missing_and_not_met() -> None:
    other = replace(GOAL, row="renamed since")
    assert exchange_table.verdict_of(found(a_run()), other).state is verdicts.State.MISSING


def test_who_says_nothing_of_its_state_is_wrong() -> None:
    silent = Run(a_run(1).rows, {}, 0)
    verdict = exchange_table.verdict_of(found(a_run(1), silent), GOAL)
    assert (verdict.state, "what state" in verdict.reason) == (verdicts.State.FAIL, True)
    assert exchange_table.is_wrong(found(silent))


def test_more_than_a_rate_is_not_that_rate() -> None:
    just = found(a_run(50))
    assert exchange_table.verdict_of(just, replace(GOAL, is_more=True)).state is verdicts.State.FAIL


# ---- the table ----------------------------------------------------------------------------------


def test_a_block_shows_figures_floor_state_and_peer() -> None:
    shown = exchange_table.render(found(a_run(40), peer=[a_peer()]), [MATCHING])
    title, head, row, floor, peer, state, taken = shown.splitlines()
    assert title.startswith("matching: one core")
    assert head.split()[:5] == ["ns", "mean", "middle", "fastest", "M/s"]
    assert row.split() == [
        *("same", "id:", "match", "40.0", "40.0", "40.0", "25.00", "-", "-", "-", "-", "2,000"),
        *("90%", "2.00", "x", "floor"),
    ]
    assert floor.split()[:4] == ["same", "id:", "floor", "20.0"]
    assert "3.00 x same id: match  the same books; plain" in peer
    assert state == f"state of same id equals: the slow one's  {ANSWER:016x}"
    assert taken == "taken: 0%"


def test_a_wrong_state_is_shown_in_the_row_and_below() -> None:
    shown = exchange_table.render(found(a_run(40, wrong="other books")), [MATCHING])
    assert sum(line.endswith("  WRONG") for line in shown.splitlines()) == 2
    assert "state of same id WRONG: other books" in shown
    assert "equals" not in shown


def test_a_peer_with_other_books_is_wrong() -> None:
    measured = found(a_run(40), peer=[a_peer(7)])
    assert "WRONG: other books than those of matching" in exchange_table.render(measured)
    assert exchange_table.is_wrong(measured)
    assert not exchange_table.is_wrong(found(a_run(40), peer=[a_peer()]))


def test_a_program_that_failed_or_is_absent_says_why() -> None:
    absent = {"matching": Found((), absent="not built: make perf builds it")}
    failed = {"matching": Found((a_run(1),), failed="check.c:9: not true: n == 5")}
    assert "  not built: make" in exchange_table.render(absent, [MATCHING])
    assert "  WRONG: check.c:9" in exchange_table.render(failed, [MATCHING])
    assert (exchange_table.is_wrong(absent), exchange_table.is_wrong(failed)) == (False, True)


# ---- the plan -----------------------------------------------------------------------------------


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_every_row_of_the_plan_is_in_its_bench(program: Program) -> None:
    source = (ROOT / f"tests/c/{program.file}.c").read_text()
    goals = [goal for goal in GOALS if goal.program == program.name]
    named = {*program.floors, *program.floors.values(), *(g.row for g in goals)}
    named |= {goal.input for goal in goals}
    assert [name for name in named if f'"{name}"' not in source] == []


def test_make_builds_what_the_plan_runs() -> None:
    (built,) = re.findall(r"^PERF_BENCHES := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(built.split()) == {program.file for program in PROGRAMS}


def test_the_peer_reads_requests_as_they_are_written() -> None:
    peer = (ROOT / "tests/perf/peers/plain_match.cpp").read_text()
    assert f"sizeof(Request) == {exchange.REQUEST_BYTES}" in peer


# ---- running ------------------------------------------------------------------------------------

FAKE = Program("matching", "bench_match", "a regime", {"match": "floor"})


def a_bench(tmp_path: Path, body: str, file: str = "bench_match") -> Bench:
    """A shell script in place of a bench."""
    program = tmp_path / file
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    cpu = max(os.sched_getaffinity(0))
    return Bench(cpu, 2_000_000_000, 0.01, tmp_path, tmp_path, made=True)


def says(*said: object) -> str:
    return "\n".join(f"echo '{json.dumps(line)}'" for line in said)


PLAIN_STATE = {**STATE, "equals": "itself"}


def test_a_bench_runs_on_the_cpu_that_was_chosen(tmp_path: Path) -> None:
    bench = a_bench(tmp_path, f'[ "$1" = --json ] && [ $(nproc) = 1 ] && {says(ROW)}')
    assert list(exchange.run_one(bench, tmp_path, FAKE).rows) == [KEY]


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ("echo needs two CPUs >&2; exit 77", ProgramError, "needs two CPUs"),
        ("exit 77", ProgramError, "cannot run here"),
        ("echo 'b.c:7: not true: n == 5' >&2; exit 1", ReadError, "b.c:7: not true"),
        ("kill -SEGV $$", ReadError, "ended with -11"),
        ("echo nothing", ReadError, "no figures"),
    ],
)
def test_a_bench_that_stops_is_told_apart_from_one_that_cannot_run(
    body: str, error: type[Exception], said: str, tmp_path: Path
) -> None:
    bench = a_bench(tmp_path, body)
    with pytest.raises(error, match=said):
        exchange.run_one(bench, tmp_path, FAKE)


def test_a_bench_that_is_not_built_is_missing(tmp_path: Path) -> None:
    bench = a_bench(tmp_path, "", "something else")
    (measured,) = (exchange.run_all(bench, tmp_path, 1, [FAKE])["matching"],)
    assert measured.absent.startswith("not built")
    assert exchange_table.verdict_of({"matching": measured}, GOAL).state is verdicts.State.MISSING


def test_passes_go_forth_and_back_and_one_wrong_one_is_enough(tmp_path: Path) -> None:
    count = f"{tmp_path}/count"
    body = f"echo x >> {count}\n[ $(wc -l < {count}) = 2 ] && exit 1\n{says(ROW, PLAIN_STATE)}"
    measured = exchange.run_all(a_bench(tmp_path, body), tmp_path, 2, [FAKE])["matching"]
    assert (len(measured.runs), measured.failed) == (1, "ended with 1")
    assert exchange_table.is_wrong({"matching": measured})


def test_a_whole_run_ends_with_the_verdicts_and_with_1_when_a_state_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "perf.json"
    short = ["--only", "exchange", "--rounds", "1", "--json", str(out)]
    short += ["--built", str(tmp_path), "--benches", str(tmp_path)]
    a_bench(tmp_path, says(ROW, PLAIN_STATE))
    assert main(short) == 0
    said = capsys.readouterr().out
    assert "PASS         matching, same id: match >= 20 M/s" in said
    assert "MISSING      OUCH over shm, orders > 1 M/s: not built" in said
    assert "plain matcher                         not installed: a C++ compiler" in said
    whole = json.loads(out.read_text())["exchange"]
    assert whole["programs"]["matching"]["rows"][0]["mean_ns"] == 40
    assert whole["goals"][0]["verdict"] == "PASS"
    a_bench(tmp_path, says({**ROW, "ns": 1}, {**PLAIN_STATE, "wrong": "other books"}))
    assert main(short) == 1
    assert "FAIL         matching, same id: match >= 20 M/s: other books" in capsys.readouterr().out


@pytest.mark.perf
def test_real_benches_agree_with_the_plain_matcher(tmp_path: Path) -> None:
    """As far as both are built already."""
    built = exchange.BENCHES / "bench_match"
    plain = ROOT / "build/perf" / exchange.PLAIN_FILE
    if not built.is_file() or not plain.is_file():
        pytest.skip("build/release and build/perf: make perf builds them")
    cpu = max(os.sched_getaffinity(0))
    bench = Bench(cpu, 2_000_000_000, 0.001, plain.parent, tmp_path, made=True)
    small = replace(FAKE, arguments=("20000",))
    measured = {"matching": Found((exchange.run_one(bench, built.parent, small),))}
    requests = exchange.run_plain(bench, built.parent, ("20000",))
    measured[PLAIN] = Found((), peer=(requests,))
    assert exchange_table.plain_disagreement(measured) == ""
    assert not exchange_table.is_wrong(measured)
