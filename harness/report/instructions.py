"""Where instructions go, as a section of the report: a table, a flame graph of one operation each.

The counts come from `make profile`, not from the run: the section says of which compiler, and
whether the planted slowness was seen.
"""

from __future__ import annotations

from collections import Counter

from harness.config.instructions import Component, Instructions
from harness.report.charts_flame import flame_chart
from harness.report.figures import count_text
from harness.report.page import Figure, Profile, Table

_MOST_FRAMES = 3  # named beside a component: where most of it goes


def section(counted: Instructions) -> Profile:
    """All components, in the order of the file."""
    stacks = [
        ((one.component, *stack.frames), stack.instructions / one.n_ops)
        for one in counted.components
        for stack in one.stacks
    ]
    title = "Instructions of one operation of each component"
    heads = ["component", "regime", "operations", "instructions each", "allocations", "most of it"]
    table = Table(heads, [_row(one) for one in counted.components])
    seen = "seen exactly" if counted.control_found else "NOT SEEN: these counts prove nothing"
    facts = [*counted.key.model_dump().items(), ("control", f"{counted.control}: {seen}")]
    return Profile(facts, Figure(title, flame_chart(title, stacks), table))


def _row(one: Component) -> list[str]:
    frames: Counter[str] = Counter()  # whoever called them
    for stack in one.stacks:
        frames[stack.frames[-1]] += stack.instructions
    total = max(one.instructions, 1)
    most = frames.most_common(_MOST_FRAMES)
    shares = [f"{frame} {100 * n / total:.0f} %" for frame, n in most]
    each, allocs = f"{one.per_op:,.1f}", count_text(one.n_allocs)
    return [one.component, one.regime, count_text(one.n_ops), each, allocs, ", ".join(shares)]
