"""Rank statistics: exact against every permutation, and with the error rates that they promise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from harness.measure import ranks
from harness.measure.percentiles import upper_of_runs


def brute_p(a: list[float], b: list[float]) -> float:
    """Two-sided p by trying every way to deal the values out."""
    values = a + b
    n = len(a)

    def u(chosen: tuple[int, ...]) -> float:
        ours = [values[i] for i in chosen]
        theirs = [values[i] for i in range(len(values)) if i not in chosen]
        return sum((x > y) + 0.5 * (x == y) for x in ours for y in theirs)

    middle = n * len(b) / 2
    seen = abs(u(tuple(range(n))) - middle)
    ways = list(itertools.combinations(range(len(values)), n))
    return sum(abs(u(way) - middle) >= seen - 1e-9 for way in ways) / len(ways)


@pytest.mark.parametrize("seed", range(12))
def test_p_is_that_of_every_permutation_ties_included(seed: int) -> None:
    draw = np.random.default_rng(seed)
    a, b = (list(draw.integers(0, 5, n).astype(float)) for n in (4, 5))
    assert ranks.mann_whitney(a, b) == pytest.approx(brute_p(a, b))


def test_the_published_table_is_met() -> None:
    # Critical U at 5 %, two-sided (Mann and Whitney 1947 and every table since).
    wanted = {(5, 5): 2, (6, 6): 5, (8, 8): 13, (10, 10): 23, (20, 20): 127, (3, 4): -1}
    assert {size: ranks.critical_u(*size, 0.05) for size in wanted} == wanted


@pytest.mark.parametrize("n", [6, 10])
def test_equal_sides_are_called_different_as_seldom_as_promised(n: int) -> None:
    draw = np.random.default_rng(n)
    alarms = sum(
        ranks.mann_whitney(list(draw.standard_t(2, n)), list(draw.standard_t(2, n))) <= 0.05
        for _ in range(600)
    )
    assert alarms <= 0.07 * 600


@pytest.mark.parametrize("n", [6, 10])
def test_the_interval_of_a_shift_covers_it(n: int) -> None:
    draw = np.random.default_rng(n)
    held = 0
    for _ in range(600):
        base, head = draw.standard_t(2, n), draw.standard_t(2, n) + 3.0
        seen = ranks.hodges_lehmann(list(base), list(head))
        held += seen.low <= 3.0 <= seen.high
    assert 0.93 * 600 <= held < 600


def test_samples_too_small_for_the_level_have_an_interval_without_ends() -> None:
    seen = ranks.hodges_lehmann([1.0, 2, 3], [4.0, 5, 6])
    assert (seen.estimate, seen.low, seen.high) == (3.0, -math.inf, math.inf)


@pytest.mark.parametrize(("p", "n"), [(0.05, 4), (0.01, 5), (0.001, 7)])
def test_fewest_pairs_can_just_decide(p: float, n: int) -> None:
    assert ranks.fewest_pairs(p) == n
    apart = ranks.mann_whitney([float(i) for i in range(n)], [100.0 + i for i in range(n)])
    assert apart < p
    less = ranks.mann_whitney([float(i) for i in range(n - 1)], [100.0 + i for i in range(n - 1)])
    assert less >= p


def test_holm_is_the_step_down_of_its_paper() -> None:
    assert ranks.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_many_metrics_at_once_alarm_no_oftener_than_one() -> None:
    draw = np.random.default_rng(8)
    plain = corrected = 0
    for _ in range(150):
        ps = [ranks.mann_whitney(list(draw.random(6)), list(draw.random(6))) for _ in range(8)]
        plain += min(ps) <= 0.05
        corrected += min(ranks.holm(ps)) <= 0.05
    assert corrected <= 0.08 * 150
    assert plain > 0.2 * 150


def test_two_stages_of_restarts_pass_a_median_at_the_target_as_seldom_as_they_say() -> None:
    """Five that agree, else nine of ten: a build whose median restart is at the target."""
    draw = np.random.default_rng(4)
    below = draw.random((200_000, 10)) < 0.5
    first = below[:, :5].all(axis=1)
    mixed = ~first & below[:, :5].any(axis=1)
    passed = first | (mixed & (below.sum(axis=1) >= 9))
    assert passed.mean() == pytest.approx(0.0361, abs=0.003)


def test_the_upper_bound_of_restarts_covers_their_median() -> None:
    draw = np.random.default_rng(6)
    covered = np.mean(
        [upper_of_runs(list(row)) >= 1.0 for row in draw.exponential(1 / np.log(2), (4000, 10))]
    )
    assert covered >= 0.94
    assert (
        np.mean([np.median(row) >= 1.0 for row in draw.exponential(1 / np.log(2), (4000, 10))])
        < 0.6
    )
