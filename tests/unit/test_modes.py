"""Two kinds of restarts are told apart, and restarts of one kind are not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from harness.measure.modes import Mode, two_modes

Floats = npt.NDArray[np.float64]
DRAWS = {
    "normal": lambda draw, shape: 100 + draw.standard_normal(shape) * 3,
    "skewed": lambda draw, shape: 100 + draw.gamma(4.0, 2.0, shape),
    "uniform": lambda draw, shape: 100 + draw.random(shape) * 20,
}


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("n", [6, 10, 20])
def test_values_of_one_kind_are_seldom_called_two(kind: str, n: int) -> None:
    rows = DRAWS[kind](np.random.default_rng(n), (1500, n))
    assert sum(bool(two_modes(list(row))) for row in rows) <= 0.025 * 1500


@pytest.mark.parametrize("n", [10, 20])
def test_two_kinds_are_told_apart(n: int) -> None:
    draw = np.random.default_rng(n)
    rows = 120 + draw.standard_normal((300, n)) * 2
    rows[:, : n // 3] += 60
    assert sum(bool(two_modes(list(row))) for row in rows) >= 0.95 * 300


def test_the_two_are_given_by_value_and_number() -> None:
    values = [120.0, 121, 122, 119, 120, 180, 181, 179, 120, 121]
    assert two_modes(values) == (Mode(120.0, 7), Mode(180.0, 3))


def test_a_single_straggler_is_no_mode() -> None:
    assert two_modes([120.0, 121, 122, 119, 120, 118, 121, 120, 123, 900]) == ()


def test_a_difference_of_no_interest_is_none() -> None:
    assert two_modes([100.0, 100, 100, 100, 100, 101, 101, 101, 101, 101]) == ()


@pytest.mark.parametrize("values", [[], [1.0] * 5, [5.0] * 20, [1.0, 2, 3, 4, 5, float("inf")]])
def test_few_equal_or_lost_values_have_none(values: list[float]) -> None:
    assert two_modes(values) == ()
