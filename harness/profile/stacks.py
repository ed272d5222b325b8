"""Stacks with a weight each: as tools tell them, as a file, and as a table for people."""

from __future__ import annotations

from collections import Counter

from harness.config.samples import Samples, Weighed, What
from harness.quality.found import Control

Stacks = Counter[tuple[str, ...]]
NO_FRAME = "[no frame]"
N_SHOWN = 20  # functions, in a table for people


def samples(
    *, what: What, unit: str, of: str, tool: str, control: Control, stacks: Stacks
) -> Samples:
    """The file of a profile, in the order of its stacks."""
    return Samples(
        schema_="redline.samples/1",
        what=what,
        unit=unit,
        of=of,
        tool=tool,
        control=control.planted,
        control_found=control.found,
        stacks=[Weighed(frames=list(f), weight=n) for f, n in sorted(stacks.items()) if n],
    )


def folded(text: str) -> Stacks:
    """Lines `outermost;...;innermost weight`, as flame graphs are made of. ValueError if not.

    A line without frames is a sample in which there were none: while the program began, say.

    Source: stackcollapse of B. Gregg's FlameGraph.
    """
    stacks: Stacks = Counter()
    for line in text.splitlines():
        frames, space, weight = line.rpartition(" ")
        if not space:
            raise ValueError(f"no stack and weight: {line!r}")
        stacks[tuple(frames.split(";")) if frames else (NO_FRAME,)] += int(weight)
    return stacks


def table(found: Samples) -> list[str]:
    """For people: who held or took most, a line a function."""
    own = found.own()
    total = own.total()
    lines = [f"{found.unit:>14}  {'share':>6}  function"]
    for function, weight in own.most_common(N_SHOWN):
        lines.append(f"{weight:>14,}  {100 * weight / total:5.1f} %  {function}")
    seen = "seen" if found.control_found else "NOT SEEN"
    return [*lines, f"{total:,} {found.unit} of {found.of}; control {seen}: {found.control}"]
