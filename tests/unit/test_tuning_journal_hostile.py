"""Journals that we cannot have written: one line each, nothing is done, and the file stays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_kernel import Plain, install_kinds

from harness.tuning.journal import Journal, JournalError
from harness.tuning.knobs.base import State
from harness.tuning.owner import myself

A = Plain("/proc/sys/vm/swappiness")


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    install_kinds(monkeypatch)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.create(tmp_path, owner=myself(), title="low-latency")


def spoilt(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[str], str]:
    def text(good: str) -> str:
        records = [json.loads(line) for line in good.splitlines()]
        change(records)
        return "".join(json.dumps(record) + "\n" for record in records)

    return text


def header_with(**values: object) -> Callable[[str], str]:
    return spoilt(lambda records: records[0].update(values))


def owner_with(**values: object) -> Callable[[str], str]:
    return spoilt(lambda records: records[0]["owner"].update(values))


def second_with(**values: object) -> Callable[[str], str]:
    return spoilt(lambda records: records[1].update(values))


HOSTILE: list[tuple[Callable[[str], str], str]] = [
    (lambda good: "", ":1: .*does not begin with"),
    (lambda good: "\n", ":1: .*Expecting value"),
    (lambda good: "[]\n", ":1: .*not an object"),
    (lambda good: "\xff\n", ":1: "),
    (lambda good: "[" * 100_000 + "\n", ":1: .*nested without end"),
    (lambda good: good.partition("\n")[2], ":1: .*does not begin with"),
    (header_with(schema="redline.tuning/9"), ":1: .*does not begin with"),
    (header_with(owner=None), ":1: .*no owner"),
    (header_with(owner={"pid": 1}), ":1: .*no owner"),
    (header_with(title=7), ":1: .*not a text"),
    (header_with(root="/tmp\0x"), ":1: .*not a root"),
    (header_with(root="../../x"), ":1: .*not a root"),
    (header_with(root="/tmp/../etc"), ":1: .*not a root"),
    (header_with(net_namespace="1"), ":1: .*not a number"),
    (owner_with(pid="1"), ":1: .*not a number"),
    (owner_with(pid=True), ":1: .*not a number"),
    (owner_with(started=1e300), ":1: .*not a number"),
    (owner_with(pid=10**400), ":1: .*not a number"),
    (spoilt(lambda records: records[0].pop("root")), ":1: .*no 'root'"),
    (lambda good: good + "{}\n", ":4: .*no key"),
    (lambda good: good + "\n", ":4: .*Expecting value"),
    (lambda good: good + "\x1b[2J{\n" + good, r":4: .*left alone"),
    (lambda good: good + '{"event":"after","key":"file:/etc/passwd"}\n', ":4: .*not known"),
    (second_with(event="\x1b[2J"), ":2: "),
    (second_with(setting=None), ":2: .*no setting"),
    (second_with(setting={"kind": "file", "target": "/etc/passwd"}), ":2: "),
    (second_with(setting={"kind": "file", "target": "/proc/sys/../../etc/passwd"}), ":2: "),
    (second_with(setting={"kind": "file", "target": "/proc/self/root/etc/passwd"}), ":2: "),
    (second_with(setting={"kind": ["file"], "target": "/proc/sys/vm/swappiness"}), ":2: "),
    (second_with(setting={"kind": "file", "target": 7}), ":2: "),
    (second_with(setting={"kind": "file"}), ":2: "),
    (second_with(setting={"kind": "nonsense", "target": "x"}), ":2: "),
    (second_with(setting={"kind": "ethtool", "target": "../x coalesce y"}), ":2: "),
    (second_with(value=7), ":2: .*no value"),
    (second_with(want=None), ":2: .*no want"),
    (spoilt(lambda records: records[2].update(state="marvellous")), ":3: .*marvellous"),
    (spoilt(lambda records: records[2].update(now=[])), ":3: .*no now"),
]


@pytest.mark.parametrize(("spoil", "fault"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_file_that_we_cannot_have_written_is_one_line_and_stays(
    journal: Journal, spoil: Callable[[str], str], fault: str
) -> None:
    journal.before(A, "60", "1")
    journal.after(A.key, State.CHANGE, "1")
    journal.close()
    good = journal.path.read_bytes().rstrip(b"\0").decode()
    journal.path.write_text(spoil(good), encoding="latin-1")
    bad = journal.path.read_bytes()
    with pytest.raises(JournalError, match=fault) as caught:
        Journal.open(journal.path.parent)
    assert str(caught.value).isprintable()
    assert str(caught.value).startswith(str(journal.path))
    assert journal.path.read_bytes() == bad


def test_a_garbled_one_is_not_replaced(journal: Journal) -> None:
    journal.path.write_text("nonsense\n")
    with pytest.raises(JournalError, match=":1: "):
        Journal.create(journal.path.parent, owner=myself(), title="next")
    assert journal.path.read_text() == "nonsense\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: makes a file of another user")
def test_one_of_another_user_is_refused(journal: Journal) -> None:
    os.chown(journal.path, 65534, 65534)
    with pytest.raises(JournalError, match="belongs to another user"):
        Journal.open(journal.path.parent)


def test_one_that_others_may_write_is_refused(journal: Journal) -> None:
    journal.path.chmod(0o666)
    with pytest.raises(JournalError, match="others may write to it"):
        Journal.open(journal.path.parent)


def linked(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to(path.with_name("real"))


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


def endless(path: Path) -> None:
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (linked, "symbolic links"),
        (piped, "not a file"),
        (folder, "is a directory"),
        (endless, "too long"),
    ],
)
def test_what_is_no_plain_file_of_some_length_is_refused(
    journal: Journal, change: Callable[[Path], None], fault: str
) -> None:
    change(journal.path)
    with pytest.raises(JournalError, match=fault):
        Journal.open(journal.path.parent)
