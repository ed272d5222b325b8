"""Matching scripts: every one ends in the book that was worked out by hand, and that the slow
engine finds by itself; what cannot be run is a line that says where and why.

A book is written as the command prints it, without its indent.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from reference.slow_script import SlowBook, books_of

from harness.exchange.script import NANO, Script
from harness.exchange.script_run import Book, Outcome, run
from harness.exchange.script_text import as_text

START = "enable matching\nadd symbol 0 X\nadd book 0\n"


def outcome_of(text: str) -> Outcome:
    return run(Script(text.encode(), "script"))


def book_of(text: str) -> list[str]:
    """The only book, as the command prints it; nothing was refused."""
    outcome = outcome_of(text)
    assert outcome.failures == ()
    (book,) = outcome.books
    lines = as_text(outcome).splitlines()
    assert lines[0] == f"book {book.symbol} {book.name}"
    return [" ".join(line.split()) for line in lines[1:-2]]


def as_slow(book: Book) -> SlowBook:
    """Our book as the slow one is written."""
    made: SlowBook = {"buy stops": [], "sell stops": []}
    for name, levels in (("bids", book.bids), ("asks", book.asks)):
        made[name] = [
            (level.px_nano // NANO, [(o.id, o.leaves) for o in level.orders]) for level in levels
        ]
    for order in book.stops:
        queue = made["sell stops" if order.side else "buy stops"]
        assert order.stop_px_nano is not None
        px = order.stop_px_nano // NANO
        if not queue or queue[-1][0] != px:
            queue.append((px, []))
        queue[-1][1].append((order.id, order.leaves))
    return made


def agrees_with_the_slow_engine(text: str) -> bool:
    return {book.symbol: as_slow(book) for book in outcome_of(text).books} == books_of(text)


# --- the scripts that everybody has ---------------------------------------------------------------

BIDS_OF_06 = ["bid 30 60 7:10 8:20 9:30", "bid 20 60 4:10 5:20 6:30", "bid 10 60 1:10 2:20 3:30"]
ASKS_OF_06 = [
    *("ask 40 60 16:30 17:20 18:10", "ask 50 60 13:30 14:20 15:10"),
    "ask 60 60 10:30 11:20 12:10",
]
SHARED = {
    "03": ["empty"],  # added, changed twice, replaced, deleted
    "04": ["empty"],  # 10 bought from 10
    "05": ["empty"],
    # 100 at 50 or better: 30, 20, 10 at 40, then 30 and 10 of 20 at 50.
    "06": [*BIDS_OF_06, "ask 50 20 14:10 15:10", "ask 60 60 10:30 11:20 12:10"],
    # Down to 30 - 10: all of 30 and of 20.
    "07": [BIDS_OF_06[2], *ASKS_OF_06],
    "08": ["empty"],  # 20 + 5 + 20 bought, 10 + 5 + 15 + 15 sold
    "09": ["empty"],  # 60 of 100, the rest is cancelled
    "10": ["bid 20 10 2:10", "bid 10 10 1:10"],  # 100 is not there, 40 is: 30 and 10
}


@pytest.fixture
def shared(captures: Path) -> Path:
    folder = captures / "matching"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    return folder


@pytest.mark.parametrize(("number", "book"), SHARED.items(), ids=SHARED)
def test_a_shared_scenario_ends_in_the_book_worked_out_by_hand(
    shared: Path, number: str, book: list[str]
) -> None:
    assert book_of((shared / f"scenario-{number}.txt").read_text()) == book


@pytest.mark.parametrize("number", ["01", "02"])
def test_a_shared_scenario_without_a_book_leaves_none(shared: Path, number: str) -> None:
    outcome = outcome_of((shared / f"scenario-{number}.txt").read_text())
    assert (outcome.books, outcome.failures) == ((), ())


def test_every_shared_scenario_agrees_with_the_slow_engine(shared: Path) -> None:
    scripts = sorted(shared.glob("scenario-*.txt"))
    assert len(scripts) >= 10
    for path in scripts:
        assert agrees_with_the_slow_engine(path.read_text()), path


def test_nothing_trades_in_the_eighth_before_its_last_order(shared: Path) -> None:
    """Its comment says so: who stands first wants all or none."""
    text = (shared / "scenario-08.txt").read_text()
    before = outcome_of(text.rsplit("\n", 1)[0])
    assert before.n_trades == 0
    (book,) = before.books
    assert [order.id for order in book.bids[0].orders] == [1, 5, 6]
    assert [order.id for order in book.asks[0].orders] == [2, 3, 4]
    assert outcome_of(text).traded_qty == 45


# --- every command --------------------------------------------------------------------------------

LADDER = """
add limit buy 1 0 98 5
add limit buy 2 0 99 5
add limit buy 3 0 99 7
add limit sell 4 0 101 5
add limit sell 5 0 101 7
add limit sell 6 0 102 5
"""
REST = {
    "bid 99": "bid 99 12 2:5 3:7",
    "bid 98": "bid 98 5 1:5",
    "ask 101": "ask 101 12 4:5 5:7",
    "ask 102": "ask 102 5 6:5",
}


def ladder(*changed: str, without: str = "") -> list[str]:
    """The book of LADDER, where some levels are others."""
    left = {key: line for key, line in REST.items() if key not in without.split(", ")}
    for line in changed:
        left[" ".join(line.split()[:2])] = line
    bids = sorted((line for line in left.values() if line.startswith("bid")), key=_price)[::-1]
    asks = sorted((line for line in left.values() if line.startswith("ask")), key=_price)
    return bids + asks


def _price(line: str) -> float:
    return float(line.split()[1])


PLAIN = {
    "nothing": ("", ladder()),
    "a limit order that rests joins the back": (
        "add limit buy 9 0 99 1",
        ladder("bid 99 13 2:5 3:7 9:1"),
    ),
    "a limit order trades to its price and rests": (
        "add limit buy 9 0 101 20",
        ladder("bid 101 8 9:8", without="ask 101"),
    ),
    "the first in line trades first": ("add limit sell 9 0 99 3", ladder("bid 99 9 2:2 3:7")),
    "an ioc leaves nothing": ("add ioc limit buy 9 0 101 20", ladder(without="ask 101")),
    "an ioc that meets nobody": ("add ioc limit buy 9 0 100 20", ladder()),
    "a fok that is there": ("add fok limit buy 9 0 102 17", ladder(without="ask 101, ask 102")),
    "a fok that is not": ("add fok limit buy 9 0 102 18", ladder()),
    "an aon takes all": ("add aon limit buy 9 0 101 12", ladder(without="ask 101")),
    "an aon rests inside the other side": (
        "add aon limit buy 9 0 101 13",
        ladder("bid 101 13 9:13"),
    ),
    "an aon waits for the rest of it": (
        "add aon limit buy 9 0 101 13\nadd limit sell 10 0 101 4",
        ladder("ask 101 3 10:3", without="ask 101"),
    ),
    "nobody passes an aon": (
        "add aon limit sell 9 0 100 10\nadd limit buy 10 0 101 6",
        ladder("bid 101 6 10:6", "ask 100 10 9:10"),
    ),
    "market": ("add market sell 9 0 6", ladder("bid 99 6 3:6")),
    "market through all": ("add market sell 9 0 100", ladder(without="bid 98, bid 99")),
    "slippage 0 is the best price alone": (
        "add slippage market buy 9 0 100 0",
        ladder(without="ask 101"),
    ),
    "slippage 1": (
        "add slippage market buy 9 0 100 1",
        ladder(without="ask 101, ask 102"),
    ),
    "slippage below nothing": (
        "add slippage market sell 9 0 100 5000",
        ladder(without="bid 98, bid 99"),
    ),
    "reduce keeps the place": ("reduce order 2 4", ladder("bid 99 8 2:1 3:7")),
    "reduce by all": ("reduce order 2 5", ladder("bid 99 7 3:7")),
    "reduce by more": ("reduce order 2 500", ladder("bid 99 7 3:7")),
    "modify loses the place": ("modify order 2 99 4", ladder("bid 99 11 3:7 2:4")),
    "modify to another price": ("modify order 2 98 9", ladder("bid 99 7 3:7", "bid 98 14 1:5 2:9")),
    "modify that trades": (
        "modify order 2 101 8",
        ladder("bid 99 7 3:7", "ask 101 4 5:4"),
    ),
    "modify says what is open": (
        "add market sell 9 0 2\nmodify order 2 98 5",
        ladder("bid 99 7 3:7", "bid 98 10 1:5 2:5"),
    ),
    "mitigate says the total": (
        "add market sell 9 0 2\nmitigate order 2 98 5",
        ladder("bid 99 7 3:7", "bid 98 8 1:5 2:3"),
    ),
    "mitigate to less than has traded": (
        "add market sell 9 0 2\nmitigate order 2 99 2",
        ladder("bid 99 7 3:7"),
    ),
    "mitigate that trades": (
        "add market sell 9 0 2\nmitigate order 2 101 8",
        ladder("bid 99 7 3:7", "ask 101 6 5:6", without="ask 101"),
    ),
    "replace is a new order": (
        "replace order 2 9 99 5",
        ladder("bid 99 12 3:7 9:5"),
    ),
    "replace forgets what has traded": (
        "add market sell 8 0 2\nreplace order 2 9 98 6\nmitigate order 9 98 4",
        ladder("bid 99 7 3:7", "bid 98 9 1:5 9:4"),
    ),
    "replace that trades": (
        "replace order 3 9 102 20",
        ladder("bid 99 5 2:5", "bid 102 3 9:3", without="ask 101, ask 102"),
    ),
    "delete": ("delete order 4", ladder("ask 101 7 5:7")),
    "an id may be used again": (
        "delete order 4\nadd limit sell 4 0 101 1",
        ladder("ask 101 8 5:7 4:1"),
    ),
    "a stop of sells waits below": (
        "add stop sell 9 0 98 4",
        [*ladder(), "sell stop 98 9:4"],
    ),
    "a stop sells when the bid is there": (
        # 12 at 99 are sold: the bid is 98, 4 of 5 go.
        "add stop sell 9 0 98 4\nadd market sell 10 0 12",
        ladder("bid 98 1 1:1", without="bid 99"),
    ),
    "a stop buys when the offer is there": (
        "add stop buy 9 0 102 4\nadd limit buy 10 0 101 12",
        ladder("ask 102 1 6:1", without="ask 101"),
    ),
    "a stop that is passed acts at once": ("add stop sell 9 0 99 3", ladder("bid 99 9 2:2 3:7")),
    "a stop-limit rests at its limit": (
        "add stop-limit sell 9 0 98 100 4\nadd market sell 10 0 12",
        ladder("ask 100 4 9:4", without="bid 99"),
    ),
    "a stop-limit trades as a limit order": (
        "add stop-limit buy 9 0 102 102 9\nadd market buy 10 0 12",
        ladder("bid 102 4 9:4", without="ask 101, ask 102"),
    ),
    "one stop triggers another": (
        "add stop sell 9 0 98 5\nadd stop sell 10 0 97 1\nadd limit buy 11 0 97 3\n"
        "add market sell 12 0 12",
        ladder("bid 97 2 11:2", without="bid 98, bid 99"),
    ),
    "a trailing stop waits for a trade": (
        "add trailing stop sell 9 0 0 4 3 1",
        [*ladder(), "sell trailing stop 0 9:4"],
    ),
    "a trailing stop follows": (
        # 99 was traded, 99 is bid: 3 below.
        "add trailing stop sell 9 0 0 4 3 1\nadd market sell 10 0 1",
        [*ladder("bid 99 11 2:4 3:7"), "sell trailing stop 96 9:4"],
    ),
    "a trailing stop takes no small steps": (
        # 100 is bid, and then traded: one step of 1, where 2 are wanted.
        "add trailing stop sell 9 0 0 4 3 2\nadd market sell 10 0 1\nadd limit buy 11 0 100 2\n"
        "add market sell 12 0 1",
        [*ladder("bid 100 1 11:1", "bid 99 11 2:4 3:7"), "sell trailing stop 96 9:4"],
    ),
    "a trailing stop never goes back": (
        "add trailing stop sell 9 0 0 4 3 1\nadd market sell 10 0 1\nadd market sell 11 0 12",
        [*ladder("bid 98 4 1:4", without="bid 99"), "sell trailing stop 96 9:4"],
    ),
    "a trailing stop of buys comes down, and acts": (
        # 101 was traded: 102. Then 101 is sold out, and 102 is offered.
        "add trailing stop buy 9 0 1000 4 1 0\nadd market buy 10 0 1\nadd market buy 11 0 11",
        ladder("ask 102 1 6:1", without="ask 101"),
    ),
    "a trailing stop-limit takes its limit along": (
        "add trailing stop-limit sell 9 0 0 2 4 3 1\nadd market sell 10 0 1",
        [*ladder("bid 99 11 2:4 3:7"), "sell trailing stop-limit 96 limit 98 9:4"],
    ),
    "a stop can be reduced, modified and deleted": (
        "add stop sell 9 0 90 4\nadd stop sell 10 0 90 4\nadd stop-limit buy 11 0 110 111 4\n"
        "reduce order 9 3\ndelete order 10\nmodify order 11 112 6",
        [*ladder(), "buy stop-limit 110 limit 112 11:6", "sell stop 90 9:1"],
    ),
    "while matching is disabled, orders rest and cross": (
        "disable matching\nadd limit buy 9 0 102 7\nadd market sell 10 0 5\n"
        "add ioc limit sell 11 0 1 5",
        ladder("bid 102 7 9:7"),
    ),
    "enabled again, they trade in the order of their priority": (
        "disable matching\nadd limit buy 9 0 102 14\nenable matching",
        ladder("ask 102 3 6:3", without="ask 101"),
    ),
}


@pytest.mark.parametrize(("text", "book"), PLAIN.values(), ids=PLAIN)
def test_a_command_leaves_the_book_worked_out_by_hand(text: str, book: list[str]) -> None:
    assert book_of(START + LADDER + text) == book


@pytest.mark.parametrize("text", [text for text, _ in PLAIN.values()], ids=PLAIN)
def test_a_command_agrees_with_the_slow_engine(text: str) -> None:
    assert agrees_with_the_slow_engine(START + LADDER + text)


def test_a_stop_on_an_empty_market_finds_nobody() -> None:
    assert book_of(START + "add stop sell 1 0 10 5\nadd stop-limit buy 2 0 10 9 5") == [
        "bid 9 5 2:5"
    ]


def test_without_enable_matching_nothing_trades() -> None:
    text = "add symbol 0 X\nadd book 0\nadd limit buy 1 0 10 5\nadd limit sell 2 0 9 5"
    assert book_of(text) == ["bid 10 5 1:5", "ask 9 5 2:5"]


# --- our own words --------------------------------------------------------------------------------

OWN = {
    "an iceberg shows its part": (
        "add limit buy 9 0 100 10 show 4",
        ladder("bid 100 4 9:4+6"),
    ),
    "an iceberg goes to the back": (
        "add limit buy 9 0 99 10 show 4\nadd limit buy 10 0 99 1\nadd market sell 11 0 16",
        ladder("bid 99 5 10:1 9:4+2", without="bid 99"),
    ),
    "minimum quantity": ("add ioc limit buy 9 0 101 20 min 13", ladder()),
    "all-or-none as an option": (
        "add stop-limit buy 9 0 101 101 13 all-or-none",
        ladder("bid 101 13 9:13"),
    ),
    "nobody trades with himself": (
        "add limit buy 9 0 100 5 owner 1\nadd limit sell 10 0 100 5 owner 1 stp oldest",
        ladder("ask 100 5 10:5"),
    ),
    "a date": ("add limit buy 9 0 100 5 until 2.5\ntime 2\ntime 2.5", ladder()),
    "the end of the day": ("add limit buy 9 0 100 5 day\nend day", ladder()),
    "an auction has one price": (
        "phase 0 auction\nadd limit buy 9 0 103 12\nadd limit sell 10 0 97 3\nphase 0 open",
        ladder("ask 101 3 5:3", without="ask 101"),
    ),
    "orders of one owner": (
        "add limit buy 9 0 100 5 owner 1\nadd stop sell 10 0 90 5 owner 1\ndelete orders owner 1",
        ladder(),
    ),
    "orders of a side": ("delete orders side sell symbol 0", ladder(without="ask 101, ask 102")),
    "prices with decimals": ("add limit buy 9 0 100.25 5", ladder("bid 100.25 5 9:5")),
    "per cents": (
        "add trailing stop sell 9 0 0 4 10% 0.5%\nadd market sell 10 0 1",
        [*ladder("bid 99 11 2:4 3:7"), "sell trailing stop 89.1 9:4"],
    ),
}


@pytest.mark.parametrize(("text", "book"), OWN.values(), ids=OWN)
def test_our_own_words_leave_the_book_worked_out_by_hand(text: str, book: list[str]) -> None:
    assert book_of(START + LADDER + text) == book


# --- random scripts -------------------------------------------------------------------------------


def random_lines(seed: int) -> Iterator[str]:
    r = random.Random(seed)
    ids: list[int] = []
    for id in range(1, 60):
        px, stop, qty, side = *(r.randrange(90, 111) for _ in range(2)), r.randrange(1, 20), ""
        side = r.choice(("buy", "sell"))
        far, limit = (200, 195) if side == "buy" else (0, 5)
        distance = r.randrange(1, 5)
        old = r.choice(ids) if ids else 0
        ids.append(id)
        yield r.choice(
            (
                *(f"add limit {side} {id} 0 {px} {qty}" for _ in range(8)),
                f"add ioc limit {side} {id} 0 {px} {qty}",
                f"add fok limit {side} {id} 0 {px} {qty}",
                f"add aon limit {side} {id} 0 {px} {qty}",
                f"add market {side} {id} 0 {qty}",
                f"add slippage market {side} {id} 0 {qty} {distance}",
                f"add stop {side} {id} 0 {stop} {qty}",
                f"add stop-limit {side} {id} 0 {stop} {px} {qty}",
                f"add trailing stop {side} {id} 0 {far} {qty} {distance} {distance - 1}",
                f"add trailing stop-limit {side} {id} 0 {far} {limit} {qty} {distance} 0",
                f"reduce order {old} {qty}",
                f"modify order {old} {px} {qty}",
                f"mitigate order {old} {px} {qty}",
                f"replace order {old} {id} {px} {qty}",
                f"delete order {old}",
                *("enable matching" for _ in range(4)),
                "disable matching",
            )
        )


@pytest.mark.parametrize("seed", range(60))
def test_random_scripts_agree_with_the_slow_engine(seed: int) -> None:
    assert agrees_with_the_slow_engine(START + "\n".join(random_lines(seed)))


@pytest.mark.parametrize("seed", range(10))
def test_a_script_that_lacks_an_order_is_told_apart(seed: int) -> None:
    text = START + LADDER + "\n".join(random_lines(seed))
    outcome = outcome_of(text + "\nadd limit buy 900 0 1 1")
    assert {book.symbol: as_slow(book) for book in outcome.books} != books_of(text)
