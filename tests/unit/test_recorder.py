"""The C recorder against the public package: the same slots, the same counts, nothing lost."""

from __future__ import annotations

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

engine = pytest.importorskip("engine", reason="needs the compiled engine")

from harness.bench.reports import histogram_of  # noqa: E402 - after the skip
from harness.measure import hlog  # noqa: E402

HIGHEST = 3_600_000_000_000
values = st.integers(0, HIGHEST) | st.integers(0, 5000) | st.sampled_from(
    [edge + step for bits in range(10, 42) for edge in (1 << bits,) for step in (-1, 0, 1)]
)  # fmt: skip


@given(st.lists(st.tuples(values, st.integers(1, 1 << 40)), min_size=1, max_size=60))
@settings(max_examples=200, deadline=None)
def test_what_c_records_a_public_reader_finds_again(records: list[tuple[int, int]]) -> None:
    recorder, package = engine.Hist(), HdrHistogram(1, HIGHEST, 3)
    for value, count in records:
        recorder.record(value, count)
        package.record_value(value, count)
    decoded, total = hlog.decode(hlog.encode(histogram_of(recorder)))
    assert total == package.get_total_count() == recorder.n
    # By the package's own idea of every slot; its iterator would ask so of each empty one too.
    wanted = {
        package.get_highest_equivalent_value(package.get_value_from_index(int(slot))): count
        for slot in np.flatnonzero(package.counts)
        if (count := package.counts[slot])
    }
    edges = decoded.values().tolist()
    assert list(decoded.counts) == list(wanted.values())
    assert edges[:-1] == list(wanted)[:-1]


def test_a_value_beyond_the_range_is_counted_and_not_lost() -> None:
    recorder = engine.Hist()
    recorder.record(HIGHEST * 10)
    assert (recorder.n, recorder.saturated, recorder.max) == (1, 1, HIGHEST * 10)
    assert int(np.asarray(recorder).sum()) == 1


def test_counts_are_viewed_live_and_cannot_be_written() -> None:
    recorder = engine.Hist()
    view = np.asarray(recorder)
    recorder.record(7)
    assert view[7] == 1
    with pytest.raises(ValueError, match="read-only"):
        view[7] = 2


def test_a_view_outlives_its_recorder_safely() -> None:
    recorder = engine.Hist()
    recorder.record(7)
    view = np.asarray(recorder)
    del recorder
    assert view[7] == 1
