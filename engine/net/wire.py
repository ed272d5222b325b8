"""A cable of software: what comes in at one port leaves at another when a plan says so.

    with Wire([Way(a, b, WirePlan(delay_ns=10_000)), Way(b, a)], clock=clock, cpu=1) as wire:
        ...  # traffic
        wire.stop()
        print(wire.counters(0), wire.errors(0).percentile(99))

Decisions are functions of a frame's number and the seed. How well the wire kept to them it says
itself, in ns behind each frame's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, NamedTuple, Self, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.clock import Clock
from engine.net.port import Port

__all__ = ["Pause", "Shape", "Way", "Wire", "WirePlan", "wire_decide"]

Shape: TypeAlias = Literal["uniform", "normal"]  # in the order of enum rl_wire_shape


class Pause(NamedTuple):
    """Nothing leaves from at_ns to at_ns + for_ns after the start; then every every_ns."""

    at_ns: int
    for_ns: int
    every_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WirePlan:
    """What happens to the frames of one direction; csrc/rig/wire/wire_plan.h has the meanings.

    Only the frames of the flow take numbers: IPv4/UDP to `udp_port` (0: to any), or all of them.
    """

    seed: int = 1
    counts_all: bool = False
    udp_port: int = 0
    actions: npt.NDArray[np.uint8] | None = None  # engine.net.impair.Action; a power of two
    corrupt_at: int = 0
    delay_ns: int = 0
    skew_ns: int = 0
    jitter_ns: int = 0
    shape: Shape = "uniform"
    overtakes: bool = False
    reorder_ppm: int = 0
    reorder_every: int = 0
    reorder_by: int = 0
    hold_ns: int = 0
    rate_bps: int = 0
    burst_bytes: int = 0
    queue_ns: int = 0
    pauses: Sequence[Pause] = ()
    tolerance_ns: int = 0

    def as_core(self) -> tuple[object, ...]:
        """As the extension takes it."""
        if self.shape not in get_args(Shape):
            raise ValueError(f"shape: no such one: {self.shape}")
        actions = self.actions
        return (
            self.seed,
            self.counts_all,
            self.udp_port,
            None if actions is None else np.ascontiguousarray(actions, dtype=np.uint8),
            self.corrupt_at,
            self.delay_ns,
            self.skew_ns,
            self.jitter_ns,
            get_args(Shape).index(self.shape),
            self.overtakes,
            self.reorder_ppm,
            self.reorder_every,
            self.reorder_by,
            self.hold_ns,
            self.rate_bps,
            self.burst_bytes,
            self.queue_ns,
            tuple(tuple(pause) for pause in self.pauses),
            self.tolerance_ns,
        )


PASS_ON = WirePlan()


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """One direction, from a port of whole frames to another; 0: room for 1024 frames of 2048."""

    into: Port
    out: Port
    plan: WirePlan = PASS_ON
    n_slots: int = 0
    n_bytes_frame: int = 0


def wire_decide(plan: WirePlan, index: int) -> tuple[int, int, int]:
    """The fate of frame `index` of the flow: action, jitter in ns, and behind how many numbers on
    it leaves. ValueError for a plan that cannot be."""
    return _core.wire_decide(plan.as_core(), index)


class Wire:
    """Runs on `cpu` from when it is made until `stop`. EngineError with a sentence.

    It has the ports until then: they cannot be closed or used otherwise. A context manager.
    """

    def __init__(self, ways: Sequence[Way], *, clock: Clock, cpu: int) -> None:
        self._core = _core.Wire(
            ways=tuple(
                (way.into.core, way.out.core, way.plan.as_core(), way.n_slots, way.n_bytes_frame)
                for way in ways
            ),
            tsc_hz=clock.tsc_hz,
            cpu=cpu,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def counters(self, way: int) -> dict[str, int]:
        """What it did so far in one direction: csrc/rig/wire/wire.h."""
        return self._core.counters(way)

    def errors(self, way: int) -> _core.Hist:
        """How far behind its time each frame left, ns; once it has stopped (else BufferError)."""
        return self._core.errors(way)

    def waiting(self, way: int) -> int:
        """Frames that it held when it stopped: they are lost."""
        return self._core.waiting(way)

    @property
    def usage(self) -> dict[str, int]:
        """Faults and switches of its thread, once it has stopped."""
        return self._core.usage

    def stop(self) -> None:
        """Nothing more comes through, and the ports are free; harmless twice."""
        self._core.stop()

    def close(self) -> None:
        """Stop and forget; harmless twice."""
        self._core.close()
