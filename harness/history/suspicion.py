"""What the newest night of a history gives reason to measure again, and against which revision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import RedlineError
from harness.history.entry import Entry
from harness.history.trend import Series, series_of

REVISION, CHANGES = "source.revision", "source.changes_sha256"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A night outside the band, and the last one before it that was not; revisions of both."""

    series: Series
    base_run: str
    head_run: str
    base: str
    head: str


def suspicion(entries: Sequence[Entry], metric: str, statistic: str = "value") -> Suspicion | None:
    """For the first series of the metric whose newest judged night is suspect; None: for none.

    RedlineError when a night of the two was not run from a committed revision: then nobody can
    build it again.
    """
    by_id = {entry.id: entry for entry in entries}
    for series in series_of(entries, metric, statistic):
        judged = [night.run_id for night in series.judged]
        if not judged or judged[-1] not in series.suspects:
            continue
        before = next((one for one in reversed(judged) if one not in series.suspects), None)
        if before is None:
            continue
        base, head = (_revision(by_id[one]) for one in (before, judged[-1]))
        return Suspicion(series, before, judged[-1], base, head)
    return None


def _revision(entry: Entry) -> str:
    revision, changes = ((entry.facts.get(name) or {}).get("value") for name in (REVISION, CHANGES))
    if not isinstance(revision, str):
        raise RedlineError(f"{entry.id}: not run from a checkout, so it cannot be built again")
    if changes not in (None, "clean"):
        raise RedlineError(f"{entry.id}: run from a changed tree, so it cannot be built again")
    return revision
