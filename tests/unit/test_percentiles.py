"""Percentiles: exact ranks, honest gaps, intervals that cover what they claim."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.measure import percentiles
from harness.measure.histogram import Histogram, upper_edges
from harness.measure.percentiles import Support, block_bootstrap, fraction, percentile, table


@given(
    st.lists(st.integers(0, 2047), min_size=1, max_size=300),
    st.sampled_from(["p50", "p90", "p99", "p99.9"]),
)
@settings(max_examples=80)
def test_a_quantile_is_the_value_at_its_ceil_rank(values: list[int], name: str) -> None:
    q = fraction(name)
    rank = -(-q.numerator * len(values) // q.denominator)
    assert Histogram.from_values(values).quantile(q) == sorted(values)[rank - 1]


def test_a_quantile_above_2048_is_the_upper_edge_of_its_slot() -> None:
    values = [3_000] * 99 + [3_000_000]
    p50 = Histogram.from_values(values).quantile(Fraction(1, 2))
    assert p50 == int(upper_edges(Histogram.from_values([3_000]).slots)[0]) == 3_001


def test_no_percentile_exceeds_the_exact_maximum() -> None:
    assert Histogram.from_values([1_234_567] * 50).quantile(Fraction(99, 100)) == 1_234_567


@pytest.mark.parametrize(
    ("name", "published", "judged"),
    [("p50", 20, 200), ("p99", 1_000, 10_000), ("p99.99", 100_000, 1_000_000)],
)
def test_a_percentile_needs_ten_tail_samples_to_be_seen_and_a_hundred_to_be_judged(
    name: str, published: int, judged: int
) -> None:
    q = fraction(name)
    assert percentiles.needed(q, percentiles.TAIL_TO_PUBLISH) == published
    assert percentiles.support(published - 1, q, 99) is Support.NONE
    assert percentiles.support(published, q, 99) is Support.PUBLISH
    assert percentiles.support(judged - 1, q, 99) is Support.PUBLISH
    assert percentiles.support(judged, q, 59) is Support.JUDGE
    assert percentiles.support(judged, q, 60) is Support.SIGN_OFF


def test_a_percentile_of_too_few_samples_is_absent_and_not_the_maximum() -> None:
    histogram = Histogram.from_values([*range(998), 2_000])
    assert percentile(histogram, "p99") is None
    assert percentile(histogram, "p90") == 899
    seen = table(histogram)
    assert (seen["min"], seen["p99.9"], seen["max"]) == (0, None, 2_000)


def test_a_table_of_nothing_is_all_absent() -> None:
    assert set(table(Histogram.from_values([])).values()) == {None}


def test_a_table_is_in_the_unit_of_its_scale() -> None:
    seen = table(Histogram.from_values([100] * 1_000), scale=0.5)
    assert (seen["min"], seen["p99"], seen["max"]) == (50.0, 50.0, 50.0)


@pytest.mark.parametrize("name", ["99", "p", "p0", "p100", "p-5", "median", "pp99"])
def test_what_is_not_a_percentile_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a percentile"):
        fraction(name)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=200), st.integers(1, 10**7))
@settings(max_examples=50)
def test_no_sample_at_or_above_a_limit_is_left_out_of_its_count(
    values: list[int], limit: int
) -> None:
    assert Histogram.from_values(values).n_at_or_above(limit) >= sum(v >= limit for v in values)


def test_samples_below_2048_are_counted_exactly_against_a_limit() -> None:
    assert Histogram.from_values([1_999, 2_000, 2_001]).n_at_or_above(2_000) == 2


def test_mean_and_spread_are_those_of_the_samples() -> None:
    values = np.arange(1, 2_000)
    histogram = Histogram.from_values(values)
    assert histogram.mean() == pytest.approx(values.mean())
    assert histogram.sd() == pytest.approx(values.std())


def _blocks(seed: int, n_blocks: int, n: int = 400) -> list[Histogram]:
    """A microsecond each, and clusters of slow samples in six of ten blocks."""
    draw = np.random.default_rng(seed)
    blocks = []
    for _ in range(n_blocks):
        values = 1_000 * np.exp(0.1 * draw.standard_normal(n))
        if draw.random() < 0.6:
            at = draw.integers(0, n - 20)
            values[at : at + 20] += draw.uniform(1_000, 60_000)
        blocks.append(Histogram.from_values(values.astype(np.int64)))
    return blocks


def test_the_interval_is_reproducible_from_its_seed() -> None:
    blocks = _blocks(1, 40)
    first = block_bootstrap(blocks, "p99", seed=5)
    assert first == block_bootstrap(blocks, "p99", seed=5)
    assert first != block_bootstrap(blocks, "p99", seed=6)
    assert first.low <= first.high
    assert (first.n_blocks, first.seed, first.missing) == (40, 5, "")


def test_a_resample_takes_the_same_ceil_rank_as_the_percentile_itself() -> None:
    """Equal blocks: every resample is the whole, 65 samples, and rank 46 of them is the first 2."""
    blocks = [Histogram.from_values([1] * 9 + [2] + [3] * 3)] * 5
    bounds = block_bootstrap(blocks, "p70")
    assert (bounds.low, bounds.high) == (2, 2)
    assert percentiles.merge(blocks).quantile(fraction("p70")) == 2


def test_the_interval_scales_with_the_unit() -> None:
    blocks = _blocks(1, 20)
    ns, us = (block_bootstrap(blocks, "p99", scale=s) for s in (1.0, 0.001))
    assert us.high == pytest.approx(ns.high / 1000)


def test_intervals_over_blocks_cover_the_truth_where_pooled_samples_do_not() -> None:
    truth = Histogram.from_values(
        np.concatenate([np.repeat(b.values(), b.counts) for b in _blocks(99, 3_000)])
    ).quantile(fraction("p99"))
    blocked = pooled = 0
    for seed in range(30):
        blocks = _blocks(seed, 60)
        bounds = block_bootstrap(blocks, "p99")
        blocked += bounds.low <= truth <= bounds.high
        samples = np.sort(np.concatenate([np.repeat(b.values(), b.counts) for b in blocks]))
        middle, half = 0.99 * samples.size, 1.96 * (samples.size * 0.99 * 0.01) ** 0.5
        pooled += samples[int(middle - half)] <= truth <= samples[int(middle + half)]
    assert blocked >= 25
    assert pooled < blocked


def test_a_tail_in_too_few_blocks_has_no_interval() -> None:
    quiet = [Histogram.from_values([1_000] * 999) for _ in range(40)]
    stalled = Histogram.from_values([1_000] * 100 + [50_000] * 900)
    bounds = block_bootstrap([*quiet, stalled], "p99")
    assert "max-dominated" in bounds.missing
    assert "1 blocks" in bounds.missing or "0 blocks" in bounds.missing


def test_too_few_blocks_have_no_interval() -> None:
    assert block_bootstrap(_blocks(1, 4), "p99").missing == "4 blocks, 5 needed"


def test_hours_of_blocks_are_grouped_and_nothing_is_lost() -> None:
    blocks = _blocks(3, 1_000, n=40)
    bounds = block_bootstrap(blocks, "p99")
    assert bounds.n_blocks == 200
    assert bounds.low <= percentiles.merge(blocks).quantile(fraction("p99")) <= bounds.high


@pytest.mark.parametrize(
    ("values", "bound"),
    [([3.0], 3.0), ([1, 2, 3, 4, 5], 5), (list(range(1, 11)), 9), (list(range(1, 21)), 15)],
)
def test_the_bound_over_runs_is_an_order_statistic(values: list[float], bound: float) -> None:
    assert percentiles.upper_of_runs(values) == bound
