"""Where something goes, as a section of the report: a flame graph and a table.

What is shown was not of the run: the section says what was profiled, with which tool, and whether
the tool saw what was planted for it.
"""

from __future__ import annotations

from collections import Counter

from harness.config.instructions import Component, Instructions
from harness.config.samples import Samples, What
from harness.report.charts_flame import flame_chart
from harness.report.figures import count_text
from harness.report.page import Figure, Profile, Table

_MOST_FRAMES = 3  # named beside a component: where most of it goes
_MOST_FUNCTIONS = 20
_COUNTED = (
    "Counted, not timed, and not in this run: the same build counts the same on any day. A blue "
    "frame is a function, a plain one the file from which a part was inlined; width is its share "
    "of the instructions."
)
_SAMPLED = "Not of this run. A frame is a function; its width is its share of the whole."
_HEADINGS: dict[What, str] = {
    "heap": "Who holds the heap",
    "cycles": "Where cycles go",
    "python": "Where the harness spends its time",
}


def section(taken: Instructions | Samples) -> Profile:
    """Of either kind of profile."""
    return _counted(taken) if isinstance(taken, Instructions) else _sampled(taken)


def _sampled(taken: Samples) -> Profile:
    title = f"{taken.unit} of {taken.of}"
    own = taken.own()
    total = max(own.total(), 1)
    rows = [
        [function, count_text(n), f"{100 * n / total:.1f} %"]
        for function, n in own.most_common(_MOST_FUNCTIONS)
    ]
    facts = [("tool", taken.tool), _control(taken.control, seen=taken.control_found)]
    chart = flame_chart(title, ((stack.frames, stack.weight) for stack in taken.stacks))
    figure = Figure(title, chart, Table(["function", taken.unit, "share"], rows))
    return Profile(_HEADINGS[taken.what], _SAMPLED, facts, figure)


def _control(planted: str, *, seen: bool) -> tuple[str, str]:
    return "control", f"{planted}: {'seen' if seen else 'NOT SEEN: this profile proves nothing'}"


def _counted(counted: Instructions) -> Profile:
    """All components, in the order of the file."""
    stacks = [
        ((one.component, *stack.frames), stack.instructions / one.n_ops)
        for one in counted.components
        for stack in one.stacks
    ]
    title = "Instructions of one operation of each component"
    heads = ["component", "regime", "operations", "instructions each", "allocations", "most of it"]
    table = Table(heads, [_row(one) for one in counted.components])
    control = _control(counted.control, seen=counted.control_found)
    figure = Figure(title, flame_chart(title, stacks), table)
    return Profile(
        "Where instructions go", _COUNTED, [*counted.key.model_dump().items(), control], figure
    )


def _row(one: Component) -> list[str]:
    frames: Counter[str] = Counter()  # whoever called them
    for stack in one.stacks:
        frames[stack.frames[-1]] += stack.instructions
    total = max(one.instructions, 1)
    most = frames.most_common(_MOST_FRAMES)
    shares = [f"{frame} {100 * n / total:.0f} %" for frame, n in most]
    each, allocs = f"{one.per_op:,.1f}", count_text(one.n_allocs)
    return [one.component, one.regime, count_text(one.n_ops), each, allocs, ", ".join(shares)]
