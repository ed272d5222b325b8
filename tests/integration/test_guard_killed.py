"""A tuning is killed at every step, and every byte of this machine is as it was; nobody is left.

The child goes through a whole life (lock, journal, guard, apply, restore) and dies at its k-th
step: alone, and then its guard puts back; or its guard a moment before it, and then the next
command does.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fake_kernel import survives
from guarded import (
    STAT_INTERVAL,
    Say,
    child,
    children,
    comes_true,
    end_guard,
    guard_pid,
    is_gone,
    open_files,
    until_killed,
)

from harness.errors import HostError
from harness.tuning import hold, papers
from harness.tuning.host import Host
from harness.tuning.journal import Journal
from harness.tuning.knobs.base import Roles, Scope, Wish
from harness.tuning.state import state_dir

from .real_host import bytes_of, real_settings, write_bytes

pytestmark = pytest.mark.usefixtures("alone")

BUDGET = "/proc/sys/net/core/netdev_budget"
WISHES = [Wish("memory.stat-interval", "7"), Wish("net.budget", "299")]
FILES = (STAT_INTERVAL, BUDGET)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("REDLINE_STATE", str(tmp_path))
    files, processes = open_files(), children()
    yield state_dir()
    end_guard(state_dir())
    assert children() <= processes, "a process is left"
    assert open_files() <= files, "a descriptor is left"


def here() -> Scope:
    return Scope(Host(), Roles(hot=(1,), irq=(0,), housekeeping=(0,)))


def now() -> list[bytes]:
    return [bytes_of(file) for file in FILES]


class Death:
    """A step that kills at its k-th call; the guard first, if there is one, when it is told to."""

    def __init__(self, k: int, state: Path, *, guard_too: bool) -> None:
        self.k, self.state, self.guard_too = k, state, guard_too

    def __call__(self, name: str) -> None:
        self.k -= 1
        if self.k >= 0:
            return
        found = papers.read(self.state)
        if self.guard_too and found is not None:
            with suppress(ProcessLookupError):
                os.kill(found.guard.pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def comes_to_its_end(death: Death) -> bool:
    def life() -> None:
        with hold.tuned(here(), WISHES, title="x", step=death):
            pass

    return survives(life)


def test_killed_at_every_step_its_guard_puts_back(state: Path) -> None:
    with real_settings(*FILES):
        before = now()
        k = 0
        while not comes_to_its_end(Death(k, state, guard_too=False)):
            found = papers.read(state)
            if found is not None:  # from here on nobody but the guard does anything
                assert comes_true(lambda: is_gone(found.guard.pid)), f"step {k}"  # noqa: B023
                assert Journal.open(state) is None, f"step {k}"
            assert now() == before, f"step {k}"
            hold.recover()
            k += 1
        assert now() == before
        assert k > 20


def test_killed_with_its_guard_at_every_step_the_next_command_puts_back(state: Path) -> None:
    with real_settings(*FILES):
        before = now()
        k = n_changed = 0
        while not comes_to_its_end(Death(k, state, guard_too=True)):
            n_changed += now() != before
            hold.recover()
            assert now() == before, f"step {k}"
            assert Journal.open(state) is None, f"step {k}"
            assert hold.recover() is None
            k += 1
        assert n_changed > 8  # else this would show nothing


def waits(say: Say) -> None:
    with hold.tuned(here(), WISHES, title="x"):
        say("held")
        until_killed()


def test_ctrl_c_in_the_terminal_has_the_harness_put_back_and_the_guard_end(state: Path) -> None:
    with real_settings(*FILES):
        before = now()
        with child(waits) as owner:
            assert owner.heard() == "held"
            assert now() != before
            guard = guard_pid(state)
            os.killpg(owner.pid, signal.SIGINT)  # as a terminal does
            assert owner.wait() == 130
            assert now() == before
            assert is_gone(guard)
        assert hold.restored_log() == []  # it was not the guard


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_the_harness_puts_back(state: Path, signum: int) -> None:
    with real_settings(*FILES):
        before = now()
        with child(waits) as owner:
            assert owner.heard() == "held"
            guard = guard_pid(state)
            owner.kill(signum)
            assert owner.wait() == 130
            assert now() == before
            assert is_gone(guard)


def test_a_signal_in_the_middle_of_applying_waits_and_then_all_is_put_back(state: Path) -> None:
    def work(say: Say) -> None:
        def step(name: str) -> None:
            if name.startswith("before writing"):
                os.kill(os.getpid(), signal.SIGINT)
            if name.startswith("after writing"):
                say("written")

        with hold.tuned(here(), WISHES, title="x", step=step):
            say("held all the same")

    with real_settings(*FILES):
        before = now()
        with child(work) as owner:
            assert [owner.heard() for _ in range(3)] == ["written", "written", ""]
            assert owner.wait() == 130
        assert now() == before
        assert Journal.open(state) is None


def test_a_foreign_change_survives_a_killed_harness_and_is_reported(state: Path) -> None:
    with real_settings(*FILES):
        before = now()
        with child(waits) as owner:
            assert owner.heard() == "held"
            write_bytes(BUDGET, b"305")
            guard = guard_pid(state)
            owner.kill(signal.SIGKILL)
            assert comes_true(lambda: is_gone(guard))
        assert now() == [before[0], b"305\n"]
        assert f"1 changed by others and left ({BUDGET})" in hold.restored_log()[-1]


def test_two_that_restore_at_once_put_back_once(state: Path) -> None:
    """The owner dies; the guard and several commands are there at the same moment."""
    with real_settings(*FILES):
        before = now()
        with child(waits) as owner:
            assert owner.heard() == "held"
            commands = [child(lambda say: say(_recovered(owner.pid))) for _ in range(3)]
            opened = [command.__enter__() for command in commands]
            owner.kill(signal.SIGKILL)
            owner.wait()
            said = [one.heard() for one in opened]
            for command in commands:
                command.__exit__(None, None, None)
        assert now() == before
        assert len(hold.restored_log()) + sum(one != "nothing" for one in said) == 1


def _recovered(owner: int) -> str:
    assert comes_true(lambda: is_gone(owner))
    done = hold.recover()
    return "nothing" if done is None else f"{len(done.items)} settings"


def test_a_second_harness_is_told_who_tunes_the_host(state: Path) -> None:
    with real_settings(*FILES), child(waits) as owner:
        assert owner.heard() == "held"
        with pytest.raises(HostError, match=f"in use: x by process {owner.pid} of"):
            hold.tuned(here(), WISHES, title="y").__enter__()
        guard = guard_pid(state)
        owner.kill(signal.SIGKILL)
        assert comes_true(lambda: is_gone(guard))


def test_a_second_harness_with_another_state_is_told_too(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with real_settings(*FILES), child(waits) as owner:
        assert owner.heard() == "held"
        tuned = now()
        with monkeypatch.context() as other:
            other.setenv("REDLINE_STATE", str(tmp_path / "other"))
            with pytest.raises(HostError, match=f"process {owner.pid}, which keeps its state"):
                hold.tuned(here(), WISHES, title="y").__enter__()
        assert now() == tuned
        guard = guard_pid(state)
        owner.kill(signal.SIGKILL)
        assert comes_true(lambda: is_gone(guard))


def test_a_tuning_that_is_kept_is_named_to_the_next_one(state: Path) -> None:
    def keep(say: Say) -> None:
        with hold.tuned(here(), WISHES, title="kept one", keep=True):
            pass

    with real_settings(*FILES):
        before = now()
        with child(keep) as owner:
            assert owner.wait() == 0
        guard = guard_pid(state)
        with pytest.raises(HostError, match="tuned already: kept one"):
            hold.tuned(here(), WISHES, title="y").__enter__()
        assert now() != before
        assert hold.restore_now(Host()) is not None
        assert now() == before
        assert comes_true(lambda: is_gone(guard))
