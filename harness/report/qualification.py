"""Whether a signature may rest on the host of a run: what the run recorded, and made again.

The rules are those of harness/qualify. The page shows the verdict only when the facts beside it
lead to the same one: a record that says more than its facts is no qualification.
"""

from __future__ import annotations

from harness.qualify import Qualification, State
from harness.qualify.recorded import KEY, qualification_of
from harness.report.evidence import Evidence
from harness.report.page import Table

_WORDS = {State.OK: "holds", State.MISS: "does not hold", State.UNKNOWN: "not shown"}
UNRECORDED = "the run recorded no qualification of its host"
CONTRADICTED = "env.json: the recorded qualification is not the one that its facts lead to"


def host_check(evidence: Evidence) -> Qualification:
    """Every row, made again from env.json and noise.json."""
    return qualification_of(evidence.env, evidence.noise)


def qualification(evidence: Evidence) -> tuple[bool, list[str]]:
    """(qualified, what speaks against it)."""
    made = host_check(evidence)
    stated = evidence.env.get(KEY)
    doubts = []
    if stated is None:
        doubts.append(UNRECORDED)
    elif not isinstance(stated, dict) or stated != made.as_json():
        doubts.append(CONTRADICTED)
    return made.qualified and not doubts, [*doubts, *made.reasons]


def check_table(evidence: Evidence) -> Table:
    """Every row with what was seen, what is asked for and where both come from."""
    rows = [
        [str(row.level), row.title, row.observed, row.required, _WORDS[row.state], row.source]
        for row in host_check(evidence).rows
    ]
    return Table(["level", "row", "seen", "required", "", "read from; asked for by"], rows)
