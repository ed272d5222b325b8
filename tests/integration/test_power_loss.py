"""Power loss and a full disk, on a file system of their own: a mounted image.

Needs root, loop devices and ext4; REDLINE_POWER_LOSS=100 makes that many power losses.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.trade import audit
from engine.trade.audit import Fault, Health
from harness.bench import power
from harness.errors import HostError

from .library import log_fault_counts

N_CUTS = int(os.environ.get("REDLINE_POWER_LOSS", "10"))
CUTS: dict[str, Any] = {
    "fault": "power_lost",
    "cut": True,
    "seed": 1,
    "cuts": N_CUTS,
    "within_ns": 150_000_000,
    "loses_sync": False,
}


def counts(**changes: object) -> dict[str, int]:
    lacking = power.why_not()
    if lacking is not None:
        pytest.skip(lacking)
    return log_fault_counts(CUTS | changes, timeout_s=600)


@pytest.mark.timeout(600)
def test_a_power_loss_takes_nothing_that_was_durable() -> None:
    seen = counts()
    assert (seen["cuts"], seen["unfinished"]) == (N_CUTS, N_CUTS)
    assert (seen["durable_lost"], seen["broken"]) == (0, 0)
    assert seen["durable"] >= N_CUTS


@pytest.mark.timeout(120)
def test_a_writer_that_does_not_sync_is_caught() -> None:
    assert counts(cuts=3, loses_sync=True)["durable_lost"] > 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An empty ext4; skips, naming what is missing, where there can be none."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts a disk image")
    lacking = power.why_not()
    if lacking is not None:
        pytest.skip(lacking)
    try:
        where = power.Disk(tmp_path).mount_new()
    except HostError as error:
        pytest.skip(f"needs loop mounts: {error}")
    yield where
    power.unmount(where)


def test_a_full_disk_ends_the_log_and_nothing_else(disk: Path) -> None:
    """The switch is told while there is emergency space; then claims are refused, nobody dies."""
    writer = audit.AuditWriter(
        disk / "log", tsc_hz=1_000_000_000, segment_bytes=64 << 10, emergency_bytes=64 << 10,
        n_slots=1024,
    )  # fmt: skip
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
