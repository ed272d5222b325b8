"""Power losses under an audit log, on an ext4 of its own: a mounted image.

The image is copied under a writer that was stopped. What the writer had called durable before must
be in the copy, mounted as after the cut: its page cache is not. The disk itself loses and reorders
nothing: what one whose cache lies would lose, this does not show.

Needs root, loop devices and ext4. Mounts are those of the caller's mount namespace.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from engine.trade import audit
from engine.trade.audit import Fault
from harness.bench import log_sender
from harness.bench.log_sender import Sender
from harness.errors import HostError, printable

IMAGE_BYTES = 24 << 20
COMMAND_S = 60.0
DURABLE_S = 20.0
TOOLS = ("mkfs.ext4", "mount", "umount", "cp")


def why_not() -> str | None:
    """What this machine lacks for a power loss, as far as can be known before a mount."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"needs {' and '.join(missing)}"
    if not Path("/dev/loop-control").exists():
        return "needs loop devices: no /dev/loop-control"
    return None


@dataclass(frozen=True, slots=True)
class Cut:
    """What was called durable, what is there after it, and what the log says of itself then."""

    durable: int
    recovered: int
    fault: Fault
    is_ended: bool
    goes_on: bool


class Disk:
    """An empty file system as an image in a folder, mounted there again and again."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.image, self.copy = where / "disk.img", where / "copy.img"
        self._empty = where / "empty.img"
        with self._empty.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        _run("mkfs.ext4", "-q", "-F", self._empty)

    def mount_new(self) -> Path:
        """An empty disk."""
        _run("cp", "--sparse=always", self._empty, self.image)
        # commit=1: the journal would else keep for five seconds what nobody synced.
        return self._mount(self.image, "loop,commit=1")

    def take_copy(self) -> None:
        """What the disk has at this moment."""
        _run("cp", "--sparse=always", self.image, self.copy)

    def mount_copy(self) -> Path:
        """The copy, its journal replayed."""
        return self._mount(self.copy, "loop")

    def _mount(self, image: Path, options: str) -> Path:
        where = image.with_suffix("")
        where.mkdir(exist_ok=True)
        _run("mount", "-o", options, image, where)
        return where


def unmount(where: Path) -> None:
    """Whoever still has a file open there must not keep the directory."""
    subprocess.run(
        ["umount", "--lazy", str(where)], check=False, capture_output=True, timeout=COMMAND_S
    )


def cut(disk: Disk, after_s: float, *, cuts: bool = True, loses_sync: bool = False) -> Cut:
    """One power loss, `after_s` behind the first durable record; without `cuts` an orderly end."""
    live = disk.mount_new()
    try:
        lasts_s = None if cuts else after_s
        sender = Sender(live / "log", 1, lasts_s=lasts_s, loses_sync=loses_sync)
        sender.start()
        if cuts:
            until = time.monotonic() + DURABLE_S
            while not sender.durable and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(after_s)
            sender.stop()
        else:
            sender.end()
            _run("sync", "-f", live)
        durable = sender.durable
        disk.take_copy()
        if cuts:
            sender.kill()
    finally:
        unmount(live)
    log = disk.mount_copy() / "log"
    try:
        return _looked_at(log, durable)
    finally:
        unmount(log.parent)


def _looked_at(log: Path, durable: int) -> Cut:
    try:
        verdict = audit.verify(log)
    except OSError:  # not even a file
        return Cut(durable, 0, Fault.CHAIN, is_ended=False, goes_on=False)
    ended = log_sender.is_ended(log_sender.records_of(log, verdict))
    goes_on = verdict.fault <= Fault.TORN and log_sender.goes_on(log, verdict.head_number)
    return Cut(durable, verdict.head_number, verdict.fault, is_ended=ended, goes_on=goes_on)


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        [*map(str, command)], check=False, capture_output=True, text=True, timeout=COMMAND_S
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise HostError(f"{command[0]}: {printable(last)}")
