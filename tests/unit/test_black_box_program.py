"""A user's program as a process: watched while it runs, and never left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.bench import program as programs
from harness.bench.program import Program, resolve, sha256_of_program
from harness.errors import RedlineError

CPU = min(os.sched_getaffinity(0))
PATIENCE_S = 20.0  # of a loaded host; nothing here takes a second


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


SLEEPS = python("import time; time.sleep(60)")
DEAF = python(
    """
    import os, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(child.pid, flush=True)
    time.sleep(60)
    """
)


def started(tmp_path: Path, command: Sequence[str]) -> Program:
    return Program(command, cpu=CPU, output=tmp_path / "said")


def is_alive(pid: int) -> bool:
    """Whether it runs; what only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(what: str, condition: object, *args: object) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition(*args):  # type: ignore[operator]
        assert time.monotonic() < end, what
        time.sleep(0.01)


def words(path: Path) -> list[str]:
    return path.read_text().split()


def test_it_runs_on_the_cpu_of_the_engine_and_is_gone_afterwards(tmp_path: Path) -> None:
    with started(tmp_path, SLEEPS) as program:
        assert os.sched_getaffinity(program.pid) == {CPU}
        assert program.ended() == ""
        pid = program.pid
    assert not is_alive(pid)


def test_one_that_ignores_the_request_to_end_is_killed_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_STOP_S", 0.05)
    said = tmp_path / "said"
    with started(tmp_path, DEAF) as program:
        until("it has a child", lambda: words(said))
        pids = [program.pid, int(words(said)[0])]
        assert all(map(is_alive, pids))
    for pid in pids:
        until("it is gone", lambda one: not is_alive(one), pid)


def test_it_does_not_outlive_a_harness_that_is_killed(tmp_path: Path) -> None:
    said = tmp_path / "pid"
    harness = python(
        f"""
        import time
        from pathlib import Path
        from harness.bench.program import Program
        with Program({SLEEPS!r}, cpu={CPU}, output=Path({str(tmp_path / "said")!r})) as program:
            Path({str(said)!r}).write_text(str(program.pid))
            time.sleep(60)
        """
    )
    with subprocess.Popen(harness) as child:
        until("the program runs", lambda: said.exists() and said.read_text())
        pid = int(said.read_text())
        assert is_alive(pid)
        child.send_signal(signal.SIGKILL)
    until("the program is gone", lambda: not is_alive(pid))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("print('no feed'); raise SystemExit(3)", "ended with code 3: no feed"),
        ("import os; os.abort()", "was killed by SIGABRT"),
        ("print('\\x1b[2Jhello'); raise SystemExit(1)", r"code 1: \x1b[2Jhello"),
    ],
)
def test_how_it_ended_is_said_with_its_last_words(tmp_path: Path, code: str, says: str) -> None:
    with started(tmp_path, python(code)) as program, pytest.raises(RedlineError) as refused:
        program.wait_connected(1, PATIENCE_S)
    assert says in str(refused.value)
    assert str(refused.value).endswith("before it connected to the order session")


def test_one_that_never_connects_is_given_up(tmp_path: Path) -> None:
    with started(tmp_path, SLEEPS) as program, pytest.raises(RedlineError) as refused:
        program.wait_connected(1, 0.05)
    assert str(refused.value) == "engine: did not connect to the order session within 0.05 s"


def test_a_connection_is_seen_and_so_is_what_found_no_room(tmp_path: Path) -> None:
    code = """
        import socket, sys, time
        feed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        feed.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        feed.bind(("127.0.0.1", 0))
        venue = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        print(feed.getsockname()[1], flush=True)
        time.sleep(60)
        """
    with socket.create_server(("127.0.0.1", 0)) as venue:
        number = venue.getsockname()[1]
        with started(tmp_path, [*python(code), str(number)]) as program:
            program.wait_connected(number, PATIENCE_S)
            until("it says its port", lambda: words(tmp_path / "said"))
            feed = int(words(tmp_path / "said")[0])
            assert program.datagrams_dropped(feed) == 0
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for _ in range(200):
                    sender.sendto(bytes(1000), ("127.0.0.1", feed))
            assert 0 < program.datagrams_dropped(feed) < 200


def test_a_program_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    with pytest.raises(RedlineError, match=r"^engine: /no/such: not there; build it first$"):
        resolve(["/no/such"])
    with pytest.raises(RedlineError, match="plain: may not be executed; build it first"):
        resolve([str(plain)])
    assert resolve(["sh"]).name == "sh"


def test_the_hash_is_that_of_everything_the_command_runs(tmp_path: Path) -> None:
    script = tmp_path / "engine.py"
    script.write_text("print(1)")
    command = [sys.executable, str(script), "--fast"]
    before = sha256_of_program(command)
    assert sha256_of_program(command) == before
    assert sha256_of_program([sys.executable, "--fast"]) != before
    script.write_text("print(2)")
    assert sha256_of_program(command) != before
