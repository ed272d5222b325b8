"""What the commands of `redline host` share: hosts by name, requests by profile, replies told."""

from __future__ import annotations

import contextlib
import json
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from harness.commands import host_text as text
from harness.commands.common import print_json
from harness.errors import ExitCode, RedlineError, printable

if TYPE_CHECKING:
    from harness.config.inventory import HostEntry
    from harness.config.profile import Profile
    from harness.fleet.fleet import Fleet

Names = Annotated[
    list[str] | None, typer.Argument(metavar="HOST...", help="Of an inventory; this machine.")
]
Inventory = Annotated[
    Path | None, typer.Option("--inventory", metavar="FILE", help="Instead of hosts/*.yaml.")
]
ProfileName = Annotated[
    str | None,
    typer.Option("--profile", metavar="P", help="A profile file, or the name of a shipped one."),
]
Card = Annotated[
    list[str] | None,
    typer.Option("--nic", metavar="ROLE=IF", help="Which interface plays a role of the profile."),
]
TreeDir = Annotated[
    Path | None,
    typer.Option("--tree", metavar="DIR", help="A recorded tree instead of a machine."),
]
Every = Annotated[bool, typer.Option("--all", help="Also what is as wanted.")]

Reply = Mapping[str, Any]
MAX_SHOWN = 60  # characters of what somebody typed
MAX_JSON_BYTES = 64 << 20  # noise.json of a long run is a hundredth of it
LEFT = ("foreign", "failed")  # what a restore may come to other than the state before


def hosts_of(
    names: list[str] | None, inventory: Path | None, tree: Path | None = None
) -> list[HostEntry]:
    """The hosts that are meant; the one that was recorded in `tree` alone, when there is one."""
    from harness.config.inventory import HostEntry, find_hosts

    if tree is None:
        return find_hosts(names or [], inventory)
    if names or inventory:
        raise RedlineError("--tree: takes the place of hosts, and of an inventory")
    if not tree.is_dir():
        raise RedlineError(printable(f"{tree}: no such directory"))
    return [HostEntry(str(tree))]


@contextlib.contextmanager
def fleet_of(hosts: Sequence[HostEntry], tree: Path | None = None) -> Iterator[Fleet]:
    """All of them, to be asked together; of a recorded tree what answers is here."""
    from harness.fleet.fleet import open_fleet
    from harness.fleet.gateway import Gateway, LocalGateway, gateway_to

    def make(one: HostEntry) -> Gateway:
        if tree is None:
            return gateway_to(one)
        from harness.tuning.host import Host
        from harness.tuning.service import Service

        return LocalGateway(one, Service(Host(tree)))

    with open_fleet(hosts, make) as fleet:
        yield fleet


def requests_of(
    hosts: Sequence[HostEntry], profile: str | None, nic: list[str] | None
) -> dict[str, dict[str, Any]]:
    """What each host is asked for, by its own profile or the one that was named."""
    given = _cards(nic)
    requests: dict[str, dict[str, Any]] = {}
    loaded: dict[str, Profile] = {}
    for one in hosts:
        name = profile or one.profile
        if name is None:
            raise RedlineError(printable(f"{one.name}: no profile: name one with --profile"))
        chosen = loaded.get(name) or loaded.setdefault(name, _profile(name))
        interfaces = dict(one.nics) | given
        for role in chosen.unplayed(interfaces):
            line = (
                f"{one.name}: no interface plays {role!r} of profile {chosen.name}; --nic {role}=IF"
            )
            print(printable(line), file=sys.stderr)
        requests[one.name] = {
            "title": chosen.name,
            "cores": dict(one.cores),
            "wishes": chosen.wishes(interfaces),
        }
    roles = sorted({role for chosen in loaded.values() for role in chosen.cards})
    for role in given:
        if role not in roles:
            known = f"it knows {', '.join(roles)}" if roles else "it asks nothing of a card"
            raise RedlineError(printable(f"--nic: no role {role!r} in the profile; {known}"))
    return requests


def _profile(name: str) -> Profile:
    from harness.config.profile import load_profile, profile_path

    return load_profile(profile_path(name))


def _cards(nic: list[str] | None) -> dict[str, str]:
    from harness.tuning.ethtool import interface_name

    cards: dict[str, str] = {}
    for one in nic or ():
        role, equals, interface = one.partition("=")
        if not (role and equals):
            raise RedlineError(printable(f"--nic: not ROLE=INTERFACE: {one[:MAX_SHOWN]!r}"))
        if role in cards:
            raise RedlineError(printable(f"--nic: {role!r} is given twice"))
        try:
            cards[role] = interface_name(interface)
        except ValueError as error:
            raise RedlineError(f"--nic: {error}") from None
    return cards


def read_json(path: Path, what: str) -> dict[str, Any]:
    """A JSON object from a file that somebody hands us. RedlineError, one line, for all else."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RedlineError(printable(f"{path}: is not a regular file"))
        if path.stat().st_size > MAX_JSON_BYTES:
            raise RedlineError(printable(f"{path}: is too large to hold {what}"))
        raw = json.loads(path.read_bytes())
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise RedlineError(printable(f"{path}: {why}")) from None
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict):
        raise RedlineError(printable(f"{path}: is no JSON that holds {what}"))
    return raw


def say_restored(replies: Mapping[str, Reply]) -> None:
    for name, reply in told(replies):
        text.say(text.restored_lines(reply.get("restored", [])), "  " if name else "")


def are_left(replies: Mapping[str, Reply]) -> bool:
    """Whether something is not as it was before the tuning: of somebody else, or stuck."""
    return any(
        item["state"] in LEFT for reply in replies.values() for item in reply.get("restored", ())
    )


def told(replies: Mapping[str, Reply], *, among: int = 0) -> Iterator[tuple[str, Reply]]:
    """Replies that are none of an error, each after its host's name when there are several.

    `among`: how many hosts there are in all, when these are not all of them.
    """
    for name, reply in replies.items():
        if not reply["ok"]:
            continue
        shown = name if max(among, len(replies)) > 1 else ""
        if shown:
            print(printable(shown))
        yield shown, reply


def needed(reply: Reply) -> Reply:
    """The reply; a RedlineError when it is that of a host that failed."""
    if not reply["ok"]:
        from harness.tuning.service import error_of

        raise error_of(reply)
    return reply


def leave(replies: Mapping[str, Reply], what: str, code: ExitCode, *, as_json: bool) -> NoReturn:
    """Print the errors, or all as JSON, and leave with the worst of the codes."""
    failed = {name: reply for name, reply in replies.items() if not reply["ok"]}
    if as_json:
        print_json({"schema": f"redline.host-{what}/1", "hosts": replies})
    for reply in failed.values():
        for line in str(reply["error"]).splitlines():
            print(printable(line), file=sys.stderr)
    worst = max((int(reply["exit_code"]) for reply in failed.values()), default=int(code))
    raise typer.Exit(worst)
