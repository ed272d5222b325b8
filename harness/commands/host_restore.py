"""`redline host restore`: everything as it was before a tuning."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands import host_text as text
from harness.commands.common import Json
from harness.commands.host_common import (
    Inventory,
    Names,
    are_left,
    fleet_of,
    hosts_of,
    leave,
    say_restored,
    told,
)
from harness.commands.net_common import interruptible
from harness.errors import ExitCode


def restore(
    names: Names = None,
    inventory: Inventory = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also over what somebody else has changed since.")
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print the commands that would do it; do nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put back what is left of a tuning: kept, held elsewhere, or of a process that died.

    Exits with 0 when everything is as before and with 1 when something was left alone.

    Example: redline host restore
    """
    hosts = hosts_of(names, inventory)
    with interruptible(), fleet_of(hosts) as fleet:
        if show:
            replies = fleet.ask("status", {one.name: {} for one in hosts})
        else:
            replies = fleet.ask("restore", {one.name: {"force": force} for one in hosts})
    if show:
        if not as_json:
            for name, reply in told(replies):
                text.say(text.status_lines(reply), "  " if name else "")
        leave(replies, "status", ExitCode.READY, as_json=as_json)
    if not as_json:
        say_restored(replies)
    code = ExitCode.FAIL if are_left(replies) else ExitCode.READY
    leave(replies, "restore", code, as_json=as_json)
