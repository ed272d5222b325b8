"""What a tuning is worth: intervals that cover as they say, and orders that favour nothing.

The simulations have seeds of their own, so none of them can fail one day and pass the next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from harness.measure.ablation import (
    ALL,
    Ablation,
    Names,
    ablate,
    difference,
    interval,
    percentiles_of,
)

Noise = Callable[[np.random.Generator], float]

NOISES: dict[str, Noise] = {
    "normal": lambda draw: float(draw.normal()),
    "heavy tails": lambda draw: float(draw.standard_t(3)),
    "one side": lambda draw: float(draw.lognormal() - 1.6487),
    "stalls": lambda draw: float(draw.normal() + 20 * (draw.random() < 0.1)),
}


class Host:
    """A host whose latency is known: what is on takes its worth off; time and noise are added."""

    def __init__(self, worth: dict[str, float], noise: Noise, seed: int = 1) -> None:
        self.worth = worth
        self.drift = 0.0
        self.order: list[Names] = []
        self.on: Names | None = None
        self._noise, self._draw = noise, np.random.default_rng(seed)

    @contextmanager
    def tune(self, on: Names) -> Iterator[None]:
        assert self.on is None, "two tunings at the same time"
        self.on = on
        try:
            yield
        finally:
            self.on = None

    def measure(self) -> dict[str, float | None]:
        assert self.on is not None, "measured without a tuning"
        self.order.append(self.on)
        ns = 1000 - sum(self.worth[name] for name in self.on) + self.drift * len(self.order)
        return {"p50": ns + self._noise(self._draw), "p99": 2 * ns + self._noise(self._draw)}

    def ablation(self, **options: int) -> Ablation:
        return ablate(list(self.worth), self.tune, self.measure, **options)


def verdicts(found: Ablation, statistic: str = "p50") -> dict[str, str]:
    return {row.name: row.verdict for row in found.rows if row.statistic == statistic}


@pytest.mark.parametrize("n", [6, 10, 20])
@pytest.mark.parametrize("kind", ["normal", "heavy tails"])
def test_an_interval_covers_the_truth_about_as_often_as_it_says(kind: str, n: int) -> None:
    draw = np.random.default_rng(5)
    tries = 400
    covers = 0
    for _ in range(tries):
        _, low, high = interval(np.array([7 + NOISES[kind](draw) for _ in range(n)]))
        covers += low <= 7 <= high
    assert 0.92 <= covers / tries <= 0.985


@pytest.mark.parametrize("kind", NOISES)
def test_nothing_against_nothing_shows_a_difference_at_the_nominal_rate(kind: str) -> None:
    draw = np.random.default_rng(6)
    tries = 500
    shown = 0
    for _ in range(tries):
        on, off = ([NOISES[kind](draw) for _ in range(10)] for _ in range(2))
        shown += difference("a", "p50", on, off).shown
    assert 0.01 <= shown / tries <= 0.08


def test_an_ablation_of_tunings_without_effect_shows_about_as_many_as_by_chance() -> None:
    rows = by_chance = shown = 0.0
    for seed in range(40):
        host = Host({"a": 0, "b": 0, "c": 0}, NOISES["heavy tails"], seed)
        found = host.ablation(repeats=10, seed=seed)
        rows += len(found.rows)
        by_chance += found.by_chance
        shown += sum(row.shown for row in found.rows)
    assert by_chance == pytest.approx(0.05 * rows)
    assert shown < 2 * by_chance


@pytest.mark.parametrize("kind", NOISES)
def test_a_difference_that_is_there_is_found_with_its_sign(kind: str) -> None:
    host = Host({"helps": 15.0, "nothing": 0.0, "harms": -15.0}, NOISES[kind])
    found = host.ablation(repeats=20)
    seen = verdicts(found)
    assert (seen["helps"], seen["harms"]) == ("gains", "costs")
    (helps,) = (row for row in found.rows if (row.name, row.statistic) == ("helps", "p50"))
    assert helps.worth == pytest.approx(15.0, abs=3)
    assert helps.off - helps.on == pytest.approx(15.0, abs=3)


def test_all_tunings_together_are_held_against_none() -> None:
    found = Host({"a": 10.0, "b": 20.0}, NOISES["normal"]).ablation()
    (row,) = (row for row in found.rows if (row.name, row.statistic) == (ALL, "p50"))
    assert row.worth == pytest.approx(30.0, abs=3)
    assert row.verdict == "gains"


def test_a_host_that_drifts_favours_no_tuning() -> None:
    host = Host({"a": 0.0, "b": 0.0}, NOISES["normal"])
    host.drift = 5.0
    assert set(verdicts(host.ablation(repeats=20)).values()) == {"no difference shown"}


def test_one_disturbed_repeat_does_not_hide_a_difference() -> None:
    off = [110.0 + i for i in range(10)]
    on = [100.0 + i + (i % 3) / 10 for i in range(10)]
    calm = difference("a", "p50", on, off)
    disturbed = difference("a", "p50", [on[0] + 1e6, *on[1:]], off)
    assert calm.verdict == disturbed.verdict == "gains"
    assert disturbed.worth == pytest.approx(calm.worth, abs=1)


def test_every_repeat_has_every_variant_once_in_an_order_of_its_own() -> None:
    host = Host({"a": 0.0, "b": 0.0, "c": 0.0}, NOISES["normal"])
    host.ablation(repeats=12)
    rounds = [host.order[at : at + 5] for at in range(0, len(host.order), 5)]
    assert len(rounds) == 12
    assert {frozenset(one) for one in rounds} == {frozenset(rounds[0])}
    assert len(set(rounds[0])) == 5
    assert len({tuple(one) for one in rounds}) > 6


def test_the_order_and_the_intervals_are_those_of_the_seed() -> None:
    one, same, other = (
        Host({"a": 3.0, "b": 0.0}, NOISES["normal"]).ablation(seed=seed) for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_a_single_tuning_is_not_measured_twice_for_all_of_them() -> None:
    host = Host({"only": 9.0}, NOISES["normal"])
    found = host.ablation(repeats=10)
    assert len(host.order) == 20
    only, every = (row for row in found.rows if row.statistic == "p50")
    assert (only.worth, only.low, only.high) == (every.worth, every.low, every.high)


def test_with_few_repeats_no_interval_is_made_up() -> None:
    found = Host({"a": 100.0}, NOISES["normal"]).ablation(repeats=3)
    assert set(verdicts(found).values()) == {"n/a"}
    assert "6 needed" in found.rows[0].missing
    assert found.by_chance == 0


def test_a_percentile_that_the_samples_do_not_carry_is_not_compared() -> None:
    assert percentiles_of(range(1, 101)) == {"p50": 50.0, "p99": None}
    assert percentiles_of(range(1, 1001)) == {"p50": 500.0, "p99": 990.0}
    row = difference("a", "p99", [None] * 10, [1.0] * 10)
    assert (row.verdict, row.shown) == ("n/a", False)


def test_equal_values_show_no_difference_and_a_constant_one_does() -> None:
    assert difference("a", "p50", [5.0] * 8, [5.0] * 8).verdict == "no difference shown"
    assert difference("a", "p50", [5.0] * 8, [6.0] * 8).verdict == "gains"


def test_a_measurement_that_fails_gives_the_tuning_back() -> None:
    host = Host({"a": 0.0}, NOISES["normal"])

    def broken() -> dict[str, float | None]:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        ablate(["a"], host.tune, broken)
    assert host.on is None


@pytest.mark.parametrize("names", [[], ["a", "a"], ["a", ALL]], ids=["none", "twice", "all"])
def test_names_that_would_mix_up_rows_are_refused(names: list[str]) -> None:
    host = Host(dict.fromkeys(names, 0.0), NOISES["normal"])
    with pytest.raises(ValueError, match="each named once"):
        ablate(names, host.tune, host.measure)
    assert not host.order


def test_a_measurement_may_not_change_its_statistics() -> None:
    said = iter([{"p50": 1.0}, {"p90": 1.0}])
    host = Host({"a": 0.0}, NOISES["normal"])
    with pytest.raises(ValueError, match="other statistics"):
        ablate(["a"], host.tune, lambda: next(said), repeats=1)


def test_steps_are_counted_to_the_end_and_json_has_every_value() -> None:
    host = Host({"a": 1.0, "b": 2.0}, NOISES["normal"])
    steps: list[tuple[int, int]] = []
    found = ablate(
        ["a", "b"], host.tune, host.measure, repeats=6, step=lambda at, of: steps.append((at, of))
    )
    assert steps == [(at, 24) for at in range(25)]
    said = json.loads(json.dumps(found.as_json()))
    assert [row["name"] for row in said["rows"]] == ["a", "a", "b", "b", ALL, ALL]
    assert sorted(map(tuple, (one["on"] for one in said["values"]))) == [
        (),
        ("a",),
        ("a", "b"),
        ("b",),
    ]
    assert all(len(one["ns"]["p50"]) == 6 for one in said["values"])
