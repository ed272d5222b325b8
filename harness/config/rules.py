"""Rules of regulators as data: what each clause asks, and which tests, gates and files speak to it.

Nothing here decides anything: the words are evidence for somebody's own assessment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from harness.config.fields import Identifier, Strict, Text
from harness.config.loader import FieldFault, load

TestName = Annotated[str, Field(pattern=r"^tests/[\w/.-]+\.(py|c)::test_\w+$")]
RuleName = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
FilePattern = Annotated[str, Field(pattern=r"^[\w*?.-]+(/[\w*?.-]+)?$")]


class Evidence(Strict):
    """One thing that is shown, and by what: tests of the product, gates and files of a run."""

    says: Text
    tests: tuple[TestName, ...] = ()
    gates: tuple[Identifier, ...] = ()
    files: tuple[FilePattern, ...] = ()

    @model_validator(mode="after")
    def _rests_on_something(self) -> Evidence:
        if not (self.tests or self.gates or self.files):
            raise FieldFault(("says",), "rests on no test, no gate and no file")
        return self


class Clause(Strict):
    """What a clause asks for in our words, what is shown of it, and what is not."""

    id: Text
    asks: Text
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)]
    not_shown: tuple[Text, ...] = ()


class Rule(Strict):
    """One rule; its clauses in their order."""

    name: RuleName
    title: Text
    citation: Text
    clauses: Annotated[tuple[Clause, ...], Field(min_length=1)]


def load_rule(path: Path) -> Rule:
    """The rule in a file; ConfigError lists what is wrong with it."""
    return load(path, Rule)
