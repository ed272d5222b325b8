"""The Python tests, run as they are run elsewhere, with files that say how each ended.

`alone` are those that want the machine for themselves (the Makefile lists them).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.quality.builds import Place
from harness.quality.found import Control
from harness.quality.junit import Case, End, ends, read
from harness.quality.program import run

_CONTROL = """import pytest

def test_passes(): pass

def test_fails(): assert False

@pytest.mark.skip(reason="planted")
def test_is_skipped(): pass

@pytest.mark.xfail(reason="planted")
def test_is_expected_to_fail(): assert False

@pytest.fixture
def broken():
    yield
    raise OSError("planted")

def test_ends_badly(broken): pass
"""
_CONTROL_ENDS = {End.PASSED: 1, End.FAILED: 1, End.SKIPPED: 1, End.EXPECTED: 1, End.ERROR: 1}


@dataclass(frozen=True, slots=True)
class Suite:
    """Some of the tests: `where` they lie, `workers` at a time."""

    name: str
    where: tuple[str, ...]
    workers: int


def suites(alone: Sequence[str]) -> list[Suite]:
    """All default tests, each once: unit and integration together, then those alone."""
    return [
        Suite("unit", ("tests/unit",), 2),
        Suite("integration", ("tests/integration",), 2),
        Suite("alone", tuple(alone), 1),
    ]


def perform(
    place: Place,
    suite: Suite,
    *,
    alone: Sequence[str],
    env: Mapping[str, str] | None = None,
    under: Sequence[str] = (),
) -> list[Case]:
    """Run a suite with `python UNDER -m pytest`; how each test ended. Absent when none did."""
    report = place.out / f"{suite.name}.xml"
    report.unlink(missing_ok=True)
    command = ["nice", sys.executable, *under, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--timeout=600", f"--junitxml={report}"]  # whatever counts lines takes longer
    if suite.workers > 1:
        command += ["-n", str(suite.workers)]
        command += [f"--ignore={path}" for path in alone]
    run([*command, *suite.where], cwd=place.tree, env=env, log=report.with_suffix(".log"))
    return read(report)


def is_integration(case: Case) -> bool:
    return case.suite.startswith(("tests.integration.", "integration."))


def control() -> Control:
    """One test of each end, run and read in the same way: only the one that passes is good."""
    with TemporaryDirectory() as scratch:
        where = Path(scratch)
        (where / "test_control.py").write_text(_CONTROL)
        (where / "pytest.ini").write_text("[pytest]\n")
        report = where / "control.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p"]
        run([*command, "no:redline", f"--junitxml={report}", "."], cwd=where)
        found = dict(ends(read(report))) == _CONTROL_ENDS
    return Control("a test that fails, one skipped, one expected to fail, one with an error", found)
