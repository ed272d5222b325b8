"""`redline limits`: what a limits file says, what a new one changes, and who agreed to it.

check exits with 1 when a limit is missing, diff when two people must agree, verify when they have
not; all exit with 2 for a mistake in a file or in the command line.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.errors import ExitCode, HostError, RedlineError

if TYPE_CHECKING:
    from engine.trade.limits import LimitSet, Member, Scope
    from harness.config.limits import Limits
    from harness.limit_diff import Diff

limits = typer.Typer(help="What orders are held against.", no_args_is_help=False)

NO_LIMITS = "none"

File = Annotated[Path, typer.Argument(metavar="FILE", help="A limits file.")]
Old = Annotated[
    str, typer.Argument(metavar="OLD", help="The limits file in force; 'none' before the first.")
]
New = Annotated[Path, typer.Argument(metavar="NEW", help="The limits file that shall follow.")]
ApprovalFile = Annotated[Path, typer.Argument(metavar="APPROVAL", help="The approval's file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@limits.command()
def check(file: File, as_json: Json = False) -> None:
    """Say what a limits file holds: its hash, what is switched off, and what is missing.

    Example: redline limits check scenarios/limits/firm.yaml
    """
    said = _load(file)
    off = {scope: list(said.set.switched_off(scope)) for scope in _scopes()}
    missing = {scope: list(_missing(said, scope)) for scope in _scopes()}
    if as_json:
        print(json.dumps(_as_json(said, off, missing), indent=1, sort_keys=True))
    else:
        print("\n".join(_as_text(said, off, missing)))
    raise typer.Exit(ExitCode.FAIL if any(missing.values()) else ExitCode.READY)


@limits.command()
def diff(old: Old, new: New, as_json: Json = False) -> None:
    """Say what changes, limit by limit, and whether two people must agree.

    Example: redline limits diff limits.yaml limits.new.yaml
    """
    now = _load(new)
    was = _load_old(old)
    if was is None:
        raise RedlineError(f"{NO_LIMITS}: against nothing everything is looser; see limits check")
    found = _diff(was, now)
    if as_json:
        print(json.dumps(_diff_json(found), indent=1, sort_keys=True))
    else:
        for line in found.lines:
            print(str(line).rstrip())
        print(f"{found.n_changes} changes. {found.verdict}")
    raise typer.Exit(ExitCode.FAIL if found.needs_two else ExitCode.READY)


@limits.command()
def approve(
    old: Old,
    new: New,
    approval: ApprovalFile,
    key: Annotated[
        Path, typer.Option(metavar="KEY", help="Your SSH key; a .pub is signed for by the agent.")
    ],
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; given by the first of the two.")
    ] = None,
    expires: Annotated[
        str, typer.Option(metavar="TIME", help="How long the two have, from the first on.")
    ] = "4h",
) -> None:
    """Sign that NEW may follow OLD. The first of two makes APPROVAL, the second adds to it.

    Example: redline limits approve limits.yaml new.yaml new.approval --key ~/.ssh/id --reason why
    """
    from harness import approvals
    from harness.authority import LIMITS_LOOSEN
    from harness.config import units

    was, now = _load_both(old, new)
    was_set = was.set if was is not None else None
    if approval.exists():
        begun = approvals.read_approval(approval)
        begun.check_is_of(
            kind=LIMITS_LOOSEN,
            subject=approvals.limits_subject(was_set, now.set),
            epoch=now.set.version,
        )
        if reason is not None and reason != begun.statement.reason:
            raise RedlineError(f"--reason: it was given already: {begun.statement.reason!r}")
    else:
        if reason is None:
            raise RedlineError("--reason: the first of the two says why")
        try:
            left_s = units.positive(units.parse_duration)(expires) // units.NS_PER_S
        except units.UnitError as error:
            raise RedlineError(f"--expires: {error}") from None
        begun = approvals.Approval(
            approvals.limits_statement(
                was_set, now.set, reason=reason, expires_utc_s=int(time.time()) + left_s
            )
        )
    _show_what_is_signed(was, now)
    approvals.write_approval(approval, begun.signed(key))
    n = len(begun.signatures) + 1
    print(f"{approval}: signed by {n}" + ("; a second person must sign" if n == 1 else ""))


@limits.command()
def verify(
    old: Old,
    new: New,
    approval: ApprovalFile,
    allowed_signers: Annotated[
        Path, typer.Option(metavar="FILE", help="Who may sign: 'alice ssh-ed25519 AAAA...'.")
    ],
    as_json: Json = False,
) -> None:
    """Say whether two different people have approved that NEW follows OLD, and who they are.

    Example: redline limits verify limits.yaml new.yaml new.approval --allowed-signers signers
    """
    from harness import approvals
    from harness.authority import LIMITS_LOOSEN

    was, now = _load_both(old, new)
    was_set = was.set if was is not None else None
    two = approvals.read_approval(approval).check(
        kind=LIMITS_LOOSEN,
        subject=approvals.limits_subject(was_set, now.set),
        epoch=now.set.version,
        allowed_signers=allowed_signers,
        now=int(time.time()),
    )
    if as_json:
        print(json.dumps({"approved_by": two, "sha256": now.set.sha256}, sort_keys=True))
    else:
        print(f"{new}: version {now.set.version} approved by {two[0]} and {two[1]}")


# ---- Loading ------------------------------------------------------------------------------------


def _load(path: Path) -> Limits:
    try:
        from harness.config.limits import load_limits
    except ImportError as error:  # no compiled engine
        raise HostError(str(error).splitlines()[0]) from None
    return load_limits(path)


def _load_old(name: str) -> Limits | None:
    return None if name == NO_LIMITS else _load(Path(name))


def _load_both(old: str, new: Path) -> tuple[Limits | None, Limits]:
    """For what leads to the new set being put in force: its version must be above the old one's."""
    was, now = _load_old(old), _load(new)
    if was is not None and now.set.version <= was.set.version:
        raise RedlineError(
            f"{new}: version: {now.set.version} is not above {was.set.version}, that of {old}"
        )
    return was, now


def _diff(was: Limits, now: Limits) -> Diff:
    from harness.limit_diff import diff as difference

    return difference(was, now)


def _scopes() -> tuple[Scope, ...]:
    from engine.trade.limits import SCOPES

    return SCOPES


def _missing(said: Limits, scope: Scope) -> Iterator[tuple[Member, Any]]:
    """Without the sides of restricted symbols, which are missing because somebody said so."""
    import numpy as np

    for member, rows in said.set.missing(scope):
        left = np.setdiff1d(rows, said.restricted_rows()) if member.word == "sides" else rows
        if len(left):
            yield member, left


# ---- Saying it ----------------------------------------------------------------------------------


def _as_text(said: Limits, off: dict[Scope, Any], missing: dict[Scope, Any]) -> Iterator[str]:
    names = said.names
    yield (
        f"{said.path}: version {said.set.version}, {said.why}"
        if said.why
        else (f"{said.path}: version {said.set.version}")
    )
    yield f"sha256      {said.set.sha256}"
    yield (
        f"rows        {len(names.accounts)} accounts x {len(names.symbols)} symbols, "
        f"{len(names.strategies)} strategies, {len(names.venues)} venues"
    )
    for account, symbols in said.restricted.items():
        if symbols:
            yield f"restricted  {account}: {', '.join(sorted(symbols))}"
    yield f"checks      {_n_enabled(said.set)} of {_n_limited()} with a limit are on everywhere"
    for title, found in (("unlimited", off), ("MISSING", missing)):
        for scope, members in found.items():
            for member, rows in members:
                yield f"{title:<11} {scope:<9} {member.word:<26} {_where(said, scope, rows)}"


def _where(said: Limits, scope: Scope, rows: Any) -> str:
    from harness.limit_diff import SHOWN, row_name

    n_all = len(said.set.of(scope))
    if len(rows) == n_all:
        return "everywhere"
    named = ", ".join(row_name(scope, int(row), said.names) for row in rows[:SHOWN])
    return f"{len(rows)} of {n_all}: {named}{', ...' if len(rows) > SHOWN else ''}"


def _n_limited() -> int:
    """Checks that a limit can switch off."""
    from engine.trade.limits import MEMBERS

    return len({m.reason for members in MEMBERS.values() for m in members if m.may_be_off})


def _n_enabled(limit_set: LimitSet) -> int:
    off = {member.reason for scope in _scopes() for member, _ in limit_set.switched_off(scope)}
    return _n_limited() - len(off)


def _as_json(said: Limits, off: dict[Scope, Any], missing: dict[Scope, Any]) -> dict[str, Any]:
    names = said.names
    return {
        "file": str(said.path),
        "version": said.set.version,
        "sha256": said.set.sha256,
        "names_sha256": said.set.names_sha256,
        "accounts": names.accounts,
        "strategies": names.strategies,
        "venues": names.venues,
        "n_symbols": len(names.symbols),
        "restricted": {name: sorted(symbols) for name, symbols in said.restricted.items()},
        "checks_on_everywhere": _n_enabled(said.set),
        "checks_with_a_limit": _n_limited(),
        "unlimited": _counts(off),
        "missing": _counts(missing),
    }


def _counts(found: dict[Scope, Any]) -> dict[str, dict[str, int]]:
    return {
        scope: {member.word: len(rows) for member, rows in members}
        for scope, members in found.items()
    }


def _diff_json(found: Diff) -> dict[str, Any]:
    return {
        "how": str(found.how),
        "needs_two": found.needs_two,
        "n_changes": found.n_changes,
        "changes": [
            {
                "scope": line.member.scope,
                "limit": line.member.word,
                "how": str(line.how),
                "n": line.n,
                "first": [{"row": row, "was": was, "now": now} for row, was, now in line.first],
            }
            for line in found.lines
        ],
    }


def _show_what_is_signed(was: Limits | None, now: Limits) -> None:
    """On stderr: nobody should sign what he has not seen."""
    if was is None:
        print(f"{now.path}: the first limits, version {now.set.version}", file=sys.stderr)
        return
    found = _diff(was, now)
    for line in found.lines:
        print(str(line).rstrip(), file=sys.stderr)
    print(f"{found.n_changes} changes. {found.verdict}", file=sys.stderr)
