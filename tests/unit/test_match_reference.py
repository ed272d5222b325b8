"""The matching engine and its slow oracle agree on random requests, event by event, and in the
books that are left; an oracle that is wrong in one thing is told apart.
"""

from __future__ import annotations

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from reference import slow_match_order as slow
from reference import slow_match_venue
from reference.match_pair import TICK, Pair, Streams, request
from reference.slow_match import Slow
from reference.slow_match_order import Market, Order, Request

BATCH = 20


def play(pair: Pair, seed: int, n: int) -> None:
    stream = Streams(seed, pair.slow)
    for _ in range(n):
        requests, times = [], []
        for r, now in stream.batch(BATCH):
            requests.append(r)
            times.append(now)
        pair.take(requests, times)
        pair.compare()


@pytest.mark.parametrize("trigger", [slow.LAST, slow.BEST], ids=["last", "best"])
@pytest.mark.parametrize("seed", range(12))
def test_random_requests_lead_to_the_same_events_and_books(trigger: int, seed: int) -> None:
    pair = Pair(trigger)
    play(pair, seed, 60)
    assert pair.n_events > 500


# --- small steps, which shrink to the fewest that differ ------------------------------------------

PRICES = st.integers(97, 103).map(lambda ticks: ticks * TICK)
QTYS = st.integers(1, 9)
SIDES = st.sampled_from((slow.BUY, slow.SELL))
OWNERS = st.integers(0, 1)
IDS = st.integers(1, 12)


class Steps(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair()
        self.now = 1

    def one(self, r: Request) -> None:
        self.pair.take([r], [self.now])

    @rule(
        id=IDS,
        side=SIDES,
        px=PRICES,
        qty=QTYS,
        owner=OWNERS,
        tif=st.sampled_from((slow.GTC, slow.DAY, slow.IOC, slow.FOK)),
        flags=st.sampled_from((0, 0, slow.ALL_OR_NONE, slow.POST_ONLY)),
        stp=st.integers(0, 4),
    )
    def limit(self, px: int, **members: int) -> None:
        self.one(request(slow.NEW, px_nano=px, **members))

    @rule(id=IDS, side=SIDES, qty=QTYS, owner=OWNERS, show=st.integers(1, 4), px=PRICES)
    def iceberg(self, show: int, px: int, **members: int) -> None:
        self.one(request(slow.NEW, show_qty=show, px_nano=px, tif=slow.GTC, **members))

    @rule(id=IDS, side=SIDES, qty=QTYS, slippage=st.sampled_from((-1, 0, TICK)))
    def market(self, slippage: int, **members: int) -> None:
        self.one(
            request(slow.NEW, type=slow.MARKET, slippage_nano=slippage, **(members | {"owner": 0}))
        )

    @rule(id=IDS, side=SIDES, qty=QTYS, stop=PRICES, px=st.one_of(st.none(), PRICES))
    def stop(self, stop: int, px: int | None, **members: int) -> None:
        type = slow.STOP if px is None else slow.STOP_LIMIT
        limit = slow.PX_NONE if px is None else px
        self.one(
            request(slow.NEW, type=type, stop_px_nano=stop, px_nano=limit, tif=slow.GTC)
            | members
            | {"owner": 1}
        )

    @rule(id=IDS, side=SIDES, qty=QTYS, stop=PRICES, step=st.sampled_from((0, TICK)))
    def trailing(self, stop: int, step: int, **members: int) -> None:
        self.one(
            request(slow.NEW, type=slow.TRAILING_STOP, stop_px_nano=stop, trail_nano=2 * TICK)
            | {"trail_step_nano": step, "owner": 1}
            | members
        )

    @rule(id=IDS)
    def cancel(self, id: int) -> None:
        self.one(request(slow.CANCEL, id=id))

    @rule(id=IDS, qty=QTYS)
    def reduce(self, id: int, qty: int) -> None:
        self.one(request(slow.REDUCE, id=id, qty=qty))

    @rule(id=IDS, new_id=IDS, px=PRICES, qty=QTYS, op=st.sampled_from((slow.REPLACE, slow.MODIFY)))
    def replace(self, op: int, px: int, **members: int) -> None:
        self.one(request(op, px_nano=px, **members))

    @rule(phase=st.integers(0, 3))
    def phase(self, phase: int) -> None:
        self.one(request(slow.PHASE, instrument=slow.ALL, phase=phase))
        if phase:
            self.one(request(slow.PHASE, instrument=slow.ALL, phase=slow.OPEN))

    @rule(is_on=st.integers(0, 1))
    def matching(self, is_on: int) -> None:
        self.one(request(slow.MATCHING, instrument=slow.ALL, qty=is_on))

    @invariant()
    def both_are_the_same(self) -> None:
        self.pair.compare()


def test_small_steps_lead_to_the_same() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Steps,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


# --- what both must keep --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_no_trade_is_worse_than_a_limit_and_no_quantity_comes_or_goes(seed: int) -> None:
    """Of the events alone, whoever told them."""
    pair = Pair()
    stream = Streams(100 + seed, pair.slow)
    limits: dict[tuple[int, int], tuple[int, int]] = {}  # of instrument and id: side, limit
    bought = sold = 0
    for r, now in stream.batch(600):
        for e in pair.slow.take(r, now):
            key = e["instrument"], e["id"]
            if e["kind"] == "accepted":
                limits.pop(key, None)
            if e["kind"] in ("accepted", "rested", "replaced") and e["type"] == slow.LIMIT:
                limits[key] = e["side"], e["px_nano"]
            if e["kind"] == "fill":
                side, limit = limits.get(key, (e["side"], e["px_nano"]))
                assert e["px_nano"] <= limit if side == slow.BUY else e["px_nano"] >= limit
                bought += e["qty"] * (e["side"] == slow.BUY)
                sold += e["qty"] * (e["side"] == slow.SELL)
            assert e["shown"] <= e["leaves"]
    assert bought == sold > 0


# --- negatives ------------------------------------------------------------------------------------


class LastInFirstOut(Slow):
    class Market(Market):
        def rest(self, order: Order) -> None:
            super().rest(order)
            queue = self.sides[order.side]
            queue.remove(order)
            ahead = sum(1 for o in queue if o.px != order.px and o.accepts(order.px))
            queue.insert(ahead, order)

    def __init__(self, n_instruments: int, **config: int) -> None:
        super().__init__(n_instruments, **config)
        self.markets = [self.Market() for _ in range(n_instruments)]


class TradesAtTheNewPrice(Slow):
    def trade(self, first: Order, second: Order, qty: int, px: int, flags: int = 0) -> None:
        super().trade(first, second, qty, px if second.px == slow.PX_NONE else second.px, flags)


class FillsOrKillsWithoutCounting(Slow):
    def count(self, t: Order, limit: int) -> int:
        return t.leaves


class KnowsNoOwners(Slow):
    def prevent(self, older: Order, younger: Order) -> None:
        super().prevent(younger, older)


class TriggersSellsFirst(Slow):
    def first_due(self, market: Market) -> Order | None:
        due = super().first_due(market)
        if due is not None and due.side == slow.BUY:
            buys, market.stops = market.stops[slow.BUY], ([], market.stops[slow.SELL])
            other = super().first_due(market)
            market.stops = (buys, market.stops[slow.SELL])
            return other or due
        return due


class TrailsWithoutSteps(Slow):
    def trailed(self, market: Market, order: Order) -> int:
        step, order.step = order.step, 0
        to = super().trailed(market, order)
        order.step = step
        return to


class FindsNoChains(Slow):
    def chain(self, market: Market) -> tuple[int, int] | None:
        return None


class SlipsWithoutEnd(Slow):
    def limit_of(self, t: Order) -> int:
        t.slippage = -1
        return super().limit_of(t)


class AcceptsPassedStops(Slow):
    def passed(self, market: Market, side: int, stop: int) -> bool:
        return False


WRONG = (
    *(LastInFirstOut, TradesAtTheNewPrice, FillsOrKillsWithoutCounting, KnowsNoOwners),
    *(TriggersSellsFirst, TrailsWithoutSteps, FindsNoChains, SlipsWithoutEnd, AcceptsPassedStops),
)


@pytest.mark.parametrize("wrong", WRONG)
def test_an_oracle_that_is_wrong_in_one_thing_is_told_apart(wrong: type[Slow]) -> None:
    assert any(differs(wrong, seed) for seed in range(20))


def differs(wrong: type[Slow], seed: int) -> bool:
    pair = Pair(slow.LAST, wrong)
    try:
        play(pair, seed, 25)
    except AssertionError:
        return True
    return False


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dates are forgotten."""
    monkeypatch.setattr(slow_match_venue, "expire", lambda slow: None)


@pytest.mark.usefixtures("late")
def test_an_oracle_without_dates_is_told_apart() -> None:
    assert any(differs(Slow, seed) for seed in range(4))
