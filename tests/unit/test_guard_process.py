"""The guard as a process: what it is, what it does not mind, and what makes it act."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from guarded import (
    STAT_INTERVAL,
    SWAPPINESS,
    WISHES,
    Say,
    child,
    children,
    comes_true,
    end_guard,
    fake_scope,
    guard_pid,
    is_gone,
    open_files,
    until_killed,
    values,
)

from harness.errors import HostError
from harness.tuning import guard, hold, papers, recovery
from harness.tuning.apply import apply
from harness.tuning.host import Host
from harness.tuning.journal import Journal
from harness.tuning.knobs.base import Scope
from harness.tuning.owner import is_stopped, myself
from harness.tuning.plan import plan
from harness.tuning.state import state_dir

TUNED, BEFORE = ["1", "10"], ["60", "1"]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of every test its own; and nobody whom it started is left."""
    monkeypatch.setenv("REDLINE_STATE", str(tmp_path / "state"))
    files, processes = open_files(), children()
    yield state_dir()
    end_guard(state_dir())
    assert children() <= processes, "a process is left"
    assert open_files() <= files, "a descriptor is left"


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    return fake_scope(tmp_path / "host")


def tuned(scope: Scope, **more: Any) -> AbstractContextManager[hold.Tuned]:
    return hold.tuned(scope, WISHES, title="x", **more)


def hold_on(scope: Scope, say: Say) -> None:
    with hold.tuned(scope, WISHES, title="low-latency"):
        say("held")
        until_killed()


def kept(scope: Scope, seconds: float | None = None) -> None:
    with hold.tuned(scope, WISHES, title="low-latency", seconds=seconds, keep=True):
        pass


def test_it_is_a_session_of_its_own_in_nobodys_way(scope: Scope, state: Path) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        with tuned(scope):
            pid = guard_pid(state)
            assert os.getsid(pid) == pid != os.getsid(0)
            there = Path(f"/proc/{pid}")
            assert there.joinpath("cwd").readlink() == Path("/")
            links = [str(one.readlink()) for one in there.joinpath("fd").iterdir()]
            assert links.count("/dev/null") == 3
            assert str(Path(f"/proc/self/fd/{writer}").readlink()) not in links
            assert Path(f"/proc/{pid}/comm").read_text() == "redline-guard\n"
            assert os.sched_getscheduler(pid) == os.SCHED_OTHER
            assert "Umask:\t0077" in Path(f"/proc/{pid}/status").read_text()
    finally:
        os.close(reader)
        os.close(writer)


def test_it_stays_on_a_housekeeping_cpu(scope: Scope, state: Path) -> None:
    if 0 not in os.sched_getaffinity(0):
        pytest.skip("needs CPU 0: this process may not use it")
    with tuned(scope):
        assert os.sched_getaffinity(guard_pid(state)) == {0}


def test_it_sleeps_until_it_is_needed(scope: Scope, state: Path) -> None:
    with tuned(scope):
        pid = guard_pid(state)
        assert comes_true(lambda: Path(f"/proc/{pid}/wchan").read_text() != "0")
        assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


@pytest.mark.parametrize("program", ["", "/nowhere/python", "/bin/false", "/bin/true"])
def test_without_a_guard_nothing_is_written(
    scope: Scope, state: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    steps: list[str] = []
    held = hold.tuned(scope, WISHES, title="x", step=steps.append)
    with pytest.raises(HostError, match="no guard could be started"), held:
        pytest.fail("held without a guard")
    assert not [step for step in steps if "writing" in step]
    assert values(scope) == BEFORE
    assert Journal.open(state) is None


def test_a_program_that_cannot_be_run_is_named(
    scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/etc/passwd")
    with pytest.raises(HostError, match="/etc/passwd: permission denied"), tuned(scope):
        pytest.fail("held without a guard")


def test_a_fault_of_the_guard_says_what_it_is(
    scope: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_entry", lambda: str(tmp_path))
    with pytest.raises(HostError, match="No module named 'harness'"), tuned(scope):
        pytest.fail("held without a guard")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP])
def test_what_a_terminal_sends_does_not_end_it(scope: Scope, state: Path, signum: int) -> None:
    with tuned(scope) as held:
        os.kill(guard_pid(state), signum)
        held.renew(None)
        assert values(scope) == TUNED


def test_told_to_end_it_puts_back_and_its_owner_hears_of_it(scope: Scope, state: Path) -> None:
    def work() -> None:
        with tuned(scope) as held:
            os.kill(guard_pid(state), signal.SIGTERM)
            assert comes_true(lambda: held.ended() != "")
            assert values(scope) == BEFORE

    with pytest.raises(HostError, match="x: was not held until the end: its guard was told to end"):
        work()
    assert hold.restored_log()[-1].endswith("x: 2 put back, as its guard was told to end")


def test_its_time_is_over_while_its_owner_lives(scope: Scope) -> None:
    def work() -> None:
        with tuned(scope, seconds=0.05) as held:
            assert comes_true(lambda: held.ended() != "")
            assert values(scope) == BEFORE

    with pytest.raises(HostError, match="its time was over"):
        work()


def test_what_is_over_cannot_be_renewed(scope: Scope) -> None:
    def work() -> None:
        with tuned(scope, seconds=0.05) as held:
            assert comes_true(lambda: held.ended() != "")
            held.renew(60)

    with pytest.raises(HostError, match="the guard is gone: its time was over"):
        work()


def test_the_failure_of_the_block_is_what_is_raised(scope: Scope) -> None:
    def work() -> None:
        with tuned(scope, seconds=0.05) as held:
            assert comes_true(lambda: held.ended() != "")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()


def test_a_new_deadline_takes_the_place_of_the_old_one(scope: Scope, state: Path) -> None:
    with tuned(scope, seconds=1000) as held:
        before = papers.read(state)
        held.renew(2000)
        after = papers.read(state)
        held.renew(None)
        last = papers.read(state)
    assert before is not None
    assert after is not None
    assert last is not None
    assert before.until_utc < after.until_utc
    assert last.until_utc == ""


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e12])
def test_no_time_at_all_is_refused(scope: Scope, seconds: float) -> None:
    with tuned(scope) as held:
        with pytest.raises(HostError, match="not a time"):
            held.renew(seconds)
        assert values(scope) == TUNED


def test_killed_it_is_missed_and_its_owner_puts_back(scope: Scope, state: Path) -> None:
    def work() -> None:
        with tuned(scope) as held:
            os.kill(guard_pid(state), signal.SIGKILL)
            assert comes_true(lambda: held.ended() != "")

    with pytest.raises(HostError, match="it was killed"):
        work()
    assert values(scope) == BEFORE


def test_let_go_of_without_a_word_it_puts_back(scope: Scope, state: Path) -> None:
    journal = Journal.create(state, owner=myself(), title="x", root=scope.host.root)
    handle = guard.start(state, owner=myself())
    apply(plan(scope, WISHES), scope.host, journal)
    assert values(scope) == TUNED
    handle.close()
    journal.close()
    assert values(scope) == BEFORE


def test_released_it_puts_nothing_back(scope: Scope, state: Path) -> None:
    journal = Journal.create(state, owner=myself(), title="x", root=scope.host.root)
    handle = guard.start(state, owner=myself())
    apply(plan(scope, WISHES), scope.host, journal)
    handle.release()
    journal.close()
    assert values(scope) == TUNED


def test_it_guards_no_journal_but_its_own(scope: Scope, state: Path) -> None:
    first = Journal.create(state, owner=myself(), title="first", root=scope.host.root)
    handle = guard.start(state, owner=myself())
    first.done()
    second = Journal.create(state, owner=myself(), title="second", root=scope.host.root)
    apply(plan(scope, WISHES), scope.host, second)
    handle.close()
    second.close()
    assert values(scope) == TUNED


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGALRM])
def test_its_owner_dies_and_it_puts_back(scope: Scope, state: Path, signum: int) -> None:
    with child(lambda say: hold_on(scope, say)) as owner:
        assert owner.heard() == "held"
        pid = guard_pid(state)
        owner.kill(signum)
        assert comes_true(lambda: values(scope) == BEFORE)
        assert comes_true(lambda: is_gone(pid))
        assert Journal.open(state) is None
        assert papers.read(state) is None


@pytest.mark.parametrize("fork", [os.fork, ctypes.PyDLL(None).fork], ids=["python", "c"])
def test_a_child_that_its_owner_left_behind_keeps_nothing_tuned(
    scope: Scope, fork: Callable[[], int]
) -> None:
    """Also one that knows nothing of the guard, and so holds what the owner had open."""

    def work(say: Say) -> None:
        with hold.tuned(scope, WISHES, title="x"):
            say(str(fork() or os.getpid()))
            until_killed()

    with child(work) as owner:
        orphan = max(int(owner.heard()), int(owner.heard()))
        try:
            owner.kill(signal.SIGKILL)
            assert comes_true(lambda: values(scope) == BEFORE)
        finally:
            os.kill(orphan, signal.SIGKILL)


def test_an_owner_that_becomes_another_program_has_let_go(scope: Scope) -> None:
    def work(say: Say) -> None:
        with hold.tuned(scope, WISHES, title="x"):
            orphan = os.fork()
            if orphan == 0:
                until_killed()
            say(str(orphan))
            os.execv("/bin/sleep", ["sleep", "60"])

    with child(work) as owner:
        orphan = int(owner.heard())
        try:
            assert comes_true(lambda: values(scope) == BEFORE)
            assert comes_true(lambda: hold.restored_log() != [])
            assert f"process {owner.pid} has let go of it" in hold.restored_log()[-1]
        finally:
            os.kill(orphan, signal.SIGKILL)


def test_the_journal_is_taken_away_and_it_puts_back_all_the_same(scope: Scope, state: Path) -> None:
    with child(lambda say: hold_on(scope, say)) as owner:
        assert owner.heard() == "held"
        (state / "open.jsonl").unlink()
        owner.kill(signal.SIGKILL)
        assert comes_true(lambda: values(scope) == BEFORE)


def test_kept_it_outlives_its_owner_until_somebody_restores(scope: Scope, state: Path) -> None:
    with child(lambda say: kept(scope)) as owner:
        assert owner.wait() == 0
    pid = guard_pid(state)
    assert not is_gone(pid)
    assert hold.recover(scope.host) is None
    assert values(scope) == TUNED
    done = hold.restore_now(scope.host)
    assert done is not None
    assert [item.state for item in done.items] == ["restored", "restored"]
    assert values(scope) == BEFORE
    assert comes_true(lambda: is_gone(pid))
    assert hold.restored_log() == []


def test_kept_for_a_time_it_puts_back_when_that_is_over(scope: Scope) -> None:
    with child(lambda say: kept(scope, seconds=0.05)) as owner:
        assert owner.wait() == 0
    assert comes_true(lambda: values(scope) == BEFORE)


def test_a_guard_that_was_stopped_cannot_keep_a_host_tuned(
    scope: Scope, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "RELEASED_S", 0.05)
    kept(scope)
    pid = guard_pid(state)
    os.kill(pid, signal.SIGSTOP)
    assert hold.restore_now(scope.host) is not None
    assert values(scope) == BEFORE
    assert comes_true(lambda: is_gone(pid))


def test_a_guard_that_was_stopped_ends_with_its_owners_tuning(
    scope: Scope, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "RELEASED_S", 0.05)
    with tuned(scope):
        pid = guard_pid(state)
        os.kill(pid, signal.SIGSTOP)
    assert is_gone(pid)
    assert values(scope) == BEFORE
    assert not (state / papers.NAME).exists()


def test_the_next_command_does_the_work_of_a_guard_that_was_stopped(
    scope: Scope, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "STOPPED_S", 0.05)
    pid = stopped_guard_of_a_dead_owner(scope, state)
    done = hold.recover()
    assert done is not None
    assert [item.state for item in done.items] == ["restored", "restored"]
    assert values(scope) == BEFORE
    assert comes_true(lambda: is_gone(pid))
    assert not (state / papers.NAME).exists()
    assert "2 put back by a later command" in hold.restored_log()[-1]


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    assert comes_true(lambda: is_stopped(pid))


def stopped_guard_of_a_dead_owner(scope: Scope, state: Path) -> int:
    with child(lambda say: hold_on(scope, say)) as owner:
        assert owner.heard() == "held"
        pid = guard_pid(state)
        stop(pid)
        owner.kill(signal.SIGKILL)
    assert values(scope) == TUNED
    return pid


@pytest.mark.parametrize("is_late", [False, True])
def test_one_that_is_kept_and_stopped_is_left_alone_until_its_time_is_over(
    scope: Scope, state: Path, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    monkeypatch.setattr(recovery, "STOPPED_S", 0.05)
    with child(lambda say: kept(scope, seconds=1000)) as owner:
        assert owner.wait() == 0
    stop(guard_pid(state))
    if is_late:
        monkeypatch.setattr(papers, "now_utc", lambda: "9999")
    assert (hold.recover() is not None) is is_late
    assert values(scope) == (BEFORE if is_late else TUNED)


def test_a_stranger_with_the_number_of_a_guard_is_left_alone(scope: Scope, state: Path) -> None:
    kept(scope)
    with child(lambda say: until_killed()) as stranger:
        found = papers.read(state)
        assert found is not None
        other = replace(found.guard, pid=stranger.pid)
        papers.write(state, replace(found, guard=other))
        hold.restore_now(scope.host)
        assert not is_gone(stranger.pid)
    os.kill(found.guard.pid, signal.SIGTERM)
    assert comes_true(lambda: is_gone(found.guard.pid))


@pytest.mark.parametrize("name", [SWAPPINESS, STAT_INTERVAL])
def test_what_somebody_else_has_changed_stays_and_is_in_the_log(
    scope: Scope, state: Path, name: str
) -> None:
    with child(lambda say: hold_on(scope, say)) as owner:
        assert owner.heard() == "held"
        Host(scope.host.root).write(name, "33")
        owner.kill(signal.SIGKILL)
        assert comes_true(lambda: hold.restored_log() != [])
    assert f"1 put back, 1 changed by others and left ({name})" in hold.restored_log()[-1]
    assert scope.host.read(name) == "33"
