"""Order books as dicts and lists: the slow oracle for csrc/market/book, from what its header says.

A side is a dict of prices; a price has a queue of [id, quantity] and anonymous quantity. Everything
is searched from the front, nothing is cached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PX_NONE = -(2**63)
MASK = 2**64 - 1
BUY, SELL = 0, 1
NONE, ADD, REDUCE, DELETE, REPLACE, MODIFY, LEVEL, CLEAR, RESET, TRADE = range(10)
N_OPS = 10


@dataclass
class Level:
    queue: list[list[int]] = field(default_factory=list)  # [id, qty], first in line first
    anonymous: int = 0

    @property
    def qty(self) -> int:
        return self.anonymous + sum(qty for _, qty in self.queue)

    @property
    def is_empty(self) -> bool:
        return not self.queue and self.anonymous == 0


Side = dict[int, Level]


class Books:
    """All instruments of a feed; every update is applied, or refused and counted."""

    def __init__(
        self, n_instruments: int, n_orders: int, n_levels_per_side: int, n_levels: int
    ) -> None:
        self.n_instruments = n_instruments
        self.n_orders_max = n_orders
        self.n_levels_per_side = n_levels_per_side
        self.n_levels_max = n_levels
        self.books: list[tuple[Side, Side]] = [({}, {}) for _ in range(n_instruments)]
        self.counters = dict.fromkeys(
            [
                "updates",
                "unknown_ids",
                "duplicate_ids",
                "over_reduced",
                "unknown_levels",
                "orders_full",
                "levels_full",
                "bad_instruments",
                "bad_values",
                "bad_ops",
                "locked",
                "crossed",
            ],
            0,
        )

    # --- questions --------------------------------------------------------------------------------

    def n_orders(self) -> int:
        return sum(
            len(level.queue) for book in self.books for side in book for level in side.values()
        )

    def n_levels(self) -> int:
        return sum(len(side) for book in self.books for side in book)

    def prices(self, instrument: int, side: int) -> list[int]:
        """Best first."""
        return sorted(self.books[instrument][side], reverse=side == BUY)

    def best(self, instrument: int, side: int) -> tuple[int, int]:
        prices = self.prices(instrument, side)
        if not prices:
            return PX_NONE, 0
        return prices[0], self.books[instrument][side][prices[0]].qty

    def bbo(self, instrument: int) -> tuple[int, int, int, int]:
        (bid, bid_qty), (ask, ask_qty) = self.best(instrument, BUY), self.best(instrument, SELL)
        return bid, ask, bid_qty, ask_qty

    def depth(self, instrument: int, side: int, n: int) -> list[tuple[int, int, int]]:
        """(price, quantity, orders) of the best levels."""
        levels = self.books[instrument][side]
        return [
            (px, levels[px].qty, len(levels[px].queue)) for px in self.prices(instrument, side)[:n]
        ]

    def qty_at(self, instrument: int, side: int, px: int) -> int:
        level = self.books[instrument][side].get(px)
        return level.qty if level else 0

    def taking(self, instrument: int, side: int, qty: int) -> tuple[int, int]:
        """(quantity, price times quantity) of what `qty` would take from that side."""
        taken = notional = 0
        for px in self.prices(instrument, side):
            here = min(qty - taken, self.books[instrument][side][px].qty)
            taken += here
            notional += here * px
        return taken, notional

    def state(self, instrument: int) -> str:
        bid, ask, _, _ = self.bbo(instrument)
        if bid == PX_NONE and ask == PX_NONE:
            return "empty"
        if bid == PX_NONE or ask == PX_NONE:
            return "one-sided"
        return "open" if bid < ask else "locked" if bid == ask else "crossed"

    def find(self, instrument: int, id: int) -> tuple[int, int, int] | None:
        """(side, price, place in the queue)."""
        for side in (BUY, SELL):
            for px, level in self.books[instrument][side].items():
                for place, (other, _) in enumerate(level.queue):
                    if other == id:
                        return side, px, place
        return None

    def order(self, instrument: int, id: int) -> tuple[int, int, int] | None:
        """(side, price, quantity)."""
        found = self.find(instrument, id)
        if found is None:
            return None
        side, px, place = found
        return side, px, self.books[instrument][side][px].queue[place][1]

    def ids(self) -> list[tuple[int, int]]:
        return [
            (instrument, id)
            for instrument, book in enumerate(self.books)
            for side in book
            for level in side.values()
            for id, _ in level.queue
        ]

    def hash(self) -> int:
        total = 0
        for instrument, book in enumerate(self.books):
            for side, levels in enumerate(book):
                for px, level in levels.items():
                    for id, qty in level.queue:
                        total += hash_one(instrument, id, side, px, qty)
                    if level.anonymous:
                        total += hash_one(instrument, 0, side, px, level.anonymous)
        return total & MASK

    # --- updates ----------------------------------------------------------------------------------

    def apply(self, u: Mapping[str, int]) -> bool:
        """True when the best price or its quantity of the instrument changed."""
        self.counters["updates"] += 1
        if u["op"] in (NONE, TRADE):
            return False
        if u["op"] == RESET:
            self.books = [({}, {}) for _ in range(self.n_instruments)]
            return True
        if u["instrument"] >= self.n_instruments:
            return self._refuse("bad_instruments")
        before, state = self.bbo(u["instrument"]), self.state(u["instrument"])
        if u["op"] == REDUCE:
            self._reduce(u)
        elif u["op"] == DELETE:
            self._delete(u)
        elif u["op"] == REPLACE:
            self._amend(u)
        elif u["op"] == CLEAR:
            self.books[u["instrument"]] = ({}, {})
        elif u["side"] > SELL:
            self._refuse("bad_ops")
        elif u["op"] == ADD:
            self._add(u)
        elif u["op"] == MODIFY:
            self._amend(u)
        elif u["op"] == LEVEL:
            self._level(u)
        else:
            self._refuse("bad_ops")
        new_state = self.state(u["instrument"])
        if new_state != state and new_state in self.counters:
            self.counters[new_state] += 1
        return before != self.bbo(u["instrument"])

    def _refuse(self, counter: str) -> bool:
        self.counters[counter] += 1
        return False

    def _has_room(self, instrument: int, side: int, px: int) -> bool:
        """Whether the price is there or may be made; counted when not."""
        levels = self.books[instrument][side]
        if px in levels:
            return True
        if len(levels) < self.n_levels_per_side and self.n_levels() < self.n_levels_max:
            return True
        return self._refuse("levels_full")

    def _add(self, u: Mapping[str, int]) -> None:
        levels = self.books[u["instrument"]][u["side"]]
        if u["qty"] == 0 or u["px_nano"] == PX_NONE:
            self._refuse("bad_values")
        elif self.find(u["instrument"], u["id"]):
            self._refuse("duplicate_ids")
        elif self.n_orders() == self.n_orders_max:
            self._refuse("orders_full")
        elif self._has_room(u["instrument"], u["side"], u["px_nano"]):
            if self.qty_at(u["instrument"], u["side"], u["px_nano"]) + u["qty"] > MASK:
                self._refuse("bad_values")
            else:
                levels.setdefault(u["px_nano"], Level()).queue.append([u["id"], u["qty"]])

    def _remove(self, instrument: int, side: int, px: int, place: int) -> None:
        level = self.books[instrument][side][px]
        del level.queue[place]
        if level.is_empty:
            del self.books[instrument][side][px]

    def _reduce(self, u: Mapping[str, int]) -> None:
        found = self.find(u["instrument"], u["id"])
        if found is None:
            self._refuse("unknown_ids")
            return
        side, px, place = found
        order = self.books[u["instrument"]][side][px].queue[place]
        if u["qty"] < order[1]:
            order[1] -= u["qty"]
            return
        self.counters["over_reduced"] += u["qty"] > order[1]
        self._remove(u["instrument"], side, px, place)

    def _delete(self, u: Mapping[str, int]) -> None:
        found = self.find(u["instrument"], u["id"])
        if found is None:
            self._refuse("unknown_ids")
        else:
            self._remove(u["instrument"], *found)

    def _amend(self, u: Mapping[str, int]) -> None:
        """REPLACE: same side, another id, to the back. MODIFY: may keep its place."""
        instrument, px = u["instrument"], u["px_nano"]
        found = self.find(instrument, u["id"])
        if found is None:
            self._refuse("unknown_ids")
            return
        old_side, old_px, place = found
        is_modify = u["op"] == MODIFY
        side = u["side"] if is_modify else old_side
        new_id = u["id"] if is_modify else u["new_id"]
        levels = self.books[instrument][side]
        stays = (side, px) == (old_side, old_px)
        old_qty = self.books[instrument][old_side][old_px].queue[place][1]
        if u["qty"] == 0 or px == PX_NONE:
            self._refuse("bad_values")
            return
        if new_id != u["id"] and self.find(instrument, new_id):
            self._refuse("duplicate_ids")
            return
        if not self._has_room(instrument, side, px):
            return
        if self.qty_at(instrument, side, px) - (old_qty if stays else 0) + u["qty"] > MASK:
            self._refuse("bad_values")
            return
        if is_modify and stays and u["qty"] <= old_qty:
            levels[px].queue[place][1] = u["qty"]
            return
        levels.setdefault(px, Level()).queue.append([new_id, u["qty"]])
        self._remove(instrument, old_side, old_px, place)

    def _level(self, u: Mapping[str, int]) -> None:
        instrument, side, px = u["instrument"], u["side"], u["px_nano"]
        levels = self.books[instrument][side]
        if px == PX_NONE:
            self._refuse("bad_values")
        elif u["qty"] == 0 and px not in levels:
            self._refuse("unknown_levels")
        elif u["qty"] == 0 or self._has_room(instrument, side, px):
            level = levels.get(px, Level())
            if sum(qty for _, qty in level.queue) + u["qty"] > MASK:
                self._refuse("bad_values")
                return
            level.anonymous = u["qty"]
            levels[px] = level
            if level.is_empty:
                del levels[px]


def mix(x: int) -> int:
    """The finisher of SplitMix64 (S. Vigna)."""
    x ^= x >> 30
    x = x * 0xBF58476D1CE4E5B9 & MASK
    x ^= x >> 27
    x = x * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def hash_one(instrument: int, id: int, side: int, px: int, qty: int) -> int:
    h = mix((instrument << 1 | side) + 0x9E3779B97F4A7C15 & MASK)
    h = mix(h ^ id)
    h = mix(h + px & MASK)
    return mix(h ^ qty)
