"""A process whose audit log meets a fault: it is killed, or its disk is full.

It is started by harness/run/reactions/logs.py, reads one JSON object and prints one. The log
lies on a file system of memory in a mount namespace of its own, so that whatever ends this process,
even kill -9, ends the mount and all that was on it; and its children die with it.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import EngineError
from engine.trade import audit
from engine.trade.audit import AuditWriter, Fault, Health, Kind
from harness.bench import namespaces
from harness.bench.worker import die_with
from harness.errors import HostError

DISK = Path("/dev/shm")  # it is on every Linux, and nobody's program lies there
LOG = DISK / "log"
KILL_DISK_BYTES = 256 << 20
TSC_HZ = 1_000_000_000
SEGMENT_BYTES = 64 << 10
EMERGENCY_BYTES = 64 << 10
N_SLOTS = 512  # 32 KiB: what waits in a full ring fits the emergency space
N_AT_ONCE = 50
EPOCH_SHIFT = 40
START_S = 20.0
STARTED = 16  # byte of what a sender tells: it has its log


def main() -> int:
    """Do what stdin asks for; the counts go to stdout."""
    plan = json.loads(sys.stdin.readline())
    die_with(plan["parent"])
    n_bytes = plan["kib"] << 10 if plan["fault"] == "log_disk_full" else KILL_DISK_BYTES
    namespaces.leave_mounts()
    namespaces.own_disk(DISK, n_bytes)
    done = disk_full(plan) if plan["fault"] == "log_disk_full" else killed(plan)
    print(json.dumps(done), flush=True)
    return 0


def disk_full(plan: dict[str, Any]) -> dict[str, int]:
    """Send until all orders have left or been refused; then room is made, and the log goes on."""
    writer = _writer(1)
    sent = refused = 0
    while sent + refused < plan["orders"]:
        n = min(N_AT_ONCE, plan["orders"] - sent - refused)
        room = writer.append(_orders(1, sent, n)) if may_send(writer) else 0
        sent, refused = sent + room, refused + n - room
        with contextlib.suppress(EngineError, OSError):  # words.error says it as well
            writer.step()
    errno_seen = writer.error
    if writer.health == Health.GOOD:
        writer.close()
    else:
        writer.abandon()
    verdict = audit.verify(LOG)
    records = _records(verdict)
    logged = np.unique(records["id"][records["kind"] == Kind.SENT])
    wanted = _orders(1, 0, sent)["id"]
    namespaces.resize_disk(DISK, KILL_DISK_BYTES)
    return {
        "orders": plan["orders"],
        "orders_sent": sent,
        "orders_refused": refused,
        "unlogged": int(np.count_nonzero(~np.isin(wanted, logged))),
        "told": int(np.count_nonzero(records["kind"] == Kind.LOG_FAILED)),
        "broken": int(verdict.fault > Fault.TORN),
        "goes_on": int(_goes_on(verdict.head_number)),
        "errno": errno_seen,
    }


def killed(plan: dict[str, Any]) -> dict[str, int]:
    """Sender after sender on one log; `unfinished` are those whose log has no end of its own."""
    rng = random.Random(plan["seed"])
    seen = dict.fromkeys(
        ("killed", "orders_sent", "orders_logged", "durable_lost", "broken", "unfinished"), 0
    )
    for epoch in range(1, plan["kills"] + 1):
        told = mmap.mmap(-1, mmap.PAGESIZE)  # shared with the child
        parent, after_s = os.getpid(), rng.uniform(0, plan["within_ns"] / 1e9)
        child = os.fork()
        if child == 0:
            _send(parent, told, epoch, lasts_s=None if plan["kill"] else after_s)
        status = _end(child, told, after_s, kill=plan["kill"])
        sent, durable = (int.from_bytes(told[i : i + 8], "little") for i in (0, 8))
        if not told[STARTED]:
            raise HostError(f"sender {epoch} did not start")
        verdict = audit.verify(LOG)
        records = _records(verdict)
        kept = int(np.count_nonzero(records["id"] >> EPOCH_SHIFT == epoch))
        seen["killed"] += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        seen["orders_sent"] += sent
        seen["orders_logged"] += kept
        seen["durable_lost"] += max(0, durable - verdict.head_number)
        seen["broken"] += verdict.fault > Fault.TORN
        seen["unfinished"] += int(len(records) == 0 or records["kind"][-1] != Kind.STOP)
    seen["broken"] += not _goes_on(audit.verify(LOG).head_number)
    ids = _records(audit.verify(LOG))
    ids = ids["id"][ids["kind"] == Kind.SENT]
    return {**seen, "ids_repeated": len(ids) - len(np.unique(ids))}


def _end(child: int, told: mmap.mmap, after_s: float, *, kill: bool) -> int:
    """The wait status of a sender that was killed, or that came to its own end."""
    until = time.monotonic() + START_S
    while not told[STARTED] and time.monotonic() < until:
        time.sleep(0.0005)
    if kill or not told[STARTED]:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def may_send(writer: AuditWriter) -> bool:
    """Whether an order may leave: never once the log is on its emergency space, or has failed."""
    return writer.health == Health.GOOD


def durable_number(writer: AuditWriter) -> int:
    """The last record that the disk has, as the writer says."""
    return int(writer.words["durable_number"])


def first_id(epoch: int) -> int:
    """Ids of one start of a process; the next start has others."""
    return (epoch << EPOCH_SHIFT) + 1


def _send(parent: int, told: mmap.mmap, epoch: int, lasts_s: float | None) -> None:
    """In a process of its own: `told` has the orders sent, the last durable number, and a start."""
    code = 1
    try:
        die_with(parent)
        writer, sent = _writer(epoch), 0
        told[STARTED] = 1
        began = time.monotonic()
        while lasts_s is None or time.monotonic() < began + lasts_s:
            sent += writer.append(_orders(epoch, sent, N_AT_ONCE))
            told[:8] = sent.to_bytes(8, "little")
            writer.step()
            told[8:16] = durable_number(writer).to_bytes(8, "little")
            time.sleep(0.0002)
        stop = np.zeros(1, audit.RECORD)
        stop["kind"], stop["tsc"] = Kind.STOP, sent
        writer.append(stop)
        writer.close()
        code = 0
    finally:
        os._exit(code)


def _writer(epoch: int) -> AuditWriter:
    return AuditWriter(
        LOG,
        tsc_hz=TSC_HZ,
        segment_bytes=SEGMENT_BYTES,
        emergency_bytes=EMERGENCY_BYTES,
        n_slots=N_SLOTS,
        commit_ns=1_000_000,
        id_epoch=epoch,
    )


def _orders(epoch: int, first: int, n: int) -> npt.NDArray[np.void]:
    records = np.zeros(n, audit.RECORD)
    records["kind"] = Kind.SENT
    records["tsc"] = first + np.arange(n)
    records["id"] = first_id(epoch) + first + np.arange(n)
    return records


def _records(verdict: audit.Verdict) -> npt.NDArray[np.void]:
    parts = [segment.records for segment in audit.read(LOG, verdict=verdict)]
    return np.concatenate([np.zeros(0, audit.RECORD), *parts])


def _goes_on(head_number: int) -> bool:
    """Whether the next writer continues the log, and all of it is proven again."""
    try:
        with _writer(1 << 20) as writer:
            writer.append(_orders(1 << 20, 0, 3))
    except (EngineError, OSError):
        return False
    verdict = audit.verify(LOG)
    return verdict.fault == Fault.WHOLE and verdict.head_number >= head_number + 3


if __name__ == "__main__":
    sys.exit(main())
