"""The judgement of whole runs: which measurement a row takes, what spoils it, what it ends in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run_dirs import _PLANS, N_A_SECOND, RUN_ID, Variant, build, build_partial

from harness.config.matrix import parse_matrix
from harness.measure import noise
from harness.measure.histogram import Histogram
from harness.run.artifacts import RunDir, RunDirError, read_json
from harness.run.judge import judge
from harness.run.raw import Raw, read_raw


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Variant], Raw]:
    known: dict[str, Raw] = {}

    def raw(variant: Variant) -> Raw:
        if variant not in known:
            known[variant] = read_raw(build(tmp_path_factory.mktemp(variant), variant, blocks=10))
        return known[variant]

    return raw


def _row(judged: dict[str, Any], name: str) -> dict[str, Any]:
    rows = [row for group in judged["score"]["groups"] for row in group["rows"]]
    return next(entry for entry in (*rows, *judged["verdict"]["gates"]) if entry["id"] == name)


def _metric(judged: dict[str, Any], name: str, regime: str = "") -> dict[str, Any]:
    return next(m for m in judged["metrics"] if m["id"] == name and regime in m["regime"])


def _with(raw: Raw, name: str, which: str = "", /, **changes: Any) -> Raw:
    """The same run, one measurement changed; `facts` are merged."""
    measurements = []
    for m in raw.measurements():
        if m["id"] == name and which in m["regime"]:
            facts = m["facts"] | changes.get("facts", {})
            m = {**m, **changes, "facts": facts}
        measurements.append(m)
    return replace(raw, run={**raw.run, "measurements": measurements})


def test_a_run_whose_every_gate_holds_is_ready(tmp_path: Path) -> None:
    verdict = judge(read_raw(build(tmp_path, "ready")))["verdict"]
    assert (verdict["state"], verdict["exit_code"], verdict["reasons"]) == ("READY", 0, [])


def _on_a_guest(raw: Raw) -> Raw:
    """The same run, had there been a hypervisor under it."""
    guest = {"value": "kvm", "source": "/proc/cpuinfo", "reason": None}
    return replace(raw, env={**raw.env, "facts": {**raw.env["facts"], "host.hypervisor": guest}})


def test_the_same_run_on_a_host_that_is_not_qualified_is_inconclusive(tmp_path: Path) -> None:
    judged = judge(_on_a_guest(read_raw(build(tmp_path, "ready"))))
    gate = _row(judged, "host")
    assert gate["state"] == "UNJUDGEABLE"
    assert gate["reason"] == "not a qualified host: hypervisor, hyperthreads"
    assert (judged["verdict"]["state"], judged["verdict"]["exit_code"]) == ("INCONCLUSIVE", 75)
    assert judged["verdict"]["host"] == {
        "qualified": False,
        "missed": ["host.hypervisor"],
        "not_shown": ["cpu.smt"],
    }


def test_a_run_that_recorded_no_facts_is_not_ready(tmp_path: Path) -> None:
    judged = judge(replace(read_raw(build(tmp_path, "ready")), env={}))
    assert judged["verdict"]["state"] == "INCONCLUSIVE"
    assert "kernel.isolated" in judged["verdict"]["host"]["not_shown"]


def test_a_host_that_is_not_qualified_takes_no_points_away(runs: Any) -> None:
    raw = runs("good")
    assert judge(_on_a_guest(raw))["score"] == judge(raw)["score"]


def test_a_short_run_that_passes_everything_is_not_signed_off(runs: Any) -> None:
    judged = judge(runs("ready"))
    assert judged["verdict"]["state"] == "INCONCLUSIVE"
    assert judged["score"]["floor"] == 100
    assert "e2e.wire: a sign-off takes 60 blocks" in _row(judged, "evidence")["reason"]


def test_what_was_not_measured_is_missing_and_the_run_inconclusive(runs: Any) -> None:
    judged = judge(runs("missing"))
    assert judged["verdict"]["exit_code"] == 75
    for name in ("throughput", "fix_parsing"):
        row = _row(judged, name)
        assert (row["state"], row["score_floor"], row["score_ceiling"]) == ("MISSING", 0, 100)


def test_a_noisy_host_leaves_the_tail_unjudged_and_shows_it(runs: Any) -> None:
    judged = judge(runs("noisy"))
    row, metric = _row(judged, "end_to_end"), _metric(judged, "e2e.wire")
    assert row["state"] == "UNJUDGEABLE"
    assert row["reason"].startswith("host noise: ")
    assert row["value"].endswith("us")
    assert metric["value"] > 2_000
    assert metric["judgeable_quantile"] == 0.5
    assert metric["score"] is None
    assert judged["verdict"]["state"] == "INCONCLUSIVE"


def test_the_same_figures_on_a_quiet_host_fail(runs: Any) -> None:
    quiet = runs("good").noise
    judged = judge(replace(runs("noisy"), noise=quiet))
    assert _row(judged, "end_to_end")["state"] == "FAIL"
    assert judged["verdict"]["state"] == "NOT READY"


def test_without_the_noise_gate_the_same_data_of_a_noisy_host_would_have_failed(runs: Any) -> None:
    raw = runs("noisy")
    assert _row(judge(raw), "end_to_end")["state"] == "UNJUDGEABLE"
    assert _row(judge(raw, noise_gate=False), "end_to_end")["state"] == "FAIL"


def test_without_the_noise_gate_a_generator_that_the_host_delayed_is_no_excuse(runs: Any) -> None:
    raw = _with(runs("noisy"), "e2e.wire", facts={"lateness_p999_ns": 50_000.0})
    row = _row(judge(raw), "end_to_end")
    assert (row["state"], row["reason"][:10]) == ("UNJUDGEABLE", "generator:")
    assert _row(judge(raw, noise_gate=False), "end_to_end")["state"] == "FAIL"


def test_the_noise_gate_turns_no_pass_into_anything_else(runs: Any) -> None:
    raw = runs("good")
    assert judge(raw, noise_gate=False)["score"] == judge(raw)["score"]


def test_lost_messages_are_infinite_percentiles_and_never_left_out(runs: Any) -> None:
    n = _metric(judge(runs("good")), "e2e.wire")["n"]
    metric = _metric(judge(_with(runs("good"), "e2e.wire", facts={"loss": n // 50})), "e2e.wire")
    assert metric["infinite"] == ["p99", "p99.9", "max"]
    assert [metric["percentiles"][name] for name in metric["infinite"]] == [None] * 3
    assert metric["percentiles"]["p90"] is not None
    assert metric["value"] is None


def test_lost_messages_push_up_the_percentiles_below_them(runs: Any) -> None:
    raw = runs("good")
    n = _metric(judge(raw), "e2e.wire")["n"]
    lossy = _metric(judge(_with(raw, "e2e.wire", facts={"loss": n // 20})), "e2e.wire")
    assert lossy["percentiles"]["p90"] > _metric(judge(raw), "e2e.wire")["percentiles"]["p90"]


def test_a_rate_and_its_latency_are_one_claim(runs: Any) -> None:
    (claim,) = judge(runs("good"))["verdict"]["claims"]
    assert claim["rows"] == ["end_to_end", "throughput"]
    assert claim["text"] == "p99 <2us at 1,000,000/s, and >1M msg/s sustained with it"
    assert claim["state"] == "PASS"


def test_a_claim_is_no_better_than_its_worse_half(runs: Any) -> None:
    judged = judge(_with(runs("good"), "e2e.wire", facts={"lateness_p999_ns": 900.0}))
    (claim,) = judged["verdict"]["claims"]
    assert _row(judged, "throughput")["state"] == "PASS"
    assert claim["state"] == "UNJUDGEABLE"
    assert claim["reason"].startswith("End-to-end latency at 1 M msg/s: UNJUDGEABLE: generator")


def test_the_longest_stretch_over_target_is_told(runs: Any) -> None:
    assert _metric(judge(runs("good")), "e2e.wire")["detail"] == {"longest_streak": 0}
    assert _metric(judge(runs("failing")), "e2e.wire")["detail"] == {"longest_streak": 2}


def _kernel_clock(**after: Any) -> dict[str, Any]:
    look = {"source": "tsc", "sources": ["tsc"], "promises": None, "complaint": ""}
    return {"before": look, "after": look | after}


@pytest.mark.parametrize(
    ("after", "state"), [({}, "PASS"), ({"complaint": "Marking TSC unstable"}, "UNJUDGEABLE")]
)
def test_a_clock_that_the_kernel_gave_up_judges_nothing(
    runs: Any, after: dict[str, Any], state: str
) -> None:
    raw = runs("good")
    clock = raw.noise["clock"] | {"kernel": _kernel_clock(**after)}
    row = _row(judge(replace(raw, noise=raw.noise | {"clock": clock})), "fix_parsing")
    assert row["state"] == state


@pytest.mark.parametrize(
    ("chains", "state"),
    [([120.0] * 5, "PASS"), ([600.0] * 5, "FAIL"), ([120.0] * 4 + [600.0], "MARGINAL")],
)
def test_a_short_operation_is_judged_over_its_restarts(
    tmp_path: Path, chains: list[float], state: str
) -> None:
    """One tag a restart; the restarts whose chain is slow are also slow call by call."""
    run = RunDir.create(tmp_path, RUN_ID)
    build_partial(run, _PLANS["good"], 5)
    tags = [f"fix.parse.r{i}" for i in range(5)]
    (run.path / "fix.parse.stream.hlog").unlink()
    with run.hlog("fix.parse.stream.hlog", "ns") as log:
        for i, (tag, chain) in enumerate(zip(tags, chains, strict=True)):
            log.append(tag, i, 1.0, Histogram.from_values([int(chain * 1.3)] * 20_000))
    each = {"pair_p50_ns": 20.0, "pair_spread_ns": 10.0, "quiet_share": 0.9}
    facts = {"n": 100_000, "tick_ns": 1.0, "restarts": [each | {"chain_min_ns": c} for c in chains]}
    raw = _with(read_raw(run.path), "fix.parse", "stream", tags=tags, facts=facts)
    judged = judge(raw)
    assert _row(judged, "fix_parsing")["state"] == state
    assert len(_metric(judged, "fix.parse", "stream")["runs"]) == 5


def test_scalars_of_several_readings_show_them_all(runs: Any) -> None:
    raw = _with(runs("good"), "clock.precision", facts={"runs_ns": [45.0, 46.0]})
    assert _metric(judge(raw), "clock.precision")["runs"] == [45.0, 46.0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"facts": {"injected": "engine stopped for 20ms each 1s"}}, "with an injected fault (eng"),
        ({"facts": {"compress": 240}}, "at '1000000/s constant', which is a demonstration"),
        ({"load": "1M/s constant, time-compressed 2x"}, "at '1M/s constant, time-compressed 2x'"),
    ],
)
def test_a_demonstration_judges_no_row(runs: Any, change: dict[str, Any], said: str) -> None:
    row = _row(judge(_with(runs("good"), "e2e.wire", **change)), "end_to_end")
    assert row["state"] == "MISSING"
    assert said in row["reason"]


def test_runs_of_two_modes_are_said_to_be_two(runs: Any) -> None:
    ns = [45.0, 45.1, 45.2, 45.1, 60.0, 60.1, 60.2]
    judged = judge(_with(runs("good"), "clock.precision", facts={"runs_ns": ns}))
    assert [m["n"] for m in _metric(judged, "clock.precision")["modes"]] == [4, 3]
    assert (
        "(the runs have two modes: 45.1 ns in 4 and 60.1 ns in 3)"
        in (_row(judged, "timing_precision")["reason"])
    )


def test_runs_of_one_kind_have_no_modes(runs: Any) -> None:
    ns = [45.0, 45.9, 46.7, 47.1, 48.2, 49.0, 50.2]
    raw = _with(runs("good"), "clock.precision", facts={"runs_ns": ns})
    assert _metric(judge(raw), "clock.precision")["modes"] == []


def test_a_miss_and_a_lost_message_are_not_ready(runs: Any) -> None:
    judged = judge(runs("failing"))
    assert judged["verdict"]["exit_code"] == 1
    assert _row(judged, "end_to_end")["state"] == "FAIL"
    gate = _row(judged, "correct_answers")
    assert gate["state"] == "FAIL"
    assert "saw 59999999, wanted 60000000" in gate["reason"]


def test_a_run_that_was_cut_off_is_never_ready(runs: Any) -> None:
    judged = judge(runs("incomplete"))
    assert _row(judged, "complete")["state"] == "MISSING"
    assert judged["verdict"]["state"] != "READY"


def test_a_row_takes_the_regime_it_declares_and_shows_the_other_beside(runs: Any) -> None:
    judged = judge(runs("good"))
    scored, beside = _metric(judged, "fix.parse", "stream"), _metric(judged, "fix.parse", "hot")
    assert (scored["row"], beside["row"]) == ("fix_parsing", None)
    assert beside["state"] is None
    assert beside["value"] is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"regime": "hot only"}, "the row declares 'stream'"),
        ({"points": "stack"}, None),
    ],
)
def test_another_regime_is_another_metric(runs: Any, change: Any, said: str | None) -> None:
    row = _row(judge(_with(runs("good"), "fix.parse", "stream", **change)), "fix_parsing")
    assert row["state"] == ("MISSING" if said else "PASS")
    assert said is None or said in row["reason"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"load": "500000/s constant"}, "the row declares 1000000/s"),
        ({"load": "search"}, "the row declares 1000000/s"),
        ({"points": "buf"}, "the row declares 'wire'"),
        ({"kind": "scalar", "facts": {"value": 1.0}}, None),
    ],
)
def test_another_load_or_other_points_are_another_metric(
    runs: Any, change: Any, said: str | None
) -> None:
    row = _row(judge(_with(runs("good"), "e2e.wire", **change)), "end_to_end")
    if said:
        assert row["state"] == "MISSING"
        assert said in row["reason"]


def test_a_load_written_with_another_unit_is_the_same_load(runs: Any) -> None:
    judged = judge(_with(runs("good"), "e2e.wire", load="1M/s constant"))
    assert _row(judged, "end_to_end")["state"] == "PASS"


def test_a_row_that_two_regimes_could_answer_takes_neither(runs: Any) -> None:
    raw = runs("good")
    one = next(m for m in raw.measurements() if m["id"] == "clock.gettime")
    twin = one | {"regime": "cold"}
    both = replace(raw, run={**raw.run, "measurements": [*raw.measurements(), twin]})
    row = _row(judge(both), "clock_gettime")
    assert row["state"] == "MISSING"
    assert "measured as 'back to back', 'cold'" in row["reason"]


@pytest.mark.parametrize(
    ("name", "facts", "row", "state", "said"),
    [
        ("e2e.wire", {"lateness_p999_ns": 900.0}, "end_to_end", "UNJUDGEABLE", "generator: late"),
        ("e2e.wire", {"sent": 100}, "end_to_end", "UNJUDGEABLE", "generator: sent 100"),
        ("e2e.wire", {"n": 7}, "end_to_end", "UNJUDGEABLE", "the run counted 7"),
        ("e2e.wire", {"loss": 3}, "end_to_end", "FAIL", "3 messages never came back"),
        ("e2e.wire", {"allocs": 2}, "end_to_end", "PASS", "2 allocations in the measured window"),
        ("risk.check", {"verified": False}, "risk_check", "FAIL", "wrong answers"),
        ("risk.check", {"quiet_share": 0.0}, "risk_check", "UNJUDGEABLE", "neighbour: "),
        ("alloc.hot_path", {"value": 12}, "hot_path_allocations", "FAIL", "12 is not = 0"),
        ("alloc.hot_path", {"value": None}, "hot_path_allocations", "MISSING", "no value"),
        ("clock.precision", {"value": 130.0}, "timing_precision", "FAIL", "130 ns is not"),
        ("throughput.shm", {"joint_metric": "none"}, "throughput", "MISSING", "no row states"),
        ("throughput.shm", {"phase": "other"}, "throughput", "FAIL", "no load without loss"),
    ],
)
def test_what_is_known_about_a_measurement_decides_before_its_figure(
    runs: Any, name: str, facts: dict[str, Any], row: str, state: str, said: str
) -> None:
    seen = _row(judge(_with(runs("good"), name, facts=facts)), row)
    assert seen["state"] == state
    assert said in seen["reason"]


def test_wrong_answers_score_nothing_however_fast(runs: Any) -> None:
    judged = judge(_with(runs("good"), "risk.check", facts={"verified": False}))
    assert _row(judged, "risk_check")["score_floor"] == 0


def test_losses_rank_above_everything_that_arrived(runs: Any) -> None:
    raw = runs("good")
    before = _metric(judge(raw), "e2e.wire")
    n = before["n"]
    some = _metric(judge(_with(raw, "e2e.wire", facts={"loss": n // 200})), "e2e.wire")
    most = _metric(judge(_with(raw, "e2e.wire", facts={"loss": n // 10})), "e2e.wire")
    assert before["value"] < some["value"]
    assert most["value"] is None
    assert most["score"] == 0
    assert most["over_target"] == before["over_target"] + n // 10


def test_a_generator_late_on_a_noisy_host_says_both(runs: Any) -> None:
    raw = _with(runs("noisy"), "e2e.wire", facts={"lateness_p999_ns": 40_000.0})
    reason = _row(judge(raw), "end_to_end")["reason"]
    assert reason.startswith("generator: late by 40,000 ns")
    assert "host noise: " in reason


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        ({"disagree_ppb": 5_000}, "5,000 ppb"),
        ({"disagree_ppb": None}, "not calibrated"),
        ({"offset_after": {"offset_ns": 204.0, "bound_ns": 46.0}}, "moved by 108 ns"),
    ],
)
def test_a_clock_in_doubt_leaves_every_duration_unjudged(
    runs: Any, clock: dict[str, Any], said: str
) -> None:
    raw = runs("good")
    doubtful = {**raw.noise, "clock": raw.noise["clock"] | clock}
    judged = judge(replace(raw, noise=doubtful))
    for name in ("end_to_end", "fix_parsing", "throughput"):
        assert _row(judged, name)["state"] == "UNJUDGEABLE"
        assert said in _row(judged, name)["reason"]
    assert _row(judged, "hot_path_allocations")["state"] == "PASS"


def test_an_offset_that_moved_within_its_bounds_is_no_doubt(runs: Any) -> None:
    raw = runs("good")
    clock = raw.noise["clock"] | {"offset_after": {"offset_ns": 90.0, "bound_ns": 46.0}}
    judged = judge(replace(raw, noise={**raw.noise, "clock": clock}))
    assert _row(judged, "end_to_end")["state"] == "PASS"


def test_without_a_noise_floor_a_pass_stands_and_a_miss_does_not(runs: Any) -> None:
    bare = {**runs("good").noise, "floor": []}
    passing = judge(replace(runs("good"), noise=bare))
    assert _row(passing, "end_to_end")["state"] == "PASS"
    missing = judge(replace(runs("failing"), noise=bare))
    assert _row(missing, "end_to_end")["state"] == "UNJUDGEABLE"
    assert "no noise floor" in _row(missing, "end_to_end")["reason"]


def test_the_noise_of_one_look_counts_even_when_the_other_was_quiet(runs: Any) -> None:
    raw = runs("failing")
    loud = [
        noise.floor_record([80_000.0] * 3_000, 2.0, 30.0, when="after", cpu=1, role="engine")
        if record["when"] == "after" and record["role"] == "engine"
        else record
        for record in raw.noise["floor"]
    ]
    judged = judge(replace(raw, noise={**raw.noise, "floor": loud}))
    assert _row(judged, "end_to_end")["state"] == "UNJUDGEABLE"


def test_a_trial_without_enough_samples_spoils_the_rule_over_trials(runs: Any) -> None:
    raw = runs("good")
    tags = [*(f"e2e.wire.{i + 1}" for i in range(5)), "e2e.wire.9"]
    row = _row(judge(_with(raw, "e2e.wire", tags=tags)), "end_to_end")
    assert row["state"] == "UNJUDGEABLE"
    assert row["reason"] == "too few samples for p99 in e2e.wire.9"


def test_checks_that_no_gate_counts_are_gates_of_their_own(runs: Any) -> None:
    raw = runs("good")
    check = {
        "id": "audit.whole", "promise": "the audit log verifies", "ok": False,
        "seen": "hole at 7", "wanted": "whole", "gate": True,
    }  # fmt: skip
    judged = judge(replace(raw, run={**raw.run, "checks": [*raw.run["checks"], check]}))
    assert _row(judged, "audit.whole")["state"] == "FAIL"
    assert judged["verdict"]["state"] == "NOT READY"


def test_a_check_that_is_no_gate_stops_nothing(runs: Any) -> None:
    raw = runs("good")
    checks = [{**c, "ok": c["gate"]} for c in raw.run["checks"]]
    judged = judge(replace(raw, run={**raw.run, "checks": checks}))
    assert judged["verdict"]["state"] == "INCONCLUSIVE"


def test_without_checks_the_gate_over_them_is_missing(runs: Any) -> None:
    raw = runs("good")
    judged = judge(replace(raw, run={**raw.run, "checks": []}))
    assert _row(judged, "correct_answers")["state"] == "MISSING"


def test_an_unknown_kind_is_refused_with_its_name(runs: Any) -> None:
    with pytest.raises(RunDirError, match=r"e2e\.wire: no such kind: 'guess'"):
        judge(_with(runs("good"), "e2e.wire", kind="guess"))


def test_a_metric_says_what_a_reader_needs_to_check_it(runs: Any) -> None:
    metric = _metric(judge(runs("good")), "e2e.wire")
    assert metric["target"] == {"op": "<", "value": 2000, "unit": "ns"}
    assert metric["ci"][0] <= metric["value"] <= metric["ci"][1]
    assert "resampling 10 blocks, seed" in metric["ci_note"]
    assert len(metric["runs"]) == 5
    assert metric["n"] == 10 * N_A_SECOND
    assert metric["percentiles"]["p99.9"] is not None
    assert metric["support"] == "judge"
    assert metric["evidence"][0]["file"] == "e2e.wire.hlog"


def test_ticks_become_nanoseconds_only_in_the_report(runs: Any) -> None:
    raw = runs("good")
    metric = _metric(judge(raw), "order.id")
    ticks = raw.hlogs["order.id.hot.hlog"].total().highest
    assert metric["percentiles"]["max"] == pytest.approx(ticks * 0.385187)


def test_the_largest_value_is_judged_by_the_largest_value(runs: Any) -> None:
    raw = runs("good")
    matrix = parse_matrix(
        """\
name: worst
title: T
groups:
  - id: g
    title: G
    weight: 100
    rows:
      - {id: slowest, title: S, weight: 100, target: {op: "<", value: 1500, unit: ns},
         metric: e2e.wire, statistic: max, why: W}
bands: [{above: 70, name: Acceptable}]
otherwise: Needs Improvement
ready_above: 70
""",
        name="worst",
    )
    silent = [
        noise.floor_record([], 2.0, 30.0, when="before", cpu=0, role=role)
        for role in ("engine", "rig")
    ]
    judged = judge(replace(raw, matrix=matrix, noise={**raw.noise, "floor": silent}))
    highest = _metric(judged, "e2e.wire")["percentiles"]["max"]
    assert _metric(judged, "e2e.wire")["value"] == highest
    assert _row(judged, "slowest")["state"] == ("PASS" if highest < 1_500 else "FAIL")


def test_the_runner_and_the_file_agree(tmp_path: Path) -> None:
    done = build(tmp_path, "failing", blocks=5)
    stored = read_json(done / "run.json")
    again = judge(read_raw(done))
    assert {key: stored[key] for key in again} == again
