"""Running a matching script on the matching engine: what was traded, and the books it leaves.

What a script calls an order is its id in the engine too, with one exception: a market, IOC or FOK
order leaves nothing behind, so it may be called like one that rests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.exchange.match import (
    ALL,
    ANYBODY,
    BOTH_SIDES,
    PX,
    Event,
    Flag,
    Kind,
    Matcher,
    Order,
    Phase,
    Stp,
    Tif,
    Trigger,
    Type,
)
from engine.market.books import Side
from harness.errors import RedlineError
from harness.exchange.script import Command, Script, Value

MAX_BOOKS = 1 << 14
OWN_IDS = 1 << 63  # ids from here on name orders whose id in the script is taken
_TYPES = {
    "add limit": Type.LIMIT,
    "add ioc limit": Type.LIMIT,
    "add fok limit": Type.LIMIT,
    "add aon limit": Type.LIMIT,
    "add market": Type.MARKET,
    "add slippage market": Type.MARKET,
    "add stop": Type.STOP,
    "add stop-limit": Type.STOP_LIMIT,
    "add trailing stop": Type.TRAILING_STOP,
    "add trailing stop-limit": Type.TRAILING_STOP_LIMIT,
}
_TIFS = {"day": Tif.DAY, "ioc": Tif.IOC, "fok": Tif.FOK, "until": Tif.GTD, "at-open": Tif.AT_OPEN}
_ENDS = (Kind.CANCELLED, Kind.EXPIRED, Kind.REJECTED)


@dataclass(frozen=True, slots=True)
class Level:
    px_nano: int
    qty: int  # that is shown
    orders: tuple[Order, ...]  # in the order of their priority


@dataclass(frozen=True, slots=True)
class Book:
    symbol: int
    name: str
    bids: tuple[Level, ...]  # best first
    asks: tuple[Level, ...]
    stops: tuple[Order, ...]  # buys before sells, the first to be triggered first
    last_px_nano: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Happened:
    """An event, by the names of the script."""

    line: int
    symbol: int
    id: int
    other_id: int
    event: Event


@dataclass(frozen=True, slots=True)
class Outcome:
    symbols: tuple[tuple[int, str], ...]
    books: tuple[Book, ...]  # also of symbols that were deleted
    n_trades: int
    traded_qty: int
    hash: int
    failures: tuple[Failure, ...]
    events: tuple[Happened, ...] | None  # None: nobody asked


class Refused(Exception):
    """The exchange does not do what a command says."""


def run(script: Script, *, keep_events: bool = False) -> Outcome:
    """The commands one after the other; what is refused changes nothing, and the script goes on.

    RedlineError when the script needs more books than there can be.
    """
    runner = _Runner(script, keep_events)
    for command in script:
        runner.take(command)
    return runner.outcome()


class _Runner:
    def __init__(self, script: Script, keep_events: bool) -> None:
        if len(script.symbols) > MAX_BOOKS:
            raise RedlineError(f"{len(script.symbols)} books are too many: {MAX_BOOKS} at most")
        n_orders = script.n_orders + 1
        self.matcher = Matcher(
            max(1, len(script.symbols)),
            n_orders,
            n_stops=script.n_stops + 1,
            n_levels_per_side=n_orders,
            trigger=Trigger.BEST,
        )
        self.instruments: dict[int, int] = {}  # symbol: the engine's number, also of deleted books
        self.symbols: dict[int, str] = {}
        self.books: dict[int, str] = {}
        self.live: dict[int, int] = {}  # id: instrument
        self.done: dict[int, int] = {}  # id: what had traded when it came from a replaced order
        self.own: dict[int, int] = {}  # ids of the engine: of the script
        self.line = 0
        self.n_trades = self.traded_qty = 0
        self.failures: list[Failure] = []
        self.events: list[Happened] = []
        self.keep_events = keep_events
        self._hear(self.matcher.matching(False))  # until the script enables it

    def take(self, command: Command) -> None:
        self.line = command.line
        try:
            if command.verb in _TYPES:
                self._add(command)
            else:
                _VERBS[command.verb](self, command)
        except Refused as why:
            self.failures.append(Failure(command.line, f"{command.verb}: {why}"))

    def outcome(self) -> Outcome:
        what = self.matcher.check()
        assert what is None, what
        return Outcome(
            symbols=tuple(sorted(self.symbols.items())),
            books=tuple(self._book(symbol) for symbol in sorted(self.books)),
            n_trades=self.n_trades,
            traded_qty=self.traded_qty,
            hash=self.matcher.hash(),
            failures=tuple(self.failures),
            events=tuple(self.events) if self.keep_events else None,
        )

    # --- symbols and books ------------------------------------------------------------------------

    def add_symbol(self, command: Command) -> None:
        symbol = _number(command, "SYMBOL")
        if symbol in self.symbols:
            raise Refused(f"symbol {symbol} exists")
        self.symbols[symbol] = str(command.arguments["NAME"])

    def delete_symbol(self, command: Command) -> None:
        symbol = _number(command, "SYMBOL")
        if symbol not in self.symbols:
            raise Refused(f"no symbol {symbol}")
        del self.symbols[symbol]  # its book goes on: orders in it are somebody's

    def add_book(self, command: Command) -> None:
        symbol = _number(command, "SYMBOL")
        if symbol not in self.symbols:
            raise Refused(f"no symbol {symbol}")
        if symbol in self.books:
            raise Refused(f"book {symbol} exists")
        self.books[symbol] = self.symbols[symbol]
        self.instruments.setdefault(symbol, len(self.instruments))

    def delete_book(self, command: Command) -> None:
        instrument = self._instrument(_number(command, "SYMBOL"))
        self._hear(self.matcher.mass_cancel(instrument=instrument))
        del self.books[_number(command, "SYMBOL")]

    # --- orders -----------------------------------------------------------------------------------

    def _add(self, command: Command) -> None:
        arguments, options = command.arguments, command.options
        id = _number(command, "ID")
        instrument = self._instrument(_number(command, "SYMBOL"))
        tif = _tif(command)
        leaves_nothing = tif in (Tif.IOC, Tif.FOK) or _TYPES[command.verb] == Type.MARKET
        if id == 0:
            raise Refused("an id is not 0")
        if id in self.live:
            if not leaves_nothing:
                raise Refused(f"order {id} exists")
            self.own[OWN_IDS + command.line] = id
            id = OWN_IDS + command.line
        self._hear(
            self.matcher.new(
                id,
                Side[str(arguments["SIDE"]).upper()],
                _number(command, "QTY"),
                _or_none(arguments.get("PRICE")),
                instrument=instrument,
                type=_TYPES[command.verb],
                tif=tif,
                stop_px_nano=_or_none(arguments.get("STOP")),
                slippage_nano=int(arguments.get("SLIPPAGE", -1)),
                trail_nano=int(arguments.get("DISTANCE", 0)),
                trail_step_nano=int(arguments.get("STEP", 0)),
                show_qty=int(options.get("show", 0)),
                min_qty=int(options.get("min", 0)),
                expire_ns=int(options.get("until", 0)),
                owner=int(options.get("owner", 0)),
                stp=Stp[str(options.get("stp", "none")).upper()],
                flags=_flags(command),
            )
        )

    def delete_order(self, command: Command) -> None:
        id, instrument = self._order(command)
        self._hear(self.matcher.cancel(id, instrument=instrument))

    def delete_orders(self, command: Command) -> None:
        options = command.options
        side = options.get("side")
        self._hear(
            self.matcher.mass_cancel(
                owner=int(options.get("owner", ANYBODY)),
                instrument=self._instrument(int(options["symbol"])) if "symbol" in options else ALL,
                side=BOTH_SIDES if side is None else Side[str(side).upper()],
            )
        )

    def reduce(self, command: Command) -> None:
        id, instrument = self._order(command)
        self._hear(self.matcher.reduce(id, _number(command, "QTY"), instrument=instrument))

    def modify(self, command: Command) -> None:
        self._replace(command, is_total=False)

    def mitigate(self, command: Command) -> None:
        self._replace(command, is_total=True)

    def replace(self, command: Command) -> None:
        id, instrument = self._order(command)
        new_id = _number(command, "NEW_ID")
        order = self.matcher.order(id, instrument)
        if order is None or order.type != Type.LIMIT:
            raise Refused(f"order {id} waits for its stop price: modify it, or delete it")
        if new_id == 0:
            raise Refused("an id is not 0")
        if new_id != id and new_id in self.live:
            raise Refused(f"order {new_id} exists")
        self._replace(command, is_total=False, new_id=new_id)
        self.done[new_id] = order.done  # a new order, of which nothing has traded

    def _replace(self, command: Command, is_total: bool, new_id: int | None = None) -> None:
        id, instrument = self._order(command)
        order = self.matcher.order(id, instrument)
        assert order is not None, "it is live"
        qty = _number(command, "QTY")
        self._hear(
            self.matcher.replace(
                id,
                id if new_id is None else new_id,
                qty + self.done.get(id, 0) if is_total and qty else qty,
                _number(command, "PRICE"),
                show_qty=order.shown if order.shown < order.leaves else 0,
                is_total=is_total,
                flags=Flag.TO_BACK,
                instrument=instrument,
            )
        )

    # --- the venue --------------------------------------------------------------------------------

    def enable(self, command: Command) -> None:
        self._hear(self.matcher.matching(True))

    def disable(self, command: Command) -> None:
        self._hear(self.matcher.matching(False))

    def phase(self, command: Command) -> None:
        phase = Phase[str(command.arguments["PHASE"]).upper()]
        self._hear(self.matcher.phase(phase, self._instrument(_number(command, "SYMBOL"))))

    def time(self, command: Command) -> None:
        now_ns = _number(command, "SECONDS")
        if now_ns < self.matcher.now_ns:
            raise Refused(f"it is {self.matcher.now_ns / PX:g} s already")
        self._hear(self.matcher.time(now_ns))

    def end_day(self, command: Command) -> None:
        self._hear(self.matcher.day_end())

    def bust(self, command: Command) -> None:
        self._hear(self.matcher.bust(_number(command, "TRADE")))

    def nothing(self, command: Command) -> None:
        pass

    # --- inside -----------------------------------------------------------------------------------

    def _instrument(self, symbol: int) -> int:
        if symbol not in self.books:
            raise Refused(f"no book {symbol}")
        return self.instruments[symbol]

    def _order(self, command: Command) -> tuple[int, int]:
        id = _number(command, "ID")
        if id not in self.live:
            raise Refused(f"no order {id}")
        return id, self.live[id]

    def _hear(self, events: list[Event]) -> None:
        refused = ""
        for event in events:
            if event.kind == Kind.ACCEPTED:
                self.live[event.id] = event.instrument
            elif event.kind == Kind.FILL:
                if event.side == Side.BUY:  # the seller is told of the same trade
                    self.n_trades += 1
                    self.traded_qty += event.qty
                self._ended(event)
            elif event.kind in _ENDS or event.kind == Kind.REDUCED:
                self._ended(event)
            elif event.kind == Kind.REPLACED:
                self.live.pop(event.other_id, None)
                self.live[event.id] = event.instrument
            if event.kind in (Kind.REJECTED, Kind.REFUSED):
                refused = event.why
            if self.keep_events:
                self.events.append(self._happened(event))
        if refused:
            raise Refused(refused)

    def _ended(self, event: Event) -> None:
        if event.leaves == 0 or event.kind in _ENDS:
            self.live.pop(event.id, None)

    def _happened(self, event: Event) -> Happened:
        symbols = [
            s for s, instrument in self.instruments.items() if instrument == event.instrument
        ]
        return Happened(
            self.line,
            symbols[0] if symbols else event.instrument,
            self.own.get(event.id, event.id),
            self.own.get(event.other_id, event.other_id),
            event,
        )

    def _book(self, symbol: int) -> Book:
        instrument = self.instruments[symbol]
        return Book(
            symbol,
            self.books[symbol],
            bids=self._levels(instrument, Side.BUY),
            asks=self._levels(instrument, Side.SELL),
            stops=tuple(order for side in Side for order in self.matcher.stops(instrument, side)),
            last_px_nano=self.matcher.last_px_nano(instrument),
        )

    def _levels(self, instrument: int, side: Side) -> tuple[Level, ...]:
        levels: dict[int, list[Order]] = {}
        for order in self.matcher.resting(instrument, side):
            assert order.px_nano is not None, "it is at a price"
            levels.setdefault(order.px_nano, []).append(order)
        return tuple(
            Level(px_nano, sum(order.shown for order in orders), tuple(orders))
            for px_nano, orders in levels.items()
        )


def _number(command: Command, name: str) -> int:
    return int(command.arguments[name])


def _or_none(value: Value | None) -> int | None:
    return None if value is None else int(value)


def _tif(command: Command) -> Tif:
    named = {"add ioc limit": Tif.IOC, "add fok limit": Tif.FOK}.get(command.verb, Tif.GTC)
    return next((tif for word, tif in _TIFS.items() if word in command.options), named)


def _flags(command: Command) -> Flag:
    flags = Flag.NONE
    if "post-only" in command.options:
        flags |= Flag.POST_ONLY
    if "all-or-none" in command.options or command.verb == "add aon limit":
        flags |= Flag.ALL_OR_NONE
    return flags


_VERBS: dict[str, Callable[[_Runner, Command], None]] = {
    "add symbol": _Runner.add_symbol,
    "delete symbol": _Runner.delete_symbol,
    "add book": _Runner.add_book,
    "delete book": _Runner.delete_book,
    "enable matching": _Runner.enable,
    "disable matching": _Runner.disable,
    "reduce order": _Runner.reduce,
    "modify order": _Runner.modify,
    "mitigate order": _Runner.mitigate,
    "replace order": _Runner.replace,
    "delete order": _Runner.delete_order,
    "delete orders": _Runner.delete_orders,
    "phase": _Runner.phase,
    "time": _Runner.time,
    "end day": _Runner.end_day,
    "bust": _Runner.bust,
    "help": _Runner.nothing,
}
