"""Programs of ours in a driver that need no thread: an echo, and a counter.

On veth the other end must take XDP frames: any program there will do, a counter that passes too.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Literal, Self, TypeAlias

from engine import _core

__all__ = ["XdpCount", "XdpEcho", "XdpHook"]

XdpHook: TypeAlias = Literal["auto", "native", "generic"]


class _Program:
    """Attached while it is open; a context manager. EngineError with a sentence."""

    def __init__(self, core: _core.Xdp) -> None:
        self._core = core
        self.hook = core.hook  # what was obtained: "native" or "generic"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def n_frames(self) -> int:
        """Frames sent back, or counted."""
        return self._core.n_frames

    def close(self) -> None:
        """Detach; harmless twice."""
        self._core.close()


class XdpEcho(_Program):
    """Sends frames of one UDP port back from inside the driver (csrc/net/bpf/echo.h)."""

    def __init__(
        self,
        interface: str,
        *,
        udp_port: int,
        hook: XdpHook = "auto",
        netns: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(
            _core.Xdp(
                kind="echo",
                interface=interface,
                netns=netns,
                hook=hook,
                udp_port=udp_port,
                drops=False,
            )
        )


class XdpCount(_Program):
    """Counts frames of one UDP port (0: every frame), and drops or passes them."""

    def __init__(
        self,
        interface: str,
        *,
        udp_port: int = 0,
        drops: bool = False,
        hook: XdpHook = "auto",
        netns: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(
            _core.Xdp(
                kind="count",
                interface=interface,
                netns=netns,
                hook=hook,
                udp_port=udp_port,
                drops=drops,
            )
        )
