"""What several commands share: options that mean the same everywhere, and how they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from harness.errors import RedlineError

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")]
ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A scenario file, or the name of a shipped one.")
]
Value = TypeVar("Value")


def print_json(value: object) -> None:
    """Names and values come from hosts and files: in ASCII none of them commands a terminal."""
    print(json.dumps(value, indent=1, sort_keys=True))


def complain(*lines: str) -> None:
    """Errors as they are: they begin with the place, which an editor can jump to."""
    for line in lines:
        print(line, file=sys.stderr)


def option(name: str, text: str | None, read: Callable[[object], Value]) -> Value | None:
    """The value of an option with a unit; the error names the option."""
    from harness.config.units import UnitError

    try:
        return None if text is None else read(text)
    except UnitError as error:
        raise RedlineError(f"{name}: {error}") from None


def why_no_engine() -> str | None:
    """A sentence when the compiled engine cannot be loaded."""
    try:
        import engine  # noqa: F401
    except ImportError as error:
        return str(error).splitlines()[0]
    return None
