"""The kill board: what may not leave, why, and how the engine and its watchdog are.

    board = KillBoard.create(run_dir)     # the engine's: HALTED, whatever was before
    board = KillBoard.open(run_dir)       # everybody else's: the same memory
    board.trip(Cause.LOSS, Scope.ACCOUNT, 3)

Anybody may trip. A reset takes `request`, the approval of two people that name its epoch, and
`arm`. Who they are is checked by `redline kill` and not here, where the mode of the file decides.
Errors of the board raise EngineError, an OSError: EBUSY, ESTALE, EAGAIN say why a reset is refused.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.trade.cause import Cause, KillState
from engine.trade.orders import Scope

ALL: Final = 255  # instead of a scope: everything that is tripped
# How many there are of each scope (csrc/trade/scope.h).
ENDS: Final[Mapping[Scope, int]] = {
    Scope.GLOBAL: 1,
    Scope.VENUE: 16,
    Scope.ACCOUNT: 64,
    Scope.STRATEGY: 64,
    Scope.SYMBOL: 65535,
}

_TABLES: Final = _core.kill_tables()
BEATS: Final[tuple[str, ...]] = tuple(_TABLES["beats"])
# Where each counter stands in KillBoard.counters.
COUNTERS: Final[Mapping[str, int]] = dict(_TABLES["vitals"])

BEAT = np.dtype(
    {
        "names": ["tsc", "n", "waiting_tsc"],
        "formats": ["<u8", "<u8", "<u8"],
        "offsets": [0, 8, 16],
        "itemsize": _TABLES["beat_bytes"],
    }
)


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a rule of the watchdog can be about; `unit` is ticks, a count, or a least count."""

    name: str
    cause: Cause
    unit: str
    text: str


TRIGGERS: Final[tuple[Trigger, ...]] = tuple(
    Trigger(name.lower(), Cause(cause), ("ticks", "count", "at least")[unit], text)
    for name, cause, unit, text in _TABLES["triggers"]
)


@dataclass(frozen=True, slots=True)
class Note:
    """A trip that added something: one of the last 64."""

    cause: Cause
    scope: Scope
    index: int
    who: int  # process id
    tsc: int


@dataclass(frozen=True, slots=True)
class Status:
    """The board at one moment. `wall_ns`, `tsc` and `who` are of the first cause; 0: not known."""

    state: KillState
    epoch: int
    cause: Cause | None
    scope: Scope
    index: int
    causes: tuple[Cause, ...]
    active: tuple[Cause, ...]  # found holding at this moment: no reset while there is any
    tripped: tuple[tuple[Scope, int], ...]
    is_seen: bool  # the order thread has acted on all that is tripped
    wall_ns: int
    tsc: int
    who: int


@dataclass(frozen=True, slots=True)
class FileStatus:
    """What only a board in a run directory has."""

    is_latched: bool  # all that is tripped is on the disk
    latch_errno: int  # of the last save; 0: none
    is_engine_running: bool
    engine_pid: int
    watchdog_pid: int
    tsc_hz: int


class KillBoard:
    """A board in plain memory, or (`create`, `open`) in a run directory. Memory is shared: views of
    it are live, and `Oms(..., board=board)` obeys it."""

    def __init__(self, core: _core.KillBoard | None = None) -> None:
        self._core = core if core is not None else _core.KillBoard()

    @classmethod
    def create(cls, directory: Path, *, tsc_hz: int = 0) -> KillBoard:
        """The engine's: makes directory and board, or takes over the board that is there.

        EBUSY: another engine has it.
        """
        return cls(_core.KillBoard(directory, True, tsc_hz))

    @classmethod
    def open(cls, directory: Path) -> KillBoard:
        """A tool's. ENOENT: no engine has run there. EACCES: others may write it."""
        return cls(_core.KillBoard(directory))

    def close(self) -> None:
        """Unmap; the file stays as it is. BufferError while views are alive."""
        self._core.close()

    def __enter__(self) -> KillBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __buffer__(self, flags: int, /) -> memoryview:
        return memoryview(self._core)

    @property
    def memory(self) -> memoryview:
        """The whole board, live: what an Oms takes as its `board`."""
        return memoryview(self._core)

    # ---- Stopping -------------------------------------------------------------------------------

    def trip(
        self, cause: Cause = Cause.MANUAL, scope: Scope = Scope.GLOBAL, index: int = 0
    ) -> bool:
        """Stop a scope, at once and until two people reset it; True: this is the first cause."""
        return self._core.trip(scope, _index(scope, index), cause, os.getpid())

    def trip_on_signal(self, number: signal.Signals = signal.SIGUSR2) -> None:
        """The signal stops everything, in C: also while Python holds its lock or runs a callback.

        One board a process, until it is closed.
        """
        self._core.on_signal(number)

    def allows(self, instrument: int, venue: int = 0, account: int = 0, strategy: int = 0) -> bool:
        """May a new order or a replace of these leave?"""
        return self._core.allows(
            _index(Scope.SYMBOL, instrument),
            _index(Scope.VENUE, venue),
            _index(Scope.ACCOUNT, account),
            _index(Scope.STRATEGY, strategy),
        )

    def is_tripped(self, scope: Scope = Scope.GLOBAL, index: int = 0) -> bool:
        return self._core.is_tripped(scope, _index(scope, index))

    # ---- Looking --------------------------------------------------------------------------------

    @property
    def state(self) -> KillState:
        return KillState(self._core.why()[0])

    @property
    def epoch(self) -> int:
        return self._core.why()[5]

    @property
    def cause(self) -> Cause | None:
        """The first, since the last reset."""
        return _cause(self._core.why()[1])

    @property
    def causes(self) -> tuple[Cause, ...]:
        return _causes(self._core.why()[4])

    def status(self) -> Status:
        state, cause, scope, index, causes, epoch, tsc, wall_ns, who = self._core.why()
        return Status(
            state=KillState(state),
            epoch=epoch,
            cause=_cause(cause),
            scope=Scope(scope),
            index=index,
            causes=_causes(causes),
            active=_causes(self._core.active),
            tripped=tuple((Scope(s), i) for s, i in self._core.tripped()),
            is_seen=self._core.seen()[0],
            wall_ns=wall_ns,
            tsc=tsc,
            who=who,
        )

    def file_status(self) -> FileStatus | None:
        """None: a board in plain memory."""
        told = self._core.file()
        return None if told is None else FileStatus(*told)

    def notes(self) -> list[Note]:
        """The last trips that added something, oldest first."""
        return [
            Note(_cause(cause) or Cause.UNKNOWN, Scope(scope), index, who, tsc)
            for cause, scope, index, who, tsc in self._core.notes()
        ]

    @property
    def counters(self) -> npt.NDArray[np.uint64]:
        """Live, in the order of COUNTERS; their writers are threads of the engine."""
        n, offset = _TABLES["n_vitals"], _TABLES["vitals_offset"]
        return np.frombuffer(memoryview(self._core), np.uint64, n, offset)

    @property
    def beats(self) -> npt.NDArray[np.void]:
        """Live: tsc of the last sign of life, how many, since when work waits; as BEATS."""
        return np.frombuffer(memoryview(self._core), BEAT, len(BEATS), _TABLES["beats_offset"])

    def broken(self, rules: Sequence[str], tsc_hz: int) -> list[int]:
        """Indices of the rules, in the watchdog's words, that the board breaks at this moment."""
        return self._core.judge(rules, tsc_hz)

    # ---- The engine's part ----------------------------------------------------------------------

    def beat(self, thread: str) -> None:
        """A sign of life of one of BEATS."""
        self._core.beat(BEATS.index(thread))

    def acknowledge(self) -> None:
        """The order thread has seen all that is tripped, and acts on it."""
        self._core.acknowledge()

    @property
    def seen(self) -> tuple[bool, int, int]:
        """Whether all is acknowledged, the tsc of the last time, orders sent by then."""
        return self._core.seen()

    def draining(self) -> bool:
        """TRIPPED becomes DRAINING; False: it was not TRIPPED."""
        return self._core.draining()

    def drained(self, n_residual: int = 0) -> bool:
        """DRAINING becomes DRAINED, with so many orders left; False: it was not DRAINING."""
        return self._core.drained(n_residual)

    def set_active(self, causes: Sequence[Cause]) -> None:
        """The causes that the engine finds holding now."""
        self._core.set_active(sum(1 << cause for cause in set(causes)))

    def persist(self) -> None:
        """Save the latch, durable when it returns; milliseconds. ENOTSUP in plain memory."""
        self._core.persist()

    # ---- Resetting ------------------------------------------------------------------------------

    def request(self) -> int:
        """Ask for a reset: the epoch that approvals must name.

        EALREADY: nothing is tripped. EBUSY: its orders are not taken back yet.
        """
        return self._core.request()

    def arm(self, epoch: int, scope: Scope | None = None, index: int = 0) -> None:
        """End the trip of a scope, or of everything (None).

        ESTALE: not the epoch of the last request. EAGAIN: tripped since. EBUSY: a cause holds.
        """
        if not 0 <= epoch < 1 << 32:
            raise ValueError(f"not an epoch: {epoch}")
        if scope is None:
            self._core.arm(epoch, ALL, 0)
        else:
            self._core.arm(epoch, scope, _index(scope, index))


@contextmanager
def opened(directory: Path) -> Iterator[KillBoard]:
    """A tool's board for a while."""
    board = KillBoard.open(directory)
    try:
        yield board
    finally:
        board.close()


def default_directory() -> Path:
    """Where the board is when nobody says: $REDLINE_RUN_DIR, /run/redline/UID, /tmp/redline-UID."""
    return Path(_core.kill_default_dir())


def _index(scope: Scope, index: int) -> int:
    if not 0 <= index < ENDS[scope]:
        raise ValueError(f"no such {scope.name.lower()}: {index} (0 to {ENDS[scope] - 1})")
    return index


def _cause(number: int) -> Cause | None:
    """None for 0; a cause of a newer build is UNKNOWN."""
    if number == 0:
        return None
    try:
        return Cause(number)
    except ValueError:
        return Cause.UNKNOWN


def _causes(bits: int) -> tuple[Cause, ...]:
    return tuple(cause for cause in Cause if bits >> cause & 1)
