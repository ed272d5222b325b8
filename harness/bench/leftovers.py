"""What benches of dead processes left on this host: found by their journals, and removed.

Only what a journal names is touched, and only when its owner is certainly dead. Anything else that
is named like ours is reported: it may be somebody's work.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.bench import journal, namespaces
from harness.bench.journal import Entry, JournalError, benches_dir
from harness.errors import HostError


@dataclass(frozen=True, slots=True)
class Leftover:
    """A bench whose owner is dead, and how we know."""

    entry: Entry
    why: str

    @property
    def text(self) -> str:
        moved = [f"{one.interface} in {one.namespace}" for one in self.entry.moved]
        return f"{', '.join((*self.entry.namespaces, *moved))} ({self.why})"

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.entry.id,
            "pid": self.entry.owner.pid,
            "why": self.why,
            "namespaces": list(self.entry.namespaces),
            "interfaces": [one.interface for one in self.entry.moved],
        }


@dataclass(frozen=True, slots=True)
class Found:
    """`strange`: sentences about what looks like ours and has no owner that we know of."""

    leftovers: tuple[Leftover, ...]
    living: tuple[Entry, ...]
    strange: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was removed, and a line for everything that could not be."""

    removed: tuple[Leftover, ...]
    faults: tuple[str, ...]


def find(state: Path | None = None, *, root: Path = Path("/")) -> Found:
    """What there is; changes nothing."""
    # Names first: a bench that is made meanwhile has its journal before it has names.
    candidates = _named_like_ours(root)
    leftovers: list[Leftover] = []
    living: list[Entry] = []
    strange: list[str] = []
    for path in _files(state):
        try:
            entry = journal.read(path)
        except FileNotFoundError:
            continue  # its bench ended just now
        except (JournalError, OSError) as error:
            said = str(error) if isinstance(error, JournalError) else f"{path}: {error.strerror}"
            strange.append(f"{said}; left alone")
            continue
        why = entry.owner.why_gone()
        if why is None:
            living.append(entry)
        else:
            leftovers.append(Leftover(entry, why))
    known = [*living, *(one.entry for one in leftovers)]
    still = _named_like_ours(root)  # one that ended meanwhile has neither
    strange += [
        f"{place}: named like ours, but no journal tells of it; left alone"
        for place, name in candidates.items()
        if place in still and not any(_is_of(name, entry) for entry in known)
    ]
    return Found(tuple(leftovers), tuple(living), tuple(strange))


def _files(state: Path | None) -> list[Path]:
    with contextlib.suppress(FileNotFoundError):
        folder = benches_dir(state)
        return sorted(path for path in folder.iterdir() if path.suffix == ".json")
    return []


def _named_like_ours(root: Path) -> dict[str, str]:
    """Names that a bench could have given, by where they are; this thread's links among them."""
    paths = [
        *(root / namespaces.RUN_DIR.relative_to("/")).glob(f"{journal.PREFIX}*"),
        *journal.members("", root),
    ]
    links = [name for _, name in socket.if_nameindex() if name.startswith(journal.PREFIX)]
    return {str(path): path.name for path in sorted(paths)} | {
        f"link {name}": name for name in sorted(links)
    }


def _is_of(name: str, entry: Entry) -> bool:
    return name in entry.namespaces or name.startswith(f"redline-{entry.id}")


def clean(state: Path | None = None, *, root: Path = Path("/")) -> Cleaned:
    """Remove what dead owners left, and nothing else; another cleaner is waited for."""
    removed: list[Leftover] = []
    faults: list[str] = []
    folder = benches_dir(state)
    if not folder.is_dir():
        return Cleaned((), ())
    with journal.locked(folder):
        for part in folder.glob(".*.part"):
            with contextlib.suppress(PermissionError):
                part.unlink()  # who wrote it held the lock, so it died; nothing was made yet
        for leftover in find(state, root=root).leftovers:
            try:
                journal.undo(leftover.entry, state=state, root=root)
            except HostError as error:
                faults += str(error).splitlines()
            else:
                removed.append(leftover)
    return Cleaned(tuple(removed), tuple(faults))


def sweep() -> None:
    """At the start of a command that may make a bench: a line on stderr for what was removed.

    Costs the reading of a directory that is missing or empty; never ends the command.
    """
    try:
        if not any(benches_dir().iterdir()):
            return
        done = clean()
    except FileNotFoundError:
        return
    except OSError as error:
        _say(f"leftovers of earlier benches stay: {error.filename}: {error.strerror}")
        return
    if done.removed:
        what = "; ".join(leftover.text for leftover in done.removed)
        _say(f"removed what an earlier bench left: {what}")
    if done.faults:
        _say(f"leftovers of an earlier bench stay: {'; '.join(done.faults)}")


def _say(line: str) -> None:
    print(line, file=sys.stderr)
