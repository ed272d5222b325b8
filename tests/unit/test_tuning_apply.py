"""Applying a plan by the journal: what is written when, and what every refusal becomes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fake_kernel import (
    FakeKernel,
    Mortal,
    Plain,
    Rounding,
    change,
    changes,
    install_kinds,
    states,
)

from harness.tuning.apply import apply
from harness.tuning.host import Host
from harness.tuning.journal import Journal, JournalError
from harness.tuning.knobs.base import State
from harness.tuning.owner import myself
from harness.tuning.restore import restore

BEFORE = {
    "/proc/sys/vm/swappiness": "60",
    "/proc/sys/vm/stat_interval": "1",
    "/proc/irq/36/smp_affinity_list": "0-1",
}
WANTED = {
    "/proc/sys/vm/swappiness": "1",
    "/proc/sys/vm/stat_interval": "10",
    "/proc/irq/36/smp_affinity_list": "0",
}
SWAP, STAT, IRQ = WANTED


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    install_kinds(monkeypatch)


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    return FakeKernel(tmp_path / "host", BEFORE)


@pytest.fixture
def journal(tmp_path: Path, kernel: FakeKernel) -> Journal:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    return Journal.create(state, owner=myself(), title="x", root=kernel.root)


def values(kernel: FakeKernel) -> dict[str, str]:
    return {name: kernel.read(name) for name in BEFORE}


def test_what_was_planned_is_written(kernel: FakeKernel, journal: Journal) -> None:
    done = apply(changes(WANTED), kernel, journal)
    assert states(done) == ["change"] * 3
    assert [op.before for op in done] == list(BEFORE.values())
    assert values(kernel) == WANTED
    assert [name for name, _ in kernel.writes] == list(WANTED)


def test_a_second_apply_changes_nothing(kernel: FakeKernel, journal: Journal) -> None:
    apply(changes(WANTED), kernel, journal)
    kernel.writes.clear()
    entries = journal.entries()
    assert states(apply(changes(WANTED), kernel, journal)) == ["noop"] * 3
    assert kernel.writes == []
    assert journal.entries() == entries


def test_every_value_before_is_on_disk_before_the_first_write(
    kernel: FakeKernel, journal: Journal
) -> None:
    known: list[set[str]] = []

    def note(text: str) -> str:
        other = Journal.open(journal.path.parent)
        assert other is not None
        known.append({entry.before for entry in other.entries()})
        other.close()
        return text

    kernel.becoming[SWAP] = note
    apply(changes(WANTED), kernel, journal)
    assert known == [set(BEFORE.values())]


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (errno.EPERM, "denied"),
        (errno.EACCES, "denied"),
        (errno.EROFS, "denied"),
        (errno.EIO, "denied"),
        (errno.ENODEV, "unsupported"),
        (errno.EOPNOTSUPP, "unsupported"),
        (errno.EINVAL, "failed"),
        (errno.EBUSY, "failed"),
    ],
)
def test_a_refusal_is_classified_and_stops_nothing(
    kernel: FakeKernel, journal: Journal, number: int, state: str
) -> None:
    kernel.refusing[STAT] = number
    done = apply(changes(WANTED), kernel, journal)
    assert states(done) == ["change", state, "change"]
    assert done[1].why == os.strerror(number).lower()
    assert values(kernel) == WANTED | {STAT: "1"}


def test_a_write_that_takes_no_effect_is_no_success(kernel: FakeKernel, journal: Journal) -> None:
    kernel.becoming[SWAP] = lambda text: "7"
    (op,) = apply([change(Plain(SWAP), "1")], kernel, journal)
    assert (str(op.state), op.why) == ("ineffective", "holds 7 instead")


def test_what_is_not_there_any_more_is_unsupported(kernel: FakeKernel, journal: Journal) -> None:
    ops = [change(Mortal("/proc/1/x"), "1"), change(Plain("/proc/2/x"), "1")]
    done = apply(ops, kernel, journal)
    assert states(done) == ["unsupported", "unsupported"]
    assert [op.why for op in done] == ["it has ended", "no such file or directory"]
    assert journal.entries() == []


@pytest.mark.parametrize("state", [state for state in State if state is not State.CHANGE])
def test_only_planned_changes_are_written(
    kernel: FakeKernel, journal: Journal, state: State
) -> None:
    op = replace(change(Plain(SWAP), "1"), state=state)
    assert apply([op], kernel, journal) == [op]
    assert kernel.writes == []
    assert journal.entries() == []


def test_what_has_no_setting_is_left_to_others(kernel: FakeKernel, journal: Journal) -> None:
    lease = replace(change(Plain(SWAP), "1"), setting=None)
    assert apply([lease], kernel, journal) == [lease]


def test_a_value_that_changed_since_the_plan_is_the_one_to_go_back_to(
    kernel: FakeKernel, journal: Journal
) -> None:
    op = change(Plain(SWAP), "1", before="60")
    kernel.change(SWAP, "44")
    apply([op], kernel, journal)
    restore(kernel, journal)
    assert kernel.read(SWAP) == "44"


def test_a_value_that_changes_while_others_are_written_is_the_one_to_go_back_to(
    kernel: FakeKernel, journal: Journal
) -> None:
    def step(name: str) -> None:
        if name.startswith("after writing") and SWAP in name:
            kernel.change(STAT, "5")

    apply(changes(WANTED), kernel, journal, step=step)
    restore(kernel, journal)
    assert values(kernel) == BEFORE | {STAT: "5"}


def test_a_file_that_an_earlier_write_brings_forth_is_written_too(
    kernel: FakeKernel, journal: Journal
) -> None:
    def make(text: str) -> dict[str, str]:
        return {"/proc/irq/made": "old"}

    kernel.moving[SWAP] = make
    ops = changes({SWAP: "1", "/proc/irq/made": "new"})
    assert states(apply(ops, kernel, journal)) == ["change", "change"]
    restore(kernel, journal)
    assert kernel.read("/proc/irq/made") == "old"


def test_two_wishes_about_one_setting_go_back_to_before_both(
    kernel: FakeKernel, journal: Journal
) -> None:
    ops = [change(Plain(SWAP), "1"), change(Plain(SWAP), "2")]
    assert states(apply(ops, kernel, journal)) == ["change", "change"]
    assert kernel.read(SWAP) == "2"
    restore(kernel, journal)
    assert values(kernel) == BEFORE


def test_the_outcome_is_what_stands_there_when_all_is_written(
    kernel: FakeKernel, journal: Journal
) -> None:
    kernel.moving[STAT] = lambda text: {SWAP: "77"}
    ops = [change(Rounding(SWAP), "1"), change(Plain(STAT), "10")]
    done = apply(ops, kernel, journal)
    assert (str(done[0].state), done[0].why) == ("ineffective", "holds 77 instead")


def broken(journal: Journal, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """The disk refuses the `at`-th line from now on, and every one after it."""
    real, count = os.pwrite, 0

    def pwrite(fd: int, data: bytes, offset: int) -> int:
        nonlocal count
        count += 1
        if count > at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)


@pytest.mark.parametrize("at", range(7))
def test_a_journal_that_cannot_be_written_undoes_what_was_applied(
    kernel: FakeKernel, journal: Journal, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    broken(journal, monkeypatch, at)
    with pytest.raises(JournalError, match=r"open.jsonl: input/output error"):
        apply(changes(WANTED), kernel, journal)
    assert values(kernel) == BEFORE


def test_seven_lines_are_all_there_are_for_three_changes(
    kernel: FakeKernel, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(journal, monkeypatch, 7)
    apply(changes(WANTED), kernel, journal)
    assert values(kernel) == WANTED


def removed(journal: Journal) -> None:
    journal.path.unlink()


def put_back_by_another(journal: Journal) -> None:
    other = Journal.open(journal.path.parent)
    assert other is not None
    other.done()


@pytest.mark.parametrize("take_away", [removed, put_back_by_another])
def test_nothing_is_written_without_a_journal_to_find(
    kernel: FakeKernel, journal: Journal, take_away: Callable[[Journal], None]
) -> None:
    take_away(journal)
    with pytest.raises(JournalError, match="put back or taken away"):
        apply(changes(WANTED), kernel, journal)
    assert values(kernel) == BEFORE


def test_a_journal_taken_away_between_two_writes_undoes_the_first(
    kernel: FakeKernel, journal: Journal
) -> None:
    def step(name: str) -> None:
        if name.startswith("after writing"):
            journal.path.unlink()

    with pytest.raises(JournalError, match="put back or taken away"):
        apply(changes(WANTED), kernel, journal, step=step)
    assert values(kernel) == BEFORE


def test_the_journal_of_one_host_is_not_used_on_another(
    kernel: FakeKernel, journal: Journal, tmp_path: Path
) -> None:
    with pytest.raises(JournalError, match="is about the host below"):
        apply(changes(WANTED), Host(tmp_path / "other"), journal)
    with pytest.raises(JournalError, match="is about the host below"):
        restore(Host(), journal)
