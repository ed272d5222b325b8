"""`redline doctor`: what this machine can and cannot do for a measurement."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.text import Text

from harness.commands.common import Json, print_json, why_no_engine
from harness.errors import printable

_STYLES = {"ok": "green", "limited": "yellow", "missing": "red"}


def doctor(as_json: Json = False) -> None:
    """Say what this machine can and cannot do for a measurement, and why it matters.

    Exits with 0 when a run is possible and with 3 when none is.

    Example: redline doctor
    """
    from harness.run.doctor import diagnose

    diagnosis = diagnose(engine=why_no_engine())
    if as_json:
        print_json(diagnosis.as_json())
        raise typer.Exit(int(diagnosis.exit_code))
    console = Console(highlight=False, soft_wrap=True)
    for row in diagnosis.rows:
        state = Text(f"{row.state:<8} ", style=_STYLES[row.state])
        console.print(state + Text(printable(f"{row.title:<23} {row.seen}"), style=""))
        if row.consequence:
            console.print(Text(f"{'':9}{'':24}{row.consequence}", style="dim"))
        if row.cure:
            console.print(Text(f"{'':9}{'':24}cure: {row.cure}", style="dim"))
    console.print(Text(f"\n{printable(diagnosis.summary)}", style="bold"))
    raise typer.Exit(int(diagnosis.exit_code))
