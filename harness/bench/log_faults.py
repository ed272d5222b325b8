"""A process whose audit log meets a fault: a killed sender, a full disk, a power loss.

It is started by harness/run/reactions/logs.py, reads one JSON object and prints one. The log
lies on a file system of memory in a mount namespace of its own, so that whatever ends this process,
even kill -9, ends the mount and all that was on it; and its children die with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine import EngineError
from engine.trade import audit
from engine.trade.audit import AuditWriter, Fault, Health, Kind
from harness.bench import log_sender, namespaces, power
from harness.bench.log_sender import N_AT_ONCE, Sender
from harness.bench.worker import die_with
from harness.errors import HostError

DISK = Path("/dev/shm")  # it is on every Linux, and nobody's program lies there
LOG = DISK / "log"
KILL_DISK_BYTES = 256 << 20


def main() -> int:
    """Do what stdin asks for; the counts go to stdout. A refusal of the host is said, and 1."""
    plan = json.loads(sys.stdin.readline())
    die_with(plan["parent"])
    n_bytes = plan["kib"] << 10 if plan["fault"] == "log_disk_full" else KILL_DISK_BYTES
    namespaces.leave_mounts()
    namespaces.own_disk(DISK, n_bytes)
    try:
        done = FAULTS[plan["fault"]](plan)
    except HostError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(done), flush=True)
    return 0


def disk_full(plan: dict[str, Any]) -> dict[str, int]:
    """Send until all orders have left or been refused; then room is made, and the log goes on."""
    writer = log_sender.writer(LOG, 1)
    sent = refused = 0
    while sent + refused < plan["orders"]:
        n = min(N_AT_ONCE, plan["orders"] - sent - refused)
        room = writer.append(log_sender.orders(1, sent, n)) if may_send(writer) else 0
        sent, refused = sent + room, refused + n - room
        with contextlib.suppress(EngineError, OSError):  # words.error says it as well
            writer.step()
    errno_seen = writer.error
    if writer.health == Health.GOOD:
        writer.close()
    else:
        writer.abandon()
    verdict = audit.verify(LOG)
    records = log_sender.records_of(LOG, verdict)
    logged = np.unique(records["id"][records["kind"] == Kind.SENT])
    wanted = log_sender.orders(1, 0, sent)["id"]
    namespaces.resize_disk(DISK, KILL_DISK_BYTES)
    return {
        "orders": plan["orders"],
        "orders_sent": sent,
        "orders_refused": refused,
        "unlogged": int(np.count_nonzero(~np.isin(wanted, logged))),
        "told": int(np.count_nonzero(records["kind"] == Kind.LOG_FAILED)),
        "broken": int(verdict.fault > Fault.TORN),
        "goes_on": int(log_sender.goes_on(LOG, verdict.head_number)),
        "errno": errno_seen,
    }


def may_send(writer: AuditWriter) -> bool:
    """Whether an order may leave: never once the log is on its emergency space, or has failed."""
    return writer.health == Health.GOOD


def killed(plan: dict[str, Any]) -> dict[str, int]:
    """Sender after sender on one log; `unfinished` are those whose log has no end of its own."""
    rng = random.Random(plan["seed"])
    seen = dict.fromkeys(
        ("killed", "orders_sent", "orders_logged", "durable_lost", "broken", "unfinished"), 0
    )
    for epoch in range(1, plan["kills"] + 1):
        after_s = rng.uniform(0, plan["within_ns"] / 1e9)
        sender = Sender(LOG, epoch, lasts_s=None if plan["kill"] else after_s)
        sender.start()
        if plan["kill"]:
            time.sleep(after_s)
            status = sender.kill()
        else:
            status = sender.end()
        verdict = audit.verify(LOG)
        records = log_sender.records_of(LOG, verdict)
        kept = int(np.count_nonzero(records["id"] >> log_sender.EPOCH_SHIFT == epoch))
        seen["killed"] += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        seen["orders_sent"] += sender.sent
        seen["orders_logged"] += kept
        seen["durable_lost"] += max(0, sender.durable - verdict.head_number)
        seen["broken"] += verdict.fault > Fault.TORN
        seen["unfinished"] += not log_sender.is_ended(records)
    seen["broken"] += not log_sender.goes_on(LOG, audit.verify(LOG).head_number)
    ids = log_sender.records_of(LOG, audit.verify(LOG))
    ids = ids["id"][ids["kind"] == Kind.SENT]
    return {**seen, "ids_repeated": len(ids) - len(np.unique(ids))}


def power_lost(plan: dict[str, Any]) -> dict[str, int]:
    """Power loss after power loss, each of a new disk."""
    disk = power.Disk(DISK)
    rng = random.Random(plan["seed"])
    seen = dict.fromkeys(("cuts", "durable", "durable_lost", "broken", "unfinished"), 0)
    for _ in range(plan["cuts"]):
        after_s = rng.uniform(0, plan["within_ns"] / 1e9)
        found = power.cut(disk, after_s, cuts=plan["cut"], loses_sync=plan["loses_sync"])
        seen["cuts"] += plan["cut"]
        seen["durable"] += found.durable
        seen["durable_lost"] += max(0, found.durable - found.recovered)
        seen["broken"] += not found.goes_on
        seen["unfinished"] += not found.is_ended
    return seen


FAULTS = {"log_disk_full": disk_full, "sender_killed": killed, "power_lost": power_lost}


if __name__ == "__main__":
    sys.exit(main())
