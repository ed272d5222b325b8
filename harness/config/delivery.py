"""What only people can say: reviews done, features complete, on schedule; signed as a file.

    rows:
      - row: code_review
        percent: 100          # or, where it is a question, yes: true
        who: Ada Lovelace
        when: 2026-01-30
        evidence: minutes of the review, document 17

The harness never infers such a row. Without a good signature of the whole file every row of it is
MISSING, with the reason.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from harness.config.fields import Day, Identifier, Strict, Text
from harness.config.loader import FieldFault, parse
from harness.config.matrix import Matrix, Percent
from harness.config.named_rows import known, once_each

METRICS = "delivery."  # metrics that start so are said by people
NAMESPACE = "redline-delivery"  # of the signature: good for nothing else


class Said(Strict):
    """One row, by whom, when and on what grounds."""

    row: Identifier
    percent: Percent | None = None
    yes: bool | None = None
    who: Text
    when: Day
    evidence: Text

    @model_validator(mode="after")
    def _one_answer(self) -> Said:
        if (self.percent is None) == (self.yes is None):
            raise FieldFault(("percent",), "say either `percent` or `yes`")
        return self

    @property
    def value(self) -> float:
        """Percent; a yes is all of it, a no is nothing."""
        if self.percent is not None:
            return self.percent
        return 100.0 if self.yes else 0.0


class Delivery(Strict):
    """The file: each row once."""

    rows: Annotated[tuple[Said, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_a_row(self) -> Delivery:
        once_each((said.row for said in self.rows), "rows")
        return self


def parse_delivery(text: str, matrix: Matrix, *, name: str) -> Delivery:
    """The text of the file; ConfigError, too, for a row that people have no say in."""
    found = parse(text, Delivery, name=name)
    rows = [g.id for g in matrix.everything() if (g.metric or "").startswith(METRICS)]
    what = f"row of the matrix {matrix.name} that people sign"
    known((said.row for said in found.rows), rows, what, key="rows", name=name, text=text)
    return found
