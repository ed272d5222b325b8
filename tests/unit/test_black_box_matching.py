"""Orders of a program held against those of the rule: beside a slow comparison, order by order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("engine", reason="needs the compiled engine")

from engine.pipeline import TAPED, Tape
from harness.bench.matching import Matched, match

WITHIN, PATIENCE = 50, 200
NANO = 10**9
STOP_SEQ, STOP_TSC = 60, 6000  # message n is sent at 100 n: number 60 just then, and not before


@dataclass(frozen=True)
class Order:
    """What a tape holds of one, `took` ticks behind its message."""

    trigger: int
    px: int = 10
    qty: int = 100
    side: str = "1"
    symbol: str = "SYN000"
    took: int = 5

    @property
    def sent(self) -> int:
        return 100 * self.trigger

    @property
    def came(self) -> int:
        return self.sent + self.took

    @property
    def terms(self) -> tuple[object, ...]:
        return self.px, self.qty, self.side, self.symbol

    def row(self) -> tuple[object, ...]:
        return (
            self.trigger,
            self.sent,
            self.came,
            self.px * NANO,
            self.qty,
            ord(self.side),
            self.symbol.encode(),
        )


def taped(orders: list[Order], *, beyond: int = 0, stopped: bool = True) -> Tape:
    rows = np.array([order.row() for order in orders], dtype=TAPED)
    return Tape(rows, beyond, STOP_TSC if stopped else 0, STOP_SEQ if stopped else 0)


def held(
    wanted: list[Order] | None,
    came: list[Order],
    *,
    beyond: int = 0,
    stopped: bool = True,
    judged_below: int = 0,
) -> Matched:
    rows = None if wanted is None else np.array([one.row() for one in wanted], dtype=TAPED)
    return match(
        rows,
        taped(came, beyond=beyond, stopped=stopped),
        within_ticks=WITHIN,
        patience_ticks=PATIENCE,
        judged_below=judged_below,
    )


def slowly(
    wanted: list[Order], came: list[Order], *, stopped: bool, judged_below: int
) -> tuple[int, ...]:
    """wanted, missing, unwanted, wrong, after_stop: one order after the other."""
    end = min(STOP_SEQ if stopped else 10**9, judged_below or 10**9)
    open_orders = {one.trigger: one for one in wanted if one.trigger < end}
    answered: set[int] = set()
    n_wanted, unwanted, wrong, after = len(open_orders), 0, 0, 0
    for order in came:
        if stopped and order.came > STOP_TSC + WITHIN:
            is_new = order.trigger >= STOP_SEQ and order.sent > STOP_TSC + WITHIN
            after += is_new or order.took > PATIENCE
        if order.trigger >= end:
            continue
        if order.trigger in answered or order.trigger not in open_orders:
            unwanted += 1
        else:
            wrong += open_orders[order.trigger].terms != order.terms
        answered.add(order.trigger)
    return n_wanted, len(set(open_orders) - answered), unwanted, wrong, after


orders = st.builds(
    Order,
    trigger=st.integers(1, 80),
    px=st.sampled_from([10, 11]),
    qty=st.sampled_from([100, 200]),
    side=st.sampled_from("12"),
    symbol=st.sampled_from(["SYN000", "SYN001"]),
    took=st.sampled_from([1, 60, 150, 200, 201, 5000]),
)
rules = st.lists(orders, max_size=12, unique_by=lambda one: one.trigger).map(
    lambda found: sorted(found, key=lambda one: one.trigger)
)


@given(rules, st.lists(orders, max_size=12), st.booleans(), st.sampled_from([0, 1, 30, 70]))
def test_what_is_counted_is_what_a_slow_comparison_counts(
    wanted: list[Order], came: list[Order], stopped: bool, judged_below: int
) -> None:
    found = held(wanted, came, stopped=stopped, judged_below=judged_below)
    seen = (found.wanted, found.missing, found.unwanted, found.wrong, found.after_stop)
    assert seen == slowly(wanted, came, stopped=stopped, judged_below=judged_below)
    for n, first in zip(
        seen[1:],
        (found.first_missing, found.first_unwanted, found.first_wrong, found.first_after_stop),
        strict=True,
    ):
        assert bool(n) == bool(first)


@given(rules, st.booleans())
def test_a_program_that_follows_the_rule_has_no_fault(wanted: list[Order], stopped: bool) -> None:
    prompt = [Order(one.trigger, one.px, one.qty, one.side, one.symbol) for one in wanted]
    came = [one for one in prompt if not stopped or one.trigger < STOP_SEQ]
    found = held(wanted, came, stopped=stopped)
    assert (found.missing, found.unwanted, found.wrong, found.after_stop) == (0, 0, 0, 0)
    assert found.wanted == len(came)


def test_who_follows_a_rule_of_his_own_is_held_to_the_stop_alone() -> None:
    found = held(None, [Order(1, px=7), Order(1), Order(70)])
    assert found == Matched(0, 0, 0, 0, 1, first_after_stop=found.first_after_stop)
    assert found.first_after_stop == "buy 100 SYN000 at 10.0000 for message 70"


def test_an_answer_to_what_was_sent_just_after_the_stop_is_allowed() -> None:
    assert held([], [Order(60)]).after_stop == 0  # its message left with the signal
    assert held([], [Order(61)]).after_stop == 1


def test_an_order_held_back_until_after_the_stop_is_an_order_after_it() -> None:
    assert held([Order(1)], [Order(1, took=PATIENCE)]).after_stop == 0
    late = held([Order(1)], [Order(1, took=STOP_TSC)])
    assert (late.after_stop, late.missing) == (1, 0)


def test_a_second_order_for_the_same_message_is_not_wanted() -> None:
    found = held([Order(1)], [Order(1), Order(1, side="2")])
    assert (found.unwanted, found.wrong, found.missing) == (1, 0, 0)
    assert found.first_unwanted.startswith("sell 100 SYN000")


def test_an_order_that_found_no_room_on_the_tape_is_not_wanted() -> None:
    assert held([Order(1)], [Order(1)], beyond=3).unwanted == 3


@pytest.mark.parametrize(
    ("came", "says"),
    [
        (Order(1, px=11), "buy 100 SYN000 at 11.0000"),
        (Order(1, qty=99), "buy 99 SYN000 at 10.0000"),
        (Order(1, side="2"), "sell 100 SYN000 at 10.0000"),
        (Order(1, symbol="SYN001"), "buy 100 SYN001 at 10.0000"),
    ],
)
def test_a_wrong_term_is_named_beside_the_right_one(came: Order, says: str) -> None:
    found = held([Order(1)], [came])
    assert (found.wrong, found.missing, found.unwanted) == (1, 0, 0)
    assert found.first_wrong == (
        f"{says} for message 1, where the rule has buy 100 SYN000 at 10.0000 for message 1"
    )
