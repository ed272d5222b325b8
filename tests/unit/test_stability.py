"""Hours at one load: errors, intervals over target, drift, growth, and hours that are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.config.matrix import Target
from harness.run import stability
from harness.run.stability import Health
from harness.run.verdicts import HostNoise, State

FOUR = Target(op=">=", value=4, unit="h")
LIMIT = Target(op="<", value=2000, unit="ns")
QUIET, NOISY = HostNoise(0.0), HostNoise(0.03)
FINE = Health(
    hours=4.0,
    n_windows=1440,
    n_lost=0,
    n_over=0,
    longest_streak=0,
    p50_pct=(-0.4, 0.1, 0.6),
    p99_pct=(-2.0, 0.5, 3.0),
    rss_bytes_per_h=(-100.0, 0.0, 900.0),
)
MIB_H = float(1 << 20) / 4


def _state(found: Health, host: HostNoise = QUIET) -> State:
    return stability.verdict(FOUR, found, host).state


def test_four_quiet_hours_pass() -> None:
    assert _state(FINE) is State.PASS


def test_a_little_less_than_four_hours_are_not_four() -> None:
    verdict = stability.verdict(FOUR, replace(FINE, hours=3.9), QUIET)
    assert verdict.state is State.MISSING
    assert "nothing is proved by less" in verdict.reason


@pytest.mark.parametrize(
    ("change", "quiet", "noisy"),
    [
        ({"n_lost": 1}, State.FAIL, State.FAIL),
        ({"n_over": 1, "longest_streak": 1}, State.FAIL, State.UNJUDGEABLE),
        ({"p50_pct": (5.1, 6.0, 7.0)}, State.FAIL, State.FAIL),
        ({"p50_pct": (-9.0, -8.0, -7.0)}, State.FAIL, State.FAIL),
        ({"p99_pct": (5.1, 6.0, 7.0)}, State.FAIL, State.UNJUDGEABLE),
        ({"p99_pct": (-1.0, 3.0, 7.0)}, State.MARGINAL, State.UNJUDGEABLE),
        ({"rss_bytes_per_h": (MIB_H, 2 * MIB_H, 3 * MIB_H)}, State.FAIL, State.FAIL),
        ({"rss_bytes_per_h": (0.0, 0.9 * MIB_H, 1.1 * MIB_H)}, State.MARGINAL, State.MARGINAL),
        ({"n_windows": 59}, State.MISSING, State.MISSING),
    ],
)
def test_one_thing_that_does_not_hold_is_enough(
    change: dict[str, Any], quiet: State, noisy: State
) -> None:
    found = replace(FINE, **change)
    assert (_state(found, QUIET), _state(found, NOISY)) == (quiet, noisy)


def test_a_noisy_host_takes_no_pass_away() -> None:
    assert _state(FINE, NOISY) is State.PASS


def test_a_leak_of_three_hours_is_a_leak_and_not_missing_an_hour() -> None:
    verdict = stability.verdict(
        FOUR, replace(FINE, hours=3.0, rss_bytes_per_h=(MIB_H, MIB_H, MIB_H)), QUIET
    )
    assert verdict.state is State.FAIL
    assert verdict.reason.startswith("memory grows by 1,048,576 bytes in 4 h")


def test_growth_of_minutes_is_not_drawn_out_to_hours() -> None:
    short = replace(FINE, hours=0.1, rss_bytes_per_h=(MIB_H, MIB_H, MIB_H))
    assert _state(short) is State.MISSING


def test_the_longest_violation_is_part_of_the_sentence() -> None:
    verdict = stability.verdict(FOUR, replace(FINE, n_over=7, longest_streak=3), QUIET)
    assert "p99 was over target in 7 of 1440 intervals, 3 in a row" in verdict.reason


@pytest.mark.parametrize(
    ("hits", "wanted"),
    [([], 0), ([False], 0), ([True], 1), ([True, True, False, True], 2), ([False, True, True], 2)],
)
def test_a_streak_is_the_longest_run(hits: list[bool], wanted: int) -> None:
    assert stability.longest(hits) == wanted


def _interval(i: int, **changes: Any) -> dict[str, Any]:
    line = {"kind": "interval", "t_s": 10.0 * (i + 1), "p50_ns": 900.0, "p99_ns": 1500.0}
    return line | {"loss": 0, "rss_bytes": 100 << 20} | changes


def test_intervals_over_target_and_losses_are_counted() -> None:
    lines = [_interval(i) for i in range(8)]
    lines[2] |= {"p99_ns": 2000.0}
    lines[3] |= {"p99_ns": 9000.0, "loss": 4}
    lines[6] |= {"p99_ns": 2500.0}
    found = stability.health(lines, 0.02, LIMIT)
    assert (found.n_over, found.longest_streak, found.n_lost) == (3, 2, 4)


def test_an_interval_too_short_for_its_percentile_is_not_over_target() -> None:
    found = stability.health([_interval(0, p99_ns=None), _interval(1)], 0.01, LIMIT)
    assert (found.n_windows, found.n_over) == (2, 0)


N_4H = 1440  # intervals of ten seconds


def _four_hours(drift_pct: float = 0.0, rss_per_h: float = 0.0) -> list[dict[str, Any]]:
    """Seeded noise of 1 % about a median that drifts, and pages that come and go."""
    draw = np.random.default_rng(5)
    t_h = np.arange(1, N_4H + 1) / 360
    p50 = 900 * (1 + drift_pct / 100 * t_h / 4) * (1 + 0.01 * draw.standard_normal(N_4H))
    rss = (100 << 20) + rss_per_h * t_h + 4096 * draw.integers(0, 8, N_4H)
    return [
        _interval(i, p50_ns=float(p50[i]), p99_ns=float(1.5 * p50[i]), rss_bytes=int(rss[i]))
        for i in range(N_4H)
    ]


@pytest.mark.parametrize(
    ("drift_pct", "rss_per_h", "state"),
    [
        (0.0, 0.0, State.PASS),
        (3.0, 0.0, State.PASS),
        (8.0, 0.0, State.FAIL),
        (-8.0, 0.0, State.FAIL),
        (0.0, 0.5 * MIB_H, State.PASS),
        (0.0, 2.0 * MIB_H, State.FAIL),
    ],
)
def test_four_hours_of_intervals_are_judged_by_what_they_became(
    drift_pct: float, rss_per_h: float, state: State
) -> None:
    found = stability.health(_four_hours(drift_pct, rss_per_h), 4.0, LIMIT)
    assert stability.verdict(FOUR, found, QUIET).state is state


def test_few_intervals_show_no_drift() -> None:
    found = stability.health([_interval(i) for i in range(stability.MIN_WINDOWS - 1)], 0.2, LIMIT)
    assert (found.p50_pct, found.p99_pct, found.rss_bytes_per_h) == (None, None, None)
