"""The host's own picture: what it takes from an operation that does nothing.

Shapes: `FloorCurve`s in, `Markup` (safe SVG) out. Units: ns, chances 0..1. Errors: none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from harness.report.charts import ROLES, WIDTH, FloorCurve, grid_y, nothing
from harness.report.figures import ns_text
from harness.report.svg import Axis, Board, log_ticks


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
    grid_y(board, y_axis, left, right, _chance_text)
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
        line = f"{ROLES[curve.role][0]} core{core % 4}"
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
