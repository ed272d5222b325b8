"""What the venue itself does in the slow matching engine: phases and auctions, mass cancels, ends
of days and dates, busts. Written from match.h as slow_match.py is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reference.slow_match_order import (
    ALL,
    AT_OPEN,
    BUY,
    CLOSED,
    GTC,
    GTD,
    IN_AUCTION,
    OPEN,
    PX_NONE,
    SELL,
    Market,
    Order,
    Request,
)

if TYPE_CHECKING:
    from reference.slow_match import Slow

BOTH_SIDES = 2


def _meant(slow: Slow, r: Request) -> list[Market] | None:
    """The instruments that a request means; None, refused: it means none."""
    if r["instrument"] == ALL:
        return slow.markets
    if r["instrument"] >= len(slow.markets):
        slow.refuse(r, {"unknown instrument"})
        return None
    return [slow.markets[r["instrument"]]]


def mass_cancel(slow: Slow, r: Request) -> None:
    """Buys before sells, best price first, then stops."""
    markets = _meant(slow, r)
    if markets is None:
        return
    if r["side"] > BOTH_SIDES or (r["owner"] >= slow.n_owners and r["owner"] != ALL):
        slow.refuse(r, {"bad order"})
        return
    reason = slow.reason_of(r) or "mass cancel"
    n = 0
    for market in markets:
        for order in _in_turn(market, [BUY, SELL] if r["side"] == BOTH_SIDES else [r["side"]]):
            if r["owner"] in (ALL, order.owner):
                slow.end(order, "cancelled", reason)
                n += 1
    names = ("id", "user", "owner", "instrument", "side")
    slow.tell("mass cancelled", reason=reason, qty=n, **{name: r[name] for name in names})
    for market in markets:
        slow.settle(market)


def _in_turn(market: Market, sides: Iterable[int]) -> list[Order]:
    shown = [order for side in sides for order in market.sides[side]]
    return shown + [order for side in sides for order in market.stops[side]]


def day_end(slow: Slow, r: Request) -> None:
    """What is not to live longer expires: all but GTC and GTD."""
    for market in slow.markets:
        for order in _in_turn(market, (BUY, SELL)):
            if order.tif not in (GTC, GTD):
                slow.end(order, "expired", "day over")
    for market in slow.markets:
        slow.settle(market)


def expire(slow: Slow) -> None:
    """What has reached its date ends, the earliest date first, then the oldest order."""
    if not slow.has_dates:
        return
    orders = [
        order
        for market in slow.markets
        for order in _in_turn(market, (BUY, SELL))
        if order.tif == GTD and order.expire_ns <= slow.now
    ]
    for order in sorted(orders, key=lambda o: (o.expire_ns, o.arrived)):
        if order.leaves:  # what followed from the end of another may have filled it
            slow.end(order, "expired", "date")
            slow.settle(slow.markets[order.instrument])


def phase(slow: Slow, r: Request) -> None:
    markets = _meant(slow, r)
    if markets is None:
        return
    if r["phase"] > CLOSED:
        slow.refuse(r, {"bad order"})
        return
    for market in markets:
        opens = market.phase != OPEN and r["phase"] == OPEN
        market.phase = r["phase"]
        _tell_phase(slow, market)
        if not opens:
            continue
        if not market.is_off:
            _uncross(slow, market)
        for order in _in_turn(market, (BUY, SELL)):
            if order.tif == AT_OPEN:
                slow.end(order, "expired", "auction over")
        slow.settle(market)


def matching(slow: Slow, r: Request) -> None:
    for market in _meant(slow, r) or []:
        market.is_off = r["qty"] == 0
        _tell_phase(slow, market)
        slow.settle(market)


def _tell_phase(slow: Slow, market: Market) -> None:
    slow.tell(
        "phase",
        instrument=slow.markets.index(market),
        owner=ALL,
        px_nano=market.last,
        qty=int(not market.is_off),
        reason=market.phase,
    )


def _uncross(slow: Slow, market: Market) -> None:
    """Everything that crosses trades at one price: the best by match.h's four questions."""
    sides = [[o for o in side if not o.is_whole] for side in market.sides]
    prices = {o.px for side in market.sides for o in side}  # also of those who take no part
    outcomes = []
    for px in prices:
        bought, sold = (sum(o.leaves for o in side if o.accepts(px)) for side in sides)
        distance = 0 if market.last == PX_NONE else abs(px - market.last)
        outcomes.append((-min(bought, sold), abs(bought - sold), distance, px))
    best = min(outcomes, default=(0, 0, 0, 0))
    if best[0] < 0:
        slow.pair_up(market, -best[0], best[3], IN_AUCTION)


def bust(slow: Slow, r: Request) -> None:
    if r["match"] not in slow.matches:
        slow.refuse(r, {"unknown trade"})
        return
    px, qty, orders = slow.matches[r["match"]]
    if r["owner"] not in (ALL, *(order.owner for order in orders)):
        slow.refuse(r, {"not owner"})
        return
    del slow.matches[r["match"]]
    for order, other in (orders, orders[::-1]):
        slow.tell(
            "busted",
            id=order.id,
            other_id=other.id,
            user=order.user,
            match=r["match"],
            px_nano=px,
            qty=qty,
            instrument=order.instrument,
            owner=order.owner,
            side=order.side,
            reason="venue",
        )
