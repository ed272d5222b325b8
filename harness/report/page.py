"""What the scorecard's pages show, worked out before a template sees it.

Shapes: small frozen dataclasses of finished strings and finished charts; templates only place them.
Units:  ns inside, sensible units in every string (figures.py).
Errors: none of its own; what is absent becomes a sentence that says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.report.figures import NOT_AVAILABLE, count_text


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a matrix, with the arithmetic of its points."""

    title: str
    target: str
    value: str
    state: str
    reason: str
    gate: bool
    weight: str
    score: str
    points: str
    metric: str
    strip: Markup
    anchor: str
    """Where its arithmetic stands."""
    formula: str


@dataclass(frozen=True, slots=True)
class Group:
    """One of the plan's matrices."""

    title: str
    weight: str
    judged: str
    range: str
    points: str
    arithmetic: str
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Gate:
    """Something that must hold; `weighted` when it is also a row of a matrix."""

    title: str
    state: str
    reason: str
    weighted: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Heads, rows of strings, and a note where something was left out."""

    heads: list[str]
    rows: list[list[str]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart and the numbers beside it."""

    title: str
    chart: Markup
    table: Table
    why: str = ""
    """What it shows, in a sentence."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric's section: chart, numbers, and the sentence that judged it."""

    id: str
    anchor: str
    title: str
    target: str
    value: str
    state: str
    reason: str
    facts: list[tuple[str, str]]
    percentiles: list[tuple[str, str]]
    unpublished: str
    short_op: list[tuple[str, str, str]]
    chart: Markup | None
    runs: Figure | None
    formula: str
    why: str
    evidence: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class OpenPoint:
    """A line of the first page: what stands in the way, and of which gates."""

    state: str
    cause: str
    titles: str


@dataclass(frozen=True, slots=True)
class Signoff:
    """The first page."""

    state: str
    meaning: str
    reasons: list[str]
    open_points: list[OpenPoint]
    total: str
    bar: Markup
    grade: str
    judged: str
    groups: list[Group]
    gates: list[Gate]
    n_gates_held: int
    demoted: list[str]
    qualified: bool
    host_reasons: list[str]
    waivers: list[tuple[str, str]]
    complete: bool
    stamps: list[tuple[str, str]]
    """What must be read before any figure: a run cut off, hours that are not, an injected fault."""
    combined: str


@dataclass(frozen=True, slots=True)
class Noise:
    """The host's part: what it takes from a program that does nothing wrong."""

    chart: Markup
    floors: Table
    judgeable: Table
    host: Table
    clock: list[tuple[str, str]]
    canaries: Table
    probes: Table


@dataclass(frozen=True, slots=True)
class LongRun:
    """What happened over hours; `label` says when the hours are not real ones."""

    label: str
    chart: Markup
    facts: list[tuple[str, str]]
    drift: Table
    worst: Table
    zoom: Figure | None


@dataclass(frozen=True, slots=True)
class Outliers:
    """The longest samples and what took their time; `missing` says why causes are not there."""

    missing: str
    unexplained: str
    table: Table
    pareto: Figure | None
    observer: Table
    tiers: Table
    offsets: Figure | None


@dataclass(frozen=True, slots=True)
class Delivered:
    """Evidence of rows that no measurement fills: tools, people, and what they set aside."""

    quality: Table
    skipped: Table
    people: Table
    waivers: Table
    claims: list[tuple[str, str, str]]
    """(text, state, reason) of what is claimed of several rows together."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Where something goes: how that was found, a flame graph and the table beside it."""

    heading: str
    lede: str
    facts: list[tuple[str, str]]
    figure: Figure


@dataclass(frozen=True, slots=True)
class Sheet:
    """The whole report."""

    title: str
    signoff: Signoff
    head: list[tuple[str, str]]
    points: Markup
    loads: Table
    input: list[tuple[str, str]]
    metrics: list[Metric]
    others: list[Metric]
    beside: Table
    responses: list[Figure]
    stages: list[Figure]
    ladders: list[Figure]
    search: Figure | None
    trials: Table
    void: Table
    soak: LongRun | None
    outliers: Outliers
    noise: Noise
    delivered: Delivered
    checks: Table
    changed: tuple[str, Table]
    environment: list[tuple[str, list[tuple[str, str, str]]]]
    files: Table
    formulas: list[tuple[str, str]]
    command: str
    profiles: Sequence[Profile] = ()  # taken elsewhere, given by whoever asks for the page


def text_of(value: Any, absent: str = NOT_AVAILABLE) -> str:
    """A JSON value as a person writes it."""
    if value is None or value == "":
        return absent
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e15 else f"{value:.6g}"
    if isinstance(value, int):
        return count_text(value) if abs(value) >= 10_000 else str(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {text_of(v)}" for k, v in value.items()) or absent
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text_of(v) for v in value) or absent
    return str(value)


def pairs(record: Mapping[str, Any], skip: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Key and text of every entry, keys made readable."""
    return [(k.replace("_", " "), text_of(v)) for k, v in record.items() if k not in set(skip)]
