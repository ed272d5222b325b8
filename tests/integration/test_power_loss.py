"""Power loss and a full disk, on a file system of their own: a mounted image.

For a power loss the image is copied under a stopped writer. What the writer had called durable
before must be in the copy, mounted as after a power cut: its page cache is not. The same with a
writer that never syncs must lose something, or the trial proves nothing.

Needs root, loop devices and ext4; REDLINE_POWER_LOSS=100 makes that many trials.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.trade import audit
from engine.trade.audit import Fault, Health

N_TRIALS = int(os.environ.get("REDLINE_POWER_LOSS", "20"))
N_UNSYNCED_TRIALS = 3
IMAGE_BYTES = 24 << 20
TSC_HZ = 1_000_000_000
N_AT_ONCE = 50


def run(*command: str | Path) -> None:
    subprocess.run([*map(str, command)], check=True, capture_output=True, timeout=60)


def unmount(where: Path) -> None:
    """Whoever still has a file open there (a test that failed) must not keep the directory."""
    if os.path.ismount(where):
        subprocess.run(["umount", "--lazy", str(where)], check=False, timeout=60)


@pytest.fixture(scope="module")
def empty_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with an empty ext4; skips, naming what is missing, where there can be none."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts a disk image")
    for tool in ("mkfs.ext4", "mount", "umount"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    if not Path("/dev/loop-control").exists():
        pytest.skip("needs loop devices: no /dev/loop-control")
    where = tmp_path_factory.mktemp("power")
    image = where / "empty.img"
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    run("mkfs.ext4", "-q", "-F", image)
    try:
        (where / "try").mkdir()
        run("mount", "-o", "loop", image, where / "try")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"needs loop mounts: {error.stderr.decode().strip()}")
    unmount(where / "try")
    return image


@pytest.fixture
def where(empty_image: Path, tmp_path: Path) -> Iterator[Path]:
    for name in ("live", "copy"):
        (tmp_path / name).mkdir()
    yield tmp_path
    for name in ("live", "copy"):
        unmount(tmp_path / name)


def write_until_killed(log: Path, durable: mmap.mmap, loses_sync: bool, seed: int) -> None:
    """In a process of its own: appends, commits, rotates, and tells how far the disk has it."""
    rng = random.Random(seed)
    writer = audit.AuditWriter(
        log, tsc_hz=TSC_HZ, segment_bytes=16 << 10, emergency_bytes=4096, n_slots=1024,
        commit_ns=1_000_000, loses_sync=loses_sync,
    )  # fmt: skip
    one = np.zeros(N_AT_ONCE, audit.RECORD)
    one["kind"] = audit.Kind.SENT
    n = 0
    while True:
        k = rng.randrange(1, N_AT_ONCE + 1)
        one["tsc"] = n + np.arange(N_AT_ONCE)
        one["id"] = one["tsc"] + 1
        n += writer.append(one[:k])
        if rng.random() < 0.3:
            writer.step()
        durable[:8] = int(writer.words["durable_number"]).to_bytes(8, "little")
        if rng.random() < 0.02:
            time.sleep(0.002)


def trial(where: Path, empty_image: Path, *, loses_sync: bool, seed: int) -> tuple[int, int, Fault]:
    """(what was called durable, what is there after the power loss, what verify says of that)."""
    image, copy = where / "disk.img", where / "copy.img"
    run("cp", "--sparse=always", empty_image, image)
    # commit=1: the journal would else keep for five seconds what nobody synced.
    run("mount", "-o", "loop,commit=1", image, where / "live")
    durable = mmap.mmap(-1, 4096)
    child = os.fork()
    if child == 0:
        try:
            write_until_killed(where / "live" / "log", durable, loses_sync, seed)
        finally:
            os._exit(1)
    until = time.monotonic() + 20
    while not int.from_bytes(durable[:8], "little") and time.monotonic() < until:
        time.sleep(0.002)
    time.sleep(random.Random(seed).random() * 0.15)
    os.kill(child, signal.SIGSTOP)
    os.waitpid(child, os.WUNTRACED)
    promised = int.from_bytes(durable[:8], "little")
    run("cp", "--sparse=always", image, copy)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    unmount(where / "live")
    run("mount", "-o", "loop", copy, where / "copy")
    try:
        verdict = audit.verify(where / "copy" / "log")
        recovered, fault = verdict.head_number, verdict.fault
        if fault <= Fault.TORN and not loses_sync:
            goes_on(where / "copy" / "log", recovered)
    except OSError:  # not even a file
        recovered, fault = 0, Fault.CHAIN
    finally:
        unmount(where / "copy")
    return promised, recovered, fault


def goes_on(log: Path, recovered: int) -> None:
    """The next writer continues there, and the whole log is proven again."""
    with audit.AuditWriter(log, tsc_hz=TSC_HZ, segment_bytes=16 << 10, emergency_bytes=4096) as w:
        one = np.zeros(3, audit.RECORD)
        one["kind"] = audit.Kind.SENT
        w.append(one)
    verdict = audit.verify(log)
    assert verdict.fault == Fault.WHOLE
    assert verdict.head_number == recovered + 3


@pytest.mark.timeout(600)
def test_a_power_loss_takes_nothing_that_was_durable(where: Path, empty_image: Path) -> None:
    seen = [trial(where, empty_image, loses_sync=False, seed=i) for i in range(N_TRIALS)]
    for promised, recovered, fault in seen:
        assert recovered >= promised
        assert fault in (Fault.WHOLE, Fault.TORN)
    assert all(promised > 0 for promised, _, _ in seen)


@pytest.mark.timeout(120)
def test_a_writer_that_does_not_sync_is_caught(where: Path, empty_image: Path) -> None:
    seen = [trial(where, empty_image, loses_sync=True, seed=i) for i in range(N_UNSYNCED_TRIALS)]
    assert any(recovered < promised for promised, recovered, _ in seen)


def test_a_full_disk_ends_the_log_and_nothing_else(where: Path, empty_image: Path) -> None:
    """The switch is told while there is emergency space; then claims are refused, nobody dies."""
    image, disk = where / "disk.img", where / "live"
    run("cp", "--sparse=always", empty_image, image)
    run("mount", "-o", "loop", image, disk)
    writer = audit.AuditWriter(
        disk / "log", tsc_hz=TSC_HZ, segment_bytes=64 << 10, emergency_bytes=64 << 10, n_slots=1024
    )
    one = np.zeros(500, audit.RECORD)
    one["kind"] = audit.Kind.SENT
    assert writer.append(one) == 500
    writer.commit()
    writer.step()  # prepares the next segment
    assert writer.health == Health.GOOD
    fill_up(disk)
    n, seen = 500, set()
    for _ in range(100):
        n += writer.append(one)
        with contextlib.suppress(OSError):
            writer.step()
        seen.add((writer.health, writer.error))
    assert seen == {(Health.FULL, errno.ENOSPC), (Health.FAILED, errno.ENOSPC)}
    assert writer.append(one) == 0  # the ring is full, and the claim says so
    promised = int(writer.words["durable_number"])
    writer.abandon()
    verdict = audit.verify(disk / "log")
    assert verdict.fault == Fault.TORN
    assert 500 <= promised <= verdict.head_number <= n + 1
    kinds = np.concatenate([s.records["kind"] for s in audit.read(disk / "log")])
    assert np.count_nonzero(kinds == audit.Kind.LOG_FAILED) == 1


def fill_up(disk: Path) -> None:
    with (disk / "other").open("wb", buffering=0) as file:
        for n_bytes in (1 << 20, 4096):
            with contextlib.suppress(OSError):
                while file.write(bytes(n_bytes)) == n_bytes:
                    pass
