"""`redline kill`: what is stopped and why; stop something; let it go on when two people agree.

    redline kill request-reset reset.json --reason "feed is back" --key ~/.ssh/alice
    redline kill approve       reset.json --key ~/.ssh/bob
    redline kill arm           reset.json --allowed-signers signers

status exits with 0 while nothing is stopped and with 1 while anything is; trip with 1 when the
latch could not be saved, the others when they refuse; all with 2 for a mistake in the command line.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.errors import ExitCode, HostError, RedlineError

if TYPE_CHECKING:
    from engine.trade.cause import Cause
    from engine.trade.kill import KillBoard, Status
    from engine.trade.limits import Names
    from engine.trade.orders import Scope

kill = typer.Typer(help="The kill switch: what is stopped, why, and how it is let go.")

Directory = Annotated[
    Path | None,
    typer.Option("--dir", metavar="DIR", help="The engine's run directory; $REDLINE_RUN_DIR."),
]
Limits = Annotated[
    Path | None, typer.Option("--limits", metavar="FILE", help="A limits file, for its names.")
]
Where = Annotated[
    str,
    typer.Option(
        "--scope", metavar="SCOPE", help="global, venue=V, account=A, strategy=S, symbol=S."
    ),
]
ApprovalFile = Annotated[Path, typer.Argument(metavar="APPROVAL", help="The approval's file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

WATCHDOG_LOCK = "watchdog.lock"
RESET_S = 5 * 60  # between the first signature and the reset, at most


class Refused(RedlineError):
    """The board does not allow it now; one line says what must come first."""

    exit_code = ExitCode.FAIL


@kill.command()
def status(directory: Directory = None, limits: Limits = None, as_json: Json = False) -> None:
    """Say what is stopped, since when, by whom and why.

    Example: redline kill status --limits limits.yaml
    """
    with _board(directory) as (board, where):
        said = board.status()
        names = _names(limits)
        if as_json:
            _print(_as_json(board, where, said, names))
        else:
            print("\n".join(_as_text(board, where, said, names)))
    raise typer.Exit(ExitCode.FAIL if said.tripped else ExitCode.READY)


@kill.command()
def trip(
    directory: Directory = None,
    scope: Where = "global",
    cause: Annotated[
        str, typer.Option(metavar="CAUSE", help="Why: manual, loss, reconcile, ...")
    ] = "manual",
    limits: Limits = None,
    as_json: Json = False,
) -> None:
    """Stop everything, or a scope: at once, and until two people let it go on.

    Example: redline kill trip --scope account=main --cause loss --limits limits.yaml
    """
    which, index = _scope(scope, _names(limits))
    if which is None:
        raise RedlineError(f"--scope: {scope!r} cannot be stopped (everything is 'global')")
    why = _cause(cause)
    with _board(directory) as (board, where):
        is_first = board.trip(why, which, index)
        latched = _persist(board, where)
        said = board.status()
    if as_json:
        _print({"is_first": is_first, "is_latched": latched, "epoch": said.epoch})
    else:
        stopped = "stopped" if is_first else "was stopped before"
        print(f"{_place(which, index, None)}: {stopped}, epoch {said.epoch}")
    raise typer.Exit(ExitCode.READY if latched else ExitCode.FAIL)


@kill.command("request-reset")
def request_reset(
    approval: ApprovalFile,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it may go on; one line.")],
    directory: Directory = None,
    scope: Annotated[
        str, typer.Option(metavar="SCOPE", help="What shall go on: all, global, account=A ...")
    ] = "all",
    key: Annotated[
        Path | None, typer.Option(metavar="KEY", help="Your SSH key: you are the first of two.")
    ] = None,
    limits: Limits = None,
    as_json: Json = False,
) -> None:
    """Ask for a reset. APPROVAL is made anew, for two people to sign within five minutes.

    Example: redline kill request-reset reset.json --reason "feed is back" --key ~/.ssh/alice
    """
    from engine import EngineError
    from harness.approvals import Approval, write_approval
    from harness.authority import KILL_RESET, Statement

    which, index = _scope(scope, _names(limits))
    with _board(directory) as (board, where):
        # Before the board is asked: what cannot be signed must change nothing.
        Statement(KILL_RESET, _subject(where, which, index, board), 0, reason, 0)
        try:
            epoch = board.request()
        except EngineError as error:
            raise Refused(f"{where}: {_why_no_request(error, board)}") from None
        begun = Approval(
            Statement(
                KILL_RESET,
                _subject(where, which, index, board),
                epoch,
                reason,
                int(time.time()) + RESET_S,
            )
        )
    if key is not None:
        begun = begun.signed(key)
    write_approval(approval, begun)
    n = len(begun.signatures)
    if as_json:
        _print({"epoch": epoch, "signatures": n, "subject": begun.statement.subject})
    else:
        print(f"{approval}: {begun.statement.subject}\nepoch {epoch}; {_still(n)}")


@kill.command()
def approve(
    approval: ApprovalFile,
    key: Annotated[
        Path, typer.Option(metavar="KEY", help="Your SSH key; a .pub is signed for by the agent.")
    ],
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Sign that what APPROVAL names may go on.

    Example: redline kill approve reset.json --key ~/.ssh/bob
    """
    from harness.approvals import read_approval, write_approval

    begun = read_approval(approval)
    with _board(directory) as (board, where):
        which, index = _scope_of_subject(begun.statement.subject)
        _check_is_of(begun, board, where, which, index)
        said = board.status()
    print(
        f"you sign: {begun.statement.subject}; why: {begun.statement.reason}; epoch {said.epoch}",
        file=sys.stderr,
    )
    begun = begun.signed(key)
    write_approval(approval, begun)
    n = len(begun.signatures)
    if as_json:
        _print({"epoch": said.epoch, "signatures": n, "subject": begun.statement.subject})
    else:
        print(f"{approval}: {_still(n)}")


@kill.command()
def arm(
    approval: ApprovalFile,
    allowed_signers: Annotated[
        Path, typer.Option(metavar="FILE", help="Who may sign: 'alice ssh-ed25519 AAAA...'.")
    ],
    directory: Directory = None,
    without_watchdog: Annotated[
        bool, typer.Option("--without-watchdog", help="Although nobody watches the engine.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let go on what APPROVAL names, when two different people have signed it.

    Example: redline kill arm reset.json --allowed-signers signers
    """
    from engine import EngineError
    from engine.trade.cause import Cause
    from harness.approvals import read_approval
    from harness.authority import KILL_RESET

    begun = read_approval(approval)
    with _board(directory) as (board, where):
        which, index = _scope_of_subject(begun.statement.subject)
        _check_is_of(begun, board, where, which, index)
        two = begun.check(
            kind=KILL_RESET,
            subject=begun.statement.subject,
            epoch=board.epoch,
            allowed_signers=allowed_signers,
            now=int(time.time()),
        )
        _check_is_guarded(board, where, without_watchdog)
        try:
            board.arm(begun.statement.epoch, which, index)
        except EngineError as error:
            raise Refused(f"{where}: {_why_no_reset(error, board)}") from None
        if not _persist(board, where):
            board.trip(Cause.LATCH)
            raise Refused(f"{where}: stopped again: the disk must know what is in force")
        state = board.state
    if as_json:
        _print({"approved_by": two, "state": state.name.lower()})
    else:
        print(f"{where}: {state.name.lower()}, approved by {two[0]} and {two[1]}")


# ---- The board ----------------------------------------------------------------------------------


@contextmanager
def _board(directory: Path | None) -> Iterator[tuple[KillBoard, Path]]:
    try:
        from engine import EngineError
        from engine.trade.kill import KillBoard, default_directory
    except ImportError as error:  # no compiled engine
        raise HostError(str(error).splitlines()[0]) from None
    where = directory or default_directory()
    try:
        board = KillBoard.open(where)
    except EngineError as error:
        raise RedlineError(f"{where}: {error.strerror}") from None
    try:
        yield board, where.resolve()
    finally:
        board.close()


def _persist(board: KillBoard, where: Path) -> bool:
    """Whether the latch is on the disk; says so when it is not."""
    from engine import EngineError

    try:
        board.persist()
    except EngineError as error:
        print(
            f"{where}: the latch cannot be saved ({(error.strerror or str(error)).lower()}): "
            "memory knows, the disk does not",
            file=sys.stderr,
        )
        return False
    return True


def _has_watchdog(where: Path) -> bool:
    """Whether a living process holds the watchdog's lock."""
    try:
        fd = os.open(where / WATCHDOG_LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _check_is_guarded(board: KillBoard, where: Path, without_watchdog: bool) -> None:
    file = board.file_status()
    if file is None or not file.is_engine_running:
        raise Refused(f"{where}: no engine runs here that could be armed")
    if not without_watchdog and not _has_watchdog(where):
        raise Refused(f"{where}: no watchdog runs (start redline-watchdog, or --without-watchdog)")


def _why_no_request(error: OSError, board: KillBoard) -> str:
    file = board.file_status()
    if error.errno == errno.EALREADY:
        return "nothing is stopped"
    if file is not None and not file.is_engine_running:
        return "stopped, and no engine runs to take its orders back: start one, it will be halted"
    return (
        f"{board.state.name.lower()}: its orders are not taken back yet; wait until it is drained"
    )


def _why_no_reset(error: OSError, board: KillBoard) -> str:
    if error.errno == errno.EBUSY:
        held = ", ".join(cause.name for cause in board.status().active)
        return f"a cause still holds: {held or 'it ended this moment, try again'}"
    if error.errno == errno.EAGAIN:
        return "something was stopped since the request: ask again (request-reset)"
    return str(error.strerror)


# ---- What is approved ---------------------------------------------------------------------------


def _subject(where: Path, scope: Scope | None, index: int, board: KillBoard) -> str:
    """What two people sign: on which board what may go on, and all that it was stopped for."""
    causes = ", ".join(cause.name for cause in board.causes)
    return f"reset {_place(scope, index, None)} on {where}, stopped by {causes}"


def _scope_of_subject(subject: str) -> tuple[Scope | None, int]:
    words = subject.split(" ", 2)
    if len(words) != 3 or words[0] != "reset":
        raise RedlineError(f"the approval is not of a reset: {subject!r}")
    return _scope(words[1], None)


def _check_is_of(
    begun: Any, board: KillBoard, where: Path, scope: Scope | None, index: int
) -> None:
    from harness.authority import KILL_RESET

    begun.check_is_of(
        kind=KILL_RESET, subject=_subject(where, scope, index, board), epoch=board.epoch
    )


def _still(n: int) -> str:
    left = 2 - n
    return f"signed by {n}" + (f"; {left} must sign" if left > 0 else "; it can be armed")


# ---- Words --------------------------------------------------------------------------------------


def _names(limits: Path | None) -> Names | None:
    if limits is None:
        return None
    from harness.config.limits import load_limits

    return load_limits(limits).names


def _of(names: Names, scope: Scope) -> tuple[str, ...]:
    from engine.trade.orders import Scope

    return {
        Scope.VENUE: names.venues,
        Scope.ACCOUNT: names.accounts,
        Scope.STRATEGY: names.strategies,
        Scope.SYMBOL: names.symbols,
    }[scope]


def _scope(text: str, names: Names | None) -> tuple[Scope | None, int]:
    """The scope and index that are meant; None: all."""
    try:
        from engine.trade.kill import ENDS
        from engine.trade.orders import Scope
    except ImportError as error:
        raise HostError(str(error).splitlines()[0]) from None

    word, equals, which = text.partition("=")
    if text == "all":
        return None, 0
    if text == "global":
        return Scope.GLOBAL, 0
    scope = {s.name.lower(): s for s in Scope if s is not Scope.GLOBAL}.get(word)
    if scope is None or not equals or not which:
        raise RedlineError(f"--scope: not a scope: {text!r} (write it like account=3, or global)")
    if which.isascii() and which.isdecimal():
        index = int(which) if len(which) < 10 else ENDS[scope]
    elif names is None:
        raise RedlineError(f"--scope: {text}: a name needs --limits FILE (or give its number)")
    elif which not in _of(names, scope):
        raise RedlineError(f"--scope: {text}: no such {word} in the limits")
    else:
        index = _of(names, scope).index(which)
    if index >= ENDS[scope]:
        raise RedlineError(f"--scope: {text}: numbers go from 0 to {ENDS[scope] - 1}")
    return scope, index


def _cause(text: str) -> Cause:
    from engine.trade.cause import Cause

    given = {c.name.lower(): c for c in Cause if c not in (Cause.BOOT, Cause.LATCH)}
    if text.lower() not in given:
        raise RedlineError(f"--cause: not a cause: {text!r} (one of {', '.join(given)})")
    return given[text.lower()]


def _place(scope: Scope | None, index: int, names: Names | None) -> str:
    from engine.trade.orders import Scope

    if scope is None:
        return "all"
    if scope is Scope.GLOBAL:
        return "global"
    known = () if names is None else _of(names, scope)
    return f"{scope.name.lower()}={known[index] if index < len(known) else index}"


# ---- Saying it ----------------------------------------------------------------------------------


def _utc(ns: int) -> str:
    seconds, rest = divmod(ns, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1000:06}Z"


def _as_json(board: KillBoard, where: Path, said: Status, names: Names | None) -> dict[str, Any]:
    from engine.trade.kill import BEATS, COUNTERS

    file = board.file_status()
    counters, beats = board.counters.copy(), board.beats.copy()
    return {
        "dir": str(where),
        "state": said.state.name.lower(),
        "epoch": said.epoch,
        "cause": said.cause.name if said.cause else None,
        "scope": _place(said.scope, said.index, names),
        "causes": [cause.name for cause in said.causes],
        "active": [cause.name for cause in said.active],
        "tripped": [_place(scope, index, names) for scope, index in said.tripped],
        "since_utc": _utc(said.wall_ns) if said.wall_ns else None,
        "who_pid": said.who or None,
        "is_seen": said.is_seen,
        "is_latched": file.is_latched if file else None,
        "engine_pid": file.engine_pid if file and file.is_engine_running else None,
        "has_watchdog": _has_watchdog(where),
        "beats": {name: int(beats[i]["n"]) for i, name in enumerate(BEATS)},
        "counters": {name: int(counters[i]) for name, i in COUNTERS.items()},
    }


def _as_text(board: KillBoard, where: Path, said: Status, names: Names | None) -> Iterator[str]:
    file = board.file_status()
    yield f"{where}: {said.state.name.lower()}, epoch {said.epoch}"
    if said.cause is not None:
        since = f", {_utc(said.wall_ns)} by process {said.who}" if said.wall_ns else ""
        yield f"first       {said.cause.text} ({_place(said.scope, said.index, names)}){since}"
    for cause in said.causes:
        if cause is not said.cause:
            yield f"also        {cause.text}"
    if said.tripped:
        yield "stopped     " + ", ".join(_place(s, i, names) for s, i in said.tripped)
    for cause in said.active:
        yield f"holds now   {cause.text}"
    if file is not None:
        engine = f"process {file.engine_pid}" if file.is_engine_running else "none runs"
        if file.is_engine_running and said.tripped:
            engine += ", has seen it" if said.is_seen else ", has NOT seen it"
        yield f"engine      {engine}"
        yield "watchdog    " + (
            f"process {file.watchdog_pid}" if _has_watchdog(where) else "none runs"
        )
        error = f" ({os.strerror(file.latch_errno).lower()})" if file.latch_errno else ""
        yield "latch       " + ("saved" if file.is_latched else f"BEHIND{error}")


def _print(value: object) -> None:
    print(json.dumps(value, indent=1, sort_keys=True))
