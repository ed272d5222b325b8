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


def limits_cell(n_sets: int, n_decisions: int) -> Callable[[Orders], Program]:
    """limits_cell.h: sets are hung one after the other; what the reader has left is freed.

    Every decision sees one set as it was built, and the last decision the newest.
    """

    def build(orders: Orders) -> Program:
        def publisher() -> Run:
            oldest = 1
            for version in range(1, n_sets + 1):
                yield PlainStore(f"set{version}", version)
                yield Store("newest", version, orders["L1 hang"])
                seen = yield Load("version_seen", orders["L2 released"])
                for old in range(oldest, seen):
                    yield PlainStore(f"set{old}", "freed")
                oldest = max(oldest, seen)

        def reader() -> Run:
            in_use = 0
            for turn in range(n_decisions):
                is_last = turn == n_decisions - 1
                until = equal(n_sets) if is_last else None
                newest = yield Load("newest", orders["L1 current"], until)
                if newest != in_use:
                    yield Store("version_seen", newest, orders["L2 current"])
                    in_use = newest
                if in_use:
                    row = yield PlainLoad(f"set{in_use}")
                    promise(row == in_use, f"set {in_use}: {row}")

        places: dict[str, Value] = {f"set{i}": None for i in range(1, n_sets + 1)}
        return {"newest": 0, "version_seen": 0, **places}, [publisher, reader]

    return build


def audit_words(orders: Orders) -> Program:
    """audit.h: a writer makes two records durable and fails; an order side asks how far it came."""

    def writer() -> Run:
        for number in (1, 2):
            yield PlainStore(f"disk{number}", "written")
            yield Store("durable_number", number, RELAXED)
            yield Store("durable", number, orders["D1 tell"])
        yield Store("health", "failed", RELAXED)
        yield Store("error", 5, orders["D2 tell"])

    def order_side() -> Run:
        error = yield Load("error", orders["D2 error"])
        durable = yield Load("durable", orders["D1 durable"])
        number = yield Load("durable_number", RELAXED)
        promise(number >= durable, f"{durable} durable, the last of them number {number}")
        if durable:
            on_disk = yield PlainLoad(f"disk{durable}")
            promise(on_disk == "written", f"record {durable} called durable before it was written")
        if error:
            health = yield Load("health", RELAXED)
            promise(health == "failed" and durable == 2, f"failed with {durable}, which is not all")

    places: dict[str, Value] = {"durable": 0, "durable_number": 0, "error": 0, "health": "good"}
    return {**places, "disk1": None, "disk2": None}, [writer, order_side]


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


def trial_words(orders: Orders) -> Program:
    """worker.h: what a thread says by a word, the other finds done.

    The phase brings what the rig did before; the frames done bring the orders that they caused; a
    dropped session is seen with all that was sent before in the queue.
    """

    def rig() -> Run:
        yield PlainStore("usage", "begun")
        yield Store("phase", 1, orders["P1 enter"])
        frames = yield Load("frames", orders["P2 is"])
        sent = yield Load("requests", RELAXED)
        promise(frames == 0 or sent == 1, "the frame is done and its order is not counted")
        dropped = yield Load("dropped", orders["P3 is"])
        queue = yield Load("queue", ACQUIRE)
        promise(not dropped or queue == 1, "the session is lost before its last order is found")

    def engine() -> Run:
        phase = yield Load("phase", orders["P1 now"])
        if phase:
            usage = yield PlainLoad("usage")
            promise(usage == "begun", "the phase came before what belongs to it")
        yield Store("queue", 1, RELEASE)
        yield Store("requests", 1, RELAXED)
        yield Store("frames", 1, orders["P2 tell"])
        yield Store("dropped", True, orders["P3 drop"])

    initial: dict[str, Value] = {
        "phase": 0, "frames": 0, "requests": 0, "queue": 0, "dropped": False, "usage": None
    }  # fmt: skip
    return initial, [rig, engine]


def judge(orders: Orders) -> Program:
    """judge.h: an order that was committed before the acknowledgement is found by who sees it.

    The judge looks at the acknowledgement and then empties the queue; what comes later was sent
    later. The engine sends one order, acknowledges and sends nothing more.
    """

    def engine() -> Run:
        yield Store("queue", 1, RELEASE)  # B1, explored with the record ring
        yield Store("seen", 1, orders["K5 acknowledge"])

    def rig() -> Run:
        seen = yield Load("seen", orders["K5 is_seen"])
        found = yield Load("queue", ACQUIRE)
        if seen:
            late = yield Load("queue", ACQUIRE)
            promise(late == found, "an order of before is taken for one of after")

    return {"queue": 0, "seen": 0}, [engine, rig]


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
LIMITS_CELL = "csrc/trade/risk/limits_cell.h"
LIMITS_CELL_ORDERS = {
    "L1 hang": InC(LIMITS_CELL, "rl_limits_hang", "&c->newest, set", RELEASE),
    "L1 current": InC(LIMITS_CELL, "rl_limits_current", "&c->newest", ACQUIRE),
    "L2 current": InC(LIMITS_CELL, "rl_limits_current", "&c->version_seen", RELEASE),
    "L2 released": InC(LIMITS_CELL, "rl_limits_is_released", "&c->version_seen", ACQUIRE),
}
AUDIT = "csrc/trade/audit/audit.h"
AUDIT_ORDERS = {
    "D1 tell": InC(AUDIT, "rl_audit_tell_durable", "&a->words.durable,", RELEASE),
    "D1 durable": InC(AUDIT, "rl_audit_durable", "&a->words.durable", ACQUIRE),
    "D2 tell": InC(AUDIT, "rl_audit_tell_error", "&a->words.error", RELEASE),
    "D2 error": InC(AUDIT, "rl_audit_error", "&a->words.error", ACQUIRE),
}
HIST_PAIR_ORDERS = {
    "H1 swap": InC(f"{BASE}/hist.c", "rl_hist_pair_swap", "&pair->wanted, wanted", RELEASE),
    "H1 writer": InC(f"{BASE}/hist.h", "rl_hist_pair_writer", "&pair->wanted", ACQUIRE),
    "H2 writer": InC(f"{BASE}/hist.h", "rl_hist_pair_writer", "&pair->in_use, wanted", RELEASE),
    "H2 swap": InC(f"{BASE}/hist.c", "rl_hist_pair_swap", "&pair->in_use", ACQUIRE),
}
WORKER = "csrc/rig/trial/worker.h"
TRIAL_ORDERS = {
    "P1 enter": InC(WORKER, "rl_phase_enter", "&s->phase", RELEASE),
    "P1 now": InC(WORKER, "rl_phase_now", "&s->phase", ACQUIRE),
    "P2 tell": InC(WORKER, "rl_progress_tell", "&s->frames_done", RELEASE),
    "P2 is": InC(WORKER, "rl_progress_is", "&s->frames_done", ACQUIRE),
    "P3 drop": InC(WORKER, "rl_session_drop", "&s->is_dropped", RELEASE),
    "P3 is": InC(WORKER, "rl_session_is_dropped", "&s->is_dropped", ACQUIRE),
}
JUDGE_ORDERS = {
    "K5 acknowledge": InC("csrc/trade/kill/kill.c", "rl_kill_acknowledge", "&k->seen,", RELEASE),
    "K5 is_seen": InC("csrc/trade/kill/kill.c", "rl_kill_is_seen", "&k->seen,", ACQUIRE),
}

PROTOCOLS = [
    Protocol("ring of 1 slot", ring(1, 3, stride=1), RING_ORDERS),
    Protocol("ring of 2 slots", ring(2, 5, stride=1), RING_ORDERS),
    Protocol("ring with a lagging head", ring(4, 6, stride=2), RING_ORDERS),
    Protocol("record ring", record_ring(8, [2, 3, 1, 2]), RECORD_RING_ORDERS),
    Protocol("record ring filled to the brim", record_ring(8, [2, 1, 3, 3]), RECORD_RING_ORDERS),
    Protocol("seqlock", seqlock(2), SEQLOCK_ORDERS),
    Protocol("view of a book", view([[(0, 1)], [(1, 2), (0, 3)]]), VIEW_ORDERS),
    Protocol("limit sets", limits_cell(3, 5), LIMITS_CELL_ORDERS),
    Protocol("words of an audit log", audit_words, AUDIT_ORDERS),
    Protocol("histogram swap", hist_pair(3), HIST_PAIR_ORDERS),
    Protocol("words of a trial", trial_words, TRIAL_ORDERS),
    Protocol("judge of a trip", judge, JUDGE_ORDERS),
]
