"""What a comparison says it could have seen is what it sees."""

from __future__ import annotations

import numpy as np
import pytest

from harness.measure import ranks
from harness.measure.shift import detectable

LEVEL = 0.01


def found(n: int, spread: float, shift: float) -> float:
    """How often the rank test finds a planted shift."""
    draw = np.random.default_rng(5)
    n_found = 0
    for _ in range(300):
        base = 100 * (1 + spread * draw.standard_normal(n))
        head = 100 * (1 + spread * draw.standard_normal(n)) * (1 + shift)
        n_found += ranks.mann_whitney(list(base), list(head)) <= LEVEL
    return n_found / 300


@pytest.mark.parametrize(("n", "spread"), [(6, 0.01), (12, 0.02)])
def test_a_shift_of_that_size_is_found_four_times_in_five(n: int, spread: float) -> None:
    draw = np.random.default_rng(9)
    said = []
    for _ in range(15):
        base, head = (list(100 * (1 + spread * draw.standard_normal(n))) for _ in range(2))
        said.append(detectable(base, head))
    typical = float(np.median([one for one in said if one is not None]))
    assert found(n, spread, typical) == pytest.approx(0.8, abs=0.17)
    assert found(n, spread, typical / 3) < 0.5


def test_more_values_see_smaller_shifts() -> None:
    draw = np.random.default_rng(2)
    few, many = (list(100 + draw.standard_normal(n)) for n in (6, 24))
    small, large = detectable(many, many), detectable(few, few)
    assert small is not None
    assert large is not None
    assert small < large


@pytest.mark.parametrize(("n", "m"), [(1, 9), (4, 4), (3, 5)])
def test_too_few_values_could_have_seen_nothing(n: int, m: int) -> None:
    assert detectable([100.0] * n, [100.0] * m) is None


def test_a_value_that_is_no_time_has_no_relative_shift() -> None:
    assert detectable([0.0] * 8, [1.0] * 8) is None
