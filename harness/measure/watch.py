"""Watching a metric over many nights: what is suspect, and what has drifted away slowly.

Suspect:  a night outside median +- max(3 %, 4 MAD) of the last twenty judged nights before it. It
    is a question, not an answer: who asks it measures again, in turns (harness/regression).
Steps:    the last five judged nights against the twenty before them, by ranks; a step is said when
    p < 0.002 and the shift is 3 % or more.
Nights:   only those whose host was judged fit; contaminated ones are left out before, because no
    rule of change survives them (a canary that moved, a noise verdict).
Shown by: tests/unit/test_watch.py on series with and without steps, and with contaminated nights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.measure import ranks

NIGHTS, FEWEST = 20, 6
SHARE, MADS = 0.03, 4.0
RECENT, STEP_P = 5, 0.002


@dataclass(frozen=True, slots=True)
class Band:
    """What the nights before let expect."""

    middle: float
    low: float
    high: float
    n: int

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Step:
    """From this night on (its place in the series) values lie `shift` (a share) elsewhere."""

    at: int
    shift: float
    p: float


def band(before: Sequence[float]) -> Band | None:
    """From the judged nights before one, oldest first; None for fewer than FEWEST."""
    last = np.asarray(before[-NIGHTS:], dtype=np.float64)
    if last.size < FEWEST:
        return None
    middle = float(np.median(last))
    mad = float(np.median(np.abs(last - middle)))
    room = max(SHARE * abs(middle), MADS * mad)
    return Band(middle, middle - room, middle + room, int(last.size))


def suspects(values: Sequence[float]) -> list[int]:
    """Places of nights outside the band of those before them. A suspect stays in later bands."""
    found = []
    for i, value in enumerate(values):
        expected = band(values[:i])
        if expected is not None and not expected.holds(value):
            found.append(i)
    return found


def steps(values: Sequence[float]) -> list[Step]:
    """Places where five nights differ from the twenty before; each step once, where it is clearest.

    The chance of a false one is that of every night's test; tests/unit/test_watch.py counts them.
    """
    found: list[Step] = []
    for end in range(NIGHTS + RECENT, len(values) + 1):
        before, recent = values[end - RECENT - NIGHTS : end - RECENT], values[end - RECENT : end]
        p = ranks.mann_whitney(before, recent)
        shift = ranks.hodges_lehmann(before, recent).estimate / float(np.median(before))
        if p >= STEP_P or abs(shift) < SHARE:
            continue
        step = Step(end - RECENT, shift, p)
        if found and step.at - found[-1].at < RECENT:
            found[-1] = min(found[-1], step, key=lambda one: one.p)
        else:
            found.append(step)
    return found
