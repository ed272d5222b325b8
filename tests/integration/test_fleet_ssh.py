"""Hosts by a real ssh: reached, refused in one line, lost; and nothing stays there."""

from __future__ import annotations

import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from far_services import parcel_with

from harness.config.inventory import HostEntry, Ssh, Transport
from harness.errors import ExitCode, HostError
from harness.fleet.gateway import CONNECT_S, gateway_to

from .far_hosts import PORT, Sshd, gone, nobody_else, raise_loopback, sshd
from .sandbox import in_sandbox

SLACK_S = 20.0  # on a machine that does other things too


def refusal(host: HostEntry, limit_s: float = CONNECT_S) -> str:
    """Why there is no connection; in one line, in time, and with nothing left of the attempt."""
    gateway = gateway_to(host, parcel_with())
    began = time.monotonic()
    with pytest.raises(HostError) as raised:
        gateway.connect(limit_s)
    gateway.close()
    assert time.monotonic() - began < limit_s + SLACK_S
    assert raised.value.exit_code == ExitCode.HOST_NOT_FIT
    said = str(raised.value)
    assert said.isprintable()
    assert said.startswith(f"{host.name}: cannot be reached by ssh (")
    return said.partition("): ")[2]


def files_of(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in Path(folder).glob("**/*"))


@in_sandbox
def test_a_host_answers_with_what_was_sent_there_and_nothing_stays(tmp_path: Path) -> None:
    with sshd(tmp_path) as server:
        before = files_of("/run", "/root/.ssh", str(tmp_path)), list(Path("/root").iterdir())
        gateway = server.connected()
        seen = gateway.call("see", echo={"a": [1, None, "ü"]})
        gateway.close()
        assert seen["echo"] == {"a": [1, None, "ü"]}
        assert seen["file"].startswith("/proc/self/fd/")
        assert seen["modules"] == ["harness", "harness.tuning", "harness.tuning.service"]
        assert seen["state"] == str(server.state)
        assert gone(seen["pid"])
        after = files_of("/run", "/root/.ssh", str(tmp_path)), list(Path("/root").iterdir())
        assert after == before
    assert nobody_else() == []


@in_sandbox
def test_what_runs_there_imports_nothing_of_the_place_it_is_started_in(tmp_path: Path) -> None:
    with sshd(tmp_path) as server:
        gateway = server.connected()
        path = gateway.call("see")["path"]
        gateway.close()
    assert path[0].startswith("/proc/self/fd/")
    assert not [entry for entry in path[1:] if "site-packages" in entry or "dist-packages" in entry]
    assert "" not in path


def another_key(server: Sshd) -> HostEntry:
    return server.host(identity=str(server.folder / "host_key"))


def a_key_with_a_passphrase(server: Sshd) -> HostEntry:
    key = server.folder / "locked"
    shutil.copy(server.identity, key)
    command = ["ssh-keygen", "-q", "-p", "-N", "secret words", "-f", str(key)]
    subprocess.run(command, check=True, capture_output=True, timeout=20)
    return server.host(identity=str(key))


def another_user(server: Sshd) -> HostEntry:
    return server.host(user="nobody-of-that-name")


@pytest.mark.parametrize("who", [another_key, a_key_with_a_passphrase, another_user])
@in_sandbox
def test_who_is_not_let_in_is_told_and_never_asked(
    tmp_path: Path, who: Callable[[Sshd], HostEntry]
) -> None:
    with sshd(tmp_path) as server:
        assert refusal(who(server)).endswith("Permission denied (publickey).")
    assert nobody_else() == []


def test_a_key_that_is_not_there_is_said_before_anybody_is_called(tmp_path: Path) -> None:
    ssh = Ssh(host="192.0.2.1", identity=str(tmp_path / "key"))
    assert refusal(HostEntry("far", Transport(ssh=ssh))) == f"no such key: {tmp_path}/key"


def forgotten(server: Sshd) -> None:
    server.known_hosts.write_text("")


def changed(server: Sshd) -> None:
    key = (server.folder / "key.pub").read_text()
    server.known_hosts.write_text(f"[127.0.0.1]:{PORT} {key}")


@pytest.mark.parametrize(
    ("known", "more"),
    [
        (forgotten, ""),
        (changed, ""),
        (forgotten, "StrictHostKeyChecking no\n"),
        (forgotten, "StrictHostKeyChecking accept-new\n"),
    ],
)
@in_sandbox
def test_a_host_key_is_never_taken_on_trust(
    tmp_path: Path, known: Callable[[Sshd], None], more: str
) -> None:
    """Whatever a configuration of ssh says of it."""
    with sshd(tmp_path) as server:
        known(server)
        was = server.known_hosts.read_text()
        server.config.write_text(server.config.read_text() + more)
        assert refusal(server.host()) == (
            "its host key is not the one that is known, or none is known: "
            "check it, then ssh there once by hand"
        )
        assert server.known_hosts.read_text() == was


@pytest.mark.parametrize(
    ("address", "why"),
    [("192.0.2.1", "Network is unreachable"), ("127.0.0.1", "Connection refused")],
)
@in_sandbox
def test_a_host_that_is_not_there_is_one_line(address: str, why: str) -> None:
    raise_loopback()
    assert refusal(HostEntry("far", Transport(ssh=Ssh(host=address, port=1)))).endswith(why)


@in_sandbox
def test_a_host_that_accepts_and_says_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    with sshd(tmp_path) as server, socket.create_server(("127.0.0.1", 2223)):
        said = refusal(server.host(port=2223), limit_s=0.3)
        assert said == "no answer within 0.3 s"
        assert nobody_else(0.0) != []  # sshd is
    assert nobody_else() == []


def program(folder: Path, text: str) -> str:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("exit 0", "ended without a word (status 0)"),
        ("echo SyntaxError: invalid syntax >&2; exit 1", "Python there is too old to read"),
        ("echo Welcome to far.; exec cat >&2", "else than Python answers: 'Welcome to far.'"),
        ("echo libpython is missing >&2; exit 1", "not start as Python does: libpython is missing"),
    ],
)
@in_sandbox
def test_what_is_no_python_is_one_line(tmp_path: Path, text: str, why: str) -> None:
    with sshd(tmp_path) as server:
        python = program(tmp_path, text)
        assert why in refusal(HostEntry("far", server.host().transport, python=python), CONNECT_S)
    assert nobody_else() == []


@in_sandbox
def test_a_python_that_hangs_is_given_up_in_time(tmp_path: Path) -> None:
    with sshd(tmp_path) as server:
        python = program(tmp_path, "exec cat >/dev/null")
        host = HostEntry("far", server.host().transport, python=python)
        assert refusal(host, limit_s=0.3) == "no answer within 0.3 s"
    assert nobody_else() == []


@in_sandbox
def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    with sshd(tmp_path) as server:
        host = HostEntry("far", server.host().transport, python="python9")
        assert refusal(host).startswith("python9 does not start as Python does: ")
