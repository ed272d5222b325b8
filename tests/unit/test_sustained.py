"""The bounds of a throughput search: strict where it is claimed, by majority where it is probed."""

from __future__ import annotations

from typing import Any

import pytest

from harness.config.matrix import Target
from harness.run.sustained import Sustained, sustained

TWO_US = Target(op="<", value=2000, unit="ns")


def trials(rate: int, n: int, late: int = 0, *, seconds: float = 10.0, loss: int = 0) -> list[Any]:
    """n trials at a rate, of which the first `late` missed the latency."""
    return [
        {
            "rate_per_s": rate,
            "seconds": seconds,
            "loss": loss,
            "percentiles_ns": {"p50": 500.0, "p99": 9000.0 if i < late else 900.0},
        }
        for i in range(n)
    ]


def judged(*groups: list[Any], confirm: int = 7) -> Sustained:
    seen = [trial for group in groups for trial in group]
    return sustained(seen, TWO_US, "p99", confirm_trials=confirm, trial_s=10.0)


def test_a_short_probe_that_one_stall_spoilt_does_not_cap_a_confirmed_load() -> None:
    found = judged(trials(1, 3, late=1, seconds=0.3), trials(2, 7))
    assert (found.joint, found.first_failure) == (2, None)


def test_a_load_that_most_short_probes_miss_caps_the_loads_below_it() -> None:
    found = judged(trials(3, 3, late=2, seconds=0.3), trials(2, 7))
    assert (found.joint, found.first_failure) == (2, 3)


@pytest.mark.parametrize("late", [1, 6])
def test_one_full_trial_that_exceeds_is_enough_against_a_load(late: int) -> None:
    found = judged(trials(2, 7, late=late), trials(1, 7))
    assert (found.joint, found.first_failure) == (1, 2)


@pytest.mark.parametrize(("n", "joint"), [(6, None), (7, 2)])
def test_a_load_counts_from_as_many_full_trials_as_confirm_it(n: int, joint: int | None) -> None:
    assert judged(trials(2, n)).joint == joint


def test_short_probes_alone_confirm_nothing() -> None:
    assert judged(trials(2, 9, seconds=0.3)).joint is None


def test_the_load_that_most_trials_hold_is_shown_beside_the_bound() -> None:
    found = judged(trials(2, 7, late=3), trials(3, 7, late=4), trials(1, 7))
    assert (found.joint, found.majority) == (1, 2)


def test_the_width_is_how_far_apart_the_bounds_are() -> None:
    found = judged(trials(98, 7), trials(100, 7, late=1))
    assert found.width == pytest.approx(0.02)


def test_a_load_without_an_upper_bound_has_no_width() -> None:
    assert judged(trials(2, 7)).width is None


def test_loads_that_hold_above_one_that_does_not_are_named() -> None:
    found = judged(trials(1, 7), trials(2, 7, late=1), trials(3, 7), trials(4, 7))
    assert found.irregular_loads == (3, 4)
    assert found.joint == 1


def test_every_load_is_listed_with_its_trials_and_those_that_exceeded() -> None:
    (load,) = judged(trials(2, 7, late=2), trials(2, 3, late=1, seconds=0.3)).loads
    assert (load.n, load.n_full, load.n_exceeded, load.n_full_exceeded) == (10, 7, 3, 2)


def test_a_trial_that_lost_messages_exceeds_however_fast_it_was() -> None:
    (load,) = judged(trials(2, 7, loss=1)).loads
    assert (load.n_exceeded, load.n_lossy) == (7, 7)
