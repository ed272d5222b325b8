"""A flame graph: what calls what from the bottom up, the width of a frame its share of the whole.

Shapes: frames of every stack, outermost first, with a weight; `Markup` (safe SVG) out.
Units:  weights of any unit, all of one. Errors: none; without weight it says so.
Source: B. Gregg, "The Flame Graph", CACM 59 (6), 2016. Siblings stand in the order of their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from harness.report.charts import WIDTH, nothing
from harness.report.svg import CHAR_PX, Board

ROW_PX = 17.0
_LEAST_PX = 0.4  # narrower frames cannot be seen, nor printed


@dataclass(slots=True)
class _Frame:
    weight: float = 0.0
    above: dict[str, _Frame] = field(default_factory=dict)

    def depth(self) -> int:
        return 1 + max((one.depth() for one in self.above.values()), default=0)


def flame_chart(title: str, stacks: Iterable[tuple[Sequence[str], float]]) -> Markup:
    """One bar a frame, its name inside where there is room for it."""
    root = _Frame()
    for frames, weight in stacks:
        at = root
        at.weight += weight
        for name in frames:
            at = at.above.setdefault(name, _Frame())
            at.weight += weight
    if root.weight <= 0:
        return nothing(title, "nothing was counted")
    height = (root.depth() - 1) * ROW_PX + 2
    board = Board(WIDTH, height, title)
    _draw(board, root, 0.5, height - 1, (WIDTH - 1) / root.weight)
    return board.svg()


def _draw(board: Board, below: _Frame, x: float, floor: float, px_a_unit: float) -> None:
    for name, frame in sorted(below.above.items()):
        width = frame.weight * px_a_unit
        if width >= _LEAST_PX:
            css = "box" if name.startswith("[") else "box-engine"
            board.rect(x, floor - ROW_PX, width, ROW_PX, css)
            room = int((width - 6) / CHAR_PX)
            if room >= 3:
                shown = name if len(name) <= room else f"{name[: room - 1]}\u2026"
                board.text(x + 3, floor - 5, shown, "t tiny row")
            _draw(board, frame, x, floor - ROW_PX, px_a_unit)
        x += width
