"""The journal of a tuning: what every setting was, on disk before it is changed.

A process that is killed puts nothing back. Whoever comes next does, by this file alone:
<state>/open.jsonl, a line that says whose it is (header.py) and then a line an event (records.py).
There is one a host. What is needed to put everything back is reserved on disk before anything is
written, so a full disk is found while there is nothing to put back yet.

A line that was cut off says nothing; any other one that cannot be understood makes the file one
that nobody acts on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import HostError, printable
from harness.tuning.header import Header, header_of, new_header
from harness.tuning.host import ROOT, Host
from harness.tuning.knobs.base import State, reason
from harness.tuning.linefile import MAX_BYTES, LineFile
from harness.tuning.owner import Owner, boot_id
from harness.tuning.records import Entries, Entry, line_of, parse
from harness.tuning.settings import Setting
from harness.tuning.state import owner_fault

NAME = "open.jsonl"
RESERVED_BYTES = 64 << 10
OUTCOME_BYTES = 512  # a line without the values in it
WAIT_S = 10.0  # for another process that applies or restores by this journal


class JournalError(HostError):
    """Nothing can be written down, or what is written cannot be acted on; nothing was changed."""


class Journal:
    """The one open journal of a host. Not thread-safe; one process writes at a time."""

    def __init__(self, path: Path, file: LineFile, header: Header, entries: Entries) -> None:
        """For create() and open() alone."""
        self.path, self.header = path, header
        self._file, self._entries = file, entries
        self._exclusive = 0

    @classmethod
    def create(cls, state: Path, *, owner: Owner, title: str, root: Path = ROOT) -> Journal:
        """A new one, for the host below `root`. JournalError while another one is not put back.

        One that only tells of settings which somebody else has changed since is replaced.
        """
        path, part = state / NAME, state / f"{NAME}.part"
        earlier = cls.open(state)
        if earlier is not None:
            earlier.close()
            if not earlier.is_settled:
                title = printable(earlier.header.title)
                raise JournalError(f"{path}: an earlier tuning is not put back: {title}")
        header = new_header(owner, title, root)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with _faults(path):
            part.unlink(missing_ok=True)
            file = LineFile(os.open(part, flags, 0o600))
        try:
            with _faults(path):
                file.add(line_of(header.as_json()), room=RESERVED_BYTES)
                os.fsync(file.fd)
                part.rename(path)
                _sync_folder(state)
        except BaseException:
            file.close()
            part.unlink(missing_ok=True)
            raise
        return cls(path, file, header, Entries())

    @classmethod
    def open(cls, state: Path) -> Journal | None:
        """The journal that is there, to read, to restore by, or to go on with.

        JournalError, one line with the file and its line, for what we cannot have written.
        """
        path = state / NAME
        try:
            # Not blocking: a pipe of that name must not hold anybody up.
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise JournalError(printable(f"{path}: {reason(error)}")) from None
        try:
            return _opened(path, fd)
        except BaseException:
            os.close(fd)
            raise

    @property
    def owner(self) -> Owner:
        return self.header.owner

    @property
    def is_settled(self) -> bool:
        """Whether nothing of ours is left: it tells of what others changed, or of an old boot."""
        of_now = self.owner.boot_id == boot_id()
        return not of_now or all(entry.was_left for entry in self._entries.all())

    @property
    def is_done(self) -> bool:
        """Whether everything has been put back by its means, as of the last exclusive()."""
        return self._entries.is_done

    def entries(self) -> list[Entry]:
        """What is to be put back, in the order in which it was written down."""
        return self._entries.all()

    def find(self, setting: Setting) -> Entry | None:
        return self._entries.find(setting.key)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Nobody else applies or restores by this journal; what others did is known. Nests.

        A process that was stopped in the middle of it is waited for some seconds and no longer.
        """
        if self._file.fd < 0:
            raise JournalError(f"{self.path}: is closed")
        if not self._exclusive:
            deadline = time.monotonic() + WAIT_S
            while not self._locked() and time.monotonic() < deadline:
                time.sleep(0.02)
            self._catch_up()
        self._exclusive += 1
        try:
            yield
        finally:
            self._exclusive -= 1
            if not self._exclusive and self._file.fd >= 0:
                fcntl.flock(self._file.fd, fcntl.LOCK_UN)

    def _locked(self) -> bool:
        with _faults(self.path):
            try:
                fcntl.flock(self._file.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def _catch_up(self) -> None:
        with _faults(self.path):
            lines = self._file.read()
        _take_in(self._entries, lines, self.path, 0)

    def check(self, host: Host) -> None:
        """JournalError unless its settings mean on `host` what they meant to who wrote them."""
        if str(host.root) != self.header.root:
            said = f"{self.path}: is about the host below {self.header.root}"
            raise JournalError(printable(said))

    def check_there(self) -> None:
        """JournalError when nobody would find it who has to put things back."""
        if self.is_done or not self._is_there():
            raise JournalError(f"{self.path}: was put back or taken away by somebody else")

    def _is_there(self) -> bool:
        """Whether the file of this name is still this journal."""
        try:
            return os.path.samestat(self.path.lstat(), os.fstat(self._file.fd))
        except OSError:
            return False

    def seen(self, values: Iterable[tuple[Setting, str, str]]) -> None:
        """(setting, value, want) of all that is about to change, durable together.

        All that will be said about them finds room: JournalError now, or never.
        """
        records = [_about("seen", *one) for one in values]
        room = sum(4 * (len(line_of(record)) + OUTCOME_BYTES) for record in records)
        self._add(*records, room=room, durable=True)

    def before(self, setting: Setting, value: str, want: str) -> None:
        """A write of `want` follows; `value` stands there now. Durable unless it is already."""
        entry = self.find(setting)
        is_known = entry is not None and (entry.was_written or entry.before == value)
        record = _about("before", setting, value, want)
        room = 0 if is_known else 3 * (len(line_of(record)) + OUTCOME_BYTES)
        self._add(record, room=room, durable=not is_known)

    def after(self, key: str, state: State, now: str | None) -> None:
        """What became of the last write. Not durable: with the machine the value goes too."""
        self._add({"event": "after", "key": key, "state": str(state), "now": now})

    def gone(self, key: str) -> None:
        """It is not there, by what was written to another; the host may bring it back."""
        self._add({"event": "gone", "key": key})

    def undo(self, key: str) -> None:
        """A write of the value before follows."""
        self._add({"event": "undo", "key": key})

    def closed(self, *, restored: Iterable[str], left: Iterable[str]) -> None:
        """By key: what is as it was before, and what is somebody else's now."""
        self._add(
            *({"event": "restored", "key": key} for key in restored),
            *({"event": "left", "key": key} for key in left),
        )

    def done(self) -> None:
        """Everything is put back: the journal goes. Who has it open still finds that it is."""
        with contextlib.suppress(JournalError):
            self._add({"event": "done"})
        if self._is_there():
            with _faults(self.path):
                self.path.unlink(missing_ok=True)
                _sync_folder(self.path.parent)
        self.close()

    def close(self) -> None:
        """What it says stays. May be called twice."""
        self._file.close()

    def _add(self, *records: dict[str, Any], room: int = 0, durable: bool = False) -> None:
        for record in records:
            self._entries.add(record)  # also when it cannot be written: to restore by what we know
        if records:
            with _faults(self.path):
                self._file.add(b"".join(map(line_of, records)), room=room, durable=durable)


def _opened(path: Path, fd: int) -> Journal:
    found = os.fstat(fd)
    fault = None if stat.S_ISREG(found.st_mode) else "not a file"
    fault = fault or owner_fault(found)
    if found.st_size > MAX_BYTES:
        fault = fault or "too long"
    if fault:
        raise JournalError(printable(f"{path}: {fault}; left alone"))
    file, entries = LineFile(fd), Entries()
    with _faults(path):
        lines = file.read()
    try:
        header = header_of(parse(lines[0]) if lines else {})
    except (ValueError, KeyError) as error:
        raise JournalError(_garbled(path, 1, error)) from None
    try:
        _take_in(entries, lines[1:], path, 2)
    except JournalError:
        if header.owner.boot_id == boot_id():
            raise
        # Of an earlier start of this machine: nothing is written by it, nothing can go wrong.
    return Journal(path, file, header, entries)


def _take_in(entries: Entries, lines: Iterable[bytes], path: Path, first: int) -> None:
    """JournalError for a line that cannot be ours; `first` is its number, 0 if it is not known."""
    for i, line in enumerate(lines):
        try:
            entries.add(parse(line))
        except (ValueError, KeyError, TypeError) as error:
            raise JournalError(_garbled(path, first and first + i, error)) from None


def _garbled(path: Path, line: int, error: Exception) -> str:
    where = f"{path}:{line}" if line else f"{path}"
    said = f"no {error}" if isinstance(error, KeyError) else str(error)
    return printable(f"{where}: not the journal of a tuning: {said[:200]}; left alone")


def _about(event: str, setting: Setting, value: str, want: str) -> dict[str, Any]:
    return {"event": event, "setting": setting.as_json(), "value": value, "want": want}


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalError(printable(f"{path}: {reason(error)}")) from None


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
