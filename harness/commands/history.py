"""`redline history`: the runs that a history knows, and adding some to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.common import Json, complain, print_json
from harness.errors import ExitCode, RedlineError

if TYPE_CHECKING:
    from harness.history.store import Store

Where = Annotated[
    str | None,
    typer.Option(
        "--history", metavar="URL", help="A file or a database; $REDLINE_HISTORY, runs/history.db."
    ),
]

history = typer.Typer(help="Runs over time: what is known of them, and adding more.")


def opened(where: str | None, *, must_exist: bool = True) -> Store:
    """The history that was meant. RedlineError where there is none to read."""
    from harness.history.store import FILE, VARIABLE, Store

    chosen = where or os.environ.get(VARIABLE) or str(Path("runs") / FILE)
    if must_exist and "://" not in chosen and not Path(chosen).exists():
        raise RedlineError(f"{chosen}: no such history; `redline run` makes one, or history add")
    return Store.open(chosen)


@history.command("list")
def list_(where: Where = None, as_json: Json = False) -> None:
    """Name the runs of a history, oldest first.

    Example: redline history list
    """
    with opened(where) as store:
        runs = store.runs()
    if as_json:
        rows = [
            {
                "id": one.id,
                "started_utc": one.started_utc,
                "scenario": one.scenario,
                "verdict": one.verdict,
                "fingerprint": one.fingerprint,
                "sums_sha256": one.sums_sha256,
            }
            for one in runs
        ]
        print_json({"schema": "redline.history/1", "runs": rows})
        return
    for one in runs:
        print(f"{one.id}  {one.scenario:<12} {one.verdict:<13} environment {one.fingerprint[:12]}")


@history.command()
def add(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run directories.")],
    where: Where = None,
) -> None:
    """Add finished runs; those that are there already are left as they are.

    Example: redline history add runs/2026*
    """
    from harness.history.entry import read_entry

    entries = [read_entry(run) for run in runs]
    with opened(where, must_exist=False) as store:
        for entry in sorted(entries, key=lambda one: one.id):
            print(f"{entry.id}: {'added' if store.add(entry) else 'there already'}")


@history.command()
def check(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The directory of the runs.")] = Path(
        "runs"
    ),
    where: Where = None,
) -> None:
    """Hold a directory of runs against the history: what is gone, what is another run now.

    Exits with 1 when anything is. It finds what the chain cannot: the newest run, removed with its
    line.

    Example: redline history check runs
    """
    from harness.history.check import problems

    with opened(where) as store:
        found = list(problems(store.runs(), out))
    complain(*found)
    if not found:
        print(f"{out}: every run of the history is there, as it was sealed")
    raise typer.Exit(ExitCode.FAIL if found else ExitCode.READY)
