"""The library's scenarios of venues, bytes and rings: each case holds, none without its fault."""

from __future__ import annotations

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")


from .library import both_ways

test_what_is_expected_comes_of_the_fault, test_without_its_fault_no_case_holds = both_ways("venue")
