"""What a matching script led to, as text and as data."""

from __future__ import annotations

from collections.abc import Iterator

from engine.exchange.match import Event, EventFlag, Flag, Kind, Order, Type
from engine.market.books import PX_NONE, Side
from harness.exchange.script import NANO
from harness.exchange.script_run import Book, Happened, Level, Outcome

_WORDS = {
    Type.STOP: "stop",
    Type.STOP_LIMIT: "stop-limit",
    Type.TRAILING_STOP: "trailing stop",
    Type.TRAILING_STOP_LIMIT: "trailing stop-limit",
}


def price(px_nano: int) -> str:
    """As a script has it: 10, 10.25, -3."""
    whole, part = divmod(abs(px_nano), NANO)
    text = f"{whole}.{part:09}".rstrip("0").rstrip(".") if part else str(whole)
    return f"-{text}" if px_nano < 0 else text


# --- text -----------------------------------------------------------------------------------------


def as_text(outcome: Outcome) -> str:
    lines = [_event_text(happened) for happened in outcome.events or ()]
    for book in outcome.books:
        lines += _book_text(book)
    with_book = {book.symbol for book in outcome.books}
    lines += [f"no book {id} {name}" for id, name in outcome.symbols if id not in with_book]
    lines.append(f"trades {outcome.n_trades}, quantity {outcome.traded_qty}")
    lines.append(f"hash 0x{outcome.hash:016x}")
    return "\n".join(lines)


def _book_text(book: Book) -> Iterator[str]:
    yield f"book {book.symbol} {book.name}"
    for word, levels in (("bid", book.bids), ("ask", book.asks)):
        for level in levels:
            queue = " ".join(_queued(order) for order in level.orders)
            yield f"  {word} {price(level.px_nano)} {level.qty}  {queue}"
    for order in book.stops:
        yield f"  {_stop_text(order)}"
    if not (book.bids or book.asks or book.stops):
        yield "  empty"


def _queued(order: Order) -> str:
    hidden = order.leaves - order.shown
    return f"{order.id}:{order.shown}" + (f"+{hidden}" if hidden else "")


def _stop_text(order: Order) -> str:
    stop = "" if order.stop_px_nano is None else price(order.stop_px_nano)
    limit = "" if order.px_nano is None else f" limit {price(order.px_nano)}"
    return f"{_side(order.side)} {_WORDS[order.type]} {stop}{limit}  {order.id}:{order.leaves}"


def _event_text(happened: Happened) -> str:
    e = happened.event
    if e.kind == Kind.PHASED:
        return f"{happened.line}: symbol {happened.symbol}: {e.why}"
    if e.kind == Kind.MASS_CANCELLED:
        return f"{happened.line}: {e.qty} cancelled"
    words = [f"{happened.line}: {happened.id} {e.kind.name.lower()}", _side(e.side)]
    if e.kind in (Kind.FILL, Kind.BUSTED):
        words.append(f"{e.qty} at {price(e.px_nano)} with {happened.other_id}, trade {e.match}")
    elif e.kind == Kind.REPLACED:
        words.append(f"{e.leaves}{_at(e)}, was {happened.other_id}")
    elif e.kind in (Kind.RESTED, Kind.REFILLED):
        words.append(f"{e.shown}{_at(e)}")
    elif e.kind in (Kind.TRIGGERED, Kind.TRAILED):
        words.append(f"stop {price(e.px_nano)}")
    elif e.kind not in (Kind.REJECTED, Kind.REFUSED):
        words.append(str(e.qty))
    text = " ".join(words)
    if e.kind in (Kind.FILL, Kind.REDUCED):
        text += f", {e.leaves} left"
    return f"{text}: {e.why}" if e.reason else text


def _at(event: Event) -> str:
    return "" if event.px_nano == PX_NONE else f" at {price(event.px_nano)}"


def _side(side: int) -> str:
    return Side(side).name.lower()


# --- data -----------------------------------------------------------------------------------------


def as_json(outcome: Outcome, name: str) -> dict[str, object]:
    """Prices as numbers, beside them in 1e-9; the hash as text, since it has 64 bits."""
    data: dict[str, object] = {
        "file": name,
        "symbols": [{"id": id, "name": name} for id, name in outcome.symbols],
        "books": [_book_json(book) for book in outcome.books],
        "trades": outcome.n_trades,
        "traded_quantity": outcome.traded_qty,
        "hash": f"0x{outcome.hash:016x}",
        "errors": [{"line": one.line, "error": one.text} for one in outcome.failures],
    }
    if outcome.events is not None:
        data["events"] = [_event_json(happened) for happened in outcome.events]
    return data


def _book_json(book: Book) -> dict[str, object]:
    return {
        "symbol": book.symbol,
        "name": book.name,
        "bids": [_level_json(level) for level in book.bids],
        "asks": [_level_json(level) for level in book.asks],
        "stops": [_stop_json(order) for order in book.stops],
        "last_price": _number(book.last_px_nano),
    }


def _level_json(level: Level) -> dict[str, object]:
    return {
        "price": _number(level.px_nano),
        "price_nano": level.px_nano,
        "quantity": level.qty,
        "orders": [_order_json(order) for order in level.orders],
    }


def _order_json(order: Order) -> dict[str, object]:
    return {
        "id": order.id,
        "quantity": order.shown,
        "hidden": order.leaves - order.shown,
        "executed": order.done,
        "all_or_none": bool(order.flags & Flag.ALL_OR_NONE),
    }


def _stop_json(order: Order) -> dict[str, object]:
    return {
        "id": order.id,
        "side": _side(order.side),
        "type": _WORDS[order.type],
        "stop_price": _number(order.stop_px_nano),
        "price": _number(order.px_nano),
        "quantity": order.leaves,
    }


def _event_json(happened: Happened) -> dict[str, object]:
    e = happened.event
    return {
        "line": happened.line,
        "seq": e.seq,
        "event": e.kind.name.lower(),
        "symbol": happened.symbol,
        "id": happened.id,
        "other_id": happened.other_id,
        "side": _side(e.side),
        "trade": e.match,
        "price": None if e.px_nano == PX_NONE else _number(e.px_nano),
        "quantity": e.qty,
        "leaves": e.leaves,
        "shown": e.shown,
        "executed": e.done,
        "reason": e.why,
        "is_aggressor": bool(e.flags & EventFlag.AGGRESSOR),
    }


def _number(px_nano: int | None) -> int | float | None:
    if px_nano is None:
        return None
    whole, part = divmod(px_nano, NANO)
    return whole if part == 0 else px_nano / NANO
