"""engine.trade.positions holds what the rules say in integers of any size, after every step."""

from __future__ import annotations

import copy

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from reference import positions as reference

from engine.trade.positions import NEVER, Ledger, Method

METHODS = [Method.AVERAGE, Method.FIFO]
N_INSTRUMENTS = 2
N_LOTS = 5
FAR = 2**63 - 1
MARKS = [0, 1, -7, 10**9, FAR, -FAR]  # at which the invariant is tried each time
NONE = (0, None)


class Pair:
    """The ledger in C and its reference; every step is applied to both and compared."""

    position_type = reference.Position

    def __init__(self) -> None:
        self.c = Ledger(METHODS, N_INSTRUMENTS, N_LOTS)
        self.view = self.c.view()
        self.positions = [
            [self.position_type(method is Method.FIFO) for _ in range(N_INSTRUMENTS)]
            for method in METHODS
        ]
        self.marks: list[int | None] = [None] * N_INSTRUMENTS
        self.tscs = [0] * N_INSTRUMENTS
        self.n_steps = 0
        self.n_refused = 0

    def change(self, account: int, instrument: int, *steps: tuple[object, ...]) -> bool:
        """Apply (method, arguments) to a position, all or none; what a ledger must answer."""
        self.n_steps += 1
        was = self.positions[account][instrument]
        now = copy.deepcopy(was)
        try:
            for name, *args in steps:
                if name in ("fill", "bust") and not is_execution(*args):
                    raise reference.NoRoom
                if name == "orders":
                    now.orders = list(args)
                else:
                    getattr(now, str(name))(*args)
                self.positions[account][instrument] = now
                now.check()
                self.fits(account)
        except reference.NoRoom:
            self.positions[account][instrument] = was
            self.n_refused += 1
            return False
        return True

    def fits(self, account: int) -> None:
        n_lots = sum(p.n_lots for row in self.positions for p in row if p.is_fifo)
        sums = reference.sums(self.positions[account], self.marks)
        money = (sums.realised, sums.unrealised, sums.fees, sums.gross)
        exposure = (sums.net_high, sums.net_low, sums.open_notional)
        if n_lots > N_LOTS or any(m not in reference.MONEY for m in money + exposure):
            raise reference.NoRoom

    # --- the same call to both --------------------------------------------------------------------

    def fill(self, account: int, instrument: int, side: int, px: int, qty: int) -> None:
        wanted = self.change(account, instrument, ("fill", side, px, qty))
        assert self.c.fill(account, instrument, side, px, qty) == wanted

    def bust(self, account: int, instrument: int, side: int, px: int, qty: int) -> None:
        wanted = self.change(account, instrument, ("bust", side, px, qty))
        assert self.c.bust(account, instrument, side, px, qty) == wanted

    def correct(
        self, account: int, instrument: int, side: int, was: tuple[int, int], now: tuple[int, int]
    ) -> None:
        steps = (("bust", side, *was), ("fill", side, *now))
        wanted = self.change(account, instrument, *steps)
        assert self.c.correct(account, instrument, side, *was, *now) == wanted

    def fee(self, account: int, instrument: int, fee: int) -> None:
        assert self.c.fee(account, instrument, fee) == self.change(
            account, instrument, ("fee", fee)
        )

    def mark(self, instrument: int, px: int, tsc: int) -> None:
        self.n_steps += 1
        was = self.marks[instrument]
        self.marks[instrument] = px
        try:
            for account in range(len(METHODS)):
                self.fits(account)
            self.tscs[instrument] = tsc
        except reference.NoRoom:
            self.marks[instrument] = was
            self.n_refused += 1
        assert self.c.mark(instrument, px, tsc) == (self.marks[instrument] is px)

    def send(self, account: int, instrument: int, side: int, qty: int, px: int) -> None:
        orders = self.positions[account][instrument].orders
        foreseen = self.c.foresee(account, instrument, side, NONE, (qty, px))
        wanted = self.change(account, instrument, ("orders", *orders, (side, qty, px)))
        assert self.c.move(account, instrument, side, NONE, (qty, px)) == wanted
        if wanted and self.marks[instrument] is not None:
            sums = reference.sums(self.positions[account], self.marks)
            p = self.positions[account][instrument]
            lots = (p.net + p.work(reference.BUY), p.net - p.work(reference.SELL))
            money = (sums.gross, sums.net_high, sums.net_low, sums.open_notional)
            assert foreseen == (*money, *lots)
        else:
            assert foreseen is None

    def end(self, account: int, instrument: int, at: int) -> None:
        orders = list(self.positions[account][instrument].orders)
        side, qty, px = orders.pop(at % len(orders))
        assert self.change(account, instrument, ("orders", *orders))
        assert self.c.move(account, instrument, side, (qty, px), NONE)

    def execute(self, account: int, instrument: int, at: int, px: int, qty: int) -> None:
        orders = list(self.positions[account][instrument].orders)
        side, was_qty, was_px = orders[at % len(orders)]
        now = (max(0, was_qty - qty), was_px)
        orders[at % len(orders)] = (side, *now)
        orders = [order for order in orders if order[1] > 0]
        # One change: between the two the lots would be counted twice.
        position = self.positions[account][instrument]
        if is_execution(side, px, qty):
            kept, position.orders = position.orders, orders
            wanted = self.change(account, instrument, ("fill", side, px, qty))
            if not wanted:
                position.orders = kept
        else:
            wanted = False
        assert self.c.execute(account, instrument, side, px, qty, (was_qty, was_px), now) == wanted

    # --- and then everything is compared ----------------------------------------------------------

    def compare(self) -> None:
        assert self.c.check() is None
        for a, row in enumerate(self.positions):
            for i, p in enumerate(row):
                self.compare_position(a, i, p)
            wanted = reference.sums(row, self.marks)
            account = self.c.account(a)
            assert [getattr(account, name) for name in account.__slots__] == [
                getattr(wanted, name) for name in account.__slots__
            ]
            assert self.view.read_account(a) == account
            assert account.profit == wanted.realised + wanted.unrealised - wanted.fees
            assert self.c.loss(a) in (-account.profit, 2**127 - 1)
            assert self.c.gross(a) == wanted.gross
            assert self.c.net(a) == min(max(abs(wanted.net_high), abs(wanted.net_low)), 2**127 - 1)
            held = [tsc for tsc, p in zip(self.tscs, row, strict=True) if p.net != 0]
            assert self.c.oldest_mark(a) == min(held, default=NEVER)

    def compare_position(self, account: int, instrument: int, p: reference.Position) -> None:
        seen = self.c.position(account, instrument)
        assert (seen.net, seen.cash, seen.cost) == (p.net, p.cash, p.cost)
        assert (seen.realised, seen.fees, seen.busted) == (p.realised, p.fees, p.busted)
        assert (list(seen.done), seen.n_open) == (p.done, len(p.orders))
        assert seen.working == (p.work(reference.BUY), p.work(reference.SELL))
        assert seen.mark_px_nano == self.marks[instrument]
        assert self.view.read_position(account, instrument) == seen
        for mark in MARKS:
            unrealised = seen.unrealised(mark) if seen.net else 0
            assert seen.cash + seen.net * mark == seen.realised + unrealised - seen.fees


def is_execution(side: object, px: object, qty: object) -> bool:
    assert isinstance(px, int)
    assert isinstance(qty, int)
    return side in (0, 1) and px > -(2**63) and 0 < qty < 2**63


# --- hypothesis looks for the shortest way to a difference ---------------------------------------

accounts = st.sampled_from([0, 1])
instruments = st.sampled_from([0, 1])
sides = st.sampled_from([0, 1])
near = st.integers(1, 6)
qtys = st.one_of(near, near, near, st.sampled_from([10**6, 2**62, FAR]))
prices = st.one_of(st.integers(-3, 9), st.integers(-3, 9), st.sampled_from([10**12, FAR, -FAR]))
fees = st.one_of(st.integers(-5, 5), st.sampled_from([2**126, -(2**126), 2**127 - 1, -(2**127)]))
N_EXAMPLES = 160
N_STEPS = 50


class LedgerMachine(RuleBasedStateMachine):
    n_steps_of_all = 0
    n_refused_of_all = 0
    pair_type = Pair

    def __init__(self) -> None:
        super().__init__()
        self.pair = self.pair_type()

    def position(self, account: int, instrument: int) -> reference.Position:
        return self.pair.positions[account][instrument]

    @rule(account=accounts, instrument=instruments, side=sides, px=prices, qty=qtys)
    def fill(self, **values: int) -> None:
        self.pair.fill(**values)

    @rule(account=accounts, instrument=instruments, px=prices, more=st.sampled_from([0, 0, 1, 4]))
    def close_or_flip(self, account: int, instrument: int, px: int, more: int) -> None:
        net = self.position(account, instrument).net
        self.pair.fill(account, instrument, int(net > 0), px, abs(net) + more)

    @rule(account=accounts, instrument=instruments, side=sides, px=prices, qty=near)
    def bust(self, **values: int) -> None:
        self.pair.bust(**values)

    @rule(account=accounts, instrument=instruments, side=sides, was=prices, px=prices, qty=qtys)
    def correct(
        self, account: int, instrument: int, side: int, was: int, px: int, qty: int
    ) -> None:
        done = self.position(account, instrument).done[side]
        self.pair.correct(account, instrument, side, (was, done), (px, qty))

    @rule(account=accounts, instrument=instruments, fee=fees)
    def fee(self, **values: int) -> None:
        self.pair.fee(**values)

    @rule(instrument=instruments, px=prices, tsc=st.integers(1, 9))
    def mark(self, **values: int) -> None:
        self.pair.mark(**values)

    @rule(account=accounts, instrument=instruments, side=sides, qty=qtys, px=prices)
    def send(self, **values: int) -> None:
        self.pair.send(**values)

    @precondition(lambda self: any(p.orders for row in self.pair.positions for p in row))
    @rule(at=st.integers(0, 30), px=prices, qty=st.one_of(st.none(), near), ends=st.booleans())
    def execute_or_end(self, at: int, px: int, qty: int | None, ends: bool) -> None:
        places = [(a, i) for a in (0, 1) for i in (0, 1) if self.position(a, i).orders]
        account, instrument = places[at % len(places)]
        orders = self.position(account, instrument).orders
        if ends:
            self.pair.end(account, instrument, at)
        else:
            whole = orders[at % len(orders)][1]
            self.pair.execute(account, instrument, at, px, whole if qty is None else qty)

    @invariant()
    def both_are_the_same(self) -> None:
        self.pair.compare()

    def teardown(self) -> None:
        type(self).n_steps_of_all += self.pair.n_steps
        type(self).n_refused_of_all += self.pair.n_refused


def run(machine: type[LedgerMachine], phases: tuple[Phase, ...] = tuple(Phase)) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=N_EXAMPLES,
            stateful_step_count=N_STEPS,
            deadline=None,
            phases=phases,
            report_multiple_bugs=False,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(1800)  # ten seconds of one core, and several times that on a busy host
def test_no_sequence_of_executions_and_orders_tells_ledger_and_rules_apart() -> None:
    class Machine(LedgerMachine):
        n_steps_of_all = 0
        n_refused_of_all = 0

    run(Machine)
    assert Machine.n_steps_of_all >= 7_000, Machine.n_steps_of_all
    assert Machine.n_refused_of_all >= 500, Machine.n_refused_of_all


class RoundsDown(reference.Position):
    """A seeded bug: the part of a cost is rounded down, also below zero."""

    def part(self, closed: int) -> int:
        held, cost = abs(self.net), self.cost
        part = super().part(closed)
        return part if self.is_fifo or closed == 0 else cost * closed // held


class ClosesNewestFirst(reference.Position):
    """A seeded bug: LIFO."""

    def part(self, closed: int) -> int:
        self.lots.reverse()
        part = super().part(closed)
        self.lots.reverse()
        return part


class KeepsBusts(reference.Position):
    """A seeded bug: what was taken back still counts as executed."""

    def bust(self, side: int, px: int, qty: int) -> None:
        super().bust(side, px, qty)
        self.done[side] += qty
        self.done[1 - side] += qty


class CountsBoughtOrdersAlone(reference.Position):
    """A seeded bug: open sells do not count."""

    def work(self, side: int) -> int:
        return super().work(side) if side == reference.BUY else 0


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "wrong", [RoundsDown, ClosesNewestFirst, KeepsBusts, CountsBoughtOrdersAlone]
)
def test_a_seeded_bug_is_found(wrong: type[reference.Position]) -> None:
    class WrongPair(Pair):
        position_type = wrong

    class Machine(LedgerMachine):
        pair_type = WrongPair

    with pytest.raises(AssertionError):
        run(Machine, (Phase.generate,))  # nobody will read the shortest way to it
