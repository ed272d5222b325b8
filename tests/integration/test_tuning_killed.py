"""Kill -9 at every step of a tuning of this machine; afterwards every byte is as it was.

A child applies, or puts back, and kills itself at its k-th step; then the next process puts back by
the journal. Settings of every kind: files of each form, cards and links in a network of the
test's own, a cpuset, and tasks that the test started.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fake_kernel import change, dies_at, survives

from harness.tuning.apply import apply
from harness.tuning.host import Host
from harness.tuning.journal import Journal
from harness.tuning.knobs.base import Op
from harness.tuning.owner import myself, state_and_start
from harness.tuning.restore import Restored, restore
from harness.tuning.settings import FileSetting
from harness.tuning.settings.cpusets import CpusetSetting, MemberSetting
from harness.tuning.settings.tasks import AffinitySetting, SchedulingSetting

from .real_host import bytes_of, real_settings, write_bytes
from .sandbox import in_sandbox
from .test_real_nic_knobs import everything, pair, planned, tap

STAT = "/proc/sys/vm/stat_interval"
SWAP = "/proc/sys/vm/swappiness"
BUDGET = "/proc/sys/net/core/netdev_budget"
DEFRAG = "/sys/kernel/mm/transparent_hugepage/defrag"
CPUMASK = "/sys/devices/virtual/workqueue/cpumask"
CPUSETS = "/sys/fs/cgroup/cpuset"
STRIDE = 3  # steps of a card; all of them are taken on files
FILES = (STAT, SWAP, BUDGET, DEFRAG, CPUMASK)
CARD_WISHES: Mapping[str, Mapping[str, object]] = {
    "veth7": {
        "nic.offloads": {"sg": "off", "tso": "off", "gro": "on"},
        "nic.xps": "spread 0-1",
        "nic.channels": {"rx": 1, "tx": 1},
        "nic.txqueuelen": 100,
        "nic.gro-flush": 20000,
    },
    "tap7": {"nic.coalesce": {"rx-frames": 8}, "nic.mtu": 1400},
}


def file_ops() -> list[Op]:
    """Values that nobody on this machine notices for a moment."""
    return [
        change(FileSetting(STAT, "number"), "7"),
        change(FileSetting(SWAP, "number"), "61"),
        change(FileSetting(BUDGET, "number"), "299"),
        change(FileSetting(DEFRAG, "choice"), "defer+madvise"),
        change(FileSetting(CPUMASK, "mask"), "0"),
    ]


def card_ops() -> list[Op]:
    return [
        op
        for name, wishes in CARD_WISHES.items()
        for knob, value in wishes.items()
        for op in planned(knob, value, name)
    ]


def of_files() -> dict[str, bytes]:
    return {file: bytes_of(file) for file in FILES}


def of_cards() -> dict[str, object]:
    """All that can be set on them, and not only what is."""
    return {name: everything(Host(), name) for name in CARD_WISHES}


def new(state: Path) -> Journal:
    return Journal.create(state, owner=myself(), title="test")


def found(state: Path) -> Journal:
    journal = Journal.open(state)
    assert journal is not None
    return journal


def killed_in_apply(state: Path, ops: list[Op], k: int) -> bool:
    """False once there is no k-th step."""

    def work() -> None:
        apply(ops, Host(), new(state), step=dies_at(k))

    return not survives(work)


def killed_in_restore(state: Path, k: int) -> bool:
    def work() -> None:
        restore(Host(), found(state), step=dies_at(k))

    return not survives(work)


def put_back(state: Path) -> Restored:
    journal = Journal.open(state)
    return Restored(()) if journal is None else restore(Host(), journal)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


def test_files_of_the_kernel_are_as_they_were_wherever_apply_is_killed(state: Path) -> None:
    with real_settings(*FILES):
        before = of_files()
        k = 0
        while killed_in_apply(state, file_ops(), k):
            assert put_back(state).is_clean, k
            assert of_files() == before, k
            k += 1
        assert k > 5 * len(FILES)
        assert of_files() != before
        assert put_back(state).is_clean
        assert of_files() == before


def test_files_of_the_kernel_are_as_they_were_wherever_restore_is_killed(state: Path) -> None:
    with real_settings(*FILES):
        before = of_files()
        apply(file_ops(), Host(), new(state))
        k = 0
        while killed_in_restore(state, k):
            assert put_back(state).is_clean, k
            assert of_files() == before, k
            apply(file_ops(), Host(), new(state))
            k += 1
        assert k > 2 * len(FILES)
        assert of_files() == before


@pytest.mark.parametrize("k", range(0, 30, 6))
def test_a_foreign_change_survives_a_kill_and_is_reported(state: Path, k: int) -> None:
    with real_settings(*FILES):
        before = of_files()
        assert killed_in_apply(state, file_ops(), k)
        write_bytes(SWAP, b"55\n")
        entry = found(state).find(FileSetting(SWAP, "number"))
        states = {item.target: item.state for item in put_back(state).items}
        assert of_files() == before | {SWAP: b"55\n"}
        was_ours = entry is not None and entry.was_written
        assert states.get(SWAP, "unchanged") == ("foreign" if was_ours else "unchanged")


def test_applied_anew_after_a_kill_the_first_values_come_back(state: Path) -> None:
    with real_settings(*FILES):
        before = of_files()
        assert killed_in_apply(state, file_ops(), 14)
        assert of_files() != before
        apply(file_ops(), Host(), found(state))
        assert put_back(state).is_clean
        assert of_files() == before


def test_a_second_apply_writes_nothing(state: Path) -> None:
    with real_settings(*FILES):
        journal = new(state)
        apply(file_ops(), Host(), journal)
        assert {op.state for op in apply(file_ops(), Host(), journal)} == {"noop"}
        assert put_back(state).is_clean


@in_sandbox
def test_cards_are_as_they_were_wherever_apply_is_killed(state: Path) -> None:
    pair("veth7")
    with tap("tap7"):
        before, k = of_cards(), 0
        while killed_in_apply(state, card_ops(), k):
            assert put_back(state).is_clean, k
            assert of_cards() == before, k
            k += STRIDE
        assert k > 5 * len(card_ops())
        assert of_cards() != before
        assert put_back(state).is_clean
        assert of_cards() == before


@in_sandbox
def test_cards_are_as_they_were_wherever_restore_is_killed(state: Path) -> None:
    pair("veth7")
    with tap("tap7"):
        before, k = of_cards(), 0
        apply(card_ops(), Host(), new(state))
        while killed_in_restore(state, k):
            assert put_back(state).is_clean, k
            assert of_cards() == before, k
            apply(card_ops(), Host(), new(state))
            k += STRIDE
        assert k > 2 * len(card_ops())
        assert of_cards() == before


@contextlib.contextmanager
def sleeper() -> Iterator[str]:
    """A task of the test's own, as settings name it."""
    child = subprocess.Popen(["sleep", "100"])
    try:
        now = state_and_start(child.pid)
        assert now is not None
        yield f"{child.pid} {now[1]}"
    finally:
        child.kill()
        child.wait()


@contextlib.contextmanager
def task_ops() -> Iterator[list[Op]]:
    """A cpuset that is made, a task that goes there, and one that gets another CPU and policy."""
    if not Path(f"{CPUSETS}/cpuset.cpus").exists():
        pytest.skip(f"needs a hierarchy of cpusets at {CPUSETS}")
    with sleeper() as member, sleeper() as other:
        yield [
            change(CpusetSetting(f"{CPUSETS}/redline"), "cpus=0 mems=0"),
            change(MemberSetting(f"{member} in {CPUSETS}"), "* /redline"),
            change(AffinitySetting(other), "0"),
            change(SchedulingSetting(other), "batch"),
        ]


def of_tasks(ops: list[Op]) -> list[str]:
    return [op.setting.read(Host()) for op in ops if op.setting is not None]


def test_cpusets_and_tasks_are_as_they_were_wherever_apply_is_killed(state: Path) -> None:
    with real_settings(), task_ops() as ops:
        before, k = of_tasks(ops), 0
        while killed_in_apply(state, ops, k):
            assert put_back(state).is_clean, k
            assert of_tasks(ops) == before, k
            k += 1
        assert k > 5 * len(ops)
        assert of_tasks(ops)[1:] == ["0 /redline", "0", "batch"]
        assert put_back(state).is_clean
        assert of_tasks(ops) == before


def test_cpusets_and_tasks_are_as_they_were_wherever_restore_is_killed(state: Path) -> None:
    with real_settings(), task_ops() as ops:
        before, k = of_tasks(ops), 0
        apply(ops, Host(), new(state))
        while killed_in_restore(state, k):
            assert put_back(state).is_clean, k
            assert of_tasks(ops) == before, k
            apply(ops, Host(), new(state))
            k += 1
        assert k > 2 * len(ops)
        assert of_tasks(ops) == before


def test_tasks_that_ended_meanwhile_are_gone_and_hold_nothing_up(state: Path) -> None:
    with real_settings():
        with task_ops() as ops:
            apply(ops, Host(), new(state))
        restored = put_back(state)
        assert [item.state for item in restored.items] == ["gone", "gone", "gone", "restored"]
        assert not Path(f"{CPUSETS}/redline").exists()
