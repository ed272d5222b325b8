"""Somebody outside who trips the kill switch: redline-kill, held ready in a process of its own.

The programs that stop an engine are C and need nothing of it; they are installed beside Python.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType

from harness.errors import RedlineError

TOOL = "redline-kill"
READY_S = 10.0


class Outside:
    """At most `n` trips of the board in `board_dir`, each by a process that was waiting for it."""

    def __init__(self, board_dir: str, n: int) -> None:
        tool = Path(sys.executable).with_name(TOOL)
        if not tool.exists():
            raise RedlineError(f"{tool}: not there; install redline again to build it")
        self._command = [str(tool), "--dir", board_dir, "--cause", "manual", "--hold"]
        self._n_left = n
        self._held: subprocess.Popen[bytes] | None = None
        self._done: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Outside:
        self._prepare()
        return self

    def _prepare(self) -> None:
        """The next process: it has mapped the board when it says so."""
        if self._n_left == 0:
            return
        self._n_left -= 1
        self._held = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._held.stdout is not None
        if self._held.stdout.readline().strip() != b"ready":
            raise RedlineError(f"{TOOL}: did not get ready")

    def trip(self) -> None:
        """Have it tripped now; does nothing when all trips are used up."""
        if self._held is None:
            return
        assert self._held.stdin is not None
        self._held.stdin.write(b"\n")
        self._held.stdin.flush()
        self._done.append(self._held)
        self._held = None
        self._prepare()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._held is not None:
            self._held.kill()  # before its input ends: that would be a trip
            self._done.append(self._held)
        for process in self._done:
            process.communicate()
