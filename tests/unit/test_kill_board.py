"""The kill board from Python: one memory with C, processes, signals, a Python that hangs."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from reference.oms_pair import MID, UNIT
from reference.wide_limits import limits

from engine import EngineError, _core
from engine.trade import Killed, Oms, buy
from engine.trade.cause import Cause, KillState
from engine.trade.kill import ALL, BEATS, COUNTERS, ENDS, TRIGGERS, KillBoard
from engine.trade.orders import Scope


def armed(board: KillBoard | None = None) -> KillBoard:
    board = board or KillBoard()
    if board.draining():
        assert board.drained()
    board.arm(board.request())
    return board


@pytest.fixture
def board() -> Iterator[KillBoard]:
    with armed() as board:
        yield board


# ---- One board ----------------------------------------------------------------------------------


def test_a_new_board_forbids_everything_and_says_why() -> None:
    said = KillBoard().status()
    assert (said.state, said.cause) == (KillState.HALTED, Cause.BOOT)
    assert said.tripped == ((Scope.GLOBAL, 0),)
    assert not KillBoard().allows(0)


@pytest.mark.parametrize("scope", list(Scope))
def test_a_trip_is_seen_at_once_with_all_that_is_known_of_it(
    board: KillBoard, scope: Scope
) -> None:
    index = ENDS[scope] - 1
    before = time.time_ns()
    assert board.trip(Cause.RECONCILE, scope, index)
    said = board.status()
    assert (said.cause, said.scope, said.index) == (Cause.RECONCILE, scope, index)
    assert said.tripped == ((scope, index),)
    assert said.who == os.getpid()
    assert before <= said.wall_ns <= time.time_ns()
    [note] = board.notes()
    assert (note.cause, note.scope, note.index, note.who) == (
        Cause.RECONCILE,
        scope,
        index,
        os.getpid(),
    )
    assert board.state == (KillState.TRIPPED if scope is Scope.GLOBAL else KillState.ACTIVE)


@pytest.mark.parametrize(
    ("scope", "index"),
    [(Scope.VENUE, 16), (Scope.ACCOUNT, -1), (Scope.SYMBOL, 65535), (Scope.STRATEGY, 2**32 + 5)],
)
def test_an_index_that_does_not_exist_is_refused(
    board: KillBoard, scope: Scope, index: int
) -> None:
    with pytest.raises(ValueError, match=f"no such {scope.name.lower()}"):
        board.trip(Cause.LOSS, scope, index)
    assert board.status().tripped == ()


def test_every_refusal_of_a_reset_has_its_errno(board: KillBoard) -> None:
    def errno_of(error: pytest.ExceptionInfo[EngineError]) -> int | None:
        return error.value.errno

    with pytest.raises(EngineError, match="nothing is tripped") as nothing:
        board.request()
    board.trip(Cause.LOSS)
    with pytest.raises(EngineError, match="not taken back") as busy:
        board.request()
    assert board.draining()
    assert board.drained(3)
    assert board.counters[COUNTERS["residual_orders"]] == 3
    epoch = board.request()
    with pytest.raises(EngineError, match="epoch") as stale:
        board.arm(epoch - 1)
    board.set_active([Cause.LOSS, Cause.CLOCK])
    assert set(board.status().active) == {Cause.LOSS, Cause.CLOCK}
    with pytest.raises(EngineError, match="holds") as holds:
        board.arm(epoch)
    board.set_active([])
    board.trip(Cause.LOSS)
    with pytest.raises(EngineError, match="since the request") as again:
        board.arm(epoch)
    assert [errno_of(e) for e in (nothing, busy, stale, holds, again)] == [
        errno.EALREADY,
        errno.EBUSY,
        errno.ESTALE,
        errno.EBUSY,
        errno.EAGAIN,
    ]


def test_counters_and_beats_are_live_views(board: KillBoard) -> None:
    counters, beats = board.counters, board.beats
    counters[COUNTERS["loss"]] = 1001
    assert board.broken(["loss 1000", "loss 1001", "exposure 0"], 10**9) == [0]
    board.beat("feed")
    board.beat("feed")
    assert beats["n"][BEATS.index("feed")] == 2
    assert beats["tsc"][BEATS.index("feed")] > 0
    with pytest.raises(BufferError, match="views of the board"):
        board.close()
    del counters, beats
    board.close()
    with pytest.raises(ValueError, match="closed"):
        board.trip(Cause.LOSS)


def test_a_rule_that_cannot_be_read_is_named(board: KillBoard) -> None:
    with pytest.raises(ValueError, match="rule 1: no such trigger: 'los 5'"):
        board.broken(["loss 5", "los 5"], 10**9)


def test_names_and_numbers_are_those_of_c() -> None:
    assert len(TRIGGERS) >= 14
    assert {t.cause for t in TRIGGERS} <= set(Cause)
    assert {c.name: c.value for c in Cause} == {
        name: number for name, (number, _) in _core.trade_tables()["causes"].items()
    }
    assert len(COUNTERS) == len(set(COUNTERS.values()))


def test_an_order_manager_obeys_a_board_that_others_trip(tmp_path: Path) -> None:
    engine = KillBoard.create(tmp_path)
    with KillBoard.open(tmp_path) as tool, Oms(limits(), board=engine.memory) as oms:
        assert engine.draining()
        assert engine.drained()
        oms.start()
        for instrument in (0, 1):
            oms.quote(instrument, MID - UNIT, MID + UNIT)
        assert isinstance(oms.send(buy(100, MID)), int)
        tool.trip(Cause.RECONCILE, Scope.SYMBOL, 0)
        with pytest.raises(Killed, match="differ"):
            oms.send(buy(100, MID))
        assert isinstance(oms.send(buy(100, MID, instrument=1)), int)
        tool.trip(Cause.MANUAL)
        with pytest.raises(Killed):
            oms.send(buy(100, MID, instrument=1))
        with pytest.raises(BufferError):  # the order manager looks at it
            engine.close()
    engine.close()


# ---- A slow board to hold it against ------------------------------------------------------------


class SlowBoard(RuleBasedStateMachine):
    """Every act in any order, beside a board that is a set, a list and two numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.board = KillBoard()
        self.tripped: set[tuple[Scope, int]] = {(Scope.GLOBAL, 0)}
        self.causes: list[Cause] = []
        self.booted = True
        self.state = KillState.HALTED
        self.epoch = 0
        self.asked = False  # a reset was asked for, and nothing was tripped since

    @rule(
        cause=st.sampled_from([Cause.LOSS, Cause.MANUAL, Cause.FEED_GAP, Cause.CLOCK]),
        scope=st.sampled_from(list(Scope)),
        index=st.integers(0, 2),
    )
    def trip(self, cause: Cause, scope: Scope, index: int) -> None:
        index = 0 if scope is Scope.GLOBAL else index
        assert self.board.trip(cause, scope, index) == (not self.causes)
        self.tripped.add((scope, index))
        self.causes.append(cause)
        self.asked = False
        if self.state in (KillState.HALTED, KillState.ARMING) or (
            self.state is KillState.ACTIVE and scope is Scope.GLOBAL
        ):
            self.state = KillState.TRIPPED

    @rule()
    def draining(self) -> None:
        assert self.board.draining() == (self.state is KillState.TRIPPED)
        if self.state is KillState.TRIPPED:
            self.state = KillState.DRAINING

    @rule()
    def drained(self) -> None:
        assert self.board.drained() == (self.state is KillState.DRAINING)
        if self.state is KillState.DRAINING:
            self.state = KillState.DRAINED

    @rule()
    def request(self) -> None:
        if not self.tripped or self.state in (KillState.TRIPPED, KillState.DRAINING):
            with pytest.raises(EngineError):
                self.board.request()
            return
        self.epoch += 1
        assert self.board.request() == self.epoch
        self.asked = True
        if self.state is not KillState.ACTIVE:
            self.state = KillState.ARMING

    @rule(
        late=st.sampled_from([0, 0, 0, 1]),
        scope=st.sampled_from([None, None, *Scope]),
        index=st.integers(0, 2),
    )
    def arm(self, late: int, scope: Scope | None, index: int) -> None:
        index = 0 if scope is Scope.GLOBAL else index
        if not self.asked or late:
            with pytest.raises((EngineError, ValueError)):
                self.board.arm(self.epoch - late, scope, index)
            return
        self.board.arm(self.epoch, scope, index)
        self.epoch += 1
        self.asked = False
        if scope is None:
            self.tripped.clear()
        else:
            self.tripped.discard((scope, index))
        if not self.tripped:
            self.causes.clear()
            self.booted = False
        is_halted = (Scope.GLOBAL, 0) in self.tripped
        self.state = KillState.HALTED if is_halted else KillState.ACTIVE

    @precondition(lambda self: self.tripped)
    @rule()
    def look(self) -> None:
        said = self.board.status()
        first = self.causes[0] if self.causes else Cause.BOOT
        assert said.cause == first
        assert set(said.causes) == set(self.causes) | ({Cause.BOOT} if self.booted else set())

    @invariant()
    def agrees(self) -> None:
        said = self.board.status()
        assert (said.state, said.epoch) == (self.state, self.epoch)
        assert set(said.tripped) == self.tripped

    @invariant()
    def allows_what_is_not_tripped(self) -> None:
        halted = (Scope.GLOBAL, 0) in self.tripped
        for n in range(3):
            forbidden = halted or any((scope, n) in self.tripped for scope in list(Scope)[1:])
            assert self.board.allows(n, n, n, n) == (not forbidden)
        alone = {(Scope.ACCOUNT, 1), (Scope.SYMBOL, 9), (Scope.VENUE, 9), (Scope.STRATEGY, 9)}
        assert self.board.allows(9, 9, 1, 9) == (not halted and not alone & self.tripped)


SlowBoard.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_it_agrees_with_a_board_made_of_a_set_and_a_list = SlowBoard.TestCase


# ---- Files and processes ------------------------------------------------------------------------


def python(script: str, *args: object) -> subprocess.Popen[str]:
    head = "import sys, os, time, signal\nfrom pathlib import Path\n"
    head += "from engine.trade.kill import *\nfrom engine.trade.cause import *\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + script, *map(str, args)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def until(condition: object, process: subprocess.Popen[str] | None = None) -> None:
    """Waits as long as a hanging test may."""
    assert callable(condition)
    for _ in range(20_000):
        if condition():
            return
        assert process is None or process.poll() is None
        time.sleep(0.001)
    raise AssertionError("it never came")


def test_a_board_of_a_directory_is_one_memory_and_outlives_its_engine(tmp_path: Path) -> None:
    where = tmp_path / "run"
    engine = KillBoard.create(where, tsc_hz=3_000_000_000)
    assert engine.state == KillState.TRIPPED  # there is no latch yet: nobody knows
    assert engine.cause == Cause.LATCH
    armed(engine)
    tool = KillBoard.open(where)
    assert tool.trip(Cause.LOSS, Scope.ACCOUNT, 3)
    assert not engine.allows(0, 0, 3)
    told = tool.file_status()
    assert told is not None
    assert (told.is_engine_running, told.engine_pid) == (True, os.getpid())
    assert (told.is_latched, told.tsc_hz) == (False, 3_000_000_000)
    tool.persist()
    told = tool.file_status()
    assert told is not None
    assert told.is_latched
    engine.close()
    told = tool.file_status()
    assert told is not None
    assert not told.is_engine_running
    again = KillBoard.create(where)
    assert again.state == KillState.HALTED
    assert tool.is_tripped(Scope.ACCOUNT, 3)  # held since before
    again.close()
    tool.close()


def test_what_is_wrong_with_a_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no such directory"):
        KillBoard.open(tmp_path / "none")
    with pytest.raises(EngineError, match="no engine has run here"):
        KillBoard.open(tmp_path)
    board = KillBoard.create(tmp_path)
    with pytest.raises(EngineError, match="another engine has this board"):
        KillBoard.create(tmp_path)
    board.close()
    tmp_path.chmod(0o777)
    with pytest.raises(EngineError, match="others may write"):
        KillBoard.open(tmp_path)


def test_a_signal_trips_an_engine_whose_python_is_stuck_in_one_long_call(tmp_path: Path) -> None:
    """The interpreter's lock is held by a call of C that takes far longer than this test may."""
    engine = python(
        "b = KillBoard.create(Path(sys.argv[1]))\n"
        "b.draining(); b.drained(); b.arm(b.request())\n"
        "b.trip_on_signal(signal.SIGUSR2)\n"
        "print('armed', flush=True)\n"
        "sum(range(10**12))\n",
        tmp_path,
    )
    assert engine.stdout is not None
    assert engine.stdout.readline() == "armed\n"
    with KillBoard.open(tmp_path) as board:
        assert board.allows(0)
        engine.send_signal(signal.SIGUSR2)
        until(lambda: not board.allows(0), engine)
        assert board.cause == Cause.SIGNAL
        assert board.status().who == os.getpid()
    engine.kill()
    engine.communicate()


def test_of_many_processes_one_is_first_and_all_causes_are_kept(tmp_path: Path) -> None:
    n = 3
    with KillBoard.create(tmp_path) as board:
        armed(board)
        epoch = board.epoch
        trippers = [
            python(
                "b = KillBoard.open(Path(sys.argv[1])); print(flush=True); input()\n"
                "print(b.trip(Cause(int(sys.argv[2]))))",
                tmp_path,
                Cause.LOSS + i,
            )
            for i in range(n)
        ]
        for one in trippers:
            assert one.stdout is not None
            one.stdout.readline()
        for one in trippers:
            assert one.stdin is not None
            one.stdin.write("\n")
            one.stdin.flush()
        firsts = [one.communicate()[0].strip() for one in trippers]
        said = board.status()
        assert firsts.count("True") == 1
        assert said.cause == Cause(Cause.LOSS + firsts.index("True"))
        assert said.who == trippers[firsts.index("True")].pid
        assert set(said.causes) == {Cause(Cause.LOSS + i) for i in range(n)}
        assert said.epoch == epoch


def test_255_is_everything_and_no_scope() -> None:
    assert ALL not in [int(scope) for scope in Scope]
