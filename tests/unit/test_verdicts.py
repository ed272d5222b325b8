"""The rules of judgement, one promise a test, each with its opposite."""

from __future__ import annotations

import numpy as np
import pytest

from harness.config.matrix import Target
from harness.measure.percentiles import Support
from harness.run import doubts, verdicts
from harness.run.sustained import sustained
from harness.run.verdicts import HostNoise, State

QUIET = HostNoise(0.0)
NOISY = HostNoise(0.03)
UNPROBED = HostNoise(1.0, measured=False)
TWO_US = Target(op="<", value=2000, unit="ns")
HUNDRED_NS = Target(op="<", value=100, unit="ns")
MILLION = Target(op=">", value=1_000_000, unit="msg/s")


def _latency(value: float, low: float, high: float, host: HostNoise) -> verdicts.Verdict:
    return verdicts.latency(TWO_US, "p99", value, (low, high), 0.99, host)


@pytest.mark.parametrize("host", [QUIET, NOISY, UNPROBED])
def test_a_pass_stands_on_any_host(host: HostNoise) -> None:
    assert _latency(1_500, 1_400, 1_600, host).state is State.PASS


def test_a_miss_is_a_failure_where_the_host_leaves_the_quantile_judgeable() -> None:
    verdict = _latency(2_600, 2_500, 2_700, QUIET)
    assert verdict.state is State.FAIL
    assert "2,600 ns" in verdict.reason
    assert "< 2,000 ns" in verdict.reason


def test_a_miss_on_a_noisy_host_is_the_hosts_and_the_figure_is_still_shown() -> None:
    verdict = _latency(2_600, 2_500, 2_700, NOISY)
    assert verdict.state is State.UNJUDGEABLE
    assert verdict.reason.startswith("host noise: ")
    for shown in ("3.00%", "0.333%", "p90", "2,600 ns"):
        assert shown in verdict.reason


def test_without_a_noise_floor_nothing_can_fail() -> None:
    verdict = _latency(2_600, 2_500, 2_700, UNPROBED)
    assert verdict.state is State.UNJUDGEABLE
    assert "no noise floor" in verdict.reason


@pytest.mark.parametrize("value", [1_950, 2_050])
def test_an_interval_astride_the_target_is_marginal(value: float) -> None:
    assert _latency(value, 1_900, 2_100, QUIET).state is State.MARGINAL


def test_an_interval_astride_the_target_on_a_noisy_host_is_the_hosts() -> None:
    assert _latency(1_950, 1_900, 2_100, NOISY).state is State.UNJUDGEABLE


def test_the_target_itself_is_not_below_the_target() -> None:
    assert verdicts.latency(TWO_US, "p99", 2_000, None, 0.99, QUIET).state is State.FAIL


def test_a_value_without_an_interval_says_so() -> None:
    verdict = verdicts.latency(TWO_US, "p99", 1_000, None, 0.99, QUIET)
    assert verdict.state is State.PASS
    assert "without an interval" in verdict.reason


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ([1_900] * 5, State.PASS),
        ([2_100] * 5, State.FAIL),
        ([1_900] * 4 + [2_100], State.MARGINAL),
        ([1_900] * 9 + [2_100], State.PASS),
        ([1_900] + [2_100] * 9, State.FAIL),
        ([1_900] * 8 + [2_100] * 2, State.MARGINAL),
        ([1_900] * 7, State.PASS),
    ],
)
def test_restarts_decide_by_five_that_agree_or_nine_of_ten(
    values: list[float], state: State
) -> None:
    verdict = verdicts.restarts(TWO_US, "p99", values, QUIET)
    assert verdict.state is state
    assert f"of {len(values)} runs" in verdict.reason


def test_mixed_first_restarts_ask_for_ten() -> None:
    verdict = verdicts.restarts(TWO_US, "p99", [1_900] * 3 + [2_100] * 2, QUIET)
    assert "10 runs would decide" in verdict.reason


@pytest.mark.parametrize("n_above", [1, 5])
def test_restarts_that_miss_on_a_noisy_host_are_the_hosts(n_above: int) -> None:
    values = [1_900.0] * (5 - n_above) + [2_100.0] * n_above
    assert verdicts.restarts(TWO_US, "p99", values, NOISY).state is State.UNJUDGEABLE


def test_five_good_restarts_pass_on_a_noisy_host() -> None:
    assert verdicts.restarts(TWO_US, "p99", [1_900] * 5, NOISY).state is State.PASS


def test_fewer_than_five_restarts_are_no_case_for_the_rule() -> None:
    with pytest.raises(ValueError, match="starts at 5"):
        verdicts.restarts(TWO_US, "p99", [1_900] * 4, QUIET)


def _short(per_op: float, chain: float | None, host: HostNoise = QUIET, **facts: float):
    known = {"pair_p50": 20.0, "pair_spread": 10.0, "quantum": 10.0} | facts
    return verdicts.short_op(HUNDRED_NS, "p99", per_op, chain, host=host, **known)


@pytest.mark.parametrize("host", [QUIET, NOISY])
def test_a_short_operation_passes_with_its_timer_included(host: HostNoise) -> None:
    assert _short(90, 30, host).state is State.PASS


@pytest.mark.parametrize("host", [QUIET, NOISY])
def test_a_chain_over_target_fails_because_its_fastest_batch_has_no_noise(host: HostNoise) -> None:
    verdict = _short(150, 101, host)
    assert verdict.state is State.FAIL
    assert "fastest dependent chain took 101 ns" in verdict.reason


@pytest.mark.parametrize("per_op", [105, 120, 139])
def test_a_short_operation_within_the_blur_of_its_timer_is_unresolved(per_op: float) -> None:
    verdict = _short(per_op, 60)
    assert verdict.state is State.UNJUDGEABLE
    assert verdict.reason.startswith("resolution: ")


def test_a_short_operation_clearly_over_target_fails_only_on_a_quiet_host() -> None:
    assert _short(200, 60).state is State.FAIL
    verdict = _short(200, 60, NOISY)
    assert verdict.state is State.UNJUDGEABLE
    assert verdict.reason.startswith("host noise: ")


def test_a_pass_by_subtraction_stands_only_on_a_quiet_host() -> None:
    target = Target(op="<", value=500, unit="ns")
    facts = {"pair_p50": 90.0, "pair_spread": 1.0, "quantum": 1.0}
    quiet = verdicts.short_op(target, "p99", 545, 200, host=QUIET, **facts)
    assert quiet.state is State.PASS
    noisy = verdicts.short_op(target, "p99", 545, 200, host=NOISY, **facts)
    assert noisy.state is State.UNJUDGEABLE


def test_a_subtraction_that_is_most_of_the_result_cannot_pass() -> None:
    verdict = _short(130, 60, pair_p50=60.0, pair_spread=1.0, quantum=1.0)
    assert verdict.state is State.UNJUDGEABLE
    assert "the timer is 86% of the result" in verdict.reason


def test_a_target_under_three_steps_of_the_clock_needs_a_chain() -> None:
    assert _short(40, None, quantum=40.0).state is State.UNJUDGEABLE
    assert _short(40, 5, quantum=40.0).state is State.PASS
    assert _short(40, None, quantum=10.0).state is State.PASS


def test_a_late_generator_measures_itself() -> None:
    verdict = doubts.generator(2_000, 250, 1_000, 1_000)
    assert verdict is not None
    assert verdict.state is State.UNJUDGEABLE
    assert verdict.reason == ("generator: late by 250 ns at p99.9, a tenth of the target is 200 ns")


def test_a_generator_that_left_out_messages_spoils_its_trial() -> None:
    verdict = doubts.generator(2_000, 10, 10_000, 9_989)
    assert verdict is not None
    assert "sent 9989 of 10000" in verdict.reason


@pytest.mark.parametrize(
    ("lateness", "planned", "sent"), [(200, 10_000, 9_990), (None, None, None), (0, 0, 0)]
)
def test_a_generator_within_its_bounds_spoils_nothing(
    lateness: float | None, planned: int | None, sent: int | None
) -> None:
    assert doubts.generator(2_000, lateness, planned, sent) is None


@pytest.mark.parametrize(
    ("ppb", "moved", "seen"),
    [
        (None, 0, "not calibrated"),
        (-1_001, 0, "1,001 ppb"),
        (5, 12, "moved by 12 ns"),
    ],
)
def test_a_clock_that_cannot_be_trusted_judges_nothing(
    ppb: float | None, moved: float, seen: str
) -> None:
    verdict = doubts.clock(ppb, moved, 10.0)
    assert verdict is not None
    assert verdict.reason.startswith("clock: ")
    assert seen in verdict.reason


def test_a_clock_within_its_bounds_is_no_doubt() -> None:
    assert doubts.clock(1_000, 10, 10.0) is None


def test_a_neighbour_that_never_left_is_named() -> None:
    verdict = doubts.neighbour(0.004)
    assert verdict is not None
    assert verdict.reason.startswith("neighbour: ")
    assert "0.4%" in verdict.reason


@pytest.mark.parametrize("share", [None, 0.02, 0.97])
def test_a_neighbour_that_is_sometimes_away_is_no_doubt(share: float | None) -> None:
    assert doubts.neighbour(share) is None


def test_too_few_samples_say_how_many_it_takes() -> None:
    verdict = doubts.samples(5_000, "p99", Support.PUBLISH)
    assert verdict is not None
    assert verdict.state is State.UNJUDGEABLE
    assert "50.0 samples in its tail" in verdict.reason
    assert "n = 10000" in verdict.reason


@pytest.mark.parametrize("support", [Support.JUDGE, Support.SIGN_OFF])
def test_enough_samples_are_no_doubt(support: Support) -> None:
    assert doubts.samples(1_000_000, "p99", support) is None


def _throughput(joint, loss_free, lost_share=0.0, host=QUIET) -> verdicts.Verdict:
    return verdicts.throughput(MILLION, joint, loss_free, lost_share, host, "p99 < 2,000 ns")


@pytest.mark.parametrize("host", [QUIET, NOISY])
def test_a_rate_that_held_its_latency_passes(host: HostNoise) -> None:
    verdict = _throughput(1_200_000, 3_000_000, host=host)
    assert verdict.state is State.PASS
    assert "1,200,000 msg/s, no loss, p99 < 2,000 ns" in verdict.reason


def test_a_rate_without_its_latency_fails_on_a_quiet_host() -> None:
    assert _throughput(None, 3_000_000).state is State.FAIL


def test_a_rate_without_its_latency_is_the_hosts_on_a_noisy_one() -> None:
    verdict = _throughput(None, 3_000_000, host=NOISY)
    assert verdict.state is State.UNJUDGEABLE
    assert "3,000,000 msg/s without loss, but no load held p99" in verdict.reason


def test_loss_below_the_target_fails_even_on_a_noisy_host() -> None:
    assert _throughput(None, 800_000, 0.05, NOISY).state is State.FAIL


def test_a_shortfall_that_the_hosts_theft_explains_is_not_failed() -> None:
    verdict = _throughput(None, 980_000, 0.05, NOISY)
    assert verdict.state is State.UNJUDGEABLE
    assert "took 5.00% of the time" in verdict.reason


@pytest.mark.parametrize("lost_share", [1.0, 1.4])
def test_a_host_that_took_all_of_the_time_proves_nothing_against_the_engine(
    lost_share: float,
) -> None:
    assert _throughput(None, 100, lost_share, NOISY).state is State.UNJUDGEABLE


def test_a_rate_at_exactly_the_target_is_not_above_it() -> None:
    assert _throughput(1_000_000, 1_000_000).state is State.FAIL


def test_a_search_in_which_nothing_held_fails() -> None:
    verdict = _throughput(None, None)
    assert verdict.state is State.FAIL
    assert "no load without loss" in verdict.reason


def _trial(rate: int, loss: int = 0, p99: float | None = 1_000, seconds: float = 1.0, **more):
    percentiles = {"p50": 500.0, "p99": p99}
    return {
        "rate_per_s": rate, "loss": loss, "seconds": seconds, "percentiles_ns": percentiles, **more
    }  # fmt: skip


def test_the_bound_is_the_highest_load_at_which_every_trial_held() -> None:
    trials = [_trial(1), _trial(2), _trial(2), _trial(4, loss=3), _trial(4)]
    found = sustained(trials, TWO_US, "p99")
    assert (found.joint, found.loss_free, found.first_failure) == (2, 2, 4)
    assert not found.irregular


def test_a_load_that_kept_its_messages_but_not_its_latency_is_only_loss_free() -> None:
    found = sustained([_trial(1), _trial(2, p99=2_000)], TWO_US, "p99")
    assert (found.joint, found.loss_free) == (1, 2)


def test_a_pass_above_a_failure_is_reported_and_not_used() -> None:
    found = sustained([_trial(1), _trial(2, loss=1), _trial(3)], TWO_US, "p99")
    assert (found.joint, found.irregular) == (1, True)


def test_a_trial_that_its_generator_spoilt_neither_passes_nor_fails() -> None:
    found = sustained([_trial(1), _trial(2, planned=1_000, sent=900)], TWO_US, "p99")
    assert (found.joint, found.first_failure, found.n_invalid) == (1, None, 1)


def test_messages_that_found_no_room_are_a_failure_and_no_excuse() -> None:
    found = sustained([_trial(1), _trial(2, loss=100, planned=1_000, sent=900)], TWO_US, "p99")
    assert (found.joint, found.first_failure, found.n_invalid) == (1, 2, 0)


def test_a_percentile_that_is_not_there_holds_nothing() -> None:
    assert sustained([_trial(1, p99=None)], TWO_US, "p99").joint is None


def test_a_sign_off_takes_seven_long_trials_and_a_longer_one() -> None:
    short = [_trial(2, seconds=1.0)] * 9
    seven = [_trial(2, seconds=10.0)] * 7
    assert sustained(short, TWO_US, "p99").support is Support.JUDGE
    assert sustained(seven, TWO_US, "p99").support is Support.JUDGE
    whole = sustained([*seven, _trial(2, seconds=60.0)], TWO_US, "p99")
    assert whole.support is Support.SIGN_OFF


@pytest.mark.parametrize(
    ("target", "value", "state"),
    [
        (Target(op="=", value=0, unit="count"), 0, State.PASS),
        (Target(op="=", value=0, unit="count"), 1, State.FAIL),
        (Target(op=">", value=80, unit="%"), 80, State.FAIL),
        (Target(op=">", value=80, unit="%"), 80.1, State.PASS),
        (Target(op="=", value=100, unit="%"), 99.9, State.FAIL),
    ],
)
def test_a_plain_figure_meets_its_target_or_not(target: Target, value: float, state: State) -> None:
    assert verdicts.scalar(target, value).state is state


def test_a_plain_figure_may_have_the_hosts_excuse() -> None:
    verdict = verdicts.scalar(HUNDRED_NS, 140, "host noise: loud")
    assert verdict.state is State.UNJUDGEABLE
    assert "seen 140 ns" in verdict.reason


def test_hours_short_of_the_request_prove_nothing_and_fail_nothing() -> None:
    four = Target(op=">=", value=4, unit="h")
    assert verdicts.hours(four, 4.0).state is State.PASS
    assert verdicts.hours(four, 3.9).state is State.MISSING


@pytest.mark.parametrize(
    ("findings", "complete", "control", "state"),
    [
        (0, True, True, State.PASS),
        (0, True, False, State.MISSING),
        (0, False, True, State.MISSING),
        (2, False, False, State.FAIL),
    ],
)
def test_no_findings_count_only_from_a_tool_that_finished_and_found_its_planted_one(
    findings: int, complete: bool, control: bool, state: State
) -> None:
    assert verdicts.zero_tolerance(findings, complete, control, "leaks").state is state


@pytest.mark.parametrize(
    ("value", "complete", "control", "state"),
    [
        (81, True, None, State.PASS),
        (80, True, None, State.FAIL),
        (99, False, None, State.MISSING),
        (99, True, False, State.MISSING),
        (10, False, None, State.MISSING),
    ],
)
def test_a_share_counts_only_from_a_tool_that_finished(
    value: float, complete: bool, control: bool | None, state: State
) -> None:
    eighty = Target(op=">", value=80, unit="%")
    assert verdicts.tool(eighty, value, complete, control).state is state


@pytest.mark.parametrize(
    ("mhz", "pinned", "said"),
    [
        ([2600.0, 2610.0], 2600.0, None),
        ([2600.0, 3400.0], 2600.0, "3,400 MHz"),
        ([1200.0, 2600.0], 2600.0, "1,200 MHz"),
        (None, 2600.0, None),
        ([3400.0], None, None),
    ],
)
def test_a_core_that_left_its_frequency_decides_nothing_about_short_operations(
    mhz: list[float] | None, pinned: float | None, said: str | None
) -> None:
    verdict = doubts.frequency(mhz, pinned)
    if said is None:
        assert verdict is None
    else:
        assert verdict is not None
        assert verdict.state is State.UNJUDGEABLE
        assert said in verdict.reason


def _false_fails(n: int, contamination: float, quantile: float, draws: int = 20_000) -> float:
    """How often a program that always keeps its target is failed by the host's noise alone."""
    hit = np.random.default_rng(3).random((draws, n)) < contamination
    may = HostNoise(contamination).may_fail(quantile)
    return float((hit.any(axis=1) & may).mean())


WORST = np.geomspace(1e-4, 0.9, 60)  # contaminations of a sample


@pytest.mark.parametrize("n", [1, 8, 60])
def test_a_maximum_is_failed_by_the_host_at_most_once_in_twenty(n: int) -> None:
    q = verdicts.quantile("max", n)
    assert max(_false_fails(n, c, q) for c in WORST) < 0.055


def test_the_last_nth_as_the_quantile_of_a_maximum_would_fail_far_too_often() -> None:
    assert max(_false_fails(8, c, 1 - 1 / 8) for c in WORST) > 0.2


@pytest.mark.parametrize(
    ("longest_ns", "state"), [(1_200_000.0, State.UNJUDGEABLE), (40_000.0, State.FAIL)]
)
def test_a_host_that_takes_as_long_by_itself_fails_no_maximum(
    longest_ns: float, state: State
) -> None:
    millisecond = Target(op="<", value=1_000_000, unit="ns")
    host = HostNoise(1e-4, longest_ns=longest_ns)
    assert verdicts.maximum(millisecond, 1_100_000, 8, host).state is state
    assert verdicts.maximum(millisecond, 900_000, 8, host).state is State.PASS


def test_a_percentile_is_its_own_quantile() -> None:
    assert verdicts.quantile("p99", 5) == 0.99
