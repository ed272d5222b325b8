"""Faults of market data lines, done to the feed handler; the clock is that of the packets."""

from __future__ import annotations

import functools
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.market import LINE_RECOVERY, STREAM_REC, Arbitration, Books, Feed
from harness.config.faults_market import LineFate, Lines
from harness.config.reactions import Case
from harness.config.scenario import Synthetic
from harness.run.reactions import Observed, react
from harness.run.reactions.arrivals import Arrival, LineDone, answer, arrivals, packet
from harness.run.session import Session
from harness.traffic import synthetic

N_REQUESTS = 5  # as a venue's rules of fair use allow, before the loss is declared
SETTLE_NS = 10_000_000_000  # behind the last packet: every wait of the arbitration is over
COUNTED = ("packets", "wins", "duplicates", "repeats", "late", "gaps", "parked")


@dataclass(slots=True)
class _Heard:
    """What one feed handler made of the packets."""

    feed: Feed
    delivered_ns: dict[int, int] = field(default_factory=dict)  # by number
    updates: list[np.ndarray] = field(default_factory=list)
    repeated: int = 0  # numbers that came out again
    stale_ns: int = 0
    gap_since_ns: int | None = None

    def take(self, updates: np.ndarray, now_ns: int) -> None:
        """What came out now."""
        for number in updates["seq"].tolist():
            self.repeated += number in self.delivered_ns
            self.delivered_ns.setdefault(number, now_ns)
        if len(updates):
            self.updates.append(updates)
        is_open = self.feed.due_ns() is not None
        if not is_open and self.gap_since_ns is not None:
            self.stale_ns = max(self.stale_ns, now_ns - self.gap_since_ns)
        if not is_open:
            self.gap_since_ns = None
        elif self.gap_since_ns is None:
            self.gap_since_ns = now_ns

    def books_hash(self, n_instruments: int, n_orders: int) -> int:
        books = Books(n_instruments, n_orders)
        for updates in self.updates:
            books.apply(updates)
        return books.hash()


@react.register
def _(fault: Lines, case: Case, session: Session) -> Observed:
    made = session.scenario.input
    messages = made_messages(made, fault.packets)
    fates = fault.fates()
    expected = _undisturbed(made, fault.packets, fault.rate_per_s, fault.skew_ns, fault.lines)
    done = fates if session.faults_enabled else [LineFate()] * len(fates)
    heard, lines = _listen(fault, done, messages, made.instruments)
    counters, usual = heard.feed.counters(), expected.feed.counters()
    all_lines, each = counters["lines"], [counters[f"line {i}"] for i in range(len(fates))]
    n_orders = 4 * made.orders  # after a loss some are never deleted
    late_ns = [at - expected.delivered_ns[seq] for seq, at in heard.delivered_ns.items()]
    repeats = sum(one["duplicates"] + one["repeats"] + one["late"] for one in each)
    missed = sum(len(messages) + 1 - one["packets"] + one["repeats"] for one in each)
    missing = frozenset.intersection(*(line.missing for line in lines))
    values = {
        "messages": len(messages),
        "delivered": len(heard.delivered_ns),
        "delivered_twice": heard.repeated,
        "lost": all_lines["lost"],
        "undeclared": len(messages) - len(heard.delivered_ns) - all_lines["lost"],
        "packets_lost": sum(line.lost for line in lines),
        "packets_lost_everywhere": len(missing),
        "packets_duplicated": sum(line.duplicated for line in lines),
        "packets_corrupted": sum(line.corrupted for line in lines),
        "packets_displaced": sum(line.displaced for line in lines),
        "missed": missed,
        "refused": sum(line.refused for line in lines),
        "repeats": repeats,
        "own_repeats": sum(one["repeats"] for one in each),
        "gaps": all_lines["gaps"],
        "recovered_by_line": all_lines["recovered_other"],
        "recovered_by_order": all_lines["recovered_late"],
        "recovered_by_request": all_lines["recovered_request"],
        "gaps_lost": all_lines["gaps_lost"],
        "requests": all_lines["requests"],
        "latest_ns": max(late_ns, default=0),
        "stale_ns": heard.stale_ns,
        "books_wrong": int(
            heard.books_hash(made.instruments, n_orders)
            != expected.books_hash(made.instruments, n_orders)
        ),
        "says_unsynced": int(not heard.feed.is_synced()),
    }
    return Observed(values, effects=_difference(counters, usual), injected=_injected(lines))


@functools.lru_cache(maxsize=4)  # cases of one scenario share it
def made_messages(made: Synthetic, n: int) -> tuple[bytes, ...]:
    stream = synthetic.make(
        "itch",
        seed=made.seed,
        n_instruments=made.instruments,
        n_orders=made.orders,
        n_messages=n,
    ).stream
    ends = np.cumsum(stream.recs["n_bytes"][:n], dtype=np.int64).tolist()
    return tuple(stream.data[a:b] for a, b in zip([0, *ends], ends, strict=False))


@functools.lru_cache(maxsize=4)
def _undisturbed(made: Synthetic, n: int, rate_per_s: int, skew_ns: int, lines: int) -> _Heard:
    """What comes out when no line does anything wrong, and when."""
    quiet = Lines.model_construct(packets=n, rate_per_s=rate_per_s, skew_ns=skew_ns, lines=lines)
    return _listen(quiet, [LineFate()] * lines, made_messages(made, n), made.instruments)[0]


def _injected(lines: Sequence[LineDone]) -> int:
    return sum(one.lost + one.duplicated + one.corrupted + one.displaced for one in lines)


def _difference(
    seen: Mapping[str, Mapping[str, int]], usual: Mapping[str, Mapping[str, int]]
) -> int:
    """By how much the handler itself counted otherwise than with lines that do nothing wrong."""
    return max(
        abs(counted.get(name, 0) - usual[who].get(name, 0))
        for who, counted in seen.items()
        if who.startswith("line")
        for name in COUNTED
    )


def _listen(
    fault: Lines, fates: Sequence[LineFate], messages: Sequence[bytes], n_instruments: int
) -> tuple[_Heard, list[LineDone]]:
    """Feed the handler all that the lines bring and the venue answers, in the order of time."""
    n_requests = N_REQUESTS if fault.answers else 0
    how = Arbitration(n_lines=len(fates), n_requests=n_requests)
    feed = Feed("itch", in_mold=True, lines=how, n_instruments=n_instruments, first_seq=1)
    for i in range(n_instruments):  # numbered as they come they would be others after a loss
        feed.name(f"SYN{i:03d}", key=i + 1)
    heard = _Heard(feed)
    todo: list[Arrival] = []
    lines: list[LineDone] = []
    for line, fate in enumerate(fates):
        came, done = arrivals(fault, line, fate, messages)
        todo += came
        lines.append(done)
    todo.sort()
    end_ns = todo[-1].at_ns + SETTLE_NS
    answers: list[Arrival] = []
    asked = at = 0
    while True:
        due_ns = feed.due_ns()
        next_ns = min((one.at_ns for one in (*todo[at : at + 1], *answers[:1])), default=end_ns)
        if due_ns is not None and due_ns <= next_ns:
            now_ns = due_ns
            heard.take(feed.poll(now_ns), now_ns)
        elif at == len(todo) and not answers:
            return heard, lines
        else:
            if answers and (at == len(todo) or answers[0] < todo[at]):
                now = heapq.heappop(answers)
            else:
                now, at = todo[at], at + 1
            now_ns = now.at_ns
            part = messages[now.number - 1 : now.number - 1 + now.n]
            heard.take(_push(feed, packet(now.number, part), now), now_ns)
        while (request := feed.request(now_ns)) is not None:
            asked += 1
            if fault.answers is None or _is_lost(fault, asked):
                continue
            back_ns = now_ns + fault.answers.after_ns
            for one in answer(request.first, request.n, back_ns, LINE_RECOVERY):
                heapq.heappush(answers, one)


def _is_lost(fault: Lines, asked: int) -> bool:
    """Whether the answer to this request gets lost on its way."""
    every = fault.answers.lost_every if fault.answers else None
    return every is not None and asked % every == 0


def _push(feed: Feed, data: bytes, now: Arrival) -> np.ndarray:
    record = np.zeros(1, STREAM_REC)
    record["n_bytes"], record["line"] = len(data), now.line
    record["ts_ns"], record["n_messages"] = now.at_ns, now.n
    return feed.push(data, record)
