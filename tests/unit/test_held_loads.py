"""Phases of loads that are held, as a scenario declares them: search, ladder, soak, stalls."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from harness.config.loads import Stall, Trial
from harness.config.sustained import Ladder, Soak, Throughput

LADDER: dict[str, Any] = {
    "phase": "ladder",
    "id": "ladder.itch",
    "feed": "itch",
    "warmup": "100ms",
    "duration": "1s",
}
SOAK: dict[str, Any] = {
    "phase": "soak",
    "id": "soak.itch",
    "feed": "itch",
    "rate": "250k/s",
    "warmup": "1s",
    "duration": "4h",
    "interval": "10s",
}
SEARCH: dict[str, Any] = {
    "phase": "throughput",
    "id": "throughput.shm",
    "feed": "itch",
    "target_rate": "1M/s",
    "max_rate": "16M/s",
    "width": "10%",
    "probe": "100ms",
    "trial": "1s",
    "confirm_trials": 7,
    "soak": "0s",
}
TRIAL: dict[str, Any] = {
    "id": "co.itch",
    "feed": "itch",
    "rate": "100k/s",
    "warmup": "0s",
    "duration": "1s",
}
STALL = {"who": "rig", "every": "1s", "length": "20ms"}


def test_a_ladder_without_rungs_of_its_own_has_those_of_the_plan() -> None:
    ladder = Ladder.model_validate(LADDER)
    assert ladder.idle_per_s == 1000
    assert ladder.shares_bp == (1000, 5000, 9000, 10_000)
    assert ladder.at_per_s == (1_000_000,)
    assert ladder.measured_ns() == 6 * 1_100_000_000


@pytest.mark.parametrize(("feed", "wire"), [("itch", "ladder.wire"), ("fix", "ladder.fix.wire")])
def test_a_ladder_of_another_feed_feeds_other_metrics(feed: str, wire: str) -> None:
    assert wire in Ladder.model_validate(LADDER | {"feed": feed}).metric_ids()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"shares": ("0%",)}, "greater than 0"),
        ({"shares": ("201%",)}, "less than or equal to 20000"),
        ({"at": ("0/s",)}, "more than zero"),
        ({"feed": "fix", "pack": 2}, "only itch is packed"),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Ladder.model_validate(LADDER | changed)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"votes": 2}, "an even number has no majority: 2"),
        ({"probe": "2s"}, "longer than the trials that confirm, 1s"),
    ],
)
def test_a_search_that_could_not_decide_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Throughput.model_validate(SEARCH | changed)


def test_a_compressed_soak_passes_its_share_of_the_time_by_the_clock() -> None:
    soak = Soak.model_validate(SOAK | {"compress": 240})
    assert soak.measured_ns() == 1_000_000_000 + 60_000_000_000
    assert soak.real_interval_ns == 10_000_000_000 // 240
    assert soak.trial().duration_ns == 60_000_000_000


def test_a_compressed_soak_says_so_in_its_load_and_in_its_plan() -> None:
    soak = Soak.model_validate(SOAK | {"compress": 240})
    assert soak.load == "250000/s constant, time-compressed 240x"
    assert "time-compressed 240x into 1min" in next(soak.describe())


def test_a_soak_in_real_time_does_not_speak_of_compression() -> None:
    soak = Soak.model_validate(SOAK)
    assert soak.load == "250000/s constant"
    assert soak.real_duration_ns == soak.duration_ns


def test_a_compression_that_leaves_no_time_for_an_interval_is_refused() -> None:
    with pytest.raises(ValidationError, match="leaves intervals of less than 10ms"):
        Soak.model_validate(SOAK | {"compress": 2000})


def test_a_soak_is_looked_at_each_second_but_never_more_often_than_every_ten_milliseconds() -> None:
    assert Soak.model_validate(SOAK).real_health_ns == 1_000_000_000
    assert Soak.model_validate(SOAK | {"compress": 240}).real_health_ns == 10_000_000


def test_a_stalled_trial_is_another_load_and_says_why() -> None:
    trial = Trial.model_validate(TRIAL | {"stall": STALL})
    assert trial.load == "100000/s constant, the generator stopped for 20ms each 1s"


def test_a_stall_that_hardly_ends_before_the_next_is_refused() -> None:
    with pytest.raises(ValidationError, match="more than half of the 1s between two stalls"):
        Stall.model_validate(STALL | {"length": "501ms"})
