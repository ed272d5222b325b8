"""The verdict as one line, for a chat or a commit status."""

from __future__ import annotations

from pathlib import Path

from harness.errors import printable
from harness.report.evidence import read_evidence
from harness.report.figures import plain
from harness.report.signoff import signoff

MOST_COLUMNS = 200


def status_line(run_dir: Path) -> str:
    """`NOT READY 20.1-55.0/100 week1 20260101T... : FAIL kill switch; not a qualified host`.

    ASCII, one line, at most MOST_COLUMNS; ReportError when the directory is no run.
    """
    evidence = read_evidence(run_dir)
    page = signoff(evidence)
    run = evidence.run
    parts = [
        page.state,
        f"{plain(page.total).replace(' ', '')}/100",
        str(run.get("scenario", {}).get("name", "run")),
        str(run.get("id", "")),
    ]
    doubts = [title for title, _ in page.stamps]
    if not page.qualified:
        doubts.append("not a qualified host")
    doubts += [f"{p.state} {p.cause}".strip() for p in page.open_points]
    line = " ".join(parts) + (f": {'; '.join(doubts)}" if doubts else "")
    shown = printable(plain(line))
    return shown if len(shown) <= MOST_COLUMNS else shown[: MOST_COLUMNS - 3] + "..."
