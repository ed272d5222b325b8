"""Waivers: who answers for a row that does not hold, why, and until when.

A waiver is of a row of the matrix and of days. It buys no points: a waived row scores nothing. It
only says that a person decided to go on without it, and the scorecard repeats name, reason and
expiry beside the row.
"""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import Field, model_validator

from harness.config.fields import Day, Identifier, Strict, Text
from harness.config.loader import FieldFault, parse
from harness.config.matrix import Matrix
from harness.config.named_rows import known, once_each

MAX_DAYS = 366  # what is waived for longer is no exception, it is the target


class Waiver(Strict):
    """One row, waived by a person from one day to another, both included."""

    row: Identifier
    name: Text
    role: Text
    reason: Text
    date: Day
    expires: Day

    @model_validator(mode="after")
    def _ends(self) -> Waiver:
        if self.expires < self.date:
            raise FieldFault(("expires",), f"{self.expires} is before it was given: {self.date}")
        if (self.expires - self.date).days > MAX_DAYS:
            raise FieldFault(("expires",), f"more than {MAX_DAYS} days after {self.date}")
        return self

    def why_not_on(self, day: datetime.date) -> str:
        """Why it does not hold on a day; empty when it does."""
        if day < self.date:
            return f"the waiver of {self.name} is dated {self.date}, after the run"
        if day > self.expires:
            return f"the waiver of {self.name} expired on {self.expires}"
        return ""


class Waivers(Strict):
    """The file: at most one waiver a row."""

    waivers: Annotated[tuple[Waiver, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_a_row(self) -> Waivers:
        once_each((waiver.row for waiver in self.waivers), "waivers")
        return self


def parse_waivers(text: str, matrix: Matrix, *, name: str) -> Waivers:
    """The text of the file; ConfigError, too, for a row that the matrix does not have."""
    found = parse(text, Waivers, name=name)
    rows = [gate.id for gate in matrix.everything()]
    what = f"row or gate of the matrix {matrix.name}"
    known((w.row for w in found.waivers), rows, what, key="waivers", name=name, text=text)
    return found
