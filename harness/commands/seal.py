"""`redline seal`: end a soak whose process was killed together with its keeper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.common import Json, print_json


def seal(
    partial: Annotated[
        Path, typer.Argument(metavar="RUN.partial", help="What a killed soak has left.")
    ],
    as_json: Json = False,
) -> None:
    """Judge and seal what a killed soak has left, as an INCOMPLETE run.

    A soak does this by itself when its process alone is killed. Exits with 0 when it is sealed:
    what the run is worth its scorecard says, and that is never READY.

    Example: redline seal runs/20260101T120000Z-0a1b2c.partial
    """
    from harness.run.sealing import seal as end

    outcome = end(partial)
    if as_json:
        print_json({"dir": str(outcome.dir), "verdict": outcome.verdict})
    else:
        print(outcome.summary, end="")
