"""Rows of tests: integration tests that pass, and all tests that pass."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version as version_of

from harness.config.quality import Skipped
from harness.quality.found import Control, Found, share, short
from harness.quality.junit import Case, End, ends
from harness.quality.program import version

_NOT_RUN = (End.SKIPPED, End.EXPECTED)


def row(name: str, title: str, cases: Sequence[Case], *, control: Control) -> Found:
    """The share of passes in everything that was collected."""
    told = ends(cases)
    skipped = [
        Skipped(what=short(case.title), reason=short(case.why) or "no reason given")
        for case in cases
        if case.end in _NOT_RUN
    ]
    bad = [f"{c.end}: {c.title}: {c.why}" for c in cases if c.end in (End.FAILED, End.ERROR)]
    counts = ", ".join(f"{n} {end}" for end, n in told.most_common())
    return share(
        name,
        title,
        by="pytest and ctest",
        version=f"pytest {version_of('pytest')}; {version(['ctest'])}",
        good=told[End.PASSED],
        all_=len(cases),
        control=control,
        skipped=skipped,
        details=[*bad, counts],
    )
