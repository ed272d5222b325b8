"""C and a slow validator that reads the XML itself say the same of damaged messages."""

from __future__ import annotations

from random import Random

import pytest
from reference.fix_dictionary import Reference
from reference.fix_dictionary_messages import DAMAGE, damaged, encode, message
from test_dictionary import shared

from engine.market.dictionary import Checks, Dictionary

VERSIONS = ("FIX40", "FIX41", "FIX42", "FIX43", "FIX44", "FIX50", "FIX50SP1", "FIX50SP2")
A_VERSION = 2300  # damaged messages; all versions together 20,000 that parse, with the options
AN_OPTION = 500

LENIENT = {
    "allow_user": "user_tags",
    "allow_unknown": "unknown_tags",
    "any_order": "order",
    "any_value": "values",
}
STRICTER = {"group_order": "group_order", "strict": "strict_types"}


def compare(version: str, seed: int, n: int, off: tuple[str, ...]) -> dict[int, int]:
    """Reasons seen (-1: without fault) and how often, when both agree on all."""
    path = shared(f"fix/dictionaries/{version}.xml")
    transport = path.parent / "FIXT11.xml" if version.startswith("FIX5") else None
    told = {name: True for name in off if name in LENIENT}
    told |= {name: False for name in off if name in STRICTER}
    reference = Reference(path, transport, **told)
    checks = Checks(**{{**LENIENT, **STRICTER}[name]: False for name in off})
    core = Dictionary.load(path, transport, checks=checks).core
    random = Random(seed)
    types = sorted(reference.messages)
    reasons: dict[int, int] = {}
    k = 0
    while sum(reasons.values()) < n:
        fields = message(random, reference, types[k % len(types)])
        whole = encode(reference.begin, fields)
        assert core.validate(whole)[0] == 0, whole
        for _ in range(random.choice((1, 1, 2))):
            fields = damaged(random, reference, fields, DAMAGE[k % len(DAMAGE)])
        bad = encode(reference.begin, fields)
        k += 1
        if core.validate(bad, 0)[0] != 0:
            continue  # the parser's matter
        expected = reference.judge(bad)
        wanted = (2, *expected) if expected else (0, -1, 0)
        assert core.validate(bad)[:3] == wanted, bad
        assert core.validate(bad, 3, True)[:3] == wanted, bad
        reasons[wanted[1]] = reasons.get(wanted[1], 0) + 1
    return reasons


@pytest.mark.parametrize("version", VERSIONS)
def test_c_and_the_reference_agree_on_damaged_messages(version: str) -> None:
    reasons = compare(version, 20261122, A_VERSION, ())
    assert set(reasons) >= {-1, 1, 2, 5, 6, 11, 13, 14, 16}


@pytest.mark.parametrize("off", [*LENIENT, *STRICTER])
def test_they_agree_with_each_check_turned_off(off: str) -> None:
    assert compare("FIX44", 7, AN_OPTION, (off,))[-1] > 0


def test_they_agree_with_every_check_turned_off() -> None:
    compare("FIX50SP1", 8, AN_OPTION, (*LENIENT, *STRICTER))
