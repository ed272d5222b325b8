"""A stream through the C parser and through the reference, and where they differ first.

What is compared: where every message lies, its outcome, its reason with tag and offset, and every
field of every message.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
from reference import fix, fix_messages

from engine.market import FixBatch, Outcome
from engine.market import fix as engine_fix

ROW = ("offset", "n_bytes", "outcome", "reason", "ref_tag", "ref_offset", "first_field", "n_fields")
FIELD = ("tag", "offset", "length")
A_BLOCK = 10_000  # messages to a buffer

Table = npt.NDArray[np.int64]


def rows_of(batch: FixBatch) -> Table:
    rows = batch.messages
    table = np.stack([rows[name].astype(np.int64) for name in ROW], axis=1)
    # Where a garbled message went wrong is for people to read, not to rely on.
    table[rows["outcome"] != Outcome.REJECT, ROW.index("ref_offset")] = 0
    return table


def fields_of(batch: FixBatch) -> Table:
    return np.stack([batch.fields[name].astype(np.int64) for name in FIELD], axis=1)


def table_of(rows: Sequence[tuple[int, ...]], width: int) -> Table:
    return np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, width)


def difference(data: bytes, batch: FixBatch, expected: fix.Batch) -> str | None:
    """The first difference, with the bytes of the message where it is; None when there is none."""
    for names, seen, wanted in (
        (ROW, rows_of(batch), table_of(expected.rows, len(ROW))),
        (FIELD, fields_of(batch), table_of(expected.fields, len(FIELD))),
    ):
        n = min(len(seen), len(wanted))
        wrong = np.flatnonzero((seen[:n] != wanted[:n]).any(axis=1))
        if wrong.size:
            i = int(wrong[0])
            at = int(wanted[i][names.index("offset")])
            return (
                f"{names}: C has {seen[i].tolist()}, the reference {wanted[i].tolist()}, near "
                f"{data[max(0, at - 40) : at + 200]!r}"
            )
        if len(seen) != len(wanted):
            return f"C has {len(seen)} of {names}, the reference {len(wanted)}"
    if batch.tail != expected.tail:
        return f"C stops at {batch.tail}, the reference at {expected.tail}"
    return None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How much was compared, and what was in it."""

    n_messages: int
    n_fields: int
    outcomes: dict[int, int]
    reasons: dict[int, int]
    first_difference: str | None


@contextmanager
def no_collector() -> Iterator[None]:
    """Millions of tuples and no cycle among them: to look for one takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@no_collector()
def agreement(seed: int, n_messages: int) -> Agreement:
    """Generated messages, block after block, each with the next of this CPU's instruction sets."""
    rng = random.Random(seed)
    paths = engine_fix.paths()
    outcomes: dict[int, int] = dict.fromkeys((fix.OK, fix.REJECT, fix.GARBLED), 0)
    reasons: dict[int, int] = {}
    n_fields = 0
    for block, first in enumerate(range(0, n_messages, A_BLOCK)):
        data = fix_messages.stream(rng, min(A_BLOCK, n_messages - first))
        with engine_fix.using(paths[block % len(paths)]):
            batch = engine_fix.parse(data)
        found = difference(data, batch, fix.parse(data))
        for counts, name in ((outcomes, "outcome"), (reasons, "reason")):
            for value, n in zip(*np.unique(batch.messages[name], return_counts=True), strict=True):
                counts[int(value)] = counts.get(int(value), 0) + int(n)
        n_fields += len(batch.fields)
        if found:
            return Agreement(first, n_fields, outcomes, reasons, f"{engine_fix.path()}: {found}")
    return Agreement(n_messages, n_fields, outcomes, reasons, None)
