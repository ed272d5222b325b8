"""`redline exchange drill`: a day at an exchange that misbehaves, in virtual time.

Exits with 0 when every fault that was injected was seen and both sides agree at the end, with 1
when not, with 2 for a mistake in the file or the command line.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import ExitCode, RedlineError

if TYPE_CHECKING:
    from engine.exchange.drill import Outcome


def drill(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A drill: who trades, what fails.")],
    seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Instead of the file's seed.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Trade through a rough day, and say whether every fault was seen and both sides agree.

    Example: redline exchange drill scenarios/exchange/rough-day.yaml --seed 7
    """
    from engine.exchange.drill import drill as run
    from harness.config.drill import DrillConfig
    from harness.config.loader import load, project_data

    path = project_data(file)
    config = load(path, DrillConfig)
    wanted = config.engine()
    if seed is not None:
        wanted = replace(wanted, seed=seed)
    try:
        outcome = run(wanted, config.mischief.engine(wanted.seed, path))
    except OSError as error:
        raise RedlineError(f"{path}: {error.strerror or error}") from None
    print(json.dumps(asdict(outcome), indent=1) if as_json else _text(outcome))
    raise typer.Exit(ExitCode.READY if outcome.holds else ExitCode.FAIL)


def _text(outcome: Outcome) -> str:
    counted = ", ".join(f"{n} {name}" for name, n in outcome.counters.items())
    lines = [counted, f"event hash {outcome.hash:016x}", "", "injected  observed"]
    lines += [
        f"{row.injected:8}  {row.observed:8}  {'=' if row.injected == row.observed else 'DIFFERS'}"
        f"  {row.text}"
        for row in outcome.rows
    ]
    lines.append("")
    lines += [
        f"{'holds ' if check.holds else 'BROKEN'}  {check.text}"
        + (f" ({check.what})" if check.what else "")
        for check in outcome.checks
    ]
    return "\n".join(lines)
