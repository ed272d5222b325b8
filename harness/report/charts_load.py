"""Latency against load: the ladder, the throughput search, and where the time goes by stage.

Shapes: small dataclasses in, `Markup` (safe SVG) out. Units: ns; rates a second. Errors: none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from harness.report.charts import WIDTH, Curve, grid_y, nothing
from harness.report.figures import ns_text, short_count
from harness.report.svg import Axis, Board, linear_ticks, log_bounds, log_ticks


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
    grid_y(board, y_axis, left, right, ns_text)
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


@dataclass(frozen=True, slots=True)
class Rung:
    """One load of the ladder: percentiles in ns by name; None where the sample is too thin."""

    rate_per_s: float
    response: Mapping[str, float | None]
    service: Mapping[str, float | None]
    loss: int
    claimed: bool = False
    """The load at which latency and throughput are claimed together."""
    name: str = ""


_LADDER = (
    ("p50", "l main", "dot", "m main"),
    ("p99", "l second", "triangle", "m second"),
    ("p99.9", "l null", "square", "m null"),
    ("max", "l repeat worst", "diamond", "m bad-fill"),
)


def ladder_chart(title: str, rungs: Sequence[Rung], limit_ns: float | None = None) -> Markup:
    """Latency against offered load: flat while the engine keeps up, then the bend."""
    drawn = sorted((r for r in rungs if r.rate_per_s > 0), key=lambda r: r.rate_per_s)
    levels = [v for r in drawn for v in (*r.response.values(), *r.service.values())]
    seen = [float(v) for v in levels if v and np.isfinite(v)]
    if len(drawn) < 2 or not seen:
        return nothing(title, "fewer than two rungs were measured")
    board = Board(WIDTH, 312, title)
    left, right, top, bottom = 64.0, WIDTH - 82, 34.0, 262.0
    rates = np.array([r.rate_per_s for r in drawn])
    x_axis = Axis(rates.min() / 1.3, rates.max() * 1.3, left, right, log=True)
    y_axis = Axis(*log_bounds(np.array([*seen, limit_ns or seen[0]])), bottom, top, log=True)
    grid_y(board, y_axis, left, right, ns_text)
    for tick in log_ticks(x_axis.lo, x_axis.hi):
        board.line(x_axis.at(tick), top, x_axis.at(tick), bottom, "l grid")
        board.text(x_axis.at(tick), bottom + 15, f"{short_count(tick)}/s", "t", "middle")
    board.text((left + right) / 2, bottom + 34, "offered load, log", "t axis", "middle")
    if limit_ns:
        y = y_axis.at(limit_ns)
        board.line(left, y, right, y, "l target")
        board.text(right + 6, y + 3.6, "limit " + ns_text(limit_ns), "t target")
    for rung in drawn:
        if rung.claimed:
            x = x_axis.at(rung.rate_per_s)
            board.line(x, top, x, bottom, "l statistic")
            board.text(x - 4, bottom - 6, "claimed load", "t target", "end")
    gap = [(r.rate_per_s, r.service.get("p99")) for r in drawn]
    _ladder_line(board, x_axis, y_axis, gap, "l floor")
    for name, line, shape, mark in _LADDER:
        points = [(r.rate_per_s, r.response.get(name)) for r in drawn]
        _ladder_line(board, x_axis, y_axis, points, line)
        for rate, value in points:
            if value and np.isfinite(value):
                board.marker(x_axis.at(rate), y_axis.at(float(value)), shape, mark)
    for rung in drawn:
        if rung.loss:
            board.marker(x_axis.at(rung.rate_per_s), top + 4, "cross", "m bad", 4.2)
    entries = [(name, line, shape, mark) for name, line, shape, mark in _LADDER]
    entries.append(("service p99", "l floor", "", ""))
    if any(r.loss for r in drawn):
        entries.append(("lost: \u221e", "", "cross", "m bad"))
    board.legend(left, 14, entries)
    return board.svg()


def _ladder_line(
    board: Board,
    x_axis: Axis,
    y_axis: Axis,
    points: Sequence[tuple[float, float | None]],
    css: str,
) -> None:
    known = [(rate, float(value)) for rate, value in points if value and np.isfinite(value)]
    board.path(
        x_axis.px(np.array([rate for rate, _ in known])),
        y_axis.px(np.array([value for _, value in known])),
        css,
    )
