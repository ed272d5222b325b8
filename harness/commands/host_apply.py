"""`redline host apply`: tune, hold, put everything back."""

from __future__ import annotations

import contextlib
import math
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.commands import host_text as text
from harness.commands.common import Json
from harness.commands.host_common import (
    LEFT,
    Card,
    Every,
    Inventory,
    Names,
    ProfileName,
    Reply,
    are_left,
    fleet_of,
    hosts_of,
    leave,
    requests_of,
    say_restored,
    told,
)
from harness.commands.net_common import interruptible
from harness.errors import ExitCode, RedlineError, printable

if TYPE_CHECKING:
    from harness.fleet.fleet import Fleet

POLL_S = 0.5
MAX_HOLD_S = 7 * 24 * 3600.0
GRACE_S = 30.0
ENDING_S = 10.0  # for a command to end when it is told to


def apply(
    names: Names = None,
    profile: ProfileName = None,
    nic: Card = None,
    inventory: Inventory = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it tuned until `redline host restore`.")
    ] = False,
    hold_for: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Put everything back after that, like 2h."),
    ] = None,
    during: Annotated[
        str | None,
        typer.Option("--while", metavar="COMMAND", help="Hold as long as a command runs."),
    ] = None,
    every: Every = False,
    as_json: Json = False,
) -> None:
    """Tune hosts by a profile, hold that, and put everything back.

    Held until Ctrl-C, for a time, while a command runs, or with --keep until it is restored. A
    process beside this one puts everything back when this one is killed.

    Exits with 0 when it was held as asked, and with 1 when a host did not take what the plan would
    have changed, when somebody else has changed something meanwhile, or when the command failed.

    Example: redline host apply --profile low-latency --while "redline run week1"
    """
    from harness.tuning.stopping import ended_as_interrupted

    seconds = _seconds(hold_for)
    command = _command(during)
    if keep and command is not None:
        raise RedlineError("--keep and --while: only one of them")
    hosts = hosts_of(names, inventory)
    requests = {
        name: request | {"seconds": _deadline_s(seconds, keep=keep), "keep": keep}
        for name, request in requests_of(hosts, profile, nic).items()
    }
    code = ExitCode.READY
    with interruptible(), ended_as_interrupted(), fleet_of(hosts) as fleet:
        with _armed(fleet, requests, keep=keep) as replies:
            if not as_json:
                _say_applied(replies, every=every, keep=keep)
            if not keep:
                code = _hold(fleet, seconds, command, quiet=as_json)
        if not keep and not as_json:
            say_restored(replies)
    if code is ExitCode.READY and (are_left(replies) or _fell_short(replies)):
        code = ExitCode.FAIL
    leave(replies, "apply", code, as_json=as_json)


@contextlib.contextmanager
def tuned_here(
    profile: str | None, *, host: str | None = None, keep: bool = False
) -> Iterator[dict[str, Any] | None]:
    """This machine by a profile, for as long as the block runs; what that changed, as JSON.

    Without a profile nothing is touched, and there is nothing to say. `host` is its name in an
    inventory, for the roles of its CPUs and cards. With `keep` it stays tuned after the block.
    """
    if profile is None:
        yield None
        return
    from harness.tuning.stopping import ended_as_interrupted

    here = hosts_of([host] if host else None, None)
    requests = {
        name: request | {"keep": keep} for name, request in requests_of(here, profile, None).items()
    }
    with ended_as_interrupted(), fleet_of(here) as fleet:
        with _armed(fleet, requests, keep=keep) as replies:
            (reply,) = replies.values()
            yield {"profile": profile, "roles": reply["roles"], "ops": reply["ops"]}
        _complain_of_what_is_left(replies)


@contextlib.contextmanager
def _armed(
    fleet: Fleet, requests: Mapping[str, Mapping[str, Any]], *, keep: bool = False
) -> Iterator[Mapping[str, Reply]]:
    """As armed() of the fleet; what could not be put back is told also when it ends in an error."""
    replies: Mapping[str, Reply] = {}
    title = ", ".join(dict.fromkeys(str(request["title"]) for request in requests.values()))
    try:
        with fleet.armed(requests, title=title, keep=keep) as replies:
            yield replies
    except BaseException:
        _complain_of_what_is_left(replies)
        raise


def _complain_of_what_is_left(replies: Mapping[str, Reply]) -> None:
    for name, reply in replies.items():
        left = [one for one in reply.get("restored", ()) if one["state"] in LEFT]
        start = f"{name}: " if len(replies) > 1 else ""
        text.complain(f"{start}{line}" for line in text.restored_lines(left) if left)


def _fell_short(replies: Mapping[str, Reply]) -> bool:
    return any(reply.get("fell_short") for reply in replies.values())


def _seconds(hold_for: str | None) -> float | None:
    if hold_for is None:
        return None
    from harness.config import units

    try:
        seconds = units.positive(units.parse_duration)(hold_for) / 1e9
    except units.UnitError as error:
        raise RedlineError(f"--for: {error}") from None
    if seconds > MAX_HOLD_S:
        raise RedlineError(f"--for: more than a week: {hold_for!r}")
    return seconds


def _command(during: str | None) -> list[str] | None:
    """The words of a command that can be started, before anything is changed for it."""
    if during is None:
        return None
    try:
        words = shlex.split(during)
    except ValueError as error:
        raise RedlineError(f"--while: {str(error).lower()}: {during[:60]!r}") from None
    if not words:
        raise RedlineError("--while: no command")
    if shutil.which(words[0]) is None:
        raise RedlineError(f"--while: no such program: {words[0]!r}")
    return words


def _deadline_s(seconds: float | None, *, keep: bool) -> float | None:
    """When a host puts itself back: what is held here is given back by us, and well before."""
    return seconds if keep or seconds is None else seconds + GRACE_S


def _hold(
    fleet: Fleet, seconds: float | None, command: list[str] | None, *, quiet: bool
) -> ExitCode:
    """Wait for what ends it, and how that is to be told.

    Ctrl-C ends what is held until then, and interrupts all else; either way all is put back.
    """
    until = "Ctrl-C" if seconds is None else f"{seconds:g} s are over"
    try:
        if command is None and not quiet:
            print(f"held until {until}", flush=True)
        if command is not None:
            return _while(command, seconds, quiet=quiet)
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and _is_held(fleet):
            time.sleep(min(POLL_S, left))
    except KeyboardInterrupt:
        if command is None and seconds is None:
            return ExitCode.READY
        print("interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    return ExitCode.READY


def _is_held(fleet: Fleet) -> bool:
    """Whether all hosts still are as they were made, as far as is known without asking far ones."""
    here = [one.name for one in fleet.hosts.values() if one.transport.kind == "local"]
    replies = fleet.ask("held", {name: {} for name in here}) if here else {}
    return not fleet.lost and not any(reply.get("ended") for reply in replies.values())


def _while(command: list[str], seconds: float | None, *, quiet: bool) -> ExitCode:
    """Its output goes where ours does; to stderr where ours is JSON."""
    from harness.tuning.stopping import held_signals

    sys.stdout.flush()
    try:
        child = subprocess.Popen(command, stdout=sys.stderr if quiet else None)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise RedlineError(f"--while: {command[0]}: {why}") from None
    try:
        code = child.wait(seconds)
    except subprocess.TimeoutExpired:
        print(printable(f"{command[0]}: ended after {seconds:g} s"), file=sys.stderr)
        code = 1
    finally:
        with held_signals():
            _end(child)
    return ExitCode.READY if code == 0 else ExitCode.FAIL


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(ENDING_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _say_applied(replies: Mapping[str, Reply], *, every: bool, keep: bool) -> None:
    for name, reply in told(replies):
        indent = "  " if name else ""
        text.say(text.ops_lines(reply["ops"], every=every, words=text.DONE), indent)
        text.say(text.boot_lines(reply["ops"]), indent)
        if keep and reply["already"]:
            text.say(iter(["kept already; nothing was changed"]), indent)
        elif keep and reply["commands"]:
            text.say(iter(["kept until `redline host restore`; by hand, in this order:"]), indent)
            text.say(iter(reply["commands"]), f"{indent}  ")
    sys.stdout.flush()
