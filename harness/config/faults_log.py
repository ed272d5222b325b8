"""Faults of who writes the audit log: a sender of orders is killed, or the disk is full."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.config.fault import Fault, Need
from harness.config.fields import PositiveDuration

START_NS = 50_000_000  # roughly, of a process and the recovery of its log


class SenderKilled(Fault):
    """A process that logs orders dies by SIGKILL, `kills` times, each `within` its start.

    Moments are drawn with the scenario's seed. Every process goes on with the log of the one before
    it. An order leaves when its record has found room in the ring of the log: `orders_sent` less
    `orders_logged` is what waited there when the process died, which is not durable by then.
    `durable_lost` counts records that had been called durable and are not in the recovered log;
    `ids_repeated` ids that are in the log twice; `broken` recoveries that found worse than a torn
    tail, or a log that is not whole in the end.
    """

    observes: ClassVar[tuple[str, ...]] = (
        "killed",
        "orders_sent",
        "orders_logged",
        "durable_lost",
        "ids_repeated",
        "broken",
    )
    needs: ClassVar[tuple[Need, ...]] = ("root",)

    kind: Literal["sender_killed"]
    kills: Annotated[int, Field(ge=1, le=1000)] = 10
    within_ns: Annotated[PositiveDuration, Field(alias="within", le=1_000_000_000)] = 50_000_000

    def measured_ns(self) -> int:
        return self.kills * (START_NS + self.within_ns)


class LogDiskFull(Fault):
    """The disk of the log has `kib` KiB and is full before all `orders` are logged.

    The sender asks the log how it is before each batch, as the kill switch does: on the emergency
    space, and after it, orders are refused. `unlogged` counts orders that left and are not in the
    log; `told` is 1 where the log says itself that it failed; `broken` is 1 where it is neither
    whole nor torn, `goes_on` 1 where a new writer continues it once there is room again.
    """

    observes: ClassVar[tuple[str, ...]] = (
        "orders",
        "orders_sent",
        "orders_refused",
        "unlogged",
        "told",
        "broken",
        "goes_on",
    )
    needs: ClassVar[tuple[Need, ...]] = ("root",)

    kind: Literal["log_disk_full"]
    kib: Annotated[int, Field(ge=256, le=16384)] = 512
    orders: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000


LogFault = SenderKilled | LogDiskFull
