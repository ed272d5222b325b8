"""The noise floor: its definition, its conservative reading, and when a host may fail a metric."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.measure import noise

_GAPS = st.lists(st.integers(30, 2_000_000), max_size=60)


def _record(gaps: list[float], role: str = "engine", when: str = "before", seconds: float = 1.0):
    return noise.floor_record(gaps, seconds, 30.0, when=when, cpu=1, role=role)


@given(_GAPS)
@settings(max_examples=50)
def test_the_curve_is_the_share_of_arrivals_that_wait_longer(gaps: list[int]) -> None:
    record = _record([float(g) for g in gaps])
    for x, share in record["curve"]:
        assert share == pytest.approx(sum(max(0.0, g - x) for g in gaps) / 1e9, abs=1e-15)
    for x, rate in record["rate"]:
        assert rate == pytest.approx(sum(g > x for g in gaps) / 1e9)


@given(_GAPS, st.sampled_from([0.9, 0.99, 0.999]))
@settings(max_examples=50)
def test_a_wait_percentile_is_where_the_curve_falls_to_its_share(gaps: list[int], q: float) -> None:
    wall_ns = 1e7
    x = noise.wait_percentile(gaps, wall_ns, q)
    share = sum(max(0.0, g - x) for g in gaps) / wall_ns
    if sum(gaps) <= (1 - q) * wall_ns:
        assert x == 0.0
    else:
        assert share == pytest.approx(1 - q)


def test_random_arrivals_see_what_the_curve_says() -> None:
    draw = np.random.default_rng(11)
    gaps = draw.uniform(5_000, 90_000, 400)
    starts = np.arange(400) * 2_500_000 + draw.uniform(0, 2_000_000, 400)
    arrivals = np.sort(draw.uniform(0, 1e9, 200_000))
    at = np.searchsorted(starts, arrivals) - 1
    waits = np.where(at >= 0, starts[at] + gaps[at] - arrivals, 0.0)
    seen = float((waits > 1_000).mean())
    floor = noise.floor_of(_record(gaps.tolist()))
    assert floor.f(1_000) == pytest.approx(seen, rel=0.1)


def test_the_curve_is_read_at_the_grid_point_below_so_it_never_flatters() -> None:
    floor = noise.floor_of(_record([50_000.0] * 100))
    for x in (10.0, 123.0, 5_000.0, 49_999.0):
        assert floor.f(x) >= 100 * max(0.0, 50_000 - x) / 1e9
        assert floor.gaps_per_ns(x) >= 100 / 1e9


def test_a_record_survives_json() -> None:
    record = _record([40.0, 70_000.0])
    again = noise.floor_of(json.loads(json.dumps(record)))
    assert again.max_ns == 70_000.0
    assert again.f(100.0) == noise.floor_of(record).f(100.0)


def test_a_silent_probe_is_a_floor_of_zero() -> None:
    record = _record([])
    assert (record["n_gaps"], record["max_ns"], record["percentiles"]["p99"]) == (0, 0.0, 0.0)
    assert noise.floor_of(record).f(10.0) == 0.0


def test_a_curve_on_another_grid_is_refused() -> None:
    record = _record([100.0])
    record["curve"] = record["curve"][:-1]
    with pytest.raises(ValueError, match="fixed grid"):
        noise.floor_of(record)


def test_before_and_after_count_as_the_worse_of_the_two() -> None:
    quiet, loud = _record([100.0]), _record([80_000.0] * 1_000, when="after")
    both = noise.combined([quiet, loud], ["engine"])
    assert both is not None
    assert both.f(200.0) == noise.floor_of(loud).f(200.0)
    assert both.lost_share == pytest.approx(0.08)


def test_a_path_over_two_cores_is_delayed_by_both() -> None:
    records = [_record([80_000.0] * 500, role) for role in ("engine", "rig")]
    one, both = noise.combined(records, ["engine"]), noise.combined(records, ["engine", "rig"])
    assert one is not None
    assert both is not None
    assert both.f(200.0) == pytest.approx(2 * one.f(200.0))


def test_a_role_that_was_never_probed_proves_nothing() -> None:
    assert noise.combined([_record([100.0])], ["engine", "rig"]) is None


def test_contamination_adds_arrivals_in_a_gap_and_gaps_in_an_operation() -> None:
    floor = noise.floor_of(_record([50_000.0] * 200))
    share = noise.contamination(floor, 2_000.0, 1_000.0)
    below = float(noise.GRID_NS[noise.GRID_NS <= 200][-1])
    assert share == pytest.approx(200 * (50_000 - below) / 1e9 + 200e-9 * 1_000)


@pytest.mark.parametrize(
    ("share", "best"),
    [(0.0, 0.9999), (0.001, 0.99), (0.0275, 0.9), (0.05, 0.5), (0.2, 0.0), (1.0, 0.0)],
)
def test_the_judgeable_quantile_follows_the_contamination(share: float, best: float) -> None:
    assert noise.judgeable_quantile(share) == best


def test_the_rule_for_a_failure_is_strict() -> None:
    assert noise.may_fail(0.00333, 0.99)
    assert not noise.may_fail(0.0034, 0.99)
