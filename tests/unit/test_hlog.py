"""Histogram logs: what we write, the independent reader reads, and damage has a name."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.measure.histogram import (
    DIGITS,
    HIGHEST,
    LOWEST,
    N_SLOTS,
    Histogram,
    lower_edges,
    merge,
    slots_of,
    upper_edges,
)
from harness.measure.hlog import HlogError, HlogWriter, read_hlog

_HISTOGRAMS = st.dictionaries(
    st.integers(0, int(slots_of([HIGHEST])[0])), st.integers(1, 1 << 48), max_size=40
)


def _of(counts: dict[int, int]) -> Histogram:
    slots = np.array(sorted(counts), dtype=np.int64)
    return Histogram.from_sparse(slots, np.array([counts[s] for s in slots.tolist()], np.int64))


def _independent(path: Path) -> list[HdrHistogram]:
    reader = HistogramLogReader(str(path), HdrHistogram(LOWEST, HIGHEST, DIGITS))
    found = list(iter(reader.get_next_interval_histogram, None))
    reader.close()
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Three intervals of one tag and one of another."""
    path = tmp_path / "e2e.wire.hlog"
    with HlogWriter(path, "ns", comments=["Run: test"]) as writer:
        for i in range(3):
            writer.append("e2e.wire", i, 1.0, Histogram.from_values([500 + i, 900, 70_000 * i]))
        writer.append("null.wire", 3.0, 1.0, Histogram.from_values([300]))
    return path


@given(st.lists(_HISTOGRAMS, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_random_counts_survive_the_trip_through_the_independent_reader(
    tmp_path_factory: pytest.TempPathFactory, intervals: list[dict[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "m.hlog"
    with HlogWriter(path, "ns") as writer:
        for i, counts in enumerate(intervals):
            writer.append("m", i, 1.0, _of(counts))
    seen = _independent(path)
    assert len(seen) == len(intervals)
    for read, counts in zip(seen, intervals, strict=True):
        array = np.ctypeslib.as_array(read.counts)
        assert {int(s): int(array[s]) for s in np.flatnonzero(array)} == counts
        assert read.get_total_count() == sum(counts.values())
        assert read.tag == "m"


@given(st.lists(_HISTOGRAMS, min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_our_reading_gives_back_slots_counts_and_exact_maximum(
    tmp_path_factory: pytest.TempPathFactory, intervals: list[dict[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "m.hlog"
    with HlogWriter(path, "ns") as writer:
        for counts in intervals:
            writer.append("m", 0.0, 1.0, _of(counts))
    for block, counts in zip(read_hlog(path).blocks("m"), intervals, strict=True):
        assert dict(zip(block.slots.tolist(), block.counts.tolist(), strict=True)) == counts
        assert block.highest == _of(counts).highest


@given(st.integers(0, HIGHEST))
def test_slots_and_edges_are_those_of_hdrhistogram(value: int) -> None:
    reference = HdrHistogram(LOWEST, HIGHEST, DIGITS)
    slot = int(slots_of([value])[0])
    assert slot == reference._counts_index_for(value)
    assert int(lower_edges([slot])[0]) == reference.get_lowest_equivalent_value(value)
    assert int(upper_edges([slot])[0]) == reference.get_highest_equivalent_value(value)


def test_the_geometry_has_as_many_slots_as_hdrhistogram() -> None:
    assert HdrHistogram(LOWEST, HIGHEST, DIGITS).counts_len == N_SLOTS


@pytest.mark.parametrize("count", [1 << 55, 1 << 56, (1 << 61) + 12345])
def test_a_count_that_needs_the_ninth_byte_survives(tmp_path: Path, count: int) -> None:
    path = tmp_path / "m.hlog"
    with HlogWriter(path, "ns") as writer:
        writer.append("m", 0.0, 1.0, _of({7: count}))
    assert _independent(path)[0].get_total_count() == count
    assert read_hlog(path).total().counts.tolist() == [count]


def test_the_exact_maximum_is_kept_beside_the_slot(tmp_path: Path) -> None:
    path = tmp_path / "m.hlog"
    with HlogWriter(path, "ns") as writer:
        writer.append("m", 0.0, 1.0, Histogram.from_values([5, 1_234_567]))
    assert read_hlog(path).total().highest == 1_234_567


def test_a_value_above_the_range_shares_the_highest_slot_and_keeps_its_size(tmp_path: Path) -> None:
    path = tmp_path / "m.hlog"
    with HlogWriter(path, "ns") as writer:
        writer.append("m", 0.0, 1.0, Histogram.from_values([HIGHEST * 3]))
    total = read_hlog(path).total()
    assert (total.n, total.highest) == (1, HIGHEST * 3)


def test_an_empty_interval_is_an_interval(tmp_path: Path) -> None:
    path = tmp_path / "m.hlog"
    with HlogWriter(path, "ns") as writer:
        writer.append("m", 0.0, 1.0, Histogram.from_values([]))
    assert [i.histogram.n for i in read_hlog(path).intervals] == [0]


def test_every_interval_can_be_read_while_the_writer_is_still_open(tmp_path: Path) -> None:
    path = tmp_path / "soak.hlog"
    with HlogWriter(path, "ns", durable=True) as writer:
        for n in range(1, 4):
            writer.append("soak", n, 1.0, Histogram.from_values([n]))
            assert len(_independent(path)) == n


def test_tags_separate_what_shares_a_file(log: Path) -> None:
    read = read_hlog(log)
    assert read.tags() == ("e2e.wire", "null.wire")
    assert read.total(["e2e.wire"]).n == 9
    assert read.total().n == 10
    assert read.unit == "ns"


def test_the_header_says_format_unit_and_start(log: Path) -> None:
    head = log.read_text().splitlines()[:5]
    assert head[0] == "#[Histogram log format version 1.2]"
    assert head[1] == "#[Unit: ns]"
    assert any(line.startswith("#[StartTime: ") for line in head)


def test_a_log_is_never_overwritten(log: Path) -> None:
    with pytest.raises(FileExistsError):
        HlogWriter(log, "ns")


@pytest.mark.parametrize("tag", ["", "a,b", "a b", "a\nb", "Tag=x"])
def test_a_tag_that_the_format_cannot_carry_is_refused(tmp_path: Path, tag: str) -> None:
    with (
        HlogWriter(tmp_path / "m.hlog", "ns") as writer,
        pytest.raises(ValueError, match="a histogram tag"),
    ):
        writer.append(tag, 0.0, 1.0, Histogram.from_values([1]))


def test_a_log_cut_anywhere_keeps_every_whole_line_and_says_so(log: Path, tmp_path: Path) -> None:
    whole = log.read_bytes()
    lines = list(itertools.accumulate(len(line) for line in whole.splitlines(keepends=True)))
    first_interval = lines[-5]
    for cut in range(first_interval, len(whole)):
        part = tmp_path / "cut.hlog"
        part.write_bytes(whole[:cut])
        read = read_hlog(part, cut=True)
        assert len(read.intervals) == sum(end <= cut for end in lines[-4:])
        assert bool(read.note) == (cut not in lines)
    assert "cut.hlog:9: cut in the middle" in read.note


def test_a_cut_log_is_an_error_where_none_is_expected(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-20])
    with pytest.raises(HlogError, match=r"e2e\.wire\.hlog:9: cut in the middle of a line"):
        read_hlog(log)


@pytest.mark.parametrize("where", [0.02, 0.1, 0.4, 0.7, 0.97])
def test_a_damaged_interval_is_named_by_file_and_line(log: Path, where: float) -> None:
    lines = log.read_text().splitlines(keepends=True)
    at = 1 + int(where * (len(lines[6]) - 3))
    lines[6] = lines[6][:at] + "!" + lines[6][at + 1 :]
    log.write_text("".join(lines))
    with pytest.raises(HlogError, match=r"e2e\.wire\.hlog:7: "):
        read_hlog(log)


def test_a_maximum_that_the_counts_deny_is_an_error(log: Path) -> None:
    log.write_text(log.read_text().replace(",140000,", ",150000,"))
    with pytest.raises(HlogError, match="maximum of 150000"):
        read_hlog(log)


def test_a_log_without_a_unit_is_no_evidence(log: Path) -> None:
    log.write_text(log.read_text().replace("#[Unit: ns]\n", ""))
    with pytest.raises(HlogError, match="no unit"):
        read_hlog(log)


def test_merging_adds_counts_and_keeps_the_maximum() -> None:
    one, two = Histogram.from_values([1, 5, 5]), Histogram.from_values([5, 9_999_999])
    both = merge([one, two])
    assert both.n == 5
    assert both.highest == 9_999_999
    assert both.dense()[5] == 3


@pytest.mark.parametrize(
    ("counts", "highest", "what"),
    [([-1], None, "never negative"), ([1] * (N_SLOTS + 1), None, "shape"), ([1], 7, "maximum")],
)
def test_counts_that_are_no_histogram_are_refused(
    counts: list[int], highest: int | None, what: str
) -> None:
    with pytest.raises(ValueError, match=what):
        Histogram.from_counts(counts, highest)


def test_a_negative_value_is_refused() -> None:
    with pytest.raises(ValueError, match="never negative"):
        Histogram.from_values([3, -1])
