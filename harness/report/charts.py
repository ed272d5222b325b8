"""The scorecard's pictures, drawn as SVG by numpy: no script, no font, no request.

Shapes: numpy arrays or small dataclasses in, `Markup` (safe SVG) out.
Units:  ns unless a name says otherwise.
Errors: none; a chart without data is a chart that says so in words.

Roles are told apart by dash and marker as well as by hue, so that a grey print keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from harness.measure.histogram import Histogram
from harness.measure.percentiles import PUBLISHED, TAIL_TO_PUBLISH, fraction, percentile
from harness.report.figures import ns_text
from harness.report.svg import Axis, Board, Floats, linear_ticks, log_bounds, log_ticks

WIDTH = 760.0

# role -> (line class, marker shape, marker class)
_ROLES = {
    "main": ("l main", "dot", "m main"),
    "repeat": ("l repeat", "", ""),
    "second": ("l second", "triangle", "m second"),
    "null": ("l null", "square", "m null"),
    "floor": ("l floor", "", ""),
    "floor-after": ("l floor after", "", ""),
}


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One distribution under its name; `scale` turns a recorded unit (a tick, say) into ns."""

    label: str
    histogram: Histogram
    role: str = "main"
    scale: float = 1.0

    @property
    def n(self) -> int:
        return self.histogram.n

    @property
    def max_ns(self) -> float:
        return self.histogram.highest * self.scale

    def values_ns(self) -> Floats:
        return np.asarray(self.histogram.values() * self.scale, dtype=np.float64)

    def percentile(self, name: str) -> float | None:
        """None when too few samples lie beyond it."""
        return percentile(self.histogram, name, self.scale)


@dataclass(frozen=True, slots=True, eq=False)
class FloorCurve:
    """F(x): the chance that an operation of no length, arriving at random, waits longer than x."""

    label: str
    x_ns: Floats
    chance: Floats
    role: str = "floor"


@dataclass(frozen=True, slots=True)
class Target:
    """The limit a curve is held against, and the quantile at which it counts."""

    value_ns: float
    label: str
    quantile: float | None = None


def percentile_chart(
    title: str,
    curves: Sequence[Curve],
    target: Target | None = None,
    floors: Sequence[FloorCurve] = (),
    label: Callable[[float], str] = ns_text,
) -> Markup:
    """Value against 1/(1-p): every decade to the right is one more nine.

    The grey zone begins where fewer than TAIL_TO_PUBLISH of the main curve lie beyond: what is
    drawn there happened, but it is no percentile.
    """
    drawn = [c for c in curves if c.n > 0]
    if not drawn:
        return nothing(title, "no samples were recorded")
    main = next((c for c in drawn if c.role == "main"), drawn[0])
    x_max = max(100.0, float(main.n))
    board = Board(WIDTH, 316, title)
    left, right, top, bottom = 64.0, WIDTH - 82, 34.0, 272.0

    levels = [c.values_ns() for c in drawn]
    if target:
        levels.append(np.array([target.value_ns]))
    lo, hi = log_bounds(np.concatenate(levels))
    x_axis = Axis(1.0, x_max, left, right, log=True)
    y_axis = Axis(lo, hi, bottom, top, log=True)
    tails = [_floor_quantiles(f, x_axis, y_axis) for f in floors]

    grey_from = x_axis.at(max(1.0, main.n / TAIL_TO_PUBLISH))
    board.rect(grey_from, top, right - grey_from, bottom - top, "grey-zone")
    _grid_y(board, y_axis, left, right, label)
    _grid_nines(board, x_axis, top, bottom)
    zone = f"< {TAIL_TO_PUBLISH} samples"
    board.text((grey_from + right) / 2, bottom - 8, zone, "t zone", "middle")

    if target:
        y = y_axis.at(target.value_ns)
        board.line(left, y, right, y, "l target")
        board.text(right + 6, y + 3.6, target.label, "t target")
        if target.quantile is not None and 1 / (1 - target.quantile) <= x_max:
            x = x_axis.at(1 / (1 - target.quantile))
            board.line(x, top, x, bottom, "l statistic")
    for (x_floor, y_floor), floor in zip(tails, floors, strict=True):
        board.path(x_axis.px(x_floor), y_axis.px(y_floor), _ROLES[floor.role][0])
    for curve in sorted(drawn, key=lambda c: c.role == "main"):
        _draw_curve(board, curve, x_axis, y_axis)
    y_max = y_axis.at(main.max_ns) + _dodge(y_axis, main, target)
    board.text(right + 6, y_max, "max " + label(main.max_ns), "t max")

    named = [(c.label, c.role) for c in sorted(drawn, key=lambda c: c.role != "main")]
    for (x_floor, _), floor in zip(tails, floors, strict=True):
        named.append(
            (floor.label if x_floor.size else f"{floor.label}: off this chart", floor.role)
        )
    repeats = [entry for entry in named if entry[1] == "repeat"]
    entries = [(name, *_ROLES[role]) for name, role in named if role != "repeat"]
    if repeats:
        entries.append((f"{len(repeats)} repeats", *_ROLES["repeat"]))
    board.legend(left, 14, entries)
    return board.svg()


def _dodge(y_axis: Axis, main: Curve, target: Target | None) -> float:
    """Keeps the label of the maximum off the label of the target."""
    if target is None:
        return 3.6
    gap = y_axis.at(main.max_ns) - y_axis.at(target.value_ns)
    return 3.6 if abs(gap) > 13 else (15.0 if gap >= 0 else -8.0)


def _draw_curve(board: Board, curve: Curve, x_axis: Axis, y_axis: Axis) -> None:
    line, shape, mark = _ROLES[curve.role]
    values = curve.values_ns()
    below = np.cumsum(curve.histogram.counts) / curve.n
    ends = np.append(1 / (1 - below[:-1]), float(curve.n))
    n_inside = int(np.searchsorted(ends, x_axis.hi)) + 1  # a companion may hold more samples
    xs = np.concatenate([[1.0], ends[:n_inside]])
    board.steps(x_axis.px(xs), y_axis.px(np.concatenate([values[:1], values[:n_inside]])), line)
    if shape:
        for name in PUBLISHED:
            value, odds = curve.percentile(name), 1 / (1 - float(fraction(name)))
            if value is not None and odds <= x_axis.hi:
                board.marker(x_axis.at(odds), y_axis.at(value), shape, mark)


def _floor_quantiles(floor: FloorCurve, x_axis: Axis, y_axis: Axis) -> tuple[Floats, Floats]:
    """The floor on the axes of a percentile curve: waits longer than x happen once in 1/F(x).

    What lies outside the axes is cut: the measured curves set the scale, not the host.
    """
    usable = floor.chance > 0
    odds, x_ns = 1 / np.minimum(floor.chance[usable], 1.0), floor.x_ns[usable]
    inside = (odds <= x_axis.hi) & (x_ns >= y_axis.lo) & (x_ns <= y_axis.hi)
    return odds[inside], x_ns[inside]


def _grid_y(
    board: Board, axis: Axis, left: float, right: float, label: Callable[[float], str]
) -> None:
    for tick in log_ticks(axis.lo, axis.hi) if axis.log else linear_ticks(axis.lo, axis.hi):
        y = axis.at(tick)
        board.line(left, y, right, y, "l grid")
        board.text(left - 7, y + 3.6, label(tick), "t", "end")


def _grid_nines(board: Board, axis: Axis, top: float, bottom: float) -> None:
    names = {1.0: "0", 2.0: "50 %"}
    names |= {10.0**k: f"{100 - 10.0 ** (2 - k):.{max(0, k - 2)}f} %" for k in range(1, 10)}
    for x_value, name in names.items():
        if x_value > axis.hi * 1.001:
            break
        x = axis.at(x_value)
        board.line(x, top, x, bottom, "l grid")
        board.text(x, bottom + 15, name, "t", "middle")
    board.text((axis.px_lo + axis.px_hi) / 2, bottom + 34, "percentile", "t axis", "middle")


def floor_chart(title: str, curves: Sequence[FloorCurve]) -> Markup:
    """F(x) on log-log axes: what this host takes away from an operation that does nothing."""
    drawn = [c for c in curves if np.any(c.chance > 0)]
    if not drawn:
        return nothing(title, "the noise floor was not measured")
    board = Board(WIDTH, 316, title)
    left, right, top, bottom = 64.0, WIDTH - 24, 34.0, 270.0
    x_axis = Axis(10.0, max(1e7, *(float(c.x_ns.max()) for c in drawn)), left, right, log=True)
    least = min(float(c.chance[c.chance > 0].min()) for c in drawn)
    y_axis = Axis(max(1e-9, least / 2), 1.0, bottom, top, log=True)
    _grid_y(board, y_axis, left, right, _chance_text)
    for tick in log_ticks(x_axis.lo, x_axis.hi):
        x = x_axis.at(tick)
        board.line(x, top, x, bottom, "l grid")
        board.text(x, bottom + 15, ns_text(tick), "t", "middle")
    board.text((left + right) / 2, bottom + 34, "wait longer than", "t axis", "middle")
    shapes = ("dot", "square", "triangle", "diamond")
    labels = list(dict.fromkeys(c.label.split(",")[0] for c in drawn))
    entries = []
    for curve in drawn:
        usable = curve.chance > 0
        core = labels.index(curve.label.split(",")[0])
        line = f"{_ROLES[curve.role][0]} core{core % 4}"
        mark = f"m floor core{core % 4}"
        xs, ys = x_axis.px(curve.x_ns[usable]), y_axis.px(curve.chance[usable])
        board.path(xs, ys, line)
        for i in range(core * 2, xs.size, max(1, xs.size // 6)):
            board.marker(float(xs[i]), float(ys[i]), shapes[core % 4], mark, 2.8)
        entries.append((curve.label, line, shapes[core % 4], mark))
    board.legend(left, 14, entries)
    return board.svg()


def _chance_text(chance: float) -> str:
    """One in ...: 1e-4 is '1 in 10 k'."""
    if chance >= 1:
        return "always"
    odds = 1 / chance
    for scale, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if odds >= scale * 0.999:
            return f"1 in {odds / scale:.0f}{suffix}"
    return f"1 in {odds:.0f}"


def stage_chart(title: str, curves: Sequence[Curve]) -> Markup:
    """One row a stage: p50, p99, p99.9 and the maximum on a common log axis."""
    drawn = [c for c in curves if c.n > 0]
    if not drawn:
        return nothing(title, "stages were not timed in this run")
    height = 64.0 + 26 * len(drawn)
    board = Board(WIDTH, height, title)
    left, right, top = 96.0, WIDTH - 30, 30.0
    bottom = height - 26
    starts = [c.percentile("p50") or c.max_ns for c in drawn]
    ends = [c.max_ns for c in drawn]
    axis = Axis(*log_bounds(np.array(starts + ends)), left, right, log=True)
    for tick in log_ticks(axis.lo, axis.hi):
        board.line(axis.at(tick), top, axis.at(tick), bottom, "l grid")
        board.text(axis.at(tick), bottom + 15, ns_text(tick), "t", "middle")
    marks = (("p50", "dot"), ("p99", "diamond"), ("p99.9", "triangle"))
    for row, (curve, start) in enumerate(zip(drawn, starts, strict=True)):
        y = top + 16 + 26 * row
        board.text(left - 8, y + 3.6, curve.label, "t row", "end")
        board.line(axis.at(start), y, axis.at(curve.max_ns), y, "l range")
        for name, shape in marks:
            value = curve.percentile(name)
            if value is not None:
                board.marker(axis.at(value), y, shape, "m main")
        board.marker(axis.at(curve.max_ns), y, "bar", "m bar")
    board.legend(left, 13, [*((n, "", s, "m main") for n, s in marks), ("max", "", "bar", "m bar")])
    return board.svg()


@dataclass(frozen=True, slots=True)
class Trial:
    """One step of the throughput search."""

    rate_per_s: float
    p99_ns: float | None
    loss: int
    ok: bool


def trials_chart(
    title: str, trials: Sequence[Trial], target_rate: float | None, limit_ns: float | None
) -> Markup:
    """p99 against offered rate; a cross is a trial that lost messages."""
    usable = [t for t in trials if t.p99_ns is not None and t.rate_per_s > 0]
    if not usable:
        return nothing(title, "no trial has a p99")
    board = Board(WIDTH, 300, title)
    left, right, top, bottom = 64.0, WIDTH - 76, 34.0, 254.0
    p99 = np.array([t.p99_ns for t in usable if t.p99_ns is not None], dtype=np.float64)
    rates = np.array([t.rate_per_s for t in usable])
    y_axis = Axis(*log_bounds(np.append(p99, limit_ns or p99[0])), bottom, top, log=True)
    x_hi = max(float(rates.max()), target_rate or 0.0) * 1.08
    x_axis = Axis(0.0, x_hi, left, right)
    _grid_y(board, y_axis, left, right, ns_text)
    for tick in linear_ticks(0.0, x_hi):
        board.line(x_axis.at(tick), top, x_axis.at(tick), bottom, "l grid")
        board.text(x_axis.at(tick), bottom + 15, f"{tick / 1e6:g} M/s", "t", "middle")
    board.text((left + right) / 2, bottom + 34, "offered rate", "t axis", "middle")
    if limit_ns:
        board.line(left, y_axis.at(limit_ns), right, y_axis.at(limit_ns), "l target")
        board.text(right + 6, y_axis.at(limit_ns) + 3.6, "limit " + ns_text(limit_ns), "t target")
    if target_rate:
        board.line(x_axis.at(target_rate), top, x_axis.at(target_rate), bottom, "l statistic")
        board.text(x_axis.at(target_rate) + 4, top + 10, "target", "t target")
    for trial, x, y in zip(usable, x_axis.px(rates), y_axis.px(p99), strict=True):
        if trial.ok:
            board.marker(float(x), float(y), "dot", "m main")
        else:
            board.marker(float(x), float(y), "cross", "m bad", 4.2)
    board.legend(
        left, 14, [("no loss", "", "dot", "m main"), ("lost messages", "", "cross", "m bad")]
    )
    return board.svg()


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """A quantity over the run, drawn under the latency lines on the same time axis."""

    label: str
    values: Floats
    text: Callable[[float], str]


def interval_chart(
    title: str,
    t_s: Floats,
    lines: Sequence[tuple[str, str, Floats]],
    target: Target | None,
    lanes: Sequence[Lane] = (),
) -> Markup:
    """Latency percentiles of each interval over time; `lines` are (label, role, ns)."""
    if t_s.size < 2 or not lines:
        return nothing(title, "fewer than two intervals were recorded")
    lane_px = 46.0
    height = 286.0 + lane_px * len(lanes)
    board = Board(WIDTH, height, title)
    left, right, top, bottom = 64.0, WIDTH - 76, 34.0, 240.0
    levels = [values for _, _, values in lines]
    if target:
        levels.append(np.array([target.value_ns]))
    y_axis = Axis(*log_bounds(np.concatenate(levels)), bottom, top, log=True)
    x_axis = Axis(0.0, float(t_s.max()), left, right)
    _grid_y(board, y_axis, left, right, ns_text)
    if target:
        board.line(left, y_axis.at(target.value_ns), right, y_axis.at(target.value_ns), "l target")
        board.text(right + 6, y_axis.at(target.value_ns) + 3.6, target.label, "t target")
    for _, role, values in lines:
        finite = np.isfinite(values) & (values > 0)
        board.path(x_axis.px(t_s[finite]), y_axis.px(values[finite]), _ROLES[role][0])
    y = bottom
    for lane in lanes:
        y += lane_px
        lo, hi = float(np.nanmin(lane.values)), float(np.nanmax(lane.values))
        axis = Axis(lo, hi if hi > lo else lo + 1, y - 4, y - lane_px + 14)
        board.line(left, y, right, y, "l grid")
        board.path(x_axis.px(t_s), axis.px(lane.values), "l lane")
        board.text(left - 7, y - lane_px / 2 + 6, lane.label, "t", "end")
        board.text(right + 6, y - lane_px / 2 + 6, lane.text(hi), "t")
    for tick in linear_ticks(0.0, float(t_s.max())):
        board.text(x_axis.at(tick), y + 15, f"{tick:g} s", "t", "middle")
    board.text((left + right) / 2, y + 34, "time since start", "t axis", "middle")
    board.legend(left, 14, [(name, _ROLES[role][0], "", "") for name, role, _ in lines])
    return board.svg()


def score_bar(floor: float, ceiling: float, bands: Sequence[float]) -> Markup:
    """0..100: solid up to the floor, hatched up to the ceiling, ticks where bands begin."""
    board = Board(360, 34, f"score between {floor:.1f} and {ceiling:.1f} of 100", "bar")
    axis = Axis(0.0, 100.0, 2, 358)
    board.rect(2, 4, 356, 14, "bar-empty")
    board.add(
        '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><path class="l hatch" d="M0,0V5"/></pattern></defs>'
    )
    board.rect(axis.at(floor), 4, axis.at(ceiling) - axis.at(floor), 14, "bar-open")
    board.rect(2, 4, axis.at(floor) - 2, 14, "bar-solid")
    for edge in bands:
        x = axis.at(edge)
        board.line(x, 1, x, 22, "l band")
        board.text(x, 32, f"{edge:g}", "t", "middle")
    return board.svg()


def target_strip(ratio: float | None) -> Markup:
    """Value over target on a log2 scale of two octaves each way; the tick in the middle is 1."""
    said = "not measured" if ratio is None else f"{ratio:.3g} times the target"
    board = Board(92, 14, said, "strip")
    axis = Axis(0.25, 4.0, 4, 88, log=True)
    board.line(4, 7, 88, 7, "l rail")
    board.line(46, 1, 46, 13, "l target")
    if ratio is not None and ratio > 0:
        shape, css = ("dot", "m good") if ratio < 1 else ("diamond", "m bad-fill")
        board.marker(axis.at(ratio), 7, shape, css, 3.4)
    return board.svg()


def points_diagram(rig_cpu: str, engine_cpu: str) -> Markup:
    """Where time starts and stops: the points that are part of every metric's name."""
    board = Board(WIDTH, 266, "Measurement points along the path from market data to order")
    top, tall = 44.0, 52.0
    mid = top + tall / 2

    def box(x: float, width: float, name: str, css: str = "box") -> None:
        board.rect(x, top, width, tall, css)
        board.text(x + width / 2, mid + 3.6, name, "t box-name", "middle")

    def arrow(x1: float, x2: float, name: str) -> None:
        board.line(x1, mid, x2 - 5, mid, "l wire")
        board.add(f'<path class="m wire" d="M{x2:.1f},{mid:.1f}l-7,-4v8z"/>')
        board.text((x1 + x2) / 2, mid - 8, name, "t tiny", "middle")

    board.text(8, 30, f"rig: {rig_cpu}", "t core")
    board.text(222, 30, f"engine under test: {engine_cpu}", "t core")
    board.text(752, 30, f"rig: {rig_cpu}", "t core", "end")
    box(8, 72, "schedule")
    arrow(80, 104, "")
    box(104, 66, "sender")
    arrow(170, 222, "cable")
    board.rect(218, top - 6, 378, tall + 12, "box-engine")
    cells = ("rx", "decode", "book", "strategy", "risk", "encode", "kill", "tx")
    width = 46.0
    for i, name in enumerate(cells):
        box(223 + i * width, width, name, "box cell")
    arrow(596, 646, "cable")
    box(646, 106, "exchange")

    spans = (
        ("wire", 44.0, 699.0, "wire: intended send time \u2192 order received", "main"),
        ("lateness", 44.0, 137.0, "lateness", "null"),
        ("service", 137.0, 699.0, "service: actual send \u2192 order received", "second"),
        ("buf", 233.0, 586.0, "buf: bytes visible to the engine \u2192 order committed", "floor"),
    )
    rows = {"wire": 0, "lateness": 1, "service": 1, "buf": 2}
    for key, x1, x2, text, css in spans:
        y = 142.0 + 38 * rows[key]
        board.line(x1, y, x2, y, f"l {css}")
        for x in (x1, x2):
            board.line(x, y - 6, x, y + 6, f"l {css} solid")
            board.line(x, top + tall + 8, x, y - 6, "l drop")
        board.text((x1 + x2) / 2, y - 7, text, "t", "middle")
    board.text(
        WIDTH / 2,
        256,
        "The null bench puts a reflector in the engine's place: same cable, same load, same clock. "
        "Nothing is subtracted.",
        "t axis",
        "middle",
    )
    return board.svg()


def nothing(title: str, why: str) -> Markup:
    """A chart that could not be drawn says why, at the size of a sentence."""
    board = Board(WIDTH, 40, f"{title}: {why}")
    board.rect(0.5, 0.5, WIDTH - 1, 39, "void")
    board.text(WIDTH / 2, 24, f"{title}: {why}", "t", "middle")
    return board.svg()
