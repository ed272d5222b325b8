"""A small drawing board: axes that map numbers to pixels, and a list of SVG elements.

Shapes: arrays of numbers in, one `<svg>` string out. Coordinates carry one decimal: at 760 units
        across a page that is a twentieth of a millimetre.
Units:  whatever the axis was given; pixels inside.
Errors: none; points outside an axis are cut off, not wrapped.

Every text goes through `escape`: names come from scenario files that anybody may write.
Looks live in the style sheet (reports/templates/report.css), one class a role.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CHAR_PX = 6.0
"""Mean width of a character of chart text (11 px sans), for legends laid out without a browser."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear or logarithmic map from [lo, hi] to [px_lo, px_hi]."""

    lo: float
    hi: float
    px_lo: float
    px_hi: float
    log: bool = False

    def px(self, values: Floats) -> Floats:
        clipped = np.clip(np.asarray(values, dtype=np.float64), self.lo, self.hi)
        if self.log:
            share = np.log(clipped / self.lo) / math.log(self.hi / self.lo)
        else:
            share = (clipped - self.lo) / (self.hi - self.lo)
        return self.px_lo + share * (self.px_hi - self.px_lo)

    def at(self, value: float) -> float:
        return float(self.px(np.array([value]))[0])


def log_bounds(values: Floats, least: float = 1.0) -> tuple[float, float]:
    """Bounds that hold all positive finite values, with a little air around them."""
    usable = values[np.isfinite(values) & (values > 0)]
    if usable.size == 0:
        return least, least * 10
    lo = max(least, float(usable.min()) / 1.25)
    hi = max(float(usable.max()) * 1.25, lo * 2.2)
    return lo, hi


def log_ticks(lo: float, hi: float, most: int = 9) -> list[float]:
    """1-2-5 ticks, or decades, or every other decade: the finest set with at most `most`."""
    decades = range(math.floor(math.log10(lo)), math.ceil(math.log10(hi)) + 1)
    for steps in ((1, 2, 5), (1,)):
        ticks = [s * 10.0**d for d in decades for s in steps if lo <= s * 10.0**d <= hi]
        if len(ticks) <= most:
            return ticks
    every = math.ceil(len(ticks) / most)
    return ticks[::every]


def linear_ticks(lo: float, hi: float, most: int = 7) -> list[float]:
    span = hi - lo
    raw = span / most
    base = 10.0 ** math.floor(math.log10(raw))
    step = next(m * base for m in (1, 2, 5, 10) if m * base >= raw)
    first = math.ceil(lo / step - 1e-9)
    return [i * step for i in range(first, math.floor(hi / step + 1e-9) + 1)]


def time_ticks(lo_s: float, hi_s: float, most: int = 8) -> list[float]:
    """Ticks at round times: seconds, minutes or hours, whichever leaves at most `most`."""
    span = max(hi_s - lo_s, 1e-9)
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
    step = next((s for s in steps if span / s <= most), None)
    if step is None or span < 2:
        return linear_ticks(lo_s, hi_s, most)
    first = math.ceil(lo_s / step - 1e-9)
    return [float(i * step) for i in range(first, math.floor(hi_s / step + 1e-9) + 1)]


class Board:
    """Collects elements; `svg()` closes the drawing."""

    def __init__(self, width: float, height: float, label: str, css: str = "chart") -> None:
        self.width, self.height = width, height
        self._label = label
        self._css = css
        self._parts: list[str] = []

    def add(self, element: str) -> None:
        self._parts.append(element)

    def text(self, x: float, y: float, content: str, css: str = "t", anchor: str = "start") -> None:
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.add(f'<text class="{css}" x="{x:.1f}" y="{y:.1f}"{where}>{escape(content)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
        self.add(f'<path class="{css}" d="M{x1:.1f},{y1:.1f}L{x2:.1f},{y2:.1f}"/>')

    def rect(self, x: float, y: float, width: float, height: float, css: str) -> None:
        self.add(
            f'<rect class="{css}" x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" '
            f'height="{max(0.0, height):.1f}"/>'
        )

    def image(self, x: float, y: float, width: float, height: float, uri: str, css: str) -> None:
        """A picture of cells, stretched without smoothing: a cell is a count, not a pixel."""
        self.add(
            f'<image class="{css}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" preserveAspectRatio="none" href="{escape(uri)}"/>'
        )

    def path(self, xs: Floats, ys: Floats, css: str) -> None:
        if xs.size < 2:
            return
        points = "L".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
        self.add(f'<path class="{css}" d="M{points}"/>')

    def steps(self, xs: Floats, ys: Floats, css: str) -> None:
        """A staircase: level at ys[i] until xs[i], then straight to ys[i + 1].

        Steps that a printer could not show (less than a third of a pixel) are merged.
        """
        if xs.size < 2:
            return
        parts = [f"M{xs[0]:.1f},{ys[0]:.1f}"]
        x_at, y_at = float(xs[0]), float(ys[0])
        for x, y in zip(xs[1:].tolist(), ys[1:].tolist(), strict=True):
            if abs(x - x_at) + abs(y - y_at) < 0.33:
                continue
            parts.append(f"V{y:.1f}H{x:.1f}")
            x_at, y_at = x, y
        self.add(f'<path class="{css}" d="{"".join(parts)}"/>')

    def marker(self, x: float, y: float, shape: str, css: str, size: float = 3.6) -> None:
        """`shape`: dot, square, diamond, triangle, cross or bar."""
        s = size
        if shape == "dot":
            self.add(f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="{s:.1f}"/>')
            return
        outline = {
            "square": f"M{x - s:.1f},{y - s:.1f}h{2 * s:.1f}v{2 * s:.1f}h{-2 * s:.1f}z",
            "diamond": f"M{x:.1f},{y - 1.3 * s:.1f}l{1.3 * s:.1f},{1.3 * s:.1f}"
            f"l{-1.3 * s:.1f},{1.3 * s:.1f}l{-1.3 * s:.1f},{-1.3 * s:.1f}z",
            "triangle": f"M{x:.1f},{y - 1.2 * s:.1f}l{1.2 * s:.1f},{2.2 * s:.1f}h{-2.4 * s:.1f}z",
            "cross": f"M{x - s:.1f},{y - s:.1f}l{2 * s:.1f},{2 * s:.1f}"
            f"M{x - s:.1f},{y + s:.1f}l{2 * s:.1f},{-2 * s:.1f}",
            "bar": f"M{x:.1f},{y - 1.5 * s:.1f}v{3 * s:.1f}",
        }[shape]
        self.add(f'<path class="{css}" d="{outline}"/>')

    def legend(self, x: float, y: float, entries: Sequence[tuple[str, str, str, str]]) -> None:
        """Entries are (label, line class or '', marker shape or '', marker class), in one row."""
        for label, line, shape, mark in entries:
            if line:
                self.line(x, y, x + 22, y, line)
            if shape:
                self.marker(x + 11, y, shape, mark)
            self.text(x + 27, y + 3.6, label, "t legend")
            x += 27 + CHAR_PX * len(label) + 16

    def svg(self) -> Markup:
        label = escape(self._label)
        body = "".join(self._parts)
        # Safe: every text inside went through `escape`; the rest is numbers and names of ours.
        return Markup(
            f'<svg class="{self._css}" viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'aria-label="{label}"><title>{label}</title>{body}</svg>'
        )
