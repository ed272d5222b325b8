"""Orders as real captures have them go through the matching engine: it agrees with its slow oracle,
and where nothing crosses its books are those of the feed.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from reference import slow_match_order as slow
from reference.captures import capture
from reference.match_pair import Pair
from reference.slow_match_order import Request

from engine.exchange.match import ANYBODY, REQUEST, Kind, Matcher
from engine.exchange.match import Op as MatchOp
from engine.market import Books, Feed, Op, Side, index

ITCH = "itch/itch50-1m.bin.zst"
ES = "l3/esh4-20231225.mbo.dbn.zst"
OPS = {
    Op.ADD: MatchOp.NEW,
    Op.REDUCE: MatchOp.REDUCE,
    Op.DELETE: MatchOp.CANCEL,
    Op.REPLACE: MatchOp.REPLACE,
    Op.MODIFY: MatchOp.REPLACE,
}


def updates(source: Literal["itch", "dbn"], name: str, n: int | None = None) -> np.ndarray:
    data = capture(name)
    feed = Feed(source, n_instruments=200)
    return feed.push(data, index(source, data)[:n])


def requests_of(rows: np.ndarray) -> np.ndarray:
    """The same orders, as somebody would send them; prints and phases are left out."""
    rows = rows[np.isin(rows["op"], [int(op) for op in OPS])]
    out = np.zeros(len(rows), REQUEST)
    for name in ("id", "px_nano", "qty", "instrument", "side"):
        out[name] = rows[name]
    out["op"] = [OPS[Op(op)] for op in rows["op"].tolist()]
    out["new_id"] = np.where(rows["op"] == Op.REPLACE, rows["new_id"], rows["id"])
    out["flags"] = np.where(rows["op"] == Op.REPLACE, slow.TO_BACK, 0)
    out["tif"] = slow.GTC
    out["owner"] = np.where(out["op"] == MatchOp.NEW, 0, ANYBODY)
    out["instrument"] = rows["instrument"]
    return out


def take(m: Matcher, requests: np.ndarray) -> np.ndarray:
    return m.take(requests, np.zeros(len(requests), np.uint64))


def test_the_itch_day_crosses_nowhere_and_leaves_the_books_of_the_feed() -> None:
    rows = updates("itch", ITCH)
    books = Books(200, n_orders=1 << 16, n_levels_per_side=1 << 10)
    books.apply(rows)
    assert books.counters()["crossed"] == books.counters()["locked"] == 0
    m = Matcher(200, 1 << 16, n_levels_per_side=1 << 10)
    events = take(m, requests_of(rows))
    assert not np.isin(events["kind"], [Kind.FILL, Kind.REJECTED, Kind.REFUSED]).any()
    assert m.books_hash() == books.hash()
    assert m.check() is None


def test_a_missing_order_gives_other_books() -> None:
    rows = updates("itch", ITCH, 20_000)
    m = Matcher(200, 1 << 16), Matcher(200, 1 << 16)
    requests = requests_of(rows)
    take(m[0], requests)
    last = np.flatnonzero(requests["op"] == MatchOp.NEW)[-1]
    take(m[1], np.delete(requests, last))
    assert m[0].books_hash() != m[1].books_hash()


def test_the_es_book_is_the_feeds_while_nobody_matches() -> None:
    """It is locked and crossed for moments; orders that do not trade rest as they do there."""
    rows = updates("dbn", ES)
    books = Books(200, n_orders=1 << 16)
    books.apply(rows)
    m = Matcher(200, 1 << 16, n_levels_per_side=1 << 14)
    m.matching(False)
    events = take(m, requests_of(rows))
    assert not np.isin(events["kind"], [Kind.FILL, Kind.REJECTED, Kind.REFUSED]).any()
    assert m.books_hash() == books.hash()
    counts = books.counts(0)
    assert (len(m.depth(0, Side.BUY)), len(m.depth(0, Side.SELL))) == counts[:2]
    assert counts[:2] == (922, 565)
    assert m.check() is None


# --- event by event -------------------------------------------------------------------------------


def as_requests(requests: np.ndarray) -> list[Request]:
    names = REQUEST.names or ()
    return [dict(zip(names, row, strict=True)) for row in requests.tolist()]


def itch_orders(n_instruments: int) -> list[Request]:
    """The day of some; what took from an order becomes the order that may have traded with it."""
    made: list[Request] = []
    orders: dict[int, Request] = {}
    rows = updates("itch", ITCH)
    for r in as_requests(requests_of(rows[rows["instrument"] < n_instruments])):
        if r["op"] == slow.NEW:
            orders[r["id"]] = r
        elif r["op"] == slow.REPLACE:
            orders[r["new_id"]] = orders[r["id"]] | {"px_nano": r["px_nano"]}
        elif r["op"] == slow.REDUCE:
            hit = orders[r["id"]]
            r |= {"op": slow.NEW, "id": 1 << 40 | len(made), "owner": 1, "tif": slow.IOC}
            r |= {"side": 1 - hit["side"], "px_nano": hit["px_nano"]}
        made.append(r)
    return made


def test_itch_orders_and_who_traded_with_them_agree_with_the_slow_engine() -> None:
    made = itch_orders(2)[:9_000]
    pair = Pair(n_instruments=2, tick=100_000)
    pair.take(made, [0] * len(made))
    pair.compare()
    assert pair.n_events > 10_000
    assert pair.slow.n_matches > 100


def test_es_orders_near_the_market_agree_with_the_slow_engine() -> None:
    """Those within 3 points of where it is: what crosses trades."""
    rows = updates("dbn", ES)
    rows = rows[rows["op"] != Op.CLEAR]
    near = np.abs(rows["px_nano"] - 4_810 * 10**9) < 3 * 10**9
    ids = np.unique(rows["id"][(rows["op"] == Op.ADD) & near])
    rows = rows[np.isin(rows["id"], ids)]
    made = as_requests(requests_of(rows)[:8_000])
    pair = Pair(n_instruments=1, tick=250_000_000)
    pair.take(made, [0] * len(made))
    pair.compare()
    assert pair.slow.n_matches > 0
    assert pair.n_events > 5_000
