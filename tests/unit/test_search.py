"""The search for a rate: what it finds on a machine whose stalls spoil some of its probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from harness.run.search import _Held, highest, majority

GOOD = _Held(no_loss=True, in_time=True)
LATE = _Held(no_loss=True, in_time=False)


def told(*answers: _Held) -> tuple[Callable[[], _Held], Iterator[_Held]]:
    left = iter(answers)
    return lambda: next(left), left


def test_two_of_three_that_agree_are_enough() -> None:
    once, left = told(GOOD, GOOD, LATE)
    assert majority(once, 3) == GOOD
    assert list(left) == [LATE]


def test_one_spoilt_probe_of_three_is_outvoted() -> None:
    once, _ = told(LATE, GOOD, GOOD)
    assert majority(once, 3) == GOOD


def test_one_vote_is_the_probe_itself() -> None:
    once, _ = told(LATE)
    assert majority(once, 1) == LATE


def test_loss_and_lateness_are_voted_on_apart() -> None:
    lossy = _Held(no_loss=False, in_time=True)
    once, _ = told(lossy, LATE, GOOD)
    assert majority(once, 3) == GOOD


def spoilt_probes(share: float, votes: int, n: int, seed: int) -> float:
    """How often `majority` is wrong about a rate that holds, when a share of probes is spoilt."""
    draws = iter(np.random.default_rng(seed).random(n * votes) < share)
    wrong = sum(majority(lambda: LATE if next(draws) else GOOD, votes) == LATE for _ in range(n))
    return wrong / n


def test_three_probes_err_as_often_as_two_spoilt_of_three_come() -> None:
    share = 0.2
    expected = 3 * share**2 - 2 * share**3  # 10.4 %
    assert spoilt_probes(share, 3, 4000, seed=3) == pytest.approx(expected, abs=0.02)


def test_one_probe_errs_as_often_as_it_is_spoilt() -> None:
    assert spoilt_probes(0.2, 1, 4000, seed=3) == pytest.approx(0.2, abs=0.02)


def found_rate(votes: int, seed: int, true_rate: int = 4_000_000) -> int:
    draws = np.random.default_rng(seed)

    def holds(rate: int) -> bool:
        return majority(
            lambda: GOOD if rate <= true_rate and draws.random() > 0.1 else LATE, votes
        ).in_time

    return highest(1_000_000, 16_000_000, 0.1, holds)


def test_a_search_by_majority_mostly_ends_within_its_width_on_a_noisy_host() -> None:
    rates = np.array([found_rate(3, seed) for seed in range(200)])
    near = (rates <= 4_000_000) & (rates * 1.1 >= 4_000_000)
    assert near.mean() > 0.75


def test_a_search_by_single_probes_is_led_astray_there_much_more_often() -> None:
    single = np.array([found_rate(1, seed) for seed in range(200)])
    voted = np.array([found_rate(3, seed) for seed in range(200)])
    assert (single * 1.1 < 4_000_000).mean() > 2 * (voted * 1.1 < 4_000_000).mean()


def test_a_search_never_returns_a_rate_that_most_probes_missed() -> None:
    assert max(found_rate(3, seed) for seed in range(200)) <= 4_000_000
