"""Facts: what each says of a host that is known, and that an absent one says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hosts_tree
import pytest

from harness.tuning.facts import READERS, Fact, collect, latency_limit
from harness.tuning.facts.base import Look
from harness.tuning.facts.catalogue import fact_of
from harness.tuning.host import Host
from harness.tuning.tree import Absent, Tree, cpu_list, cpu_mask

CPU = "/sys/devices/system/cpu"
TUNED = "tuned-bare-metal"

Changes = Mapping[str, str | None]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fact]:
    return collect(hosts_tree.load(TUNED, tmp_path_factory.mktemp("tuned")))


@pytest.fixture(scope="module")
def virtual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fact]:
    return collect(hosts_tree.load("vm", tmp_path_factory.mktemp("vm")))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tuned tree, to be changed by one test after the other."""
    return hosts_tree.load(TUNED, tmp_path_factory.mktemp("planted"))


def changed(root: Path, name: str, changes: Changes) -> Fact:
    """One fact of the tree with some files changed."""
    with hosts_tree.changed(root, changes):
        return fact_of(Look(Host(root)), name)


def each(cpus: range, text: str) -> dict[str, str]:
    return {str(cpu): text for cpu in cpus}


KNOWN: list[tuple[str, Any]] = [
    ("host.hypervisor", "none"),
    ("host.container", "none"),
    ("host.production", "none"),
    ("cpu.present", list(range(32))),
    ("cpu.isolated", list(range(2, 16))),
    ("cpu.nohz_full", list(range(2, 16))),
    ("cpu.package", {**each(range(16), "0"), **each(range(16, 32), "1")}),
    ("cpu.numa_node", {**each(range(16), "0"), **each(range(16, 32), "1")}),
    ("cpu.thread_siblings", {str(cpu): str(cpu) for cpu in range(32)}),
    ("cpu.smt_control", "forceoff"),
    ("cpu.idle_states", each(range(32), "POLL=0:on C1=1:on")),
    ("cpu.resume_latency_us", each(range(32), "0")),
    ("cpu.dma_latency_us", 2_000_000_000),
    ("cpu.energy_preference", each(range(32), "performance")),
    ("cpu.energy_bias", each(range(32), "0")),
    ("cpu.throttle_count", each(range(32), "0")),
    ("cpu.frequency_range_khz", each(range(32), "3100000-3100000")),
    ("kernel.rcu_offloaded", list(range(2, 16))),
    ("kernel.workqueue_cpumask", [0, 1, *range(16, 32)]),
    ("kernel.watchdog_cpumask", [0, 1, *range(16, 32)]),
    ("kernel.lockdown", "none"),
    ("kernel.cgroup", "v2"),
    ("kernel.kthreads_on", each(range(2), "29") | each(range(16, 32), "29")),
    ("irq.default_affinity", [0, 1]),
    ("irq.mce_exceptions", 0),
    ("service.irqbalance", False),
    ("memory.hugepages_total", {"2048": "1024", "1048576": "4"}),
    ("memory.edac", {f"mc{n}": "ce=0 ue=0" for n in range(4)}),
    ("numa.cpus", {"0": "0-15", "1": "16-31"}),
    ("numa.distances", {"0": "10 20", "1": "20 10"}),
    ("numa.memory_kib", {"0": "131925760", "1": "131925760"}),
    ("nic.names", ["eth0", "eth2"]),
    ("nic.protected", ["eth0", "lo"]),
    ("nic.driver", {"eth0": "igb 6.12.1", "eth2": "ice 6.12.1"}),
    ("nic.bus", {"eth0": "0000:b1:00.0", "eth2": "0000:17:00.0"}),
    ("nic.numa_node", {"eth0": "1", "eth2": "0"}),
    ("nic.pcie", {"eth0": "5.0 GT/s x4 of 5.0 GT/s x4", "eth2": "16.0 GT/s x8 of 16.0 GT/s x8"}),
    ("nic.rings", {"eth0": "rx=256/4096 tx=256/4096", "eth2": "rx=512/8160 tx=512/8160"}),
    ("nic.queues", {"eth0": "rx=2 tx=2", "eth2": "rx=2 tx=2"}),
    ("nic.irqs", {"eth0": "40 41 42", "eth2": "60 61 62"}),
    ("pcie.aspm", "performance"),
    ("clock.synchronised", True),
    ("clock.max_error_us", 850),
    ("clock.daemons", ["chronyd", "phc2sys", "ptp4l"]),
    ("clock.ptp", {"ptp0": "ice-0000:17:00.0-clk", "ptp1": "igb-0000:b1:00.0-clk"}),
    ("load.steal_ticks", each(range(32), "0")),
]


@pytest.mark.parametrize(("name", "value"), KNOWN, ids=[name for name, _ in KNOWN])
def test_a_fact_of_a_known_host_is_what_its_files_say(
    tuned: dict[str, Fact], name: str, value: object
) -> None:
    assert tuned[name].value == value


def test_counts_of_interrupts_leave_out_what_is_no_device(tuned: dict[str, Fact]) -> None:
    counts = tuned["irq.device_counts"].value
    assert isinstance(counts, dict)
    assert (counts["0"], counts["2"], len(counts)) == ("96192", "0", 32)


def test_an_interrupt_is_named_by_who_asked_for_it(tuned: dict[str, Fact]) -> None:
    names, effective = tuned["irq.names"].value, tuned["irq.effective"].value
    assert isinstance(names, dict)
    assert isinstance(effective, dict)
    assert (names["61"], effective["61"]) == ("ice-eth2-TxRx-0", "0")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nic.coalesce", "adaptive-rx=off adaptive-tx=off rx-usecs=0"),
        ("nic.features", "gro=off lro=off tso=off"),
        ("nic.features", "rx-gro-hw=off"),
        ("nic.pause", "autoneg=off rx=off tx=off"),
        ("nic.timestamps", "hardware-transmit"),
        ("nic.link", "speed=25000 duplex=full"),
        ("nic.channels", "combined=2/16"),
    ],
)
def test_a_card_says_how_it_is_set(tuned: dict[str, Fact], name: str, words: str) -> None:
    table = tuned[name].value
    assert isinstance(table, dict)
    assert words in table["eth2"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host.hypervisor", "unnamed"),
        ("cpu.isolated", []),
        ("kernel.rcu_offloaded", []),
        ("kernel.cgroup", "hybrid"),
        ("clock.synchronised", False),
        ("clock.daemons", []),
        ("nic.names", ["eth0"]),
        ("cpu.idle_states", each(range(2), "POLL=0:on haltpoll_idle=1:on")),
        ("network.features", {"af_packet": "built in", "af_xdp": "built in", "veth": "built in"}),
    ],
)
def test_a_fact_of_the_recorded_machine_is_what_it_was_there(
    virtual: dict[str, Fact], name: str, value: object
) -> None:
    found = virtual[name].value
    if isinstance(value, dict) and isinstance(found, dict):
        found = {key: found.get(key) for key in value}
    assert found == value


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cpu.governor", "no driver for it"),
        ("nic.firmware", "the driver does not tell firmware-version"),
        ("nic.eee", "the driver has no eee"),
        ("memory.edac", "no such directory"),
        ("irq.mce_exceptions", "no line 'MCE'"),
    ],
)
def test_what_a_virtual_machine_has_not_is_absent_with_a_reason(
    virtual: dict[str, Fact], name: str, reason: str
) -> None:
    assert virtual[name].value is None
    assert reason in (virtual[name].reason or "")


@pytest.mark.parametrize(
    ("name", "changes", "value"),
    [
        ("host.production", {"/etc/redline/production": "desk 4\nmore\n"}, "desk 4"),
        ("host.production", {"/etc/redline/production": "\n"}, "marked, without a reason"),
        ("host.container", {"/run/systemd/container": "podman\n"}, "podman"),
        ("host.container", {"/proc/1/cgroup": "0::/docker/0123\n"}, "docker"),
        (
            "host.container",
            {"/.dockerenv": "", "/proc/2/stat": "2 (sh) S 1 2 2 0 -1 0 1"},
            "docker",
        ),
        ("host.container", {"/.dockerenv": ""}, "none"),
        ("cpu.nohz_full", {f"{CPU}/nohz_full": "(null)\n"}, []),
        ("cpu.idle_states", {f"{CPU}/cpu3/cpuidle/state1/disable": "1\n"}, "POLL=0:on C1=1:off"),
        ("cpu.resume_latency_us", {f"{CPU}/cpu3/power/pm_qos_resume_latency_us": "n/a\n"}, "n/a"),
        ("service.irqbalance", {"/proc/77/stat": "77 (irqbalance) S 1 7 7 0 -1 4194560 9"}, True),
        ("service.irqbalance", {"/proc/77/stat": "77 (irqbalance) S 1 7 7 0 -1 2129984 9"}, False),
        ("kernel.cmdline", {"/proc/cmdline": "quiet ro -- --token x\n"}, "quiet ro"),
        ("kernel.cgroup", {"/proc/self/cgroup": "4:cpu:/\n"}, "v1"),
        ("clock.synchronised", {"/clock/adjtimex": "status: 64\nmaxerror: 16000000\n"}, False),
        (
            "kernel.workqueue_cpumask",
            {"/sys/devices/virtual/workqueue/cpumask": "1,00000003\n"},
            [0, 1, 32],
        ),
        ("irq.effective", {"/proc/irq/61/effective_affinity_list": "\n"}, "0"),
        ("irq.effective", {"/proc/irq/61/effective_affinity_list": None}, "0"),
        ("nic.names", {"/sys/class/net/eth2/operstate": "down\n"}, ["eth0"]),
        ("cpu.quota", {"/sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5),
    ],
)
def test_a_host_that_is_set_otherwise_says_so(
    planted: Path, name: str, changes: Changes, value: object
) -> None:
    found = changed(planted, name, changes).value
    if isinstance(found, dict):
        found = found.get("3", found.get("61"))
    assert found == value


def test_a_process_that_calls_itself_a_kernel_thread_is_none(planted: Path) -> None:
    fake = {"/proc/99/stat": "99 (rcuop/31) S 1 99 99 0 -1 4194560 5"}
    assert changed(planted, "kernel.rcu_offloaded", fake).value == list(range(2, 16))


GARBLED: list[tuple[str, Changes, str]] = [
    ("cpu.online", {f"{CPU}/online": "0-4294967295\n"}, "not a list of CPUs"),
    ("cpu.online", {f"{CPU}/online": "0-8192\n"}, "not a list of CPUs below 8192"),
    ("cpu.online", {f"{CPU}/online": "5-2\n"}, "not a list of CPUs"),
    ("cpu.isolated", {f"{CPU}/isolated": "-3\n"}, "not a list of CPUs"),
    ("cpu.thread_siblings", {f"{CPU}/cpu4/topology/thread_siblings_list": "4,x\n"}, "not a list"),
    (
        "kernel.workqueue_cpumask",
        {"/sys/devices/virtual/workqueue/cpumask": "f" * 9000},
        "not a mask",
    ),
    ("kernel.workqueue_cpumask", {"/sys/devices/virtual/workqueue/cpumask": "-1"}, "not a mask"),
    ("kernel.tainted", {"/proc/sys/kernel/tainted": "-5\n"}, "less than 0: -5"),
    ("kernel.tainted", {"/proc/sys/kernel/tainted": "9" * 5000}, "not a number"),
    ("kernel.rt_runtime_us", {"/proc/sys/kernel/sched_rt_runtime_us": "-2\n"}, "less than -1"),
    ("host.name", {"/proc/sys/kernel/hostname": "\x1b[31mred\n"}, "not a line of text: '\\x1b"),
    ("host.name", {"/proc/sys/kernel/hostname": "x" * 10_000}, "longer than 8192"),
    ("host.name", {"/proc/sys/kernel/hostname": ""}, "empty"),
    ("kernel.lockdown", {"/sys/kernel/security/lockdown": "none integrity\n"}, "nothing is chosen"),
    ("irq.device_counts", {"/proc/interrupts": "CPU0 CPU1\n 5: 1\n"}, "1 of 2 columns"),
    ("irq.device_counts", {"/proc/interrupts": "CPU0 CPU1\n 5: 1 -1 x\n"}, "less than 0"),
    ("irq.device_counts", {"/proc/interrupts": "rubbish\n"}, "no headline"),
    ("irq.mce_exceptions", {"/proc/interrupts": "CPU0\n MCE: many\n"}, "not a number"),
    ("irq.effective", {"/proc/irq/61/effective_affinity_list": "0-9999999999\n"}, "not a list"),
    ("load.steal_ticks", {"/proc/stat": "cpu0 1 2 3\n"}, "has 4 columns"),
    ("load.steal_ticks", {"/proc/stat": "intr 5\n"}, "no line of a CPU"),
    ("load.wait_ns", {"/proc/schedstat": "cpu0 0 0 0 0 0 0 0 -4 0\n"}, "less than 0"),
    ("load.one_minute", {"/proc/loadavg": "nan 0 0 1/1 1\n"}, "not understood"),
    ("cpu.idle_states", {f"{CPU}/cpu9/cpuidle/state1/latency": "soon\n"}, "not a number"),
    ("memory.events", {"/proc/vmstat": "pswpin lots\n"}, "not a number"),
    ("memory.events", {"/proc/vmstat": "pswpin\n"}, "not a number"),
    (
        "memory.hugepages_total",
        {"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "-1\n"},
        "less than 0",
    ),
    ("numa.distances", {"/sys/devices/system/node/node1/distance": "10 far\n"}, "not a number"),
    ("numa.memory_kib", {"/sys/devices/system/node/node1/meminfo": "\n"}, "no MemTotal of node 1"),
    ("process.capabilities", {"/proc/self/status": "CapEff:\t" + "f" * 400}, "not a set of rights"),
    ("cpu.quota", {"/sys/fs/cgroup/cpu.max": "5 0\n"}, "no quota and period"),
    ("clock.max_error_us", {"/clock/adjtimex": "status: x\nmaxerror: 1\n"}, "no number in line"),
    ("network.features", {"/proc/sys/kernel/osrelease": "../../../etc/x\n"}, "neither it nor"),
]


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    GARBLED,
    ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(GARBLED)],
)
def test_a_garbled_file_makes_an_absent_fact_with_a_reason(
    planted: Path, name: str, changes: Changes, reason: str
) -> None:
    fact = changed(planted, name, changes)
    assert fact.value is None
    assert reason in (fact.reason or "")


CARDS = ("nic.driver", "nic.rings", "nic.coalesce", "nic.features", "nic.pause", "nic.timestamps")


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.parametrize(
    "text", ["\x00\ufffd", "[1]", '{"rings": 7}', "[" * 100_000, '{"driver": 5}']
)
def test_cards_that_answer_rubbish_make_absent_facts(planted: Path, name: str, text: str) -> None:
    both = {"/ethtool/eth0.json": text, "/ethtool/eth2.json": text}
    fact = changed(planted, name, both)
    assert fact.value is None
    assert fact.reason


def test_one_card_that_answers_rubbish_does_not_hide_the_other(planted: Path) -> None:
    fact = changed(planted, "nic.rings", {"/ethtool/eth0.json": "rubbish"})
    assert fact.value == {"eth2": "rx=512/8160 tx=512/8160"}


HOSTILE = ["-oProxyCommand=x", "\x1b[31mred", "a\nb", "$(reboot)", "x" * 15]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_kept_as_data(planted: Path, name: str) -> None:
    here = {f"/sys/class/net/{name}/device/vendor": "", f"/sys/class/net/{name}/operstate": "up\n"}
    assert name in (changed(planted, "nic.names", here).value or ())  # type: ignore[operator]


def test_a_name_that_is_no_text_goes_through_json(tmp_path: Path) -> None:
    folder = tmp_path / "sys/class/net" / os.fsdecode(b"\xff\xfe")
    (folder / "device").mkdir(parents=True)
    (folder / "operstate").write_text("up\n")
    names = collect(tmp_path)["nic.names"].value
    assert json.dumps(names, ensure_ascii=False).encode() == '["\ufffd\ufffd"]'.encode()


def test_every_fact_has_a_source_and_either_a_value_or_a_reason(virtual: dict[str, Fact]) -> None:
    assert virtual.keys() == READERS.keys()
    odd = [n for n, f in virtual.items() if not f.source or (f.value is None) != bool(f.reason)]
    assert odd == []


def test_a_host_is_taken_as_well_as_a_root(planted: Path) -> None:
    assert collect(Host(planted)) == collect(planted)


def test_a_device_is_not_opened_for_the_latency_limit_unless_it_is_asked_for() -> None:
    fact = collect()["cpu.dma_latency_us"]
    assert fact.value is None
    assert "not opened" in (fact.reason or "")
    asked = latency_limit()
    assert (asked.value is None) == (asked.reason is not None)


OPENS = """
import json, os, stat, sys
from harness.tuning.facts import collect
collect()  # what is imported late is imported now
opened = []
def hook(event, args):
    if event == "open" and isinstance(args[0], str):
        opened.append((args[0], args[2]))
sys.addaudithook(hook)
collect()
seen = list(opened)
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
print(json.dumps({
    "written": [p for p, flags in seen if flags & writing],
    "odd": [p for p, _ in seen if os.path.exists(p) and not stat.S_ISREG(os.stat(p).st_mode)],
    "twice": sorted({p for p, _ in seen if [q for q, _ in seen].count(p) > 1}),
    "opened": len(seen),
}))
"""


def test_this_machine_is_read_and_never_written_and_each_file_is_read_once() -> None:
    """A time limit would depend on the machine; what costs time is opening files."""
    done = subprocess.run(
        [sys.executable, "-c", OPENS], capture_output=True, text=True, timeout=60, check=True
    )
    seen = json.loads(done.stdout)
    assert seen["written"] == []
    assert seen["odd"] == []
    # Who this process descends from is looked for before, by what keeps off its way in.
    assert [path for path in seen["twice"] if not path.startswith("/proc/")] == []
    assert seen["opened"] > 50


@pytest.mark.parametrize(
    ("text", "cpus"), [("0", []), ("1", [0]), ("8000_0001", None), ("1,00000000", [32]), ("", None)]
)
def test_a_mask_of_cpus_is_read(text: str, cpus: list[int] | None) -> None:
    if cpus is None:
        with pytest.raises(Absent, match="not a mask"):
            cpu_mask(text)
    else:
        assert cpu_mask(text) == cpus


def test_a_list_that_names_cpus_twice_has_each_once() -> None:
    assert cpu_list("0-2,1,2-3") == [0, 1, 2, 3]


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _outside(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _around(path: Path) -> None:
    path.symlink_to(path)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(64 << 20)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_fifo, "no regular file"),
        (_folder, "no regular file"),
        (_outside, "leads out of the tree"),
        (_around, "too many levels of symbolic links"),
        (_huge, "longer than 16 MiB"),
    ],
)
def test_what_is_no_file_of_a_tree_is_absent(tmp_path: Path, make: Any, reason: str) -> None:
    make(tmp_path / "file")
    with pytest.raises(Absent, match=reason):
        Tree(tmp_path).text("file")


@pytest.mark.parametrize("name", ["../file", "a/../../file", "a\0b"])
def test_a_name_that_leads_out_of_a_tree_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("secret")
    (tmp_path / "tree/a").mkdir(parents=True)
    tree = Tree(tmp_path / "tree")
    with pytest.raises(Absent, match="leads out of the tree"):
        tree.text(name)
    assert not tree.has(name)
