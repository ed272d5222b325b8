"""What the commands of `redline net` share."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import typer

from harness.errors import ExitCode, HostError, RedlineError


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C is said, and leaves with its code; what was made is gone by then."""
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def address(option: str, text: str) -> tuple[str, int]:
    """An IP address and a port; RedlineError names the option."""
    from harness.config.exchange import parse_address

    try:
        host, _, port = parse_address(text).rpartition(":")
    except ValueError as error:
        raise RedlineError(f"{option}: {error}") from None
    return host.strip("[]"), int(port)


def need_engine() -> None:
    """HostError when the compiled engine cannot be loaded."""
    try:
        import engine.net  # noqa: F401
    except ImportError as error:
        raise HostError(str(error).splitlines()[0]) from None
