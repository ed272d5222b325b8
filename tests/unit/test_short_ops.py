"""Short operations over restarts: one process is one sample."""

from __future__ import annotations

import pytest

from harness.config.matrix import Target
from harness.run import short_ops
from harness.run.short_ops import ShortOp
from harness.run.verdicts import HostNoise, State, Verdict

TARGET = Target(op="<", value=100, unit="ns")
QUANTUM_NS = 10.0
QUIET, NOISY = HostNoise(0.0), HostNoise(0.5)

PASSES = ShortOp(90, 40, 20, 2)
FAILS = ShortOp(300, 150, 20, 2)  # its fastest dependent chain is over target
BLURRED = ShortOp(118, 40, 20, 2)  # within a step of the clock of the target, the pair taken off


def _decide(restarts: list[ShortOp], host: HostNoise = QUIET) -> Verdict:
    return short_ops.decide(TARGET, "p99", restarts, QUANTUM_NS, host)


@pytest.mark.parametrize(
    ("restarts", "state"),
    [
        ([PASSES] * 5, State.PASS),
        ([FAILS] * 5, State.FAIL),
        ([BLURRED] * 5, State.UNJUDGEABLE),
        ([PASSES] * 4 + [FAILS], State.MARGINAL),
        ([PASSES] * 4 + [BLURRED], State.UNJUDGEABLE),
        ([PASSES] * 9 + [FAILS], State.PASS),
        ([PASSES] * 9 + [BLURRED], State.PASS),
        ([FAILS] * 9 + [PASSES], State.FAIL),
        ([PASSES] * 8 + [FAILS] * 2, State.MARGINAL),
        ([PASSES] * 8 + [BLURRED] * 2, State.UNJUDGEABLE),
    ],
)
def test_five_restarts_that_agree_decide_or_nine_of_ten(
    restarts: list[ShortOp], state: State
) -> None:
    assert _decide(restarts).state is state


def test_a_single_slow_restart_of_five_is_not_outvoted() -> None:
    verdict = _decide([PASSES, PASSES, FAILS, PASSES, PASSES])
    assert verdict.state is not State.PASS
    assert "4 of 5 restarts pass and 1 fail" in verdict.reason
    assert "10 restarts would decide" in verdict.reason


@pytest.mark.parametrize("n", [1, 2, 4])
def test_fewer_than_five_restarts_pass_only_together(n: int) -> None:
    assert _decide([PASSES] * n).state is State.PASS
    assert _decide([PASSES] * (n - 1) + [FAILS]).state is State.FAIL


def test_a_pass_with_the_timer_included_stands_on_a_noisy_host() -> None:
    assert _decide([PASSES] * 5, NOISY).state is State.PASS


def test_a_chain_over_target_in_every_restart_is_a_failure_on_a_noisy_host_too() -> None:
    assert _decide([FAILS] * 5, NOISY).state is State.FAIL


def test_a_tail_over_target_is_the_hosts_on_a_noisy_host() -> None:
    slow_tail = ShortOp(300, 40, 20, 2)
    assert _decide([slow_tail] * 5, QUIET).state is State.FAIL
    verdict = _decide([slow_tail] * 5, NOISY)
    assert verdict.state is State.UNJUDGEABLE
    assert "host noise" in verdict.reason


def test_a_pass_by_a_large_subtraction_is_none_however_many_restarts_agree() -> None:
    taken_off = ShortOp(130, 40, 60, 1)  # 70 ns are left, and 60 were taken off
    verdict = _decide([taken_off] * 10)
    assert verdict.state is State.UNJUDGEABLE
    assert "the timer is 86% of the result" in verdict.reason


def test_a_target_under_three_steps_of_the_clock_does_not_pass_without_a_chain() -> None:
    alone = ShortOp(90, None, 20, 2)
    coarse = short_ops.decide(TARGET, "p99", [alone] * 5, 40.0, QUIET)
    assert coarse.state is State.UNJUDGEABLE
    assert _decide([alone] * 5).state is State.PASS  # three steps of 10 ns fit


@pytest.mark.parametrize(
    ("restarts", "undecided"),
    [
        ([PASSES] * 5, False),
        ([FAILS] * 5, False),
        ([BLURRED] * 5, False),  # more of the same resolves nothing
        ([PASSES] * 4 + [FAILS], True),
        ([PASSES] * 4 + [BLURRED], True),
    ],
)
def test_more_restarts_are_asked_for_where_they_could_decide(
    restarts: list[ShortOp], undecided: bool
) -> None:
    assert short_ops.undecided(TARGET, "p99", restarts, QUANTUM_NS) is undecided


def test_the_facts_of_a_measurement_become_restarts_in_the_order_of_their_runs() -> None:
    facts = {
        "restarts": [
            {"chain_min_ns": 40.0, "pair_p50_ns": 20, "pair_spread_ns": 2, "quiet_share": 1.0},
            {"chain_min_ns": None, "pair_p50_ns": 21, "pair_spread_ns": 3, "quiet_share": 0.5},
        ]
    }
    assert short_ops.of_facts(facts, [90.0, 95.0]) == (
        ShortOp(90.0, 40.0, 20.0, 2.0),
        ShortOp(95.0, None, 21.0, 3.0),
    )


def test_a_run_without_its_bracket_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        short_ops.of_facts({"restarts": []}, [90.0])
