"""Trials: an engine, or the reflector of the null bench, and a rig, on a CPU each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.clock import Clock
from engine.market import Stream
from engine.net.port import Port


class Limits(NamedTuple):
    """What the risk check holds every order to; zero is a missing limit and refuses all of them.

    Notional in whole units of the quote currency, the position in lots, the band in 1e-4 of mid.
    """

    max_qty: int
    max_notional: int
    max_position: int
    band_bps: int
    rate_per_s: int
    rate_burst: int
    max_open: int


class Strategy(NamedTuple):
    """The reference rule of csrc/trade/strategy.h; the spread in 1e-9 of the quote currency.

    `is_day`: what is not filled at once rests with the venue; else it is cancelled.
    """

    threshold_permille: int
    every: int
    order_qty: int
    max_spread_nano: int
    is_day: bool = False


class Rules(NamedTuple):
    """How the venue answers: each k-th valid order meets a rule; 0: none does.

    csrc/rig/trial/counterparty.h has the rules. Without any, every order is filled whole. Up to
    `max_resting` orders rest; an engine that gives no sign of life for `silence_ns` loses them
    all, with 0 it may be silent for ever.
    """

    reject_every: int = 0
    hold_every: int = 0
    part_every: int = 0
    max_resting: int = 0
    silence_ns: int = 0


class Tripper(IntEnum):
    """Who trips the kill switch in a trial."""

    RIG = 0  # the rig's thread, between two frames
    THREAD = 1  # a thread that it wakes
    OTHERS = 2  # whoever has the board; the rig watches


class Trips(NamedTuple):
    """Trips of the kill switch in a trial (csrc/rig/trial/kill_trial.h); without any nothing is
    watched.

    The first comes after `first_frame` frames, each other `every_frames` to twice as many after the
    one before was over. When all is settled, what comes late is watched for during `late_ns`; what
    is not settled within `timeout_ns` is given up.
    """

    n: int = 0
    tripper: Tripper = Tripper.RIG
    first_frame: int = 0
    every_frames: int = 0
    seed: int = 1
    late_ns: int = 0
    timeout_ns: int = 0


class Stop(NamedTuple):
    """The process `pid` of a foreign engine gets `signal` when frame number `frame` is due."""

    pid: int = 0
    signal: int = 0
    frame: int = 0


class Line(NamedTuple):
    """One line of a bench: what the rig sends there the engine receives, and the other way round.

    The ports are in use until the trial is closed.
    """

    rig: Port
    engine: Port


class RigEnd(NamedTuple):
    """The rig's end of a line whose other end is a program's own: a foreign engine."""

    rig: Port


# Mirrors struct rl_taped of csrc/rig/trial/tape.h: an order, and the message that it names.
TAPED = np.dtype(
    [
        ("trigger", "<u8"),
        ("sent_tsc", "<u8"),
        ("received_tsc", "<u8"),
        ("px_nano", "<i8"),
        ("qty", "<u8"),
        ("side", "<u8"),
        ("symbol", "S32"),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """Every valid order of a trial (dtype TAPED), as it came; `n_beyond` more had no room.

    `stop_tsc` is when a foreign engine had been told to stop, `stop_seq` the first message sent
    after that; 0: it was not.
    """

    orders: npt.NDArray[np.void]
    n_beyond: int
    stop_tsc: int
    stop_seq: int

    @classmethod
    def of(cls, held: _core.Trial) -> Tape:
        """Of a trial that is over."""
        raw = held.tape()
        orders = np.frombuffer(raw["orders"] or b"", dtype=TAPED)
        return cls(orders, raw["n_beyond"], raw["stop_tsc"], raw["stop_seq"])


NO_RULES = Rules()
NO_TRIPS = Trips()
NO_STOP = Stop()


@contextmanager
def trial(
    stream: Stream,
    *,
    clock: Clock,
    due_ns: npt.NDArray[np.uint64],
    span_ns: int,
    n_frames: int,
    n_warmup: int,
    drain_ns: int,
    cpu_engine: int,
    cpu_rig: int,
    limits: Limits,
    strategy: Strategy,
    n_instruments: int,
    n_orders: int,
    ring_bytes: int,
    n_audit_slots: int,
    n_qty_decimals: int = 0,
    reflect_every: int = 0,
    rules: Rules = NO_RULES,
    trips: Trips = NO_TRIPS,
    board_dir: str | os.PathLike[str] | None = None,
    pack: int = 1,
    first_seq: int = 1,
    is_faulty: bool = False,
    market: Line | RigEnd | None = None,
    orders: Line | RigEnd | None = None,
    stage_timing: bool = False,
    n_tape: int = 0,
    stop: Stop = NO_STOP,
) -> Iterator[_core.Trial]:
    """A trial that is ready to start, and closed at the end whatever happens.

    Frame i is due at i // len(due_ns) * span_ns + due_ns[i % len(due_ns)] ns after the start; the
    first `n_warmup` of `n_frames` are not measured. A frame of a made ITCH stream holds `pack`
    messages, and its numbers begin at `first_seq`. Without ports the lines are shared memory; with
    `is_faulty` somebody loses or repeats frames there, and keeps the account of it. `reflect_every`
    above 0 puts the reflector in the place of the engine; with a RigEnd for each line a program of
    somebody else's is there, which may be told to `stop`. The first `n_tape` orders are kept for
    Tape.of. Raises EngineError with a sentence for what makes no sense or cannot be had here.
    """
    held = _core.Trial(
        stream=stream,
        due_ns=due_ns,
        span_ns=span_ns,
        n_frames=n_frames,
        n_warmup=n_warmup,
        drain_ns=drain_ns,
        cpu_engine=cpu_engine,
        cpu_rig=cpu_rig,
        tsc_hz=clock.tsc_hz,
        is_reflect=reflect_every > 0,
        reflect_every=max(reflect_every, 1),
        stage_timing=stage_timing,
        n_instruments=n_instruments,
        n_orders=n_orders,
        n_qty_decimals=n_qty_decimals,
        ring_bytes=ring_bytes,
        n_audit_slots=n_audit_slots,
        limits=limits,
        strategy=strategy,
        rules=rules,
        kill=trips,
        board_dir=board_dir,
        n_pack=pack,
        first_seq=first_seq,
        is_faulty=is_faulty,
        market=_ends(market),
        orders=_ends(orders),
        n_tape=n_tape,
        stop=stop,
    )
    try:
        yield held
    finally:
        held.close()


def _ends(line: Line | RigEnd | None) -> tuple[_core.Port, _core.Port | None] | None:
    if line is None:
        return None
    return line.rig.core, line.engine.core if isinstance(line, Line) else None
