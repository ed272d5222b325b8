"""`redline host check`: whether a host is fit to be signed off on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.commands import host_text as text
from harness.commands.common import Json
from harness.commands.host_common import (
    Inventory,
    Names,
    Reply,
    TreeDir,
    fleet_of,
    hosts_of,
    leave,
    read_json,
    told,
)
from harness.commands.host_noise import causes_lines, floor_lines
from harness.commands.net_common import interruptible
from harness.errors import ExitCode, HostError, RedlineError, printable

if TYPE_CHECKING:
    from harness.config.inventory import HostEntry
    from harness.fleet.fleet import Fleet
    from harness.measure.causes import Attribution
    from harness.qualify.verdict import Qualification
    from harness.tuning.facts import Fact

MAX_SECONDS = 600.0
GRACE_S = 30.0  # beside the look: connecting, starting
LOCAL = "local"
MAX_NUMBER = 1e18  # in a record of noise: ns of thirty years

Records = Sequence[Mapping[str, Any]]


def check(
    names: Names = None,
    inventory: Inventory = None,
    tree: TreeDir = None,
    noise: Annotated[
        Path | None,
        typer.Option("--noise", metavar="FILE", help="A recorded noise.json instead of a look."),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", help="Length of the look for noise.")
    ] = 2.0,
    causes: Annotated[
        bool, typer.Option("--causes", help="Also where the lost time goes; takes a second look.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Also the rows that are met.")] = False,
    as_json: Json = False,
) -> None:
    """Say whether a host is fit to be signed off on, row by row: QUALIFIED or NOT QUALIFIED.

    Exits with 0 when it is and with 3 when it is not.

    Example: redline host check --causes
    """
    if not 0.05 <= seconds <= MAX_SECONDS:
        raise RedlineError(f"--seconds: not 0.05 to {MAX_SECONDS:g}: {seconds:g}")
    hosts = hosts_of(names, inventory, tree)
    if noise is not None and len(hosts) > 1:
        raise RedlineError("--noise: is of one host, so check that one alone")
    if causes and (tree is not None or any(one.transport.kind != LOCAL for one in hosts)):
        raise RedlineError("--causes: only of this machine")
    recorded = None if noise is None else _noise_file(noise)
    if tree is not None and recorded is None:
        recorded = ()
    replies: dict[str, Reply] = {}
    with interruptible(), fleet_of(hosts, tree) as fleet:
        asked = fleet.ask("facts", {one.name: {"cores": dict(one.cores)} for one in hosts})
        # One after the other, so that none hears another.
        for one in hosts:
            replies[one.name] = reply = asked[one.name]
            if not reply["ok"]:
                continue
            try:
                found = _checked(fleet, one, reply, recorded, seconds, causes=causes)
            except RedlineError as error:
                failed = {"ok": False, "error": str(error), "exit_code": int(error.exit_code)}
                replies[one.name] = failed
                continue
            replies[one.name] = {"ok": True} | found.as_json()
            if not as_json:
                for name, _ in told({one.name: replies[one.name]}, among=len(hosts)):
                    _say(found, "  " if name else "", every=every)
    fit = all(reply.get("qualified") for reply in replies.values())
    leave(replies, "check", ExitCode.READY if fit else ExitCode.HOST_NOT_FIT, as_json=as_json)


@dataclass(frozen=True, slots=True)
class Checked:
    """What one host answers, with the noise that was heard there."""

    qualification: Qualification
    noise: Records
    causes: Attribution | None

    def as_json(self) -> dict[str, Any]:
        causes = {} if self.causes is None else {"causes": self.causes.as_json()}
        return {**self.qualification.as_json(), "noise": list(self.noise), **causes}


def _checked(
    fleet: Fleet,
    one: HostEntry,
    before: Reply,
    recorded: Records | None,
    seconds: float,
    *,
    causes: bool,
) -> Checked:
    """With a look: what moved meanwhile is judged; without: what was recorded, or nothing."""
    from harness.qualify import qualify
    from harness.qualify.window import window

    facts = _facts(before)
    if recorded is not None:
        # Which CPUs were measured on, what was recorded says itself.
        return Checked(qualify(facts, recorded or None, None), recorded, None)
    cpus = _cpus(one, before)
    start = time.monotonic()
    records = _look(fleet, one, cpus, seconds)
    after = _facts(_ask(fleet, one, "facts"))
    moved = window(facts, after, time.monotonic() - start)
    found = None
    if causes:
        found = _causes(cpus, seconds)
    return Checked(qualify({**after, **moved}, records, cpus), records, found)


def _look(fleet: Fleet, one: HostEntry, cpus: Sequence[int], seconds: float) -> Records:
    """By the engine's probe on this machine; elsewhere by the one that needs no engine."""
    if one.transport.kind == LOCAL:
        try:
            from harness.measure.hiccups import look
        except ImportError:
            pass
        else:
            with _said_in_a_line():
                return [record for core in look(cpus, seconds) for record in core.records]
    from harness.measure.noise import floor_records

    reply = _ask(fleet, one, "noise", limit_s=seconds + GRACE_S, seconds=seconds)
    return floor_records(reply["gaps"])


def _causes(cpus: Sequence[int], seconds: float) -> Attribution:
    try:
        from harness.measure.causes import by_cause
    except ImportError as error:
        raise HostError(f"--causes: {str(error).splitlines()[0]}") from None
    with _said_in_a_line():
        return by_cause(cpus, seconds)


@contextlib.contextmanager
def _said_in_a_line() -> Iterator[None]:
    """The engine's errors are the kernel's: a CPU that may not be used."""
    try:
        yield
    except OSError as error:
        raise HostError(f"the noise cannot be looked at: {error.strerror or error}") from None


def _ask(fleet: Fleet, one: HostEntry, do: str, limit_s: float = GRACE_S, **more: Any) -> Reply:
    from harness.commands.host_common import needed

    request = {"cores": dict(one.cores), **more}
    return needed(fleet.ask(do, {one.name: request}, limit_s=limit_s)[one.name])


def _facts(reply: Reply) -> dict[str, Fact]:
    from harness.qualify.recorded import facts_of

    return facts_of(reply)


def _cpus(one: HostEntry, reply: Reply) -> list[int]:
    """The hot CPUs; with a single CPU, that one."""
    from harness.tuning.tree import Absent, cpu_list

    roles = reply["roles"]
    try:
        cpus = cpu_list(roles["hot"] or roles["housekeeping"])
    except (Absent, KeyError, TypeError, AttributeError):
        cpus = []
    if not cpus:
        raise HostError(f"{one.name}: does not say which of its CPUs are measured on")
    return cpus


def _noise_file(path: Path) -> Records:
    raw = read_json(path, "the noise of a run")
    looks = raw.get("floor")
    neighbours = raw.get("neighbour", [])
    if not isinstance(looks, list) or not isinstance(neighbours, list):
        raise RedlineError(printable(f"{path}: is not the noise.json of a run"))
    for number, one in enumerate(looks):
        if not _is_look(one):
            said = f"{path}: floor.{number}: is no look at the noise of a CPU"
            raise RedlineError(printable(said))
    return [*looks, *(one for one in neighbours if isinstance(one, dict))]


def _is_look(one: object) -> bool:
    """Whether everything is there that is judged or shown of it, as a probe leaves it."""
    from harness.measure.noise import floor_of

    if not isinstance(one, dict) or type(one.get("cpu")) is not int or one["cpu"] < 0:
        return False
    numbers: list[Any] = [one.get(key) for key in ("seconds", "lost_ns", "max_ns")]
    if not all(type(n) in (int, float) and 0 <= n < MAX_NUMBER for n in numbers):
        return False
    if one["seconds"] == 0 or one["lost_ns"] > 1.01e9 * one["seconds"]:  # two clocks, not alike
        return False
    try:
        if "rate" in one:
            floor_of({"role": "", **one})
    except (ValueError, KeyError, TypeError):
        return False
    return True


def _say(found: Checked, indent: str, *, every: bool) -> None:
    text.say(text.check_lines(found.qualification, every=every), indent)
    text.say(floor_lines(found.noise), indent)
    if found.causes is not None:
        text.say(causes_lines(found.causes), indent)
    text.say(text.verdict_lines(found.qualification), indent)
