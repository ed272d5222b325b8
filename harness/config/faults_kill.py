"""Faults that must stop trading: each way to trip the kill switch, each trigger of a watchdog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.config.fault import Fault

By = Literal[
    "tool", "file", "socket", "signal", "own_signal", "board",
    "unknown_fill", "overfill",
    "beat", "stuck", "dead",
    "feed_stale", "feed_gap", "feed_crossed",
    "audit_backlog", "audit_stall", "audit_failed", "disk_low",
    "clock_error", "clock_steps", "limits_altered", "build", "reconcile",
    "sent_over", "rejects_in_row", "loss", "exposure", "position", "sent_rate",
]  # fmt: skip


class Tripped(Fault):
    """A sender of orders is stopped `by` one of the ways there are, and tries `orders` more.

    The board is a file that the sender, a real watchdog and tools have mapped. By hand: `tool`
    (`redline-kill`), `file` (`kill.trip`), `socket`, `signal` (to the watchdog), `own_signal` (to
    the sender), `board` (another process's). By the order manager: `unknown_fill`, `overfill`. All
    others are triggers of the watchdog: the reading that breaks its rule is put on the board, where
    the thread that it belongs to would put it; with `dead` the engine is killed.
    """

    observes: ClassVar[Mapping[str, str]] = {
        "orders_before": "that left before",
        "orders_after": "that left though the board said that none may",
        "orders_refused": "attempts that the board forbade",
        "causes": "why it was tripped: how many causes",
        "cause_is_right": "1: the only cause is that of the fault",
        "latched": "1: it is on the disk",
        "left_by_next": "orders of the next engine with this board",
    }

    kind: Literal["tripped"]
    by: By
    orders: Annotated[int, Field(ge=1, le=100_000)] = 200

    def measured_ns(self) -> int:
        return 200_000_000


KillFault = Tripped
