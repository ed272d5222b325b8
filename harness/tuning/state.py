"""Where a tuning keeps what must outlive its process: the journal, the lock, the guard's papers.

/var/lib/redline/tuning; $REDLINE_STATE replaces /var/lib/redline. Not /run: the /run of a container
is younger than the /sys it shares with its host.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from harness.errors import HostError, printable

STATE_DIR = Path("/var/lib/redline")
STATE_VARIABLE = "REDLINE_STATE"
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def state_place() -> Path:
    """Where it is, or would be. HostError for a relative $REDLINE_STATE: each directory has one."""
    told = os.environ.get(STATE_VARIABLE)
    folder = Path(told) if told else STATE_DIR
    if not folder.is_absolute():
        raise HostError(printable(f"${STATE_VARIABLE} is not an absolute path: {folder}"))
    return folder / "tuning"


def state_dir() -> Path:
    """The directory, made for its owner alone. HostError when it cannot be, or is not ours.

    What lies here is written into the kernel some day: who may write here may tune the host.
    """
    folder = state_place()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise HostError(printable(f"{folder}: {why}; ${STATE_VARIABLE} names another place")) from (
            None
        )
    fault = None if stat.S_ISDIR(found.st_mode) else "not a directory"
    fault = fault or owner_fault(found)
    if fault:
        raise HostError(printable(f"{folder}: {fault}; ${STATE_VARIABLE} names another place"))
    return folder


def owner_fault(found: os.stat_result) -> str | None:
    """Why somebody else could have written what is there."""
    if found.st_uid not in (0, os.geteuid()):
        return "belongs to another user"
    if found.st_mode & WRITABLE_BY_OTHERS:
        return "others may write to it"
    return None
