"""Every way to stop a sender of orders, done to a real one, and what left afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.trade import Cause, buy
from engine.trade.kill import BEATS, COUNTERS, TRIGGERS, KillBoard
from harness.bench.kill_desk import LOTS, MID_NANO, Desk, mortal, tool, wait_for, watchdog
from harness.config.faults_kill import Tripped
from harness.config.reactions import Case
from harness.run.reactions import Observed, react
from harness.run.session import Session

LONG_AGO_S = 60.0
UNKNOWN_ID = 12345
N_RESTING = 20
THREAD = "strategy"  # the one that falls silent
SOCKET, TRIP_FILE = "kill.sock", "kill.trip"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a fault is done: the sender, the directory of its board, its watchdog."""

    desk: Desk
    directory: Path
    dog: subprocess.Popen[bytes]


def _tool(scene: Scene) -> None:
    subprocess.run([tool("redline-kill"), "--dir", str(scene.directory)], check=True)


def _file(scene: Scene) -> None:
    (scene.directory / TRIP_FILE).touch()


def _socket(scene: Scene) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
        asked.connect(str(scene.directory / SOCKET))
        asked.send(b"trip")


def _signal(scene: Scene) -> None:
    scene.dog.send_signal(signal.SIGUSR2)


def _own_signal(scene: Scene) -> None:
    scene.desk.board.trip_on_signal()
    os.kill(os.getpid(), signal.SIGUSR2)


def _board(scene: Scene) -> None:
    with KillBoard.open(scene.directory) as other:
        other.trip()


def _unknown_fill(scene: Scene) -> None:
    scene.desk.executed(UNKNOWN_ID, LOTS)


def _overfill(scene: Scene) -> None:
    scene.desk.executed(_sent(scene.desk), 2 * LOTS)


def _beat(scene: Scene) -> None:
    scene.desk.silent.add(THREAD)


def _stuck(scene: Scene) -> None:
    desk = scene.desk
    desk.board.beats["waiting_tsc"][BEATS.index(THREAD)] = desk.tsc(LONG_AGO_S)


def _loss(scene: Scene) -> None:
    scene.desk.executed(_sent(scene.desk), LOTS, px_nano=2 * MID_NANO)
    scene.desk.oms.poll()


def _exposure(scene: Scene) -> None:
    for _ in range(N_RESTING):
        _sent(scene.desk)
    scene.desk.oms.poll()


def _sent(desk: Desk) -> int:
    id = desk.oms.send(buy(LOTS, MID_NANO))
    assert isinstance(id, int)
    return id


def _sent_over(scene: Scene) -> None:
    scene.desk.show(sent_qty=scene.desk.reading("approved_qty") + 1)


def _old(name: str, **more: int) -> Callable[[Scene], None]:
    """A reading that is a moment, long ago."""
    return lambda scene: scene.desk.show(**more, **{name: scene.desk.tsc(LONG_AGO_S)})


def _reading(**values: int) -> Callable[[Scene], None]:
    return lambda scene: scene.desk.show(**values)


# By hand, and by the order manager: how, and the cause.
WAYS: Mapping[str, tuple[Callable[[Scene], None], Cause]] = {
    "tool": (_tool, Cause.MANUAL),
    "file": (_file, Cause.FILE),
    "socket": (_socket, Cause.SOCKET),
    "signal": (_signal, Cause.SIGNAL),
    "own_signal": (_own_signal, Cause.SIGNAL),
    "board": (_board, Cause.MANUAL),
    "unknown_fill": (_unknown_fill, Cause.UNKNOWN_FILL),
    "overfill": (_overfill, Cause.OVERFILL),
}

# Triggers: the watchdog's rule, and what breaks it.
RULES: Mapping[str, tuple[str, Callable[[Scene], None]]] = {
    "beat": (f"beat:{THREAD} 50ms", _beat),
    "stuck": (f"stuck:{THREAD} 1s", _stuck),
    "feed_stale": ("feed_stale 1s", _old("feed_tsc")),
    "feed_gap": ("feed_gap 1s", _old("gap_tsc")),
    "feed_crossed": ("feed_crossed 1s", _old("crossed_tsc")),
    "audit_backlog": ("audit_backlog 1000", _reading(audit_written=1001)),
    "audit_stall": ("audit_stall 1s", _old("audit_tsc", audit_written=1)),
    "audit_failed": ("audit_failed 0", _reading(audit_failed=1)),
    "disk_low": ("disk_low 1000000", _reading(disk_free=999_999)),
    "clock_error": ("clock_error 1000", _reading(clock_error_ns=1001)),
    "clock_steps": ("clock_steps 0", _reading(clock_steps=1)),
    "limits_altered": ("limits_altered 0", _reading(limits_altered=1)),
    "build": ("build 0", _reading(build_mismatches=1)),
    "reconcile": ("reconcile 0", _reading(mismatches=1)),
    "sent_over": ("sent_over 0", _sent_over),
    "rejects_in_row": ("rejects_in_row 5", _reading(rejects_in_row=6)),
    "loss": ("loss 500", _loss),
    "exposure": ("exposure 10000", _exposure),
    "position": ("position 1000", _reading(position=1001)),
    "sent_rate": ("sent_rate 10000", _reading(sent_orders=1 << 20)),
}
DEAD = "dead 0"
CAUSES = {trigger.name: trigger.cause for trigger in TRIGGERS}


@react.register
def _(fault: Tripped, case: Case, session: Session) -> Observed:
    """An effect is an order that did not leave."""
    with tempfile.TemporaryDirectory(prefix="redline-") as name:
        directory = Path(name) / "run"
        if fault.by == "dead":
            return _engine_dies(fault, directory, enabled=session.faults_enabled)
        return _is_stopped(fault, directory, enabled=session.faults_enabled)


def _is_stopped(fault: Tripped, directory: Path, *, enabled: bool) -> Observed:
    rule, do = RULES.get(fault.by, ("", None))
    if do is None:
        do, cause = WAYS[fault.by]
    else:
        cause = CAUSES[fault.by]
    with Desk(directory) as desk:
        for _ in range(fault.orders):
            desk.turn()
        with watchdog(directory, [rule] if rule else []) as dog:
            before = desk.sent
            if enabled:
                do(Scene(desk, directory, dog))
                wait_for(desk.is_stopped, f"{fault.by}: nothing was tripped")
            for _ in range(fault.orders):
                desk.turn()
            seen = _looked_at(desk.board, cause)
    return _observed(desk, before, seen, _left_by_next(directory), enabled=enabled)


def _engine_dies(fault: Tripped, directory: Path, *, enabled: bool) -> Observed:
    command = [sys.executable, "-m", "harness.bench.kill_desk", str(os.getpid()), str(directory)]
    with ExitStack() as stack:
        engine = stack.enter_context(mortal(command))
        assert engine.stdout is not None
        engine.stdout.readline()
        stack.enter_context(watchdog(directory, [DEAD]))
        board = stack.enter_context(KillBoard.open(directory))
        before = int(board.counters[COUNTERS["approved_qty"]]) // LOTS
        if enabled:
            engine.kill()
            engine.wait()
            wait_for(board.is_tripped, "dead: nothing was tripped")
        seen = _looked_at(board, Cause.DEAD)
    with Desk(directory, arms=False) as desk:
        for _ in range(fault.orders):
            desk.turn()
    return _observed(desk, before, seen, desk.sent, enabled=enabled)


def _observed(
    desk: Desk, before: int, seen: Mapping[str, int], left_by_next: int, *, enabled: bool
) -> Observed:
    values = {
        "orders_before": before,
        "orders_after": desk.after,
        "orders_refused": desk.refused,
        **seen,
        "left_by_next": left_by_next,
    }
    return Observed(values, effects=desk.refused if enabled else 0, injected=int(enabled))


def _looked_at(board: KillBoard, cause: Cause) -> dict[str, int]:
    """Once the watchdog has had the time to save it."""
    status = board.status()
    if status.causes:
        wait_for(lambda: _is_latched(board), "the trip does not come to the disk")
    return {
        "causes": len(status.causes),
        "cause_is_right": int(status.causes == (cause,) and status.cause == cause),
        "latched": int(_is_latched(board) and bool(status.causes)),
    }


def _is_latched(board: KillBoard) -> bool:
    status = board.file_status()
    return status is not None and status.is_latched


def _left_by_next(directory: Path) -> int:
    """What an engine sends that is started as if nothing had been."""
    with Desk(directory, arms=False) as following:
        following.turn()
        return following.sent
