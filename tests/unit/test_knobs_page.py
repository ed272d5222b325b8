"""The reference of the knobs says what the catalogue says."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.tuning.effects import EFFECTS
from harness.tuning.knobs import CATALOGUE, ORDER
from harness.tuning.knobs.describe import FAMILIES, page

PAGE = Path(__file__).parents[2] / "docs/reference/knobs.md"


def test_the_page_is_what_the_catalogue_says() -> None:
    assert PAGE.read_text() == page(), (
        "python -m harness.tuning.knobs.describe > docs/reference/knobs.md"
    )


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_knob_is_on_the_page_in_one_row(name: str) -> None:
    assert page().count(f"| `{name}` |") == 1


def test_every_family_has_a_heading() -> None:
    assert set(FAMILIES) == set(ORDER) - {"boot"}


@pytest.mark.parametrize("name", sorted(name for name, knob in CATALOGUE.items() if knob.effect))
def test_an_effect_that_a_knob_names_can_be_measured(name: str) -> None:
    assert CATALOGUE[name].effect in EFFECTS
