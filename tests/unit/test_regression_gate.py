"""The rule of the gate, on blocks of which the truth is known."""

from __future__ import annotations

import random

import numpy as np
import pytest

from harness.errors import ExitCode, RedlineError
from harness.regression import abba, gate
from harness.regression.abba import Block, Process, Reading, Side, Subject
from harness.regression.gate import State

PARSE = Subject("fix.parse", "stream")
RISK = Subject("risk.check", "stream")
ORDER = (Side.BASE, Side.HEAD, Side.HEAD, Side.BASE)
SPREAD = 0.015  # of the fastest batch from start to start


def reading(value_ns: float, **other: object) -> Reading:
    seen = {"quiet_share": 0.9, "n_wrong": 0, "answer_hash": "0x1"} | other
    return Reading(value_ns, **seen)  # type: ignore[arg-type]


def block(base_ns: float, head_ns: float, canary=(1.0,) * 5, of=(PARSE,), **head) -> Block:
    sides = {Side.BASE: reading(base_ns), Side.HEAD: reading(head_ns, **head)}
    return Block(tuple(Process(s, dict.fromkeys(of, sides[s])) for s in ORDER), tuple(canary))


def night(draw: np.random.Generator, slower: float = 1.0, pairs: int = 6, of=(PARSE,)):
    """Blocks as a machine gives them: a spread between starts, now and then a disturbed start."""
    blocks = []
    for _ in range(pairs):
        processes = []
        for side in ORDER:
            seen = {}
            for one in of:
                ns = 70.0 * (slower if side is Side.HEAD else 1.0) * (1 + SPREAD * draw.gamma(2.0))
                seen[one] = reading(ns * (1.35 if draw.random() < 0.05 else 1.0))
            processes.append(Process(side, seen))
        blocks.append(Block(tuple(processes), (1.0,) * 5))
    return blocks


def states(slower: float, nights: int, pairs: int = 6) -> list[State]:
    draw = np.random.default_rng(8)
    return [gate.decide(night(draw, slower, pairs), [PARSE])[0].state for _ in range(nights)]


def test_forty_comparisons_of_a_build_with_itself_give_at_most_one_alarm():
    assert states(1.0, 40).count(State.CONFIRMED) <= 1


def test_ten_percent_are_confirmed_within_six_pairs():
    found = states(1.10, 40)
    assert found.count(State.CONFIRMED) >= 36


def test_a_gate_without_its_test_would_alarm(monkeypatch):
    """The control: with p and interval taken out, comparisons of a build with itself do alarm."""
    monkeypatch.setattr(gate, "ALPHA", 1.1)
    monkeypatch.setattr(gate, "LEAST_SHIFT_PCT", 0.0)
    monkeypatch.setattr(gate, "LEVEL", 0.0)
    assert states(1.0, 40).count(State.CONFIRMED) > 1


def test_a_shift_below_three_percent_is_layout_and_no_regression():
    blocks = [block(70.0 + i / 100, 71.4 + i / 100) for i in range(6)]
    (found,) = gate.decide(blocks, [PARSE])
    assert found.state is State.NONE_SHOWN
    assert found.p < gate.ALPHA


def test_what_is_faster_is_no_regression():
    blocks = [block(70.0 + i / 100, 50.0 + i / 100) for i in range(6)]
    assert gate.decide(blocks, [PARSE])[0].state is State.NONE_SHOWN


def test_a_comparison_without_a_finding_says_what_it_could_have_seen():
    blocks = [block(70.0 + i / 10, 70.05 + i / 10) for i in range(6)]
    (found,) = gate.decide(blocks, [PARSE])
    assert found.could_see_pct is not None
    assert "could have seen a slowdown of" in found.reason


def test_a_slowdown_that_is_not_sure_is_undecided():
    base = [70.0, 71.0, 72.0, 73.0, 90.0, 91.0]
    blocks = [block(ns, ns * 1.05) for ns in base]
    assert gate.decide(blocks, [PARSE])[0].state is State.CANNOT_DECIDE


def test_too_few_pairs_say_how_many_would_do():
    (found,) = gate.decide([block(70.0, 90.0)] * 4, [PARSE])
    assert found.state is State.CANNOT_DECIDE
    assert "4 pairs, wanted 5" in found.reason


def test_more_metrics_need_more_pairs():
    both = [PARSE, RISK]
    found = gate.decide([block(70.0, 90.0, of=both)] * 5, both)
    assert [one.state for one in found] == [State.CANNOT_DECIDE] * 2


def test_an_answer_that_differs_is_wrong_however_fast():
    blocks = [block(70.0, 35.0, answer_hash="0x2")] * 6
    assert gate.decide(blocks, [PARSE])[0].state is State.WRONG


def test_wrong_answers_count_in_void_blocks_too():
    good = [block(70.0, 70.0)] * 6
    blocks = [*good, block(70.0, 70.0, canary=(2.0,) * 5, n_wrong=3)]
    assert "head computes 3 wrong answers" in gate.decide(blocks, [PARSE])[0].reason


def test_a_moved_canary_leaves_nothing_to_judge():
    blocks = [block(70.0, 90.0)] + [block(70.0, 90.0, canary=(1.2,) * 5)] * 11
    (found,) = gate.decide(blocks, [PARSE])
    assert found.state is State.UNJUDGEABLE
    assert "canary: 20% slower" in found.reason


def test_a_busy_neighbour_leaves_nothing_to_judge():
    calm = reading(70.0)
    busy = reading(90.0, quiet_share=0.0)
    one = Block(tuple(Process(s, {PARSE: busy if s is Side.HEAD else calm}) for s in ORDER),
                (1.0,) * 5)  # fmt: skip
    (found,) = gate.decide([one] * 12, [PARSE])
    assert found.state is State.UNJUDGEABLE
    assert "neighbour" in found.reason


def test_one_disturbed_start_does_not_void_a_block():
    assert not block(70.0, 70.0, canary=(2.0, 1.0, 1.0, 1.0, 1.0)).void(1.0)


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        ([State.NONE_SHOWN], ExitCode.READY),
        ([State.NONE_SHOWN, State.CANNOT_DECIDE], ExitCode.INCONCLUSIVE),
        ([State.UNJUDGEABLE], ExitCode.INCONCLUSIVE),
        ([State.UNJUDGEABLE, State.CONFIRMED], ExitCode.FAIL),
        ([State.WRONG], ExitCode.FAIL),
    ],
)
def test_the_exit_code_is_the_worst_that_is_known(seen, code):
    assert gate.exit_code([gate.Finding(PARSE, state, "") for state in seen]) is code


# --- blocks ---


def asked(void_first: int = 0, pairs: int = 3):
    """compare() with processes that cost nothing; the first blocks have a slow canary."""
    sides: list[Side] = []

    def ask(side, subjects):
        sides.append(side)
        return Process(side, {one: reading(70.0) for one in subjects})

    def canary():
        return 2.0 if len(sides) < 4 * void_first else 1.0

    return abba.compare(ask, canary, [PARSE], pairs=pairs, seed=1), sides


def test_each_block_has_both_sides_twice_and_in_mirror_order():
    _, sides = asked(pairs=4)
    blocks = [tuple(sides[i : i + 4]) for i in range(0, 16, 4)]
    assert all(b == b[::-1] and b.count(Side.BASE) == 2 for b in blocks)


def test_as_many_blocks_begin_with_one_side_as_with_the_other():
    draw = abba.orders(random.Random(3))
    firsts = [next(draw)[0] for _ in range(20)]
    assert firsts.count(Side.BASE) == 10


def test_void_blocks_are_done_again_and_kept():
    blocks, _ = asked(void_first=2)
    assert (len(blocks), len(abba.valid(blocks))) == (5, 3)


def test_a_machine_that_never_calms_down_ends_the_comparison():
    readings = iter(range(10_000))

    def ask(side, subjects):
        return Process(side, {one: reading(70.0) for one in subjects})

    blocks = abba.compare(ask, lambda: 1.0 + next(readings), [PARSE], pairs=3, seed=1)
    assert len(blocks) == 6


# --- names ---


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("fix.parse", Subject("fix.parse", "stream")),
        ("fix.parse.hot", Subject("fix.parse", "hot")),
        ("order.id", Subject("order.id", "hot")),
        ("book.update", Subject("book.update", "random")),
    ],
)
def test_a_metric_is_named_with_or_without_its_regime(text, wanted):
    assert abba.subject(text, {"book.update": "random"}) == wanted


@pytest.mark.parametrize("text", ["", "fix", "fix.parse.warm", "fix.parse.cold", "order.id.stream"])
def test_what_cannot_be_compared_is_refused(text):
    with pytest.raises(RedlineError, match="--metric"):
        abba.subject(text, {})
