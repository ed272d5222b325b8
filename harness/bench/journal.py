"""What benches are about to make on this host, on disk before any of it is made.

A process that is killed cleans nothing up. What it made can be told by its journal: one file a
bench, /run/redline/benches/<id>.json, which names the owner, what is made, and what was borrowed
with where it came from. $REDLINE_STATE replaces /run/redline.

An owner is a process and the time it started, in one boot and one process id namespace: a process
id alone comes back.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.bench import namespaces
from harness.bench.moved import Moved, bring_back, from_json
from harness.errors import HostError, RedlineError
from harness.tuning.owner import Owner, boot_id, myself

SCHEMA = "redline.bench/1"
STATE_DIR = Path("/run/redline")
STATE_VARIABLE = "REDLINE_STATE"
PREFIX = "rl-"
MAX_BYTES = 1 << 20  # an interface with its routes takes some kilobytes

_ID = re.compile(r"[0-9a-f]{8}")
_ROLE = re.compile(r"[a-z]{1,8}")
_MEMBER_FOLDERS = ("sys/fs/bpf", "dev/hugepages")


class JournalError(RedlineError):
    """A file in the journal's directory that no bench of ours wrote."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A bench, of which some, all or nothing may exist yet."""

    id: str
    owner: Owner
    namespaces: tuple[str, ...]
    moved: tuple[Moved, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "id": self.id,
            "owner": asdict(self.owner),
            "namespaces": list(self.namespaces),
            "moved": [one.as_json() for one in self.moved],
        }


def new_id() -> str:
    return secrets.token_hex(4)


def namespace_name(bench_id: str, role: str) -> str:
    assert _ROLE.fullmatch(role), role
    return f"{PREFIX}{bench_id}-{role}"


def benches_dir(state: Path | None = None) -> Path:
    return (state or Path(os.environ.get(STATE_VARIABLE) or STATE_DIR)) / "benches"


def record(
    bench_id: str,
    namespaces: Sequence[str],
    moved: Sequence[Moved] = (),
    *,
    state: Path | None = None,
) -> Entry:
    """Write down what this process is about to make; on disk when it returns."""
    entry = Entry(bench_id, myself(), tuple(namespaces), tuple(moved))
    folder = benches_dir(state)
    folder.mkdir(parents=True, exist_ok=True)
    part, whole = folder / f".{bench_id}.part", folder / f"{bench_id}.json"
    with locked(folder) as folder_fd:
        with part.open("x") as file:
            json.dump(entry.as_json(), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.rename(whole)
        os.fsync(folder_fd)
    return entry


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[int]:
    """One writer or cleaner at a time; a killed one lets go."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd
    finally:
        os.close(fd)


def read(path: Path) -> Entry:
    """The entry in a file. JournalError for what a bench cannot have written.

    Namespaces are named as ours alone: no file can make us remove another one.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_uid not in (0, os.geteuid()):
                raise JournalError(f"{path}: belongs to another user")
            raw = json.loads(file.read(MAX_BYTES))
        if raw["schema"] != SCHEMA:
            raise ValueError("of another version")
        entry = Entry(
            id=str(raw["id"]),
            owner=Owner(**raw["owner"]),
            namespaces=tuple(raw["namespaces"]),
            moved=tuple(map(from_json, raw["moved"])),
        )
        _check(entry, path.stem)
    except (ValueError, KeyError, TypeError) as error:
        raise JournalError(f"{path}: not the journal of a bench: {error}") from None
    return entry


def _check(entry: Entry, name: str) -> None:
    if entry.id != name or not _ID.fullmatch(name):
        raise ValueError("the id is not the file's")
    for one in (*entry.namespaces, *(moved.namespace for moved in entry.moved)):
        head, _, role = str(one).rpartition("-")
        if head != f"{PREFIX}{entry.id}" or not _ROLE.fullmatch(role):
            raise ValueError(f"not a namespace of the bench: {one!r}")
    if not isinstance(entry.owner.pid, int) or not isinstance(entry.owner.started, int):
        raise ValueError("no owner")


def undo(entry: Entry, *, state: Path | None = None, root: Path = Path("/")) -> None:
    """Give back and remove what of the bench exists, and then its journal.

    HostError, one line a thing, when something remains; so does the journal then.
    """
    faults: list[str] = []
    kept: set[str] = set()
    for moved in entry.moved if entry.owner.boot_id == boot_id() else ():
        try:
            bring_back(moved, entry.id)
        except (OSError, HostError) as error:
            faults.append(_fault(moved.interface, error))
            kept.add(moved.namespace)  # with the namespace a virtual interface would go
    for name in entry.namespaces:
        if name not in kept:
            with _noting(faults, name):
                namespaces.remove(name)
    for path in members(entry.id, root):
        with _noting(faults, str(path)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if not faults:
        file = benches_dir(state) / f"{entry.id}.json"
        with _noting(faults, str(file)):
            file.unlink(missing_ok=True)
    if faults:
        raise HostError("\n".join(faults))


def members(bench_id: str, root: Path = Path("/")) -> list[Path]:
    """Pinned BPF objects and huge pages of the bench, which carry its id in their names."""
    return [
        path
        for folder in _MEMBER_FOLDERS
        for path in sorted((root / folder).glob(f"redline-{bench_id}*"))
    ]


@contextlib.contextmanager
def _noting(faults: list[str], what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        faults.append(_fault(what, error))


def _fault(what: str, error: Exception) -> str:
    said = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return said if said.startswith(what) else f"{what}: {said.lower()}"
