"""`redline host plan` and `redline host verify`: how far hosts are from what a profile wants."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands import host_text as text
from harness.commands.common import Json
from harness.commands.host_common import (
    Card,
    Every,
    Inventory,
    Names,
    ProfileName,
    TreeDir,
    fleet_of,
    hosts_of,
    leave,
    requests_of,
    told,
)
from harness.commands.net_common import interruptible
from harness.errors import ExitCode, RedlineError

LEVELS = ("readback", "derived", "effect")
EFFECTS_S = 600.0  # every knob of a profile has an effect to measure, a second each


def plan(
    names: Names = None,
    profile: ProfileName = None,
    nic: Card = None,
    inventory: Inventory = None,
    tree: TreeDir = None,
    every: Every = False,
    as_json: Json = False,
) -> None:
    """Print every write with its value before and after, what needs a reboot, what cannot be.

    Nothing is written. Exits with 0 when nothing is to be changed and with 1 when something is.

    Example: redline host plan --profile low-latency
    """
    hosts = hosts_of(names, inventory, tree)
    requests = requests_of(hosts, profile, nic)
    with interruptible(), fleet_of(hosts, tree) as fleet:
        replies = fleet.ask("plan", requests)
    drifts = any(
        op["state"] in ("change", "ineffective", "reboot")
        for reply in replies.values()
        for op in reply.get("ops", ())
    )
    if not as_json:
        for name, reply in told(replies):
            indent = "  " if name else ""
            text.say(text.ops_lines(reply["ops"], every=every, words=text.PLANNED), indent)
            text.say(text.boot_lines(reply["ops"]), indent)
    leave(replies, "plan", ExitCode.FAIL if drifts else ExitCode.READY, as_json=as_json)


def verify(
    names: Names = None,
    profile: ProfileName = None,
    nic: Card = None,
    inventory: Inventory = None,
    tree: TreeDir = None,
    level: Annotated[
        str, typer.Option("--level", metavar="L", help="readback, derived or effect (measures).")
    ] = "derived",
    every: Annotated[bool, typer.Option("--all", help="Also what holds.")] = False,
    as_json: Json = False,
) -> None:
    """Say whether hosts are as a profile wants them, and at which level that was shown.

    Exits with 0 when everything holds that can, and with 1 when something does not.

    Example: redline host verify --profile low-latency --level effect
    """
    if level not in LEVELS:
        raise RedlineError(f"--level: not one of {', '.join(LEVELS)}: {level!r}")
    hosts = hosts_of(names, inventory, tree)
    requests = {
        name: request | {"level": level}
        for name, request in requests_of(hosts, profile, nic).items()
    }
    with interruptible(), fleet_of(hosts, tree) as fleet:
        replies = fleet.ask("verify", requests, limit_s=EFFECTS_S)
    fails = any(reply.get("fails") for reply in replies.values())
    if not as_json:
        for name, reply in told(replies):
            lines = text.proofs_lines(reply["proofs"], reply["reached"], every=every)
            text.say(lines, "  " if name else "")
    leave(replies, "verify", ExitCode.FAIL if fails else ExitCode.READY, as_json=as_json)
