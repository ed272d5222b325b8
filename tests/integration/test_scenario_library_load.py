"""The library's scenarios of load: each holds, and none holds without its fault."""

from __future__ import annotations

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from harness.config.faults_market import Overload
from harness.config.reactions import Case

from .library import both_ways


def shortened(case: Case) -> Case:
    """Trials long enough for one cycle of what they send, and no longer."""
    if not isinstance(case.fault, Overload) or not case.fault.schedule.startswith("const"):
        return case
    short = case.fault.model_copy(update={"duration_ns": 50_000_000})
    return case.model_copy(update={"fault": short})


test_what_is_expected_comes_of_the_fault, test_without_its_fault_no_case_holds = both_ways(
    "load", shortened
)
