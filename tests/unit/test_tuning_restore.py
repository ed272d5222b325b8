"""Putting a host back: in which order, over whose values, and what is said of the rest."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
from fake_kernel import (
    FakeKernel,
    Killed,
    Plain,
    changes,
    install_kinds,
)
from tunable_host import (
    BEFORE,
    CHANNELS,
    COALESCE,
    PAGES,
    RPS,
    STAT,
    SWAP,
    TASK,
    USECS,
    XPS,
    applied,
    by_target,
    found,
    new_journal,
    tunable_host,
    wishes,
)

from harness.tuning import restore as module
from harness.tuning.apply import apply
from harness.tuning.header import NETWORK_NAMESPACE
from harness.tuning.journal import Journal, JournalError
from harness.tuning.owner import myself
from harness.tuning.restore import Restored, commands, elsewhere, is_of_network, restore


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    install_kinds(monkeypatch)


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    return tunable_host(tmp_path / "host")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


def test_everything_is_as_it_was_and_the_journal_gone(state: Path, kernel: FakeKernel) -> None:
    before = kernel.bytes()
    journal = applied(state, kernel)
    assert kernel.bytes() != before
    restored = restore(kernel, journal)
    assert kernel.bytes() == before
    assert restored.is_clean
    assert list(state.iterdir()) == []


def test_it_goes_in_reverse_order(state: Path, kernel: FakeKernel) -> None:
    restore(kernel, applied(state, kernel))
    assert [name for name, _ in kernel.writes] == [
        TASK,
        CHANNELS,
        XPS,
        USECS,
        COALESCE,
        PAGES,
        STAT,
        SWAP,
        RPS,
    ]


def test_what_holds_its_value_is_not_written(state: Path, kernel: FakeKernel) -> None:
    journal = applied(state, kernel)
    kernel.change(SWAP, "60")
    assert by_target(restore(kernel, journal))[SWAP] == "unchanged"
    assert SWAP not in [name for name, _ in kernel.writes]


def test_a_foreign_change_survives_and_is_reported(state: Path, kernel: FakeKernel) -> None:
    before = kernel.bytes()
    journal = applied(state, kernel)
    kernel.change(SWAP, "33")
    restored = restore(kernel, journal)
    (item,) = [item for item in restored.items if item.state == "foreign"]
    assert (item.target, item.before, item.seen) == (SWAP, "60", "33")
    assert kernel.bytes() == before | {SWAP[1:]: b"33\n"}
    assert not restored.is_clean


def test_a_foreign_change_is_reported_until_it_is_forced_back(
    state: Path, kernel: FakeKernel
) -> None:
    before = kernel.bytes()
    journal = applied(state, kernel)
    kernel.change(SWAP, "33")
    restore(kernel, journal)
    assert by_target(restore(kernel, found(state))) == {SWAP: "foreign"}
    assert by_target(restore(kernel, found(state), force=True)) == {SWAP: "restored"}
    assert kernel.bytes() == before
    assert Journal.open(state) is None


def test_what_was_left_to_another_is_his_even_with_the_value_we_had(
    state: Path, kernel: FakeKernel
) -> None:
    journal = applied(state, kernel)
    kernel.change(SWAP, "33")
    restore(kernel, journal)
    kernel.change(SWAP, "1")
    assert by_target(restore(kernel, found(state))) == {SWAP: "foreign"}


def test_a_second_tuning_over_a_foreign_value_goes_back_to_that(
    state: Path, kernel: FakeKernel
) -> None:
    journal = applied(state, kernel)
    kernel.change(SWAP, "33")
    restore(kernel, journal)
    restore(kernel, applied(state, kernel))
    assert kernel.read(SWAP) == "33"


def test_what_is_gone_is_said_and_holds_nothing_up(state: Path, kernel: FakeKernel) -> None:
    journal = applied(state, kernel)
    kernel.path(TASK).unlink()
    kernel.path(STAT).unlink()
    restored = restore(kernel, journal)
    assert {by_target(restored)[name] for name in (TASK, STAT)} == {"gone"}
    assert restored.is_clean


def test_a_refused_restore_is_said_and_tried_again(state: Path, kernel: FakeKernel) -> None:
    before = kernel.bytes()
    journal = applied(state, kernel)
    kernel.refusing[SWAP] = errno.EBUSY
    restored = restore(kernel, journal)
    (item,) = [item for item in restored.items if item.state == "failed"]
    assert (item.target, item.why) == (SWAP, "device or resource busy")
    del kernel.refusing[SWAP]
    assert by_target(restore(kernel, found(state))) == {SWAP: "restored"}
    assert kernel.bytes() == before


def test_pages_in_use_are_given_back_later(state: Path, kernel: FakeKernel) -> None:
    before = kernel.bytes()
    journal = applied(state, kernel)
    kernel.becoming[PAGES] = lambda text: "12"
    assert by_target(restore(kernel, journal))[PAGES] == "failed"
    kernel.becoming[PAGES] = str
    assert by_target(restore(kernel, found(state))) == {PAGES: "restored"}
    assert kernel.bytes() == before


def test_pages_half_given_back_when_it_is_killed_are_still_ours(
    state: Path, kernel: FakeKernel
) -> None:
    before = kernel.bytes()
    journal = applied(state, kernel)
    kernel.becoming[PAGES] = lambda text: "12"

    def step(name: str) -> None:
        if name.startswith("after putting back") and PAGES in name:
            raise Killed

    with pytest.raises(Killed):
        restore(kernel, journal, step=step)
    kernel.becoming[PAGES] = str
    assert by_target(restore(kernel, found(state)))[PAGES] == "restored"
    assert kernel.bytes() == before


def test_a_boot_later_nothing_is_written(state: Path, kernel: FakeKernel) -> None:
    old = replace(myself(), boot_id="another")
    journal = Journal.create(state, owner=old, title="x", root=kernel.root)
    apply(wishes(), kernel, journal)
    kernel.writes.clear()
    restored = restore(kernel, journal)
    assert set(by_target(restored).values()) == {"rebooted"}
    assert kernel.writes == []
    assert restored.is_clean
    assert Journal.open(state) is None


def test_a_boot_later_there_is_nothing_to_type(state: Path, kernel: FakeKernel) -> None:
    old = replace(myself(), boot_id="another")
    journal = Journal.create(state, owner=old, title="x", root=kernel.root)
    journal.before(Plain(SWAP), "60", "1")
    assert commands(journal) == []


def test_the_lines_to_type_are_in_the_order_of_a_restore(state: Path, kernel: FakeKernel) -> None:
    journal = new_journal(state, kernel)
    apply(changes({SWAP: "1", STAT: "10"}), kernel, journal)
    assert commands(journal) == [f"echo 1 > {STAT}", f"echo 60 > {SWAP}"]


def test_what_another_process_put_back_is_not_touched_again(
    state: Path, kernel: FakeKernel
) -> None:
    journal = applied(state, kernel)
    restore(kernel, found(state))
    kernel.change(SWAP, "1")  # by the next owner, who wants the same
    assert restore(kernel, journal) == Restored(())
    assert kernel.read(SWAP) == "1"


def test_a_journal_whose_removal_was_cut_off_is_removed(state: Path, kernel: FakeKernel) -> None:
    journal = applied(state, kernel)
    journal.path.with_name("other").hardlink_to(journal.path)
    restore(kernel, journal)
    journal.path.with_name("other").rename(journal.path)
    kernel.change(SWAP, "1")
    assert commands(found(state)) == []
    assert restore(kernel, found(state)) == Restored(())
    assert kernel.read(SWAP) == "1"
    assert list(state.iterdir()) == []


def test_a_journal_removed_by_hand_is_no_loss_to_who_has_it_open(
    state: Path, kernel: FakeKernel
) -> None:
    before = kernel.bytes()
    journal = applied(state, kernel)
    journal.path.unlink()
    restore(kernel, journal)
    assert kernel.bytes() == before


def test_a_disk_that_takes_nothing_keeps_nothing_from_being_put_back(
    state: Path, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kernel.bytes()
    journal = applied(state, kernel)

    def refuse(fd: int, data: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", refuse)
    assert restore(kernel, journal).is_clean
    assert kernel.bytes() == before


def test_a_foreign_change_of_what_we_never_wrote_is_none_of_our_business(
    state: Path, kernel: FakeKernel
) -> None:
    journal = new_journal(state, kernel)
    journal.seen([(Plain(SWAP), "60", "1")])
    kernel.change(SWAP, "33")
    restored = restore(kernel, journal, force=True)
    assert by_target(restored) == {SWAP: "unchanged"}
    assert restored.is_clean
    assert kernel.writes == []


def test_restored_twice_is_harmless(state: Path, kernel: FakeKernel) -> None:
    before = kernel.bytes()
    journal = applied(state, kernel)
    kernel.change(SWAP, "33")
    restore(kernel, journal)
    kernel.writes.clear()
    restore(kernel, found(state))
    assert kernel.writes == []
    assert kernel.bytes() == before | {SWAP[1:]: b"33\n"}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/proc/sys/net/core/busy_poll", True),
        ("/sys/class/net/eth0/threaded", True),
        ("/sys/devices/pci0000:00/0000:00:03.0/net/eth0/queues/rx-0/rps_cpus", True),
        ("/proc/sys/vm/swappiness", False),
        ("/proc/sys/netfilter", False),
        ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", False),
    ],
)
def test_what_every_network_namespace_has_is_known(target: str, expected: bool) -> None:
    assert is_of_network(Plain(target)) is expected


def test_a_namespace_that_lives_elsewhere_is_told_from_one_that_is_gone() -> None:
    assert elsewhere(NETWORK_NAMESPACE.stat().st_ino) is None
    gone = elsewhere(1)
    assert gone is not None
    assert gone[0] == "gone"


def test_settings_of_another_network_namespace_are_not_written_here(
    state: Path, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = applied(state, kernel)
    said = ("failed", "is in another network namespace; restore it from there")
    monkeypatch.setattr(module, "elsewhere", lambda inode: said)
    monkeypatch.setattr(FakeKernel, "is_this_machine", True)
    states = by_target(restore(kernel, journal))
    assert (states[COALESCE], states[USECS], states[SWAP]) == ("failed", "failed", "restored")
    assert kernel.read(COALESCE) == "off"
    monkeypatch.undo()
    install_kinds(monkeypatch)
    rest = by_target(restore(kernel, found(state)))
    assert set(rest) == {name for name in BEFORE if name.startswith("/sys/class/net")}
    assert kernel.read(COALESCE) == "adaptive"


def test_a_closed_journal_says_so(state: Path, kernel: FakeKernel) -> None:
    journal = new_journal(state, kernel)
    journal.close()
    with pytest.raises(JournalError, match="is closed"):
        restore(kernel, journal)
