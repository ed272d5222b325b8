"""What a run and the tests of the product show of a rule, clause by clause.

A page per rule: control, tests, gates with their states, files with their hashes, and what is not
shown. It is worded as evidence. Whether it suffices is for somebody who answers for it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from harness.config.loader import project_data
from harness.config.rules import Clause, Evidence, Rule, load_rule
from harness.errors import RedlineError, printable
from harness.run import artifacts

WIDTH = 100
PREAMBLE = (
    "Evidence that supports an assessment. Redline tests an engine on a bench: it does not know "
    "the firm, its venues or its people, and this page does not say that any rule is met."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One piece of evidence, looked up in a run. `gates`: id, state, reason. `files`: name, sum."""

    says: str
    tests: tuple[str, ...]
    gates: tuple[tuple[str, str, str], ...]
    files: tuple[tuple[str, str], ...]
    absent: tuple[str, ...]  # file patterns that nothing in the run answers to


@dataclass(frozen=True, slots=True)
class ClauseShown:
    id: str
    asks: str
    shown: tuple[Shown, ...]
    not_shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleShown:
    """A rule with what there is for each of its clauses; `run` is None without a run."""

    name: str
    title: str
    citation: str
    run: str | None
    clauses: tuple[ClauseShown, ...]


def rules(names: Sequence[str] = ()) -> list[Rule]:
    """The shipped rules, or those named. RedlineError for a name that is none of them."""
    known = {path.stem: path for path in sorted(project_data("reports/rules").glob("*.yaml"))}
    for name in names:
        if name not in known:
            raise RedlineError(f"no rule is called {printable(name)}; there are {', '.join(known)}")
    return [load_rule(known[name]) for name in (names or known)]


def shown_of(rule: Rule, run: Path | None) -> RuleShown:
    """Look a rule up in a finished run, or say what the tests alone show. RunDirError: no run."""
    record: Mapping[str, Any] = {}
    sums: Mapping[str, str] = {}
    if run is not None:
        artifacts.open_run(run)
        record, sums = artifacts.read_json(run / artifacts.RUN), artifacts.read_sums(run)
    clauses = tuple(_clause(one, record, sums) for one in rule.clauses)
    run_id = run.resolve().name if run is not None else None
    return RuleShown(rule.name, rule.title, rule.citation, run_id, clauses)


def _clause(clause: Clause, record: Mapping[str, Any], sums: Mapping[str, str]) -> ClauseShown:
    shown = tuple(_shown(one, record, sums) for one in clause.evidence)
    return ClauseShown(clause.id, clause.asks, shown, clause.not_shown)


def _shown(one: Evidence, record: Mapping[str, Any], sums: Mapping[str, str]) -> Shown:
    judged = {g["id"]: g for g in record.get("verdict", {}).get("gates", [])}
    gates = tuple(
        (name, str(judged[name]["state"]), str(judged[name]["reason"]))
        if name in judged
        else (name, "MISSING", "no gate of this run" if record else "no run was named")
        for name in one.gates
    )
    files, absent = [], []
    for pattern in one.files:
        found = [(name, sums[name]) for name in sorted(sums) if fnmatch(name, pattern)]
        if pattern == artifacts.SUMS and record:
            found = [(artifacts.SUMS, "seals the others")]
        files += found
        if not found:
            absent.append(pattern)
    return Shown(one.says, one.tests, gates, tuple(files), tuple(absent))


def text_of(shown: RuleShown) -> Iterator[str]:
    """The page as lines for a terminal."""
    yield f"{shown.title} ({shown.citation})"
    yield f"run {shown.run}" if shown.run else "no run: what the tests of the product show"
    yield from _wrapped(PREAMBLE, 0)
    for clause in shown.clauses:
        yield ""
        yield from _wrapped(f"{clause.id}  {clause.asks}", 0)
        for one in clause.shown:
            yield from _wrapped(f"shown: {one.says}", 2)
            yield from (f"    test  {name}" for name in one.tests)
            for name, state, reason in one.gates:
                yield from _wrapped(f"gate  {name}: {state}: {reason}", 4)
            yield from (f"    file  {name}  {digest}" for name, digest in one.files)
            yield from (f"    file  {name}: none in this run" for name in one.absent if shown.run)
        for what in clause.not_shown:
            yield from _wrapped(f"not shown: {what}", 2)


def _wrapped(text: str, indent: int) -> list[str]:
    pad = " " * indent
    return textwrap.wrap(printable(text), WIDTH, initial_indent=pad, subsequent_indent=pad + "  ")
