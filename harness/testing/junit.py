"""What a JUnit file says of the session as a whole: where it ran, and what its runs came to.

Written where the file is, in the process that was started: what workers of xdist add to their own
suite never gets there. Properties of single tests travel with their reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.testing.bench import Run

WORST_FIRST = ("NOT READY", "INCONCLUSIVE", "READY")


def add_properties(config: pytest.Config, runs: Sequence[Run]) -> None:
    """Nothing is collected where no file was asked for."""
    from _pytest.junitxml import xml_key  # as record_testsuite_property does; it has no other way

    xml = config.stash.get(xml_key, None)
    if xml is None:
        return
    for name, value in properties(runs, _fingerprint() if not runs else runs[-1].fingerprint):
        xml.add_global_property(name, value)


def properties(runs: Sequence[Run], fingerprint: str) -> list[tuple[str, str]]:
    """The fingerprint, every run, and the worst verdict, which is that of the session."""
    found = [("redline.fingerprint", fingerprint)]
    verdicts = {run.verdict for run in runs}
    if verdicts:
        known = next((one for one in WORST_FIRST if one in verdicts), None)
        found.append(("redline.verdict", known or min(verdicts)))
    return found + [("redline.run", str(run.dir)) for run in runs]


def _fingerprint() -> str:
    from harness.measure import provenance

    return str(provenance.collect()["fingerprint"]["sha256"])
