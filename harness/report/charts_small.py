"""Small pictures: the score bar, strips beside a number, the points diagram, bars by cause.

Shapes: plain numbers in, `Markup` (safe SVG) out. Units: ns unless a name says otherwise.
Errors: none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from harness.report.charts import WIDTH, nothing
from harness.report.figures import ns_text
from harness.report.svg import Axis, Board, linear_ticks


def score_bar(floor: float, ceiling: float, bands: Sequence[float]) -> Markup:
    """0..100: solid up to the floor, hatched up to the ceiling, ticks where bands begin."""
    board = Board(360, 34, f"score between {floor:.1f} and {ceiling:.1f} of 100", "bar")
    axis = Axis(0.0, 100.0, 2, 358)
    board.rect(2, 4, 356, 14, "bar-empty")
    board.add(_hatch("hatch", "l hatch"))
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


def runs_strip(
    title: str,
    values: Sequence[float],
    target: float | None,
    interval: tuple[float, float] | None,
    label: Callable[[float], str] = ns_text,
) -> Markup:
    """One dot a run on a common axis, with the target and the interval of the whole."""
    shown = [*values, *(interval or ()), *([target] if target else [])]
    board = Board(WIDTH, 62, title)
    left, right, y = 64.0, WIDTH - 82, 26.0
    lo, hi = min(shown), max(shown)
    air = 0.06 * (hi - lo) or abs(hi) * 0.02 or 1.0
    axis = Axis(lo - air, hi + air, left, right)
    if interval is not None:
        x = axis.at(interval[0])
        board.rect(x, y - 8, max(axis.at(interval[1]) - x, 1.0), 16, "band")
    board.line(left, y, right, y, "l rail")
    if target is not None:
        board.line(axis.at(target), y - 14, axis.at(target), y + 14, "l target")
    for i, value in enumerate(values):
        # Equal values lie beside each other in height, so that five runs show as five.
        board.marker(axis.at(value), y + 3.0 * (i % 3 - 1), "dot", "m main", 3.2)
    ticks = linear_ticks(axis.lo, axis.hi, 6)
    names = [label(tick) for tick in ticks]
    if len(set(names)) < len(names):  # so close together that they read the same
        first = label(ticks[0])
        names = [first if i == 0 else f"+{label(t - ticks[0])}" for i, t in enumerate(ticks)]
    for tick, name in zip(ticks, names, strict=True):
        board.line(axis.at(tick), y + 14, axis.at(tick), y + 18, "l grid")
        board.text(axis.at(tick), y + 31, name, "t", "middle")
    board.text(left - 7, y + 3.6, f"{len(values)} runs", "t", "end")
    return board.svg()


def pareto_chart(title: str, causes: Sequence[tuple[str, float]], unexplained: str) -> Markup:
    """Lost time by cause, most first; the bar of what nothing explains is hatched."""
    drawn = [(name, ns) for name, ns in causes if ns > 0]
    if not drawn:
        return nothing(title, "no time was charged to a cause")
    total = sum(ns for _, ns in drawn)
    height = 20.0 + 20 * len(drawn)
    board = Board(WIDTH, height, title)
    board.add(_hatch("hatch-open", "l hatch soft"))
    axis = Axis(0.0, max(ns for _, ns in drawn), 250.0, WIDTH - 150)
    for row, (name, ns) in enumerate(drawn):
        y = 8.0 + 20 * row
        board.text(242, y + 11, name if len(name) <= 40 else name[:39] + "\u2026", "t row", "end")
        css = "bar-unexplained" if name == unexplained else "bar-cause"
        board.rect(250, y + 1, max(axis.at(ns) - 250, 1.0), 13, css)
        share = f"{ns_text(ns)}, {100 * ns / total:.1f} %"
        board.text(max(axis.at(ns), 251.0) + 6, y + 11, share, "t")
    return board.svg()


def _hatch(name: str, css: str) -> str:
    return (
        f'<defs><pattern id="{name}" width="5" height="5" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><path class="{css}" d="M0,0V5"/></pattern></defs>'
    )
