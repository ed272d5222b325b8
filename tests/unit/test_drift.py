"""The interval of a slope covers the truth, also where neighbours are alike; a drift is found."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from harness.measure import drift

N_SERIES = 300
Floats = npt.NDArray[np.float64]


def series(seed: int, n: int, phi: float, n_series: int = N_SERIES) -> Floats:
    """Rows of an AR(1) around 1000 with a spread of 10, and stalls in 3 % of intervals."""
    draw = np.random.default_rng(seed)
    noise = draw.standard_normal((n_series, n)) * 10.0 * np.sqrt(1 - phi * phi)
    rows = np.empty_like(noise)
    rows[:, 0] = noise[:, 0] / np.sqrt(1 - phi * phi)
    for i in range(1, n):
        rows[:, i] = phi * rows[:, i - 1] + noise[:, i]
    return 1000.0 + rows + 500.0 * (draw.random((n_series, n)) < 0.03)


def coverage(rows: Floats, truth: float = 0.0) -> float:
    t = 10.0 * np.arange(rows.shape[1])
    held = 0
    for row in rows + truth * t:
        low, _, high = drift.slope(t, row)
        held += low <= truth <= high
    return held / len(rows)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("n", [60, 360])
def test_the_interval_covers_the_true_slope(n: int, phi: float) -> None:
    # 95 % nominal; 300 series tell it to +- 2.5 %, and long memory in few intervals costs a little.
    assert coverage(series(n, n, phi)) >= (0.90 if n == 60 and phi == 0.8 else 0.92)


def test_the_interval_is_not_just_wide() -> None:
    assert coverage(series(1, 360, 0.0)) <= 0.995


def test_independent_points_would_cover_far_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "MAX_BLOCKS", 120)
    monkeypatch.setattr(drift, "BLOCK_LENGTH", 1)
    monkeypatch.setattr(drift, "_inflation", lambda rest: 1.0)
    assert coverage(series(120, 120, 0.8, 150)) < 0.75


def test_a_drift_of_ten_percent_is_found() -> None:
    t = list(10.0 * np.arange(360))
    found = [
        drift.drift_pct(t, list(row)) for row in series(3, 360, 0.5, 50) * np.linspace(1, 1.1, 360)
    ]
    assert all(seen is not None and seen[0] > 5.0 and seen[2] < 15.0 for seen in found)


def test_memory_that_grows_by_a_page_a_second_is_said_in_bytes_an_hour() -> None:
    t = np.arange(0, 7200, 10.0)
    seen = drift.growth(list(t), list(1e8 + 4096.0 * t))
    assert seen is not None
    assert seen[1] == pytest.approx(4096 * 3600)
    assert seen[0] > 4000 * 3600


def test_stalls_do_not_tilt_the_line() -> None:
    t = 10.0 * np.arange(360)
    flat = np.full(360, 1000.0)
    flat[300:320] = 90_000.0
    low, middle, high = drift.slope(t, flat)
    assert low <= 0.0 <= high
    assert middle == 0.0


@pytest.mark.parametrize("values", [[], [1.0] * 7, [None] * 50, [0.0] * 50])
def test_where_nothing_can_be_said_nothing_is(values: list[float | None]) -> None:
    assert drift.drift_pct([float(i) for i in range(len(values))], values) is None


def test_intervals_without_a_figure_are_left_out() -> None:
    t = [float(i) for i in range(40)]
    values: list[float | None] = [100.0 + i for i in range(40)]
    values[3] = values[17] = None
    seen = drift.drift_pct(t, values)
    assert seen is not None
    assert seen[1] == pytest.approx(100 * 39 / 119.5, rel=0.05)
