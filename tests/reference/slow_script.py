"""Matching scripts on the slow matching engine: the plain commands, a line after the other.

Beside harness.exchange it shares nothing with: its own reading of a line, its own books. Prices are
whole numbers, as they stand in a script.
"""

from __future__ import annotations

from reference import slow_match_order as slow
from reference.match_pair import request
from reference.slow_match import Slow

# What an order is, and what its numbers behind id and symbol are.
ORDERS = {
    "add limit": (slow.LIMIT, slow.GTC, "px_nano qty"),
    "add ioc limit": (slow.LIMIT, slow.IOC, "px_nano qty"),
    "add fok limit": (slow.LIMIT, slow.FOK, "px_nano qty"),
    "add aon limit": (slow.LIMIT, slow.GTC, "px_nano qty"),
    "add market": (slow.MARKET, slow.GTC, "qty"),
    "add slippage market": (slow.MARKET, slow.GTC, "qty slippage_nano"),
    "add stop": (slow.STOP, slow.GTC, "stop_px_nano qty"),
    "add stop-limit": (slow.STOP_LIMIT, slow.GTC, "stop_px_nano px_nano qty"),
    "add trailing stop": (
        slow.TRAILING_STOP,
        slow.GTC,
        "stop_px_nano qty trail_nano trail_step_nano",
    ),
    "add trailing stop-limit": (
        slow.TRAILING_STOP_LIMIT,
        slow.GTC,
        "stop_px_nano px_nano qty trail_nano trail_step_nano",
    ),
}

Level = tuple[int, list[tuple[int, int]]]  # price, and (id, quantity) in the order of priority
SlowBook = dict[str, list[Level]]


def books_of(text: str) -> dict[int, SlowBook]:
    """{symbol: {"bids", "asks", "buy stops", "sell stops"}} of the books that are left."""
    engine = Slow(4, trigger=slow.BEST)
    _take(engine, slow.MATCHING, qty=0, instrument=slow.ALL)
    books: list[int] = []
    traded_before: dict[int, int] = {}  # of an order that was replaced: it counts no more
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("exit", "quit"):
            break
        numbers = [int(word) for word in words if word.isdigit()]
        verb = " ".join(word for word in words if not word.isdigit() and word != "X")
        if verb in ("enable matching", "disable matching"):
            _take(engine, slow.MATCHING, qty=int(verb.startswith("enable")), instrument=slow.ALL)
        elif verb == "add book":
            books.append(numbers[0])
        elif verb == "delete book":
            books.remove(numbers[0])
            _take(engine, slow.MASS_CANCEL, instrument=numbers[0], side=2)
        elif verb.endswith(" order"):
            _change(engine, verb, numbers, traded_before)
        elif not verb.startswith(("add symbol", "delete symbol")):
            side = slow.SELL if words[-len(numbers) - 1] == "sell" else slow.BUY
            _add(engine, verb.rsplit(" ", 1)[0], side, numbers)
    return {symbol: _book(engine, symbol) for symbol in books}


def _take(engine: Slow, op: int, **members: int) -> None:
    engine.take(request(op, **members), 0)


def _add(engine: Slow, verb: str, side: int, numbers: list[int]) -> None:
    type, tif, names = ORDERS[verb]
    id, symbol, *rest = numbers
    values = dict(zip(names.split(), rest, strict=True))
    flags = slow.ALL_OR_NONE if "aon" in verb else 0
    members = {"id": id, "instrument": symbol, "side": side, "type": type, "tif": tif}
    _take(engine, slow.NEW, **members, flags=flags, owner=0, **values)


def _change(engine: Slow, verb: str, numbers: list[int], before: dict[int, int]) -> None:
    id, *rest = numbers
    at = {"id": id, "instrument": slow.ALL}
    if verb == "delete order":
        _take(engine, slow.CANCEL, **at)
    elif verb == "reduce order":
        _take(engine, slow.REDUCE, **at, qty=rest[0])
    else:
        new_id = rest.pop(0) if verb == "replace order" else id
        qty = rest[1] + before.get(id, 0) if verb == "mitigate order" else rest[1]
        op = slow.MODIFY if verb == "mitigate order" else slow.REPLACE
        order = next((o for m in engine.markets if (o := m.find(id))), None)
        if verb == "replace order" and order:
            if order.waits:  # a stop is modified, or deleted
                return
            before[new_id] = order.done
        _take(engine, op, **at, new_id=new_id, px_nano=rest[0], qty=qty, flags=slow.TO_BACK)


def _book(engine: Slow, symbol: int) -> SlowBook:
    market = engine.markets[symbol]
    queues = {
        "bids": [(o.px, o.id, o.leaves) for o in market.sides[slow.BUY]],
        "asks": [(o.px, o.id, o.leaves) for o in market.sides[slow.SELL]],
        "buy stops": [(o.stop_px, o.id, o.leaves) for o in market.stops[slow.BUY]],
        "sell stops": [(o.stop_px, o.id, o.leaves) for o in market.stops[slow.SELL]],
    }
    book: SlowBook = {}
    for name, orders in queues.items():
        levels: dict[int, list[tuple[int, int]]] = {}
        for px, id, qty in orders:
            levels.setdefault(px, []).append((id, qty))
        book[name] = list(levels.items())
    return book
