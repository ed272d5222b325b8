"""What a chart promises: it draws what was measured, and nothing that was not."""

from __future__ import annotations

import base64
import re
import struct
import xml.etree.ElementTree as ET
import zlib

import numpy as np
import pytest

from harness.measure.histogram import Histogram
from harness.report import charts, charts_host, charts_load, charts_small, charts_time
from harness.report.charts import Band, Curve, FloorCurve, Target
from harness.report.charts_load import Rung, Trial
from harness.report.charts_time import Heat, Lane, Moment
from harness.report.figures import ns_text
from harness.report.png import PALETTE, STEPS, png, shades
from harness.report.svg import Axis, Board, linear_ticks, log_ticks

SVG = "{http://www.w3.org/2000/svg}"


def parsed(markup: object) -> ET.Element:
    """Well-formed XML, as the browser would see it."""
    return ET.fromstring(
        str(markup).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    )


def texts(markup: object) -> list[str]:
    return [t.text or "" for t in parsed(markup).iter(f"{SVG}text")]


def n_with_class(markup: object, css: str) -> int:
    return sum(e.get("class") == css for e in parsed(markup).iter())


def curve(values: list[int], label: str = "this run", role: str = "main") -> Curve:
    return Curve(label, Histogram.from_values(values), role)


def many(n: int, scale: float = 1.0) -> Curve:
    draw = np.random.default_rng(3)
    return curve((scale * 900 * np.exp(0.2 * draw.standard_normal(n))).astype(int).tolist())


@pytest.mark.parametrize(("n", "n_markers"), [(19, 0), (20, 1), (100, 2), (1000, 3), (10_000, 4)])
def test_a_percentile_is_marked_only_with_ten_samples_beyond_it(n, n_markers):
    chart = charts.percentile_chart("latency", [many(n)])
    legend = 1
    assert n_with_class(chart, "m main") == n_markers + legend


def test_the_tail_with_fewer_than_ten_samples_is_grey():
    assert n_with_class(charts.percentile_chart("latency", [many(5000)]), "grey-zone") == 1


def test_the_curve_ends_at_the_exact_maximum():
    assert "max 12.3 \u00b5s" in texts(charts.percentile_chart("latency", [curve([900, 12_345])]))


def test_ticks_become_nanoseconds_by_their_scale():
    chart = charts.percentile_chart(
        "latency", [Curve("ticks", Histogram.from_values([1000] * 50), "main", 0.4)]
    )
    assert "max 400 ns" in texts(chart)


def test_the_target_and_its_quantile_are_drawn():
    chart = charts.percentile_chart("latency", [many(5000)], Target(2000.0, "< 2 \u00b5s", 0.99))
    assert "< 2 \u00b5s" in texts(chart)
    assert n_with_class(chart, "l target") == 1
    assert n_with_class(chart, "l statistic") == 1


def test_the_noise_floor_shares_the_axes_of_the_measured_curve():
    floor = FloorCurve("noise floor", np.array([10.0, 1000.0, 1e9]), np.array([0.1, 0.01, 0.001]))
    chart = charts.percentile_chart("latency", [many(5000)], floors=[floor])
    assert "noise floor" in texts(chart)
    assert not any(t.split(" ")[-1] == "s" for t in texts(chart)), "a gap of 1 s sets no scale"


def test_repeats_share_one_entry_of_the_legend():
    repeats = [Curve("repeat", many(500).histogram, "repeat") for _ in range(5)]
    chart = charts.percentile_chart("latency", [*repeats, many(2500)])
    assert texts(chart).count("5 repeats") == 1


def test_a_companion_with_more_samples_stays_inside_the_axes():
    companion = Curve("null bench", many(100_000, 0.3).histogram, "null")
    chart = str(charts.percentile_chart("latency", [many(1000), companion]))
    x = [float(v) for v in re.findall(r"[HM](\d+\.\d)", chart)]
    assert max(x) <= charts.WIDTH


@pytest.mark.parametrize(
    "chart",
    [
        charts.percentile_chart("latency", []),
        charts.percentile_chart("latency", [curve([])]),
        charts_host.floor_chart("floor", []),
        charts_load.stage_chart("stages", []),
        charts_load.trials_chart("search", [], 1e6, 2000.0),
        charts_load.ladder_chart("ladder", [], 2000.0),
        charts_small.pareto_chart("causes", [], "unexplained"),
        charts_time.offset_chart("offsets", np.array([1.0])),
        charts_time.series_chart("nights", ["a"], np.array([1.0])),
    ],
)
def test_a_chart_without_data_says_so(chart):
    assert n_with_class(chart, "void") == 1
    assert len(texts(chart)) == 1


@pytest.mark.parametrize("values", [[1], [5, 5, 5], [0, 0, 0], [1, 3_600_000_000_000]])
def test_degenerate_samples_still_make_a_finite_drawing(values):
    chart = str(charts.percentile_chart("latency", [curve(values)]))
    assert "nan" not in chart
    assert "inf" not in chart


def test_hostile_labels_are_text_and_not_markup():
    hostile = '<script>alert(1)</script>"&'
    chart = charts.percentile_chart(hostile, [curve([900] * 50, label=hostile)])
    assert "<script" not in str(chart)
    assert hostile in texts(chart)


def test_each_stage_is_a_row_with_its_maximum():
    chart = charts_load.stage_chart(
        "stages", [curve([30] * 500, "decode"), curve([60] * 500, "book")]
    )
    assert {"decode", "book"} <= set(texts(chart))
    assert n_with_class(chart, "m bar") == 2 + 1


def test_a_trial_that_lost_messages_is_a_cross():
    found = [Trial(1e6, 1500.0, 0, True), Trial(4e6, 90_000.0, 12, False)]
    chart = charts_load.trials_chart("search", found, 1e6, 2000.0)
    assert n_with_class(chart, "m bad") == 1 + 1


def heat(counts: list[list[int]], worst: list[float]) -> Heat:
    cells = np.array(counts, dtype=np.int64)
    return Heat(cells, 0.0, 10.0 * cells.shape[1], 500.0, 50_000.0, np.array(worst))


def test_lanes_share_the_time_axis_of_the_latency():
    t = np.arange(1.0, 11.0)
    chart = charts_time.timeline_chart(
        "soak", heat([[5, 3]], [900.0, 950.0]), None, [Lane("RSS", t, t, lambda v: f"{v:.0f} MiB")]
    )
    assert {"RSS", "10 MiB", "1 MiB"} <= set(texts(chart))


def test_a_column_whose_longest_sample_misses_the_target_is_marked():
    chart = charts_time.timeline_chart(
        "soak", heat([[5, 3]], [900.0, 9_000.0]), Target(2000.0, "< 2 \u00b5s")
    )
    legend = 1
    assert n_with_class(chart, "m worst over") == 1 + legend
    assert n_with_class(chart, "m worst") == 1 + legend


def test_moments_are_named_on_the_time_axis():
    chart = charts_time.timeline_chart(
        "soak", heat([[5, 3]], [900.0, 950.0]), moments=[Moment(4.0, "kill switch")]
    )
    assert "kill switch" in texts(chart)


def test_a_heat_map_holds_every_sample_once():
    draw = np.random.default_rng(1)
    parts = [Histogram.from_values(draw.integers(100, 90_000, 400)) for _ in range(700)]
    starts = np.arange(700.0)
    found = charts_time.heat_of(
        starts,
        starts + 1,
        [(p.values().astype(float), p.counts, float(p.highest)) for p in parts],
        most_columns=120,
    )
    assert found is not None
    assert found.counts.shape == (60, 120)
    assert int(found.counts.sum()) == 700 * 400
    assert np.nanmax(found.worst_ns) == max(p.highest for p in parts)


def test_thinning_a_line_loses_no_peak():
    t = np.arange(20_000.0)
    values = np.zeros(20_000)
    values[12_345], values[777] = 9.0, -4.0
    kept_t, kept = charts_time.thinned(t, values, 300)
    assert kept.size <= 300
    assert (kept.max(), kept.min()) == (9.0, -4.0)
    assert np.all(np.diff(kept_t) > 0)


def test_what_happens_every_second_at_the_same_time_lies_on_one_line():
    chart = charts_time.offset_chart("offsets", np.arange(0.25, 60.0, 1.0))
    (picture,) = parsed(chart).iter(f"{SVG}image")
    rows = cells_of(picture.get("href") or "")
    assert int(np.count_nonzero(rows.any(axis=1))) == 1


def test_a_suspect_night_has_another_shape():
    chart = charts_time.series_chart(
        "nights", ["a", "b", "c"], np.array([1.0, 1.1, 1.6]), flags=("", "", "suspect")
    )
    assert n_with_class(chart, "m bad") == 1 + 1
    assert "suspect" in texts(chart)


def test_more_samples_are_darker_and_none_is_clear():
    shade = shades(np.array([[0, 1, 10, 1000]]))
    assert shade[0, 0] == 0
    assert PALETTE[0, 3] == 0
    assert (np.diff(shade[0].astype(int)) > 0).all()
    assert shade.max() == STEPS


def cells_of(uri: str) -> np.ndarray:
    """The palette indices of a data URI, by the letter of the PNG specification."""
    raw = base64.b64decode(uri.partition(",")[2])
    width, height = struct.unpack(">II", raw[16:24])
    at = raw.index(b"IDAT")
    size = struct.unpack(">I", raw[at - 4 : at])[0]
    rows = np.frombuffer(zlib.decompress(raw[at + 4 : at + 4 + size]), dtype=np.uint8)
    return rows.reshape(height, width + 1)[:, 1:]


def test_a_picture_reads_back_as_it_was_written():
    cells = np.arange(12, dtype=np.uint8).reshape(3, 4)
    again = cells_of("data:," + base64.b64encode(png(cells)).decode())
    assert np.array_equal(again, cells)


@pytest.mark.parametrize("cells", [np.zeros((0, 3), np.uint8), np.full((2, 2), 250, np.uint8)])
def test_a_picture_that_is_none_is_refused(cells):
    with pytest.raises(ValueError, match=r"shape|palette"):
        png(cells)


def rung(rate: float, p99: float, loss: int = 0, claimed: bool = False) -> Rung:
    named = {"p50": p99 / 2, "p99": p99, "p99.9": p99 * 2, "max": np.inf if loss else p99 * 3}
    return Rung(rate, named, {"p99": 900.0}, loss, claimed)


def test_a_rung_with_lost_messages_is_crossed_and_its_maximum_is_not_drawn():
    sound = charts_load.ladder_chart("ladder", [rung(1e3, 900.0), rung(1e6, 1900.0)])
    lossy = charts_load.ladder_chart("ladder", [rung(1e3, 900.0), rung(1e6, 1900.0, loss=3)])
    assert n_with_class(lossy, "m bad") == 1 + 1
    assert n_with_class(sound, "m bad") == 0
    assert n_with_class(lossy, "m bad-fill") == n_with_class(sound, "m bad-fill") - 1
    assert "inf" not in str(lossy)


def test_the_load_that_is_claimed_is_named_on_the_ladder():
    rungs = [rung(1e3, 900.0), rung(1e6, 1900.0, claimed=True)]
    assert "claimed load" in texts(charts_load.ladder_chart("ladder", rungs, 2000.0))


def test_the_interval_is_drawn_where_it_was_computed():
    band = Band("95 % interval", ((0.5, 880.0, 910.0), (0.99, 1300.0, 1500.0)))
    chart = charts.percentile_chart("latency", [many(5000)], band=band)
    assert n_with_class(chart, "band") == 1
    assert "95 % interval" in texts(chart)


def test_every_run_has_a_dot_even_where_two_are_equal():
    strip = charts_small.runs_strip("p99", [900.0, 900.0, 950.0], 2000.0, (880.0, 960.0), ns_text)
    assert n_with_class(strip, "m main") == 3
    assert n_with_class(strip, "band") == 1


def test_what_nothing_explains_is_hatched():
    causes = [("interrupt: timer", 5e6), ("unexplained", 1e6)]
    chart = charts_small.pareto_chart("causes", causes, "unexplained")
    assert n_with_class(chart, "bar-unexplained") == 1
    assert n_with_class(chart, "bar-cause") == 1


def test_floor_curves_of_two_cores_differ_by_more_than_colour():
    x, chance = np.geomspace(10, 1e6, 12), np.geomspace(1e-2, 1e-6, 12)
    two = [FloorCurve(f"core {core}, before", x, chance) for core in (0, 1)]
    chart = str(charts_host.floor_chart("floor", two))
    assert "<circle" in chart
    assert re.search(r'class="m floor core1" d="M[\d.,]+h', chart), "core 1 has square markers"


@pytest.mark.parametrize(("floor", "ceiling"), [(0.0, 100.0), (60.0, 60.0), (100.0, 100.0)])
def test_the_score_bar_is_solid_to_the_floor_and_hatched_to_the_ceiling(floor, ceiling):
    bar = parsed(charts_small.score_bar(floor, ceiling, (70.0, 80.0, 90.0)))
    width = {e.get("class"): float(e.get("width") or 0) for e in bar.iter(f"{SVG}rect")}
    assert width["bar-solid"] == pytest.approx(3.56 * floor, abs=0.1)
    assert width["bar-open"] == pytest.approx(3.56 * (ceiling - floor), abs=0.1)


def test_a_value_under_its_target_has_another_shape_than_one_over_it():
    assert "<circle" in str(charts_small.target_strip(0.5))
    assert "<circle" not in str(charts_small.target_strip(1.5))
    assert "not measured" in str(charts_small.target_strip(None))


def test_the_points_diagram_names_every_point_of_a_metric():
    shown = " ".join(texts(charts_small.points_diagram("core 0", "core 1")))
    for point in ("wire:", "service:", "lateness", "buf:", "core 1"):
        assert point in shown


def test_axes_cut_what_lies_outside():
    axis = Axis(10.0, 1000.0, 0.0, 100.0, log=True)
    assert axis.at(100.0) == pytest.approx(50.0)
    assert axis.at(1.0) == 0.0
    assert axis.at(1e9) == pytest.approx(100.0)


@pytest.mark.parametrize(("lo", "hi"), [(1.0, 1e7), (80.0, 120.0), (3.0, 7.0), (1.0, 3.6e12)])
def test_ticks_are_few_and_inside(lo, hi):
    for ticks in (log_ticks(lo, hi), linear_ticks(lo, hi)):
        assert len(ticks) <= 11
        assert all(lo - 1e-6 * hi <= t <= hi for t in ticks)


def test_steps_finer_than_a_third_of_a_pixel_are_merged():
    board = Board(100, 100, "dense")
    xs = np.linspace(0, 10, 10_000)
    board.steps(xs, xs, "l main")
    assert str(board.svg()).count("H") < 100
