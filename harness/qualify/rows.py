"""The rows of a host check: what is asked of a host, and what one host answers.

A `Rule` is the question: the same for every host, with the reason for asking. A `Finding` is what a
host answers. Both together make a `Row`, the form that is shown and recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from harness.qualify.seen import Seen


class Level(StrEnum):
    """How much hangs on a row: only MUST decides; INFO is worth knowing beside a figure."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    INFO = "INFO"


class State(StrEnum):
    """What a host answers. `unknown`: it could not be shown, for whatever reason."""

    OK = "ok"
    MISS = "miss"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """A host's answer. `level` replaces the rule's where a host cannot show what others can."""

    state: State
    observed: str
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row, complete: everything about it that is shown.

    `source` is the file it was read from and the document that the requirement comes from.
    """

    id: str
    level: Level
    title: str
    observed: str
    required: str
    source: str
    consequence: str
    cure: str
    state: State

    def as_json(self) -> dict[str, str]:
        return {
            "id": self.id,
            "level": str(self.level),
            "state": str(self.state),
            "title": self.title,
            "observed": self.observed,
            "required": self.required,
            "source": self.source,
            "consequence": self.consequence,
            "cure": self.cure,
        }


@dataclass(frozen=True, slots=True)
class Rule:
    """A requirement; `check` is pure and answers for one host."""

    id: str
    level: Level
    title: str
    required: str
    file: str
    document: str
    consequence: str
    cure: str
    check: Callable[[Seen], Finding]

    def row(self, seen: Seen) -> Row:
        finding = self.check(seen)
        return Row(
            id=self.id,
            level=finding.level or self.level,
            title=self.title,
            observed=finding.observed,
            required=self.required,
            source=f"{self.file}; {self.document}",
            consequence=self.consequence,
            cure=self.cure,
            state=finding.state,
        )


def rule(
    name: str,
    level: Level,
    title: str,
    *,
    required: str,
    file: str,
    document: str,
    consequence: str,
    cure: str,
) -> Callable[[Callable[[Seen], Finding]], Rule]:
    """Makes a rule of a check, with everything that is to be said about it."""

    def make(check: Callable[[Seen], Finding]) -> Rule:
        return Rule(name, level, title, required, file, document, consequence, cure, check)

    return make


def ok(observed: str) -> Finding:
    return Finding(State.OK, observed)


def miss(observed: str) -> Finding:
    return Finding(State.MISS, observed)


def unknown(observed: str, level: Level | None = None) -> Finding:
    return Finding(State.UNKNOWN, observed, level)


def holds(condition: bool, observed: str) -> Finding:
    """ok or miss, with the same words for both."""
    return Finding(State.OK if condition else State.MISS, observed)
