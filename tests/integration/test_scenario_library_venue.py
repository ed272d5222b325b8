"""The library's scenarios of venues, bytes and rings: each case holds, none without its fault."""

from __future__ import annotations

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from harness.config.reactions import Case

from .library import cases, checks_of

LIBRARY = (
    "clock-step",
    "exchange-disconnect",
    "malformed",
    "queue-full",
    "reject-storm",
    "slow-consumer",
)


@pytest.mark.parametrize(("name", "case"), cases(LIBRARY))
def test_what_is_expected_comes_of_the_fault(name: str, case: Case) -> None:
    checks = checks_of(name, case, faults_enabled=True)
    assert [id for id, ok in checks.items() if not ok] == []


@pytest.mark.parametrize(("name", "case"), cases(LIBRARY))
def test_without_its_fault_no_case_holds(name: str, case: Case) -> None:
    checks = checks_of(name, case, faults_enabled=False)
    assert not checks[f"reactions.{case.id}.effect"]
