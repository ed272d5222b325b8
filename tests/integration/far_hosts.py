"""Hosts at the far end of a connection that tests make: a namespace, a real sshd in one.

Only inside a sandbox (sandbox.py): sshd listens on the loopback of a network that nothing else is
in, all its files lie in the folder of the test, and it is gone with the test, or before.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from far_services import parcel_with

from harness.bench import namespaces
from harness.bench.links import netlink
from harness.bench.namespaces import HERE
from harness.config.inventory import HostEntry, Ssh, Transport
from harness.fleet.gateway import Gateway, gateway_to
from harness.tuning import owner

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
PORT = 2222
STARTED_S, ENDED_S = 10.0, 30.0


@dataclass(frozen=True)
class Sshd:
    """A server that lets root in by one key; `state` is where what runs there keeps its state."""

    folder: Path
    state: Path
    process: subprocess.Popen[bytes]

    @property
    def identity(self) -> Path:
        return self.folder / "key"

    @property
    def config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def host(self, name: str = "far", **ssh: object) -> HostEntry:
        """An entry of an inventory that leads here, other than said."""
        told: dict[str, object] = {
            "host": "127.0.0.1",
            "user": "root",
            "port": PORT,
            "identity": str(self.identity),
            "config": str(self.config),
        }
        return HostEntry(name, Transport(ssh=Ssh.model_validate(told | ssh)))

    def connected(self) -> Gateway:
        """A far end that runs what stands in for our service."""
        gateway = gateway_to(self.host(), parcel_with())
        gateway.connect()
        return gateway


@contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """Skips where there is no sshd, or it does not start."""
    if SSHD is None:
        pytest.skip("needs sshd: apt-get install openssh-server")
    for tool in ("ssh", "ssh-keygen"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}: apt-get install openssh-client")
    raise_loopback()
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # the sandbox has a /run of its own
    _make_key(folder / "key")
    _make_key(folder / "host_key")
    public = (folder / "host_key.pub").read_text()
    (folder / "authorized_keys").write_text((folder / "key.pub").read_text())
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{PORT} {public}")
    (folder / "ssh_config").write_text(
        f"UserKnownHostsFile {folder}/known_hosts\nGlobalKnownHostsFile /dev/null\n"
    )
    (folder / "sshd_config").write_text(
        f"Port {PORT}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\n"
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\n"
        f"KbdInteractiveAuthentication no\nLogLevel ERROR\nSetEnv REDLINE_STATE={folder}/state\n"
    )
    log = folder / "sshd.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", folder / "sshd_config"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        if not _listens(process):
            pytest.skip(f"sshd does not start here: {log.read_text().strip()[-200:]}")
        yield Sshd(folder, folder / "state", process)
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def lab(name: str = "lab", link: str = "feed0") -> Iterator[HostEntry]:
    """A namespace with one interface of its own; with the block it is gone, with all in it."""
    place = namespaces.make(name)
    try:
        namespaces.inside(place, lambda: make_link(link))
        yield HostEntry(name, Transport(netns=name))
        assert nobody_else(namespace=place) == []
    finally:
        namespaces.remove(name)


def make_link(name: str) -> None:
    with netlink(name) as ip:
        ip.link("add", ifname=name, kind="veth", peer={"ifname": f"{name}-peer"})


def gone(pid: int, limit_s: float = ENDED_S) -> bool:
    """Whether a process has ended, when it has had time to."""
    until = time.monotonic() + limit_s
    while not (ended := _has_ended(pid)) and time.monotonic() < until:
        time.sleep(0.01)  # what ends takes milliseconds to be gone
    return ended


def nobody_else(limit_s: float = ENDED_S, *, namespace: Path = HERE, besides: int = 0) -> list[str]:
    """Processes in a network other than this one, when they have had time to end."""
    until = time.monotonic() + limit_s
    while (left := others_in(namespace, besides)) and time.monotonic() < until:
        time.sleep(0.01)
    return left


def ssh_of(pid: int) -> int:
    """The one ssh that a process has started."""
    (child,) = (
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
        if Path(f"/proc/{child}/comm").read_text() == "ssh\n"
    )
    return child


def kill_others() -> None:
    """What a test that fails has left in its sandbox, guards too."""
    for line in others_in(HERE):
        os.kill(int(line.partition(" ")[0]), signal.SIGKILL)


def others_in(namespace: Path, besides: int = 0) -> list[str]:
    """Processes of a network by id and command, without this one."""
    wanted = namespace.stat().st_ino
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        try:
            if pid in (os.getpid(), besides) or (folder / "ns/net").stat().st_ino != wanted:
                continue
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")[:80]
        except OSError:
            continue  # it has ended meanwhile
        if not _has_ended(pid):
            found.append(f"{pid} {words.decode(errors='replace')}")
    return found


def _has_ended(pid: int) -> bool:
    now = owner.state_and_start(pid)
    return now is None or now[0] in "ZX"


def raise_loopback() -> None:
    with netlink("loopback") as ip:
        (index,) = ip.link_lookup(ifname="lo")
        ip.link("set", index=index, state="up")


def _make_key(path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=20)


def _listens(process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + STARTED_S
    while process.poll() is None and time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", PORT), timeout=1):
                return True
        except OSError:
            time.sleep(0.02)
    return False
