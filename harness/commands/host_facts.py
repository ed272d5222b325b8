"""`redline host facts` and `redline host diff`: what hosts are, and in what two of them differ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from harness.commands import host_text as text
from harness.commands.common import Json, print_json
from harness.commands.host_common import (
    Inventory,
    Names,
    TreeDir,
    fleet_of,
    hosts_of,
    leave,
    needed,
    read_json,
    told,
)
from harness.commands.net_common import interruptible
from harness.errors import ExitCode, RedlineError, printable

Facts = dict[str, Any]


def facts(
    names: Names = None,
    inventory: Inventory = None,
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="DIR", help="Write a tree of the files that were read."),
    ] = None,
    tree: TreeDir = None,
    as_json: Json = False,
) -> None:
    """Say what a host is: every fact with its source, or why there is none.

    Example: redline host facts --json
    """
    from harness.measure.fingerprint import fingerprint

    if record is not None:
        if names or tree or inventory:
            raise RedlineError("--record: only of this machine")
        _record(record, as_json=as_json)
        return
    asked = _ask(names, inventory, tree)
    replies = {
        name: reply | {"fingerprint": fingerprint(reply["facts"])} if reply["ok"] else reply
        for name, reply in asked.items()
    }
    if not as_json:
        for name, reply in told(replies):
            text.say(text.facts_lines(reply["facts"]), "  " if name else "")
            text.say(iter([f"fingerprint {reply['fingerprint']}"]), "  " if name else "")
    leave(replies, "facts", ExitCode.READY, as_json=as_json)


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A host, a facts or env file, a run.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other one.")],
    inventory: Inventory = None,
    as_json: Json = False,
) -> None:
    """Say whether figures of two environments may be compared, and in which fields they differ.

    Exits with 0 when the fingerprints are equal and with 1 when they are not. A host on which
    nothing was run has no build: then that is not compared.

    Example: redline host diff runs/A/env.json local
    """
    from harness.measure.fingerprint import common_parts, differences, fingerprint

    ours, theirs = (_environment(one, inventory) for one in (a, b))
    parts = common_parts(ours, theirs)
    if not parts:
        raise RedlineError(printable(f"{a}, {b}: have nothing in common that could be compared"))
    found = differences(ours, theirs, parts)
    prints = [fingerprint(ours, parts), fingerprint(theirs, parts)]
    if as_json:
        print_json(
            {
                "schema": "redline.host-diff/1",
                "parts": list(parts),
                "fingerprints": prints,
                "differences": [one.as_json() for one in found],
            }
        )
    else:
        for one in found:
            shown = f"{text.value_text(one.ours)} | {text.value_text(one.theirs)}"
            print(printable(f"{one.part:<9} {one.name:<28} {shown}"))
        print(f"compared by: {', '.join(parts)}")
        print(
            "the fingerprints differ: figures of one say nothing about the other"
            if found
            else f"the same fingerprint: {prints[0]}"
        )
    raise typer.Exit(ExitCode.FAIL if found else ExitCode.READY)


def _ask(
    names: list[str] | None, inventory: Path | None, tree: Path | None = None
) -> dict[str, dict[str, Any]]:
    hosts = hosts_of(names, inventory, tree)
    with interruptible(), fleet_of(hosts, tree) as fleet:
        return fleet.ask("facts", {one.name: {"cores": dict(one.cores)} for one in hosts})


def _record(directory: Path, *, as_json: bool) -> None:
    from harness.tuning.facts import record
    from harness.tuning.host import Host

    if directory.exists():
        raise RedlineError(printable(f"{directory}: is there already"))
    n = record(Host(), directory)
    if as_json:
        print_json({"schema": "redline.host-record/1", "dir": str(directory), "files": n})
    else:
        print(printable(f"{directory}: {n} files, without serial numbers and addresses"))


def _environment(name: str, inventory: Path | None) -> Facts:
    """The facts of a host, of a file that holds them, of a run directory, of a recorded tree."""
    path = Path(name)
    if path.is_dir():
        inside = path / "env.json"
        if not inside.is_file():
            (reply,) = _ask(None, None, path).values()
            return dict(needed(reply)["facts"])
        path = inside
    if path.is_file():
        return _facts_in(path)
    (reply,) = _ask([name], inventory).values()
    return dict(needed(reply)["facts"])


def _facts_in(path: Path) -> Facts:
    """From env.json, or what `host facts --json` printed about one host."""
    raw = read_json(path, "facts of one host")
    hosts = raw.get("hosts")
    if isinstance(hosts, dict) and len(hosts) == 1:
        (raw,) = hosts.values()
    facts = raw.get("facts") if isinstance(raw, dict) else None
    if isinstance(facts, dict) and facts and all(map(_is_fact, facts.values())):
        return dict(facts)
    raise RedlineError(printable(f"{path}: holds no facts of one host"))


def _is_fact(raw: object) -> bool:
    return isinstance(raw, dict) and {"value", "source"} <= raw.keys()
