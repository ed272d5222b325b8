"""Benches whose process was killed: what it had made until then is removed, and nothing else."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from engine.net import open_port
from harness import cli
from harness.bench import journal, leftovers, moved, namespaces
from harness.bench.cable import cable_bench
from harness.bench.journal import benches_dir
from harness.bench.links import netlink
from harness.bench.netns import netns_bench
from harness.tuning import owner

from .sandbox import in_child, in_sandbox, names_of_namespaces

HARNESS = str(Path(journal.__file__).parent)
KILLED = -signal.SIGKILL
ROUNDS = 8


def the_network() -> dict[str, Any]:
    """All that a bench could leave or change: names, links with all that is on them, qdiscs."""
    with netlink("everything") as ip:
        found = {
            link.get("ifname"): {
                "up": bool(link["flags"] & 1),
                **{key: link.get(key) for key in ("mtu", "address", "ifalias", "master")},
            }
            for link in ip.get_links()
        }
        names = {link["index"]: link.get("ifname") for link in ip.get_links()}
        addresses = {(names[a["index"]], a.get("address"), a["prefixlen"]) for a in ip.get_addr()}
        routes = {
            (r.get("table"), r.get("dst"), r["dst_len"], r.get("gateway"), names.get(r.get("oif")))
            for r in ip.get_routes()
            if r["family"] == 2
        }
        qdiscs = {(names[q["index"]], q.get("kind")) for q in ip.get_qdiscs()}
    return {
        "namespaces": names_of_namespaces(),
        "links": found,
        "addresses": {a for a in addresses if not str(a[1]).startswith("fe80")},
        "routes": routes,
        "qdiscs": qdiscs,
    }


def kill_at_call(n: int) -> None:
    """SIGKILL for this process when it enters the n-th function of harness.bench from here on."""
    left = n

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal left
        if event == "call" and frame.f_code.co_filename.startswith(HARNESS):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(count)
    sys.setprofile(count)


def calls_of(work: Callable[[], None]) -> int:
    """How many functions of harness.bench it enters."""
    n = 0

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal n
        n += event == "call" and frame.f_code.co_filename.startswith(HARNESS)

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return n


def make_and_end() -> None:
    with netns_bench(lines=["market"]):
        pass


def make_and_be_killed() -> None:
    with netns_bench(lines=["market"]):
        os.kill(os.getpid(), signal.SIGKILL)


def benches() -> list[Path]:
    return sorted(benches_dir().iterdir()) if benches_dir().exists() else []


def killed_anywhere(work: Callable[[], None], chance: random.Random) -> None:
    """Children that are killed at some moment of it; a cleaner leaves the network as it was."""
    before = the_network()
    n_calls = calls_of(work)
    assert the_network() == before
    n_killed = 0
    for at in (1, *chance.sample(range(2, n_calls), ROUNDS)):

        def killed(n: int = at) -> None:
            kill_at_call(n)
            work()

        code, text = in_child(killed)
        assert code in (KILLED, 0), text  # it waits in a loop, so the number of calls varies
        n_killed += code == KILLED
        assert leftovers.clean().faults == ()
        assert the_network() == before, f"killed at call {at} of {n_calls}"
        assert benches() == []
    assert n_killed > ROUNDS // 2


@in_sandbox
def test_a_process_killed_at_any_moment_leaves_nothing_that_cannot_be_cleaned() -> None:
    killed_anywhere(make_and_end, random.Random(6))


@in_sandbox
def test_a_process_killed_between_the_journal_and_the_first_namespace_is_found() -> None:
    def killed() -> None:
        def make(name: str) -> Path:
            os.kill(os.getpid(), signal.SIGKILL)
            return Path(name)

        namespaces.make = make
        make_and_end()

    assert in_child(killed)[0] == KILLED
    (left,) = leftovers.find().leftovers
    assert left.why == f"process {left.entry.owner.pid} is gone"
    assert len(left.entry.namespaces) == 2
    assert names_of_namespaces() == []
    assert [one.entry.id for one in leftovers.clean().removed] == [left.entry.id]
    assert benches() == []


@in_sandbox
def test_what_is_named_like_ours_without_a_journal_is_reported_and_stays() -> None:
    namespaces.make("rl-0badcafe-rig")
    with netlink("a link") as ip:
        ip.link("add", kind="bridge", ifname="rl-0badcafe-x")
    assert in_child(make_and_be_killed)[0] == KILLED
    before = leftovers.find()
    assert before.strange == (
        "/run/netns/rl-0badcafe-rig: named like ours, but no journal tells of it; left alone",
        "link rl-0badcafe-x: named like ours, but no journal tells of it; left alone",
    )
    assert len(leftovers.clean().removed) == 1
    assert names_of_namespaces() == ["rl-0badcafe-rig"]
    assert "rl-0badcafe-x" in the_network()["links"]
    assert leftovers.find().strange == before.strange


@in_sandbox
def test_the_bench_of_a_living_process_is_left_alone() -> None:
    with netns_bench(lines=["market"]) as bench:
        assert in_child(make_and_be_killed)[0] == KILLED
        found = leftovers.find()
        assert [entry.id for entry in found.living] == [bench.id]
        assert found.strange == ()
        (removed,) = leftovers.clean().removed
        assert removed.entry.id != bench.id
        assert names_of_namespaces() == [f"rl-{bench.id}-engine", f"rl-{bench.id}-rig"]


@in_sandbox
def test_two_cleaners_at_once_clean_once() -> None:
    for _ in range(3):
        assert in_child(make_and_be_killed)[0] == KILLED
    results: list[leftovers.Cleaned] = []
    threads = [threading.Thread(target=lambda: results.append(leftovers.clean())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(result.removed) for result in results) in ([0, 3], [1, 2])
    assert [fault for result in results for fault in result.faults] == []
    assert names_of_namespaces() == []


@in_sandbox
def test_a_namespace_somebody_mounted_twice_is_removed() -> None:
    assert in_child(make_and_be_killed)[0] == KILLED
    name = names_of_namespaces()[0]
    path = os.fsencode(namespaces.RUN_DIR / name)
    namespaces._call("mount", path, path, b"none", namespaces.MS_BIND, None)
    assert leftovers.clean().faults == ()
    assert names_of_namespaces() == []


@in_sandbox
def test_a_bench_of_an_earlier_boot_is_removed_from_the_books(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with netns_bench(lines=["market"]) as bench:
        entry = journal.read(benches_dir() / f"{bench.id}.json")
        monkeypatch.setattr(owner, "boot_id", lambda: "another")
        (left,) = leftovers.find().leftovers
        assert (left.entry, left.why) == (entry, "left before this machine was last started")
        monkeypatch.undo()


@in_sandbox
def test_pins_and_huge_pages_of_a_dead_bench_go_and_those_of_others_stay(tmp_path: Path) -> None:
    assert in_child(make_and_be_killed)[0] == KILLED
    (left,) = leftovers.find().leftovers
    pins, pages = tmp_path / "sys/fs/bpf", tmp_path / "dev/hugepages"
    ours = [pins / f"redline-{left.entry.id}", pages / f"redline-{left.entry.id}-books"]
    others = [pins / "redline-00000000", pins / "cilium", pages / "redline-ffffffff.x"]
    for folder in (pages, ours[0], others[0], others[1]):
        folder.mkdir(parents=True)
    for file in (ours[1], others[2], ours[0] / "prog"):
        file.touch()
    assert [line.partition(":")[0] for line in leftovers.find(root=tmp_path).strange] == [
        str(pages / "redline-ffffffff.x"),
        str(pins / "redline-00000000"),
    ]
    leftovers.clean(root=tmp_path)
    assert [path.exists() for path in ours] == [False, False]
    assert [path.exists() for path in others] == [True, True, True]


@in_sandbox
def test_what_cannot_be_removed_stays_in_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise OSError(16, "Device or resource busy")

    assert in_child(make_and_be_killed)[0] == KILLED
    with monkeypatch.context() as patch:
        patch.setattr(namespaces, "remove", refuse)
        done = leftovers.clean()
    assert done.removed == ()
    assert [line.partition(": ")[2] for line in done.faults] == ["device or resource busy"] * 2
    assert len(leftovers.clean().removed) == 1


# The command, and the sweep before others.


@in_sandbox
def test_clean_says_what_it_would_remove_and_then_removes_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert in_child(make_and_be_killed)[0] == KILLED
    (left,) = leftovers.find().leftovers
    assert cli.main(["clean", "--dry-run"]) == 0
    assert capsys.readouterr().out == f"would remove {left.text}\n"
    assert len(names_of_namespaces()) == 2
    assert cli.main(["clean", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in said["removed"]] == [left.entry.id]
    assert (said["dry_run"], said["strange"], said["faults"]) == (False, [], [])
    assert names_of_namespaces() == []
    assert cli.main(["clean"]) == 0
    assert capsys.readouterr().out == "nothing left behind\n"


@in_sandbox
def test_clean_exits_with_3_when_something_of_ours_remains(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(name: str) -> None:
        raise OSError(1, "Operation not permitted")

    assert in_child(make_and_be_killed)[0] == KILLED
    monkeypatch.setattr(namespaces, "remove", refuse)
    assert cli.main(["clean"]) == 3
    assert "operation not permitted" in capsys.readouterr().err


@in_sandbox
def test_a_command_that_may_make_a_bench_first_removes_what_is_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert in_child(make_and_be_killed)[0] == KILLED
    (left,) = leftovers.find().leftovers
    assert cli.main(["run", "no-such-scenario"]) == 2
    first, *_ = capsys.readouterr().err.splitlines()
    assert first == f"removed what an earlier bench left: {left.text}"
    assert names_of_namespaces() == []
    assert cli.main(["run", "no-such-scenario"]) == 2
    assert "earlier bench" not in capsys.readouterr().err


@in_sandbox
def test_a_command_that_makes_no_bench_removes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert in_child(make_and_be_killed)[0] == KILLED
    cli.main(["--version"])
    cli.main(["doctor"])
    assert len(names_of_namespaces()) == 2


# Interfaces that were borrowed: a veth pair plays the cable. It would die with its namespace.


def a_cable() -> None:
    """cab0 as an operator left it, cab1 shut."""
    with netlink("cable") as ip:
        ip.link("set", index=1, state="up")
        ip.link("add", kind="veth", ifname="cab0", peer={"ifname": "cab1"})
        cab0, cab1 = (ip.link_lookup(ifname=name)[0] for name in ("cab0", "cab1"))
        ip.link("set", index=cab0, mtu=1400, ifalias="uplink of rack 7", state="up")
        ip.link("set", index=cab1, mtu=1300)
        ip.addr("add", index=cab0, address="192.0.2.1", prefixlen=24, broadcast="192.0.2.255")
        ip.addr("add", index=cab0, address="198.51.100.9", prefixlen=32)
        ip.addr("add", index=cab0, family=10, address="2001:db8::9", prefixlen=64)
        ip.addr("add", index=cab1, address="203.0.113.1", prefixlen=24)
        ip.route("add", dst="198.18.0.0/15", gateway="192.0.2.7", oif=cab0)
        ip.route("add", dst="198.51.100.128/25", oif=cab0, scope=253, table=99, priority=7)


def borrow_and_end() -> None:
    with cable_bench("cab0", "cab1"):
        pass


@in_sandbox
def test_borrowed_interfaces_come_home_from_a_process_killed_at_any_moment() -> None:
    a_cable()
    killed_anywhere(borrow_and_end, random.Random(7))


@in_sandbox
def test_a_cleaner_in_another_network_brings_interfaces_home() -> None:
    home = namespaces.make("home")

    def killed() -> None:
        a_cable()
        with cable_bench("cab0", "cab1"):
            os.kill(os.getpid(), signal.SIGKILL)

    def in_home() -> None:
        namespaces._call("setns", os.open(home, os.O_RDONLY), namespaces.CLONE_NEWNET)
        killed()

    assert in_child(in_home)[0] == KILLED
    assert leftovers.clean().faults == ()
    seen = namespaces.inside(home, the_network)
    assert seen["links"]["cab0"]["up"]
    assert ("cab0", "192.0.2.1", 24) in seen["addresses"]


@in_sandbox
def test_a_namespace_keeps_an_interface_that_could_not_be_brought_home(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a_cable()

    def killed() -> None:
        with cable_bench("cab0", "cab1"):
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(killed)[0] == KILLED
    monkeypatch.setattr(moved, "_path_of", lambda origin: None)
    first, second = leftovers.clean().faults
    assert first.startswith("cab0: the namespace it came from is not to be found; it stays in rl-")
    assert second.startswith("cab1: ")
    assert len(names_of_namespaces()) == 2
    monkeypatch.undo()
    assert leftovers.clean().faults == ()
    assert "cab0" in the_network()["links"]


@in_sandbox
def test_a_borrowed_interface_comes_home_without_the_program_of_a_killed_port() -> None:
    a_cable()

    def program() -> str | None:
        with netlink("cab0") as ip:
            (link,) = ip.get_links(ip.link_lookup(ifname="cab0")[0])
            attached: str | None = link.get_nested("IFLA_XDP", "IFLA_XDP_ATTACHED")
            return attached

    assert program() is None

    def killed() -> None:
        with cable_bench("cab0", "cab1") as line:
            port = open_port(
                "afxdp",
                netns=line.rig.netns,
                interface=line.rig.interface,
                mac=line.rig.mac,
                peer_mac=line.engine.mac,
                local=(line.rig.ip, 5000),
                peer=(line.engine.ip, 5001),
                n_slots=64,
            )
            assert port.send(b"hello")
            assert namespaces.inside(line.rig.netns, program) is not None
            os.kill(os.getpid(), signal.SIGKILL)

    code, text = in_child(killed)
    assert code == KILLED, text
    assert leftovers.clean().faults == ()
    deadline = time.monotonic() + 5
    while program() is not None and time.monotonic() < deadline:
        time.sleep(0.01)  # the kernel lets go of it some time after the process
    assert program() is None
