"""Trials: an engine, or the reflector of the null bench, and a rig, on a CPU each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.clock import Clock
from engine.market import Stream


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
    """The reference rule of csrc/trade/strategy.h; the spread in 1e-9 of the quote currency."""

    threshold_permille: int
    every: int
    order_qty: int
    max_spread_nano: int


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
    stage_timing: bool = False,
) -> Iterator[_core.Trial]:
    """A trial that is ready to start, and closed at the end whatever happens.

    Frame i is due at i // len(due_ns) * span_ns + due_ns[i % len(due_ns)] ns after the start; the
    first `n_warmup` of `n_frames` are not measured. `reflect_every` above 0 puts the reflector in
    the place of the engine. Raises EngineError with a sentence for what makes no sense or cannot be
    had here.
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
    )
    try:
        yield held
    finally:
        held.close()
