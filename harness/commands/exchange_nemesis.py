"""`redline exchange nemesis`: days drawn by seed, until one breaks something.

Exits with 0 when every day held and every kind of fault was tried, with 1 when not, with 2 for a
mistake in the command line.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import ExitCode, RedlineError

if TYPE_CHECKING:
    from harness.exchange.nemesis import Tried


def nemesis(
    days: Annotated[int, typer.Option(metavar="N", min=1, max=1_000_000, help="Days.")] = 100,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, max=1 << 62, help="Of the first day.")
    ] = 1,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Where a day that breaks is written.")
    ] = Path("nemesis.yaml"),
) -> None:
    """Draw days of faults by seed; write the first that breaks, made as small as it gets.

    Example: redline exchange nemesis --days 1000 --seed 5
    """
    from harness.exchange.nemesis import text_of, try_days

    *_, tried = try_days(range(seed, seed + days))
    print(_table(tried))
    if tried.broken is not None:
        try:
            out.write_text(text_of(tried.broken))
        except OSError as error:
            raise RedlineError(f"{out}: {(error.strerror or str(error)).lower()}") from None
        print(f"BROKEN  the day of seed {tried.broken['seed']}: redline exchange drill {out}")
        raise typer.Exit(ExitCode.FAIL)
    if tried.untried:
        print(f"not tried: {', '.join(tried.untried).lower()}: more days are needed")
        raise typer.Exit(ExitCode.FAIL)
    print("holds   every fault was seen, and both sides agreed at the end of every day")


def _table(tried: Tried) -> str:
    lines = [f"{tried.n_days} days", "", "    days  injected"]
    lines += [
        f"{tried.days_of[name]:8}  {tried.injected[name]:8}  {text}"
        for name, text in tried.texts.items()
    ]
    return "\n".join([*lines, ""])
