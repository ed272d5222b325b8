"""Exact faults: what happens to each packet stands in a table before the first one comes."""

from __future__ import annotations

import os
from enum import IntEnum
from types import TracebackType
from typing import Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from engine import _core

__all__ = ["Action", "Direction", "Hook", "Impair"]

Hook: TypeAlias = Literal["auto", "tcx", "clsact"]
Direction: TypeAlias = Literal["ingress", "egress"]


class Action(IntEnum):
    """What a packet meets; the values are what the table holds (csrc/net/bpf/impair.h)."""

    PASS = 0
    DROP = 1
    DUPLICATE = 2  # one right behind the other; not in XDP
    CORRUPT = 3  # the payload, and the checksum so that it is delivered
    CORRUPT_FRAME = 4  # the payload, and the checksum is wrong now


class Impair:
    """Packet n of a flow meets actions[n % len(actions)]; a power of two of them.

    The flow is IPv4/UDP to `udp_port` (0: to any); all else passes uncounted. Attached to an
    interface by `attach`, or asked by an afxdp port that is opened with it. A context manager.
    """

    def __init__(
        self, actions: npt.NDArray[np.uint8], *, udp_port: int = 0, corrupt_at: int = 0
    ) -> None:
        """EngineError with a sentence: no such action, sizes, a missing right."""
        self.core = _core.Impair(
            actions=np.ascontiguousarray(actions, dtype=np.uint8),
            udp_port=udp_port,
            corrupt_at=corrupt_at,
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

    def attach(
        self,
        interface: str,
        direction: Direction = "ingress",
        *,
        hook: Hook = "auto",
        netns: str | os.PathLike[str] | None = None,
    ) -> str:
        """To one interface at a time; what was obtained: "tcx" or "clsact". Raises EngineError."""
        self.core.attach(
            interface=interface, is_egress=direction == "egress", hook=hook, netns=netns
        )
        assert self.core.hook is not None
        return self.core.hook

    def detach(self) -> None:
        """From its interface; harmless when there is none."""
        self.core.detach()

    def restart(self, actions: npt.NDArray[np.uint8] | None = None) -> None:
        """The next packet is the first of these actions, or of the same; counters are 0."""
        given = None if actions is None else np.ascontiguousarray(actions, dtype=np.uint8)
        self.core.restart(given)

    def counters(self) -> dict[str, int]:
        """The truth of what was done: csrc/net/bpf/impair.h."""
        return self.core.counters()

    @property
    def hook(self) -> str | None:
        """How it is attached to an interface."""
        return self.core.hook

    def close(self) -> None:
        """Detach and free. BufferError while a port asks it."""
        self.core.close()
