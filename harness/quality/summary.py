"""What was found, for people: a line a row, then what stands behind each."""

from __future__ import annotations

from collections.abc import Sequence

from harness.config.quality import Tool
from harness.quality.found import Found

_MOST = 60  # details and skips of a row that are printed; quality.json and the logs have all


def render(found: Sequence[Found]) -> str:
    """The table and the details, ready to be printed."""
    lines = [headline(one.tool) for one in found]
    for one in found:
        lines += ["", f"{one.tool.title} ({one.tool.row})", f"  by       {one.tool.tool}"]
        lines += [f"  version  {one.tool.version}", f"  control  {one.tool.control}"]
        lines += _some("  ", one.details)
        lines += _some("  skipped: ", [f"{s.what}: {s.reason}" for s in one.tool.skipped])
    return "\n".join(lines) + "\n"


def headline(tool: Tool) -> str:
    """The number, or why it does not count."""
    if not tool.complete:
        said = "MISSING: did not run to its end"
    elif tool.control_found is False:
        said = "MISSING: the planted fault was not found"
    elif tool.unit == "%":
        said = f"{tool.value:.2f} % ({tool.good} of {tool.all})"
    else:
        said = f"{tool.value:.0f} found"
    return f"{tool.title:28} {said}"


def _some(indent: str, lines: Sequence[str]) -> list[str]:
    more = len(lines) - _MOST
    return [f"{indent}{line}" for line in lines[:_MOST]] + (
        [f"{indent}... and {more} more"] if more > 0 else []
    )
