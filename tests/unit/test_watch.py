"""Nights: steps are seen, quiet series are left alone, and contaminated nights must go first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from harness.measure import watch

Floats = npt.NDArray[np.float64]
N_NIGHTS = 60


def nights(seed: int, n_series: int, *, contaminated: float = 0.0) -> tuple[Floats, Floats]:
    """Rows of nightly values around 1000 with a spread of 1 %, and which nights were disturbed."""
    draw = np.random.default_rng(seed)
    rows = 1000 * (1 + 0.01 * draw.standard_normal((n_series, N_NIGHTS)))
    bad = draw.random(rows.shape) < contaminated
    return np.where(bad, rows * (1.1 + draw.random(rows.shape)), rows), bad


def test_clean_nights_are_seldom_suspect() -> None:
    rows, _ = nights(1, 100)
    n = sum(len(watch.suspects(list(row))) for row in rows)
    assert n <= 0.01 * rows.size


def test_a_night_that_is_ten_percent_slower_is_suspect() -> None:
    rows, _ = nights(2, 60)
    rows[:, 40] *= 1.10
    assert all(40 in watch.suspects(list(row)) for row in rows)


def test_no_series_without_a_step_has_one() -> None:
    rows, _ = nights(3, 60)
    assert sum(bool(watch.steps(list(row))) for row in rows) <= 3


@pytest.mark.parametrize("factor", [1.10, 0.92])
def test_a_step_is_found_where_it_is(factor: float) -> None:
    rows, _ = nights(4, 40)
    rows[:, 35:] *= factor
    places = [watch.steps(list(row)) for row in rows]
    assert sum(bool(one) and abs(one[0].at - 35) <= 2 for one in places) >= 36
    assert all(abs(one[0].shift - (factor - 1)) < 0.03 for one in places if one)


def test_contaminated_nights_are_suspect_unless_they_are_taken_out_first() -> None:
    rows, bad = nights(5, 60, contaminated=0.07)
    with_them = sum(len(watch.suspects(list(row))) for row in rows)
    without = sum(
        len(watch.suspects(list(row[~gone]))) for row, gone in zip(rows, bad, strict=True)
    )
    assert with_them > 100
    assert without <= 0.01 * rows.size


def test_a_short_history_expects_nothing() -> None:
    assert watch.band([1000.0] * 5) is None
    assert watch.suspects([1000.0] * 5 + [9000.0]) == []


def test_equal_nights_leave_three_percent_of_room() -> None:
    seen = watch.band([1000.0] * 20)
    assert seen is not None
    assert (seen.low, seen.middle, seen.high) == (970.0, 1000.0, 1030.0)
    assert seen.holds(1029.0)
    assert not seen.holds(1031.0)
