"""`redline verify`: every verdict and score of a run, once more from its raw files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.common import Json, print_json
from harness.errors import ExitCode, RedlineError


def verify(
    what: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run directory, a pack, a directory of runs.")
    ],
    signers: Annotated[
        Path | None,
        typer.Option(
            "--signers", metavar="FILE", help="Who may have signed a pack (allowed_signers)."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute every verdict and score from the raw files of a run.

    In a directory of runs each must also follow the one before it: a run that is gone is named.

    Exits with 0 when all agree and with 1 when anything does not, naming the file.

    Example: redline verify runs/20260101T120000Z-0a1b2c
    """
    from harness.pack import pack
    from harness.run import verify as verifier

    if pack.is_pack(what):
        found = pack.check(what, allowed_signers=signers)
        problems, said = list(found.problems), pack.summary(what, found)
    elif signers is not None:
        raise RedlineError("--signers: only a pack is signed")
    else:
        is_one = not verifier.is_of_runs(what)
        problems = verifier.verify(what) if is_one else verifier.verify_all(what)
        said = verifier.summary(what, problems)
    if as_json:
        print_json({"dir": str(what), "verified": not problems, "problems": problems})
    else:
        for problem in problems:
            print(problem)
        print(said)
    raise typer.Exit(ExitCode.FAIL if problems else ExitCode.READY)
