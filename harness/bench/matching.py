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

    `after_stop` answer a message that was sent more than the time allowed after the stop was told.
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


def match(wanted: Orders | None, tape: Tape, *, within_ticks: int) -> Matched:
    """Before the stop every order must be right; after it there must be none. None: any is."""
    came = tape.orders
    late = np.zeros(len(came), dtype=bool)
    if tape.stop_seq:
        late = (came["trigger"] >= tape.stop_seq) & (
            came["sent_tsc"] > np.uint64(tape.stop_tsc + within_ticks)
        )
        came = came[came["trigger"] < tape.stop_seq]
    after = tape.orders[late]
    found = Matched(0, 0, 0, 0, len(after), first_after_stop=_first(after))
    if wanted is None:
        return found
    if tape.stop_seq:
        wanted = wanted[wanted["trigger"] < tape.stop_seq]
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
        unwanted=len(unwanted),
        wrong=wrong,
        after_stop=len(after),
        first_missing=_first(missing),
        first_unwanted=_first(unwanted),
        first_wrong=f"{_say(right[at])}, where the rule has {_say(left[at])}" if wrong else "",
        first_after_stop=_first(after),
    )


def _first(orders: Orders) -> str:
    return _say(orders[0]) if len(orders) else ""


def _say(order: np.void) -> str:
    side = "buy" if order["side"] == ord("1") else "sell"
    price = f"{order['px_nano'] / _NANO:.4f}"
    name = bytes(order["symbol"]).decode("ascii", "replace")
    return f"{side} {order['qty']} {name} at {price} for message {order['trigger']}"
