"""The matrix: targets, weights, gates and bands that a run is scored against, as data.

Weights are the plan's. A row without a metric stays in the matrix and is MISSING: it scores nothing
and is shown. Rows under `gates` carry no weight; they must hold beside any score.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.config.fields import Identifier, MetricId, Rate, Strict, Text
from harness.config.loader import FieldFault, load, parse

Weight = Annotated[float, Field(gt=0, le=100)]
Percent = Annotated[float, Field(ge=0, le=100)]

# How each unit is written, largest step first.
_STEPS: Mapping[str, tuple[tuple[float, str], ...]] = {
    "ns": ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1, "ns")),
    "msg/s": ((1e6, "M msg/s"), (1e3, "k msg/s"), (1, " msg/s")),
    "%": ((1, "%"),),
    "count": ((1, ""),),
    "h": ((1, "h"),),
}


class Target(Strict):
    """What a value must be, in the unit that measurements of this kind are recorded in."""

    op: Literal["<", "<=", ">", ">=", "="]
    value: float
    unit: Literal["ns", "msg/s", "%", "count", "h"]

    def met_by(self, value: float) -> bool:
        """Whether `value`, in the unit of the target, meets it. No tolerance."""
        match self.op:
            case "<":
                return value < self.value
            case "<=":
                return value <= self.value
            case ">":
                return value > self.value
            case ">=":
                return value >= self.value
            case "=":
                return value == self.value

    @property
    def text(self) -> str:
        """Short, as people write it: '<2us', '>1M msg/s', '=0', '>80%'."""
        steps = _STEPS[self.unit]
        scale, name = next((step for step in steps if self.value >= step[0]), steps[-1])
        return f"{self.op}{self.value / scale:g}{name}"


class Gate(Strict):
    """A row that must hold: judged from a metric, or from all checks whose id has such a prefix.

    `partial: none` gives a miss no points at all, `demoted_by` names who made it no gate.
    """

    id: Identifier
    title: Text
    target: Target
    metric: MetricId | None
    statistic: Annotated[str, Field(pattern=r"^(p[0-9]{1,2}(\.[0-9]+)?|max|value|lower_bound)$")]
    why: Text
    gate: bool = True
    checks: tuple[Text, ...] = ()
    regime: Text | None = None
    points: Text | None = None
    load_per_s: Annotated[Rate | None, Field(alias="load")] = None
    demoted_by: Text | None = None
    partial: Literal["octave", "none"] = "octave"

    @model_validator(mode="after")
    def _one_source_of_truth(self) -> Gate:
        if self.metric is not None and self.checks:
            raise FieldFault(("checks",), "a row is judged by its metric or by checks, not by both")
        return self

    @model_validator(mode="after")
    def _somebody_answers_for_a_demotion(self) -> Gate:
        if self.gate and self.demoted_by is not None:
            raise FieldFault(("demoted_by",), "is of rows with `gate: false` only")
        if not self.gate and self.demoted_by is None:
            raise FieldFault(("demoted_by",), "is missing: who decided that this row is no gate")
        return self


class Row(Gate):
    """A gate that also has a weight, in percent of its group. `gate: false` leaves only that."""

    weight: Weight


class Group(Strict):
    """Rows whose weights make 100, and the weight of all of them in the total."""

    id: Identifier
    title: Text
    weight: Weight
    rows: Annotated[tuple[Row, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _weights_make_100(self) -> Group:
        _weights_make_100("rows", (row.weight for row in self.rows))
        return self


class Band(Strict):
    """A name for every total strictly above `above`."""

    above: Percent
    name: Text


class Matrix(Strict):
    """A complete matrix. Groups weigh 100 together; ids of rows and gates are unique.

    `host: any` is of a matrix that no noise can change, one of counts: any host may sign it.
    """

    name: Identifier
    title: Text
    groups: Annotated[tuple[Group, ...], Field(min_length=1)]
    gates: tuple[Gate, ...] = ()
    bands: tuple[Band, ...]
    otherwise: Text
    ready_above: Percent
    host: Literal["qualified", "any"] = "qualified"

    @model_validator(mode="after")
    def _adds_up(self) -> Matrix:
        _weights_make_100("groups", (group.weight for group in self.groups))
        _unique("groups", (group.id for group in self.groups))
        seen: set[str] = set()
        for i, group in enumerate(self.groups):
            for j, row in enumerate(group.rows):
                if row.id in seen:
                    raise FieldFault(("groups", i, "rows", j, "id"), f"used twice: {row.id!r}")
                seen.add(row.id)
        for i, gate in enumerate(self.gates):
            if gate.id in seen:
                raise FieldFault(("gates", i, "id"), f"used twice: {gate.id!r}")
            seen.add(gate.id)
        edges = [band.above for band in self.bands]
        if edges != sorted(set(edges), reverse=True):
            raise FieldFault(("bands",), "must fall from the highest band to the lowest")
        return self

    def rows(self) -> Iterator[tuple[Group, Row]]:
        """Every weighted row with its group, in the order of the file."""
        return ((group, row) for group in self.groups for row in group.rows)

    def must_hold(self) -> tuple[Gate, ...]:
        """Everything that is a gate: weighted rows that are one, then the unweighted."""
        return (*(row for _, row in self.rows() if row.gate), *(g for g in self.gates if g.gate))

    def everything(self) -> tuple[Gate, ...]:
        """All rows and gates, whether they must hold or not, in the order of the file."""
        return (*(row for _, row in self.rows()), *self.gates)

    def unmeasured(self, metrics: Collection[str]) -> tuple[Gate, ...]:
        """Rows and gates that a run with these metrics leaves MISSING."""
        return tuple(g for g in self.everything() if g.metric not in metrics and not g.checks)

    def band(self, total: float) -> str:
        """The name of a total. The plan's bands are strict: exactly 90 is not above 90."""
        return next((band.name for band in self.bands if total > band.above), self.otherwise)


def _weights_make_100(where: str, weights: Iterable[float]) -> None:
    total = sum(weights)
    if abs(total - 100) > 1e-9:  # thirds of 100 are written with decimals
        raise FieldFault((where,), f"weights make {total:g}, not 100")


def _unique(where: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for i, name in enumerate(ids):
        if name in seen:
            raise FieldFault((where, i, "id"), f"used twice: {name!r}")
        seen.add(name)


def load_matrix(path: Path) -> Matrix:
    return load(path, Matrix)


def parse_matrix(text: str, *, name: str) -> Matrix:
    return parse(text, Matrix, name=name)
