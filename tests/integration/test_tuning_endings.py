"""However a tuning ends, and at whichever step, this machine is as it was before, byte by byte.

The harness is killed, or with its guard; interrupted, or told to end. The guard puts back after the
first, the next start after the second, and the harness itself after the others.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_kernel import dies_at

from harness.tuning import papers
from harness.tuning.hold import recover, tuned
from harness.tuning.host import Host
from harness.tuning.journal import Journal
from harness.tuning.knobs.base import Scope, Wish
from harness.tuning.roles import find_roles
from harness.tuning.state import state_dir

from .real_host import bytes_of, real_settings, write_bytes
from .sandbox import in_child

pytestmark = pytest.mark.usefixtures("alone")

SWAP, STAT = "/proc/sys/vm/swappiness", "/proc/sys/vm/stat_interval"
FILES = (SWAP, STAT)
WISHES = (Wish("memory.swappiness", "61"), Wish("memory.stat-interval", "7"))
N_STEPS = 25  # in the life of a tuning of two settings
STEPS = range(1, N_STEPS, 3)
GUARD_S = 30.0  # for a guard to put back on a machine that is busy
BLOCK = -1  # no step: in the block, when everything is applied


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("REDLINE_STATE", str(tmp_path))
    with real_settings(*FILES):
        yield


def of_files() -> dict[str, bytes]:
    return {file: bytes_of(file) for file in FILES}


def ended_at(k: int, end: Callable[[], None]) -> int:
    """The exit code of a child that holds a tuning and calls `end` at its k-th step."""

    def work() -> None:
        host = Host()
        scope = Scope(host, find_roles(host))
        with tuned(scope, WISHES, title="test", step=dies_at(k, end)):
            assert of_files() == {SWAP: b"61\n", STAT: b"7\n"}
            if k == BLOCK:
                end()

    code, said = in_child(work)
    assert code <= 0 or "KeyboardInterrupt" in said, said
    return code


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_with_its_guard() -> None:
    guard = papers.read(state_dir())
    if guard is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(guard.guard.pid, signal.SIGKILL)
    killed()


def interrupted() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def told_to_end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def guard_is_done() -> bool:
    """Whether it has ended, which it does last of all."""
    guard = papers.read(state_dir())
    return guard is None or guard.guard.why_gone() is not None


def wait_for_guard() -> None:
    deadline = time.monotonic() + GUARD_S
    while not guard_is_done() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_the_steps_are_all_there_are() -> None:
    assert ended_at(N_STEPS - 1, killed) == -signal.SIGKILL
    wait_for_guard()
    assert ended_at(N_STEPS, killed) == 0


@pytest.mark.parametrize("k", [*STEPS, BLOCK])
def test_killed_the_guard_puts_it_back(k: int) -> None:
    before = of_files()
    ended_at(k, killed)
    wait_for_guard()
    recover(Host())  # before there is a guard nothing is written, and a journal may be left
    assert of_files() == before
    assert Journal.open(state_dir()) is None


@pytest.mark.parametrize("k", [*STEPS, BLOCK])
def test_killed_with_its_guard_the_next_start_puts_it_back(k: int) -> None:
    before = of_files()
    ended_at(k, killed_with_its_guard)
    recover(Host())
    assert of_files() == before
    assert Journal.open(state_dir()) is None


@pytest.mark.parametrize("k", [*STEPS[::2], BLOCK])
@pytest.mark.parametrize("end", [interrupted, told_to_end])
def test_a_signal_puts_it_back_before_the_process_ends(k: int, end: Callable[[], None]) -> None:
    before = of_files()
    assert ended_at(k, end) != 0
    assert of_files() == before
    assert Journal.open(state_dir()) is None
    assert guard_is_done()


def test_killed_with_its_guard_a_foreign_change_survives_the_next_start() -> None:
    before = of_files()
    ended_at(BLOCK, killed_with_its_guard)
    write_bytes(SWAP, b"55\n")
    restored = recover(Host())
    assert restored is not None
    assert {item.target: item.state for item in restored.items} == {
        SWAP: "foreign",
        STAT: "restored",
    }
    assert of_files() == before | {SWAP: b"55\n"}


def test_killed_the_guard_says_what_it_left_to_another() -> None:
    before = of_files()

    def end() -> None:
        write_bytes(SWAP, b"55\n")
        killed()

    ended_at(BLOCK, end)
    wait_for_guard()
    assert of_files() == before | {SWAP: b"55\n"}
    (line,) = papers.logged(state_dir())
    assert "1 changed by others and left" in line
    assert SWAP in line


def test_the_next_tuning_first_puts_back_what_a_killed_one_left() -> None:
    before = of_files()
    ended_at(BLOCK, killed_with_its_guard)
    assert of_files() != before
    assert ended_at(0, lambda: None) == 0
    assert of_files() == before
