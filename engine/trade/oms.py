"""The order manager: the one way by which orders leave, and by which answers come back.

    oms = Oms(limits)
    oms.start()  # or, one by one: sessions, what is ready, states, the kill word
    sent = oms.send(buy(100, 10_000_000_000))
    if not sent:
        print(sent)  # R07: price outside the collar ...: limit 50, actual 73

It decides, remembers and accounts; the bytes are the caller's. One thread uses it. It reads no
clock but the one it is given, so the same calls lead to the same state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from enum import IntEnum, IntFlag
from types import TracebackType
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.market.fix import Buffer, Records, view
from engine.trade.audit import RECORD
from engine.trade.cause import Cause, Killed, KillState, KillWhy
from engine.trade.limits import LimitSet
from engine.trade.money import Account, Position
from engine.trade.orders import Change, Event, Order, OrderFlag, Request, Scope, order_of
from engine.trade.risk import Reason, Refusal, RiskState, Shortfall

NS_PER_S = 1_000_000_000
RESET_ALL = 255

# What is counted (csrc/trade/oms/oms.h), and refusals by reason.
COUNTERS = np.dtype([(name.lower(), "<u8") for name in _core.Oms.counter_names()])


class Session(IntEnum):
    """What became of the order session to a venue; orders leave after RECONCILED."""

    LOST = 0
    LOGGED_ON = 1
    RECONCILED = 2


class Ready(IntFlag):
    """What must hold for orders of an instrument to leave (csrc/trade/risk/input.h)."""

    SESSION = 1
    CLOCK = 2
    PHASE = 4
    BOOK = 8
    ALL = 15


class Kill:
    """The kill word of an order manager: what stops orders, and why."""

    def __init__(self, core: _core.Oms, now: Callable[[], int]) -> None:
        self._core = core
        self._now = now

    def trip(self, cause: Cause, scope: Scope = Scope.GLOBAL, index: int = 0) -> None:
        """Stop a scope, at once and until people reset it; the first cause is kept."""
        self._core.trip(self._now(), scope, index, cause)

    def is_tripped(self, scope: Scope = Scope.GLOBAL, index: int = 0) -> bool:
        return self._core.is_tripped(scope, index)

    def why(self) -> KillWhy:
        state, cause, scope, index, causes, epoch, _ = self._core.why()
        return KillWhy(
            state=KillState(state),
            cause=Cause(cause) if cause else None,
            scope=Scope(scope),
            index=index,
            causes=tuple(c for c in Cause if causes >> c & 1),
            epoch=epoch,
        )

    def draining(self) -> bool:
        """Orders are being taken back; False when everything was not tripped."""
        return self._core.draining()

    def drained(self, n_residual: int = 0) -> bool:
        """They are, but for so many; False when nobody began."""
        return self._core.drained(n_residual)

    def request(self) -> int:
        """Ask for a reset: the epoch that approvals must name. ValueError says why not."""
        return self._core.request_reset()

    def arm(self, epoch: int, scope: Scope | None = None, index: int = 0) -> None:
        """End the trip of a scope, or all (None). ValueError says why not.

        Nobody's identity is checked here: that is for whoever may call it.
        """
        self._core.arm(epoch, RESET_ALL if scope is None else scope, index)


class Replayed(NamedTuple):
    """What a log led to: `why` says what is wrong with record `n_records`, None: nothing."""

    hash: int
    n_records: int
    n_starts: int
    n_stops: int
    why: str | None


def replay(records: Records | Buffer, *, n_fifo_lots: int = 1) -> Replayed:
    """Feed audit records to a fresh order manager; its hash is that of the one that wrote them."""
    return Replayed(*_core.oms_replay(records, n_fifo_lots))


class Oms:
    """Orders, positions, risk and the kill word of `limits`' accounts, symbols and venues.

    Accounts in `fifo` count profit by the oldest lots, the others at average cost; `fees` are 1e-9
    of the currency a lot, by venue. `n_slots` orders and requests are remembered, half of which may
    be open; `n_execs` executions tell a repeated one; `n_records` may wait in the log. `epoch`
    makes ids unique over restarts. `clock` gives the present in ns; `board` is the memory of a kill
    board that others have mapped, None: one of its own.

    It starts with everything stopped. ValueError for sizes that cannot be, MemoryError.
    """

    def __init__(
        self,
        limits: LimitSet,
        *,
        fifo: Iterable[int] = (),
        fees: Iterable[int] = (),
        n_slots: int = 1 << 12,
        n_execs: int = 1 << 12,
        n_records: int = 1 << 14,
        n_fifo_lots: int = 1 << 12,
        n_repeats: int = 1 << 10,
        n_fills: int = 1 << 10,
        epoch: int = 1,
        clock: Callable[[], int] = time.monotonic_ns,
        board: Buffer | None = None,
    ) -> None:
        self.n_accounts, self.n_instruments = limits.pairs.shape
        self.n_venues, self.n_strategies = len(limits.venues), len(limits.strategies)
        self._now = clock
        self._listeners: list[Callable[[Change], None]] = []
        counts = (self.n_accounts, self.n_instruments, self.n_venues, self.n_strategies)
        lots = sum(1 << account for account in set(fifo)), n_fifo_lots
        tables = n_slots, n_execs, n_records, n_repeats, n_fills, epoch
        self._core = _core.Oms(
            sizes=(*counts, *lots, *tables, NS_PER_S, clock()), fees=tuple(fees), board=board
        )
        self.kill = Kill(self._core, clock)
        self.use_limits(limits)

    def __enter__(self) -> Oms:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give all back; BufferError while `counters` are viewed. Later calls: ValueError."""
        self._core.close()

    def start(self) -> None:
        """Say that all is well: sessions, instruments, trading state; arm the kill word.

        For research and tests: where orders leave for real, each of these is somebody's decision.
        """
        for venue in range(self.n_venues):
            self.session(venue, Session.RECONCILED)
        for instrument in range(self.n_instruments):
            self.ready(instrument)
        self.set_state(RiskState.ACTIVE)
        self.kill.arm(self.kill.request())

    # --- messages to the venue --------------------------------------------------------------------

    def send(self, request: Request) -> int | Refusal:
        """The id of the order that was sent, or why risk refuses it.

        Raises Killed when the kill word forbids it, BufferError when the log has no room: drain it.
        """
        r = request
        return self._left(
            self._core.send(
                self._now(),
                r.side,
                r.qty,
                r.px_nano,
                r.instrument,
                r.account,
                r.strategy,
                r.venue,
                r.type,
                r.time_in_force,
                r.expire_ns,
                r.trigger,
            )
        )

    def replace(self, order_id: int, qty: int, px_nano: int | None) -> int | Refusal:
        """Ask for another total quantity (executed lots included) and price; else as `send`.

        The id is the order's once the venue accepts; until then `order_id` is.
        """
        return self._left(self._core.replace(self._now(), order_id, qty, px_nano))

    def cancel(self, order_id: int) -> int | Refusal:
        """The id of the request. Neither limits nor the kill word forbid it."""
        return self._left(self._core.cancel(self._now(), order_id))

    def mass_cancel(self, scope: Scope = Scope.GLOBAL, index: int = 0) -> list[int | Refusal]:
        """A cancel for each open order of the scope that has none pending."""
        return [self.cancel(order.id) for order in self.open_orders(scope, index)]

    def _left(
        self, answer: int | tuple[int, tuple[tuple[int, int, int], ...]] | None
    ) -> int | Refusal:
        self._tell()
        if answer is None:
            raise Killed(self.kill.why())
        if isinstance(answer, int):
            return answer
        reasons, rows = answer
        return Refusal(
            Reason(reasons),
            tuple(Shortfall(Reason(bit), limit, actual) for bit, limit, actual in rows),
        )

    # --- what happens -----------------------------------------------------------------------------

    def on_event(self, event: Event) -> OrderFlag:
        """The venue says this: what came of it. Facts are booked whatever the limits say."""
        e = event
        flags = self._core.event(
            self._now(), e.kind, e.id, e.orig_id, e.exec, e.ref_exec, e.qty, e.px_nano
        )
        self._tell()
        return OrderFlag(flags)

    def session(self, venue: int, event: Session) -> None:
        """LOST: every open order of the venue is UNKNOWN until the venue says what it is."""
        self._core.session(self._now(), venue, event)
        self._tell()

    def disconnect(self, venue: int) -> None:
        self.session(venue, Session.LOST)

    def reconcile(self, venue: int, events: Iterable[Event] = ()) -> list[OrderFlag]:
        """Log on, hear what the venue says of each order, and go on: what came of each."""
        self.session(venue, Session.LOGGED_ON)
        flags = [self.on_event(event) for event in events]
        self.session(venue, Session.RECONCILED)
        return flags

    def fee(self, request: Request, fee_nano: int) -> None:
        """What the venue charges (below 0: pays) for an order under the scopes of `request`."""
        r = request
        self._core.fee(self._now(), r.instrument, r.account, r.strategy, r.venue, fee_nano)

    def quote(
        self,
        instrument: int,
        bid_px_nano: int | None,
        ask_px_nano: int | None,
        bid_qty: int = 1,
        ask_qty: int = 1,
    ) -> None:
        """The best prices now: the reference of collars, the mark of positions."""
        self._core.quote(self._now(), instrument, bid_px_nano, ask_px_nano, bid_qty, ask_qty)

    def ready(
        self,
        instrument: int,
        ready: Ready = Ready.ALL,
        *,
        queue_delay_ns: int = 0,
        utc_ns: int = 0,
    ) -> None:
        """What holds for orders of an instrument; `utc_ns` is for GTD, 0: not known."""
        self._core.ready(instrument, ready, queue_delay_ns, utc_ns)

    def poll(self) -> bool:
        """Look at marks, positions and the kill word; whether nothing is stopped."""
        self._core.poll(self._now())
        self._tell()
        return self.kill.why().state == KillState.ACTIVE

    # --- what people decide -----------------------------------------------------------------------

    def use_limits(self, limits: LimitSet) -> None:
        """Decide by this set from now on. Who asks has seen to approvals (engine.trade.limits)."""
        self._core.use_limits(self._now(), limits.memory)

    def set_state(self, state: RiskState, scope: Scope = Scope.GLOBAL, index: int = 0) -> None:
        self._core.set_state(self._now(), scope, index, state)

    def state(self, scope: Scope = Scope.GLOBAL, index: int = 0) -> RiskState:
        """Of this scope alone; HALTED of what does not exist."""
        return RiskState(self._core.state(scope, index))

    def override(
        self,
        reasons: Reason,
        scope: Scope,
        index: int,
        *,
        principals: tuple[int, int],
        n_orders: int,
        for_ns: int,
        until_utc_ns: int = 0,
    ) -> None:
        """Let the next orders of a scope pass some limits, for a time.

        PermissionError unless two different principals say so, ValueError for reasons that cannot
        be overridden.
        """
        now = self._now()
        self._core.override(
            now, reasons, n_orders, now + for_ns, until_utc_ns, *principals, scope, index
        )

    # --- what is known ----------------------------------------------------------------------------

    def order(self, id: int) -> Order | None:
        """Also one that has ended, until its slot is needed."""
        row = self._core.find(id)
        return None if row is None else order_of(row)

    def open_orders(self, scope: Scope = Scope.GLOBAL, index: int = 0) -> list[Order]:
        return [order_of(row) for row in self._core.open_orders(scope, index)]

    def position(self, account: int, instrument: int) -> Position:
        row = self._core.position(account, instrument)
        net, buy, sell, bought, sold, busted, n_open, cash, cost, realised, fees, mark = row
        return Position(
            net, (buy, sell), (bought, sold), busted, n_open, cash, cost, realised, fees, mark
        )

    def account(self, account: int) -> Account:
        return Account(*self._core.account(account))

    def hash(self) -> int:
        """Orders, executions, positions, money and states as one number; a replay has the same."""
        return self._core.hash()

    def verify(self) -> str | None:
        """What is wrong inside, or None; looks at everything."""
        return self._core.verify()

    @property
    def counters(self) -> npt.NDArray[np.void]:
        """Live counts by name (`oms.counters["fills"]`), read-only; they forbid closing."""
        return np.frombuffer(view(cast(bytes, self._core)), COUNTERS).reshape(())

    # --- listeners and the log --------------------------------------------------------------------

    def listen(self, told: Callable[[Change], None]) -> None:
        """Call `told` with every change of an order, after all of it is booked.

        All hear of all changes of a call; what the first of them raises comes out of it then.
        """
        if not self._listeners:
            self._core.heard()
        self._listeners.append(told)

    def _tell(self) -> None:
        if not self._listeners:
            return
        error: Exception | None = None
        for flags, qty, px, undone, undone_px, was, _, now, _, row in self._core.heard():
            order = None if row is None else order_of(row)
            change = Change(OrderFlag(flags), qty, px, undone, undone_px, was, now, order)
            for told in self._listeners:
                try:
                    told(change)
                except Exception as raised:
                    error = error or raised
        if error is not None:
            raise error

    def drain(self) -> Records:
        """The audit records that wait, numbered and chained (dtype RECORD)."""
        return np.frombuffer(self._core.drain(), RECORD)

    def stop(self) -> None:
        """Write the end, with the hash that a replay must come to."""
        self._core.stop(self._now())
