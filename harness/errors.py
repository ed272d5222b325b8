"""What can go wrong for a user, and the exit code that says so.

Every error here is a sentence for the person at the terminal: the command line prints it without a
traceback and leaves with `exit_code`. A mistake of ours is any other exception and keeps its
traceback.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Codes of every command; scripts and nightly jobs tell outcomes apart by them."""

    READY = 0
    FAIL = 1
    USAGE = 2
    HOST_NOT_FIT = 3
    NO_INPUT = 66  # EX_NOINPUT: where 2 is a verdict, there was nothing to judge
    INCONCLUSIVE = 75  # EX_TEMPFAIL: "could not tell" is not "worse"
    INTERRUPTED = 130


class RedlineError(Exception):
    """A user's mistake or a machine's limit, in one line or a few."""

    exit_code: ExitCode = ExitCode.USAGE


class HostError(RedlineError):
    """This machine, or this user's rights on it, cannot do what was asked."""

    exit_code = ExitCode.HOST_NOT_FIT


def printable(text: str) -> str:
    """On one line, whatever it holds: a file or a name does not command somebody's terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
