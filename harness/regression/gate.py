"""What blocks of two builds say: a regression confirmed, none shown, or that nobody can tell.

A regression is CONFIRMED when three things hold at once: the exact Mann-Whitney test, adjusted for
the number of metrics (Holm), has p < 1 %; the Hodges-Lehmann shift is 3 % or more; and its 95 %
interval excludes 0. All on logarithms, so that the shift is a ratio. A program that answers
differently is not compared: a wrong program is a fast one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from harness.errors import ExitCode
from harness.measure import ranks, shift
from harness.regression.abba import Block, Side, Subject, valid

ALPHA = 0.01
LEAST_SHIFT_PCT = 3.0  # less is layout: where the linker happened to put the same instructions
LEVEL = 0.95


class State(StrEnum):
    """What the gate says of one metric."""

    NONE_SHOWN = "no regression shown"
    CONFIRMED = "CONFIRMED"
    WRONG = "WRONG ANSWER"
    CANNOT_DECIDE = "cannot decide"
    UNJUDGEABLE = "UNJUDGEABLE"


@dataclass(frozen=True, slots=True)
class Finding:
    """One metric. Values are ns, a pair each; shifts are percent of base, slower above 0.

    `could_see_pct` is the slowdown that as many pairs with this spread confirm four times in five;
    None for a metric that was not compared, or where none would be.
    """

    subject: Subject
    state: State
    reason: str
    base_ns: tuple[float, ...] = ()
    head_ns: tuple[float, ...] = ()
    p: float = 1.0
    p_adjusted: float = 1.0
    shift_pct: float = 0.0
    low_pct: float = -math.inf
    high_pct: float = math.inf
    could_see_pct: float | None = None


def decide(blocks: Sequence[Block], subjects: Sequence[Subject]) -> list[Finding]:
    """A finding for each subject, from all blocks that are not void."""
    good = valid(blocks)
    wrong = {one: why for one in subjects if (why := _wrong(blocks, one))}
    tested = [one for one in subjects if one not in wrong]
    needed = ranks.fewest_pairs(ALPHA / max(len(tested), 1))
    if len(good) < needed:
        state, reason = _too_few(blocks, good, needed, len(tested))
        rest = [Finding(one, state, reason) for one in tested]
    else:
        rest = _tested(good, tested)
    found = {f.subject: f for f in [*rest, *(Finding(s, State.WRONG, w) for s, w in wrong.items())]}
    return [found[one] for one in subjects]


def exit_code(findings: Sequence[Finding]) -> ExitCode:
    """1 for anything confirmed or wrong, else 75 for anything undecided, else 0."""
    states = {f.state for f in findings}
    if states & {State.CONFIRMED, State.WRONG}:
        return ExitCode.FAIL
    return ExitCode.READY if states <= {State.NONE_SHOWN} else ExitCode.INCONCLUSIVE


def _wrong(blocks: Sequence[Block], of: Subject) -> str:
    """Which side computes something wrong, or that they do not agree; void blocks count, too."""
    hashes: dict[Side, set[str]] = {side: set() for side in Side}
    for block in blocks:
        for process in block.processes:
            seen = process.readings[of]
            if seen.n_wrong:
                return f"{process.side} computes {seen.n_wrong} wrong answers"
            hashes[process.side].add(seen.answer_hash)
    if len(set.union(*hashes.values())) > 1:
        said = " and ".join(", ".join(sorted(hashes[side])) for side in Side)
        return f"base and head do not answer alike: {said}"
    return ""


def _too_few(
    blocks: Sequence[Block], good: Sequence[Block], needed: int, n_metrics: int
) -> tuple[State, str]:
    """Why there are not enough pairs: the machine's fault, or too few were asked for."""
    of = f"{needed} pairs for p < {ALPHA:g} over {n_metrics} metrics"
    void = [why for block in blocks if (why := _why_void(block, blocks))]
    if void and len(good) + len(void) >= needed:
        return State.UNJUDGEABLE, f"{void[-1]}; {len(good)} pairs left, wanted {of}"
    return State.CANNOT_DECIDE, f"{len(good)} pairs, wanted {of}"


def _why_void(block: Block, blocks: Sequence[Block]) -> str:
    return block.void(min(ns for b in blocks for ns in b.canary_ns))


def _tested(good: Sequence[Block], subjects: Sequence[Subject]) -> list[Finding]:
    sides = {
        one: (
            tuple(block.value_ns(Side.BASE, one) for block in good),
            tuple(block.value_ns(Side.HEAD, one) for block in good),
        )
        for one in subjects
    }
    ps = [ranks.mann_whitney(base, head) for base, head in sides.values()]
    adjusted = ranks.holm(ps)
    found = []
    for (one, (base, head)), p, p_adjusted in zip(sides.items(), ps, adjusted, strict=True):
        logs = np.log(base), np.log(head)
        seen = ranks.hodges_lehmann(list(logs[0]), list(logs[1]), LEVEL)
        pct, low, high = (_pct(x) for x in (seen.estimate, seen.low, seen.high))
        found_share = shift.detectable(base, head, ALPHA / len(subjects))
        could = None if found_share is None else max(100.0 * found_share, LEAST_SHIFT_PCT)
        state, reason = _state(p_adjusted, pct, low, high, could)
        found.append(Finding(one, state, reason, base, head, p, p_adjusted, pct, low, high, could))
    return found


def _state(p: float, pct: float, low: float, high: float, could: float | None) -> tuple[State, str]:
    said = f"{pct:+.1f} % [{low:+.1f}, {high:+.1f}], p {p:.2g}"
    is_sure = p < ALPHA and low > 0
    if pct >= LEAST_SHIFT_PCT:
        if is_sure:
            return State.CONFIRMED, said
        return State.CANNOT_DECIDE, f"{said}: a slowdown that is not sure; more --pairs would tell"
    could_see = "no slowdown" if could is None else f"a slowdown of {could:.1f} %"
    return State.NONE_SHOWN, f"{said}; could have seen {could_see}"


def _pct(log_ratio: float) -> float:
    return 100.0 * math.expm1(log_ratio) if math.isfinite(log_ratio) else log_ratio
