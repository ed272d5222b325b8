"""`redline compare`: two runs, or two groups of runs, figure by figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.common import Json, print_json
from harness.errors import ExitCode, printable

if TYPE_CHECKING:
    from harness.history.compare import Comparison, Row

Side = Annotated[str, typer.Argument(metavar="RUN[,RUN...]", help="Run directories of one side.")]


def compare(
    a: Side,
    b: Side,
    allow: Annotated[
        str, typer.Option(metavar="PART[,PART]", help="Parts of the environment that may differ.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Say what differs between two runs: the environment first, then every figure.

    Exits with 0 when nothing is worse in B, 1 when something is, 75 when nothing could be decided,
    and 2 when the environments are not alike and no --allow says that it is meant.

    Example: redline compare runs/20260101T120000Z-0a1b2c runs/20260102T120000Z-0d4e5f
    """
    from harness.history import compare as comparing
    from harness.history.entry import read_entry

    sides = [[read_entry(Path(one)) for one in side.split(",") if one] for side in (a, b)]
    ours, theirs = sides
    found = comparing.compare(ours, theirs, allow=[one for one in allow.split(",") if one])
    if as_json:
        print_json({"schema": "redline.compare/1"} | asdict(found))
    else:
        for line in text_of(found):
            print(printable(line))
    if found.is_worse:
        raise typer.Exit(ExitCode.FAIL)
    undecided = all(row.outcome is comparing.Outcome.CANNOT_DECIDE for row in found.rows)
    raise typer.Exit(ExitCode.INCONCLUSIVE if undecided else ExitCode.READY)


def text_of(found: Comparison) -> Iterator[str]:
    """The comparison as lines."""
    yield f"A  {', '.join(found.a)}"
    yield f"B  {', '.join(found.b)}"
    if not found.differences:
        yield "environment: the same"
    for one in found.differences:
        yield f"environment: {one.part}: {one.name}: {one.ours} / {one.theirs}"
    for row in sorted(found.rows, key=_rank):
        yield ""
        yield from _row(row)
    for key in found.only:
        yield f"on one side only: {key.split('|')[0]}"


def _row(row: Row) -> Iterator[str]:
    from harness.run.figures import display

    name, regime, _, load = row.key.split("|")
    yield f"{name} {row.statistic}, {regime}, {load}: {row.outcome}"
    middle = " -> ".join(display(sorted(side)[len(side) // 2], row.unit) for side in (row.a, row.b))
    said = f"  {middle} (n = {len(row.a)}, {len(row.b)})"
    if row.shift is not None and row.low is not None and row.high is not None:
        said += f", shift {row.shift:+.1%} ({row.low:+.1%} to {row.high:+.1%}), p {row.p:.2g}"
    yield said
    for side, modes in (("A", row.modes_a), ("B", row.modes_b)):
        if modes:
            both = " and ".join(f"{display(m.value, row.unit)} ({m.n})" for m in modes)
            yield f"  {side} has two modes: {both}; no figure stands for both"
    if row.reason:
        yield f"  {row.reason}"


def _rank(row: Row) -> tuple[int, str]:
    """What is worse first, what cannot be decided last."""
    return ["worse", "better", "no difference shown", "cannot decide"].index(row.outcome), row.key
