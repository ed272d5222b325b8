"""Waivers applied: the rows that somebody answers for, and the waivers that came to nothing.

A waived row scores nothing in the floor, as if it had not been measured; the sign-off is not held
to it. What it would have been stands beside it. A row that passes needs no waiver and keeps its
verdict: a waiver never makes anything worse to look at than it is, nor better to score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from harness.config.waivers import Waiver
from harness.run.verdicts import State, Verdict
from harness.score.matrix import Judged


@dataclass(frozen=True, slots=True)
class Applied:
    """One waiver and what became of it; `note` says why it was not used."""

    waiver: Waiver
    was: Verdict
    note: str = ""

    @property
    def used(self) -> bool:
        return not self.note


def waive(
    judged: Mapping[str, Judged], waivers: Sequence[Waiver], day: date, not_good: str = ""
) -> tuple[dict[str, Judged], tuple[Applied, ...]]:
    """All rows as they stand with the waivers of that day; and each waiver with its fate.

    `not_good` is why no waiver of the file holds. KeyError for a row that nobody judged.
    """
    rows = dict(judged)
    fates = []
    for waiver in waivers:
        found = judged[waiver.row]
        note = not_good or waiver.why_not_on(day)
        if not note and found.verdict.state is State.PASS:
            note = "the row passes, it needs no waiver"
        fates.append(Applied(waiver, found.verdict, note))
        if note:
            if found.verdict.state is not State.PASS:
                said = Verdict(found.verdict.state, f"{found.verdict.reason} (not waived: {note})")
                rows[waiver.row] = Judged(said, found.score, found.formula, found.value)
            continue
        reason = (
            f"waived by {waiver.name} ({waiver.role}) on {waiver.date} until {waiver.expires}: "
            f"{waiver.reason}; without it {found.verdict.state}: {found.verdict.reason}"
        )
        rows[waiver.row] = Judged(
            Verdict(State.WAIVED, reason), None, "waived: 0 in the floor", found.value
        )
    return rows, tuple(fates)
