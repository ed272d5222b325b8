"""Reactions: what an engine must do when something goes wrong, as part of a scenario.

    - phase: reactions
      cases:
        - id: loss.one_side
          why: one line loses packets, the other has them
          fault: {kind: lines, a: {loss: 1%}}
          expect:
            - {observed: recovered_by_line, is: "= gaps"}
            - {observed: lost, is: "= 0"}
            - {observed: latest_ns, is: "< 5ms"}

Each case does one fault to the real thing and holds what was observed to what is expected. A case
without an effect of its fault never holds: it would prove nothing.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from harness.config import units
from harness.config.fault import Fault
from harness.config.faults_kill import KillFault
from harness.config.faults_log import LogFault
from harness.config.faults_machine import MachineFault
from harness.config.faults_market import MarketFault
from harness.config.faults_venue import VenueFault
from harness.config.fields import MetricId, Strict, Text
from harness.config.loader import FieldFault
from harness.config.phase import Phase, Place

# One name a kind: faults_market.py and its neighbours define them.
AnyFault = Annotated[
    KillFault | LogFault | MachineFault | MarketFault | VenueFault, Field(discriminator="kind")
]

Op = Literal["=", "!=", "<", "<=", ">", ">="]
_HOLDS: Mapping[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_BOUND = re.compile(r"(=|!=|<=|>=|<|>) ?(\S.*)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COUNT = re.compile(r"[0-9]{1,18}")
ObservedName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]


@dataclass(frozen=True, slots=True)
class Bound:
    """An operator and what stands behind it: text of a number, or another observation's name."""

    op: Op
    value: str

    @property
    def text(self) -> str:
        return f"{self.op} {self.value}"

    @property
    def name(self) -> str | None:
        """The other observation; None for a number."""
        return self.value if _NAME.fullmatch(self.value) else None

    def holds(self, seen: int, observed: str, others: Mapping[str, int]) -> bool:
        """Whether `seen`, an observation of this name, keeps to it."""
        wanted = others[self.name] if self.name else number(observed, self.value)
        return _HOLDS[self.op](seen, wanted)


def number(observed: str, text: str) -> int:
    """The integer that a text means for an observation of this name. UnitError: none."""
    if observed.endswith("_ns"):
        return units.parse_duration(text)
    if observed.endswith("_per_s"):
        return units.parse_rate(text)
    if not _COUNT.fullmatch(text):
        raise units.UnitError(f"not a count: {text!r} ({observed} is a whole number, no unit)")
    return int(text)


def shown(observed: str, value: int) -> str:
    """An observation for people, exact, in the unit that its name says."""
    if observed.endswith("_ns"):
        return units.format_duration(value) if value >= 0 else f"{value}ns"
    if observed.endswith("_per_s"):
        return units.format_rate(value)
    return str(value)


def _bound(text: object) -> Bound:
    if isinstance(text, Bound):
        return text
    match = _BOUND.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"not an expectation: {text!r} (write it like '= 0' or '< 5ms')")
    return Bound(match[1], match[2])  # type: ignore[arg-type]  # the pattern knows the operators


IsBound = Annotated[
    Bound,
    BeforeValidator(_bound),
    PlainSerializer(lambda bound: bound.text),
    WithJsonSchema(
        {
            "type": "string",
            "description": "an operator, then a number with its unit or another observation",
            "pattern": r"^(=|!=|<=|>=|<|>) ?\S.*$",
            "examples": ["= 0", "< 5ms", "= injected"],
        }
    ),
]


class Expect(Strict):
    """One thing that must be observed. `is`: an operator, then a number or another observation."""

    observed: ObservedName
    is_: Annotated[IsBound, Field(alias="is")]


class Case(Strict):
    """One fault, and what is expected of who meets it."""

    id: MetricId
    why: Text
    fault: AnyFault
    expect: Annotated[tuple[Expect, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _can_be_observed(self) -> Case:
        fault: Fault = self.fault
        known = names_of(fault)
        for i, one in enumerate(self.expect):
            _is_known(one.observed, known, ("expect", i, "observed"))
            other = one.is_.name
            try:
                if other is None:
                    number(one.observed, one.is_.value)
            except units.UnitError as error:
                raise FieldFault(("expect", i, "is"), str(error)) from None
            if other is not None:
                _is_known(other, known, ("expect", i, "is"))
                if _unit(other) != _unit(one.observed):
                    text = f"{other} and {one.observed} are not of one unit"
                    raise FieldFault(("expect", i, "is"), text)
        return self


def names_of(fault: Fault) -> tuple[str, ...]:
    """All that can be expected of a fault; `injected` and `effects` are known of each."""
    return (*fault.observes, "injected", "effects")


def _is_known(name: str, known: tuple[str, ...], where: Place) -> None:
    if name not in known:
        raise FieldFault(where, f"is not observed: {name!r}; there are {', '.join(known)}")


def _unit(name: str) -> str:
    return next((unit for unit in ("_per_s", "_ns") if name.endswith(unit)), "")


class Reactions(Phase):
    """Faults one after the other, each with what must come of it."""

    phase: Literal["reactions"]
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_observation_is_one_check(self) -> Reactions:
        for i, case in enumerate(self.cases):
            seen: set[str] = set()
            for j, one in enumerate(case.expect):
                if f"{one.observed} {one.is_.text}" in seen:
                    raise FieldFault(("cases", i, "expect", j), "is expected twice")
                seen.add(f"{one.observed} {one.is_.text}")
        return self

    def measured_ns(self) -> int:
        return sum(case.fault.measured_ns() for case in self.cases)

    def describe(self) -> Iterator[str]:
        for case in self.cases:
            yield f"{case.id}: {case.why}"
            yield f"  {case.fault.kind}: {case.fault.describe() or 'all as by default'}"
            for one in case.expect:
                yield f"  expected: {one.observed} {one.is_.text}"

    def load_ids(self) -> Iterator[tuple[Place, str]]:
        yield from ((("cases", i, "id"), case.id) for i, case in enumerate(self.cases))

    def needs(self) -> tuple[str, ...]:
        """What a machine must have for all cases, each once."""
        return tuple(dict.fromkeys(need for case in self.cases for need in case.fault.needs))
