"""A sender of orders that obeys a kill board, and the watchdog beside it.

    with Desk(directory) as desk, watchdog(directory, ["loss 1000"]):
        desk.turn()

    python -m harness.bench.kill_desk PARENT DIRECTORY

As a program it says "ready" and sends until it is killed: an engine that dies. Programs that are
started here die with who started them.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from engine import clock as engine_clock
from engine.trade import Event, EventKind, Killed, Oms, RiskState, Rows, Session, buy, sell
from engine.trade.kill import BEATS, COUNTERS, KillBoard
from engine.trade.limits import MEMBERS, RULES, SCOPES, LimitSet
from harness.bench.worker import die_with
from harness.errors import HostError

CALIBRATION_NS = 20_000_000
PATIENCE_S = 20.0
LOOK_S = 0.001
UNIT = 10**9
MID_NANO = 100 * UNIT
LOTS = 10
N_RECORDS = 1 << 12


class Desk:
    """An order manager whose orders are executed at once, and what became of its attempts.

    All is well with it but for the board, which it arms unless it is told not to.

    `after` counts orders that left though the board said beforehand that none may. One thread.
    """

    def __init__(self, directory: Path, *, arms: bool = True) -> None:
        self.tsc_hz = engine_clock.calibrate(CALIBRATION_NS).tsc_hz
        self.board = KillBoard.create(directory, tsc_hz=self.tsc_hz)
        self.oms = Oms(unlimited(), n_records=N_RECORDS, board=self.board.memory)
        self.oms.session(0, Session.RECONCILED)
        self.oms.ready(0)
        self.oms.set_state(RiskState.ACTIVE)
        if arms:
            if self.board.draining():  # a directory without a latch is born tripped
                self.board.drained()
            self.board.arm(self.board.request())
            self.board.persist()
        self.oms.quote(0, MID_NANO - UNIT, MID_NANO + UNIT)
        self.silent: set[str] = set()
        self.sent = self.after = self.refused = 0
        self._executions = 0

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """The board's file stays."""
        self.oms.close()
        self.board.close()

    def turn(self) -> None:
        """One order, executed whole, or none; signs of life of all threads."""
        self.beat()
        may_not = self.board.is_tripped()
        side = buy if self.sent % 2 == 0 else sell
        try:
            id = self.oms.send(side(LOTS, MID_NANO))
        except Killed:
            self.refused += 1
            self.board.acknowledge()
            return
        if not isinstance(id, int):
            raise HostError(f"an order was refused by risk: {id}")
        self.sent += 1
        self.after += may_not
        self.executed(id, LOTS)
        self.oms.drain()

    def is_stopped(self) -> bool:
        """Whether no order may leave any more; threads go on giving signs of life."""
        self.beat()
        return self.board.is_tripped()

    def executed(self, id: int, lots: int, px_nano: int = MID_NANO) -> None:
        """The venue says that so much of an order was."""
        self._executions += 1
        self.oms.on_event(
            Event(EventKind.FILL, id, exec=self._executions, qty=lots, px_nano=px_nano)
        )

    def beat(self) -> None:
        """Every thread of the engine that is not silent gives a sign of life."""
        for name in BEATS[:-1]:
            if name not in self.silent:
                self.board.beat(name)

    def tsc(self, ago_s: float) -> int:
        """The counter, so long ago."""
        self.board.beat("monitor")
        now = int(self.board.beats["tsc"][BEATS.index("monitor")])
        return now - int(ago_s * self.tsc_hz)

    def show(self, **readings: int) -> None:
        """Put counters on the board, as the thread of each would."""
        counters = self.board.counters
        for name, value in readings.items():
            counters[COUNTERS[name]] = value

    def reading(self, name: str) -> int:
        """A counter of the board."""
        return int(self.board.counters[COUNTERS[name]])


def unlimited() -> LimitSet:
    """One account, strategy, symbol and venue, and no limit of risk."""
    rows = Rows(n_venues=1, n_accounts=1, n_strategies=1, n_symbols=1)
    for scope in SCOPES:
        for member in MEMBERS[scope]:
            rows.of(scope)[member.word] = member.off if member.may_be_off else 1
    rows.pairs["sides"] = RULES["SIDES"]["both"]
    rows.pairs["short"] = RULES["SHORT_RULE"]["free"]
    return rows.build(version=1)


def tool(name: str) -> str:
    """The path of one of the C programs that come with the engine. HostError: it is not there."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        raise HostError(f"{name}: not installed beside the engine")
    return found


@contextlib.contextmanager
def watchdog(directory: Path, rules: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A watchdog of the board there, once it looks at it."""
    options = [word for rule in rules for word in ("--rule", rule)]
    command = [tool("redline-watchdog"), "--dir", str(directory), *options]
    with mortal(command) as process:
        with KillBoard.open(directory) as board:
            wait_for(lambda: _watched(board, process), "the watchdog did not start")
        yield process


def _watched(board: KillBoard, process: subprocess.Popen[bytes]) -> bool:
    status = board.file_status()
    return process.poll() is not None or (status is not None and status.watchdog_pid != 0)


@contextlib.contextmanager
def mortal(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program that dies with this process, and at the end of the block."""
    dies = ["setpriv", "--pdeathsig", "KILL", "--"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        [*dies, *command], stdin=quiet, stdout=subprocess.PIPE, stderr=quiet
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(holds: Callable[[], bool], otherwise: str) -> None:
    """HostError when it does not hold within PATIENCE_S."""
    until = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > until:
            raise HostError(otherwise)
        time.sleep(LOOK_S)


def main(argv: Sequence[str]) -> int:
    """Send until killed."""
    die_with(int(argv[0]))
    with Desk(Path(argv[1])) as desk:
        desk.turn()
        print("ready", flush=True)
        while True:
            desk.turn()
            time.sleep(LOOK_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
