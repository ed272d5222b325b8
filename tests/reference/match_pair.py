"""The matching engine in C beside its slow oracle: the same requests, then event by event."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from reference import slow_match_order as slow
from reference.slow_match import Slow
from reference.slow_match_order import Event, Request

from engine.exchange.match import EVENT, REQUEST, Matcher, Trigger

MEMBERS = tuple(REQUEST.names or ())
N_INSTRUMENTS = 2
N_OWNERS = 4
TICK = 5


def request(op: int, **members: int) -> Request:
    """All members; who asks is the venue, unless told otherwise."""
    r = dict.fromkeys(MEMBERS, 0)
    r |= {"op": op, "owner": slow.ALL, "px_nano": slow.PX_NONE, "stop_px_nano": slow.PX_NONE}
    return r | {"slippage_nano": -1} | members


def array(requests: Sequence[Request]) -> np.ndarray:
    out = np.zeros(len(requests), REQUEST)
    for i, r in enumerate(requests):
        out[i] = tuple(r[name] for name in MEMBERS)
    return out


def as_events(records: np.ndarray) -> list[Event]:
    """Of the C engine, as the oracle tells them."""
    names = EVENT.names or ()
    events = [dict(zip(names, row, strict=True)) for row in records.tolist()]
    for e in events:
        e["kind"] = slow.KINDS[e["kind"]]
        if e["kind"] != "phase":
            e["reason"] = slow.REASONS[e["reason"]]
    return events


def differs(c: Event, reference: Event) -> list[str]:
    """The members that are not the same; of several reasons, any may be told."""
    reason = reference["reason"]
    allowed = reason if isinstance(reason, set) else {reason}
    return [
        name
        for name, value in reference.items()
        if c[name] != value and not (name == "reason" and c[name] in allowed)
    ]


class Pair:
    """`reference` may be another class: one that is wrong on purpose."""

    def __init__(
        self,
        trigger: int = slow.LAST,
        reference: type[Slow] = Slow,
        *,
        n_instruments: int = N_INSTRUMENTS,
        tick: int = TICK,
    ) -> None:
        self.c = Matcher(
            n_instruments,
            1 << 14,
            n_levels_per_side=1 << 10,
            n_owners=N_OWNERS,
            n_trades=16,
            tick_nano=tick,
            max_qty=10**6,
            trigger=Trigger(trigger),
        )
        self.slow = reference(
            n_instruments,
            trigger=trigger,
            tick=tick,
            max_qty=10**6,
            n_owners=N_OWNERS,
            n_trades=16,
        )
        self.n_events = 0

    def take(self, requests: Sequence[Request], times: Sequence[int]) -> None:
        """Both, and every event is the same."""
        seen = as_events(self.c.take(array(requests), np.array(times, np.uint64)))
        at = 0
        for r, now in zip(requests, times, strict=True):
            expected = self.slow.take(r, now)
            got = seen[at : at + len(expected)]
            for c, reference in zip(got, expected, strict=False):
                assert not differs(c, reference), (differs(c, reference), r, c, reference)
            assert len(got) == len(expected), (r, got[-1:], expected[len(got) :])
            at += len(expected)
        assert at == len(seen), seen[at:]
        self.n_events += at

    def compare(self) -> None:
        """Books, queues, stops, prices, phases."""
        what = self.c.check()
        assert what is None, what
        for i, market in enumerate(self.slow.markets):
            for side in (slow.BUY, slow.SELL):
                shown = [(o.id, o.px, o.leaves, o.shown, o.done) for o in market.sides[side]]
                assert shown == [
                    (o.id, o.px_nano, o.leaves, o.shown, o.done) for o in self.c.resting(i, side)
                ]
                waiting = [(o.id, o.stop_px, o.leaves) for o in market.stops[side]]
                assert waiting == [(o.id, o.stop_px_nano, o.leaves) for o in self.c.stops(i, side)]
            last = self.c.last_px_nano(i)
            assert market.last == (slow.PX_NONE if last is None else last)
            assert market.phase == self.c.phase_of(i)


class Streams:
    """Random requests that mean something: most name a live order, or trade with one."""

    def __init__(self, seed: int, oracle: Slow) -> None:
        self.rng = random.Random(seed)
        self.oracle = oracle
        self.next_id = 0
        self.now = 1

    def batch(self, n: int) -> Iterator[tuple[Request, int]]:
        for _ in range(n):
            self.now += self.rng.choice((0, 1, 5))
            yield self.one(), self.now

    def one(self) -> Request:
        r = self.rng
        kinds: list[Any] = [self._new, self._named, self._replace, self._rare]
        return r.choices(kinds, (60, 15, 22, 3))[0]()

    def _px(self) -> int:
        return TICK * self.rng.randrange(95, 106)

    def _live(self) -> int:
        """The id of some order, most often a live one."""
        queues = [q for market in self.oracle.markets for q in (*market.sides, *market.stops) if q]
        if not queues or self.rng.random() < 0.1:
            return max(1, self.next_id - self.rng.randrange(20))
        return self.rng.choice(self.rng.choice(queues)).id

    def _new(self) -> Request:
        r = self.rng
        type = r.choices(range(6), (60, 10, 8, 8, 7, 7))[0]
        tif = r.choices(range(6), (20, 50, 10, 10, 8, 2))[0]
        self.next_id += 1
        qty = r.randrange(1, 30)
        one = request(
            slow.NEW,
            id=self.next_id if r.random() < 0.99 else self._live(),
            user=r.randrange(100),
            owner=r.randrange(N_OWNERS),
            instrument=r.randrange(N_INSTRUMENTS) if r.random() < 0.99 else 7,
            side=r.randrange(2),
            type=type,
            tif=tif,
            px_nano=self._px() if r.random() < 0.99 else 501,
            qty=qty if r.random() < 0.99 else 0,
            stp=r.choice((0, 0, 0, 1, 2, 3, 4)),
        )
        if type in (slow.MARKET, slow.STOP, slow.TRAILING_STOP):
            one["slippage_nano"] = r.choice((-1, -1, 0, TICK, 3 * TICK))
        if type >= slow.STOP:
            one["stop_px_nano"] = self._px()
        if type >= slow.TRAILING_STOP:
            one["trail_nano"] = r.choice((TICK, 3 * TICK, -300))
            one["trail_step_nano"] = r.choice((0, 3 * TICK)) if one["trail_nano"] > 0 else -200
        if tif == slow.GTD:
            one["expire_ns"] = self.now + r.randrange(200)
        extra = r.random()
        if extra < 0.15:
            one["show_qty"] = r.randrange(1, 12)
        elif extra < 0.25:
            one["flags"] = slow.ALL_OR_NONE
        elif extra < 0.3:
            one["flags"] = slow.POST_ONLY
        elif extra < 0.35:
            one["min_qty"] = r.randrange(1, qty + 1)
        return one

    def _named(self) -> Request:
        r = self.rng
        op = r.choice((slow.CANCEL, slow.CANCEL, slow.REDUCE))
        return request(
            op,
            id=self._live(),
            qty=r.randrange(20),
            user=r.randrange(100),
            instrument=self._instrument(),
            owner=self._owner(),
        )

    def _replace(self) -> Request:
        r = self.rng
        id = self._live()
        new_id = id
        if r.random() < 0.5:
            self.next_id += 1
            new_id = self.next_id if r.random() < 0.95 else self._live()
        return request(
            r.choice((slow.REPLACE, slow.MODIFY)),
            id=id,
            new_id=new_id,
            user=r.randrange(100),
            qty=r.randrange(1, 30) if r.random() < 0.98 else 0,
            px_nano=self._px(),
            stop_px_nano=r.choice((slow.PX_NONE, self._px())),
            show_qty=r.choice((0, 0, 0, 0, r.randrange(1, 12))),
            flags=r.choice((0, 0, 0, slow.TO_BACK)),
            instrument=self._instrument(),
            owner=self._owner(),
        )

    def _instrument(self) -> int:
        return self.rng.choices((slow.ALL, 0, 1, 9), (20, 5, 5, 1))[0]

    def _owner(self) -> int:
        return slow.ALL if self.rng.random() < 0.95 else self.rng.randrange(N_OWNERS)

    def _rare(self) -> Request:
        r = self.rng
        where = r.choice((slow.ALL, 0, 1))
        matches = list(self.oracle.matches)
        return r.choice(
            (
                request(
                    slow.MASS_CANCEL,
                    instrument=where,
                    side=r.randrange(3),
                    owner=r.choice((slow.ALL, 1, 2)),
                ),
                request(slow.PHASE, instrument=where, phase=r.randrange(4)),
                *(request(slow.PHASE, instrument=slow.ALL, phase=slow.OPEN) for _ in range(5)),
                request(slow.MATCHING, instrument=where, qty=0),
                *(request(slow.MATCHING, instrument=slow.ALL, qty=1) for _ in range(3)),
                request(slow.DAY_END, instrument=slow.ALL),
                request(slow.BUST, match=r.choice(matches) if matches else 1),
                request(slow.TIME),
            )
        )
