"""Commands that end badly on a network of their own: what they made is gone, and nothing else."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.net import XdpCount
from harness import cli
from harness.bench import leftovers, namespaces
from harness.bench.links import netlink
from harness.tuning import rights

from .conftest import ROOT, needs_two_cpus
from .sandbox import in_sandbox, names_of_namespaces
from .test_leftovers import benches, the_network
from .test_network_run import HEAD

LOSSY = str(ROOT / "scenarios/impair/lossy-line.yaml")
MARK = "REDLINE_TEST_MARK"
FOREIGN = "rl-0badcafe-rig"
PATIENCE_S = 20
LATEST_S = 0.4  # after the bench was noted down: it is being made, measured on, or taken away

COMMANDS = {
    "rtt over xdp": ["net", "rtt", "--port", "afxdp", "--count", "20k"],
    "rtt over tcp": ["net", "rtt", "--port", "tcp", "--count", "20k"],
    "blast": ["net", "flood", "--port", "afpacket", "--rate", "20k/s", "--for", "2s"],
    "bpf-live": ["net", "flood", "--source", "bpf-live", "--for", "2s"],
    "table": ["net", "flood", "--port", "udp", "--impair", LOSSY, "--rate", "5k/s", "--for", "2s"],
    "other programs": ["net", "flood", "--source", "tcpreplay", "--rate", "1k/s", "--for", "9s"],
    "run": ["run", "impaired.yaml", "--out", "runs"],
    "flap": ["run", str(ROOT / "scenarios/nic-flap.yaml"), "--out", "runs"],
}

IMPAIRED = """\
phases:
  - phase: tick_to_trade
    trials:
      - {id: x.afxdp, feed: itch, port: afxdp, rate: 10k/s, warmup: 20ms, duration: 2s,
         impairment: {seed: 3, impair: [{loss: 1%}]}}
      - {id: x.udp, feed: itch, port: udp, rate: 10k/s, warmup: 20ms, duration: 2s,
         impairment: {seed: 3, impair: [{loss: 1%, duplicate: 1%}]}}
"""


@pytest.fixture(autouse=True)
def able() -> None:
    needs_two_cpus()
    why = rights.why_not(rights.BENCH, rights.AFXDP)
    if why is not None:
        pytest.skip(why)


class Victim:
    """A command of ours, with a mark on it that all its descendants inherit."""

    def __init__(self, args: list[str], folder: Path) -> None:
        (folder / "impaired.yaml").write_text(HEAD + IMPAIRED)
        self.mark = f"{MARK}={secrets.token_hex(8)}".encode()
        name, value = self.mark.decode().split("=")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.cli", *args],
            cwd=folder,
            env=os.environ | {name: value, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait_for_bench(self) -> None:
        """Until its journal is there, before anything else of its bench is."""
        deadline = time.monotonic() + PATIENCE_S
        while not benches() and self.process.poll() is None:
            assert time.monotonic() < deadline, "no bench was made"
            time.sleep(0.002)
        assert self.process.poll() is None, self.said()

    def wait_for_child(self) -> int:
        """The measuring process."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            children = [pid for pid in self.alive() if pid != self.process.pid]
            if children:
                return children[0]
            time.sleep(0.002)
        raise AssertionError("no child was started: " + self.said())

    def end(self, signum: signal.Signals, whom: str) -> int:
        """Send it to the command alone, or to its whole group as a terminal does; its code."""
        if whom == "group":
            os.killpg(self.process.pid, signum)
        else:
            self.process.send_signal(signum)
        return self.process.wait(PATIENCE_S)

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.read()

    def alive(self) -> list[int]:
        """Its processes that still are."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if self.mark in (path / "environ").read_bytes().split(b"\0"):
                    found.append(int(path.name))
        return found

    def is_gone(self) -> bool:
        """Within a moment: the kernel takes apart what a killed process had."""
        deadline = time.monotonic() + PATIENCE_S
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True


@contextlib.contextmanager
def foreign_things() -> Iterator[Path]:
    """A namespace named as ours that no journal tells of, with a qdisc and a program in it."""
    path = namespaces.make(FOREIGN)

    def furnish() -> None:
        with netlink("foreign") as ip:
            ip.link("add", kind="veth", ifname="their0", peer={"ifname": "their1"})
            (index,) = ip.link_lookup(ifname="their0")
            ip.link("set", index=index, state="up")
            ip.tc("add", kind="tbf", index=index, rate="10mbit", burst=4096, latency="10ms")

    namespaces.inside(path, furnish)
    with XdpCount("their0", netns=path, hook="generic"):
        yield path


def program_of(path: Path) -> str | None:
    """How a program is attached there."""

    def ask() -> str | None:
        with netlink("foreign") as ip:
            (link,) = ip.get_links(ip.link_lookup(ifname="their0")[0])
            attached: str | None = link.get_nested("IFLA_XDP", "IFLA_XDP_ATTACHED")
            return attached

    return namespaces.inside(path, ask)


@contextlib.contextmanager
def nothing_but_ours_changes() -> Iterator[None]:
    """What others have stays, and the block leaves nothing of ours."""
    with foreign_things() as path:
        here, there = the_network(), namespaces.inside(path, the_network)
        program = program_of(path)
        assert program is not None
        yield
        assert the_network() == here
        assert namespaces.inside(path, the_network) == there
        assert program_of(path) == program
        assert names_of_namespaces() == [FOREIGN]
        assert benches() == []
        (strange,) = leftovers.find().strange
        assert strange.startswith(f"/run/netns/{FOREIGN}: named like ours, but no journal")


def moment(seed: int) -> None:
    time.sleep(random.Random(seed).uniform(0, LATEST_S))


@pytest.mark.parametrize(
    ("name", "whom", "seed"),
    [
        ("rtt over xdp", "parent", 1),
        ("blast", "group", 2),
        ("bpf-live", "parent", 3),
        ("table", "parent", 4),
        ("run", "parent", 5),
        ("flap", "group", 6),
    ],
)
def test_a_killed_command_leaves_nothing_that_the_next_one_does_not_remove(
    name: str, whom: str, seed: int, tmp_path: Path
) -> None:
    @in_sandbox
    def scenario() -> None:
        with nothing_but_ours_changes():
            victim = Victim(COMMANDS[name], tmp_path)
            victim.wait_for_bench()
            moment(seed)
            assert victim.end(signal.SIGKILL, whom) == -signal.SIGKILL
            assert victim.is_gone()
            assert len(benches()) == 1
            if seed % 2:
                assert cli.main(["clean"]) == 0
            else:
                assert cli.main(["run", "no-such-scenario"]) == 2

    scenario()


@pytest.mark.parametrize("name", ["run", "other programs"])
def test_no_process_outlives_the_command_that_started_it(name: str, tmp_path: Path) -> None:
    for tool in ("setpriv", "tcpreplay") if name == "other programs" else ():
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")

    @in_sandbox
    def scenario() -> None:
        with nothing_but_ours_changes():
            victim = Victim(COMMANDS[name], tmp_path)
            child = victim.wait_for_child()
            assert child != victim.process.pid
            victim.end(signal.SIGKILL, "parent")
            assert victim.is_gone()
            assert cli.main(["clean"]) == 0

    scenario()


@pytest.mark.parametrize(
    ("name", "signum", "whom", "seed"),
    [
        ("rtt over tcp", signal.SIGINT, "group", 7),
        ("bpf-live", signal.SIGTERM, "parent", 8),
        ("run", signal.SIGTERM, "parent", 10),
        ("run", signal.SIGINT, "group", 11),
    ],
)
def test_an_interrupted_command_removes_what_it_made_itself(
    name: str, signum: signal.Signals, whom: str, seed: int, tmp_path: Path
) -> None:
    @in_sandbox
    def scenario() -> None:
        with nothing_but_ours_changes():
            victim = Victim(COMMANDS[name], tmp_path)
            victim.wait_for_bench()
            moment(seed)
            code = victim.end(signum, whom)
            said = victim.said()
            assert code == 130, said
            assert "Traceback" not in said
            assert "interrupted" in said.splitlines()[-1]
            assert victim.is_gone()

    scenario()
