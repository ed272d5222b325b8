"""`redline exchange`: a venue of one's own.

    redline exchange script orders.txt
    redline exchange serve --fix :9880

`script` exits with 0, with 1 when the exchange refused a command, with 2 for a mistake in the
command line or the script.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.exchange_drill import drill
from harness.commands.exchange_nemesis import nemesis
from harness.commands.exchange_serve import serve
from harness.errors import ExitCode, HostError, RedlineError

exchange = typer.Typer(help="A venue of one's own: matching, sessions, market data.")

exchange.command()(serve)
exchange.command()(drill)
exchange.command()(nemesis)

MAX_COMPLAINTS = 100  # lines about commands that were refused


@exchange.command()
def script(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Commands, a line each; - is standard input.")
    ],
    events: Annotated[
        bool, typer.Option("--events", help="Print what happened, before what is left.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Run a matching script and print the books that it leaves.

    docs/guides/matching-scripts.md has the language; so does a script that says `help`.

    Example: redline exchange script orders.txt --events
    """
    from harness.exchange.script import Script, usage

    name = "<stdin>" if file == "-" else file
    commands = Script(_read(file, name), name)
    if commands.wants_help:
        print(usage(), file=sys.stderr)
    try:
        from harness.exchange.script_run import run
        from harness.exchange.script_text import as_json as json_of
        from harness.exchange.script_text import as_text
    except ImportError as error:
        raise HostError(str(error).splitlines()[0]) from None

    outcome = run(commands, keep_events=events)
    if as_json:
        print(json.dumps(json_of(outcome, name), indent=1, sort_keys=True, ensure_ascii=False))
    else:
        print(as_text(outcome))
    failures = outcome.failures
    for one in failures[:MAX_COMPLAINTS]:
        print(f"{name}:{one.line}: {one.text}", file=sys.stderr)
    if len(failures) > MAX_COMPLAINTS:
        print(f"{name}: and {len(failures) - MAX_COMPLAINTS} more", file=sys.stderr)
    raise typer.Exit(ExitCode.FAIL if failures else ExitCode.READY)


def _read(file: str, name: str) -> bytes:
    """One byte more than a script may have, at most."""
    from harness.exchange.script import MAX_BYTES

    if file == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    path = Path(file)
    if path.is_dir():
        raise RedlineError(f"{name}: is a directory, not a script")
    with path.open("rb") as source:
        return source.read(MAX_BYTES + 1)
