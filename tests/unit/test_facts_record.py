"""A recorded host: read again it has the same facts, and it holds no secret."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path

import hosts_tree
import pytest

from harness.errors import RedlineError
from harness.tuning.facts import collect, record
from harness.tuning.host import Host

SECRETS: Mapping[str, tuple[str, str]] = {
    # name: (file it stands in, its text)
    "a password": ("/proc/cmdline", "quiet rd.password=hunter2 ro"),
    "an address": ("/proc/cmdline", "ip=192.0.2.7::192.0.2.1 ro"),
    "arguments of init": ("/proc/cmdline", "ro -- --token-file hunter2"),
    "a disk": ("/proc/cmdline", "root=UUID=0d6679ba-4be7-20e1-8655-8df6ce56b064"),
    "a machine id": ("/proc/cmdline", "systemd.machine_id=0d6679ba4be720e186558df6ce56b064"),
    "a host": ("/proc/sys/kernel/hostname", "trader-7.example.com"),
    "a boot": ("/proc/sys/kernel/random/boot_id", "0d6679ba-4be7-20e1-8655-8df6ce56b064"),
    "a gateway": ("/proc/net/route", "eth0 00000000 0102030A 0003 0 0 0 00000000 0 0 0"),
    "a subnet": ("/proc/net/route", "eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0"),
    "a process": ("/proc/4242/stat", "4242 (alpha-strategy) S 1 1 1 0 -1 4194560 0"),
    "a cpu's serial number": ("/proc/cpuinfo", "flags\t: fpu\nserial number\t: hunter2"),
    "a user": ("/proc/self/status", "Name:\thunter2\nUid:\t0\t0\t0\t0\nGroups:\t1 2"),
    "a control group": ("/proc/1/cgroup", "4:memory:/hunter2\n0::/"),
    "a reason": ("/etc/redline/production", "hunter2 trades here"),
    "a card's address": ("/proc/interrupts", "CPU0\n 5: 1 chip 00:1b:21:aa:bb:cc"),
}
TOLD = re.compile(
    r"hunter2|192\.0\.2|0102030A|000200C0|0d6679ba|trader-7|alpha-strategy|00:1b:21", re.IGNORECASE
)


def everything_in(directory: Path) -> str:
    files = (path for path in directory.rglob("*") if path.is_file())
    names = "\n".join(map(str, directory.rglob("*")))
    return names + "\n".join(path.read_text() for path in files)


@pytest.mark.parametrize("name", ["tuned-bare-metal", "vm"])
def test_a_recorded_host_has_the_facts_that_it_had(tmp_path: Path, name: str) -> None:
    host = Host(hosts_tree.load(name, tmp_path / "host"))
    record(host, tmp_path / "record")
    before, after = collect(host), collect(tmp_path / "record")
    differing = {n for n in before if before[n] != after[n]}
    assert differing <= {"host.boot_id"}


def test_this_machine_recorded_is_the_same_machine(tmp_path: Path) -> None:
    record(Host(), tmp_path / "record")
    before, after = collect(), collect(tmp_path / "record")
    for name in ("cpu.model", "cpu.flags_sha256", "cpu.idle_states", "kernel.release", "nic.rings"):
        assert after[name].value == before[name].value
    # But for the few facts that a record hides, or that a tree cannot say.
    lost = {n for n in before if before[n].value is not None and after[n].value is None}
    assert lost == set()


def test_this_machine_is_not_named_in_its_record(tmp_path: Path) -> None:
    record(Host(), tmp_path / "record")
    told = everything_in(tmp_path / "record")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    addresses = [path.read_text().strip() for path in Path("/sys/class/net").glob("*/address")]
    secrets = [boot, *(text for text in addresses if text.strip("0:"))]
    assert [secret for secret in secrets if secret in told] == []
    assert collect(tmp_path / "record")["host.name"].value == "recorded" != socket.gethostname()


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_does_not_reach_a_record(tmp_path: Path, secret: str) -> None:
    file, text = SECRETS[secret]
    path = tmp_path / "host" / file.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_text(f"{text}\n")
    assert TOLD.search(everything_in(tmp_path / "host"))
    record(Host(tmp_path / "host"), tmp_path / "record")
    assert not TOLD.search(everything_in(tmp_path / "record"))


def test_no_environment_is_ever_recorded(tmp_path: Path) -> None:
    record(Host(), tmp_path / "record")
    assert list((tmp_path / "record").rglob("environ")) == []


def test_what_is_replaced_is_replaced_alike_within_a_record_and_otherwise_in_the_next(
    tmp_path: Path,
) -> None:
    group = "docker-" + "0d6679ba" * 8
    changes = {
        "/proc/self/cgroup": f"0::/{group}\n",
        f"/sys/fs/cgroup/{group}/cpu.max": "300000 100000\n",
    }
    host = Host(hosts_tree.load("tuned-bare-metal", tmp_path / "host", changes))
    texts = []
    for directory in (tmp_path / "a", tmp_path / "b"):
        record(host, directory)
        assert collect(directory)["cpu.quota"].value == 3.0
        texts.append((directory / "proc/self/cgroup").read_text())
    assert texts[0] != texts[1]


def test_a_directory_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RedlineError, match="cannot be written: file exists"):
        record(Host(tmp_path), tmp_path)
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208


def test_a_disk_that_is_full_leaves_no_half_of_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(hosts_tree.load("vm", tmp_path / "host"))
    written: list[Path] = []
    write = Path.write_text

    def full(path: Path, *args: str, **kwargs: str) -> int:
        written.append(path)
        if len(written) > 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(RedlineError, match="record: cannot be written: no space left on device"):
        record(host, tmp_path / "record")
    assert not (tmp_path / "record").exists()


@pytest.mark.parametrize("name", ["tuned-bare-metal", "vm"])
def test_a_tree_says_at_its_head_where_it_comes_from(name: str) -> None:
    head = (hosts_tree.FOLDER / f"{name}.tree").read_text().partition("== ")[0]
    composed = "COMPOSED, NOT RECORDED" in head
    assert composed == (name == "tuned-bare-metal")
    assert "Recorded with" in head or composed


def test_a_tree_is_the_same_after_it_was_written_and_dumped(tmp_path: Path) -> None:
    hosts_tree.load("vm", tmp_path / "a")
    (tmp_path / "tree").write_text(hosts_tree.dump(tmp_path / "a", "head"))
    files = hosts_tree.files_of((tmp_path / "tree").read_text())
    assert files == hosts_tree.files_of((hosts_tree.FOLDER / "vm.tree").read_text())


@pytest.mark.parametrize(
    ("tree", "files"),
    [
        ("# x\n== /a\none\ntwo\n\n== /b/\n", {"/a": "one\ntwo\n", "/b/": ""}),
        ("== /cpu{0-1,3}/x\n{n}\n", {f"/cpu{n}/x": f"{n}\n" for n in (0, 1, 3)}),
        ("== /a\n\\== no section\n\\\\x\n", {"/a": "== no section\n\\x\n"}),
    ],
)
def test_a_tree_is_read_as_its_format_says(tree: str, files: Mapping[str, str]) -> None:
    assert hosts_tree.files_of(tree) == files
