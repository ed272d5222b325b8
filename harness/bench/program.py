"""A user's program as a process of a trial: started in its place, watched, and never left behind.

It runs on the engine's CPU, in the engine's namespace where the bench has one, in a process group
of its own. Whatever becomes of this process, the kernel kills the program.

Linux:  PR_SET_PDEATHSIG of prctl(2); /proc/PID/net of proc(5), which is that of its namespace.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import HostError, RedlineError, printable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_ESTABLISHED = "01"  # net/tcp_states.h
_STOP_S = 2.0  # to end by itself after SIGTERM
_LOOK_S = 0.01
_SAID_CHARS = 160


def resolve(command: Sequence[str]) -> Path:
    """The file of a command: a name is looked for on PATH. RedlineError when there is none."""
    found = shutil.which(command[0])
    if found is None:
        what = "may not be executed" if Path(command[0]).exists() else "not there"
        raise RedlineError(f"engine: {printable(command[0])}: {what}; build it first")
    return Path(found)


def sha256_of_program(command: Sequence[str]) -> str:
    """Of the file that is started; where arguments name files, scripts among them, of their hashes
    together.
    """
    hashes = [_sha256_of(path) for path in (resolve(command), *_named(command[1:]))]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _named(words: Sequence[str]) -> Iterator[Path]:
    for word in words:
        with contextlib.suppress(OSError, ValueError):  # text too long for a path, or no path
            if Path(word).is_file():
                yield Path(word)


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Program:
    """The running program. A context manager; what it prints goes to the file `output`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cpu: int,
        output: Path,
        netns: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        resolve(command)
        self._output = output
        words = list(command)
        if netns is not None:
            if shutil.which("nsenter") is None:
                raise HostError("nsenter: not there; it puts a program into the bench (util-linux)")
            words = ["nsenter", f"--net={netns}", "--", *words]
        libc = ctypes.CDLL(None)

        def prepare() -> None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            os.sched_setaffinity(0, {cpu})

        with output.open("wb") as log:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=prepare,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_S)
        self._signal(signal.SIGKILL)  # what it may have started, too
        self._process.wait()

    def wait_connected(self, port: int, timeout_s: float) -> None:
        """Until it is connected to the TCP `port`. RedlineError when it ends or takes longer."""
        end = time.monotonic() + timeout_s
        while not self._is_connected(port):
            how = self.ended()
            if how:
                raise RedlineError(f"engine: {how} before it connected to the order session")
            if time.monotonic() > end:
                raise RedlineError(
                    f"engine: did not connect to the order session within {timeout_s:g} s"
                    + self._said()
                )
            time.sleep(_LOOK_S)

    def ended(self) -> str:
        """How it ended, with its last words; empty while it runs."""
        code = self._process.poll()
        if code is None:
            return ""
        how = (
            f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        )
        return how + self._said()

    def datagrams_dropped(self, port: int) -> int:
        """Of its UDP socket at `port`: for those the kernel had no room there."""
        rows = self._table("udp")
        return sum(int(row[-1]) for row in rows if int(row[1].split(":")[1], 16) == port)

    def _is_connected(self, port: int) -> bool:
        return any(
            int(row[2].split(":")[1], 16) == port and row[3] == _ESTABLISHED
            for row in self._table("tcp")
        )

    def _table(self, name: str) -> list[list[str]]:
        try:
            lines = Path(f"/proc/{self.pid}/net/{name}").read_text().splitlines()
        except OSError:  # it is gone
            return []
        return [line.split() for line in lines[1:]]

    def _said(self) -> str:
        lines = self._output.read_bytes().decode("utf-8", "replace").strip().splitlines()
        return f": {printable(lines[-1])[:_SAID_CHARS]}" if lines else ""

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)
