"""What comes of a killed sender, a full disk or a power loss, in the log of a process apart."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Mapping

from engine.trade import Oms, buy
from engine.trade.audit import Kind
from harness.bench import power
from harness.bench.kill_desk import UNIT, unlimited
from harness.config.faults_log import LogDiskFull, LogRingFull, PowerLost, SenderKilled
from harness.config.reactions import Case
from harness.errors import HostError, printable
from harness.run.reactions import Observed, react, why_not
from harness.run.session import Session

NEVER_FULL_KIB = 256 << 10
NEVER_FULL_RECORDS = 1 << 14
PRICE_NANO = 100 * UNIT
SLACK_S = 60.0


@react.register
def _(fault: SenderKilled, case: Case, session: Session) -> Observed:
    """An effect is a log without the end that a sender writes when nobody kills it."""
    seen = _done(
        case,
        {
            "fault": fault.kind,
            "kill": session.faults_enabled,
            "seed": session.scenario.input.seed,
            "kills": fault.kills,
            "within_ns": fault.within_ns,
        },
        fault.measured_ns() / 1e9,
    )
    unfinished = seen.pop("unfinished")
    return Observed(seen, effects=unfinished, injected=seen["killed"])


@react.register
def _(fault: LogDiskFull, case: Case, session: Session) -> Observed:
    """Injected is what the disk had no room for; an effect is an order that it cost."""
    kib = fault.kib if session.faults_enabled else NEVER_FULL_KIB
    seen = _done(case, {"fault": fault.kind, "kib": kib, "orders": fault.orders}, 0.0)
    is_full = seen.pop("errno") == errno.ENOSPC
    refused = seen["orders_refused"] if is_full else 0
    return Observed(seen, effects=refused, injected=int(is_full))


@react.register
def _(fault: PowerLost, case: Case, session: Session) -> Observed:
    """An effect is a log without the end that a sender writes when its power stays."""
    seen = _done(
        case,
        {
            "fault": fault.kind,
            "cut": session.faults_enabled,
            "seed": session.scenario.input.seed,
            "cuts": fault.cuts,
            "within_ns": fault.within_ns,
            "loses_sync": False,
        },
        fault.measured_ns() / 1e9,
    )
    unfinished = seen.pop("unfinished")
    return Observed(seen, effects=unfinished, injected=seen["cuts"])


@react.register
def _(fault: LogRingFull, case: Case, session: Session) -> Observed:
    """Injected are orders for which there is no room; an effect is one that was refused."""
    room = fault.room if session.faults_enabled else NEVER_FULL_RECORDS
    with Oms(unlimited(), n_records=room) as oms:
        oms.start()
        oms.quote(0, PRICE_NANO - UNIT, PRICE_NANO + UNIT)
        oms.drain()
        tried = [_tried(oms) for _ in range(fault.orders)]
        records = oms.drain()
        goes_on = _tried(oms) is not None
    sent = [id for id in tried if id is not None]
    logged = set(records["id"][records["kind"] == Kind.SENT].tolist())
    values = {
        "orders": len(tried),
        "orders_sent": len(sent),
        "orders_refused": len(tried) - len(sent),
        "unlogged": len(set(sent) - logged),
        "goes_on": int(goes_on),
    }
    injected = max(0, fault.orders - room)
    return Observed(values, effects=values["orders_refused"], injected=injected)


def _tried(oms: Oms) -> int | None:
    """The order that left; None: the log had no room for it."""
    try:
        id = oms.send(buy(1, PRICE_NANO))
    except BufferError:
        return None
    if not isinstance(id, int):
        raise HostError(f"an order was refused by risk: {id}")
    return id


@why_not.register
def _(fault: SenderKilled | LogDiskFull | PowerLost) -> str | None:
    if os.geteuid() != 0:
        return f"{fault.kind} needs root: it mounts a disk of memory"
    lacking = power.why_not() if isinstance(fault, PowerLost) else None
    return f"{fault.kind} {lacking}" if lacking else None


def _done(case: Case, plan: Mapping[str, object], about_s: float) -> dict[str, int]:
    """The counts of one process. HostError: it could not do what it was to do."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "harness.bench.log_faults"],
            input=json.dumps({**plan, "parent": os.getpid()}) + "\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=SLACK_S + 10 * about_s,
        )
    except subprocess.TimeoutExpired:
        raise HostError(f"{case.id}: came to no end") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise HostError(f"{case.id}: ended with {done.returncode}: {printable(last)}")
    counts: dict[str, int] = json.loads(done.stdout)
    return counts
