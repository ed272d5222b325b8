"""A million generated FIX messages: the C parser and a slow Python reference agree on all."""

from __future__ import annotations

import multiprocessing
import os
import random

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from reference import fix, fix_messages
from reference.fix_agreement import Agreement, agreement, difference

from engine.market import fix as engine_fix

N_MESSAGES = 1_000_000
N_WORKERS = min(2, len(os.sched_getaffinity(0)))


# The reference takes half a minute of one core, and several on a host that is busy elsewhere.
@pytest.mark.timeout(1800)
def test_a_million_generated_messages_are_read_alike() -> None:
    shares = [(seed, N_MESSAGES // N_WORKERS) for seed in range(N_WORKERS)]
    with multiprocessing.get_context("spawn").Pool(N_WORKERS) as pool:
        parts = pool.starmap(agreement, shares)
    assert [part.first_difference for part in parts] == [None] * N_WORKERS
    assert sum(part.n_messages for part in parts) == N_MESSAGES
    # A generator that makes only good messages, or only bad ones, would prove little.
    for outcome, least in ((fix.OK, 600_000), (fix.REJECT, 50_000), (fix.GARBLED, 50_000)):
        assert sum(part.outcomes[outcome] for part in parts) >= least
    for reason in (fix.INVALID_TAG, fix.NO_VALUE, fix.BAD_FORMAT):
        assert sum(part.reasons[reason] for part in parts) >= 10_000


# --- an oracle that could not fail would be none --------------------------------------------------


def some_messages() -> Agreement:
    return agreement(seed=5, n_messages=3_000)


def test_the_generated_messages_are_read_alike_without_a_seeded_bug() -> None:
    assert some_messages().first_difference is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_TAG", 2**31),
        ("MAX_BEGIN_STRING", 15),
        ("LEAST_BODY", 6),
        ("MAX_BODY", 1 << 21),
        ("DATA_TAGS", {tag: data for tag, data in fix.DATA_TAGS.items() if tag != 43109}),
        ("DATA_TAGS", {tag: tag + 1 for tag in fix.DATA_TAGS}),
        ("TAG", fix.DIGITS),
        ("checksum", lambda data: (sum(data) + (len(data) == 77)) % 256),
        ("next_start", lambda data, at: max(data.find(fix.START, at + 1), 0) or len(data)),
        ("NO_VALUE", 5),
    ],
)
def test_a_seeded_bug_in_the_reference_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    rng = random.Random(5)
    edges = [
        fix_messages.wrapped(b"35=0\x01%d=x\x01" % 2**31, b"FIX.4.4"),
        fix_messages.wrapped(b"35=0\x01", b"FIX.4.4"),
        fix_messages.wrapped(b"35=0\x01", b"FIX.4.4", length=(1 << 20) + 1),
        fix_messages.wrapped(b"35=0\x0143109=1\x0142684=\x01\x01", b"FIX.4.4"),
        fix_messages.wrapped(b"35=0\x0158=" + b"x" * 54 + b"\x01", b"FIX.4.4"),
        fix_messages.stream(rng, 1_000),
        b"x8=FI",
    ]
    data = b"".join(edges)
    batch = engine_fix.parse(data)
    assert difference(data, batch, fix.parse(data)) is None
    monkeypatch.setattr(fix, name, value)
    assert difference(data, batch, fix.parse(data)) is not None


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("messages", "offset"),
        ("messages", "n_bytes"),
        ("messages", "outcome"),
        ("messages", "n_fields"),
        ("messages", "ref_tag"),
        ("messages", "reason"),
        ("fields", "offset"),
        ("fields", "length"),
        ("fields", "tag"),
    ],
)
def test_a_single_wrong_number_from_c_is_found(table: str, name: str) -> None:
    data = fix_messages.stream(random.Random(6), 500)
    batch = engine_fix.parse(data)
    rows = getattr(batch, table)
    rows[name][len(rows) // 2] ^= 1
    assert difference(data, batch, fix.parse(data)) is not None
