"""A matching engine as lists and loops: the slow oracle for csrc/rig/exchange, from what match.h
says.

A side is a list of orders in the order of their priority; a queue of stops is another. Whatever is
asked is looked for from the front, numbers are as large as they need be, nothing is cached. Events
are dicts with the members of struct rl_match_event. Where match.h leaves open which of several
reasons is told, `reason` is the set of those that may be.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from reference import slow_match_request as requests
from reference import slow_match_venue as venue
from reference.slow_match_order import (
    AGGRESSOR,
    BEST,
    BUST,
    BUY,
    CANCEL,
    DAY_END,
    DECREMENT,
    FOK,
    IN_AUCTION,
    LAST,
    LIMIT,
    MARKET,
    MASS_CANCEL,
    MATCHING,
    MODIFY,
    NEW,
    NEWEST,
    OLDEST,
    PHASE,
    POST_ONLY,
    PX_ANY,
    PX_NONE,
    REASONS,
    REDUCE,
    REPLACE,
    SELL,
    SHOWN,
    TIME,
    TRAILING_STOP_LIMIT,
    Event,
    Market,
    Order,
    Request,
    ends,
    first,
    makes,
    pairs,
)

HANDLERS = {
    NEW: requests.new,
    CANCEL: requests.cancel,
    REDUCE: requests.reduce,
    REPLACE: requests.replace,
    MODIFY: requests.replace,
    MASS_CANCEL: venue.mass_cancel,
    PHASE: venue.phase,
    DAY_END: venue.day_end,
    BUST: venue.bust,
    MATCHING: venue.matching,
}


class Slow:
    """The engine. `take` gives the events of a request."""

    def __init__(
        self,
        n_instruments: int = 1,
        *,
        trigger: int = LAST,
        tick: int = 1,
        max_qty: int = 2**63,
        n_owners: int = 256,
        n_trades: int = 1 << 10,
    ) -> None:
        self.markets = [Market() for _ in range(n_instruments)]
        self.trigger, self.tick, self.max_qty = trigger, tick, max_qty
        self.n_owners, self.n_trades = n_owners, n_trades
        self.now = self.seq = self.n_matches = 0
        self.op = NEW
        self.has_dates = False  # some order had one: else nobody need be asked
        self.events: list[Event] = []
        self.matches: dict[int, tuple[int, int, list[Order]]] = {}  # px, qty, buyer and seller

    def take(self, r: Request, now: int) -> list[Event]:
        self.events = []
        self.now = max(self.now, now)
        self.op = r["op"]
        venue.expire(self)
        if self.op != TIME:
            HANDLERS[self.op](self, r)
        return self.events

    # --- events -----------------------------------------------------------------------------------

    def tell(self, kind: str, order: Order | None = None, **members: Any) -> Event:
        """An event of that order as it is; nothing has happened to what it shows."""
        self.seq += 1
        event: Event = dict.fromkeys(
            (
                *("id", "other_id", "user", "match", "px_nano", "qty", "leaves", "shown"),
                *("shown_before", "done", "instrument", "owner", "side", "reason", "flags", "type"),
            ),
            0,
        )
        event |= {"seq": self.seq, "ts_ns": self.now, "kind": kind, "op": self.op, "reason": ""}
        if order is not None:
            for name in ("id", "user", "leaves", "shown", "done", "instrument", "owner"):
                event[name] = getattr(order, name)
            event["px_nano"] = order.stop_px if order.waits else order.px
            event["side"], event["type"] = order.side, order.type
            event["shown_before"] = order.shown
            event["flags"] = SHOWN if order.shown else 0
        event |= members
        self.events.append(event)
        return event

    def end(self, order: Order, kind: str, reason: str) -> None:
        """Of a live order, or of one that is arriving."""
        self.tell(kind, order, reason=reason, qty=order.leaves, leaves=0, shown=0)
        market = self.markets[order.instrument]
        if market.find(order.id) is order:
            market.drop(order)
        order.leaves = 0

    def take_off(self, order: Order, qty: int, reason: str) -> None:
        """The hidden part first; something is left."""
        shown = min(order.shown, order.leaves - qty) if not order.waits else 0
        self.tell("reduced", order, reason=reason, qty=qty, leaves=order.leaves - qty, shown=shown)
        order.leaves -= qty
        order.shown = shown

    # --- trades -----------------------------------------------------------------------------------

    def trade(self, first: Order, second: Order, qty: int, px: int, flags: int = 0) -> None:
        """`first` was there before; neither trades more than it shows, unless it is arriving."""
        market = self.markets[first.instrument]
        self.n_matches += 1
        market.last = px
        market.unasked.append(px)
        pair = [first, second] if first.side == BUY else [second, first]
        self.matches[self.n_matches] = (px, qty, [copy(order) for order in pair])
        self.matches.pop(self.n_matches - self.n_trades, None)
        empty = []
        for order, other in ((first, second), (second, first)):
            resting = order.shown > 0
            arrived = AGGRESSOR if order is second and not flags & IN_AUCTION else 0
            event = self.tell("fill", order, other_id=other.id, match=self.n_matches, qty=qty)
            order.leaves -= qty
            order.done += qty
            order.shown -= qty if resting else 0
            event |= {
                **{"px_nano": px, "leaves": order.leaves, "done": order.done},
                **{"shown": order.shown, "flags": event["flags"] | arrived | flags},
            }
            if resting and order.leaves == 0:
                market.drop(order)
            elif resting and order.shown == 0:
                empty.append(order)
        for order in empty:  # an iceberg shows its next part, behind all who are there
            market.drop(order)
            order.shown, order.age = min(order.show_qty, order.leaves), self.seq
            market.rest(order)
            self.tell("refilled", order, shown_before=0)

    def prevent(self, older: Order, younger: Order) -> None:
        """Both are the same owner's, and the younger one has a wish."""
        if younger.stp == DECREMENT:
            qty = min(older.leaves, younger.leaves)
            for order in (older, younger):
                if order.leaves == qty:
                    self.end(order, "cancelled", "self trade")
                else:
                    self.take_off(order, qty, "self trade")
            return
        if younger.stp != NEWEST:
            self.end(older, "cancelled", "self trade")
        if younger.stp != OLDEST:
            self.end(younger, "cancelled", "self trade")

    # --- arrival ----------------------------------------------------------------------------------

    def arrive(self, t: Order) -> None:
        market = self.markets[t.instrument]
        limit = self.limit_of(t)
        meets = market.trades and market.meets(t.side, limit)
        if meets and t.flags & POST_ONLY:
            self.end(t, "expired", "would trade")
            return
        whole = t.tif == FOK or t.is_whole
        there = self.count(t, limit) if meets else 0
        if t.min_qty > there and t.tif != FOK:
            self.end(t, "expired", "min qty")
            return
        if meets and not (whole and there < t.leaves):
            self._trade_all(t, limit)
        if t.leaves == 0:
            return
        if t.ends_at_once:
            why = "fok" if t.tif == FOK else "market" if t.type == MARKET else "ioc"
            self.end(t, "expired", why)
            return
        t.age = self.seq
        t.shown = min(t.leaves, t.show_qty) if t.show_qty else t.leaves
        market.rest(t)
        self.tell("rested", t, qty=t.leaves, shown_before=0)

    def limit_of(self, t: Order) -> int:
        if t.type != MARKET:
            return t.px
        best = self.markets[t.instrument].best(1 - t.side)
        if t.slippage < 0 or best == PX_NONE:
            return PX_ANY[t.side]
        return best + t.slippage if t.side == BUY else best - t.slippage

    def count(self, t: Order, limit: int) -> int:
        """What it would trade now: the queue is gone through as it would be, on a copy."""
        queue = [copy(o) for o in self.markets[t.instrument].sides[1 - t.side]]
        left = t.leaves
        while queue and left:
            o = queue.pop(0)
            if not (o.px <= limit if t.side == BUY else o.px >= limit):
                break
            if o.owner == t.owner and t.stp == OLDEST:
                continue
            if (o.owner == t.owner and t.stp) or (o.is_whole and o.leaves > left):
                break
            qty = min(o.shown, left)
            left -= qty
            o.leaves -= qty
            o.shown = min(o.show_qty, o.leaves)
            if o.leaves:
                n_ahead = sum(1 for other in queue if other.px == o.px)
                queue.insert(n_ahead, o)
        return t.leaves - left

    def _trade_all(self, t: Order, limit: int) -> None:
        market = self.markets[t.instrument]
        while t.leaves and market.meets(t.side, limit):
            o = market.sides[1 - t.side][0]
            if o.owner == t.owner and t.stp:
                self.prevent(o, t)
            elif o.is_whole and o.leaves > t.leaves:
                return
            else:
                self.trade(o, t, min(o.shown, t.leaves), o.px)

    # --- what follows -----------------------------------------------------------------------------

    def settle(self, market: Market) -> None:
        if not market.trades:
            return
        while True:
            self._resolve(market)
            due = self.first_due(market)
            if due is None:
                break
            self._trigger(market, due)
        market.unasked.clear()
        self._trail(market)

    def _resolve(self, market: Market) -> None:
        """Whoever stands inside the other side's prices trades, as far as all-or-none lets them."""
        while market.sides[BUY] and market.meets(BUY, market.best(BUY)):
            fronts = [side[0] for side in market.sides]
            if not any(o.is_whole for o in fronts):
                older, younger = sorted(fronts, key=lambda o: o.age)
                if older.owner == younger.owner and younger.stp:
                    self.prevent(older, younger)
                else:
                    self.trade(older, younger, min(o.shown for o in fronts), older.px)
                continue
            chain = self.chain(market)
            if chain is None:
                return
            self.pair_up(market, *chain)

    def chain(self, market: Market) -> tuple[int, int] | None:
        """(quantity, price): the smallest quantity that the first orders of both sides can make."""
        qty = min(
            (
                end
                for side in (BUY, SELL)
                for end in ends(market.sides[side])
                if all(makes(queue, end) for queue in market.sides)
            ),
            default=0,
        )
        if qty == 0:
            return None
        buys, sells = (first(queue, qty) for queue in market.sides)
        low, high = max(o.px for o in sells), min(o.px for o in buys)
        if low > high:
            return None
        for a, b, _ in pairs(buys, sells, qty):
            if a.owner == b.owner and max(a, b, key=lambda o: o.age).stp:
                return None
        leader = buys[0] if buys[0].is_whole else sells[0]
        return qty, min(max(leader.px, low), high)

    def pair_up(self, market: Market, qty: int, px: int, flags: int = 0) -> None:
        """The first orders of both sides trade so much at one price; an iceberg stays until all of
        it has, or the quantity is reached.
        """
        taking = [
            [o for o in queue if not (flags & IN_AUCTION and o.is_whole)] for queue in market.sides
        ]
        for buy, sell, part in pairs(*taking, qty):
            while part:
                step = min(part, buy.shown, sell.shown)
                self.trade(*sorted((buy, sell), key=lambda o: o.age), step, px, flags)
                part -= step

    # --- stops ------------------------------------------------------------------------------------

    def first_due(self, market: Market) -> Order | None:
        for side in (BUY, SELL):
            if not market.stops[side]:
                continue
            stop = market.stops[side][0].stop_px
            prices = market.unasked if self.trigger == LAST else [market.best(1 - side)]
            if any(px >= stop if side == BUY else px <= stop for px in prices if px != PX_NONE):
                return market.stops[side][0]
            if self.trigger == BEST and prices == [PX_NONE]:
                return market.stops[side][0]
        return None

    def _trigger(self, market: Market, order: Order) -> None:
        market.drop(order)
        order.type = LIMIT if order.has_limit else MARKET
        self.tell("triggered", order, px_nano=order.stop_px)
        self.arrive(order)

    def _trail(self, market: Market) -> None:
        for side in (BUY, SELL):
            trailing = sorted((o for o in market.stops[side] if o.trails), key=lambda o: o.arrived)
            for order in trailing:
                to = self.trailed(market, order)
                if to == order.stop_px:
                    continue
                market.drop(order)
                if order.type == TRAILING_STOP_LIMIT:
                    order.px += to - order.stop_px
                order.stop_px = to
                order.age = self.seq
                market.wait(order)
                self.tell("trailed", order)

    def trailed(self, market: Market, order: Order) -> int:
        best = market.best(1 - order.side)
        was = PX_ANY[order.side] if order.stop_px == PX_NONE else order.stop_px
        if PX_NONE in (best, market.last):
            return was
        near = max(best, market.last) if order.side == BUY else min(best, market.last)
        trail, step = order.trail, order.step
        if trail < 0:
            trail = max(near * -trail // 10000 // self.tick * self.tick, self.tick)
            step = near * -step // 10000
        to = near + trail if order.side == BUY else near - trail
        gain = was - to if order.side == BUY else to - was
        return to if gain > 0 and gain >= step else was

    def passed(self, market: Market, side: int, stop: int) -> bool:
        if self.trigger == BEST or market.last == PX_NONE:
            return False
        return market.last >= stop if side == BUY else market.last <= stop

    @staticmethod
    def reason_of(r: Request) -> str:
        return REASONS[r["reason"]] if r["reason"] < len(REASONS) else ""

    def refuse(self, r: Request, reasons: set[str]) -> None:
        names = ("id", "user", "instrument", "owner")
        event = self.tell("refused", reason=reasons, **{name: r[name] for name in names})
        if r["op"] in (REPLACE, MODIFY):
            event["other_id"] = r["new_id"]
        if r["op"] == BUST:
            event["match"] = r["match"]
