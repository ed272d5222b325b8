"""The orders of a program beside those that the reference rule calls for.

An order answers the message that it names, so both sides are joined by that. Pure functions on
arrays of engine.pipeline.TAPED.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.pipeline import Tape

Orders = npt.NDArray[np.void]
_TERMS = ("px_nano", "qty", "side", "symbol")
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Matched:
    """Counts of orders, and a sentence on the first of each kind; empty: there is none.

    `after_stop` came more than the time allowed after the stop was told, and answer a message sent
    after that, or one so old that they were held back.
    """

    wanted: int
    missing: int
    unwanted: int
    wrong: int
    after_stop: int
    first_missing: str = ""
    first_unwanted: str = ""
    first_wrong: str = ""
    first_after_stop: str = ""


def match(
    wanted: Orders | None,
    tape: Tape,
    *,
    within_ticks: int,
    patience_ticks: int,
    judged_below: int = 0,
) -> Matched:
    """Before the stop every order must be right; after it there must be none. None: any is right.

    An order is held back when it came more than `patience_ticks` behind its message. With
    `judged_below` only orders for messages of smaller numbers are held against the rule.
    """
    came = tape.orders
    after = came[_is_after_stop(tape, within_ticks, patience_ticks)]
    found = Matched(0, 0, 0, 0, len(after), first_after_stop=_first(after))
    if wanted is None:
        return found
    ends = [end for end in (tape.stop_seq, judged_below) if end]
    if ends:
        came = came[came["trigger"] < min(ends)]
        wanted = wanted[wanted["trigger"] < min(ends)]
    # The first order for a message is its answer; another one for the same is not wanted.
    triggers, firsts = np.unique(came["trigger"], return_index=True)
    answers = came[firsts]
    _, ours, theirs = np.intersect1d(
        wanted["trigger"], triggers, assume_unique=True, return_indices=True
    )
    left, right = wanted[ours], answers[theirs]
    differs = np.zeros(len(left), dtype=bool)
    for name in _TERMS:
        differs |= left[name] != right[name]
    missing = wanted[~np.isin(wanted["trigger"], triggers)]
    is_answer = np.zeros(len(came), dtype=bool)
    is_answer[firsts] = True
    unwanted = came[~is_answer | ~np.isin(came["trigger"], wanted["trigger"])]
    wrong = int(differs.sum())
    at = int(np.argmax(differs)) if wrong else 0
    return Matched(
        wanted=len(wanted),
        missing=len(missing),
        unwanted=len(unwanted) + tape.n_beyond,  # the tape has room for an order a message
        wrong=wrong,
        after_stop=len(after),
        first_missing=_first(missing),
        first_unwanted=_first(unwanted),
        first_wrong=f"{_say(right[at])}, where the rule has {_say(left[at])}" if wrong else "",
        first_after_stop=_first(after),
    )


def _is_after_stop(tape: Tape, within_ticks: int, patience_ticks: int) -> npt.NDArray[np.bool_]:
    came = tape.orders
    if not tape.stop_seq:
        return np.zeros(len(came), dtype=bool)
    end = np.uint64(tape.stop_tsc + within_ticks)
    answers_late = (came["trigger"] >= tape.stop_seq) & (came["sent_tsc"] > end)
    took = came["received_tsc"] - np.minimum(came["sent_tsc"], came["received_tsc"])
    was_held = (came["received_tsc"] > end) & (took > np.uint64(patience_ticks))
    return np.asarray(answers_late | was_held)


def _first(orders: Orders) -> str:
    return _say(orders[0]) if len(orders) else ""


def _say(order: np.void) -> str:
    side = "buy" if order["side"] == ord("1") else "sell"
    price = f"{order['px_nano'] / _NANO:.4f}"
    name = bytes(order["symbol"]).decode("ascii", "replace")
    return f"{side} {order['qty']} {name} at {price} for message {order['trigger']}"
