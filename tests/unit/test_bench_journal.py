"""The journal of benches: who owns one, whether he lives, and what a file can make us believe."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.bench import journal, leftovers, namespaces
from harness.bench.journal import Entry, JournalError, myself, read, record
from harness.bench.moved import Moved
from harness.tuning.owner import state_and_start

ID = "0123abcd"
NAMES = (f"rl-{ID}-rig", f"rl-{ID}-engine")
MOVED = Moved(
    namespace=NAMES[0],
    interface="eth1",
    mac="02:00:00:00:00:01",
    mtu=9000,
    is_up=True,
    alias="",
    origin=(4, 4026531840),
    addresses=({"family": 2, "address": "192.0.2.1", "prefixlen": 24},),
    routes=({"dst": "198.18.0.0/15", "gateway": "192.0.2.7"},),
)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REDLINE_STATE", str(tmp_path))
    monkeypatch.setattr("socket.if_nameindex", lambda: [(1, "lo")])  # the host may have others
    return tmp_path


def file_of(state: Path) -> Path:
    return state / "benches" / f"{ID}.json"


def test_what_is_recorded_is_read_again(state: Path) -> None:
    entry = record(ID, NAMES, [MOVED])
    assert entry.owner.pid == os.getpid()
    assert read(file_of(state)) == entry
    assert [path.name for path in (state / "benches").iterdir()] == [f"{ID}.json"]


def test_an_id_is_never_given_twice_by_a_name(state: Path) -> None:
    assert journal.namespace_name(ID, "rig") == NAMES[0]
    assert len({journal.new_id() for _ in range(64)}) == 64


def test_this_process_lives() -> None:
    assert myself().why_gone() is None


def test_a_process_that_ended_is_gone() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert replace(myself(), pid=child.pid).why_gone() == f"process {child.pid} is gone"


def test_a_process_id_that_came_back_is_another_process() -> None:
    me = myself()
    assert replace(me, started=me.started - 1).why_gone() == (
        f"process {me.pid} is gone; another one has its id"
    )


def test_a_dead_process_that_nobody_waited_for_is_dead() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    now = state_and_start(child.pid)
    assert now is not None
    owner = replace(myself(), pid=child.pid, started=now[1])
    assert owner.why_gone() == f"process {child.pid} is dead"
    child.wait()


def test_a_process_of_an_earlier_boot_is_gone_even_if_its_id_lives() -> None:
    assert replace(myself(), boot_id="0").why_gone() == (
        "left before this machine was last started"
    )


def test_a_process_that_cannot_be_seen_from_here_counts_as_living() -> None:
    assert replace(myself(), pid=1, started=0, pid_namespace=1).why_gone() is None


def test_a_process_name_that_looks_like_its_state_is_understood(tmp_path: Path) -> None:
    tool = tmp_path / "x) Z 1 (y"
    shutil.copy("/bin/sleep", tool)
    child = subprocess.Popen([tool, "60"])
    try:
        now = state_and_start(child.pid)
        assert now is not None
        assert replace(myself(), pid=child.pid, started=now[1]).why_gone() is None
    finally:
        child.kill()
        child.wait()


def spoilt(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], str]:
    def text(raw: dict[str, Any]) -> str:
        change(raw)
        return json.dumps(raw)

    return text


HOSTILE: list[tuple[Callable[[dict[str, Any]], str], str]] = [
    (spoilt(lambda raw: raw.update(namespaces=["production"])), "not a namespace of the bench"),
    (spoilt(lambda raw: raw.update(namespaces=["rl-ffffffff-rig"])), "not a namespace of"),
    (spoilt(lambda raw: raw.update(namespaces=[f"rl-{ID}-../x"])), "not a namespace of"),
    (spoilt(lambda raw: raw.update(namespaces=[f"rl-{ID}-"])), "not a namespace of"),
    (spoilt(lambda raw: raw.update(namespaces=[7])), "not a namespace of"),
    (spoilt(lambda raw: raw["moved"][0].update(namespace="production")), "not a namespace of"),
    (spoilt(lambda raw: raw["moved"][0].pop("mac")), "mac"),
    (spoilt(lambda raw: raw["moved"][0].update(origin=[1])), "not enough values"),
    (spoilt(lambda raw: raw.update(id="ffffffff")), "the id is not the file's"),
    (spoilt(lambda raw: raw["owner"].update(pid="1")), "no owner"),
    (spoilt(lambda raw: raw.pop("owner")), "owner"),
    (spoilt(lambda raw: raw.update(schema="redline.bench/9")), "of another version"),
    (lambda raw: json.dumps(raw)[:-9], "not the journal of a bench"),
    (lambda raw: "[]", "not the journal of a bench"),
    (lambda raw: "\x00\xff", "not the journal of a bench"),
    (lambda raw: "", "not the journal of a bench"),
]


@pytest.mark.parametrize(("text", "fault"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_file_that_no_bench_wrote_is_reported_and_nothing_is_done(
    state: Path, text: Callable[[dict[str, Any]], str], fault: str
) -> None:
    dead = replace(record(ID, NAMES, [MOVED]), owner=replace(myself(), boot_id="0"))
    path = file_of(state)
    path.write_text(text(json.loads(json.dumps(dead.as_json()))))
    with pytest.raises(JournalError, match=fault):
        read(path)
    found = leftovers.find(root=state)
    assert (found.leftovers, found.living) == ((), ())
    assert [line.endswith("; left alone") for line in found.strange] == [True]
    assert leftovers.clean(root=state) == leftovers.Cleaned((), ())
    assert path.exists()


def test_a_file_of_another_user_is_reported(state: Path) -> None:
    record(ID, NAMES)
    if os.geteuid() != 0:
        pytest.skip("needs root to give a file away")
    os.chown(file_of(state), 12345, 12345)
    (line,) = leftovers.find(root=state).strange
    assert line == f"{file_of(state)}: belongs to another user; left alone"


def forget(state: Path, entry: Entry) -> None:
    """As if its owner had died in an earlier boot: nothing of it can exist."""
    dead = replace(entry, owner=replace(entry.owner, boot_id="0"))
    file_of(state).write_text(json.dumps(dead.as_json()))


def test_interfaces_of_an_earlier_boot_are_where_that_boot_put_them(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(state, record(ID, NAMES, [MOVED]))
    monkeypatch.setattr(journal, "bring_back", lambda *args: pytest.fail("touched an interface"))
    monkeypatch.setattr(namespaces, "remove", lambda name: None)
    (removed,) = leftovers.clean(root=state).removed
    assert removed.entry.id == ID
    assert not file_of(state).exists()


def test_half_a_journal_is_removed_because_nothing_was_made_yet(state: Path) -> None:
    part = state / "benches" / f".{ID}.part"
    part.parent.mkdir()
    part.write_text("{")
    assert leftovers.clean(root=state) == leftovers.Cleaned((), ())
    assert not part.exists()


def test_without_a_directory_there_is_nothing_to_find_or_clean(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leftovers.find(root=state) == leftovers.Found((), (), ())
    assert leftovers.clean(root=state) == leftovers.Cleaned((), ())
    leftovers.sweep()
    (state / "benches").mkdir()
    leftovers.sweep()
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_a_directory_that_may_not_be_read_costs_a_line_and_no_command(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (state / "benches").write_text("a file")
    leftovers.sweep()
    assert capsys.readouterr().err == (
        f"leftovers of earlier benches stay: {state}/benches: Not a directory\n"
    )


def test_clean_in_json_names_the_living(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(ID, NAMES)
    assert cli.main(["clean", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["living"] == [{"id": ID, "pid": os.getpid()}]
    assert (said["schema"], said["removed"]) == ("redline.clean/1", [])
