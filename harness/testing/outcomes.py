"""UNJUDGEABLE as an outcome of a test: no pass, no failure, and never silent.

A test that ends so is a skip for whoever knows nothing of us (JUnit, other plugins), has the letter
U and a count of its own on the terminal, is listed with its reason at the end, and turns the exit
code 0 of the session into 75: "could not tell" is not "passed".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from _pytest.outcomes import Skipped  # pytest.skip.Exception, which no type checker can derive from

from harness.errors import ExitCode, printable

OUTCOME = "redline.outcome"  # the property of a test that says so, also in JUnit
UNJUDGEABLE = "UNJUDGEABLE"
CATEGORY = "unjudgeable"


class Unjudgeable(Skipped):
    """Ends a test of which this machine cannot tell whether it passes; the text says why."""


def mark(item: pytest.Item, report: pytest.TestReport, error: BaseException | None) -> None:
    """Put the outcome on the report and, for the report of the teardown and JUnit, on the test."""
    if isinstance(error, Unjudgeable):
        item.user_properties.append((OUTCOME, UNJUDGEABLE))
        report.user_properties.append((OUTCOME, UNJUDGEABLE))
        report.longrepr = _where(item, error)


def is_unjudgeable(report: object) -> bool:
    """Whether a test ended so in this report: one that travelled from a worker says it, too."""
    return (
        isinstance(report, pytest.TestReport)
        and report.skipped
        and (OUTCOME, UNJUDGEABLE) in map(tuple, report.user_properties)
    )


def lines(reports: Iterable[pytest.TestReport]) -> list[str]:
    """A line a test: its name, and why nobody can tell."""
    return [f"{report.nodeid}: {_reason(report)}" for report in reports]


def exit_code(code: int, stats: Mapping[str, object]) -> int:
    """The code of the session: no success while something could not be told."""
    return int(ExitCode.INCONCLUSIVE) if code == 0 and stats.get(CATEGORY) else code


def _where(item: pytest.Item, error: Unjudgeable) -> tuple[str, int, str]:
    path, line, _ = item.reportinfo()
    return str(path), (line or 0) + 1, f"{UNJUDGEABLE}: {printable(str(error.msg))}"


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix(f"{UNJUDGEABLE}: ")
