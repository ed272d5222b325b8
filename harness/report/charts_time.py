"""Pictures over time: latency as a heat map, what the machine did beneath it, and nightly series.

Shapes: numpy arrays of one length each in, `Markup` (safe SVG) out.
Units:  seconds and ns unless a name says otherwise.
Errors: none; without data a chart says so in words.
Source of the heat map and the map of offsets: B. Gregg, "Visualizing System Latency", CACM 53(7),
2010, and "Subsecond Offset Heat Maps", 2012.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from harness.report.charts import ROLES, WIDTH, Target, grid_y, nothing
from harness.report.figures import count_text, ns_text, span_text
from harness.report.png import data_uri, shades
from harness.report.svg import Axis, Board, Floats, linear_ticks, log_bounds, time_ticks

_LEFT, _RIGHT, _TOP = 118.0, WIDTH - 84, 34.0
_HEAT_PX = 210.0
_LANE_PX = 38.0
_FLAT_PX = 19.0  # a quantity that did not move needs no room
_MOST_POINTS = 300  # of a line: more than one a pixel and a half is ink, not information

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """Samples by time and latency: `counts[row, column]`, row 0 is the lowest latency.

    Columns are equally long from `from_s` to `to_s`, rows equally high in the logarithm from
    `low_ns` to `high_ns`. `worst_ns` is the exact maximum of each column, NaN where there is none.
    """

    counts: Counts
    from_s: float
    to_s: float
    low_ns: float
    high_ns: float
    worst_ns: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """A quantity over the run, drawn beneath the heat map on the same time axis."""

    label: str
    t_s: Floats
    values: Floats
    text: Callable[[float], str]

    @property
    def moved(self) -> bool:
        known = self.values[np.isfinite(self.values)]
        return bool(known.size and known.min() < known.max())


@dataclass(frozen=True, slots=True)
class Moment:
    """Something with a time and a name: a phase begins, a fault is injected, the switch trips."""

    t_s: float
    label: str


def timeline_chart(
    title: str,
    heat: Heat,
    target: Target | None = None,
    lanes: Sequence[Lane] = (),
    moments: Sequence[Moment] = (),
) -> Markup:
    """Time to the right, latency upwards, colour by how many; a dot is a column's maximum."""
    bottom = _TOP + _HEAT_PX
    heights = [_LANE_PX if lane.moved else _FLAT_PX for lane in lanes]
    board = Board(WIDTH, bottom + sum(heights) + 44, title)
    x_axis = Axis(heat.from_s, heat.to_s, _LEFT, _RIGHT)
    y_axis = Axis(heat.low_ns, heat.high_ns, bottom, _TOP, log=True)
    grid_y(board, y_axis, _LEFT, _RIGHT, ns_text)
    picture = data_uri(shades(heat.counts[::-1]))
    board.image(_LEFT, _TOP, _RIGHT - _LEFT, _HEAT_PX, picture, "heat")
    edges = np.linspace(heat.from_s, heat.to_s, heat.counts.shape[1] + 1)
    for t, worst in zip((edges[1:] + edges[:-1]) / 2, heat.worst_ns, strict=True):
        if np.isfinite(worst):
            over = target is not None and worst >= target.value_ns
            css = "m worst over" if over else "m worst"
            board.marker(x_axis.at(float(t)), y_axis.at(float(worst)), "dot", css, 1.5)
    if target:
        y = y_axis.at(target.value_ns)
        board.line(_LEFT, y, _RIGHT, y, "l target")
        board.text(_RIGHT + 6, y + 3.6, target.label, "t target")
    lowest = bottom
    for lane, height in zip(lanes, heights, strict=True):
        lowest += height
        _lane(board, lane, x_axis, lowest, height)
    for moment in moments:
        x = x_axis.at(moment.t_s)
        board.line(x, _TOP, x, lowest, "l moment")
        board.text(x + 3, _TOP + 10, moment.label, "t tiny")
    _time_axis(board, x_axis, lowest)
    most = int(heat.counts.max()) if heat.counts.size else 0
    entries = [("longest of its column", "", "dot", "m worst")]
    if target:
        entries.append(("at or over the target", "", "dot", "m worst over"))
    board.legend(_LEFT, 14, entries)
    board.text(_RIGHT, 18, f"shade: 1 to {count_text(most)} samples, log", "t", "end")
    return board.svg()


def _lane(board: Board, lane: Lane, x_axis: Axis, bottom: float, height: float) -> None:
    board.line(_LEFT, bottom, _RIGHT, bottom, "l grid")
    board.text(_LEFT - 7, bottom - height / 2 + 4, lane.label, "t", "end")
    known = np.isfinite(lane.values)
    if not known.any():
        return
    lo, hi = float(lane.values[known].min()), float(lane.values[known].max())
    if not lane.moved:
        y = bottom - height / 2
        board.line(_LEFT, y, _RIGHT, y, "l lane")
        board.text(_RIGHT + 6, y + 4, lane.text(hi), "t")
        return
    axis = Axis(lo, hi, bottom - 4, bottom - height + 6)
    t_s, values = thinned(lane.t_s[known], lane.values[known])
    board.path(x_axis.px(t_s), axis.px(values), "l lane")
    board.text(_RIGHT + 6, bottom - height + 13, lane.text(hi), "t")
    board.text(_RIGHT + 6, bottom - 2, lane.text(lo), "t")


def _time_axis(board: Board, axis: Axis, y: float) -> None:
    for tick in time_ticks(axis.lo, axis.hi):
        board.line(axis.at(tick), y, axis.at(tick), y + 4, "l grid")
        board.text(axis.at(tick), y + 16, span_text(tick), "t", "middle")
    board.text((_LEFT + _RIGHT) / 2, y + 34, "time since the start", "t axis", "middle")


def thinned(t: Floats, values: Floats, most: int = _MOST_POINTS) -> tuple[Floats, Floats]:
    """At most `most` points: the least and the greatest of each stretch, so no peak is lost."""
    if t.size <= most:
        return t, values
    parts = np.array_split(np.arange(t.size), most // 2)
    kept = sorted(
        {int(i[np.argmin(values[i])]) for i in parts}
        | {int(i[np.argmax(values[i])]) for i in parts}
    )
    return t[kept], values[kept]


def offset_chart(title: str, t_s: Floats, period_s: float = 1.0) -> Markup:
    """When within a second things happened: what is periodic lies on level or slanted lines."""
    if t_s.size < 2:
        return nothing(title, "fewer than two of them have a time")
    n_columns, n_rows = 120, 50
    hi = max(float(t_s.max()), period_s)
    counts, _, _ = np.histogram2d(
        np.mod(t_s, period_s), t_s, bins=(n_rows, n_columns), range=((0, period_s), (0, hi))
    )
    bottom = _TOP + 150
    board = Board(WIDTH, bottom + 44, title)
    x_axis = Axis(0.0, hi, _LEFT, _RIGHT)
    y_axis = Axis(0.0, period_s, bottom, _TOP)
    for tick in linear_ticks(0.0, period_s, 5):
        board.line(_LEFT, y_axis.at(tick), _RIGHT, y_axis.at(tick), "l grid")
        board.text(_LEFT - 7, y_axis.at(tick) + 3.6, f"{1e3 * tick:.0f} ms", "t", "end")
    board.rect(_LEFT, _TOP, _RIGHT - _LEFT, bottom - _TOP, "frame")
    cells = shades(np.round(counts[::-1]).astype(np.int64))
    board.image(_LEFT, _TOP, _RIGHT - _LEFT, bottom - _TOP, data_uri(cells), "heat")
    _time_axis(board, x_axis, bottom)
    board.text(_LEFT, 18, f"{t_s.size} outliers, by their place within a second", "t legend")
    return board.svg()


def series_chart(
    title: str,
    names: Sequence[str],
    values: Floats,
    *,
    flags: Sequence[str] = (),
    target: Target | None = None,
    label: Callable[[float], str] = ns_text,
) -> Markup:
    """One value a night, in order; `flags` says of each "" or "suspect", which gets a cross.

    `names` stand under the first, the last and some between; NaN is a night without a value.
    """
    known = np.isfinite(values)
    if known.sum() < 2:
        return nothing(title, "fewer than two nights have a value")
    bottom = 214.0
    board = Board(WIDTH, bottom + 30, title)
    levels = values[known]
    if target:
        levels = np.append(levels, target.value_ns)
    lo, hi = float(levels.min()), float(levels.max())
    air = 0.08 * (hi - lo) or abs(hi) * 0.05 or 1.0
    y_axis = Axis(lo - air, hi + air, bottom, _TOP)
    x_axis = Axis(0.0, float(values.size - 1), _LEFT, _RIGHT)
    grid_y(board, y_axis, _LEFT, _RIGHT, label)
    if target:
        y = y_axis.at(target.value_ns)
        board.line(_LEFT, y, _RIGHT, y, "l target")
        board.text(_RIGHT + 6, y + 3.6, target.label, "t target")
    at = np.flatnonzero(known)
    board.path(x_axis.px(at.astype(np.float64)), y_axis.px(values[at]), ROLES["main"][0])
    for i in at.tolist():
        odd = bool(flags and flags[i])
        shape, css = ("cross", "m bad") if odd else ("dot", "m main")
        board.marker(x_axis.at(float(i)), y_axis.at(float(values[i])), shape, css, 3.4)
    every = max(1, -(-values.size // 6))
    for i in range(0, values.size, every):
        board.text(x_axis.at(float(i)), bottom + 16, names[i], "t", "middle")
    entries = [("judged night", "", "dot", "m main")]
    if any(flags):
        entries.append(("suspect", "", "cross", "m bad"))
    board.legend(_LEFT, 14, entries)
    return board.svg()


def heat_of(
    starts_s: Floats,
    ends_s: Floats,
    levels: Sequence[tuple[Floats, Counts, float]],
    most_columns: int = 240,
    n_rows: int = 60,
) -> Heat | None:
    """Interval histograms on a grid; None without samples.

    `levels` holds for each interval its values (ns), their counts, and the exact maximum (ns). An
    interval belongs to the column in which its middle lies: none is split, and no percentile is
    averaged.
    """
    filled = [(v, c, m) for v, c, m in levels if v.size]
    if not filled or not starts_s.size:
        return None
    lo, hi = log_bounds(np.array([x for v, _, m in filled for x in (float(v.min()), m)]))
    from_s, to_s = float(starts_s.min()), float(ends_s.max())
    n_columns = max(1, min(most_columns, len(levels)))
    middles = (starts_s + ends_s) / 2
    span = (to_s - from_s) or 1.0
    columns = np.minimum(((middles - from_s) / span * n_columns).astype(int), n_columns - 1)
    counts = np.zeros((n_rows, n_columns), dtype=np.int64)
    worst = np.full(n_columns, np.nan)
    for column, (values, n, most) in zip(columns.tolist(), levels, strict=True):
        if not values.size:
            continue
        share = np.log(np.clip(values, lo, hi) / lo) / np.log(hi / lo)
        rows = np.minimum((share * n_rows).astype(int), n_rows - 1)
        np.add.at(counts[:, column], rows, n)
        worst[column] = np.nanmax([worst[column], most])
    return Heat(counts, from_s, from_s + span, lo, hi, worst)
