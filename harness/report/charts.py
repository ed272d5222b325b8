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
ROLES = {
    "main": ("l main", "dot", "m main"),
    "repeat": ("l repeat", "", ""),
    "second": ("l second", "triangle", "m second"),
    "null": ("l null", "square", "m null"),
    "floor": ("l floor", "", ""),
    "floor-after": ("l floor after", "", ""),
    "floor-during": ("l floor during", "", ""),
    "band": ("l bracket thick", "", ""),
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
class Band:
    """95 % intervals of published percentiles: (quantile, low ns, high ns), left to right."""

    label: str
    points: tuple[tuple[float, float, float], ...]


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
    band: Band | None = None,
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
    grid_y(board, y_axis, left, right, label)
    _grid_nines(board, x_axis, top, bottom)
    zone = f"< {TAIL_TO_PUBLISH} samples"
    board.text((grey_from + right) / 2, bottom - 8, zone, "t zone", "middle")

    if band and band.points:
        _draw_band(board, band, x_axis, y_axis)
    if target:
        y = y_axis.at(target.value_ns)
        board.line(left, y, right, y, "l target")
        board.text(right + 6, y + 3.6, target.label, "t target")
        if target.quantile is not None and 1 / (1 - target.quantile) <= x_max:
            x = x_axis.at(1 / (1 - target.quantile))
            board.line(x, top, x, bottom, "l statistic")
    for (x_floor, y_floor), floor in zip(tails, floors, strict=True):
        board.path(x_axis.px(x_floor), y_axis.px(y_floor), ROLES[floor.role][0])
    for curve in sorted(drawn, key=lambda c: c.role == "main"):
        _draw_curve(board, curve, x_axis, y_axis)
    y_max = y_axis.at(main.max_ns) + _dodge(y_axis, main, target)
    board.text(right + 6, y_max, "max " + label(main.max_ns), "t max")

    named = [(c.label, c.role) for c in sorted(drawn, key=lambda c: c.role != "main")]
    for (x_floor, _), floor in zip(tails, floors, strict=True):
        named.append(
            (floor.label if x_floor.size else f"{floor.label}: off this chart", floor.role)
        )
    if band and band.points:
        named.append((band.label, "band"))
    repeats = [entry for entry in named if entry[1] == "repeat"]
    entries = [(name, *ROLES[role]) for name, role in named if role != "repeat"]
    if repeats:
        entries.append((f"{len(repeats)} repeats", *ROLES["repeat"]))
    board.legend(left, 14, entries)
    return board.svg()


def _draw_band(board: Board, band: Band, x_axis: Axis, y_axis: Axis) -> None:
    """A strip through the intervals, with a bracket where each was computed."""
    shown = [p for p in band.points if 1 / (1 - p[0]) <= x_axis.hi]
    if not shown:
        return
    xs = [x_axis.at(1 / (1 - q)) for q, _, _ in shown]
    lows = [y_axis.at(low) for _, low, _ in shown]
    highs = [y_axis.at(high) for _, _, high in shown]
    around = [*zip(xs, highs, strict=True), *zip(xs[::-1], lows[::-1], strict=True)]
    board.add(f'<path class="band" d="M{"L".join(f"{x:.1f},{y:.1f}" for x, y in around)}z"/>')
    for x, low, high in zip(xs, lows, highs, strict=True):
        board.line(x, low, x, high, "l bracket")
        for y in (low, high):
            board.line(x - 4, y, x + 4, y, "l bracket")


def _dodge(y_axis: Axis, main: Curve, target: Target | None) -> float:
    """Keeps the label of the maximum off the label of the target."""
    if target is None:
        return 3.6
    gap = y_axis.at(main.max_ns) - y_axis.at(target.value_ns)
    return 3.6 if abs(gap) > 13 else (15.0 if gap >= 0 else -8.0)


def _draw_curve(board: Board, curve: Curve, x_axis: Axis, y_axis: Axis) -> None:
    line, shape, mark = ROLES[curve.role]
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


def grid_y(
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


def nothing(title: str, why: str) -> Markup:
    """A chart that could not be drawn says why, at the size of a sentence."""
    board = Board(WIDTH, 40, f"{title}: {why}")
    board.rect(0.5, 0.5, WIDTH - 1, 39, "void")
    board.text(WIDTH / 2, 24, f"{title}: {why}", "t", "middle")
    return board.svg()
