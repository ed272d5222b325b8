"""Putting back what is tuned from outside of who did it: he is dead, or is not asked.

Used at the start of every command that uses this machine, and by `redline host restore`.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.errors import HostError, printable
from harness.tuning import guard, papers
from harness.tuning.guarding import RELEASE
from harness.tuning.host import Host
from harness.tuning.journal import Journal
from harness.tuning.owner import Owner, is_stopped, myself, state_and_start
from harness.tuning.papers import Papers
from harness.tuning.patience import restore_patiently
from harness.tuning.restore import Restored
from harness.tuning.state import state_place
from harness.tuning.stopping import held_signals

GUARD_S = 10.0  # for a guard to put back what its dead owner left
STOPPED_S = 1.0  # for one that was stopped to go on
KILLED_S = 5.0  # for the kernel to end one
RELEASED_S = 1.0  # for a guard to end when it is told to; one that was stopped does not


def recover(host: Host | None = None) -> Restored | None:
    """Put back what a tuning left whose process and guard are dead. None: there is none.

    Waits some seconds for a guard that is about to do it, and ends one that does not, as one that
    was stopped. Makes no directory and asks for no right when there is nothing to put back; says
    nothing where this user may not look.
    """
    place = state_place()
    try:
        state = papers.state_if_any()
    except HostError:
        if os.access(place, os.R_OK | os.X_OK):
            raise
        return None
    return None if state is None else _recover(host, state)


def restore_now(host: Host, *, force: bool = False) -> Restored | None:
    """Put back whatever is tuned, whoever holds it, and end its guard. None: nothing is.

    `force`: also what somebody else has changed since. Who holds it is told by its guard.
    """
    state = papers.state_if_any()
    if state is None:
        return None
    with held_signals():
        journal = Journal.open(state)
        try:
            return None if journal is None else restore_patiently(host, journal, force=force)
        finally:
            if journal is not None:
                journal.close()
            _end_guard(papers.read(state))
            papers.remove_dead(state)


def status() -> dict[str, Any] | None:
    """What is tuned here, by whom and until when; None: nothing is, as far as this user may see."""
    state = papers.state_if_any()
    journal = None if state is None else Journal.open(state)
    if state is None or journal is None:
        return None
    journal.close()
    guarded = _guard_of(journal, state)
    return {
        "title": journal.header.title,
        "since": journal.header.started_utc,
        "owner": _process(journal.owner),
        "guard": None if guarded is None else _process(guarded.guard),
        "kept": guarded is not None and guarded.kept,
        "until": guarded.until_utc if guarded is not None else "",
        "leases": [dict(lease) for lease in guarded.leases] if guarded is not None else [],
        "settings": len(journal.entries()),
    }


def restored_log() -> list[str]:
    """What was put back without anybody at a terminal, a line each, the last one last."""
    state = papers.state_if_any()
    return [] if state is None else papers.logged(state)


def clear_the_way(host: Host, state: Path) -> None:
    """HostError while another tuning is there that is neither put back nor dead."""
    _recover(host, state)
    journal = Journal.open(state)
    if journal is None:
        return
    journal.close()
    if not journal.is_settled:
        title, since = printable(journal.header.title), journal.header.started_utc
        raise HostError(
            f"this host is tuned already: {title}, since {since}; `redline host restore` ends that"
        )


def _recover(host: Host | None, state: Path) -> Restored | None:
    journal = Journal.open(state)
    if journal is None:
        return None
    try:
        why = journal.owner.why_gone()
        if why is None or _is_told(journal) or _is_guarded(journal, state):
            return None
        with held_signals():
            host = host or Host(Path(journal.header.root))
            restored = restore_patiently(host, journal)
    finally:
        journal.close()
    papers.remove_dead(state)
    if not restored.items:
        return None  # its guard has done it
    said = restored.summary()
    if said:
        papers.log(state, f"{journal.header.title}: {said} by a later command, as {why}")
    return restored


def _is_told(journal: Journal) -> bool:
    """Whether there is nothing but what was told already: settings that others have changed."""
    entries = journal.entries()
    return bool(entries) and all(entry.was_left for entry in entries)


def _is_guarded(journal: Journal, state: Path) -> bool:
    """Whether its guard lives on, for it is kept or cannot be seen from here.

    One that does not do what it is there for is ended: what it holds must not stay.
    """
    guarded = _guard_of(journal, state)
    if guarded is None or not guarded.is_alive:
        return False
    if not _can_see(guarded.guard):
        return True
    if guarded.kept and not (_is_late(guarded) and is_stopped(guarded.guard.pid)):
        return True
    with _pidfd(guarded.guard) as pidfd:
        if pidfd is None or _is_over(pidfd, STOPPED_S):
            return False
        if not is_stopped(guarded.guard.pid) and _is_over(pidfd, GUARD_S - STOPPED_S):
            return False
        _kill(pidfd, guarded.guard.pid)
    guard.reap()
    return False


def _is_late(guarded: Papers) -> bool:
    """Whether its time is over, by a clock that somebody may have set."""
    return bool(guarded.until_utc) and guarded.until_utc < papers.now_utc()


def _guard_of(journal: Journal, state: Path) -> Papers | None:
    """The papers of the guard of this very tuning."""
    found = papers.read(state)
    return found if found is not None and found.owner == journal.owner else None


def _end_guard(guarded: Papers | None) -> None:
    """Have it end without putting anything back; whose process id it was is not enough."""
    if guarded is None or guarded.guard.why_gone() is not None:
        return
    if not _can_see(guarded.guard):
        raise HostError(
            "its guard is in another container and holds its leases; end it from there: "
            f"kill {guarded.guard.pid}"
        )
    with _pidfd(guarded.guard) as pidfd:
        if pidfd is None:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, RELEASE)
        if not _is_over(pidfd, RELEASED_S):
            _kill(pidfd, guarded.guard.pid)
    guard.reap()


def _kill(pidfd: int, pid: int) -> None:
    """HostError when it lives on: what it holds is held as long."""
    why = "does not end"
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        return
    except OSError as error:
        why = f"cannot be ended ({(error.strerror or str(error)).lower()})"
    if not _is_over(pidfd, KILLED_S):
        raise HostError(f"its guard, process {pid}, {why}; it may hold leases")


def _is_over(pidfd: int, seconds: float) -> bool:
    """Whether the process ends within that time."""
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


@contextmanager
def _pidfd(process: Owner) -> Iterator[int | None]:
    """A descriptor of exactly this process; None: it is gone."""
    try:
        pidfd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        yield None
        return
    try:
        now = state_and_start(process.pid)
        yield pidfd if now is not None and now[1] == process.started else None
    finally:
        os.close(pidfd)


def _can_see(process: Owner) -> bool:
    return process.pid_namespace == myself().pid_namespace


def _process(process: Owner) -> dict[str, Any]:
    return {"pid": process.pid, "alive": process.why_gone() is None}
