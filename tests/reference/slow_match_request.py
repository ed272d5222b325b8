"""What the slow matching engine is asked for one order: whether it may be, what becomes of it.

Written from match.h as slow_match.py is.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from reference.slow_match_order import (
    ALL,
    ALL_OR_NONE,
    AT_OPEN,
    AUCTION,
    CLOSED,
    FOK,
    GTD,
    HALTED,
    IOC,
    KEPT_PLACE,
    LIMIT,
    MARKET,
    MODIFY,
    POST_ONLY,
    PX_NONE,
    SHOWN,
    STOP,
    STOP_LIMIT,
    TO_BACK,
    TRAILING_STOP,
    TRAILING_STOP_LIMIT,
    Market,
    Order,
    Request,
)

if TYPE_CHECKING:
    from reference.slow_match import Slow


def new(slow: Slow, r: Request) -> None:
    reasons = _judge(slow, r)
    if reasons:
        names = ("id", "user", "qty", "instrument", "owner", "side", "type", "px_nano")
        slow.tell("rejected", reason=reasons, **{name: r[name] for name in names})
        return
    order = Order(
        *(r[name] for name in ("id", "user", "owner", "instrument", "side", "type")),
        *(r["tif"], r["stp"], r["flags"], PX_NONE, r["qty"]),
        show_qty=r["show_qty"] if r["show_qty"] < r["qty"] else 0,
        min_qty=r["min_qty"],
        expire_ns=r["expire_ns"],
        slippage=r["slippage_nano"],
        stop_px=r["stop_px_nano"],
        trail=r["trail_nano"],
        step=r["trail_step_nano"],
        arrived=slow.seq,
    )
    order.px = r["px_nano"] if order.has_limit else PX_NONE
    market = slow.markets[order.instrument]
    slow.has_dates = slow.has_dates or order.tif == GTD
    if order.trails:
        to = slow.trailed(market, order)
        if order.has_limit:
            order.px += to - order.stop_px
        order.stop_px = to
    slow.tell("accepted", order, qty=order.leaves)
    if order.waits:
        if not any(market.stops):
            market.unasked.clear()  # what was traded before is nothing to it
        order.age = slow.seq
        market.wait(order)
    else:
        slow.arrive(order)
    slow.settle(market)


def _judge(slow: Slow, r: Request) -> set[str]:
    """Why a new order is rejected: all reasons that hold."""
    if r["instrument"] >= len(slow.markets):
        return {"unknown instrument"}
    market = slow.markets[r["instrument"]]
    why = set()
    type, flags = r["type"], r["flags"]
    if r["owner"] >= slow.n_owners or not _is_sound(slow, r, market):
        why.add("bad order")
    if market.phase in (HALTED, CLOSED):
        why.add("halted" if market.phase == HALTED else "closed")
    if not 0 < r["qty"] <= slow.max_qty or r["min_qty"] > r["qty"]:
        why.add("bad quantity")
    if type in (LIMIT, STOP_LIMIT, TRAILING_STOP_LIMIT) and not _is_price(slow, r["px_nano"]):
        why.add("bad price")
    is_late = type == TRAILING_STOP and r["stop_px_nano"] == PX_NONE
    if type >= STOP and not is_late and not _is_price(slow, r["stop_px_nano"]):
        why.add("bad price")
    if type >= TRAILING_STOP and r["trail_nano"] % slow.tick and r["trail_nano"] > 0:
        why.add("bad price")
    if r["tif"] == GTD and r["expire_ns"] <= slow.now:
        why.add("date")
    if market.find(r["id"]):
        why.add("duplicate")
    if not why and type >= STOP:
        probe = Order(0, 0, 0, 0, r["side"], type, 0, 0, 0, 0, 0, 0, 0, 0)
        probe.stop_px, probe.trail = r["stop_px_nano"], r["trail_nano"]
        probe.step = r["trail_step_nano"]
        stop = slow.trailed(market, probe) if type >= TRAILING_STOP else probe.stop_px
        if slow.passed(market, r["side"], stop):
            why.add("stop passed")
    crosses = type == LIMIT and market.meets(r["side"], r["px_nano"])
    if flags & POST_ONLY and crosses and market.trades:
        why.add("would trade")
    return why


def _is_price(slow: Slow, px: int) -> bool:
    return px != PX_NONE and px % slow.tick == 0


def _is_sound(slow: Slow, r: Request, market: Market) -> bool:
    """Whether the conditions of an order can be combined."""
    type, tif, flags = r["type"], r["tif"], r["flags"]
    at_once = type == MARKET or tif in (IOC, FOK)
    has_limit = type in (LIMIT, STOP_LIMIT, TRAILING_STOP_LIMIT)
    is_iceberg = 0 < r["show_qty"] < r["qty"]
    trail, step = r["trail_nano"], r["trail_step_nano"]
    return not (
        (flags & ~(POST_ONLY | ALL_OR_NONE))
        or (not has_limit and (flags or r["show_qty"]))
        or (flags & POST_ONLY and (at_once or r["min_qty"]))
        or (flags & ALL_OR_NONE and (r["min_qty"] or is_iceberg))
        or (tif == AT_OPEN and market.phase != AUCTION)
        or (tif == AT_OPEN and (type != LIMIT or flags & ALL_OR_NONE or r["min_qty"]))
        or (type >= TRAILING_STOP and trail > 0 and step < 0)
        or (type >= TRAILING_STOP and trail <= 0 and not -10000 <= trail < 0)
        or (type >= TRAILING_STOP and trail <= 0 and not -10000 <= step <= 0)
    )


def _named(slow: Slow, r: Request) -> Order | None:
    if r["instrument"] != ALL and r["instrument"] >= len(slow.markets):
        slow.refuse(r, {"unknown instrument"})
        return None
    places = slow.markets if r["instrument"] == ALL else [slow.markets[r["instrument"]]]
    order = next((o for market in places if (o := market.find(r["id"]))), None)
    if order is None:
        slow.refuse(r, {"unknown order"})
    elif r["owner"] not in (order.owner, ALL):
        slow.refuse(r, {"not owner"})
        return None
    return order


def cancel(slow: Slow, r: Request) -> None:
    order = _named(slow, r)
    if order is not None:
        slow.end(order, "cancelled", slow.reason_of(r) or "requested")
        slow.settle(slow.markets[order.instrument])


def reduce(slow: Slow, r: Request) -> None:
    order = _named(slow, r)
    if order is None:
        return
    if r["qty"] == 0:
        slow.refuse(r, {"bad quantity"})
        return
    if r["qty"] >= order.leaves:
        slow.end(order, "cancelled", "requested")
    else:
        slow.take_off(order, r["qty"], "requested")
    slow.settle(slow.markets[order.instrument])


def replace(slow: Slow, r: Request) -> None:
    order = _named(slow, r)
    if order is None:
        return
    market = slow.markets[order.instrument]
    qty = r["qty"] - order.done if r["op"] == MODIFY else r["qty"]
    why = set()
    if market.phase in (HALTED, CLOSED):
        why.add("halted" if market.phase == HALTED else "closed")
    elif r["op"] == MODIFY and 0 < r["qty"] <= order.done:
        slow.end(order, "cancelled", "requested")
        slow.settle(market)
        return
    if r["qty"] == 0 or qty + order.done > slow.max_qty:
        why.add("bad quantity")
    if order.has_limit and not _is_price(slow, r["px_nano"]):
        why.add("bad price")
    if r["show_qty"] and (not order.has_limit or (order.is_whole and r["show_qty"] < qty)):
        why.add("bad order")
    if r["new_id"] != r["id"] and market.find(r["new_id"]):
        why.add("duplicate")
    if not why and not order.waits and order.flags & POST_ONLY:
        stays = r["px_nano"] == order.px and qty <= order.leaves
        if not stays and market.trades and market.meets(order.side, r["px_nano"]):
            why.add("would trade")
    if why:
        slow.refuse(r, why)
    elif order.waits:
        _replace_stop(slow, r, order, qty)
    else:
        _replace_resting(slow, r, order, qty)
    slow.settle(market)


def _replace_resting(slow: Slow, r: Request, order: Order, qty: int) -> None:
    market = slow.markets[order.instrument]
    was = order.shown
    wish = r["show_qty"] if r["show_qty"] < qty else 0
    shown = min(wish or qty, qty)
    if wish and wish == order.show_qty:
        shown = min(was, qty)  # what has traded of the part is not shown again
    stays = r["px_nano"] == order.px and qty <= order.leaves and shown <= was
    stays = stays and not r["flags"] & TO_BACK
    if not stays:
        market.drop(order)
        shown = min(wish or qty, qty)
    order.id, order.user, order.px = r["new_id"], r["user"], r["px_nano"]
    order.leaves, order.show_qty = qty, wish
    meets = market.trades and market.meets(order.side, order.px)
    order.shown = 0 if meets and not stays else shown
    event = slow.tell("replaced", order, other_id=r["id"], qty=qty, shown_before=was)
    event["flags"] = SHOWN | (KEPT_PLACE if stays else 0)
    if stays:
        return
    if meets:
        order.min_qty = 0
        slow.arrive(order)
    else:
        order.age = slow.seq - 1
        market.rest(order)


def _replace_stop(slow: Slow, r: Request, order: Order, qty: int) -> None:
    market = slow.markets[order.instrument]
    was = order.stop_px
    wanted = was if r["stop_px_nano"] == PX_NONE else r["stop_px_nano"]
    if wanted != was and not _is_price(slow, wanted):
        slow.refuse(r, {"bad price"})
        return
    moved = copy(order)
    moved.stop_px = wanted
    if moved.trails:
        moved.stop_px = slow.trailed(market, moved)
    if slow.passed(market, order.side, moved.stop_px):
        slow.refuse(r, {"stop passed"})
        return
    stays = moved.stop_px == was and qty <= order.leaves and not r["flags"] & TO_BACK
    if not stays:
        market.drop(order)
    order.id, order.user, order.leaves = r["new_id"], r["user"], qty
    order.stop_px = moved.stop_px
    order.show_qty = r["show_qty"] if r["show_qty"] < qty else 0
    if order.has_limit:
        order.px = r["px_nano"] + moved.stop_px - wanted
    if not stays:
        order.age = slow.seq
        market.wait(order)
    event = slow.tell("replaced", order, other_id=r["id"], qty=qty)
    event["flags"] |= KEPT_PLACE if stays else 0
