"""Pre-trade risk as plain rules over unbounded integers: what the engine's chain must agree with.

Inputs, none of them changed:
  Order   one request; px None is a market order; qty in lots, prices in nano, times in ns.
  Rows    the limits that judge it, as mappings by the names of the C members (limits.h): `pair`,
          `account`, `strategy`, `venue`, `engine`; a rate is a mapping of per_s, burst, reserve.
          0 is missing and refuses; OFF64, OFF32 or OFF8, by the width of the member, is off.
  World   what is known at `now`: positions, cash and marks of the accounts, open orders as they
          are reserved (a replace that nobody answered: larger quantity, higher price), orders that
          left in the last window, credit of the five buckets in messages times 1e9 ns, the lowest
          and highest doubled mid of the collar period, states of the five scopes, what is latched.
`reasons` gives the names of all that fail (reason.h), in the order of the checks; none: it may go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

OFF64, OFF32, OFF8 = 2**64 - 1, 2**32 - 1, 2**8 - 1
UNIT = 10**9
BUY, SELL = 0, 1
DAY, GTC, IOC, FOK, GTD = range(5)
ACTIVE, REDUCE_ONLY, HALTED = range(3)
FORBIDDEN, LOCATED, FREE = 1, 2, 3
CANCEL_NEW, CANCEL_BOTH = 1, 3

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    account: int
    symbol: int
    strategy: int
    venue: int
    side: int
    qty: int
    px: int | None
    time_in_force: int = DAY
    expire_ns: int = 0


@dataclass(frozen=True, slots=True)
class Open:
    """An order at the venue: what it reserves, and the prices at which it may be met."""

    order: Order
    leaves: int
    reserved_px: int
    prices: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    pair: Row
    account: Row
    strategy: Row
    venue: Row
    engine: Row


@dataclass(frozen=True, slots=True)
class World:
    now: int
    bid: int | None
    offer: int | None
    bbo_at: int
    utc_ns: int = 0
    delay: int = 0
    session: bool = True
    clock: bool = True
    phase: bool = True
    book: bool = True
    low2: int = 0  # of the collar's period; 0: no reference was ever seen
    high2: int = 0
    net: Mapping[tuple[int, int], int] = field(default_factory=dict)  # by account and symbol
    cash: Mapping[int, int] = field(default_factory=dict)  # by account, executions only
    fees: Mapping[int, int] = field(default_factory=dict)
    marks: Mapping[int, tuple[int, int]] = field(default_factory=dict)  # symbol: price, when
    opens: tuple[Open, ...] = ()
    sent: tuple[tuple[int, Order], ...] = ()
    remembered: int = OFF32  # orders that the memory of duplicates holds
    credit: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # by name in Rows
    states: tuple[int, ...] = (ACTIVE,) * 5
    latched: frozenset[str] = frozenset()


def above(seen: int, limit: int, off: int = OFF64, unit: int = 1) -> bool:
    return limit != off and seen > limit * unit


def empty(rate: Row, credit: tuple[int, int], now: int) -> bool:
    if 0 in (rate["per_s"], rate["burst"], rate["reserve"]):
        return True
    if OFF32 in (rate["per_s"], rate["burst"]):
        return False
    kept = 0 if rate["reserve"] == OFF32 else rate["reserve"]
    level = min(credit[0] + max(now - credit[1], 0) * rate["per_s"], rate["burst"] * UNIT)
    return bool(level < (1 + kept) * UNIT)


def is_missing(row: Row) -> bool:
    """A zero where a limit belongs; `located` alone may be zero."""
    return any(
        is_missing(value) if isinstance(value, Mapping) else value == 0 and name != "located"
        for name, value in row.items()
    )


def collar_px(pair: Row, mid2: int) -> int:
    """What a market order may come to at most, rounded up."""
    ticks2 = (
        OFF64 if pair["collar_ticks"] == OFF32 else 2 * pair["collar_ticks"] * pair["tick_nano"]
    )
    away2 = min(ticks2, OFF64)
    if pair["collar_bps"] != OFF32:
        away2 = min(away2, mid2 * pair["collar_bps"] // 10000)
    return min((mid2 + away2 + 1) // 2, 2**63 - 1)


def meets(order: Order, px: int | None) -> bool:
    if order.px is None or px is None:
        return True
    return order.px >= px if order.side == BUY else order.px <= px


def is_nonsense(order: Order, pair: Row, world: World) -> bool:
    return (
        not 0 < order.qty < 2**63
        or order.qty % (pair["lot"] or 1) != 0
        or (order.px is not None and (order.px <= 0 or order.px % (pair["tick_nano"] or 1) != 0))
        or not DAY <= order.time_in_force <= GTD
        or (order.time_in_force != GTD and order.expire_ns != 0)
        or (order.time_in_force == GTD and not 0 < world.utc_ns < order.expire_ns)
    )


def reasons(order: Order, rows: Rows, world: World) -> list[str]:
    return list(dict.fromkeys(_failing(order, rows, world)))


def _failing(order: Order, rows: Rows, world: World) -> Iterator[str]:
    pair, account, now = rows.pair, rows.account, world.now
    has_book = (world.bid or 0) > 0 and (world.offer or 0) >= (world.bid or 0)
    bid, offer = (world.bid or 0, world.offer or 0) if has_book else (0, 0)
    mid2, far = bid + offer, offer if order.side == BUY else bid
    px = far if order.px is None else max(order.px, 0)
    value_px = px if order.px is not None else collar_px(pair, mid2) if has_book else 2**63 - 1
    money, sign = value_px * order.qty, 1 if order.side == BUY else -1
    is_old = above(abs(now - world.bbo_at), pair["md_age_ns"])

    mine = [o for o in world.opens if o.leaves and o.order.account == order.account]
    symbols = {s for a, s in world.net if a == order.account} | {o.order.symbol for o in mine}
    gross = high = low = profit = 0
    is_unmarked = is_stale = False
    for symbol in symbols | {order.symbol}:
        held = world.net.get((order.account, symbol), 0)
        buys, sells = (
            sum(o.leaves for o in mine if (o.order.symbol, o.order.side) == (symbol, side))
            for side in (BUY, SELL)
        )
        if symbol == order.symbol:
            net, work = held, (buys, sells)
        if symbol not in world.marks:
            is_unmarked |= bool(held or buys or sells)
            continue
        mark, marked_at = world.marks[symbol]
        gross += abs(mark) * max(held + buys, sells - held)
        high, low = high + abs(mark) * (held + buys), low + abs(mark) * (held - sells)
        profit += held * mark
        is_stale |= held != 0 and above(now - marked_at, account["mark_age_ns"])
    profit += world.cash.get(order.account, 0) - world.fees.get(order.account, 0)
    before, other = sign * net + work[order.side], -sign * net + work[1 - order.side]
    reach = before + order.qty

    if max(world.states) == HALTED or (max(world.states) == REDUCE_ONLY and reach > 0):
        yield "STATE"
    if not (world.session and world.clock):
        yield "SESSION"
    allowed = (pair["strategies"] >> order.strategy) & (pair["venues"] >> order.venue)
    if not (allowed & (pair["sides"] >> order.side) & 1 and world.phase):
        yield "PERMISSION"
    if is_nonsense(order, pair, world):
        yield "FIELD"
    if above(order.qty, pair["max_qty"]):
        yield "QTY"
    if above(money, pair["max_notional"], unit=UNIT):
        yield "NOTIONAL"
    away2, moved = abs(2 * px - mid2), pair["moved_bps"]
    if (
        not has_book
        or is_old
        or above(away2 * 10000, pair["collar_bps"], OFF32, mid2)
        or above(away2, pair["collar_ticks"], OFF32, 2 * (pair["tick_nano"] or 1))
        or above(2 * px * 10000, 10000 + moved, 10000 + OFF32, world.low2)
        or (moved != OFF32 and 2 * px * 10000 < world.high2 * (10000 - moved))
    ):
        yield "COLLAR"
    through = sign * (px - far)
    if not has_book or above(max(through, 0), pair["cross_ticks"], OFF32, pair["tick_nano"] or 1):
        yield "CROSS"
    if pair["duplicates"] != OFF32:
        window = [o for at, o in world.sent if now - at <= pair["duplicates_window_ns"]]
        key = (order.account, order.symbol, order.side, order.qty, order.px)
        alike = sum((o.account, o.symbol, o.side, o.qty, o.px) == key for o in window)
        if alike >= pair["duplicates"] or len(window) >= world.remembered:
            yield "DUPLICATE"
    full = (0, -(2**63))  # a bucket that rests since ever
    for name in ("pair", "account", "strategy", "venue", "engine"):
        if empty(getattr(rows, name)["rate"], world.credit.get(name, full), now):
            yield "RATE"
    yield from (name for name in ("EXECUTIONS",) if name in world.latched)
    if reach > (pair["max_long"] if order.side == BUY else pair["max_short"]):
        yield "POSITION"
    size = abs(world.marks[order.symbol][0]) if order.symbol in world.marks else 0
    worse = max(reach, other) - max(before, other)
    paid = -world.cash.get(order.account, 0)
    paid += sum(o.leaves * o.reserved_px for o in mine if o.order.side == BUY)
    if (
        order.symbol not in world.marks
        or reach >= 2**63
        or (worse and above(gross + size * worse, account["max_gross"], unit=UNIT))
        or above(
            (high if order.side == BUY else -low) + size * order.qty,
            account["max_net"],
            OFF64,
            UNIT,
        )
        or (order.side == BUY and money and above(paid + money, account["max_credit"], OFF64, UNIT))
    ):
        yield "EXPOSURE"
    if above(-profit, account["max_loss"], unit=UNIT) or is_unmarked or is_stale:
        yield "LOSS"
    live = [o.order for o in world.opens if o.leaves]
    counts = (
        (sum(o.order.symbol == order.symbol for o in mine), pair),
        (len(mine), account),
        (sum(o.strategy == order.strategy for o in live), rows.strategy),
        (sum(o.venue == order.venue for o in live), rows.venue),
        (len(live), rows.engine),
    )
    notional = sum(o.leaves * o.reserved_px for o in mine) + money
    if any(above(n + 1, row["max_open"], OFF32) for n, row in counts) or above(
        notional, account["max_open_notional"], unit=UNIT
    ):
        yield "OPEN"
    if pair["self_trade"] != OFF8 and any(
        o.leaves
        and (o.order.symbol, o.order.side) == (order.symbol, 1 - order.side)
        and o.order.time_in_force not in (IOC, FOK)
        and any(meets(order, px) for px in o.prices)
        for o in world.opens
    ):
        yield "SELF_TRADE"
    short = {LOCATED: pair["located"], FREE: OFF64}.get(pair["short_rule"], 0)
    if order.side == SELL and reach > short:
        yield "SHORT_SALE"
    yield from (name for name in ("RATIO",) if name in world.latched)
    if is_old or not world.book or above(world.delay, rows.engine["queue_delay_ns"]):
        yield "FRESHNESS"
    if any(map(is_missing, (pair, account, rows.strategy, rows.venue, rows.engine))):
        yield "LIMITS"
