"""Knobs and settings of tasks, cpusets, leases and services: what they take, refuse and plan."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from harness.tuning import settings, tasks
from harness.tuning.host import Host
from harness.tuning.knobs import cpusets, knob_of
from harness.tuning.knobs.base import Roles, Scope, State, Wish
from harness.tuning.knobs.tasks import check_fifo
from harness.tuning.lease_kinds import lease_of
from harness.tuning.settings import Gone, services
from harness.tuning.settings.cpusets import CpusetSetting, MemberSetting
from harness.tuning.settings.services import ServiceSetting
from harness.tuning.settings.tasks import AffinitySetting, FirstAffinitySetting, SchedulingSetting

STAT = "{tid} ({comm}) S 1 1 1 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 {started} 0 0"


def tree(root: Path, files: dict[str, str]) -> Host:
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return Host(root)


def scope_of(host: Host, *, hot: tuple[int, ...] = (2, 3)) -> Scope:
    return Scope(host, Roles(hot, (0,), (0, 1)))


# ---- What a profile may ask ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("knob", "value", "parsed"),
    [
        ("task.affinity", "0,1", "0-1"),
        ("task.affinity", 0, "0"),
        ("task.cpuset", "2-3", "2-3"),
        ("task.cpuset", {"cpus": "3,2", "balance": False}, {"cpus": "2-3", "balance": "off"}),
        ("task.scheduling", {"ksoftirqd": "fifo 2"}, {"ksoftirqd": "fifo 2"}),
        ("lease.cpu-dma-latency", 0, "0"),
        ("lease.cpu-dma-latency", "20", "20"),
        ("lease.timestamping", True, "on"),
        ("service.irqbalance", "stopped", "inactive"),
        ("service.irqbalance", False, "inactive"),
        ("service.irqbalance", "active", "active"),
    ],
)
def test_a_value_is_taken(knob: str, value: object, parsed: object) -> None:
    assert knob_of(knob).parse(value) == parsed
    assert knob_of(knob).parse(parsed) == parsed


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("task.affinity", ""),
        ("task.affinity", None),
        ("task.affinity", "../0"),
        ("task.affinity", "0-99999999999"),
        ("task.cpuset", {"cpus": "2", "root": "/"}),
        ("task.cpuset", {"balance": "off"}),
        ("task.cpuset", {"cpus": "2", "balance": "maybe"}),
        ("task.scheduling", {"ksoftirqd": "fifo 100"}),
        ("task.scheduling", {"ksoftirqd": "fifo"}),
        ("task.scheduling", {"ksoftirqd": "deadline"}),
        ("task.scheduling", {}),
        ("task.scheduling", "fifo 2"),
        ("lease.cpu-dma-latency", "-1"),
        ("lease.cpu-dma-latency", "2000000001"),
        ("lease.cpu-dma-latency", "٣"),
        ("lease.cpu-dma-latency", True),
        ("lease.timestamping", "off"),
        ("service.irqbalance", "-H evil"),
        ("service.irqbalance", 1.5),
        ("service.irqbalance", ["stopped"]),
        ("service.irqbalance", "\x1b[2J"),
    ],
)
def test_any_other_value_is_refused_in_one_printable_line(knob: str, value: object) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        knob_of(knob).parse(value)
    assert str(refused.value).isprintable()


# ---- What a journal may say ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting",
    [
        AffinitySetting("1 7"),
        FirstAffinitySetting("1 7 since 99"),
        SchedulingSetting("4711 88214"),
        CpusetSetting("/sys/fs/cgroup/cpuset/redline"),
        CpusetSetting("/sys/fs/cgroup/redline"),
        MemberSetting("4711 88214 in /sys/fs/cgroup/cpuset"),
        ServiceSetting("irqbalance"),
    ],
)
def test_a_setting_comes_back_from_what_was_written_down(setting: settings.Setting) -> None:
    assert settings.setting_of(setting.as_json()) == setting


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("affinity", "0 7"),
        ("affinity", "-1 7"),
        ("affinity", "self 7"),
        ("affinity", "1 7\n"),
        ("affinity-and-heirs", "1 7"),
        ("scheduling", "1"),
        ("cpuset", "/sys/fs/cgroup/cpuset"),
        ("cpuset", "/sys/fs/cgroup/cpuset/docker"),
        ("cpuset", "/sys/fs/cgroup/../../etc/redline"),
        ("cpuset", "/home/redline"),
        ("cpuset-member", "1 7 in /etc"),
        ("cpuset-member", "1 7 in /sys/fs/cgroup/../../etc"),
        ("service", "--root=/tmp/x"),
        ("service", "../x"),
        ("service", "a b"),
        ("service", None),
    ],
)
def test_a_journal_cannot_name_anything_else(kind: str, target: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        settings.setting_of({"kind": kind, "target": target})


@pytest.mark.parametrize("group", ["docker", "/../../etc", "/a/../../b", ""])
def test_a_journal_cannot_move_a_task_out_of_the_hierarchy(group: str) -> None:
    me = tasks.task(Host(), os.getpid())
    setting = MemberSetting(f"{me.target} in /sys/fs/cgroup/cpuset")
    with pytest.raises(OSError, match="not a group"):
        setting.write(Host(), f"* {group}")


@pytest.mark.parametrize(
    "raw",
    [{}, {"kind": "x", "value": "0"}, {"kind": ["cpu-dma-latency"], "value": "0"}]
    + [{"kind": "cpu-dma-latency", "value": value} for value in (0, None, "", "1e3", "-1")],
)
def test_a_lease_is_taken_for_what_was_written_down_alone(raw: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        lease_of(raw)


# ---- Tasks --------------------------------------------------------------------------------------


def test_a_task_is_read_whatever_its_name_is(tmp_path: Path) -> None:
    comm = "a) S 1 (b\x1b"
    host = tree(
        tmp_path, {"/proc/7/stat": STAT.format(tid=7, comm=comm, flags=0x04200000, started=99)}
    )
    found = tasks.task(host, 7)
    assert (found.comm, found.started, found.is_kernel, found.is_bound) == (comm, 99, True, True)


@pytest.mark.parametrize("text", ["", "7 (x", "7 (x) S 1 2"])
def test_a_task_that_is_cut_off_has_ended(tmp_path: Path, text: str) -> None:
    host = tree(tmp_path, {"/proc/7/stat": text})
    with pytest.raises(Gone):
        tasks.task(host, 7)


def test_another_task_with_the_same_number_is_not_the_one(tmp_path: Path) -> None:
    host = tree(tmp_path, {"/proc/7/stat": STAT.format(tid=7, comm="x", flags=0, started=100)})
    with pytest.raises(Gone, match="another one"):
        AffinitySetting("7 99").read(host)


def test_tasks_of_a_recorded_host_are_not_tasks_of_this_one(tmp_path: Path) -> None:
    me = tasks.task(Host(), os.getpid())
    stat_of_me = STAT.format(tid=me.tid, comm="x", flags=0, started=me.started)
    host = tree(tmp_path, {f"/proc/{me.tid}/stat": stat_of_me})
    with pytest.raises(OSError, match="recorded") as refused:
        AffinitySetting(me.target).write(host, "0")
    assert refused.value.errno == errno.EOPNOTSUPP


@pytest.mark.parametrize("knob", ["task.affinity", "task.cpuset", "lease.cpu-dma-latency"])
def test_a_recorded_host_is_not_held(tmp_path: Path, knob: str) -> None:
    (op,) = knob_of(knob).plan(scope_of(Host(tmp_path)), Wish(knob, "0"))
    assert op.state is State.UNSUPPORTED


# ---- Never all CPUs to real-time tasks ----------------------------------------------------------


@pytest.mark.parametrize(
    ("cpus", "why"),
    [
        ((2, 3), None),
        ((1, 2, 3), None),
        ((0, 1, 2), "no housekeeping CPU"),
        ((0, 1, 2, 3), "no CPU"),
        ((0, 1, 2, 3, 4), "no CPU"),
    ],
)
def test_some_cpu_is_always_left(tmp_path: Path, cpus: tuple[int, ...], why: str | None) -> None:
    host = tree(tmp_path, {"/sys/devices/system/cpu/online": "0-3"})
    found = check_fifo(cpus, scope_of(host))
    assert (found is None) == (why is None)
    assert why is None or (found is not None and why in found)


def test_a_host_that_does_not_say_its_cpus_gets_no_real_time(tmp_path: Path) -> None:
    assert check_fifo((1,), scope_of(Host(tmp_path))) is not None


# ---- Cpusets ------------------------------------------------------------------------------------


def test_a_shield_needs_a_cpu_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpusets, "_version", lambda host: cpusets.V1)
    online = Host().cpus()
    wish = Wish("task.cpuset", f"0-{max(online)}")
    (op,) = knob_of(wish.knob).plan(scope_of(Host()), wish)
    assert (op.state, op.why) == (State.UNSUPPORTED, "would leave no CPU to all other tasks")


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"/sys/fs/cgroup/cpuset/cpuset.cpus": "0-3"}, cpusets.V1),
        ({"/sys/fs/cgroup/cgroup.subtree_control": "cpuset cpu io"}, cpusets.V2),
        ({"/sys/fs/cgroup/cgroup.subtree_control": "cpu io"}, None),
        ({}, None),
    ],
)
def test_the_kind_of_cgroup_is_seen(
    tmp_path: Path, files: dict[str, str], version: str | None
) -> None:
    assert cpusets._version(tree(tmp_path, files)) == version


def test_with_v2_the_hot_cpus_become_a_partition_and_we_go_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = tasks.task(Host(), os.getpid())
    host = tree(
        tmp_path,
        {
            "/sys/fs/cgroup/cgroup.subtree_control": "cpuset",
            "/sys/fs/cgroup/cpuset.mems.effective": "0-1",
            "/sys/devices/system/cpu/online": "0-3",
            f"/proc/{me.tid}/stat": STAT.format(tid=me.tid, comm="x", flags=0, started=me.started),
        },
    )
    wish = Wish("task.cpuset", "2-3")
    group, member = knob_of(wish.knob).targets(scope_of(host), wish)
    assert group.setting == CpusetSetting("/sys/fs/cgroup/redline")
    assert group.want == "cpus=2-3 mems=0-1 partition=isolated"
    assert member.setting == MemberSetting(f"{me.target} in /sys/fs/cgroup")
    assert member.want == "* /redline"


def test_a_partition_that_the_kernel_calls_invalid_is_read_as_such(tmp_path: Path) -> None:
    said = "isolated invalid (Cpu list in cpuset.cpus not exclusive)"
    host = tree(
        tmp_path,
        {
            "/sys/fs/cgroup/redline/cpuset.cpus": "2-3",
            "/sys/fs/cgroup/redline/cpuset.mems": "0",
            "/sys/fs/cgroup/redline/cpuset.cpus.partition": said,
        },
    )
    setting = CpusetSetting("/sys/fs/cgroup/redline")
    assert not setting.same(setting.read(host), "cpus=2-3 mems=0 partition=isolated")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0-1 /a", "0,1 /a", True),
        ("* /a", "0 /a", True),
        ("0 /a", "1 /a", False),
        ("* /a", "* /b", False),
        ("0 /a b", "0 /a b", True),
    ],
)
def test_membership_is_group_and_cpus(one: str, other: str, same: bool) -> None:
    assert MemberSetting("1 7 in /sys/fs/cgroup").same(one, other) is same


# ---- Services -----------------------------------------------------------------------------------


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemd with one service that runs; its state is a file."""
    (tmp_path / "state").write_text("active")
    program = tmp_path / "systemctl"
    program.write_text(
        f"""#!/bin/sh
echo "$@" >> {tmp_path}/said
case "$2" in
show) echo LoadState=loaded; echo "ActiveState=$(cat {tmp_path}/state)";;
start) echo active > {tmp_path}/state;;
stop) if [ -e {tmp_path}/denied ]; then echo "Access denied" >&2; exit 4; fi
      echo inactive > {tmp_path}/state;;
esac
"""
    )
    program.chmod(stat.S_IRWXU)
    monkeypatch.setattr(services, "SYSTEMCTL", (str(program),))
    monkeypatch.setattr(services, "BOOTED", str(tmp_path))
    return tmp_path


def test_a_service_is_stopped_and_started(systemctl: Path) -> None:
    setting, host = ServiceSetting("irqbalance"), Host()
    assert setting.read(host) == "active"
    setting.write(host, "inactive")
    assert setting.read(host) == "inactive"
    setting.write(host, "active")
    assert setting.read(host) == "active"
    said = (systemctl / "said").read_text().splitlines()
    assert said[1] == "--no-ask-password stop -- irqbalance.service"


@pytest.mark.parametrize(
    ("state", "value"),
    [("reloading", "active"), ("activating", "active"), ("failed", "inactive"), ("", "inactive")],
)
def test_a_service_is_active_or_not(systemctl: Path, state: str, value: str) -> None:
    (systemctl / "state").write_text(state)
    assert ServiceSetting("irqbalance").read(Host()) == value


def test_a_refusal_of_systemd_is_a_refusal(systemctl: Path) -> None:
    (systemctl / "denied").touch()
    with pytest.raises(PermissionError, match="Access denied"):
        ServiceSetting("irqbalance").write(Host(), "inactive")


@pytest.mark.parametrize(("comm", "runs"), [("irqbalance", True), ("irq", False), ("sshd", False)])
def test_without_systemd_only_a_process_of_that_name_is_in_the_way(
    tmp_path: Path, comm: str, runs: bool
) -> None:
    host = tree(tmp_path, {"/proc/7/comm": comm, "/proc/self/comm": "irqbalance"})
    wish = Wish("service.irqbalance", "inactive")
    (op,) = knob_of(wish.knob).plan(scope_of(host), wish)
    assert op.state is (State.UNSUPPORTED if runs else State.NOOP)
    assert ("by hand" in op.why) is runs
