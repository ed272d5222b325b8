"""Hosts that are namespaces of this machine: asked like any other, and left without a trace."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from far_services import parcel_with

from harness.bench import namespaces
from harness.config.inventory import THIS_MACHINE, HostEntry, Transport
from harness.errors import ExitCode, HostError
from harness.fleet.fleet import Fleet
from harness.fleet.gateway import CONNECT_S, Gateway, gateway_to

from .far_hosts import gone, lab, nobody_else
from .sandbox import in_child, in_sandbox, keep_only

AT_ONCE_S = 15.0  # far less than what it would take otherwise, on a machine that does more


def connected(host: HostEntry) -> Gateway:
    gateway = gateway_to(host, parcel_with())
    gateway.connect()
    return gateway


def refusal(host: HostEntry, limit_s: float = CONNECT_S) -> str:
    gateway = gateway_to(host, parcel_with())
    with pytest.raises(HostError) as raised:
        gateway.connect(limit_s)
    gateway.close()
    assert raised.value.exit_code == ExitCode.HOST_NOT_FIT
    assert str(raised.value).isprintable()
    return str(raised.value)


@in_sandbox
def test_a_namespace_shows_its_own_interfaces_and_the_machines_groups() -> None:
    ours = sorted(path.name for path in Path("/sys/class/net").iterdir())
    with lab() as host:
        gateway = connected(host)
        seen = gateway.call("see")
        gateway.close()
    assert seen["links"] == ["feed0", "feed0-peer", "lo"]
    assert seen["cgroups"] == sorted(path.name for path in Path("/sys/fs/cgroup").iterdir())
    assert sorted(path.name for path in Path("/sys/class/net").iterdir()) == ours


@in_sandbox
def test_a_namespace_keeps_a_state_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal from there must never be undone here: eth0 is another interface."""
    monkeypatch.setenv("REDLINE_STATE", "/run/state")
    with lab() as host:
        gateway = connected(host)
        assert gateway.call("see")["state"] == "/run/state/netns/lab"
        gateway.close()


@in_sandbox
def test_what_runs_there_is_what_was_sent_not_what_is_installed_here() -> None:
    with lab() as host:
        gateway = connected(host)
        seen = gateway.call("see")
        gateway.close()
    assert seen["file"].startswith("/proc/self/fd/")
    assert not [entry for entry in seen["path"] if "site-packages" in entry]
    assert not seen["bytecode"]


@in_sandbox
def test_words_of_what_runs_there_do_not_reach_the_terminal_nor_break_the_connection() -> None:
    reader, writer = os.pipe()
    os.dup2(writer, 1)
    with lab() as host:
        gateway = connected(host)
        assert gateway.call("babble") == {"ok": True}
        assert gateway.call("see")["ok"]
        gateway.close()
    os.set_blocking(reader, False)
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)


@in_sandbox
def test_a_namespace_that_is_not_there_is_one_line() -> None:
    said = refusal(HostEntry("far", Transport(netns="nowhere")))
    assert said == (
        "far: cannot go to the network namespace nowhere: there is none of that name in /run/netns"
    )


@in_sandbox
def test_a_file_that_a_namespace_left_is_none() -> None:
    Path("/run/netns").mkdir()
    Path("/run/netns/left").touch()
    assert "there is none of that name" in refusal(HostEntry("far", Transport(netns="left")))


@in_sandbox
def test_without_the_right_to_go_there_it_is_named() -> None:
    with lab() as host:

        def try_it() -> None:
            keep_only(["CAP_NET_ADMIN"])
            assert "needs CAP_SYS_ADMIN, which this process lacks" in refusal(host)

        code, said = in_child(try_it)
        assert code == 0, said


@in_sandbox
def test_a_program_that_is_no_python_is_one_line() -> None:
    with lab() as host:
        host = HostEntry("far", host.transport, python="/bin/false")
        assert refusal(host).endswith("ended without a word (status 1)")


@in_sandbox
def test_a_far_end_that_is_killed_is_lost_in_one_line() -> None:
    with lab() as host:
        gateway = connected(host)
        with pytest.raises(HostError, match=r"^lab: the connection is lost$"):
            gateway.call("die")
        gateway.close()


@in_sandbox
def test_a_request_that_takes_too_long_is_given_up_and_so_is_who_works_on_it() -> None:
    with lab() as host:
        gateway = connected(host)
        pid = gateway.call("see")["pid"]
        began = time.monotonic()
        with pytest.raises(
            HostError, match=r"^lab: does not answer sleep within 0\.1 s: given up$"
        ):
            gateway.call("sleep", s=60, limit_s=0.1)
        gateway.close()
        assert time.monotonic() - began < AT_ONCE_S
        assert gone(pid)


@in_sandbox
def test_a_reply_that_nobody_waited_for_is_not_taken_for_the_next() -> None:
    def interrupt(*signal: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    with lab() as host:
        gateway = connected(host)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            gateway.call("sleep", s=0.3)
        assert gateway.call("see", echo="mine")["echo"] == "mine"
        gateway.close()


@in_sandbox
def test_what_fails_when_a_host_gives_back_at_the_end_is_told() -> None:
    with lab() as host:
        gateway = connected(host)
        gateway.call("spoil")
        with pytest.raises(
            HostError, match=r"^lab: has not given back all that it held: FileNotFoundError: "
        ):
            gateway.close()
        gateway.close()  # once more is no error


@pytest.mark.parametrize("reply", [None, 7, [], {"ok": "yes"}, {"error": 7}])
@in_sandbox
def test_what_is_no_reply_is_one_line(reply: object) -> None:
    with lab() as host:
        gateway = connected(host)
        with pytest.raises(HostError, match=r"^lab: answers with something that is no reply$"):
            gateway.call("answer", reply=reply)
        gateway.close()


@in_sandbox
def test_a_controller_that_is_killed_ends_the_far_end_which_gives_back(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with lab() as host:

        def control() -> None:
            gateway = connected(host)
            gateway.call("log", to=str(log))
            os.kill(os.getpid(), signal.SIGKILL)

        code, said = in_child(control)
        assert code == -signal.SIGKILL, said
        assert nobody_else(namespace=namespaces.RUN_DIR / "lab") == []
    assert log.read_text() == "closed\n"


@in_sandbox
def test_several_are_asked_at_once_and_one_that_is_not_there_is_no_obstacle() -> None:
    class Here:
        def handle(self, request: object) -> dict[str, object]:
            return {"ok": True, "pid": os.getpid()}

        def close(self) -> None: ...

    def make(host: HostEntry) -> Gateway:
        from harness.fleet.gateway import LocalGateway

        return (
            LocalGateway(host, Here()) if host is THIS_MACHINE else gateway_to(host, parcel_with())
        )

    with lab("one") as one, lab("two") as two:
        none = HostEntry("none", Transport(netns="none"))
        fleet = Fleet([two, none, THIS_MACHINE, one], make)
        replies = fleet.ask("see")
        fleet.close()
    assert list(replies) == ["two", "none", "local", "one"]
    assert [reply["ok"] for reply in replies.values()] == [True, False, True, True]
    assert len({replies[name]["pid"] for name in ("one", "two", "local")}) == 3
