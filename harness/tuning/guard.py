"""The guard: a process beside the harness that puts a host back when nobody else does.

    guard = start(state, owner=myself(), cpus=roles.housekeeping)    # before the first write
    guard.take(lease)
    ...                                                              # the host is tuned
    restore(host, journal)
    guard.release()

It is started when the journal is open and nothing is written yet, and it sleeps until one of these:
the owner is gone, however it died; its time is over; it is told to end (SIGTERM). Then it puts back
what the journal tells of. Leases are held by it, so they go with it and never outlive it.

It is a fresh interpreter in a session of its own: Ctrl-C in the owner's terminal does not reach it,
and neither the owner's memory nor its descriptors live on in it. guarding.py is what it runs.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import harness
from harness.errors import HostError, printable
from harness.tuning.leases import Lease
from harness.tuning.owner import Owner, is_stopped

START_S = 20.0  # a fresh interpreter on a host that is busy; it takes a tenth of a second
ANSWER_S = 15.0  # when it puts things back, it answers afterwards
END_S = 20.0
RELEASED_S = 1.0  # to end when there is nothing left to do; one that was stopped does not
MAX_MESSAGE = 64 << 10

# The standard library goes first: where harness was installed there may be anything. What keeps it
# from being imported is said to who waits for an answer.
_BOOTSTRAP = """
import sys
sys.path.append(sys.argv[1])
control = int(sys.argv[2])
try:
    from harness.tuning.guarding import main
except Exception as error:
    import json, os
    os.read(control, 1 << 16)
    os.write(control, json.dumps({"error": "%s: %s" % (type(error).__name__, error)}).encode())
    sys.exit(1)
sys.exit(main(control))
"""
_BY_DESCRIPTOR = re.compile(r"/proc/self/fd/(\d+)")


class GuardError(HostError):
    """There is no guard, or none any more."""


class GuardHandle:
    """A living guard, for the process that started it. Thread-safe.

    A handle that is dropped or closed without release() is a guard that puts everything back.
    """

    def __init__(self, control: socket.socket, process: subprocess.Popen[bytes], guard: Owner):
        self._control: socket.socket | None = control
        self._process = process
        self._lock = threading.Lock()
        self._ended = ""
        self.guard = guard
        _handles.add(self)

    def take(self, lease: Lease) -> None:
        """Have the guard hold it from now on. OSError with the kernel's reason; GuardError."""
        answer = self._ask({"do": "take", "lease": lease.as_json()})
        if "errno" in answer:
            raise OSError(int(answer["errno"]), str(answer["error"]))
        self._require(answer)

    def keep(self) -> None:
        """Guard on when the owner is gone: until the deadline, or until told to end. GuardError."""
        self._require(self._ask({"do": "keep"}))

    def renew(self, seconds: float | None) -> None:
        """So long from now it puts back what is left, even if the owner lives. None: never."""
        self._require(self._ask({"do": "renew", "seconds": seconds}))

    def ended(self) -> str:
        """Why it is no longer there, in words; "" while it is. Costs one system call."""
        with self._lock:
            if self._control is not None and not self._ended and _has_said(self._control):
                self._note(self._heard())
            return self._ended

    def release(self) -> None:
        """End it without putting anything back: the caller has. Its leases end with it."""
        with contextlib.suppress(GuardError):
            self._ask({"do": "release"}, wait_s=RELEASED_S)
        self._is_kept = False
        self._close(lambda: _end(self._process))

    def close(self) -> None:
        """Let go of it. One that was neither released nor kept puts everything back first."""
        self._close(lambda: _wait_for(self._process))

    def _close(self, wait: Callable[[], None]) -> None:
        with self._lock:
            control, self._control = self._control, None
        if control is None:
            return
        control.close()
        _handles.discard(self)
        if self._is_kept:
            _kept.append(self._process)
        else:
            wait()
        reap()

    _is_kept = False

    def _ask(self, message: dict[str, Any], wait_s: float = ANSWER_S) -> dict[str, Any]:
        with self._lock:
            if self._control is None or self._ended:
                raise GuardError(f"the guard is gone: {self._ended or 'it was let go of'}")
            self._control.settimeout(wait_s)
            try:
                self._control.send(json.dumps(message).encode())
            except TimeoutError:
                raise _silent() from None
            except OSError:
                pass  # it is gone; it may have said why
            answer = self._note(self._heard())
        if self._ended:
            raise GuardError(f"the guard is gone: {self._ended}")
        if message["do"] == "keep" and answer.get("ok"):
            self._is_kept = True
        return answer

    def _heard(self) -> bytes:
        """What the guard said next; nothing when it is gone."""
        assert self._control is not None, "asked by who looked"
        try:
            return self._control.recv(MAX_MESSAGE)
        except TimeoutError:
            raise _silent() from None
        except OSError:
            return b""

    def _note(self, data: bytes) -> dict[str, Any]:
        """An answer of the guard; its last words, or none at all, are noted."""
        answer: dict[str, Any] = json.loads(data) if data else {"ended": "it was killed"}
        if "ended" in answer:
            self._ended = str(answer["ended"])
        return answer

    @staticmethod
    def _require(answer: dict[str, Any]) -> None:
        if not answer.get("ok"):
            raise GuardError(f"the guard refuses: {printable(str(answer.get('error')))}")


def start(
    state: Path,
    *,
    owner: Owner | None,
    leases: Sequence[Lease] = (),
    seconds: float | None = None,
    cpus: Sequence[int] = (),
) -> GuardHandle:
    """A guard of the journal that is open in `state`. GuardError: there is none, write nothing.

    It watches `owner`; None: nobody, as after keep(). After `seconds` it puts back whoever lives.
    It runs on `cpus`, where there are any. OSError when a lease cannot be had.
    """
    reap()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with contextlib.ExitStack() as stack:
        stack.enter_context(theirs)
        handed = [theirs.fileno()]
        pidfd = None
        try:
            if owner is not None:
                pidfd = os.pidfd_open(owner.pid)
                stack.callback(os.close, pidfd)
                handed.append(pidfd)
            process = _spawn(theirs.fileno(), handed)
        except (OSError, ValueError) as error:
            ours.close()
            raise _no_guard(error) from None
        setup = {
            "state": str(state.resolve()),
            "owner": None if owner is None else [owner.pid, owner.started],
            "pidfd": pidfd,
            "seconds": seconds,
            "cpus": list(cpus),
        }
    return _set_up(ours, process, setup, leases)


def _set_up(
    control: socket.socket,
    process: subprocess.Popen[bytes],
    setup: dict[str, Any],
    leases: Sequence[Lease],
) -> GuardHandle:
    try:
        control.settimeout(START_S)
        control.send(json.dumps(setup).encode())
        data = control.recv(MAX_MESSAGE)
        answer = json.loads(data) if data else {"error": "it ended at once"}
        if "guard" not in answer:
            raise ValueError(answer.get("error"))
        handle = GuardHandle(control, process, Owner(*answer["guard"]))
    except BaseException as error:
        control.close()
        process.kill()  # it has put nothing back because nothing was written
        process.wait()
        if isinstance(error, OSError | ValueError):
            raise _no_guard(error) from None
        raise
    try:
        for lease in leases:
            handle.take(lease)
    except BaseException:
        handle.release()
        raise
    return handle


def _spawn(control: int, handed: Sequence[int]) -> subprocess.Popen[bytes]:
    entry = _entry()
    by_descriptor = _BY_DESCRIPTOR.fullmatch(entry)
    if by_descriptor:
        handed = [*handed, int(by_descriptor[1])]  # the path means the same file over there
    if not sys.executable:
        raise ValueError("this Python does not say where its program is")
    # Nothing of the user's environment is imported, no .pyc is written, site is not needed. Its
    # descriptors are its own: a connection ends when nobody holds its pipes any more.
    return subprocess.Popen(
        [sys.executable, "-ISB", "-c", _BOOTSTRAP, entry, str(control), "redline-guard"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=True,
        pass_fds=handed,
        start_new_session=True,
        umask=0o077,
        cwd="/",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
    )


def _entry() -> str:
    """Where harness was imported from: a directory, or a zip file."""
    entry = str(Path(harness.__file__).parent.parent)
    return entry if _BY_DESCRIPTOR.fullmatch(entry) else str(Path(entry).resolve())


def _has_said(control: socket.socket) -> bool:
    poller = select.poll()
    poller.register(control, select.POLLIN)
    return bool(poller.poll(0))


def _silent() -> GuardError:
    return GuardError(f"the guard has not answered for {ANSWER_S:g} s")


def _no_guard(error: Exception) -> GuardError:
    why = str(error)
    if isinstance(error, OSError) and error.strerror:
        of = f"{error.filename}: " if error.filename else ""
        why = f"{of}{error.strerror.lower()}"
    return GuardError(printable(f"no guard could be started: {why}"))


# Guards that were kept are still our children: whoever of them has ended is reaped in passing.
_kept: list[subprocess.Popen[bytes]] = []
_handles: weakref.WeakSet[GuardHandle] = weakref.WeakSet()


def reap() -> None:
    """Take note of the end of guards that outlived their handle."""
    _kept[:] = [process for process in _kept if process.poll() is None]


def _end(process: subprocess.Popen[bytes]) -> None:
    """What holds a lease ends here, also when it was stopped: everything has been put back."""
    try:
        process.wait(RELEASED_S)
    except subprocess.TimeoutExpired:
        process.kill()  # our child, not waited for yet: nobody else has its number
        _wait_for(process)


def _wait_for(process: subprocess.Popen[bytes]) -> None:
    """Until it has ended by itself, having put back what is to be put back."""
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        if is_stopped(process.pid):  # the next command puts back; its leases end now
            process.kill()
        _kept.append(process)  # else it is at work; not for us to cut in two


def _forget_in_child() -> None:
    """A forked child must not speak to the guard, nor keep alive what tells it of our end."""
    for handle in list(_handles):
        if handle._control is not None:
            handle._control.close()
            handle._control = None
    _handles.clear()
    _kept.clear()


os.register_at_fork(after_in_child=_forget_in_child)
