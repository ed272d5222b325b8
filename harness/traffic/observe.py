"""What a market-by-order capture says about its market: the observer behind a calibration.

Only continuous trading counts: messages that find the book empty on one side or crossed (auctions)
move the book but leave no mark in the statistics. A fill and the cancel or modify that settles it
are one execution. Quantities are the venue's lots; distances are ticks, the greatest price step of
which all prices are multiples; ages count orders.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.traffic.calibrate import (
    GRID,
    OPS,
    PERMILLES,
    TABLES,
    Calibration,
    CalibrationError,
)
from harness.traffic.inputs import read_bytes

RECORD: Final = np.dtype(
    [
        ("length", "u1"),  # in 4-byte words
        ("rtype", "u1"),
        ("publisher", "<u2"),
        ("instrument", "<u4"),
        ("ts_event", "<u8"),
        ("order_id", "<u8"),
        ("price", "<i8"),  # 1e-9
        ("size", "<u4"),
        ("flags", "u1"),
        ("channel", "u1"),
        ("action", "S1"),
        ("side", "S1"),
        ("ts_recv", "<u8"),
        ("ts_in_delta", "<i4"),
        ("sequence", "<u4"),
    ]
)
FIELDS: Final = ("action", "side", "order_id", "price", "size", "flags", "ts_recv")
MBO_RTYPE: Final = 0xA0
FLAG_SNAPSHOT: Final = 0x20


def read_mbo(path: Path) -> npt.NDArray[np.void]:
    """The market-by-order records of a capture.

    Raises InputError when the file cannot be read or unpacked, CalibrationError when it is cut
    off or holds anything else.
    """
    raw = read_bytes(path)[0]
    if raw[:3] != b"DBN" or len(raw) < 8:
        raise CalibrationError(f"{path}: no DBN file")
    start = 8 + int(struct.unpack_from("<I", raw, 4)[0])
    if (len(raw) - start) % RECORD.itemsize or len(raw) <= start:
        raise CalibrationError(f"{path}: cut off, or not all records are market-by-order")
    records = np.frombuffer(raw, RECORD, offset=start)
    if (records["rtype"] != MBO_RTYPE).any() or len(set(records["instrument"].tolist())) != 1:
        raise CalibrationError(f"{path}: wants market-by-order records of one instrument")
    return records


class _Ages:
    """Live orders by age: a Fenwick tree over arrival numbers, so `younger` costs a logarithm."""

    def __init__(self, n: int) -> None:
        self._tree = [0] * (n + 1)
        self._next = 0
        self.n_live = 0

    def enter(self) -> int:
        self._next += 1
        self._add(self._next, 1)
        return self._next

    def leave(self, arrival: int) -> None:
        self._add(arrival, -1)

    def younger(self, arrival: int) -> int:
        older_or_same, i = 0, arrival
        while i:
            older_or_same += self._tree[i]
            i -= i & -i
        return self.n_live - older_or_same

    def _add(self, i: int, by: int) -> None:
        self.n_live += by
        while i < len(self._tree):
            self._tree[i] += by
            i += i & -i


@dataclass(slots=True)
class _Order:
    side: int
    key: int  # price as a cost to the owner's counterparty: lower is better on both sides
    qty: int
    arrival: int


class _Observer:
    """Follows one book and notes, before each operation, where it is about to strike."""

    def __init__(self, n_records: int, tick: int) -> None:
        self.tick = tick
        self.ages = _Ages(n_records)
        self.orders: dict[int, _Order] = {}
        self.levels: tuple[list[int], list[int]] = ([], [])
        self.depth: tuple[dict[int, list[int]], dict[int, list[int]]] = ({}, {})  # [orders, qty]
        self.ops: Counter[str] = Counter()
        self.seen: defaultdict[str, list[int]] = defaultdict(list)
        self.yes: Counter[str] = Counter()
        self.filled: set[int] = set()  # a fill was seen; the record that settles it comes next
        self.n_fills = 0  # of the trade that is being read
        self.last_fill: tuple[int, int] = (0, 0)  # resting quantity before it, quantity after it

    def spread(self) -> int:
        """In ticks; 0 or less when a side is empty or the book is crossed."""
        bids, asks = self.levels
        return (bids[0] + asks[0]) // self.tick if bids and asks else 0

    def best(self) -> tuple[int, int, int, int]:
        (b, a), (db, da) = self.levels, self.depth
        return (b[0], db[b[0]][1], a[0], da[a[0]][1]) if b and a else (0, 0, 0, 0)

    def put(self, order_id: int, side: int, key: int, qty: int) -> None:
        if key not in self.depth[side]:
            insort(self.levels[side], key)
            self.depth[side][key] = [0, 0]
        level = self.depth[side][key]
        level[0] += 1
        level[1] += qty
        self.orders[order_id] = _Order(side, key, qty, self.ages.enter())

    def drop(self, order_id: int) -> None:
        order = self.orders.pop(order_id)
        self.ages.leave(order.arrival)
        level = self.depth[order.side][order.key]
        level[0] -= 1
        level[1] -= order.qty
        if not level[0]:
            del self.depth[order.side][order.key]
            self.levels[order.side].pop(bisect_left(self.levels[order.side], order.key))

    def ticks(self, side: int, key: int) -> int:
        return (key - self.levels[side][0]) // self.tick

    def touch(self, op: str, side: int, key: int) -> None:
        self.ops[op] += 1
        self.seen["rank_touched"].append(bisect_left(self.levels[side], key))
        self.seen["ticks_touched"].append(self.ticks(side, key))
        self.yes["wide_spread"] += self.spread() > 1

    def end_trade(self) -> None:
        if self.n_fills:
            self.seen["fills"].append(self.n_fills)
            before, after = self.last_fill
            self.yes["divisible"] += before > 1
            self.yes["last_fill_part"] += before > 1 and after > 0
        self.n_fills = 0

    def apply(self, action: str, side: int, order_id: int, price: int, qty: int) -> bool:
        """One record. True when it was an operation of continuous trading."""
        trading = self.spread() > 0
        key = -price if side == 0 else price
        was = self.orders.get(order_id)
        if action in "TA":
            self.end_trade()
        if action == "F" and was is not None:
            self._fill(was, order_id, qty, trading)
        elif action == "A":
            if trading:
                self.touch("add", side, key)
                table = "add_ticks_wide" if self.spread() > 1 else "add_ticks_tight"
                self.seen[table].append(self.ticks(side, key))
                self.seen["order_qty"].append(qty)
            self.put(order_id, side, key, qty)
        elif action == "C" and was is not None:
            if trading and order_id not in self.filled:
                self.touch("cancel", was.side, was.key)
                self.seen["cancel_age"].append(self.ages.younger(was.arrival))
            self.drop(order_id)
        elif action == "M" and was is not None:
            if trading and order_id not in self.filled:
                self._modify(was, key, qty)
            if key != was.key or qty > was.qty:
                self.drop(order_id)
                self.put(order_id, side, key, qty)
            else:
                self.depth[was.side][was.key][1] += qty - was.qty
                was.qty = qty
        else:
            return False
        if action != "F":
            self.filled.discard(order_id)
        return trading

    def _fill(self, was: _Order, order_id: int, qty: int, trading: bool) -> None:
        self.filled.add(order_id)
        if not trading:
            return
        self.touch("execute_full" if qty >= was.qty else "execute_part", was.side, was.key)
        self.n_fills += 1
        self.last_fill = (was.qty, max(was.qty - qty, 0))

    def _modify(self, was: _Order, key: int, qty: int) -> None:
        if key != was.key:
            self.touch("reprice", was.side, was.key)
            self.seen["reprice_from_ticks"].append(self.ticks(was.side, was.key))
            self.seen["reprice_to_ticks"].append(self.ticks(was.side, key))
            self.yes["reprice_keeps_qty"] += qty == was.qty
        elif qty < was.qty:
            self.touch("reduce", was.side, was.key)
            self.seen["reduce_age"].append(self.ages.younger(was.arrival))
            self.seen["reduce_left_permille"].append(1000 * qty // was.qty)
        else:
            self.touch("grow", was.side, was.key)


def observe(captures: list[npt.NDArray[np.void]], source: str) -> Calibration:
    """The statistics of captures that follow one another. CalibrationError when nothing traded."""
    records = np.concatenate(captures)
    prices = records["price"][np.isin(records["action"], [b"A", b"M"])]
    tick = int(np.gcd.reduce(prices)) or 1
    book = _Observer(len(records), tick)
    arrivals: list[int] = []
    for capture in captures:
        snapshot = True
        for row in capture[list(FIELDS)].tolist():
            action, side, order_id, price, qty, flags, ts = row
            if side not in (b"A", b"B"):
                continue
            if flags & FLAG_SNAPSHOT:
                if snapshot:  # every file that has one starts anew
                    book.ages = _Ages(len(records))
                    book.orders, book.levels, book.depth = {}, ([], []), ({}, {})
                snapshot = False
                key = -price if side == b"B" else price
                book.put(order_id, int(side == b"A"), key, qty)
                continue
            before = book.best()
            if book.apply(action.decode(), int(side == b"A"), order_id, price, qty):
                arrivals.append(ts)
                after = book.best()
                book.yes["bbo_change"] += before != after
                book.yes["bbo_price_change"] += before[::2] != after[::2]
    book.end_trade()
    return _summary(book, np.array(arrivals, dtype=np.int64), source)


def _summary(book: _Observer, arrivals: npt.NDArray[np.int64], source: str) -> Calibration:
    n = sum(book.ops.values())
    if not n or not all(book.ops[op] for op in ("add", "cancel", "execute_full")):
        raise CalibrationError("no continuous trading in these captures")
    gaps = np.diff(arrivals)
    edges = np.flatnonzero(np.concatenate(([True], gaps != 0, [True])))
    book.seen["burst"] = np.diff(edges).tolist()
    mean_gap = max(float(gaps.mean()), 1.0)
    book.seen["gap_ppm"] = np.rint(gaps[gaps > 0] * (1e6 / mean_gap)).astype(np.int64).tolist()
    book.seen["live_ticks"] = [book.ticks(o.side, o.key) for o in book.orders.values()]
    out_of = {
        "reprice_keeps_qty": book.ops["reprice"],
        "last_fill_part": book.yes["divisible"],
    }
    at = np.array(GRID) / GRID[-1]
    tables = {
        name: tuple(int(v) for v in np.quantile(book.seen[name] or [0], at, method="inverted_cdf"))
        for name in TABLES
    }
    return Calibration(
        source=source,
        ops={op: book.ops[op] for op in OPS},
        live_orders=len(book.orders),
        levels=(len(book.levels[0]), len(book.levels[1])),
        permille={
            name: round(1000 * book.yes[name] / max(out_of.get(name, n), 1)) for name in PERMILLES
        },
        tables=tables,
    )
