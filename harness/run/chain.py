"""The chain of the runs in one directory: each names the one that was sealed before it.

    <out>/CHAIN     one line a sealed run, in the order of sealing:
                    {"id": ..., "sums_sha256": ..., "previous": {"id": ..., "sums_sha256": ...}}

`sums_sha256` is the hash of a run's SHA256SUMS, and so of everything in it. `previous` stands in
run.json too, under that hash: who takes a run away, or seals another in its place, must make every
later one again. Who removes the newest run together with its line leaves no trace here: the pack of
a run, or a history elsewhere, is what shows that.

Processes: a run is sealed under a lock on the directory, so of two that end together one follows
the other. Errors: RunDirError names the file and the line.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.run import artifacts
from harness.run.artifacts import RUN, SUMS, RunDirError

CHAIN = "CHAIN"
PREVIOUS = "previous"  # the key of run.json


@dataclass(frozen=True, slots=True)
class Seal:
    """A sealed run: its id, and the hash of its SHA256SUMS."""

    id: str
    sums_sha256: str


@dataclass(frozen=True, slots=True)
class Link:
    """A line of the chain."""

    seal: Seal
    previous: Seal | None


@dataclass(slots=True)
class Sealing:
    """The end of the chain, held: nobody else adds a link until this one is added or given up."""

    out: Path
    previous: Seal | None

    def as_json(self) -> dict[str, str] | None:
        """What goes into run.json."""
        return None if self.previous is None else asdict(self.previous)

    def add(self, run: Path) -> None:
        """The sealed run becomes the end of the chain."""
        seal = seal_of(run)
        link = {"id": seal.id, PREVIOUS: self.as_json(), "sums_sha256": seal.sums_sha256}
        line = (json.dumps(link, sort_keys=True) + "\n").encode()
        path = self.out / CHAIN
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                whole = os.pread(fd, os.fstat(fd).st_size, 0).rfind(b"\n") + 1
                os.ftruncate(fd, whole)  # a killed writer's half of a line
                os.pwrite(fd, line, whole)
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise RunDirError(f"{path}: cannot write: {error.strerror}") from None
        self.previous = seal


@contextmanager
def sealing(out: Path) -> Iterator[Sealing]:
    """Hold the end of the chain of a directory while a run that follows it is sealed."""
    fd = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        links = read(out)
        end = Sealing(out, links[-1].seal if links else None)
        _take_in(end, {link.seal.id for link in links})
        yield end
    finally:
        os.close(fd)


def _take_in(end: Sealing, named: set[str]) -> None:
    """A run that was sealed by a process which died before it could add its link."""
    for run in runs_in(end.out):
        if run.name not in named and end.previous is not None and _stated(run) == end.previous:
            end.add(run)


def seal_of(run: Path) -> Seal:
    """The seal of a finished run directory."""
    return Seal(run.resolve().name, artifacts.sha256_of(run / SUMS))


def read(out: Path) -> list[Link]:
    """The chain of a directory; one without a chain has none. A last line that was cut is left out:
    its run was sealed, and the next one follows the run before it.
    """
    try:
        data = (out / CHAIN).read_bytes()
    except FileNotFoundError:
        return []
    whole, _, _ = data.rpartition(b"\n")
    return [_link(line, number) for number, line in enumerate(whole.splitlines(), 1)]


def problems_of(run: Path) -> Iterator[str]:
    """What speaks against the place of a run in the chain of its directory.

    A run on its own (a copy, an unpacked one) has no chain beside it, and is not held to one.
    """
    links = read(run.resolve().parent)
    if not links:
        return
    name = run.resolve().name
    at = next((i for i, link in enumerate(links) if link.seal.id == name), None)
    if at is None:
        yield f"{CHAIN}: it does not name the run {name}"
    else:
        yield from _faults(links[: at + 1], run.resolve().parent)


def problems_in(out: Path) -> Iterator[str]:
    """What speaks against the whole chain of a directory: links, and runs that it does not name."""
    links = read(out)
    yield from _faults(links, out)
    named = {link.seal.id for link in links}
    for run in runs_in(out):
        if run.name not in named:
            yield f"{run.name}: {CHAIN} does not name it"


def runs_in(out: Path) -> Sequence[Path]:
    """The finished runs of a directory, oldest first."""
    return sorted(
        path.parent for path in out.glob(f"*/{SUMS}") if artifacts.is_id(path.parent.name)
    )


def loose_links(links: Sequence[Link]) -> Iterator[str]:
    """Links that do not hold on to the one before them."""
    before: Seal | None = None
    for number, link in enumerate(links, 1):
        if link.previous != before:
            yield (
                f"{CHAIN}:{number}: {link.seal.id} follows {_named(link.previous)}, "
                f"the line before it is {_named(before)}"
            )
        before = link.seal


def _faults(links: Sequence[Link], out: Path) -> Iterator[str]:
    """Loose links, and runs that are gone or no longer what they were."""
    yield from loose_links(links)
    for number, link in enumerate(links, 1):
        run = out / link.seal.id
        if not (run / SUMS).is_file():
            yield f"{CHAIN}:{number}: the run {link.seal.id} is gone"
        elif _stated(run) != link.previous:
            yield (
                f"{link.seal.id}/{RUN}: it follows {_named(_stated(run))}; {CHAIN} says "
                f"{_named(link.previous)}"
            )
        elif seal_of(run) != link.seal:
            yield f"{CHAIN}:{number}: {link.seal.id} is not the run that was sealed under this name"


def _stated(run: Path) -> Seal | None:
    return _seal(artifacts.read_json(run / RUN).get(PREVIOUS), RUN)


def _named(seal: Seal | None) -> str:
    return "no other run" if seal is None else f"{seal.id} ({seal.sums_sha256[:16]}...)"


def _link(line: bytes, number: int) -> Link:
    where = f"{CHAIN}:{number}"
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RunDirError(f"{where}: not JSON: {error}") from None
    if not isinstance(said, dict) or said.keys() != {"id", PREVIOUS, "sums_sha256"}:
        raise RunDirError(f"{where}: not a link: it has other keys")
    seal = _seal({key: said[key] for key in ("id", "sums_sha256")}, where)
    assert seal is not None
    return Link(seal, _seal(said[PREVIOUS], where))


def _seal(said: Any, where: str) -> Seal | None:
    if said is None:
        return None
    if (
        not isinstance(said, Mapping)
        or said.keys() != {"id", "sums_sha256"}
        or not artifacts.is_id(said["id"])
        or not artifacts.is_sha256(said["sums_sha256"])
    ):
        raise RunDirError(f"{where}: not the id and the sum of a run: {str(said)[:80]!r}")
    return Seal(said["id"], said["sums_sha256"])
