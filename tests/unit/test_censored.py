"""Lost messages rank behind every one that came back."""

from __future__ import annotations

import pytest

from harness.measure.censored import statistics
from harness.measure.histogram import Histogram
from harness.measure.percentiles import table


def histogram(n: int) -> Histogram:
    return Histogram.from_values([500] * n)


@pytest.mark.parametrize(
    ("n", "lost", "infinite"),
    [
        (100_000, 0, ()),
        (100_000, 5, ("max",)),
        (99_900, 100, ("p99.99", "max")),
        (98_000, 2_000, ("p99", "p99.9", "p99.99", "max")),
        (40_000, 60_000, ("p50", "p90", "p99", "p99.9", "p99.99", "max")),
    ],
)
def test_a_percentile_among_the_lost_is_infinite(
    n: int, lost: int, infinite: tuple[str, ...]
) -> None:
    assert statistics(histogram(n), lost) == infinite


def test_a_percentile_that_is_not_published_is_not_called_infinite() -> None:
    assert statistics(histogram(50), 50) == ("p90", "max")


def test_leaving_the_lost_out_would_have_shown_a_flattering_percentile() -> None:
    assert table(histogram(98_000))["p99"] == pytest.approx(500, rel=0.01)
    assert "p99" in statistics(histogram(98_000), 2_000)


def test_everything_lost_leaves_nothing_finite() -> None:
    assert statistics(histogram(0), 100) == ("p50", "p90", "max")
