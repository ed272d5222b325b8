"""The run directory: written as `<id>.partial`, sealed with checksums, renamed when whole.

A directory without `.partial` is complete: every file is listed in SHA256SUMS and was on the disk
before the rename. A killed run leaves `.partial`, which nothing here mistakes for a result. Results
are never overwritten.

Errors: RunDirError, one sentence that names the path; exit code 2.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any

from harness.errors import RedlineError
from harness.measure.hlog import HlogWriter

SUMS = "SHA256SUMS"
RUN = "run.json"
PARTIAL = ".partial"
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUM_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")


class RunDirError(RedlineError):
    """A run directory that cannot be made, or is not one; the text names the path."""


def new_id(now: datetime | None = None) -> str:
    """UTC second plus 24 random bits: sorts by time, never collides by accident."""
    when = (now or datetime.now(UTC)).astimezone(UTC)
    return f"{when:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def is_id(name: object) -> bool:
    """Whether a run could be called that."""
    return isinstance(name, str) and _ID.fullmatch(name) is not None


def is_sha256(text: object) -> bool:
    return isinstance(text, str) and _SHA256.fullmatch(text) is not None


def dumps(value: object) -> str:
    """JSON as every file here holds it: sorted keys, no NaN, one value a line where it is long."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class RunDir:
    """A run directory being written. As a context: sealed if the body succeeds, else left partial.

    Threads: one writer. Files are created once; writing a name twice is an error, except through
    `rewrite_json` for run.json, whose judged part comes last.
    """

    def __init__(self, path: Path, run_id: str) -> None:
        self.id = run_id
        self.path = path

    @classmethod
    def create(cls, out: Path, run_id: str | None = None) -> RunDir:
        """Make `<out>/<id>.partial`. RunDirError when it cannot be made or a result is there."""
        run_id = run_id or new_id()
        if not is_id(run_id):
            raise RunDirError(f"{run_id}: not a run id, expected like {new_id()}")
        final, partial = out / run_id, out / (run_id + PARTIAL)
        if final.exists():
            raise RunDirError(f"{final}: exists already; a result is never overwritten")
        try:
            out.mkdir(parents=True, exist_ok=True)
            partial.mkdir()
        except FileExistsError:
            taken = partial if partial.exists() else out
            raise RunDirError(f"{taken}: exists already") from None
        except OSError as error:
            raise RunDirError(f"{out}: cannot write results here: {error.strerror}") from None
        return cls(partial, run_id)

    def file(self, name: str) -> Path:
        """Where a file of this name goes. RunDirError for a name that could leave the directory."""
        if not _NAME.fullmatch(name) or name == SUMS:
            raise RunDirError(f"{name!r}: not a name for a file of a run")
        return self.path / name

    def write_text(self, name: str, text: str) -> Path:
        return self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, data: bytes) -> Path:
        path = self.file(name)
        with _named(path), path.open("xb") as file:
            file.write(data)
        return path

    def write_json(self, name: str, value: object) -> Path:
        return self.write_text(name, dumps(value))

    def rewrite_json(self, name: str, value: object) -> Path:
        """Replace a file of this run, whole: a reader sees the old one or the new one."""
        path = self.file(name)
        scratch = self.path / f"{name}.new"
        with _named(path):
            scratch.write_text(dumps(value), encoding="utf-8")
            scratch.replace(path)
        return path

    def append_jsonl(self, name: str, value: Mapping[str, Any]) -> None:
        """One object, one line, one write: a killed run keeps every line but perhaps the last."""
        line = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
        path = self.file(name)
        with _named(path):
            fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(fd, line.encode())
            finally:
                os.close(fd)

    def hlog(self, name: str, unit: str, *, durable: bool = False, comment: str = "") -> HlogWriter:
        """A histogram log that grows line by line."""
        path = self.file(name)
        with _named(path):
            comments = (f"Run: {self.id}", comment) if comment else (f"Run: {self.id}",)
            return HlogWriter(path, unit, comments=comments, durable=durable)

    def finish(self) -> Path:
        """Seal: SHA256SUMS over every file, everything to the disk, then the real name.

        Returns the final path. RunDirError when it is taken or the disk refuses.
        """
        final = self.path.with_name(self.id)
        if final.exists():
            raise RunDirError(f"{final}: exists already; a result is never overwritten")
        with _named(final):
            names = sorted(str(p.relative_to(self.path)) for p in files_of(self.path))
            sums = "".join(f"{sha256_of(self.path / name)}  {name}\n" for name in names)
            (self.path / SUMS).write_text(sums, encoding="utf-8")
            for name in (*names, SUMS):
                _sync(self.path / name)
            _sync(self.path)
            self.path.rename(final)
            _sync(final.parent)
        self.path = final
        return final

    def discard(self) -> None:
        """Remove it: what holds no measurement is no evidence."""
        shutil.rmtree(self.path)

    def __enter__(self) -> RunDir:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self.path.name.endswith(PARTIAL):
            self.finish()


def open_run(path: Path) -> Path:
    """The same path if it is a finished run; else RunDirError that says what it is instead."""
    if not path.exists():
        raise RunDirError(f"{path}: no such run directory")
    if not path.is_dir():
        raise RunDirError(f"{path}: a file, expected the directory of a run")
    if path.resolve().name.endswith(PARTIAL):
        raise RunDirError(
            f"{path}: this run was cut off before it was complete; it is no result "
            "(its files may be looked at, its figures do not count; "
            "`redline seal` ends a soak as INCOMPLETE)"
        )
    for name in (RUN, SUMS):
        if not (path / name).is_file():
            raise RunDirError(f"{path}: not a run directory: no {name} in it")
    return path


def files_of(path: Path) -> Iterator[Path]:
    """Every file of a run except SHA256SUMS; links are files too, so none can hide."""
    for found in path.rglob("*"):
        if (found.is_symlink() or not found.is_dir()) and found != path / SUMS:
            yield found


def read_sums(path: Path) -> dict[str, str]:
    """SHA256SUMS as name -> hex digest. RunDirError for a line that is not one."""
    try:
        text = (path / SUMS).read_bytes().decode()
    except UnicodeDecodeError as error:
        raise RunDirError(f"{SUMS}: byte {error.start} is not text") from None
    if not text.endswith("\n"):
        raise RunDirError(f"{SUMS}: cut in the middle of a line")
    sums: dict[str, str] = {}
    for number, line in enumerate(text[:-1].split("\n"), 1):
        match = _SUM_LINE.fullmatch(line)
        if match is None:
            raise RunDirError(f"{SUMS}:{number}: not a checksum line: {line[:80]!r}")
        name = PurePosixPath(match[2])
        if name.is_absolute() or ".." in name.parts or match[2] in sums:
            raise RunDirError(f"{SUMS}:{number}: not a file of this run: {match[2]!r}")
        sums[match[2]] = match[1]
    return sums


def read_json(path: Path) -> Any:
    """A JSON file; RunDirError with its name for anything else."""
    try:
        return json.loads(path.read_bytes(), parse_constant=_no_constant)
    except FileNotFoundError:
        raise RunDirError(f"{path.name}: missing") from None
    except (ValueError, RecursionError) as error:
        raise RunDirError(f"{path.name}: not JSON: {error}") from None


def read_jsonl(path: Path) -> list[Any]:
    """One JSON value a line; an absent file is an empty list."""
    if not path.exists():
        return []
    values = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            values.append(json.loads(line, parse_constant=_no_constant))
        except (ValueError, RecursionError) as error:
            raise RunDirError(f"{path.name}:{number}: not JSON: {error}") from None
    return values


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class _named:
    """Turn an OSError into one sentence about this path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> IO[bytes] | None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, FileExistsError):
            raise RunDirError(f"{self._path}: exists already; a result is never overwritten")
        if isinstance(error, OSError):
            raise RunDirError(f"{self._path}: cannot write: {error.strerror or error}") from error
