"""What a tool came to: a row of quality.json, and the findings themselves for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.config.quality import Skipped, Tool
from harness.errors import printable

LONGEST = 300  # characters of what is quoted from a tool


@dataclass(frozen=True, slots=True)
class Found:
    """A row, and what stands behind its number, a line each: findings first."""

    tool: Tool
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Control:
    """What was planted, and whether the tool found it."""

    planted: str
    found: bool


def both(controls: Iterable[Control]) -> Control:
    """All of several: found when each was, and the text says which was not."""
    every = list(controls)
    said = [c.planted if c.found else f"{c.planted} (NOT FOUND)" for c in every]
    return Control("; ".join(said), bool(every) and all(c.found for c in every))


def count(
    row: str,
    title: str,
    *,
    by: str,
    version: str,
    findings: Sequence[str],
    control: Control,
    skipped: Sequence[Skipped] = (),
    complete: bool = True,
    details: Sequence[str] = (),
) -> Found:
    """A row of findings, of which there should be none."""
    tool = Tool(
        row=row,
        title=title,
        tool=short(by),
        version=short(version),
        value=len(findings),
        unit="count",
        complete=complete,
        control_found=control.found,
        control=short(control.planted),
        skipped=list(skipped),
    )
    return Found(tool, (*map(short, findings), *map(short, details)))


def share(
    row: str,
    title: str,
    *,
    by: str,
    version: str,
    good: int,
    all_: int,
    control: Control,
    skipped: Sequence[Skipped] = (),
    complete: bool = True,
    details: Sequence[str] = (),
) -> Found:
    """A row of `good` in `all_`, skips among them; of nothing at all the tool is not done."""
    all_ = max(all_, good + len(skipped))
    tool = Tool(
        row=row,
        title=title,
        tool=short(by),
        version=short(version),
        value=100 * good / all_ if all_ else 0.0,
        unit="%",
        complete=complete and all_ > 0,
        control_found=control.found,
        control=short(control.planted),
        good=good,
        all=all_,
        skipped=list(skipped),
    )
    return Found(tool, tuple(map(short, details)))


def absent(row: str, title: str, unit: str, *, by: str, why: str) -> Found:
    """A row whose tool is not there or did not get to its end: not told, and why."""
    nothing: dict[str, object] = {"good": 0, "all": 1} if unit == "%" else {}
    tool = Tool.model_validate(
        {
            "row": row,
            "title": title,
            "tool": short(by),
            "version": "none",
            "value": 0,
            "unit": unit,
            "complete": False,
            "control_found": False,
            "control": short(f"not tried: {why}"),
            "skipped": [{"what": short(by), "reason": short(why)}],
            **nothing,
        }
    )
    return Found(tool, (short(why),))


def short(text: str) -> str:
    """On one line, and not longer than somebody reads."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 4]} ..."
