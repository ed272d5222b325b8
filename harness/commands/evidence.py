"""`redline evidence`: what a run and our tests show of a regulator's rule, clause by clause."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.common import Json, print_json


def evidence(
    run_dir: Annotated[
        Path | None, typer.Argument(metavar="RUN", help="A run directory; without, tests alone.")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="NAME", help="sec-15c3-5, rts-6, rts-25; again for more."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Map rules to the tests, gates and raw files that speak to them.

    It is evidence for somebody's assessment, and names what it does not show.

    Example: redline evidence runs/20260101T120000Z-0a1b2c --rule rts-6
    """
    from harness.pack import evidence as mapping

    shown = [mapping.shown_of(one, run_dir) for one in mapping.rules(rule or ())]
    if as_json:
        print_json({"schema": "redline.evidence/1", "rules": [asdict(one) for one in shown]})
        return
    for number, one in enumerate(shown):
        if number:
            print("\n")
        for line in mapping.text_of(one):
            print(line)
