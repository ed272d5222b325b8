"""Starting child.py in an interpreter of its own, hearing what it says, and ending it.

Not a thread, for two Python threads share one lock, and not a fork, for who measures may have
threads. Callers keep their CPUs, their priority and their limits: only the child changes its own.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache

CHILD = "harness.tuning.effects.child"
START_S = 10.0  # an interpreter on a machine that has other work


@cache
def source() -> str:
    """The text of child.py, also from within a zip."""
    spec = importlib.util.find_spec(CHILD)
    get_source = getattr(spec.loader, "get_source", None) if spec else None
    text = get_source(CHILD) if get_source else None
    if not isinstance(text, str):
        raise OSError(errno.ENOENT, "the text of this program is not there to be started")
    return text


def numbers(kind: str, *arguments: float, seconds: float) -> list[int]:
    """What a child of that kind found out. OSError with the kernel's reason, or a late child's."""
    with child(kind, *arguments, seconds=seconds) as started:
        return rest(started, seconds)


def rest(started: subprocess.Popen[bytes], seconds: float) -> list[int]:
    """The numbers that a child still has to say, when it has said them all."""
    try:
        said, _ = started.communicate(timeout=seconds + START_S)
    except subprocess.TimeoutExpired:
        raise OSError(errno.ETIMEDOUT, "the measurement did not come to its end") from None
    return [int(word) for word in _checked(said).split()]


@contextmanager
def child(kind: str, *arguments: float, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """A child that is at work; it is dead afterwards. OSError with the kernel's reason."""
    if not sys.executable:
        raise OSError(errno.ENOENT, "no interpreter to start")
    command = [sys.executable, "-I", "-S", "-c", source(), repr(float(seconds)), kind]
    command += [str(one) for one in arguments]
    started = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,  # one line is read now, the rest by communicate(), which knows no buffer of ours
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
    )
    try:
        assert started.stdout is not None
        _checked(started.stdout.readline(), ready=True)  # its own guards end a silent one
        yield started
    finally:
        started.kill()
        started.wait()
        if started.stdout is not None:
            started.stdout.close()


@contextmanager
def at_work(kind: str, cpus: Sequence[int], seconds: float) -> Iterator[None]:
    """A child of that kind on each of the CPUs, all at work, for `seconds` at least."""
    lasts = seconds + START_S  # they start one after the other, and are ended here
    with ExitStack() as stack:
        for cpu in cpus:
            stack.enter_context(child(kind, cpu, float(lasts), seconds=lasts))
        yield


def _checked(said: bytes, *, ready: bool = False) -> str:
    text = said.decode(errors="replace")
    words = text.split()
    if words[:1] == ["errno"] and len(words) == 2 and words[1].isdigit():
        number = int(words[1])
        raise OSError(number, os.strerror(number))
    if not words or (ready and words != ["ready"]):
        raise OSError(errno.EIO, "the measuring process ended without a result")
    return text
