"""Every message of an order session that the C encoders write obeys FIX 4.4.

tests/c/test_fix_cancel.c proves that the encoders write exactly the lines of order_messages.txt.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from test_dictionary import shared

from engine.market.dictionary import Dictionary

LINES = [
    line
    for line in (Path(__file__).parents[1] / "c/order_messages.txt").read_text().splitlines()
    if not line.startswith("#")
]


def wire(line: str) -> bytes:
    return line.replace("|", "\x01").encode()


def sealed(line: str, tag: str) -> bytes:
    """The message without one field, length and checksum made good."""
    fields = [f for f in line.split("|")[2:-2] if not f.startswith(tag + "=")]
    body = "".join(f + "|" for f in fields)
    whole = wire(f"8=FIX.4.4|9={len(body)}|{body}")
    return whole + wire(f"10={sum(whole) % 256:03}|")


@pytest.fixture(scope="module")
def fix44() -> Dictionary:
    return Dictionary.load(shared("fix/dictionaries/FIX44.xml"))


def test_all_kinds_are_there() -> None:
    kinds = {tuple(f for f in line.split("|") if f[:3] in ("35=", "150", "530")) for line in LINES}
    assert len(LINES) == 16
    assert {kind[0] for kind in kinds} == {"35=G", "35=F", "35=q", "35=8", "35=9", "35=r"}
    assert {k[1] for k in kinds if k[0] == "35=8"} == {f"150={c}" for c in "0F8C45GH"}


@pytest.mark.parametrize("line", LINES)
def test_a_message_is_without_fault(fix44: Dictionary, line: str) -> None:
    assert fix44.core.validate(wire(line))[:3] == (0, -1, 0)


@pytest.mark.parametrize(
    ("line", "tag"), [(line, "60") for line in LINES if "35=F" in line or "35=G" in line]
    + [(line, "37") for line in LINES if "49=VENUE" in line]
)  # fmt: skip
def test_a_message_without_a_field_that_it_needs_is_refused(
    fix44: Dictionary, line: str, tag: str
) -> None:
    assert fix44.core.validate(sealed(line, tag))[1:3] == (1, int(tag))
