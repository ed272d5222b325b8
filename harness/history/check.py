"""A directory of runs held against a history that remembers what was sealed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.history.entry import Entry
from harness.run import artifacts, chain


def problems(entries: Sequence[Entry], out: Path) -> Iterator[str]:
    """Runs that are gone from `out`, or that are not the ones that were added, a line each."""
    for entry in entries:
        run = out / entry.id
        if not (run / artifacts.SUMS).is_file():
            yield f"{entry.id}: gone, the history knows it"
        elif chain.seal_of(run).sums_sha256 != entry.sums_sha256:
            yield f"{entry.id}: not the run that the history was given"
