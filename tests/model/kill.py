"""The kill board (csrc/trade/kill) in small: trips, questions and resets at the same time.

The word is (arms, flags); SOME says that a scope is tripped, SINCE that something was tripped since
a reset was asked for, RESETTING that the set is being changed. The epoch is left out: one reset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .explorer import ACQUIRE, RELAXED, RELEASE, Load, Run, Store, Swap, Thread, Update, Value
from .protocols import InC, Orders, Program, Protocol, other_than, promise

SOME, SINCE, RESETTING, DRAINED = 1, 2, 4, 8
Word = tuple[int, int]


def adding(flags: int) -> Callable[[Word], Word]:
    return lambda word: (word[0], word[1] | flags)


def without(flags: int) -> Callable[[Word], Word]:
    return lambda word: (word[0], word[1] & ~flags)


def trip(orders: Orders, scope: str) -> Any:
    """rl_kill_trip: the set, then the word; once more when a reset was completed in between."""
    for _ in range(3):
        arms, _flags = yield Load("word", orders["K3 trip"])
        there = yield Load(scope, RELAXED)
        if not there:
            yield Update(scope, lambda _: 1, RELAXED)
        before = yield Update("word", adding(SOME | SINCE), orders["K1 trip"])
        if before[0] == arms:
            return


def ask(orders: Orders, scope: str) -> Any:
    """rl_kill_allows; its result is the answer."""
    _arms, flags = yield Load("word", RELAXED)
    if not flags & (SOME | RESETTING):
        return True
    word = yield Load("word", orders["K1 word"])
    if word[1] & RESETTING:
        return False
    tripped = yield Load(scope, orders["K2 ask"])
    if tripped:
        return False
    again = yield Load("word", RELAXED)
    return again == word


def request() -> Any:
    """rl_kill_request."""
    yield Update("word", without(SINCE), RELAXED)


def reset(orders: Orders, scope: str, others: list[str]) -> Any:
    """rl_kill_arm of one scope, and whether it was done; others may be tripped as well."""
    word = yield Load("word", RELAXED)
    if word[1] & SINCE:
        return False
    entered = yield Swap("word", word, adding(RESETTING)(word), orders["K3 enter"])
    if not entered:
        return False
    taken = yield Load(scope, RELAXED)
    if taken:
        taken = yield Update(scope, lambda _: 0, orders["K2 clear"])
    left = 0
    for other in others:
        tripped = yield Load(other, RELAXED)
        left |= SOME if tripped else 0
    here = yield Load(scope, RELAXED)
    left |= SOME if here else 0
    done = yield Swap("word", adding(RESETTING)(word), (word[0] + 1, left), orders["K3 leave"])
    if not done:
        if taken:
            yield Update(scope, lambda _: 1, RELAXED)
        yield Update(
            "word", lambda w: adding(SOME if taken else 0)(without(RESETTING)(w)), orders["K1 back"]
        )
    return done


def reset_and_trip(tripped: str) -> Callable[[Orders], Program]:
    """Scope x was tripped before and is reset while `tripped` is tripped: no trip is ever lost.

    A trip of x is one since the reset was asked for; y, which stays, may be tripped before that.
    """

    def build(some_orders: Orders) -> Program:
        orders = {tag: in_c.order for tag, in_c in RESET_ORDERS.items()} | some_orders

        def tripper() -> Run:
            yield from trip(orders, tripped)
            yield Store("done", True, RELEASE)

        def resetter() -> Run:
            if tripped == "y":
                yield from request()
            done = yield from reset(orders, "x", ["y"])
            yield Store("reset", done, RELEASE)

        def asker() -> Run:
            done = yield Load("done", ACQUIRE)
            allowed = yield from ask(orders, tripped)
            promise(not (done and allowed), f"{tripped} was tripped, and its order leaves")
            if allowed and tripped == "x":
                was_reset = yield Load("reset", ACQUIRE, other_than(None))
                promise(was_reset, "the reset was broken off, and an order left meanwhile")

        initial: dict[str, Value] = {
            "word": (0, SOME), "x": 1, "y": 0, "done": False, "reset": None
        }  # fmt: skip
        return initial, [tripper, resetter, asker]

    return build


def reasons(orders: Orders) -> Program:
    """Two trip, a third explains: a cause is always there, and details are of the first cause."""

    def tripper(cause: int) -> Thread:
        def run() -> Run:
            yield Update("causes", lambda causes: causes | 1 << cause, RELAXED)
            kept = yield Swap("first", 0, cause, RELAXED)
            yield Update("word", adding(SOME), orders["K1 trip"])
            if kept:
                yield Store("tsc", 100 + cause, RELAXED)
                yield Store("told", cause, orders["K4 details"])

        return run

    def explainer() -> Run:
        _arms, flags = yield Load("word", orders["K1 word"])
        if flags:
            causes = yield Load("causes", RELAXED)
            first = yield Load("first", RELAXED)
            promise(first and causes, "tripped for a reason nobody can read")
            told = yield Load("told", orders["K4 cause"])
            if told == first:
                tsc = yield Load("tsc", RELAXED)
                promise(tsc == 100 + first, f"cause {first} came at {tsc}")

    initial: dict[str, Value] = {"word": (0, 0), "causes": 0, "first": 0, "told": 0, "tsc": 0}
    return initial, [tripper(1), tripper(2), explainer]


def carried_reasons(orders: Orders) -> Program:
    """A reset that leaves something tripped takes its reasons along, with details or without."""

    def tripper() -> Run:
        yield Store("tsc", 7, RELAXED)
        yield Store("told", 1, orders["K4 details"])

    def resetter() -> Run:
        told = yield Load("told", orders["K4 carry"])
        tsc = yield Load("tsc", RELAXED)
        yield Store("tsc2", tsc, RELAXED)
        yield Store("told2", told, RELAXED)
        yield Update("word", lambda word: (1, word[1]), orders["K3 leave"])

    def explainer() -> Run:
        arms, _flags = yield Load("word", orders["K1 word"])
        if arms == 1:
            told = yield Load("told2", RELAXED)
            tsc = yield Load("tsc2", RELAXED)
            promise(not told or tsc == 7, f"details of nothing: {tsc}")
            promise(told is not None, "the reasons were not taken along")

    initial: dict[str, Value] = {"word": (0, SOME), "tsc": 0, "told": 0, "tsc2": 0, "told2": None}
    return initial, [tripper, resetter, explainer]


def acknowledged(orders: Orders) -> Program:
    """Two scopes are tripped; the order thread finds what was noted, and who waits believes it.

    The word does not change by the second trip: its note alone tells of it.
    """

    def tripper(scope: str) -> Thread:
        def run() -> Run:
            yield Update(scope, lambda _: 1, RELAXED)
            yield Update("notes", lambda notes: notes + 1, orders["K6 note"])

        return run

    def order_thread() -> Run:
        notes = yield Load("notes", orders["K6 acknowledge"])
        yield Store("seen_tsc", 10 + notes, RELAXED)
        yield Store("seen", notes, orders["K5 acknowledge"])
        x = yield Load("x", RELAXED)
        y = yield Load("y", RELAXED)
        promise(x + y >= notes, f"{notes} notes, and the set is {x} {y}")

    def waiter() -> Run:
        seen = yield Load("seen", orders["K5 is_seen"])
        tsc = yield Load("seen_tsc", RELAXED)
        promise(not seen or tsc >= 10 + seen, f"{seen} were seen at {tsc}")

    places = ("notes", "seen", "seen_tsc", "x", "y")
    return dict.fromkeys(places, 0), [tripper("x"), tripper("y"), order_thread, waiter]


def said_by_word(at_word: str, reader_order: str) -> Callable[[Orders], Program]:
    """What was written before a word of its own kind is there for who reads the word."""

    def build(orders: Orders) -> Program:
        def writer() -> Run:
            yield Store("number", 1, RELAXED)
            yield Update("word", lambda _: 1, orders[at_word])

        def reader() -> Run:
            word = yield Load("word", orders[reader_order])
            number = yield Load("number", RELAXED)
            promise(not word or number == 1, "the word came before what it tells of")

        return {"number": 0, "word": 0}, [writer, reader]

    return build


KILL = "csrc/trade/kill"
K1_WORD = InC(f"{KILL}/kill.h", "rl_kill_word", "&k->word", ACQUIRE)
K1_TRIP = InC(f"{KILL}/kill.c", "rl_kill_trip", "atomic_fetch_or_explicit", RELEASE)
K3_LEAVE = InC(f"{KILL}/reset.c", "rl_kill_arm", "&entered, left", RELEASE)
K4_DETAILS = InC(f"{KILL}/kill.c", "put_details", "&r->told", RELEASE)
RESET_ORDERS = {
    "K1 trip": K1_TRIP,
    "K1 word": K1_WORD,
    "K1 back": InC(f"{KILL}/reset.c", "break_off", "&word, back", RELEASE),
    "K2 ask": InC(f"{KILL}/kill.c", "is_in_set", "set_of(k, scope, index)", ACQUIRE),
    "K2 clear": InC(f"{KILL}/reset.c", "clear_set", "~bits", RELEASE),
    "K3 trip": InC(f"{KILL}/kill.c", "rl_kill_trip", "uint64_t word = ", ACQUIRE),
    "K3 enter": InC(f"{KILL}/reset.c", "rl_kill_arm", "&word, entered", ACQUIRE),
    "K3 leave": K3_LEAVE,
}
OTHER_SCOPE_ORDERS = {tag: RESET_ORDERS[tag] for tag in ("K1 trip", "K3 enter")}
SAME_SCOPE_ORDERS = {tag: c for tag, c in RESET_ORDERS.items() if tag not in OTHER_SCOPE_ORDERS}
REASON_ORDERS = {
    "K1 trip": K1_TRIP,
    "K1 word": K1_WORD,
    "K4 details": K4_DETAILS,
    "K4 cause": InC(f"{KILL}/kill.c", "rl_kill_cause", "&r->told", ACQUIRE),
}
CARRY_ORDERS = {
    "K1 word": K1_WORD,
    "K3 leave": K3_LEAVE,
    "K4 details": K4_DETAILS,
    "K4 carry": InC(f"{KILL}/reset.c", "carry_reasons", "&from->told", ACQUIRE),
}
SEEN_ORDERS = {
    "K5 acknowledge": InC(f"{KILL}/kill.c", "rl_kill_acknowledge", "&k->seen,", RELEASE),
    "K5 is_seen": InC(f"{KILL}/kill.c", "rl_kill_is_seen", "&k->seen,", ACQUIRE),
    "K6 note": InC(f"{KILL}/kill.c", "put_into_set", "&k->n_notes", RELEASE),
    "K6 acknowledge": InC(f"{KILL}/kill.c", "rl_kill_acknowledge", "&k->n_notes", ACQUIRE),
}
TAKE_OVER_ORDERS = {
    "K1 word": K1_WORD,
    "K1 take over": InC(f"{KILL}/reset.c", "rl_kill_take_over", "&word, halted", RELEASE),
}
DRAINED_ORDERS = {
    "K1 word": K1_WORD,
    "K7 drained": InC(f"{KILL}/kill.c", "rl_kill_drained", "RL_KILL_DRAINED", RELEASE),
}
SENT_ORDERS = {
    "K8 sent": InC(f"{KILL}/vitals.h", "rl_vitals_sent", "sent_qty, memory", RELEASE),
    "K8 look": InC(f"{KILL}/vitals.h", "rl_vitals_sent_qty", "RL_VITAL_SENT_QTY", ACQUIRE),
}
SIGNAL_ORDERS = {
    "K9 set": InC(f"{KILL}/on_signal.c", "rl_kill_on_signal", "&tripped_by_signal, k", RELEASE),
    "K9 handler": InC(f"{KILL}/on_signal.c", "trip", "&tripped_by_signal", ACQUIRE),
}

KILL_PROTOCOLS = [
    Protocol("kill: a scope tripped while it is reset", reset_and_trip("x"), SAME_SCOPE_ORDERS),
    Protocol("kill: a scope tripped beside a reset", reset_and_trip("y"), OTHER_SCOPE_ORDERS),
    Protocol("kill: reasons", reasons, REASON_ORDERS),
    Protocol("kill: reasons carried over", carried_reasons, CARRY_ORDERS),
    Protocol("kill: notes and acknowledgement", acknowledged, SEEN_ORDERS),
    Protocol("kill: taken over", said_by_word("K1 take over", "K1 word"), TAKE_OVER_ORDERS),
    Protocol("kill: drained", said_by_word("K7 drained", "K1 word"), DRAINED_ORDERS),
    Protocol("kill: approved before sent", said_by_word("K8 sent", "K8 look"), SENT_ORDERS),
    Protocol("kill: a board for a signal", said_by_word("K9 set", "K9 handler"), SIGNAL_ORDERS),
]
