"""What changed in the environment since the run before: the reader's first question.

`changes.json`, written when a run is sealed:
    {"schema": "redline.changes/1", "previous": "<run id>",
     "fields": [{"part", "name", "ours", "theirs"}]}
The report reads that file alone: the run before may be gone by the time somebody asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.measure.fingerprint import PARTS, Difference, differences
from harness.report.page import Table, text_of

NAME = "changes.json"
SCHEMA = "redline.changes/1"


def changes(previous: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """The content of changes.json; `theirs` and `ours` are the env.json of the two runs."""
    found = differences(ours.get("facts") or {}, theirs.get("facts") or {})
    return {
        "schema": SCHEMA,
        "previous": previous,
        "fields": [one.as_json() for one in found],
    }


def difference_table(found: Iterable[Difference | Mapping[str, Any]]) -> Table:
    """One row a field, in the order of the parts of the fingerprint."""
    rows = []
    for one in found:
        field = one.as_json() if isinstance(one, Difference) else one
        part = str(field.get("part", ""))
        why = PARTS[part].changed_by if part in PARTS else ""
        rows.append(
            [
                part,
                str(field.get("name", "")),
                text_of(field.get("theirs"), "none"),
                text_of(field.get("ours"), "none"),
                why,
            ]
        )
    return Table(["part", "field", "before", "now", "changed by"], rows)


def change_view(record: Mapping[str, Any], previous: Mapping[str, Any] | None) -> tuple[str, Table]:
    """The sentence and the table of the report."""
    nothing = difference_table([])
    if not record:
        if not previous:
            return "This run follows no other, so there is nothing to compare with.", nothing
        return (
            f"This run follows {previous.get('id')}; what changed between them was not recorded.",
            nothing,
        )
    table = difference_table(record.get("fields") or [])
    name = text_of(record.get("previous"))
    if not table.rows:
        return f"Same fingerprint as run {name}, which this one follows.", table
    n = len(table.rows)
    return (
        f"{n} field{'s' if n > 1 else ''} of the fingerprint changed since run {name}: "
        "figures of the two are not comparable.",
        table,
    )


def recorded(out: Path, previous: str | None, ours: Mapping[str, Any]) -> dict[str, Any] | None:
    """The content of changes.json for a run that follows `previous` in the directory `out`.

    None when it follows none, or when the one before is gone or cannot be read: the chain of the
    runs says that, and a run is not lost for it.
    """
    if previous is None:
        return None
    try:
        theirs = json.loads((out / previous / "env.json").read_bytes())
    except (OSError, ValueError):
        return None
    return changes(previous, theirs, ours) if isinstance(theirs, dict) else None
