"""Telling a person where a run is, without disturbing what it measures.

A step is announced when it begins, with how long it should take; nothing is drawn while it
measures: a redraw thread would run on the cores of the run, and the kernel would account it to the
engine. On a terminal the announcement is one bar that is redrawn, elsewhere a line a step.

Everything goes to stderr; stdout belongs to the result.

Threads: the runner's alone. Times are seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Protocol

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from harness.config.units import NS_PER_S, rough_duration


class Progress(Protocol):
    """What a run reports to. Never called inside a measured window."""

    def phase(self, name: str, seconds_expected: float) -> None:
        """The step `name` begins now; the step before it is over."""

    def note(self, text: str) -> None:
        """Something worth a line, inside the step."""


class Silent:
    """For programs that want only the result."""

    def phase(self, name: str, seconds_expected: float) -> None:
        return

    def note(self, text: str) -> None:
        return


class Lines:
    """A line a step, for logs: `[  12 s] null bench, about 4 s`."""

    def __init__(
        self, stream: IO[str] | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream or sys.stderr
        self._now = now
        self._start = now()

    def phase(self, name: str, seconds_expected: float) -> None:
        self._write(f"{name}{_about(seconds_expected)}")

    def note(self, text: str) -> None:
        self._write(f"  {text}")

    def _write(self, text: str) -> None:
        elapsed = self._now() - self._start
        print(f"[{elapsed:4.0f} s] {text}", file=self._stream, flush=True)


class Terminal:
    """One bar over the whole run, redrawn when a step begins; finished steps scroll up above it."""

    def __init__(self, bar: Bar, total_s: float) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=max(total_s, 1e-9))
        self._begun_s = 0.0  # expected seconds of the steps before this one
        self._this_s = 0.0

    def phase(self, name: str, seconds_expected: float) -> None:
        self._begun_s += self._this_s
        self._this_s = seconds_expected
        self._draw(f"{name}{_about(seconds_expected)}")

    def note(self, text: str) -> None:
        self._bar.console.print(Text(f"  {text}", style="dim"))
        self._bar.refresh()

    def done(self) -> None:
        self._begun_s += self._this_s
        self._this_s = 0.0
        self._draw("done")

    def _draw(self, text: str) -> None:
        self._bar.update(self._task, completed=self._begun_s, description=text)
        self._bar.refresh()


@contextmanager
def reporting(total_s: float, stream: IO[str] | None = None) -> Iterator[Progress]:
    """The progress that suits the stream: a bar on a terminal, lines in a file or a pipe.

    The bar is cleared away at the end, also of a run that fails.
    """
    stream = stream or sys.stderr
    console = Console(file=stream)
    if not console.is_terminal:
        yield Lines(stream)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    # auto_refresh would start a thread: see above.
    with Bar(*columns, console=console, auto_refresh=False, transient=True) as bar:
        terminal = Terminal(bar, total_s)
        yield terminal
        terminal.done()


def _about(seconds: float) -> str:
    return f", about {rough_duration(round(seconds * NS_PER_S))}" if seconds > 0 else ""
