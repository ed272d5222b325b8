"""The lock-free protocols of csrc, small enough to be explored to the end.

Each follows its C code line by line and takes its memory orders from a table whose keys are the C
comments' tags, so that a test can weaken one at a time and can hold the table against the C source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .explorer import (
    ACQUIRE,
    RELAXED,
    RELEASE,
    BrokenPromise,
    Load,
    PlainLoad,
    PlainStore,
    Predicate,
    Run,
    Store,
    Swap,
    Thread,
    Value,
)

Orders = dict[str, str]
Program = tuple[dict[str, Value], list[Thread]]


@dataclass(frozen=True, slots=True)
class InC:
    """Where an order stands in the C source: in this function, in a statement with these words."""

    file: str
    function: str
    words: str
    order: str


@dataclass(frozen=True, slots=True)
class Protocol:
    name: str
    build: Callable[[Orders], Program]
    orders: dict[str, InC]

    def program(self, weakened: str | None = None) -> Program:
        orders = {tag: in_c.order for tag, in_c in self.orders.items()}
        if weakened is not None:
            orders[weakened] = RELAXED
        return self.build(orders)


def promise(kept: bool, broken: str) -> None:
    if not kept:
        raise BrokenPromise(broken)


def above(bound: int) -> Predicate:
    return lambda value: bool(value > bound)


def equal(wanted: Value) -> Predicate:
    return lambda value: bool(value == wanted)


def other_than(unwanted: Value) -> Predicate:
    return lambda value: bool(value != unwanted)


def ring(n_slots: int, n_records: int, stride: int) -> Callable[[Orders], Program]:
    """ring.h: sequences in the slots, a head published every `stride` records or when idle."""

    def build(orders: Orders) -> Program:
        initial: dict[str, Value] = {"head": 0}
        for i in range(n_slots):
            initial |= {f"sequence{i}": 0, f"payload{i}": None}

        def producer() -> Run:
            limit = n_slots
            for tail in range(n_records):
                if tail == limit:
                    free = yield Load("head", orders["R2 claim"], above(tail - n_slots))
                    limit = free + n_slots
                yield PlainStore(f"payload{tail % n_slots}", tail)
                yield Store(f"sequence{tail % n_slots}", tail + 1, orders["R1 commit"])

        def consumer() -> Run:
            published = 0
            for head in range(n_records):
                place = f"sequence{head % n_slots}"
                sequence = yield Load(place, orders["R1 peek"])
                if sequence != head + 1:
                    if published != head:  # idle
                        yield Store("head", head, orders["R2 publish"])
                        published = head
                    yield Load(place, orders["R1 peek"], equal(head + 1))
                payload = yield PlainLoad(f"payload{head % n_slots}")
                promise(payload == head, f"record {head} carries {payload}")
                if head + 1 == published + stride:
                    yield Store("head", head + 1, orders["R2 publish"])
                    published = head + 1

        return initial, [producer, consumer]

    return build


HERE, SKIP = 100, 200  # header values; payload words below are made to look like headers


def record_ring(n_words: int, lengths: list[int]) -> Callable[[Orders], Program]:
    """record_ring.h on 8-byte words, which are header in one lap and payload in another."""

    def build(orders: Orders) -> Program:
        initial: dict[str, Value] = {"head": 0, **{f"word{i}": 0 for i in range(n_words)}}

        def word(position: int) -> str:
            return f"word{position % n_words}"

        def producer() -> Run:
            tail, limit = 0, n_words
            for i, length in enumerate(lengths):
                to_end = n_words - tail % n_words
                at = tail + (to_end if 1 + length > to_end else 0)
                end = at + 1 + length
                if end + 1 > limit:
                    head = yield Load("head", orders["B2 refresh"], above(end - n_words))
                    limit = head + n_words
                for k in range(length):
                    yield PlainStore(word(at + 1 + k), HERE + i)
                yield Store(word(end), 0, RELAXED)  # the terminator
                yield Store(word(at), HERE + length, orders["B1 commit"])
                if at != tail:
                    yield Store(word(tail), SKIP, orders["B1 skip"])
                tail = end

        def consumer() -> Run:
            at, published = 0, 0
            for i, length in enumerate(lengths):
                header = yield Load(word(at), orders["B1 peek"])
                if header == 0:
                    if published != at:  # idle
                        yield Store("head", at, orders["B2 publish"])
                        published = at
                    header = yield Load(word(at), orders["B1 peek"], other_than(0))
                if header == SKIP:
                    at += n_words - at % n_words
                    header = yield Load(word(at), RELAXED)
                promise(header == HERE + length, f"header of record {i} reads {header}")
                for k in range(length):
                    payload = yield PlainLoad(word(at + 1 + k))
                    promise(payload == HERE + i, f"record {i} carries {payload}")
                at += 1 + length
                if at - published >= n_words // 2:
                    yield Store("head", at, orders["B2 publish"])
                    published = at

        return initial, [producer, consumer]

    return build


def seqlock(n_writes: int) -> Callable[[Orders], Program]:
    """seqlock.h with two words, which every write sets to its own number."""

    def build(orders: Orders) -> Program:
        def writer() -> Run:
            for i in range(1, n_writes + 1):
                yield Store("sequence", 2 * i - 1, RELAXED)
                yield Store("word0", i, orders["S2 write"])
                yield Store("word1", i, orders["S2 write"])
                yield Store("sequence", 2 * i, orders["S1 end"])

        def reader() -> Run:
            begin = yield Load("sequence", orders["S1 begin"], lambda v: v % 2 == 0)
            first = yield Load("word0", orders["S2 read"])
            second = yield Load("word1", orders["S2 read"])
            end = yield Load("sequence", RELAXED)
            if begin == end:
                promise(first == second == begin // 2, f"write {begin // 2}: {first}, {second}")

        return {"sequence": 0, "word0": 0, "word1": 0}, [writer, reader]

    return build


def view(packets: list[list[tuple[int, int]]]) -> Callable[[Orders], Program]:
    """book/view.h: a packet of (cell, value) puts a value into a cell and ranks that cell first.

    Each packet is made readable at its end. A snapshot is the first cell and what is in it: it must
    be one that stood at the end of a packet, and no older than the last number read before.
    """

    def build(orders: Orders) -> Program:
        published, cells = [(0, 0)], [0, 0]
        for packet in packets:
            for cell, value in packet:
                cells[cell] = value
            published.append((packet[-1][0], cells[packet[-1][0]]))

        def writer() -> Run:
            for number, packet in enumerate(packets, 1):
                yield Store("sequence", 2 * number - 1, RELAXED)
                for cell, value in packet:
                    yield Store("seq", number, orders["V2 put"])
                    yield Store(f"cell{cell}", value, orders["V2 put"])
                    yield Store("ranks", cell, orders["V2 put"])
                yield Store("sequence", 2 * number, orders["V1 end"])
                yield Store("published", number, orders["V3 publish"])

        def reader() -> Run:
            number = yield Load("published", orders["V3 read"])
            begin = yield Load("sequence", orders["V1 begin"], lambda v: v % 2 == 0)
            seq = yield Load("seq", orders["V2 get"])
            ranks = yield Load("ranks", orders["V2 get"])
            value = yield Load(f"cell{ranks}", orders["V2 get"])
            end = yield Load("sequence", RELAXED)
            if begin == end:
                promise((ranks, value) == published[seq], f"at {seq}: {ranks}, {value}")
                promise(seq >= number, f"published {number}, saw {seq}")

        places = ("sequence", "seq", "ranks", "cell0", "cell1", "published")
        return dict.fromkeys(places, 0), [writer, reader]

    return build


def kill_latch(orders: Orders) -> Program:
    """kill.h: two threads trip, a third explains. The first cause stays; its reason is readable."""

    def tripper(cause: int) -> Thread:
        def run() -> Run:
            yield PlainStore(f"reason{cause}", "written")
            kept = yield Swap("cause", 0, cause, orders["K1 trip"])
            now = yield Load("cause", RELAXED, other_than(0))  # always there: it never blocks
            promise((now == cause) == kept, f"cause {cause} kept={kept}, the latch holds {now}")

        return run

    def explainer() -> Run:
        cause = yield Load("cause", orders["K1 cause"])
        if cause:
            reason = yield PlainLoad(f"reason{cause}")
            promise(reason == "written", "tripped for a reason nobody can read")
            again = yield Load("cause", RELAXED)
            promise(again == cause, "the latch changed its mind")

    return {"cause": 0, "reason1": None, "reason2": None}, [tripper(1), tripper(2), explainer]


def hist_pair(n_turns: int) -> Callable[[Orders], Program]:
    """hist.h: one record a turn, two swaps; every record lands in exactly one interval."""

    def build(orders: Orders) -> Program:
        def writer() -> Run:
            in_use, turn = 0, 0
            n_changes = 0
            while turn < n_turns or n_changes < 2:
                late = turn >= n_turns  # only the turns that the reader waits for remain
                until = other_than(in_use) if late else None
                wanted = yield Load("wanted", orders["H1 writer"], until)
                if wanted != in_use:
                    yield Store("in_use", wanted, orders["H2 writer"])
                    in_use = wanted
                    n_changes += 1
                if not late:
                    n = yield PlainLoad(f"counts{in_use}")
                    yield PlainStore(f"counts{in_use}", n + 1)
                    turn += 1
            yield Store("joined", True, RELEASE)

        def reader() -> Run:
            total = 0
            for wanted in (1, 0):
                yield PlainStore(f"counts{wanted}", 0)
                yield Store("wanted", wanted, orders["H1 swap"])
                yield Load("in_use", orders["H2 swap"], equal(wanted))
                total += yield PlainLoad(f"counts{1 - wanted}")
            yield Load("joined", ACQUIRE, bool)
            total += yield PlainLoad("counts0")
            promise(total == n_turns, f"{total} of {n_turns} records in the intervals")

        initial = {"wanted": 0, "in_use": 0, "counts0": 0, "counts1": 0, "joined": False}
        return initial, [writer, reader]

    return build


BASE = "csrc/base"
RING_ORDERS = {
    "R1 commit": InC(f"{BASE}/ring.h", "rl_ring_commit", "sequence, tail + 1", RELEASE),
    "R1 peek": InC(f"{BASE}/ring.h", "rl_ring_peek", "&slot->sequence", ACQUIRE),
    "R2 publish": InC(f"{BASE}/ring.h", "rl_ring_publish", "&r->head_published", RELEASE),
    "R2 claim": InC(f"{BASE}/ring.h", "rl_ring_n_free", "&r->head_published", ACQUIRE),
}
RECORD_RING = f"{BASE}/record_ring.h"
RECORD_RING_ORDERS = {
    "B1 commit": InC(RECORD_RING, "rl_record_ring_commit", "RL_RECORD_HERE", RELEASE),
    "B1 skip": InC(RECORD_RING, "rl_record_ring_commit", "RL_RECORD_SKIP", RELEASE),
    "B1 peek": InC(RECORD_RING, "rl_record_ring_peek", "r->mask_seen, r->next", ACQUIRE),
    "B2 publish": InC(RECORD_RING, "rl_record_ring_publish", "&r->head_published", RELEASE),
    "B2 refresh": InC(RECORD_RING, "rl_record_ring_refresh", "&r->head_published", ACQUIRE),
}
SEQLOCK = f"{BASE}/seqlock.h"
SEQLOCK_ORDERS = {
    "S1 end": InC(SEQLOCK, "rl_seqlock_write", "sequence + 2", RELEASE),
    "S1 begin": InC(SEQLOCK, "rl_seqlock_read", "sequence = atomic_load_explicit", ACQUIRE),
    "S2 write": InC(SEQLOCK, "rl_seqlock_write", "&words[i]", RELEASE),
    "S2 read": InC(SEQLOCK, "rl_seqlock_read", "&words[i]", ACQUIRE),
}
BOOK = "csrc/market/book"
VIEW_ORDERS = {
    "V1 end": InC(f"{BOOK}/view.h", "rl_view_close", "sequence + 1", RELEASE),
    "V1 begin": InC(f"{BOOK}/view.c", "read_once", "uint64_t sequence", ACQUIRE),
    "V2 put": InC(f"{BOOK}/view_write.h", "rl_view_put", "word, value", RELEASE),
    "V2 get": InC(f"{BOOK}/view.c", "get", "word,", ACQUIRE),
    "V3 publish": InC(f"{BOOK}/view.h", "rl_views_publish", "&b->views->published", RELEASE),
    "V3 read": InC(f"{BOOK}/view.h", "rl_views_published", "&views->published", ACQUIRE),
}
KILL_ORDERS = {
    "K1 trip": InC("csrc/trade/kill.h", "rl_kill_trip", "&k->cause, &armed", RELEASE),
    "K1 cause": InC("csrc/trade/kill.h", "rl_kill_cause", "&k->cause", ACQUIRE),
}
HIST_PAIR_ORDERS = {
    "H1 swap": InC(f"{BASE}/hist.c", "rl_hist_pair_swap", "&pair->wanted, wanted", RELEASE),
    "H1 writer": InC(f"{BASE}/hist.h", "rl_hist_pair_writer", "&pair->wanted", ACQUIRE),
    "H2 writer": InC(f"{BASE}/hist.h", "rl_hist_pair_writer", "&pair->in_use, wanted", RELEASE),
    "H2 swap": InC(f"{BASE}/hist.c", "rl_hist_pair_swap", "&pair->in_use", ACQUIRE),
}

PROTOCOLS = [
    Protocol("ring of 1 slot", ring(1, 3, stride=1), RING_ORDERS),
    Protocol("ring of 2 slots", ring(2, 5, stride=1), RING_ORDERS),
    Protocol("ring with a lagging head", ring(4, 6, stride=2), RING_ORDERS),
    Protocol("record ring", record_ring(8, [2, 3, 1, 2]), RECORD_RING_ORDERS),
    Protocol("record ring filled to the brim", record_ring(8, [2, 1, 3, 3]), RECORD_RING_ORDERS),
    Protocol("seqlock", seqlock(2), SEQLOCK_ORDERS),
    Protocol("view of a book", view([[(0, 1)], [(1, 2), (0, 3)]]), VIEW_ORDERS),
    Protocol("kill latch", kill_latch, KILL_ORDERS),
    Protocol("histogram swap", hist_pair(3), HIST_PAIR_ORDERS),
]
