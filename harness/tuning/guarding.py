"""What a guard runs: asleep until it is needed, then by the journal put everything back.

guard.py starts it and says what it is good for. It has read all of its code and opened all of its
files before anything is written, so that what happens to them afterwards does not matter to it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.errors import RedlineError, printable
from harness.tuning import papers
from harness.tuning.host import Host
from harness.tuning.journal import Journal
from harness.tuning.lease_kinds import lease_of
from harness.tuning.owner import myself
from harness.tuning.papers import Papers
from harness.tuning.patience import restore_patiently

MAX_MESSAGE = 64 << 10
MAX_SECONDS = 30 * 24 * 3600.0
MAX_LEASES = 100
IGNORED = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGPIPE)
DYING_MS = 20
RELEASE = signal.SIGUSR1  # what it guards has been put back by somebody else
PR_SET_NAME = 15
MCL_CURRENT, MCL_ONFAULT = 1, 4


def main(control_fd: int) -> int:
    """Guard whatever the first message on the socket says. The exit code tells nobody anything."""
    control = socket.socket(fileno=control_fd)
    try:
        guard = Guard(control, json.loads(control.recv(MAX_MESSAGE)))
    except (RedlineError, OSError, ValueError, KeyError, TypeError) as error:
        _say(control, {"error": printable(str(error))})
        return 1
    try:
        why = guard.watch()
    except Exception as error:  # a guard that cannot go on does its work rather than none
        why = f"its guard failed: {error}"
    if why is not None:
        guard.put_back(why)
    papers.remove(guard.state, guard.myself)
    return 0


class Guard:
    """One journal, one owner or none, some leases."""

    def __init__(self, control: socket.socket, setup: Mapping[str, Any]) -> None:
        self.control: socket.socket | None = control
        self.state = Path(setup["state"])
        journal = Journal.open(self.state)
        if journal is None:
            raise ValueError("there is no journal to guard")
        self.journal = journal
        self.host = Host(Path(journal.header.root))
        self.leases: dict[str, tuple[int, dict[str, Any]]] = {}
        self.wake = _wake_on(signal.SIGTERM, RELEASE)
        self.pidfd: int | None = setup["pidfd"]
        self.owner = journal.owner
        self.is_kept = setup["owner"] is None
        if not self.is_kept:
            self._check_owner(setup["owner"])
        self.until: float | None = None
        self._set_deadline(setup["seconds"])
        self.myself = myself()
        self.since_utc = papers.now_utc()
        _settle_down(setup["cpus"])
        self._write_papers()
        _say(control, {"guard": list(asdict(self.myself).values())})

    def _check_owner(self, asked: list[int]) -> None:
        """Its descriptor was opened before its number could be another's."""
        if [self.owner.pid, self.owner.started] != asked:
            raise ValueError("the journal is another process's")
        if self.owner.why_gone() is not None:
            raise ValueError("its owner is gone already")

    def watch(self) -> str | None:
        """Sleep until something has to be put back, and why. None: nothing has."""
        poller = select.poll()
        poller.register(self.wake, select.POLLIN)
        if self.control is not None:
            poller.register(self.control, select.POLLIN)
        if self.pidfd is not None:
            poller.register(self.pidfd, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poller.poll(self._timeout_ms())}
            if self.control is not None and self.control.fileno() in ready:
                fd = self.control.fileno()
                again = self._hear()  # first: the owner may have let us go and died
                if again is not None:
                    return again or None
                if self.control is None:
                    poller.unregister(fd)
            if self.pidfd is not None and self.is_kept:
                poller.unregister(self.pidfd)
                os.close(self.pidfd)
                self.pidfd = None
            if self.wake in ready:
                if os.read(self.wake, 64).strip(bytes([RELEASE])):
                    return "its guard was told to end"
                self._last_words("it was put back by another command")
                return None
            if self.pidfd is not None and self.pidfd in ready:
                return f"process {self.owner.pid}, which held it, is gone"
            if self.until is not None and time.monotonic() >= self.until:
                return "its time was over"

    def _timeout_ms(self) -> int | None:
        if self.until is None:
            return None
        left = self.until - time.monotonic()
        return max(0, math.ceil(min(left, 3600.0) * 1000))

    def _hear(self) -> str | None:
        """Answer what was said. None: guard on. "": let go. Else why all is to be put back."""
        assert self.control is not None
        try:
            data = self.control.recv(MAX_MESSAGE)
        except OSError:
            data = b""
        if not data:
            self.control.close()
            self.control = None
            return None if self.is_kept else self._why_let_go()
        try:
            message = json.loads(data)
            do = message["do"]
            if do == "release":
                _say(self.control, {"ok": True})
                return ""
            _say(self.control, self._do(do, message))
        except (ValueError, KeyError, TypeError) as error:
            _say(self.control, {"error": str(error) or "not understood"})
        return None

    def _why_let_go(self) -> str:
        """A process that dies closes its files a moment before it is dead."""
        assert self.pidfd is not None, "one that is not kept has an owner"
        poller = select.poll()
        poller.register(self.pidfd, select.POLLIN)
        if poller.poll(DYING_MS):
            return f"process {self.owner.pid}, which held it, is gone"
        return f"process {self.owner.pid} has let go of it"

    def _do(self, do: str, message: Mapping[str, Any]) -> dict[str, Any]:
        if do == "take":
            answer = self._take(message["lease"])
        elif do == "keep":
            self.is_kept, answer = True, {"ok": True}
        elif do == "renew":
            self._set_deadline(message["seconds"])
            answer = {"ok": True}
        else:
            raise ValueError("not understood")
        with contextlib.suppress(OSError):  # a full disk: it guards all the same
            self._write_papers()
        return answer

    def _take(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        lease = lease_of(raw)
        if len(self.leases) >= MAX_LEASES:
            raise ValueError("too many leases")
        try:
            fd = lease.take()
        except OSError as error:
            return {"errno": error.errno or 0, "error": error.strerror or str(error)}
        before = self.leases.pop(lease.kind, None)
        if before is not None:
            os.close(before[0])
        self.leases[lease.kind] = (fd, lease.as_json())
        return {"ok": True}

    def _set_deadline(self, seconds: object) -> None:
        if seconds is None:
            self.until = None
            return
        if not isinstance(seconds, int | float) or not 0 < seconds <= MAX_SECONDS:
            raise ValueError(f"not a time of up to {MAX_SECONDS:g} s: {seconds!r}")
        self.until = time.monotonic() + seconds

    def _write_papers(self) -> None:
        until = "" if self.until is None else papers.now_utc(self.until - time.monotonic())
        leases = tuple(lease for _, lease in self.leases.values())
        title, since = self.journal.header.title, self.since_utc
        papers.write(
            self.state,
            Papers(self.myself, self.owner, title, since, until, self.is_kept, leases),
        )

    def put_back(self, why: str) -> None:
        """Leases first, as they came last; then what the journal tells of."""
        for fd, _ in self.leases.values():
            os.close(fd)
        self.leases.clear()
        try:
            said = restore_patiently(self.host, self.journal).summary()
        except Exception as error:  # whatever it is: the next command finds the journal as it is
            said = f"could not be put back: {error}"
        if said:
            papers.log(self.state, f"{self.journal.header.title}: {said}, as {why}")
        papers.remove(self.state, self.myself)
        self._last_words(why)

    def _last_words(self, why: str) -> None:
        if self.control is not None:
            _say(self.control, {"ended": why})


def _wake_on(*signums: int) -> int:
    """A descriptor from which a signal that came is read; the others let us sleep on."""
    for one in IGNORED:
        signal.signal(one, signal.SIG_IGN)
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    for number in signums:
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # what the owner blocked is blocked here too
    return reader


def _settle_down(cpus: list[int]) -> None:
    """In nobody's way, and hard to get rid of: each as far as rights allow."""
    with contextlib.suppress(OSError, ValueError):
        os.sched_setaffinity(0, cpus)
    with contextlib.suppress(OSError):  # of a real-time owner we would be another real-time task
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("-1000")
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NAME, b"redline-guard", 0, 0, 0)
    # What it has read stays in memory: a swap that is full or slow is no reason to be late. Not
    # what it will need: under a limit on locked memory it would get none.
    libc.mlockall(MCL_CURRENT | MCL_ONFAULT)


def _say(control: socket.socket, message: Mapping[str, Any]) -> None:
    with contextlib.suppress(OSError):
        control.send(json.dumps(message).encode(), socket.MSG_DONTWAIT)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
