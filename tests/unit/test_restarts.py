"""How many restarts a row takes."""

from __future__ import annotations

import numpy as np
import pytest

from harness.config.matrix import Target
from harness.run.restarts import more

TARGET = Target(op="<", value=2000, unit="ns")


@pytest.mark.parametrize(
    ("met", "missed", "due"),
    [
        (5, 0, 0),
        (0, 5, 0),
        (4, 1, 5),
        (1, 4, 5),
        (3, 4, 3),
        (9, 1, 0),
        (5, 5, 0),
        (3, 1, 0),
    ],
)
def test_five_that_disagree_become_ten_and_no_more(met: int, missed: int, due: int) -> None:
    assert more(TARGET, [1000.0] * met + [3000.0] * missed) == due


def test_a_run_without_a_figure_has_met_nothing() -> None:
    assert more(TARGET, [1000.0] * 4 + [None]) == 5


def test_rows_of_a_median_run_over_target_hardly_ever_pass_by_restarts() -> None:
    """The worst case: each run is below target by even chance. 1/32 at five, and 5.5/1024 later."""
    below = np.random.default_rng(5).random((40_000, 10)) < 0.5
    first = below[:, :5].sum(axis=1)
    at_once = first == 5
    later = (first > 0) & (first < 5) & (below.sum(axis=1) >= 9)
    assert (at_once | later).mean() == pytest.approx(0.036, abs=0.004)
