"""A child with pipes: bounded in time and size, and gone afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from execnet.gateway_base import get_execmodel

from harness.fleet import wire
from harness.fleet.wire import Wire, start_child

Child = Callable[[str], Wire]
SOON_S = 0.05


@pytest.fixture
def child() -> Iterator[Child]:
    """Starts children by a line of shell; all are ended, and none may be left."""
    started: list[Wire] = []

    def start(line: str) -> Wire:
        started.append(Wire(["sh", "-c", line], get_execmodel("thread"), start_child))
        return started[-1]

    n_before = open_files()
    yield start
    for one in started:
        one.end()
        assert not Path(f"/proc/{one.pid}").exists()
    assert open_files() == n_before


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_what_is_written_comes_back(child: Child) -> None:
    cat = child("exec cat")
    data = bytes(range(256)) * 2048  # more than a pipe holds
    done: list[bytes] = []

    reader = threading.Thread(target=lambda: done.append(cat.read(len(data))))
    reader.start()
    cat.write(data)
    reader.join(10)
    assert done == [data]


def test_a_message_that_nobody_could_hold_is_not_waited_for(child: Child) -> None:
    with pytest.raises(EOFError, match="bytes is announced"):
        child("exec cat /dev/zero").read(wire.MAX_MESSAGE + 1)


@pytest.mark.parametrize("numbytes", [-1, -(2**31)])
def test_a_message_of_less_than_nothing_is_none(child: Child, numbytes: int) -> None:
    with pytest.raises(EOFError, match="bytes is announced"):
        child("exec cat").read(numbytes)


def test_a_child_that_ends_is_an_end_of_file(child: Child) -> None:
    with pytest.raises(EOFError, match="expected 9 bytes, got 3"):
        child("printf abc").read(9)


def test_a_child_that_says_nothing_is_killed_at_the_deadline(child: Child) -> None:
    silent = child("exec sleep 60")
    silent.deadline = time.monotonic() + SOON_S
    with pytest.raises(EOFError):
        silent.read(1)
    assert silent.wait(10) == -9


def test_a_deadline_that_was_lifted_does_not_come(child: Child) -> None:
    late = child("sleep 0.2; printf x; exec sleep 60")
    late.deadline = time.monotonic() + SOON_S

    threading.Timer(SOON_S / 2, lambda: setattr(late, "deadline", None)).start()
    assert late.read(1) == b"x"


def test_a_child_that_takes_nothing_is_an_error_in_time(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "WRITE_S", SOON_S)
    with pytest.raises(OSError, match="nothing can be sent"):
        child("exec sleep 60").write(bytes(1 << 20))


def test_a_child_that_is_gone_is_an_error(child: Child) -> None:
    gone = child("exit 3")
    assert gone.wait(10) == 3
    with pytest.raises(BrokenPipeError):
        gone.write(b"x")


def test_nothing_is_written_after_the_end(child: Child) -> None:
    cat = child("exec cat")
    cat.close_write()
    assert cat.wait(10) == 0
    with pytest.raises(OSError, match="closed"):
        cat.write(b"x")


def test_what_a_child_says_of_errors_is_kept_not_shown(
    child: Child, capfd: pytest.CaptureFixture[str]
) -> None:
    loud = child("echo one >&2; echo >&2; echo two >&2")
    loud.heard_all(10)
    assert loud.said() == ["one", "two"]
    assert capfd.readouterr() == ("", "")


def test_only_the_end_of_much_that_is_said_is_kept(child: Child) -> None:
    loud = child("i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done")
    loud.heard_all(10)
    assert loud.said()[-1] == "line 2999"
    assert sum(map(len, loud.said())) <= wire.MAX_SAID


def test_what_a_child_has_started_is_killed_with_it(child: Child, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    parent = child(f"sleep 60 & echo $! > {pid_file}; echo; wait")
    parent.read(1)
    parent.kill()
    parent.wait(10)
    state = Path(f"/proc/{int(pid_file.read_text())}/stat")
    until = time.monotonic() + 10
    while state.exists() and ") Z" not in state.read_text() and time.monotonic() < until:
        time.sleep(0.01)
    assert not state.exists() or ") Z" in state.read_text()


def test_a_reader_is_let_go_though_somebody_else_holds_the_pipe(child: Child) -> None:
    """A process that has left its session keeps the pipe open; nobody waits for it."""
    held = child("setsid sleep 2 & exit 0")
    held.wait(10)
    threading.Timer(SOON_S, held.stop_reading).start()
    with pytest.raises(EOFError):
        held.read(1)


def test_a_greeting_that_is_not_pythons_is_read_to_its_end(child: Child) -> None:
    shell = child("echo This account is not available.; exec sleep 60")
    assert shell.read(1) == b"T"
    assert shell.greeting(10.0) == "This account is not available."
