"""Who a change belongs to: a process, told apart from any later one that gets its id.

An owner is a process and the time it started, in one boot and one process id namespace: a process
id alone comes back.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PID_NAMESPACE = Path("/proc/self/ns/pid")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process in one boot of one machine."""

    pid: int
    started: int  # in ticks since boot
    boot_id: str
    pid_namespace: int

    def why_gone(self) -> str | None:
        """How we know that it is dead. None: it lives, or cannot be seen from here."""
        if self.boot_id != boot_id():
            return "left before this machine was last started"
        if self.pid_namespace != PID_NAMESPACE.stat().st_ino:
            return None
        now = state_and_start(self.pid)
        if now is None:
            return f"process {self.pid} is gone"
        state, started = now
        if started != self.started:
            return f"process {self.pid} is gone; another one has its id"
        if state in "ZX":
            return f"process {self.pid} is dead"
        return None


def myself() -> Owner:
    pid = os.getpid()
    now = state_and_start(pid)
    assert now is not None, "a process sees itself"
    return Owner(pid, now[1], boot_id(), PID_NAMESPACE.stat().st_ino)


def is_stopped(pid: int) -> bool:
    """Whether it does nothing until somebody lets it go on: SIGSTOP, or a debugger."""
    now = state_and_start(pid)
    return now is not None and now[0] in "Tt"


def boot_id() -> str:
    return BOOT_ID.read_text().strip()


def state_and_start(pid: int) -> tuple[str, int] | None:
    """The letter of its state and its start in ticks since boot; None when there is no process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before may hold anything
    return fields[0], int(fields[19])
