"""The journal of a tuning: what it remembers, what a cut or full file does, whom it believes."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fake_kernel import Plain, Rounding, install_kinds, survives

from harness.errors import ExitCode
from harness.tuning.journal import NAME, Journal, JournalError
from harness.tuning.knobs.base import State
from harness.tuning.owner import myself
from harness.tuning.records import Entry
from harness.tuning.settings import Setting

A = Plain("/proc/sys/vm/swappiness")
B = Plain("/proc/sys/vm/stat_interval")
ROUNDED = Rounding("/sys/kernel/mm/hugepages/nr")
PAGE = 4096


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    install_kinds(monkeypatch)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.create(tmp_path, owner=myself(), title="low-latency")


def reopened(journal: Journal) -> Journal:
    journal.close()
    found = Journal.open(journal.path.parent)
    assert found is not None
    return found


def entry_of(journal: Journal, setting: Setting) -> Entry:
    found = journal.find(setting)
    assert found is not None
    return found


def test_there_is_none_where_nobody_tuned(tmp_path: Path) -> None:
    assert Journal.open(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_down_is_read_again(journal: Journal) -> None:
    journal.seen([(A, "60", "1"), (B, "1", "10")])
    journal.before(A, "60", "1")
    journal.after(A.key, State.CHANGE, "1")
    again = reopened(journal)
    assert again.header.title == "low-latency"
    assert again.owner == myself()
    assert again.entries() == [
        Entry(A, "60", "1", State.CHANGE, "1", ("1",), was_written=True),
        Entry(B, "1", "10"),
    ]


def test_it_is_for_its_owner_alone(journal: Journal) -> None:
    assert journal.path.stat().st_mode & 0o777 == 0o600


def test_a_value_before_is_on_disk_before_it_is_said_to_be(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk: list[bytes] = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: on_disk.append(journal.path.read_bytes()))
    journal.before(A, "60", "1")
    assert [b'"value":"60"' in text for text in on_disk] == [True]


def test_many_values_wait_for_the_disk_once(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(os, "fdatasync", calls.append)
    journal.seen([(A, "60", "1"), (B, "1", "10")])
    journal.before(A, "60", "1")
    journal.before(B, "1", "10")
    assert len(calls) == 1


def test_the_first_value_before_wins_also_after_a_crash(journal: Journal) -> None:
    journal.before(A, "60", "1")
    again = reopened(journal)
    again.seen([(A, "1", "5")])
    again.before(A, "1", "5")
    again.after(A.key, State.CHANGE, "5")
    entry = entry_of(reopened(again), A)
    assert (entry.before, entry.want) == ("60", "5")
    assert [entry.is_ours(value) for value in ("5", "60", "7")] == [True, False, False]


def test_a_value_that_changed_before_we_wrote_is_what_to_go_back_to(journal: Journal) -> None:
    journal.seen([(A, "60", "1")])
    journal.before(A, "55", "1")
    assert entry_of(reopened(journal), A).before == "55"


def test_a_restored_setting_starts_anew(journal: Journal) -> None:
    journal.before(A, "60", "1")
    journal.closed(restored=[A.key], left=[])
    assert journal.entries() == []
    journal.before(A, "7", "1")
    assert entry_of(reopened(journal), A).before == "7"


def test_a_setting_left_to_another_starts_anew_when_it_is_written_again(journal: Journal) -> None:
    journal.before(A, "60", "1")
    journal.closed(restored=[], left=[A.key])
    assert journal.is_settled
    journal.before(A, "33", "1")
    assert entry_of(reopened(journal), A).before == "33"
    assert not journal.is_settled


def test_an_unknown_outcome_may_be_what_was_asked_for(journal: Journal) -> None:
    journal.before(A, "60", "1")
    assert entry_of(journal, A).is_ours("1")


def test_a_refused_write_makes_no_value_ours(journal: Journal) -> None:
    journal.before(A, "60", "1")
    journal.after(A.key, State.DENIED, "60")
    assert not entry_of(journal, A).is_ours("1")


def test_what_was_only_seen_is_not_ours(journal: Journal) -> None:
    journal.seen([(A, "60", "1")])
    assert not entry_of(journal, A).is_ours("1")


def test_a_second_one_is_refused_while_the_first_is_not_put_back(journal: Journal) -> None:
    journal.before(A, "60", "1")
    with pytest.raises(JournalError, match="earlier tuning is not put back: low-latency") as caught:
        Journal.create(journal.path.parent, owner=myself(), title="other")
    assert caught.value.exit_code == ExitCode.HOST_NOT_FIT
    assert entry_of(reopened(journal), A).before == "60"


def test_one_that_only_tells_of_others_changes_is_replaced(journal: Journal) -> None:
    journal.before(A, "60", "1")
    journal.closed(restored=[], left=[A.key])
    assert Journal.create(journal.path.parent, owner=myself(), title="other").entries() == []


def test_a_closed_one_is_gone_when_it_is_done(journal: Journal) -> None:
    journal.done()
    assert list(journal.path.parent.iterdir()) == []
    journal.done()
    journal.close()


def test_who_still_has_it_open_learns_that_it_is_done(journal: Journal) -> None:
    other = Journal.open(journal.path.parent)
    assert other is not None
    journal.before(A, "60", "1")
    journal.done()
    with other.exclusive():
        assert other.is_done
    assert not Journal.create(journal.path.parent, owner=myself(), title="next").is_done
    other.done()
    assert journal.path.exists()  # the next one's


def test_another_process_sees_what_was_put_back_meanwhile(journal: Journal) -> None:
    journal.before(A, "60", "1")
    journal.before(B, "1", "10")
    other = Journal.open(journal.path.parent)
    assert other is not None
    other.closed(restored=[B.key], left=[])
    with journal.exclusive():
        assert [entry.key for entry in journal.entries()] == [A.key]


def cuts(journal: Journal) -> tuple[bytes, int]:
    text = journal.path.read_bytes().rstrip(b"\0")
    return text, text.index(b"\n") + 1


@pytest.mark.parametrize("tail", [b"", b"\0" * 100], ids=["cut", "zeros behind"])
def test_a_line_cut_off_anywhere_says_nothing(journal: Journal, tail: bytes) -> None:
    journal.before(A, "60", "1")
    text, first = cuts(journal)
    for end in range(first, len(text)):
        journal.path.write_bytes(text[:end] + tail)
        found = Journal.open(journal.path.parent)
        assert found is not None
        assert found.entries() == []
        found.close()


def test_the_rest_of_a_cut_line_never_gets_into_the_next_one(journal: Journal) -> None:
    journal.before(A, "60", "1" * 400)
    text, _ = cuts(journal)
    journal.path.write_bytes(text[:-1])
    again = reopened(journal)
    again.before(B, "1", "10")
    assert [entry.key for entry in reopened(again).entries()] == [B.key]


def test_lines_of_a_write_that_failed_half_way_never_come_back(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[: len(data) - 9], at))
    with pytest.raises(JournalError, match="no space left"):
        journal.seen([(A, "60", "1"), (B, "1", "10"), (ROUNDED, "0", "9")])
    monkeypatch.undo()
    install_kinds(monkeypatch)
    journal.before(B, "1", "10")
    assert [entry.key for entry in reopened(journal).entries()] == [B.key]


def test_space_is_taken_before_the_first_line_and_not_again(journal: Journal) -> None:
    journal.seen([(A, "60", "1" * PAGE)])
    blocks = journal.path.stat().st_blocks
    journal.before(A, "60", "1" * PAGE)
    journal.after(A.key, State.CHANGE, "1" * PAGE)
    journal.undo(A.key)
    journal.after(A.key, State.FAILED, "2" * PAGE)
    journal.closed(restored=[A.key], left=[])
    assert journal.path.stat().st_blocks == blocks


def within(n_bytes: int, work: Callable[[], None]) -> bool:
    """Whether `work` comes to its end where no file may grow beyond `n_bytes`."""

    def go() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))
        work()

    return survives(go)


def test_a_full_disk_is_found_before_there_is_a_journal(tmp_path: Path) -> None:
    def work() -> None:
        with pytest.raises(JournalError, match=r"open.jsonl: file too large"):
            Journal.create(tmp_path, owner=myself(), title="x")

    assert within(PAGE, work)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_found_before_any_of_many_values_changes(journal: Journal) -> None:
    settings = [(Plain(f"/proc/sys/{i}"), "60", "1") for i in range(1000)]

    def work() -> None:
        with pytest.raises(JournalError, match=r"open.jsonl: file too large"):
            journal.seen(settings)

    assert within(128 * 1024, work)
    assert reopened(journal).entries() == []


def test_outcomes_find_room_on_a_full_disk(journal: Journal) -> None:
    journal.seen([(A, "60", "1")])

    def work() -> None:
        journal.before(A, "60", "1")
        journal.after(A.key, State.CHANGE, "1")
        journal.closed(restored=[A.key], left=[])

    assert within(journal.path.stat().st_size, work)
    assert reopened(journal).entries() == []


def test_a_rest_of_a_killed_beginning_does_not_stand_in_the_way(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_text("half of a li")
    Journal.create(tmp_path, owner=myself(), title="x")
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_one_of_an_earlier_boot_may_be_garbled(tmp_path: Path) -> None:
    old = replace(myself(), boot_id="another")
    journal = Journal.create(tmp_path, owner=old, title="x")
    journal.before(A, "60", "1")
    with journal.path.open("r+b") as file:
        file.seek(len(cuts(journal)[0]))
        file.write(b"\x1b\n")
    again = reopened(journal)
    assert again.is_settled
    assert Journal.create(tmp_path, owner=myself(), title="next").entries() == []
