"""What a guard leaves for others to read: who it is and what it guards, and what it has put back.

<state>/guard.json goes with its guard; whoever finds one asks the kernel whether that process still
lives. <state>/restored.log has a line for each time that a guard has put something back, and keeps
the last ones.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import HostError, printable
from harness.tuning.owner import Owner
from harness.tuning.state import owner_fault, state_dir, state_place

NAME = "guard.json"
LOG = "restored.log"
MAX_BYTES = 64 << 10
MAX_LINES = 100
MAX_LINE_CHARS = 400


@dataclass(frozen=True, slots=True)
class Papers:
    """`guard` is a process as an owner is; `owner` whose journal it guards.

    `until_utc` is "" when it guards without a deadline. One that is `kept` does not mind when its
    owner goes. `leases` are as leases write themselves down.
    """

    guard: Owner
    owner: Owner
    title: str
    since_utc: str
    until_utc: str
    kept: bool
    leases: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_alive(self) -> bool:
        """As far as it can be seen from here: a guard in another container counts as alive."""
        return self.guard.why_gone() is None


def write(state: Path, papers: Papers) -> None:
    """Replace the file whole. OSError."""
    part = state / f"{NAME}.part"
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(fd, json.dumps(asdict(papers)).encode())
    finally:
        os.close(fd)
    part.rename(state / NAME)


def read(state: Path) -> Papers | None:
    """The papers of the last guard, which may be dead. None: there are none that can be trusted."""
    text = _trusted(state / NAME)
    try:
        raw = json.loads(text) if text else None
        return None if raw is None else _papers(raw)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def remove(state: Path, guard: Owner) -> None:
    """Take away the papers of this guard; those of a later one stay."""
    found = read(state)
    if found is not None and found.guard == guard:
        with contextlib.suppress(OSError):
            (state / NAME).unlink(missing_ok=True)


def remove_dead(state: Path) -> None:
    """Take away the papers of a guard that is gone: it was killed and could not do so."""
    found = read(state)
    if found is not None and not found.is_alive:
        remove(state, found.guard)


def held_leases() -> tuple[Mapping[str, Any], ...]:
    """What the guard of this host holds open right now, as far as this user may see."""
    try:
        state = state_if_any()
    except HostError:
        return ()
    found = None if state is None else read(state)
    return found.leases if found is not None and found.is_alive else ()


def state_if_any() -> Path | None:
    """The state directory when there is anything in it; makes none.

    HostError when this user may not look: there may be something.
    """
    folder = state_place()
    try:
        is_there = any(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise HostError(printable(f"{folder}: {why}")) from None
    return state_dir() if is_there else None


def log(state: Path, line: str) -> None:
    """Add a line to what guards have done; the oldest ones go. A full disk loses it."""
    lines = [*logged(state), f"{now_utc()}  {printable(line)[:MAX_LINE_CHARS]}"][-MAX_LINES:]
    part = state / f"{LOG}.part"
    with contextlib.suppress(OSError):
        part.write_text("\n".join(lines) + "\n")
        part.rename(state / LOG)


def logged(state: Path) -> list[str]:
    """What guards have put back, the last one last."""
    return [printable(line) for line in _trusted(state / LOG).splitlines()][-MAX_LINES:]


def now_utc(seconds_from_now: float = 0.0) -> str:
    moment = datetime.now(UTC).timestamp() + seconds_from_now
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _trusted(path: Path) -> str:
    """The text of a file that only we can have written; "" for any other."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        if owner_fault(os.fstat(fd)):
            return ""
        return os.read(fd, MAX_BYTES).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


def _papers(raw: Mapping[str, Any]) -> Papers:
    title, since, until = (raw[name] for name in ("title", "since_utc", "until_utc"))
    if not all(isinstance(one, str) for one in (title, since, until)):
        raise ValueError("not a text where one belongs")
    guard, owner = _process(raw["guard"]), _process(raw["owner"])
    leases = tuple(one for one in raw["leases"] if isinstance(one, dict))
    return Papers(guard, owner, title, since, until, raw["kept"] is True, leases)


def _process(raw: Mapping[str, Any]) -> Owner:
    numbers = [raw[field.name] for field in fields(Owner) if field.name != "boot_id"]
    if not all(type(one) is int and 0 < one < 1 << 63 for one in numbers):
        raise ValueError("not a process")
    return Owner(raw["pid"], raw["started"], str(raw["boot_id"]), raw["pid_namespace"])
