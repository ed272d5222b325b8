"""A tuning from its beginning to its end, and what the next command finds of it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from guarded import (
    WISHES,
    Say,
    child,
    comes_true,
    end_guard,
    fake_scope,
    guard_pid,
    is_gone,
    until_killed,
    values,
)

from harness.errors import HostError
from harness.tuning import hold, papers
from harness.tuning.journal import Journal
from harness.tuning.knobs.base import Scope, Wish
from harness.tuning.owner import myself
from harness.tuning.papers import Papers
from harness.tuning.state import state_dir

TUNED, BEFORE = ["1", "10"], ["60", "1"]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("REDLINE_STATE", str(tmp_path / "state"))
    yield tmp_path / "state" / "tuning"
    if (tmp_path / "state").exists():
        end_guard(state_dir())


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    return fake_scope(tmp_path / "host")


def hold_on(scope: Scope, say: Say, **more: Any) -> None:
    with hold.tuned(scope, WISHES, title="low-latency", **more):
        say("held")
        until_killed()


def dead(scope: Scope, state: Path) -> None:
    """A tuning whose process and guard were killed."""
    with child(lambda say: hold_on(scope, say)) as owner:
        assert owner.heard() == "held"
        pid = guard_pid(state)
        os.kill(owner.pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        owner.kill(signal.SIGKILL)
        assert comes_true(lambda: is_gone(pid))


# ---- A block ------------------------------------------------------------------------------------


def test_it_is_tuned_for_the_block_and_then_as_before(scope: Scope, state: Path) -> None:
    with hold.tuned(scope, WISHES, title="x") as held:
        assert values(scope) == TUNED
        assert [str(op.state) for op in held.ops] == ["change", "change"]
        assert held.restored is None
        assert held.ended() == ""
    assert values(scope) == BEFORE
    assert held.restored is not None
    assert [item.state for item in held.restored.items] == ["restored", "restored"]
    assert sorted(path.name for path in state.iterdir()) == ["lock"]


def test_the_failure_of_a_block_puts_back(scope: Scope) -> None:
    with pytest.raises(ZeroDivisionError), hold.tuned(scope, WISHES, title="x"):
        raise ZeroDivisionError
    assert values(scope) == BEFORE


def test_the_guard_is_there_before_anything_is_written_and_until_all_is_back(
    scope: Scope, state: Path
) -> None:
    guarded: dict[str, bool] = {}

    def step(name: str) -> None:
        found = papers.read(state)
        guarded[name] = found is not None and found.is_alive

    with hold.tuned(scope, WISHES, title="x", step=step):
        pass
    writes = [name for name in guarded if "writing" in name or "putting back" in name]
    assert len(writes) == 8
    assert all(guarded[name] for name in writes)
    assert not guarded["before guard"]


def test_a_wish_that_must_not_go_unfulfilled_is_known_before_anything_is_written(
    scope: Scope, state: Path
) -> None:
    must = Wish("net.busy-poll", "50", on_unsupported="fail")
    with (
        pytest.raises(HostError, match=r"net\.busy-poll"),
        hold.tuned(scope, [*WISHES, must], title="x"),
    ):
        pytest.fail("held")
    assert values(scope) == BEFORE
    assert Journal.open(state) is None


def test_one_that_fails_when_it_is_written_takes_the_others_back(
    scope: Scope, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, text: str) -> None:
        if name.endswith("stat_interval") and text == "10":
            raise PermissionError(1, "Operation not permitted")
        type(scope.host).write(scope.host, name, text)

    monkeypatch.setattr(scope.host, "write", refuse)
    must = [replace(wish, on_unsupported="fail") for wish in WISHES]
    with pytest.raises(HostError, match="denied"), hold.tuned(scope, must, title="x"):
        pytest.fail("held")
    assert values(scope) == BEFORE
    assert Journal.open(state) is None
    assert papers.read(state) is None


def test_a_second_block_changes_nothing_where_the_first_is_kept_in_a_profile(scope: Scope) -> None:
    with hold.tuned(scope, WISHES, title="x"), pytest.raises(HostError, match="in use: x by"):
        hold.tuned(scope, WISHES, title="y").__enter__()
    assert values(scope) == BEFORE


def test_it_can_be_held_by_a_thread(scope: Scope) -> None:
    seen: list[list[str]] = []

    def work() -> None:
        with hold.tuned(scope, WISHES, title="x"):
            seen.append(values(scope))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [*seen, values(scope)] == [TUNED, BEFORE]


def test_kept_it_stays_also_when_the_block_fails(scope: Scope) -> None:
    held = hold.tuned(scope, WISHES, title="x", keep=True)
    with pytest.raises(ZeroDivisionError), held:
        raise ZeroDivisionError
    assert values(scope) == TUNED
    assert hold.restore_now(scope.host) is not None
    assert values(scope) == BEFORE


# ---- What the next command finds ----------------------------------------------------------------


def test_what_a_dead_tuning_left_is_put_back_and_logged(scope: Scope, state: Path) -> None:
    dead(scope, state)
    assert values(scope) == TUNED
    done = hold.recover()
    assert done is not None
    assert [item.state for item in done.items] == ["restored", "restored"]
    assert values(scope) == BEFORE
    assert "low-latency: 2 put back by a later command, as process" in hold.restored_log()[-1]
    assert hold.recover() is None
    assert not (state / papers.NAME).exists()


def test_a_restore_takes_the_papers_of_a_killed_guard_away(scope: Scope, state: Path) -> None:
    dead(scope, state)
    assert hold.restore_now(scope.host) is not None
    assert not (state / papers.NAME).exists()


def test_what_was_not_put_back_is_not_said_to_be(scope: Scope, state: Path) -> None:
    dead(scope, state)
    scope.host.write("/proc/sys/vm/swappiness", "60")
    scope.host.path("/proc/sys/vm/stat_interval").unlink()
    assert hold.recover() is not None
    assert hold.restored_log() == []


def test_what_may_not_be_looked_at_is_no_nothing(
    scope: Scope, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    for look in (lambda: hold.restore_now(scope.host), hold.status):
        with pytest.raises(HostError, match=f"^{state}: permission denied$"):
            look()
    assert hold.recover() is None
    assert papers.held_leases() == ()


def test_the_next_tuning_puts_it_back_first(scope: Scope, state: Path) -> None:
    dead(scope, state)
    with hold.tuned(scope, WISHES, title="next") as held:
        assert [op.before for op in held.ops] == BEFORE
    assert values(scope) == BEFORE


def test_a_living_tuning_is_not_recovered(scope: Scope) -> None:
    with hold.tuned(scope, WISHES, title="x"):
        assert hold.recover() is None
        assert values(scope) == TUNED


def test_one_whose_guard_alone_is_dead_is_its_owners(scope: Scope, state: Path) -> None:
    def work() -> None:
        with hold.tuned(scope, WISHES, title="x") as held:
            os.kill(guard_pid(state), signal.SIGKILL)
            assert comes_true(lambda: held.ended() != "")
            assert hold.recover() is None
            assert values(scope) == TUNED

    with pytest.raises(HostError, match="it was killed"):
        work()
    assert not (state / papers.NAME).exists()


def test_looking_for_something_to_recover_makes_no_directory(state: Path) -> None:
    assert hold.recover() is None
    assert hold.status() is None
    assert hold.restored_log() == []
    assert papers.held_leases() == ()
    assert not state.exists()


def test_a_restore_takes_from_who_holds_and_tells_him(scope: Scope, state: Path) -> None:
    def work() -> None:
        with hold.tuned(scope, WISHES, title="x") as held:
            with child(lambda say: say(_restored(scope))) as command:
                assert command.heard() == "restored restored"
            assert comes_true(lambda: held.ended() != "")
            assert values(scope) == BEFORE

    with pytest.raises(HostError, match="it was put back by another command"):
        work()
    assert values(scope) == BEFORE


def _restored(scope: Scope) -> str:
    done = hold.restore_now(scope.host)
    return "" if done is None else " ".join(item.state for item in done.items)


def test_by_force_also_what_others_changed_is_put_back(scope: Scope) -> None:
    with hold.tuned(scope, WISHES, title="x", keep=True):
        pass
    scope.host.write("/proc/sys/vm/swappiness", "33")
    done = hold.restore_now(scope.host)
    assert done is not None
    assert [item.state for item in done.items] == ["restored", "foreign"]
    hold.restore_now(scope.host, force=True)
    assert values(scope) == BEFORE


def test_restoring_where_nothing_is_tuned_does_nothing(scope: Scope) -> None:
    assert hold.restore_now(scope.host) is None


def test_status_says_what_by_whom_and_until_when(scope: Scope, state: Path) -> None:
    with hold.tuned(scope, WISHES, title="x", seconds=1000):
        said = hold.status()
        pid = guard_pid(state)
    assert said is not None
    assert (said["title"], said["kept"], said["settings"]) == ("x", False, 2)
    assert said["owner"] == {"pid": os.getpid(), "alive": True}
    assert said["guard"] == {"pid": pid, "alive": True}
    assert said["until"].endswith(" UTC")
    assert json.dumps(said)
    assert hold.status() is None


# ---- Papers -------------------------------------------------------------------------------------


def some_papers() -> Papers:
    return Papers(myself(), myself(), "x", "2026-01-01", "", kept=False, leases=({"kind": "k"},))


def test_papers_come_back_as_they_were_written() -> None:
    papers.write(state_dir(), some_papers())
    assert papers.read(state_dir()) == some_papers()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", "{}", '{"guard": 1}', "[" * 100_000, "\0" * 50]
    + [
        json.dumps({"guard": guard_, "owner": None, "title": "x", "leases": []})
        for guard_ in ({}, {"pid": -1}, {"pid": "1"})
    ],
)
def test_papers_that_are_garbled_are_none(text: str) -> None:
    (state_dir() / papers.NAME).write_text(text)
    assert papers.read(state_dir()) is None


def test_papers_that_others_may_write_are_none() -> None:
    papers.write(state_dir(), some_papers())
    (state_dir() / papers.NAME).chmod(0o666)
    assert papers.read(state_dir()) is None


def test_papers_of_a_dead_guard_hold_no_lease() -> None:
    papers.write(state_dir(), some_papers())
    assert papers.held_leases() == ({"kind": "k"},)
    gone = replace(some_papers(), guard=replace(myself(), started=1))
    papers.write(state_dir(), gone)
    assert papers.held_leases() == ()


def test_the_log_keeps_its_last_lines_and_is_printable() -> None:
    for i in range(papers.MAX_LINES + 5):
        papers.log(state_dir(), f"line {i} \x1b[2J\n{'x' * 1000}")
    lines = papers.logged(state_dir())
    assert len(lines) == papers.MAX_LINES
    assert f"line {papers.MAX_LINES + 4} \\x1b[2J" in lines[-1]
    assert all(len(line) < 600 and line.isprintable() for line in lines)
