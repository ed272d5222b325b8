"""Results of tools (tests, coverage, leak and race detectors, analysers) as a file: quality.json.

    {"schema": "redline.quality/1",
     "tools": [{"row": "memory_leaks", "title": "Memory leaks", "tool": "valgrind",
                "version": "3.19.0", "value": 0, "unit": "count", "complete": true,
                "control_found": true, "control": "leak of 64 B in tests/c/leaks.c",
                "skipped": [{"what": "test_x", "reason": "needs two NICs"}]}]}

value:         findings for `count`; for `%` the share of `good` in `all`, 0..100. A skip, an
    expected failure and an error are not good.
complete:      the tool ran to its end on all that it was given.
control_found: it found the fault planted for it. null where there is nothing to plant.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from harness.config.fields import Identifier, Strict, Text
from harness.config.loader import ConfigError, FieldFault
from harness.config.matrix import Matrix
from harness.config.named_rows import once_each
from harness.errors import printable

METRICS = "quality."  # metrics that start so are told by tools
_TOLERANCE = 1e-6  # of a percentage that somebody divided and printed


class Skipped(Strict):
    """One thing that the tool was not let look at; declared, and never a pass."""

    what: Text
    reason: Text


class Tool(Strict):
    """One row, told by one tool."""

    row: Identifier
    title: Text
    tool: Text
    version: Text
    value: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    unit: Literal["count", "%"]
    complete: bool
    control_found: bool | None = None
    control: Text | None = None
    good: Annotated[int, Field(ge=0)] | None = None
    all: Annotated[int, Field(ge=0)] | None = None
    skipped: Annotated[list[Skipped], Field(default_factory=list)]

    @model_validator(mode="after")
    def _adds_up(self) -> Tool:
        if self.unit == "count":
            if self.value != int(self.value):
                raise FieldFault(("value",), f"findings are whole numbers: {self.value:g}")
            if self.control_found is None:
                raise FieldFault(("control_found",), "is missing: no findings prove nothing alone")
            return self
        if self.value > 100:
            raise FieldFault(("value",), f"more than all of it: {self.value:g} %")
        if self.good is None or self.all is None:
            raise FieldFault(("good",), "a share needs `good` and `all`, the counts behind it")
        if self.good > self.all:
            raise FieldFault(("good",), f"{self.good} of {self.all}")
        share = 100 * self.good / self.all if self.all else 0.0
        if abs(self.value - share) > _TOLERANCE:
            raise FieldFault(("value",), f"{self.value:g} %, but {self.good} of {self.all}")
        if self.good + len(self.skipped) > self.all:
            raise FieldFault(
                ("skipped",),
                f"{self.good} good and {len(self.skipped)} skipped are more than {self.all}",
            )
        return self


class Quality(Strict):
    """The file: each row once."""

    schema_: Annotated[Literal["redline.quality/1"], Field(alias="schema")]
    tools: Annotated[list[Tool], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_a_row(self) -> Quality:
        once_each((tool.row for tool in self.tools), "tools")
        return self


def parse_quality(text: str, matrix: Matrix, *, name: str) -> Quality:
    """The text of the file; ConfigError names the place of every fault in it, a line each."""
    try:
        found = Quality.model_validate(json.loads(text, object_pairs_hook=_no_key_twice))
    except ValidationError as error:
        raise ConfigError(
            *(_line(name, *_place(one)) for one in error.errors(include_url=False))
        ) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(printable(f"{name}: not JSON: {error}")) from None
    units = {
        g.id: g.target.unit for g in matrix.everything() if (g.metric or "").startswith(METRICS)
    }
    faults = []
    for i, tool in enumerate(found.tools):
        if tool.row not in units:
            said = f"no row of the matrix {matrix.name} that tools tell: {tool.row!r}"
            faults.append(_line(name, ("tools", i, "row"), f"{said}; known: {', '.join(units)}"))
        elif tool.unit != units[tool.row]:
            said = f"{tool.unit!r}, the row is in {units[tool.row]!r}"
            faults.append(_line(name, ("tools", i, "unit"), said))
    if faults:
        raise ConfigError(*faults)
    return found


def _place(error: Any) -> tuple[tuple[str | int, ...], str]:
    fault = error.get("ctx", {}).get("error")
    below = fault.path if isinstance(fault, FieldFault) else ()
    text = str(fault) if fault is not None else f"{error['msg']}: {error['input']!r}"[:200]
    return (*error["loc"], *below), text


def _line(name: str, path: tuple[str | int, ...], text: str) -> str:
    return printable(f"{name}: {'.'.join(map(str, path))}: {text}")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a key is given twice")
    return said
