"""A sender of orders with an audit log, for those who want to see what a fault leaves of the log.

    sender = Sender(log, epoch=1)
    sender.start()
    status = sender.kill()

The sender is a child process. Its orders have ids that its epoch makes unique, and it tells after
each batch how many have left and up to which record the disk has them.
"""

from __future__ import annotations

import mmap
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine import EngineError
from engine.trade import audit
from engine.trade.audit import AuditWriter, Fault, Kind
from harness.bench.worker import die_with
from harness.errors import HostError

TSC_HZ = 1_000_000_000
SEGMENT_BYTES = 64 << 10
EMERGENCY_BYTES = 64 << 10
N_SLOTS = 512  # 32 KiB: what waits in a full ring fits the emergency space
N_AT_ONCE = 50
EPOCH_SHIFT = 40
LAST_EPOCH = 1 << 20  # of a writer that only shows that the log goes on
START_S = 20.0
STARTED = 16  # byte of what a sender tells: it has its log


@dataclass(slots=True)
class Sender:
    """A child that sends; `lasts_s` long, and then it ends its log, or until it is ended."""

    log: Path
    epoch: int
    lasts_s: float | None = None
    loses_sync: bool = False
    pid: int = 0
    _told: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, mmap.PAGESIZE))

    def start(self) -> None:
        """Returns when it has its log. HostError: it never had one."""
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self._send(parent)
        until = time.monotonic() + START_S
        while not self._told[STARTED] and time.monotonic() < until:
            time.sleep(0.0005)
        if not self._told[STARTED]:
            self.kill()
            raise HostError(f"sender {self.epoch} did not start")

    @property
    def sent(self) -> int:
        """Orders that have left."""
        return int.from_bytes(self._told[:8], "little")

    @property
    def durable(self) -> int:
        """The last record that it has called durable."""
        return int.from_bytes(self._told[8:16], "little")

    def stop(self) -> None:
        """It stands still from here on."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)

    def kill(self) -> int:
        """Its wait status."""
        os.kill(self.pid, signal.SIGKILL)
        return self.end()

    def end(self) -> int:
        """Its wait status, when it has come to its own end."""
        return os.waitpid(self.pid, 0)[1]

    def _send(self, parent: int) -> None:
        code = 1
        try:
            die_with(parent)
            log, sent = writer(self.log, self.epoch, loses_sync=self.loses_sync), 0
            self._told[STARTED] = 1
            began = time.monotonic()
            while self.lasts_s is None or time.monotonic() < began + self.lasts_s:
                sent += log.append(orders(self.epoch, sent, N_AT_ONCE))
                self._told[:8] = sent.to_bytes(8, "little")
                log.step()
                self._told[8:16] = durable_number(log).to_bytes(8, "little")
                time.sleep(0.0002)
            stop = np.zeros(1, audit.RECORD)
            stop["kind"], stop["tsc"] = Kind.STOP, sent
            log.append(stop)
            log.close()
            self._told[8:16] = durable_number(log).to_bytes(8, "little")
            code = 0
        finally:
            os._exit(code)


def durable_number(log: AuditWriter) -> int:
    """The last record that the disk has, as the writer says."""
    return int(log.words["durable_number"])


def first_id(epoch: int) -> int:
    """Ids of one start of a process; the next start has others."""
    return (epoch << EPOCH_SHIFT) + 1


def writer(log: Path, epoch: int, *, loses_sync: bool = False) -> AuditWriter:
    """A log of small segments; with `loses_sync` one that says durable and does not sync."""
    return AuditWriter(
        log,
        tsc_hz=TSC_HZ,
        segment_bytes=SEGMENT_BYTES,
        emergency_bytes=EMERGENCY_BYTES,
        n_slots=N_SLOTS,
        commit_ns=1_000_000,
        id_epoch=epoch,
        loses_sync=loses_sync,
    )


def orders(epoch: int, first: int, n: int) -> npt.NDArray[np.void]:
    """Records of the orders `first`, `first` + 1 ... of an epoch, as sent."""
    records = np.zeros(n, audit.RECORD)
    records["kind"] = Kind.SENT
    records["tsc"] = first + np.arange(n)
    records["id"] = first_id(epoch) + first + np.arange(n)
    return records


def records_of(log: Path, verdict: audit.Verdict) -> npt.NDArray[np.void]:
    """All that is proven of a log."""
    parts = [segment.records for segment in audit.read(log, verdict=verdict)]
    return np.concatenate([np.zeros(0, audit.RECORD), *parts])


def is_ended(records: npt.NDArray[np.void]) -> bool:
    """Whether the last sender came to its own end."""
    return len(records) > 0 and records["kind"][-1] == Kind.STOP


def goes_on(log: Path, head_number: int) -> bool:
    """Whether the next writer continues the log, and all of it is proven again."""
    try:
        with writer(log, LAST_EPOCH) as one:
            one.append(orders(LAST_EPOCH, 0, 3))
    except (EngineError, OSError):
        return False
    verdict = audit.verify(log)
    return verdict.fault == Fault.WHOLE and verdict.head_number >= head_number + 3
