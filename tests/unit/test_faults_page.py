"""The reference of the faults says what their models say."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config.faults_page import kinds, page

PAGE = Path(__file__).parents[2] / "docs/reference/faults.md"


def test_the_page_is_what_the_models_say() -> None:
    wanted = "python -m harness.config.faults_page > docs/reference/faults.md"
    assert PAGE.read_text() == page(), wanted


@pytest.mark.parametrize("name", kinds())
def test_every_observation_of_a_kind_has_a_meaning(name: str) -> None:
    fault = kinds()[name]
    assert all(fault.observes.values())
    assert fault.timed <= fault.observes.keys()
    assert page().count(f"\n## `{name}`\n") == 1
