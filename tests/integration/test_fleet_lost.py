"""Connections by ssh that end otherwise than by us: one line here, and given back there."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from harness.errors import HostError
from harness.fleet.fleet import open_fleet

from .far_hosts import gone, nobody_else, ssh_of, sshd
from .real_host import bytes_of
from .sandbox import in_child, in_sandbox
from .tuned_hosts import FILE, becomes, other_value, request, ways


@in_sandbox
def test_a_dropped_connection_is_one_line_and_the_far_end_gives_back(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with sshd(tmp_path) as server:
        gateway = server.connected()
        pid = gateway.call("see")["pid"]
        gateway.call("log", to=str(log))
        os.kill(ssh_of(os.getpid()), signal.SIGKILL)
        with pytest.raises(HostError, match=r"^far: the connection is lost$"):
            gateway.call("see")
        with pytest.raises(HostError, match=r"^far: the connection is lost$"):
            gateway.call("see")
        assert gone(pid)
        gateway.close()
        assert log.read_text() == "closed\n"
    assert nobody_else() == []


@in_sandbox
def test_a_frozen_connection_is_given_up_in_time(tmp_path: Path) -> None:
    with sshd(tmp_path) as server:
        gateway = server.connected()
        pid = gateway.call("see")["pid"]
        os.kill(ssh_of(os.getpid()), signal.SIGSTOP)
        with pytest.raises(HostError, match=r"^far: does not answer see within 0\.2 s: given up$"):
            gateway.call("see", limit_s=0.2)
        gateway.close()
        assert gone(pid)
    assert nobody_else() == []


@in_sandbox
def test_a_controller_that_is_killed_leaves_nothing_there(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with sshd(tmp_path) as server:

        def control() -> None:
            gateway = server.connected()
            gateway.call("log", to=str(log))
            os.kill(os.getpid(), signal.SIGKILL)

        code, said = in_child(control)
        assert code == -signal.SIGKILL, said
        assert nobody_else(besides=server.process.pid) == []
        assert log.read_text() == "closed\n"
    assert nobody_else() == []


@in_sandbox
def test_ctrl_c_at_the_terminal_does_not_end_the_connection(tmp_path: Path) -> None:
    """It goes to the whole foreground group; what a host holds is to be given back first."""
    with sshd(tmp_path) as server:
        gateway = server.connected()
        assert os.getpgid(ssh_of(os.getpid())) != os.getpgid(0)
        gateway.close()


@pytest.mark.parametrize("kind", ["netns", "ssh"])
@in_sandbox
def test_a_controller_that_is_killed_leaves_hosts_as_they_were(tmp_path: Path, kind: str) -> None:
    with ways(tmp_path, kind) as (host,):
        before, value = bytes_of(FILE), other_value()

        def control() -> None:
            with open_fleet([host]) as fleet, fleet.armed({host.name: request(value)}):
                assert bytes_of(FILE) == b"%d\n" % value
                os.kill(os.getpid(), signal.SIGKILL)

        code, said = in_child(control)
        assert code == -signal.SIGKILL, said
        assert becomes(before)
