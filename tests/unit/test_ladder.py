"""The rungs of a load ladder."""

from __future__ import annotations

import pytest

from harness.config.sustained import Ladder
from harness.run.ladder import rungs

PHASE = Ladder.model_validate(
    {
        "phase": "ladder",
        "id": "ladder.itch",
        "feed": "itch",
        "idle": "1k/s",
        "shares": ("10%", "50%", "100%"),
        "at": ("1M/s",),
        "warmup": "0s",
        "duration": "1s",
    }
)


def test_rungs_climb_from_idle_to_the_rate_held_with_the_claimed_rate_among_them() -> None:
    found = [(rung.title, rung.rate_per_s) for rung in rungs(PHASE, 4_000_000)]
    assert found == [
        ("idle", 1000),
        ("10% of the rate held", 400_000),
        ("exactly 1M/s", 1_000_000),
        ("50% of the rate held", 2_000_000),
        ("100% of the rate held", 4_000_000),
    ]


def test_without_a_rate_held_only_idle_and_the_claimed_rate_are_left() -> None:
    assert [rung.rate_per_s for rung in rungs(PHASE, None)] == [1000, 1_000_000]


@pytest.mark.parametrize(("held", "tenth"), [(3_482_123, 348_000), (17, 1), (5, 1)])
def test_a_share_has_no_more_digits_than_the_rate_it_is_a_share_of(held: int, tenth: int) -> None:
    rates = {rung.title: rung.rate_per_s for rung in rungs(PHASE, held)}
    assert rates["10% of the rate held"] == tenth


def test_every_rung_has_a_name_of_its_own_even_at_the_same_rate() -> None:
    names = [rung.name for rung in rungs(PHASE, 1_000_000)]
    assert len(set(names)) == len(names)


def test_a_rung_is_a_trial_that_a_scenario_could_have_declared() -> None:
    for rung in rungs(PHASE, 4_000_000):
        assert PHASE.trial(rung.name, rung.rate_per_s).rate_per_s == rung.rate_per_s
