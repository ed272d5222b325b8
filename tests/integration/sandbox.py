"""A test in a network and a /run of its own: whatever it makes or breaks goes with its process.

    @in_sandbox
    def test_something(tmp_path: Path) -> None: ...

The test runs in a forked child, as root of nothing but what it sees there: no interface but the
loopback, no namespaces, no benches. It skips where such a place cannot be made.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import struct
import traceback
from collections.abc import Callable, Collection
from pathlib import Path
from typing import ParamSpec

import pytest

from harness.tuning.facts import CAPABILITIES

P = ParamSpec("P")

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
PR_SET_KEEPCAPS, PR_SET_PDEATHSIG = 8, 1
NOBODY = 65534
CHILD_S = 60
SKIPPED = 77

libc = ctypes.CDLL(None, use_errno=True)


def in_sandbox(test: Callable[P, None]) -> Callable[P, None]:
    """The test, run in a child that has nothing in common with the host's network."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        code, said = in_child(lambda: _enter_and(lambda: test(*args, **kwargs)))
        if code == SKIPPED:
            pytest.skip(said)
        assert code == 0, said

    return run


def in_child(work: Callable[[], None]) -> tuple[int, str]:
    """The exit code of a forked child that does `work`, negative for a signal, and what it said."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reader)
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest's own would be run in its place
            signal.alarm(CHILD_S)
            os.dup2(writer, 2)
            work()
            code = 0
        except BaseException as error:
            if isinstance(error, pytest.skip.Exception):
                code = SKIPPED
                os.write(writer, str(error).encode())
            else:
                os.write(writer, traceback.format_exc().encode()[-8000:])
        finally:
            os._exit(code)  # no fixture and no bench of the parent is torn down here
    os.close(writer)
    with open(reader, "rb") as pipe:  # noqa: PTH123
        said = pipe.read().decode(errors="replace")
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), said


def _enter_and(work: Callable[[], None]) -> None:
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        pytest.skip(f"needs CAP_SYS_ADMIN: unshare: {os.strerror(ctypes.get_errno())}")
    _mount(b"none", b"/", None, MS_REC | MS_PRIVATE)
    _mount(b"tmpfs", b"/run", b"tmpfs", 0)
    _mount(b"sysfs", b"/sys", b"sysfs", 0)  # shows the links of this network
    os.environ.pop("REDLINE_STATE", None)
    os.environ.pop("SSH_CONNECTION", None)
    work()


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int) -> None:
    if libc.mount(source, target, kind, ctypes.c_ulong(flags), None) != 0:
        pytest.skip(f"cannot mount {target.decode()}: {os.strerror(ctypes.get_errno())}")


def keep_only(capabilities: Collection[str], *, uid: int = 0) -> None:
    """Give up every other capability, for good, and become that user."""
    if uid:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    bits = sum(1 << CAPABILITIES[name] for name in capabilities)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    header = struct.pack("=Ii", 0x20080522, 0)
    assert libc.capset(header, struct.pack("=6I", low, low, 0, high, high, 0)) == 0


def names_of_namespaces() -> list[str]:
    folder = Path("/run/netns")
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
