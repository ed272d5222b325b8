"""How tests ended, from the files that pytest and ctest write (JUnit XML)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.quality.program import Absent


class End(StrEnum):
    """How a test ended. Only the first is a pass: what was skipped has shown nothing."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    EXPECTED = "expected failure"


@dataclass(frozen=True, slots=True)
class Case:
    """One test: `suite` is the module or file that it is of."""

    suite: str
    name: str
    end: End
    why: str = ""

    @property
    def title(self) -> str:
        return f"{self.suite}::{self.name}" if self.suite else self.name


def read(path: Path) -> list[Case]:
    """The cases of a file, each once. Absent when there is none or it is broken off.

    A test that passes and then fails in its teardown is written twice: the worse end counts.
    """
    try:
        root = ET.parse(path).getroot()
    except (OSError, ET.ParseError) as error:
        raise Absent(f"{path.name}: no report of tests: {error}") from None
    worst: dict[tuple[str, str], Case] = {}
    order = [End.PASSED, End.EXPECTED, End.SKIPPED, End.FAILED, End.ERROR]
    for element in root.iter("testcase"):
        case = _case(element)
        known = worst.get((case.suite, case.name))
        if known is None or order.index(case.end) > order.index(known.end):
            worst[case.suite, case.name] = case
    if not worst:
        raise Absent(f"{path.name}: holds no tests")
    return list(worst.values())


def ends(cases: Iterable[Case]) -> Counter[End]:
    return Counter(case.end for case in cases)


def _case(element: ET.Element) -> Case:
    suite, name = element.get("classname", ""), element.get("name", "")
    if name == suite:  # ctest has no classes
        suite = ""
    for child in element:
        why = child.get("message") or (child.text or "")
        if child.tag == "error":
            return Case(suite, name, End.ERROR, why)
        if child.tag == "failure":
            return Case(suite, name, End.FAILED, why)
        if child.tag == "skipped":
            is_expected = child.get("type") == "pytest.xfail"
            return Case(suite, name, End.EXPECTED if is_expected else End.SKIPPED, why)
    is_run = element.get("status", "run") in ("run", "fail")  # of ctest: notrun, disabled
    return Case(suite, name, End.PASSED if is_run else End.SKIPPED, element.get("status", ""))
