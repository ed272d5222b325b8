"""From rows to a verdict: QUALIFIED when every MUST holds and was shown to hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.qualify.checks import RULES
from harness.qualify.rows import Level, Row, State
from harness.qualify.seen import Cpus, Seen
from harness.tuning.facts import Fact

SCHEMA = "redline.qualification/1"


@dataclass(frozen=True, slots=True)
class Qualification:
    """Every row of a host check, and what they amount to."""

    rows: tuple[Row, ...]

    @property
    def qualified(self) -> bool:
        return not self.standing_against

    @property
    def standing_against(self) -> tuple[Row, ...]:
        """The rows that must hold and do not, or were not shown to."""
        return tuple(
            row for row in self.rows if row.level is Level.MUST and row.state is not State.OK
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """A sentence for everything that stands against the host; none when it is qualified.

        What is wrong comes first, then what could not be shown. Rows that share a reason for not
        being shown share a sentence.
        """
        against = self.standing_against
        wrong = [f"{row.title}: {row.observed}" for row in against if row.state is State.MISS]
        unseen: dict[str, list[str]] = {}
        for row in against:
            if row.state is State.UNKNOWN:
                unseen.setdefault(row.observed, []).append(row.title)
        not_shown = [f"not shown: {', '.join(t)} ({why})" for why, t in unseen.items()]
        return (*wrong, *not_shown)

    @property
    def word(self) -> str:
        return "QUALIFIED" if self.qualified else "NOT QUALIFIED"

    def count(self, level: Level, state: State) -> int:
        return sum(row.level is level and row.state is state for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "qualified": self.qualified,
            "reasons": list(self.reasons),
            "rows": [row.as_json() for row in self.rows],
        }


def qualify(
    facts: Mapping[str, Fact],
    noise: Sequence[Mapping[str, Any]] | None,
    cpus: Cpus,
) -> Qualification:
    """Hold a host against every rule. Pure: the same arguments give the same rows.

    `facts` are those of harness.tuning.facts, and of a run also those of window.py. `noise` are
    records of noise.json, those under `floor` and, if there are, under `neighbour`; None: nothing
    was measured. `cpus` are the CPUs that are measured on (by role or as a list); None takes those
    of the noise records, or else the isolated ones.
    """
    seen = Seen.of(facts, noise, cpus)
    return Qualification(tuple(rule.row(seen) for rule in RULES))
