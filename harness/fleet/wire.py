"""A child process that leads to a host, as execnet reads and writes it.

execnet's own has no limits of time or size, lets the child write errors to the terminal, and lets
Ctrl-C there end the connection before what a host holds was given back. This one has both limits,
keeps what the child says for one line about it, and gives the child a session of its own.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

from execnet.gateway_base import ExecModel

MAX_MESSAGE = 32 << 20  # what a host may announce to send at once
MAX_SAID = 8192  # characters at the end of what a child says; ssh says a line, Python a traceback
MAX_HEARD = 160  # bytes: a greeting of a shell
WRITE_S = 20.0  # without a byte going anywhere: then the connection is frozen
READ_AT_ONCE = 1 << 16
KILLED_S = 5.0  # for a killed process to be gone

Start = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]


def start_child(args: Sequence[str]) -> subprocess.Popen[bytes]:
    """Pipes to a process in a session of its own. OSError when there is no such program."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        args, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )


class Wire:
    """One child and its pipes. One thread reads, any writes, the owner ends it."""

    def __init__(self, args: Sequence[str], execmodel: ExecModel, start: Start) -> None:
        self.execmodel = execmodel
        self.deadline: float | None = None  # of reading, in time.monotonic(); None: for ever
        self._process = start(args)
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        self._in, self._out, self._err = stdin, stdout, stderr
        os.set_blocking(stdin.fileno(), False)
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._is_stopped = False
        self._writing = threading.Lock()
        self._said = b""
        self._heard = b""  # what it said first, for the case that it is no Python
        self._listener = threading.Thread(target=self._listen, name="stderr of a host", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self, numbytes: int, /) -> bytes:
        """Exactly so many bytes. EOFError when there will never be as many."""
        if not 0 <= numbytes <= MAX_MESSAGE:
            raise EOFError(f"a message of {numbytes} bytes is announced")
        parts: list[bytes] = []
        missing = numbytes
        while missing:
            data = self._read_some(self._out.fileno(), missing)
            if not data:
                if self._left_s() == 0:
                    self.kill()  # execnet waits for its end next, however long it takes
                raise EOFError(f"expected {numbytes} bytes, got {numbytes - missing}")
            self._heard += data[: MAX_HEARD - len(self._heard)]
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def write(self, data: bytes, /) -> None:
        """All of it. OSError when the child is gone, or takes nothing for WRITE_S seconds."""
        view = memoryview(data)
        with self._writing:
            while view:
                if self._in.closed:
                    raise OSError("the connection is closed")
                try:
                    view = view[os.write(self._in.fileno(), view) :]
                except BlockingIOError:
                    if not self._ready(self._in.fileno(), select.POLLOUT, WRITE_S):
                        raise OSError("nothing can be sent") from None

    def close_read(self) -> None:
        """For execnet, whose receiving thread calls it last; what it read from closes in end()."""

    def close_write(self) -> None:
        """The child sees the end of its input; nothing can be written any more."""
        with self._writing, contextlib.suppress(OSError):
            self._in.close()

    def wait(self, limit_s: float = KILLED_S) -> int | None:
        """The exit status, negative for a signal; None when it has not ended in time."""
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """The child and what it started in its session."""
        with contextlib.suppress(ProcessLookupError):
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def stop_reading(self) -> None:
        """Whoever reads sees the end, even if somebody still holds the other end of the pipe."""
        self._is_stopped = True
        os.eventfd_write(self._stop, 1)

    def end(self) -> None:
        """Close what is left; only after the reading thread has ended."""
        self.kill()
        self.wait(KILLED_S)
        self.stop_reading()
        self._listener.join()
        self.close_write()
        self._out.close()
        self._err.close()
        os.close(self._stop)

    def said(self) -> list[str]:
        """The last lines of what the child said of errors, as far as they say something."""
        text = self._said.decode(errors="replace")
        return [line.strip() for line in text.splitlines() if line.strip()]

    def greeting(self, limit_s: float) -> str:
        """The first line of what it says, when that is not what Python says; nobody else reads."""
        self.deadline = time.monotonic() + limit_s
        while b"\n" not in self._heard and len(self._heard) < MAX_HEARD:
            more = self._read_some(self._out.fileno(), MAX_HEARD)
            if not more:
                break
            self._heard += more
        return self._heard[:MAX_HEARD].decode(errors="replace").partition("\n")[0].strip()

    def heard_all(self, limit_s: float) -> None:
        """Wait until the child has closed its errors, so that said() has the last of them."""
        self._listener.join(limit_s)

    def _listen(self) -> None:
        while data := self._read_some(self._err.fileno(), READ_AT_ONCE):
            self._said = (self._said + data)[-MAX_SAID:]

    def _read_some(self, fd: int, most: int) -> bytes:
        """b'' at the end, when stopped, or at the deadline, which may be lifted meanwhile."""
        while not self._ready(fd, select.POLLIN, self._left_s()):
            left_s = self._left_s()
            if self._is_stopped or (left_s is not None and left_s <= 0):
                return b""
        return os.read(fd, min(most, READ_AT_ONCE))

    def _left_s(self) -> float | None:
        deadline = self.deadline  # another thread may lift it between two looks
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    def _ready(self, fd: int, event: int, limit_s: float | None) -> bool:
        """Whether the descriptor has become ready; False when stopped or when time is over."""
        waiting = select.poll()
        waiting.register(fd, event)
        waiting.register(self._stop, select.POLLIN)
        ready = dict(waiting.poll(None if limit_s is None else limit_s * 1000))
        return fd in ready and self._stop not in ready
