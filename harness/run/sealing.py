"""Ends a run that nobody else will end: its process was killed, and what it measured is there.

The run is INCOMPLETE, whatever it measured. What it had begun is closed by what its histogram log
holds; an interval that was not on the disk is not counted. What moved on the host meanwhile was not
read by anybody, so env.json does not have it.

Processes: whoever seals holds a lock on the directory. One who is killed in turn leaves it so that
    the next one can begin again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from harness.measure.hlog import Hlog, HlogError, read_hlog
from harness.qualify.recorded import KEY, qualification_of
from harness.report import changes
from harness.run import artifacts, draft
from harness.run.artifacts import PARTIAL, RUN, RunDir, RunDirError
from harness.run.draft import HOURS, Json, SoFar
from harness.run.ending import RunOutcome, end, utc
from harness.run.raw import ENV, NOISE, SERIES

# What ending a run writes: of one who was killed while he did, made again.
_OF_THE_END = (
    RUN, ENV, NOISE, "tuning.json", changes.NAME, "junit.xml", "metrics.prom", "report.html",
    artifacts.SUMS,
)  # fmt: skip


def seal(partial: Path) -> RunOutcome:
    """Judge and seal what a killed run has left. RunDirError for what is none, or has an owner."""
    path = Path(os.path.normpath(partial))
    if not path.is_dir():
        raise RunDirError(f"{partial}: no such run directory")
    if not (path.name.endswith(PARTIAL) and artifacts.is_id(path.name.removesuffix(PARTIAL))):
        raise RunDirError(f"{partial}: not a run that was cut off: its name would end in {PARTIAL}")
    with _held(path):
        so_far = draft.read(path)
        if so_far.owner.why_gone() is None:
            raise RunDirError(f"{partial}: process {so_far.owner.pid} is still measuring")
        directory = RunDir(path, path.name.removesuffix(PARTIAL))
        return _ended(directory, so_far)


def _ended(directory: RunDir, so_far: SoFar) -> RunOutcome:
    for name in _OF_THE_END:
        (directory.path / name).unlink(missing_ok=True)
    _without_half_a_line(directory.path / SERIES)
    env = {**so_far.env, KEY: qualification_of(so_far.env, so_far.noise).as_json()}
    directory.write_json(ENV, env)
    directory.write_json(NOISE, so_far.noise)
    if so_far.tuning is not None:
        directory.write_json("tuning.json", so_far.tuning)
    record = so_far.record | {
        "status": "incomplete",
        "ended_utc": utc(_last_seen(directory.path)),
        "measurements": [*so_far.record["measurements"], *_closed(directory.path, so_far)],
    }
    return end(directory, record, env)


def _closed(path: Path, so_far: SoFar) -> Iterator[Json]:
    """The measurements that were under way, with what their log came to."""
    logs = [_log(path / m["hlog"]) for m in so_far.under_way if m["hlog"] is not None]
    for measurement in so_far.under_way:
        facts = dict(measurement["facts"])
        if measurement["hlog"] is not None:
            facts["n"] = logs[0].total(measurement["tags"]).n
        elif measurement["id"] == HOURS:
            facts["value"] = sum(one.length_s for one in logs[0].intervals) / 3600
        yield {**measurement, "facts": facts}


def _log(path: Path) -> Hlog:
    try:
        return read_hlog(path, cut=True)
    except (OSError, HlogError) as error:
        raise RunDirError(f"{path}: what it measured cannot be read: {error}") from None


def _last_seen(path: Path) -> datetime:
    """When the killed run wrote last: nobody saw it live any longer."""
    newest = max(file.stat().st_mtime for file in path.iterdir() if file.name not in _OF_THE_END)
    return datetime.fromtimestamp(newest, UTC)


def _without_half_a_line(path: Path) -> None:
    """A line that a machine which went down has cut."""
    if path.exists():
        with path.open("r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise RunDirError(f"{path}: another process is sealing it") from None
    finally:
        os.close(fd)
