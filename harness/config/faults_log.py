"""Faults of the audit log: its sender is killed, its ring or its disk full, its power gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from harness.config.fault import Fault, Need
from harness.config.fields import PositiveDuration
from harness.config.loader import FieldFault

START_NS = 50_000_000  # roughly, of a process and the recovery of its log
MOUNTS_NS = 150_000_000  # roughly, of two images


class SenderKilled(Fault):
    """A process that logs orders dies by SIGKILL, `kills` times, each `within` its start.

    Moments are drawn with the scenario's seed. Every process goes on with the log of the one before
    it. An order leaves when its record has found room in the ring of the log.
    """

    observes: ClassVar[Mapping[str, str]] = {
        "killed": "senders that SIGKILL ended",
        "orders_sent": "that left",
        "orders_logged": "that are in the recovered log; the rest waited in the ring, not durable",
        "durable_lost": "records that had been called durable and are not in the recovered log",
        "ids_repeated": "order ids that are in the log twice",
        "broken": "recoveries that found worse than a torn tail; and a log not whole in the end",
    }
    needs: ClassVar[tuple[Need, ...]] = ("root",)

    kind: Literal["sender_killed"]
    kills: Annotated[int, Field(ge=1, le=1000)] = 10
    within_ns: Annotated[PositiveDuration, Field(alias="within", le=1_000_000_000)] = 50_000_000

    def measured_ns(self) -> int:
        return self.kills * (START_NS + self.within_ns)


class LogDiskFull(Fault):
    """The disk of the log has `kib` KiB and is full before all `orders` are logged.

    The sender asks the log how it is before each batch, as the kill switch does: on the emergency
    space, and after it, orders are refused.
    """

    observes: ClassVar[Mapping[str, str]] = {
        "orders": "wanted",
        "orders_sent": "that left",
        "orders_refused": "that did not leave, since the log was not well",
        "unlogged": "orders that left and are not in the log",
        "told": "1: the log says itself that it failed",
        "broken": "1: the log is neither whole nor torn",
        "goes_on": "1: a new writer continues it once there is room",
    }
    needs: ClassVar[tuple[Need, ...]] = ("root",)

    kind: Literal["log_disk_full"]
    kib: Annotated[int, Field(ge=256, le=16384)] = 512
    orders: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000


class PowerLost(Fault):
    """The power goes `cuts` times under a sender, each `within` the first durable record.

    Each time on a new ext4, an image that is copied under the stopped sender and mounted again:
    what was only in the page cache is not in it.
    """

    observes: ClassVar[Mapping[str, str]] = {
        "cuts": "power losses",
        "durable": "records that had been called so",
        "durable_lost": "of these, such as are gone",
        "broken": "logs that are worse than torn, or that no writer can continue",
    }
    needs: ClassVar[tuple[Need, ...]] = ("root", "loop devices and ext4")

    kind: Literal["power_lost"]
    cuts: Annotated[int, Field(ge=1, le=1000)] = 5
    within_ns: Annotated[PositiveDuration, Field(alias="within", le=500_000_000)] = 100_000_000

    def measured_ns(self) -> int:
        return self.cuts * (START_NS + MOUNTS_NS + self.within_ns)


class LogRingFull(Fault):
    """Nobody empties the ring of the log, which has room for `room` records: its writer is stuck.

    The order manager tries `orders` orders, then the ring is emptied once, and it tries one more.
    """

    observes: ClassVar[Mapping[str, str]] = {
        "orders": "tried",
        "orders_sent": "that left",
        "orders_refused": "that did not leave, since the log had no room",
        "unlogged": "orders that left and are not in the log",
        "goes_on": "1: an order leaves once the ring has been emptied",
    }

    kind: Literal["log_ring_full"]
    room: Annotated[int, Field(ge=64, le=1024)] = 64
    orders: Annotated[int, Field(ge=1, le=1000)] = 500

    @model_validator(mode="after")
    def _has_room_for_powers_of_two(self) -> LogRingFull:
        if self.room & (self.room - 1):
            raise FieldFault(("room",), f"not a power of two: {self.room}")
        return self


LogFault = SenderKilled | LogDiskFull | LogRingFull | PowerLost
