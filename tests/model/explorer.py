"""Every execution of a few threads under release/acquire, stale reads and races included.

The memory is that of C11 without fences and without seq_cst. Each place keeps the messages ever
stored there, in order; each thread has a view: the newest message of each place that it knows of. A
load may return any message not older than the view. A release store attaches the storing thread's
view to its message; an acquire load takes over the view attached to what it read. A plain
(non-atomic) access that is not ordered with a conflicting one is a data race, whatever its value.

A thread is a generator function: it yields operations and is sent their results. `until` stands for
a loop around a load: the load returns only a value with which the loop would end.

Limits, on purpose: no fences (csrc has none, since ThreadSanitizer does not see them), no seq_cst,
no load that reads from a store later in program order. Stores go to the end of a place's order;
where that would hide an execution (two unordered writers of a place) the explorer refuses to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

RELAXED, ACQUIRE, RELEASE = "relaxed", "acquire", "release"

Value = Any
Predicate = Callable[[Value], bool]


class BrokenPromise(Exception):
    """Raised by a thread of a protocol: this execution must not exist."""


@dataclass(frozen=True, slots=True)
class Load:
    where: str
    order: str
    until: Predicate | None = None


@dataclass(frozen=True, slots=True)
class Store:
    where: str
    value: Value
    order: str


@dataclass(frozen=True, slots=True)
class Swap:
    """Compare and exchange; its result is whether it stored. Relaxed when it did not."""

    where: str
    expected: Value
    value: Value
    order: str


@dataclass(frozen=True, slots=True)
class Update:
    """Read the newest value, change and store it in one step; its result is the value before."""

    where: str
    change: Callable[[Value], Value]
    order: str


@dataclass(frozen=True, slots=True)
class PlainLoad:
    where: str


@dataclass(frozen=True, slots=True)
class PlainStore:
    where: str
    value: Value


Op = Load | Store | Swap | Update | PlainLoad | PlainStore
Run = Generator[Op, Value, None]
Thread = Callable[[], Run]
View = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Message:
    value: Value
    view: View  # what an acquire load of it learns
    plain: bool


@dataclass(frozen=True, slots=True)
class State:
    """One moment: what each thread was told so far, the messages of each place, each thread's view.

    A view has an entry for each place, the index of its newest known message, and then one for each
    (place, thread) and kind of read: how many of that thread's reads are known to have happened.
    """

    told: tuple[tuple[Value, ...], ...]
    places: tuple[tuple[Message, ...], ...]
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Result:
    fault: str | None  # None: every execution keeps every promise
    n_states: int
    ends: frozenset[tuple[tuple[Value, ...], ...]]  # what the threads were told, to their ends


def joined(a: View, b: View) -> View:
    return tuple(map(max, a, b)) if a != b else a


class Explorer:
    def __init__(self, initial: dict[str, Value], threads: list[Thread]) -> None:
        self.threads = threads
        self.index = {place: i for i, place in enumerate(initial)}
        self.n_places, self.n_threads = len(initial), len(threads)
        self.n_view = self.n_places * (1 + 2 * self.n_threads)
        self.initial = initial
        self.known_ops: dict[tuple[int, tuple[Value, ...]], Op | None] = {}

    def run(self, max_states: int = 500_000) -> Result:
        """Visits every reachable state once; stops at the first fault."""
        nothing: View = (0,) * self.n_view
        start = State(
            told=((),) * self.n_threads,
            places=tuple((Message(v, nothing, plain=False),) for v in self.initial.values()),
            views=(nothing,) * self.n_threads,
        )
        seen, stack = {start}, [start]
        ends: set[tuple[tuple[Value, ...], ...]] = set()
        while stack:
            state = stack.pop()
            try:
                following = list(self.steps(state))
                ops = [self.op(i, state.told[i]) for i in range(self.n_threads)]
            except BrokenPromise as fault:
                return Result(str(fault), len(seen), frozenset(ends))
            if not following:
                stuck = [f"{op}" for op in ops if op is not None]
                if stuck:
                    return Result(f"stuck: {'; '.join(stuck)}", len(seen), frozenset(ends))
                ends.add(state.told)
            for state in following:
                if state not in seen:
                    seen.add(state)
                    stack.append(state)
            if len(seen) > max_states:
                raise RuntimeError(f"more than {max_states} states: make the protocol smaller")
        return Result(None, len(seen), frozenset(ends))

    def op(self, thread: int, told: tuple[Value, ...]) -> Op | None:
        """What the thread does next after being told these results; None at its end."""
        key = (thread, told)
        if key not in self.known_ops:
            running = self.threads[thread]()
            try:
                op: Op | None = next(running)
                for result in told:
                    op = running.send(result)
            except StopIteration:
                op = None
            self.known_ops[key] = op
        return self.known_ops[key]

    def steps(self, state: State) -> Iterator[State]:
        for thread in range(self.n_threads):
            op = self.op(thread, state.told[thread])
            if op is not None:
                yield from self.perform(state, thread, op)

    def perform(self, state: State, thread: int, op: Op) -> Iterator[State]:
        at = self.index[op.where]
        messages, view = state.places[at], state.views[thread]
        newest = len(messages) - 1
        if isinstance(op, PlainLoad | PlainStore) and view[at] != newest:
            raise BrokenPromise(f"data race: plain access to {op.where} and an unseen store")
        if any(m.plain for m in messages[view[at] + 1 :]):
            raise BrokenPromise(f"data race: access to {op.where} and an unseen plain store")

        if isinstance(op, PlainLoad):
            view = self.with_read(view, at, thread, plain=True)
            yield self.told(state, thread, view, messages[newest].value)
        elif isinstance(op, Load):
            for i in range(view[at], newest + 1):
                if op.until is None or op.until(messages[i].value):
                    seen = self.with_entry(view, at, i)
                    if op.order == ACQUIRE:
                        seen = joined(seen, messages[i].view)
                    seen = self.with_read(seen, at, thread, plain=False)
                    yield self.told(state, thread, seen, messages[i].value)
        elif isinstance(op, Swap):
            # An exchange that stores reads the newest message; one that fails may read any other.
            for i in range(view[at], newest + 1):
                stores = messages[i].value == op.expected
                if stores and i != newest:
                    continue
                seen = self.with_read(self.with_entry(view, at, i), at, thread, plain=False)
                if stores and op.order == ACQUIRE:
                    seen = joined(seen, messages[i].view)
                if stores:
                    yield self.stored(state, thread, seen, at, op, messages[i].view)
                else:
                    yield self.told(state, thread, seen, False)
        elif isinstance(op, Update):
            seen = self.with_read(self.with_entry(view, at, newest), at, thread, plain=False)
            if op.order == ACQUIRE:
                seen = joined(seen, messages[newest].view)
            before = messages[newest].value
            swap = Swap(op.where, before, op.change(before), op.order)
            stored = self.stored(state, thread, seen, at, swap, messages[newest].view)
            told = (*stored.told[thread][:-1], before)
            yield replace(stored, told=(*state.told[:thread], told, *state.told[thread + 1 :]))
        else:
            if view[at] != newest:
                raise RuntimeError(f"outside the model: two unordered writers of {op.where}")
            yield self.stored(state, thread, view, at, op, None)

    def stored(
        self, state: State, thread: int, view: View, at: int, op: Op, read: View | None
    ) -> State:
        """The state after a store; `read` is the view of the message an exchange replaced."""
        assert isinstance(op, Store | PlainStore | Swap)
        plain = isinstance(op, PlainStore)
        self.check_reads(state, thread, view, at, plain, op.where)
        after = self.with_entry(view, at, len(state.places[at]))
        released = not isinstance(op, PlainStore) and op.order == RELEASE
        attached = after if released else self.with_entry((0,) * self.n_view, at, after[at])
        if read is not None:
            attached = joined(attached, read)  # an exchange continues the release sequence
        messages = (*state.places[at], Message(op.value, attached, plain))
        places = (*state.places[:at], messages, *state.places[at + 1 :])
        return self.told(replace(state, places=places), thread, after, isinstance(op, Swap) or None)

    def check_reads(
        self, state: State, thread: int, view: View, at: int, plain: bool, where: str
    ) -> None:
        """A store conflicts with unseen reads: a plain one with all, an atomic with plain ones."""
        for other in range(self.n_threads):
            for kind in (True, False) if plain else (True,):
                entry = self.read_entry(at, other, plain=kind)
                if other != thread and view[entry] != state.views[other][entry]:
                    raise BrokenPromise(f"data race: store to {where} and an unseen read of it")

    def read_entry(self, at: int, thread: int, *, plain: bool) -> int:
        return self.n_places * (1 + 2 * thread + plain) + at

    def with_read(self, view: View, at: int, thread: int, *, plain: bool) -> View:
        entry = self.read_entry(at, thread, plain=plain)
        return self.with_entry(view, entry, view[entry] + 1)

    @staticmethod
    def with_entry(view: View, entry: int, value: int) -> View:
        return (*view[:entry], value, *view[entry + 1 :])

    @staticmethod
    def told(state: State, thread: int, view: View, result: Value) -> State:
        told = (*state.told[:thread], (*state.told[thread], result), *state.told[thread + 1 :])
        views = (*state.views[:thread], view, *state.views[thread + 1 :])
        return replace(state, told=told, views=views)
