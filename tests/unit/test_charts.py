"""What a chart promises: it draws what was measured, and nothing that was not."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from harness.measure.histogram import Histogram
from harness.report import charts
from harness.report.charts import Curve, FloorCurve, Lane, Target, Trial
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
        charts.floor_chart("floor", []),
        charts.stage_chart("stages", []),
        charts.trials_chart("search", [], 1e6, 2000.0),
        charts.interval_chart("soak", np.array([1.0]), [], None),
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
    chart = charts.stage_chart("stages", [curve([30] * 500, "decode"), curve([60] * 500, "book")])
    assert {"decode", "book"} <= set(texts(chart))
    assert n_with_class(chart, "m bar") == 2 + 1


def test_a_trial_that_lost_messages_is_a_cross():
    found = [Trial(1e6, 1500.0, 0, True), Trial(4e6, 90_000.0, 12, False)]
    chart = charts.trials_chart("search", found, 1e6, 2000.0)
    assert n_with_class(chart, "m bad") == 1 + 1


def test_lanes_share_the_time_axis_of_the_latency():
    t = np.arange(1.0, 11.0)
    chart = charts.interval_chart(
        "soak", t, [("p99", "main", t * 100)], None, [Lane("RSS", t, lambda v: f"{v:.0f} MiB")]
    )
    assert {"RSS", "10 MiB"} <= set(texts(chart))


def test_floor_curves_of_two_cores_differ_by_more_than_colour():
    x, chance = np.geomspace(10, 1e6, 12), np.geomspace(1e-2, 1e-6, 12)
    two = [FloorCurve(f"core {core}, before", x, chance) for core in (0, 1)]
    chart = str(charts.floor_chart("floor", two))
    assert "<circle" in chart
    assert re.search(r'class="m floor core1" d="M[\d.,]+h', chart), "core 1 has square markers"


@pytest.mark.parametrize(("floor", "ceiling"), [(0.0, 100.0), (60.0, 60.0), (100.0, 100.0)])
def test_the_score_bar_is_solid_to_the_floor_and_hatched_to_the_ceiling(floor, ceiling):
    bar = parsed(charts.score_bar(floor, ceiling, (70.0, 80.0, 90.0)))
    width = {e.get("class"): float(e.get("width") or 0) for e in bar.iter(f"{SVG}rect")}
    assert width["bar-solid"] == pytest.approx(3.56 * floor, abs=0.1)
    assert width["bar-open"] == pytest.approx(3.56 * (ceiling - floor), abs=0.1)


def test_a_value_under_its_target_has_another_shape_than_one_over_it():
    assert "<circle" in str(charts.target_strip(0.5))
    assert "<circle" not in str(charts.target_strip(1.5))
    assert "not measured" in str(charts.target_strip(None))


def test_the_points_diagram_names_every_point_of_a_metric():
    shown = " ".join(texts(charts.points_diagram("core 0", "core 1")))
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
