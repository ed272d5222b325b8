"""No function of the extension keeps memory: called again and again, it holds as many blocks."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from reference.oms_pair import Clock
from reference.wide_limits import limits, rows

from engine import _core
from engine.exchange.match import EVENT, REQUEST
from engine.exchange.match import Op as MatchOp
from engine.exchange.server import ExchangeServer, Server
from engine.market.books import LEVEL, QUEUED
from engine.trade import Oms, buy
from engine.trade.audit import RECORD
from engine.trade.positions import LedgerView

N_CALLS = 2_000
N_BLOCKS = 10  # that may come and go: caches of the interpreter, not ours
Call = Callable[[], object]

# Of market data and trials: their functions take what whole tests prepare.
ELSEWHERE = (
    *("BookViews", "Books", "Dictionary", "EngineError", "Feed", "Hist", "Player", "Trial"),
    *("FixAcceptor", "FixSession"),  # test_conformance_session.py
    "drill_run",  # maps an arena a call, too slow to be called so often: test_mischief_config.py
    *("Port", "Impair", "Wire", "Xdp", "port_", "ping_", "flood_", "live_", "echo_"),
    *("frame_", "wire_", "backend_"),  # these two lines: test_net_leaks.py
    *("canary", "clock_", "component", "fix_", "itch_", "ouch_", "probe_", "replay_", "synth"),
)
# Once for good, or starts a thread.
ONCE = {
    "AuditWriter.abandon",
    "AuditWriter.close",
    "AuditWriter.rotate",
    "AuditWriter.start",
    "Exchange.close",
    "Exchange.start",
    "Exchange.stop",
    "KillBoard.close",
    "KillBoard.on_signal",
    "KillBoard.persist",
    "Ledger.close",
    "Oms.close",
}


def names() -> Iterator[str]:
    """Every function, method and property that the order side has in the extension."""
    for name, value in vars(_core).items():
        if name.startswith("_") or name.startswith(ELSEWHERE):
            continue
        if isinstance(value, type):
            yield from (f"{name}.{m}" for m in vars(value) if not m.startswith("_"))
        elif callable(value):
            yield name


def takes(name: str) -> bool:
    """Whether it can be called with arguments: no property."""
    owner, _, member = name.partition(".")
    return callable(vars(getattr(_core, owner))[member] if member else getattr(_core, owner))


def grown(call: Call, n: int = N_CALLS) -> int:
    """Blocks that are held after n calls and were not before; the least of six tries."""
    for _ in range(20):  # caches fill
        call()
    least = sys.maxsize
    for is_again in (False, True, True, True, True, True):
        if is_again:  # what waits for the collector is no leak
            gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(n):
            call()
        if is_again:
            gc.collect()
        least = min(least, sys.getallocatedblocks() - before)
        if least <= N_BLOCKS:
            break
    return least


def refused(call: Callable[..., object], *arguments: object) -> Call:
    def once() -> None:
        try:
            call(*arguments)
        except (TypeError, ValueError, OSError):
            return
        raise AssertionError("it was taken")

    return once


def either(call: Call) -> Call:
    """Whether it is refused depends on what was called before."""

    def once() -> None:
        with contextlib.suppress(ValueError):
            call()

    return once


class Bench:
    """One of each type, in a state in which every method has something to do."""

    def __init__(self, where: Path) -> None:
        self.table = _core.OrderTable(n_slots=64, n_execs=16, epoch=1)
        self.id = self.table.next_id()
        self.table.sent(self.id, 0, 10, 5, 0, 0, 0, 0, 0, 0, 0, 0)
        self.set = limits()
        self.oms_ = Oms(self.set, n_records=1 << 18, clock=Clock())
        self.oms_.start()
        self.oms_.quote(0, 99, 101)
        self.oms = self.oms_._core
        self.sent = int(self.oms_.send(buy(10, 100)))  # type: ignore[arg-type]
        self.oms_.stop()
        self.records = np.array(self.oms_.drain())
        self.board = _core.KillBoard()
        self.ledger = _core.Ledger(methods=b"\0\1", n_instruments=2, n_fifo_lots=64, memory=None)
        self.reader = LedgerView(memoryview(self.ledger))  # type: ignore[arg-type]
        self.log = where / "log"
        self.writer = _core.AuditWriter(self.log, 10**9, segment_bytes=1 << 20)
        self.record = np.zeros(1, RECORD)
        self.rows = rows()
        self.out = np.array(self.set.memory)
        self.match = _core.Match(1, 16, 0, 16, 4, 16, 1, 0, 0, 1)
        self.requests, self.times = np.zeros(2, REQUEST), np.zeros(2, np.uint64)
        self.requests["op"] = MatchOp.NEW, MatchOp.CANCEL
        self.requests["id"], self.requests["qty"], self.requests["px_nano"] = 1, 5, 5
        self.exchange = ExchangeServer(Server(fix=":0", numbers={"n_orders": 64}))._core
        self.events = np.zeros(8, EVENT)
        self.match.take(
            np.array([(3, 0, 0, 5, 0, 0, 0, 0, 5) + (0,) * 14], REQUEST), self.times[:1]
        )

    def calls(self) -> dict[str, Call]:
        t, m, k, b, w = self.table, self.oms, self.board, self.ledger, self.writer
        x, out, levels = self.match, self.events, np.zeros(4, LEVEL)
        queued = np.zeros(4, QUEUED)
        id, now = self.id, 10**9
        message = 0, 10, 5, 0, 0, 0, 0, 0, 0, 0, 0
        found: dict[str, Call] = {
            "OrderTable.next_id": t.next_id,
            "OrderTable.next_cancel_id": t.next_cancel_id,
            "OrderTable.sent": lambda: t.sent(id, *message),
            "OrderTable.cancel_sent": lambda: t.cancel_sent(t.next_cancel_id(), id),
            "OrderTable.replace_sent": lambda: t.replace_sent(t.next_id(), id, 5, None),
            "OrderTable.event": lambda: t.event(5, id, 0, 7, 0, 1, 5),
            "OrderTable.disconnect": lambda: t.disconnect(0),
            "OrderTable.find": lambda: t.find(id),
            "OrderTable.open": t.open,
            "OrderTable.hash": t.hash,
            "OrderTable.check": t.check,
            "OrderTable.counts": t.counts,
            "Oms.send": lambda: m.send(now, 9, *message[1:]),
            "Oms.replace": lambda: m.replace(now, self.sent, 5, None),
            "Oms.cancel": lambda: (m.cancel(now, self.sent), m.drain()),
            "Oms.event": lambda: (m.event(now, 5, self.sent, 0, 7, 0, 1, 5), m.drain()),
            "Oms.session": lambda: (m.session(now, 0, 1), m.drain()),
            "Oms.fee": lambda: (m.fee(now, 0, 0, 0, 0, 5), m.drain()),
            "Oms.quote": lambda: m.quote(now, 0, 99, 101, 1, 1),
            "Oms.ready": lambda: m.ready(0, 15, 0, 0),
            "Oms.poll": lambda: (m.poll(now), m.drain()),
            "Oms.trip": lambda: (m.trip(now, 1, 0, 2), m.drain()),
            "Oms.set_state": lambda: (m.set_state(now, 0, 0, 0), m.drain()),
            "Oms.use_limits": lambda: (m.use_limits(now, self.set.memory), m.drain()),
            "Oms.override": refused(m.override, now, 1, 1, now + 1, 0, 1, 2, 3, 0),
            "Oms.note_feed": lambda: (m.note_feed(now, 0, 1), m.drain()),
            "Oms.note_clock": lambda: (m.note_clock(now, 1, -1, 1), m.drain()),
            "Oms.stop": lambda: (m.stop(now), m.drain()),
            "Oms.request_reset": either(m.request_reset),
            "Oms.arm": refused(m.arm, 99, 255, 0),
            "Oms.draining": m.draining,
            "Oms.drained": lambda: m.drained(0),
            "Oms.open_orders": lambda: m.open_orders(0, 0),
            "Oms.position": lambda: m.position(0, 0),
            "Oms.account": lambda: m.account(0),
            "Oms.state": lambda: m.state(0, 0),
            "Oms.is_tripped": lambda: m.is_tripped(0, 0),
            "Oms.why": m.why,
            "Oms.hash": m.hash,
            "Oms.verify": m.verify,
            "Oms.counter_names": _core.Oms.counter_names,
            "Oms.heard": m.heard,
            "Oms.drain": m.drain,
            "Oms.find": lambda: m.find(self.sent),
            "KillBoard.active": lambda: k.active,
            "KillBoard.trip": lambda: k.trip(1, 0, 2, 0),
            "KillBoard.allows": lambda: k.allows(0, 0, 0, 0),
            "KillBoard.is_tripped": lambda: k.is_tripped(0, 0),
            "KillBoard.why": k.why,
            "KillBoard.tripped": k.tripped,
            "KillBoard.notes": k.notes,
            "KillBoard.acknowledge": k.acknowledge,
            "KillBoard.seen": k.seen,
            "KillBoard.beat": lambda: k.beat(0),
            "KillBoard.draining": k.draining,
            "KillBoard.drained": lambda: k.drained(0),
            "KillBoard.request": k.request,
            "KillBoard.arm": refused(k.arm, 99, 255, 0),
            "KillBoard.set_active": lambda: k.set_active(0),
            "KillBoard.file": k.file,
            "KillBoard.judge": lambda: k.judge([], 10**9),
            "Ledger.fill": lambda: b.fill(0, 0, 0, 5, 1),
            "Ledger.execute": lambda: b.execute(0, 0, 0, 5, 1, 0, None, 0, None),
            "Ledger.move": lambda: b.move(0, 0, 0, 0, None, 0, None),
            "Ledger.bust": lambda: b.bust(0, 0, 0, 5, 1),
            "Ledger.correct": lambda: b.correct(0, 0, 0, 5, 1, 6, 1),
            "Ledger.fee": lambda: b.fee(0, 0, 5),
            "Ledger.mark": lambda: b.mark(0, 5, now),
            "Ledger.position": lambda: b.position(0, 0),
            "Ledger.foresee": lambda: b.foresee(0, 0, 0, 0, None, 1, 5),
            "Ledger.account": lambda: b.account(0),
            "Ledger.limits": lambda: b.limits(0),
            "Ledger.hash": b.hash,
            "Ledger.check": b.check,
            "AuditWriter.append": lambda: (w.append(self.record), w.step()),
            "AuditWriter.step": w.step,
            "AuditWriter.commit": w.commit,
            "AuditWriter.position": lambda: w.position,
            "AuditWriter.durable": lambda: w.durable,
            "AuditWriter.error": lambda: w.error,
            "Exchange.turn": lambda: self.exchange.turn(0),
            "Exchange.decide": lambda: self.exchange.decide("phase", phase=1),
            "Exchange.counters": self.exchange.counters,
            "Exchange.ends": self.exchange.ends,
            "Exchange.mischief": self.exchange.mischief,
            "Exchange.sessions": self.exchange.sessions,
            "Exchange.addresses": self.exchange.addresses,
            "Exchange.n_bytes": lambda: self.exchange.n_bytes,
            "Match.take": lambda: (x.take(self.requests, self.times), x.drain(out)),
            "Match.drain": lambda: x.drain(out),
            "Match.depth": lambda: x.depth(0, 0, False, levels),
            "Match.queue": lambda: x.queue(0, 0, 5, False, queued),
            "Match.n": lambda: x.n(0, 0, True),
            "Match.find": lambda: x.find(0, 3),
            "Match.last_px": lambda: x.last_px(0),
            "Match.phase": lambda: x.phase(0),
            "Match.next_expiry_ns": x.next_expiry_ns,
            "Match.hash": x.hash,
            "Match.books_hash": x.books_hash,
            "Match.check": x.check,
            "match_layout": lambda: _core.match_layout(True),
            "match_names": _core.match_names,
            "audit_verify": lambda: _core.audit_verify(bytes(128)),
            "audit_names": _core.audit_names,
            "audit_scan": lambda: _core.audit_scan(self.log),
            "audit_replay": lambda: _core.audit_replay(self.log),
            "book_ops": _core.book_ops,
            "kill_tables": _core.kill_tables,
            "kill_default_dir": _core.kill_default_dir,
            "ledger_view_shape": lambda: _core.ledger_view_shape(memoryview(b)),
            "ledger_view_read": lambda: self.reader.read_positions(),
            "limits_build": lambda: self.rows.build(3),
            "limits_bytes": lambda: _core.limits_bytes(1, 1, 1, 1),
            "limits_change_layout": _core.limits_change_layout,
            "limits_compare": lambda: _core.limits_compare(self.set.memory, self.set.memory),
            "limits_layout": _core.limits_layout,
            "limits_rules": _core.limits_rules,
            "limits_tables": _core.limits_tables,
            "limits_why_not_whole": lambda: _core.limits_why_not_whole(self.set.memory),
            "oms_replay": lambda: _core.oms_replay(self.records),
            "trade_tables": _core.trade_tables,
        }
        return found

    def owner(self, name: str) -> object:
        """The function or bound method of that name."""
        first, _, method = name.partition(".")
        if not method:
            return getattr(_core, first)
        one = {
            "OrderTable": self.table,
            "Oms": self.oms,
            "KillBoard": self.board,
            "Ledger": self.ledger,
            "Match": self.match,
            "Exchange": self.exchange,
            "AuditWriter": self.writer,
        }
        return getattr(one[first], method)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("leaks"))
    yield made
    made.writer.close()
    made.exchange.close()


def test_every_function_of_the_order_side_is_counted_here(bench: Bench) -> None:
    missing = set(names()) - set(bench.calls()) - ONCE
    assert missing == set(), "give an example in Bench.calls"


FEWER = {
    *("audit_scan", "audit_replay", "AuditWriter.append", "AuditWriter.commit"),
    *("limits_build", "oms_replay"),
}


@pytest.mark.parametrize("name", sorted(set(names()) - ONCE))
def test_calls_do_not_add_up(bench: Bench, name: str) -> None:
    call = bench.calls()[name]
    assert grown(call, 200 if name in FEWER else N_CALLS) <= N_BLOCKS


@pytest.mark.parametrize("name", sorted(name for name in set(names()) - ONCE if takes(name)))
def test_refused_calls_do_not_add_up(bench: Bench, name: str) -> None:
    function = bench.owner(name)
    hostile = (object(),) * 20  # more than any takes
    assert grown(refused(function, *hostile), 500) <= N_BLOCKS


@pytest.mark.usefixtures("counted_blocks")
def test_a_leak_is_noticed() -> None:
    kept: list[object] = []
    assert grown(lambda: kept.append(object())) > N_BLOCKS
