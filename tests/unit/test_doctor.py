"""What the doctor says about machines that are not here: each row good, and bad for a reason."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import host_trees as trees
import pytest

from harness.errors import ExitCode, HostError
from harness.qualify.checks import RULES_BY_ID
from harness.run.doctor import diagnose
from harness.run.doctor_rows import Row, State, short_list
from harness.tuning.facts import collect
from harness.tuning.tree import Absent, cpu_list

CPUINFO, STATUS = "proc/cpuinfo", "proc/self/status"
CLOCK = "sys/devices/system/clocksource/clocksource0/current_clocksource"
CPU = "sys/devices/system/cpu"
CONFIG, PROTOCOLS = "boot/config-6.12.1", "proc/net/protocols"
MODULES = "lib/modules/6.12.1/modules.dep"
NOT_ROOT = "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000201000"


def row(root: Path, row_id: str) -> Row:
    (found,) = (r for r in diagnose(root).rows if r.id == row_id)
    return found


@pytest.mark.parametrize(
    ("row_id", "rule", "change"),
    [
        ("isolation", "kernel.isolated", {f"{CPU}/isolated": "\n"}),
        ("tick", "kernel.tick", {f"{CPU}/nohz_full": "\n"}),
        ("governor", "cpu.governor", trees.everywhere("cpufreq/scaling_governor", "powersave\n")),
        ("smt", "cpu.smt", trees.everywhere("topology/thread_siblings_list", "0,4\n")),
        ("hypervisor", "host.hypervisor", trees.changed(CPUINFO, "fpu", "fpu hypervisor")),
    ],
)
def test_what_the_host_check_asks_too_is_explained_in_its_words(
    tmp_path: Path, row_id: str, rule: str, change: Mapping[str, str | None]
) -> None:
    found, asked = row(trees.plant(tmp_path, change), row_id), RULES_BY_ID[rule]
    assert (found.consequence, found.cure) == (asked.consequence, asked.cure)


def test_a_tuned_bare_metal_host_is_good_in_every_row(tmp_path: Path) -> None:
    diagnosis = diagnose(trees.plant(tmp_path))
    assert [r.title for r in diagnosis.rows if r.state is not State.OK] == []
    assert diagnosis.exit_code == ExitCode.READY
    assert diagnosis.summary == "a run is possible, and nothing seen here limits what it can show"


SPOILT: list[tuple[str, Mapping[str, str | None], str, str]] = [
    # row, what is different, its state, what it says it saw
    ("cpus", trees.changed(STATUS, "0-7", "3"), "missing", "1 allowed (3), 2 needed"),
    ("cpus", {STATUS: None}, "missing", "/proc/self/status: no such file"),
    (
        "quota",
        {"sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n"},
        "missing",
        "1.5 CPUs, 2 needed",
    ),
    ("quota", {"sys/fs/cgroup/cpu.max": "400000 100000\n"}, "limited", "4 CPUs, 2 needed"),
    ("quota", {"proc/self/cgroup": None}, "limited", "/proc/self/cgroup: no such file"),
    (
        "quota",
        {
            "proc/self/cgroup": "3:cpu,cpuacct:/box\n",
            "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000\n",
        },
        "missing",
        "0.5 CPUs, 2 needed",
    ),
    ("load", {"proc/loadavg": "7.20 7.0 7.0 9/412 1\n"}, "limited", "load 7.20 on 8 CPUs"),
    ("load", {"proc/loadavg": ""}, "limited", "/proc/loadavg: not understood"),
    ("tsc", trees.changed(CPUINFO, "nonstop_tsc ", ""), "missing", "does not promise it"),
    ("tsc", trees.changed(CPUINFO, "rdtscp ", ""), "missing", "does not promise it"),
    ("tsc", {CPUINFO: None}, "missing", "/proc/cpuinfo: no such file"),
    ("clocksource", {CLOCK: "hpet\n"}, "limited", "hpet"),
    ("clocksource", {CLOCK: "kvm-clock\n"}, "limited", "kvm-clock"),
    ("clocksource", {CLOCK: None}, "limited", "no such file"),
    ("instructions", trees.changed(CPUINFO, " avx2 bmi1", " bmi1"), "missing", "lacks avx2"),
    (
        "memory",
        trees.changed("proc/meminfo", "61000000", "200000"),
        "limited",
        "195 MiB available",
    ),
    (
        "memory",
        trees.changed("proc/meminfo", "SwapTotal:             0", "SwapTotal: 2048000"),
        "limited",
        "2,000 MiB swapped out",
    ),
    ("memory", {"proc/meminfo": "MemTotal: lots\n"}, "limited", "no line 'MemAvailable'"),
    ("isolation", {f"{CPU}/isolated": "\n"}, "limited", "none"),
    (
        "isolation",
        trees.changed(STATUS, "0-7", "0-3"),
        "limited",
        "4-7, of which this process may use none",
    ),
    ("tick", {f"{CPU}/nohz_full": "(null)\n"}, "limited", "on everywhere"),
    ("tick", {f"{CPU}/nohz_full": None}, "limited", "on everywhere"),
    (
        "governor",
        {f"{CPU}/cpu5/cpufreq/scaling_governor": "schedutil\n"},
        "limited",
        "governor schedutil",
    ),
    (
        "governor",
        trees.everywhere("cpufreq/scaling_governor", None),
        "limited",
        "no frequency driver",
    ),
    ("smt", trees.everywhere("topology/thread_siblings_list", "0-1\n"), "limited", "siblings 0-1"),
    ("smt", trees.everywhere("topology/thread_siblings_list", None), "limited", "no CPU has"),
    ("hypervisor", trees.changed(CPUINFO, "fpu", "fpu hypervisor"), "limited", "(Example)"),
    ("hypervisor", {CPUINFO: "flags: fpu\n"}, "ok", "none: bare metal"),
    (
        "memlock",
        {
            **trees.changed("proc/self/limits", "unlimited            unlim", "8388608   unlim"),
            **trees.changed(STATUS, "000001ffffffffff", "0000000000000000"),
        },
        "limited",
        "limit 8 MiB",
    ),
    (
        "hugepages",
        {"sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "0\n"},
        "limited",
        "none reserved",
    ),
    (
        "thp",
        {"sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n"},
        "limited",
        "always",
    ),
    (
        "thp",
        {"sys/kernel/mm/transparent_hugepage/enabled": "always madvise never\n"},
        "limited",
        "nothing is chosen",
    ),
    ("perf", {"sys/bus/event_source/devices/cpu/type": None}, "missing", "no core counters"),
    (
        "perf",
        {
            "proc/sys/kernel/perf_event_paranoid": "3\n",
            **trees.changed(STATUS, "000001ffffffffff", "0000000000000000"),
        },
        "limited",
        "closed by perf_event_paranoid",
    ),
    (
        "rights",
        trees.changed(STATUS, "000001ffffffffff", "0000000000003000"),
        "limited",
        "without CAP_SYS_ADMIN, CAP_SYS_NICE, CAP_BPF",
    ),
    (
        "namespaces",
        trees.changed(STATUS, "000001ffffffffff", "0000000000001000"),
        "missing",
        "not for this process: lacks CAP_SYS_ADMIN",
    ),
    (
        "namespaces",
        trees.changed(STATUS, "Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff", NOT_ROOT),
        "missing",
        "lacks CAP_DAC_OVERRIDE",
    ),
    (
        "namespaces",
        trees.changed(CONFIG, "CONFIG_VETH=m", "# CONFIG_VETH is not set"),
        "missing",
        "no veth in this kernel",
    ),
    ("namespaces", {"proc/self/ns/net": None}, "missing", "not in this kernel"),
    ("compiler", {"usr/bin/gcc": None, "usr/bin/env": ""}, "missing", "none of gcc, cc, clang"),
    ("udp", trees.changed(PROTOCOLS, "UDP", "SMC"), "missing", "this kernel has no UDP"),
    ("tcp", {PROTOCOLS: None}, "missing", "/proc/net/protocols: no such file"),
    ("tcp", {PROTOCOLS: "protocol\n"}, "missing", "lists no protocol"),
    (
        "afpacket",
        trees.changed(STATUS, "000001ffffffffff", "0000000000001000"),
        "missing",
        "not for this process: lacks CAP_NET_RAW",
    ),
    (
        "afxdp",
        {
            **trees.changed(PROTOCOLS, "XDP", "SMC"),
            **trees.changed(CONFIG, "CONFIG_XDP_SOCKETS=y", ""),
        },
        "missing",
        "this kernel has no AF_XDP",
    ),
    (
        "afxdp",
        {**trees.changed(PROTOCOLS, "XDP", "SMC"), CONFIG: None},
        "missing",
        "this kernel has no XDP",
    ),
    (
        "afxdp",
        trees.changed(STATUS, "000001ffffffffff", "0000000000002000"),
        "missing",
        "lacks CAP_NET_ADMIN, CAP_BPF",
    ),
    ("dpdk", {"usr/bin/dpdk-testpmd": None}, "missing", "no dpdk-testpmd in /usr/bin"),
    ("pktgen", trees.changed(CONFIG, "PKTGEN=m", "PKTGEN=n"), "missing", "not in this kernel"),
    ("pktgen", {CONFIG: None, "proc/net/pktgen/pgctrl": ""}, "ok", "loaded"),
    ("pktgen", {CONFIG: None}, "missing", "neither it nor /boot/config"),
    ("netem", trees.changed(CONFIG, "NETEM=m", "NETEM=n"), "missing", "not in this kernel"),
    (
        "netem",
        {CONFIG: None, MODULES: "kernel/net/sched/sch_netem.ko.xz: kernel/net/x.ko\n"},
        "ok",
        "module of this kernel",
    ),
    ("netem", {CONFIG: None, MODULES: "kernel/x.ko: kernel/sch_netem.ko\n"}, "missing", "not in"),
    ("stamps", {"sys/class/net/eth1/device/ptp/ptp0/clock_name": None}, "missing", "no interface"),
]


@pytest.mark.parametrize(
    ("row_id", "changes", "state", "seen"),
    SPOILT,
    ids=[f"{r}-{i}" for i, (r, _, _, _) in enumerate(SPOILT)],
)
def test_what_is_wrong_with_a_machine_is_seen_in_its_row(
    tmp_path: Path, row_id: str, changes: Mapping[str, str | None], state: str, seen: str
) -> None:
    found = row(trees.plant(tmp_path, changes), row_id)
    assert (found.state, seen in found.seen) == (state, True), found
    assert found.state is State.OK or found.consequence


def test_every_row_has_a_machine_on_which_it_is_not_good(tmp_path: Path) -> None:
    spoilt = {row_id for row_id, _, state, _ in SPOILT if state != "ok"}
    rows = {r.id for r in diagnose(trees.plant(tmp_path)).rows}
    # The engine is no fact of the machine (see below), and memory every machine has.
    assert rows - spoilt == {"engine", "shm"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (trees.changed(STATUS, "0-7", "0"), "CPUs: 1 allowed (0), 2 needed"),
        (trees.changed(CPUINFO, "constant_tsc ", ""), "invariant TSC"),
        (trees.changed(CPUINFO, " fma", ""), "instruction set: lacks fma"),
        ({"sys/fs/cgroup/cpu.max": "100000 100000\n"}, "CPU quota: 1 CPUs, 2 needed"),
    ],
)
def test_a_machine_on_which_no_run_is_possible_says_so_and_exits_with_3(
    tmp_path: Path, changes: Mapping[str, str], reason: str
) -> None:
    diagnosis = diagnose(trees.plant(tmp_path, changes))
    assert diagnosis.exit_code == 3
    assert diagnosis.summary.startswith("no run is possible here: ")
    assert reason in diagnosis.summary
    with pytest.raises(HostError, match="no run is possible") as refused:
        diagnosis.require()
    assert refused.value.exit_code == 3


def test_what_only_limits_a_run_does_not_stop_it(tmp_path: Path) -> None:
    changes = {f"{CPU}/isolated": "\n", "sys/bus/event_source/devices/cpu/type": None}
    diagnosis = diagnose(trees.plant(tmp_path, changes))
    diagnosis.require()
    assert diagnosis.summary == "a run is possible; 2 of 29 rows limit what it can show"


def test_a_scenario_that_takes_more_cpus_asks_for_them(tmp_path: Path) -> None:
    root = trees.plant(tmp_path)
    assert diagnose(root, cpus=8).exit_code == 0
    assert diagnose(root, cpus=9).exit_code == 3


def test_an_engine_that_does_not_load_stops_every_run(tmp_path: Path) -> None:
    diagnosis = diagnose(trees.plant(tmp_path), engine="not built")
    assert diagnosis.exit_code == 3
    assert "engine: not built" in diagnosis.summary


def test_an_empty_tree_has_no_fact_and_each_absence_has_a_reason(tmp_path: Path) -> None:
    facts = collect(tmp_path)
    assert {name for name, fact in facts.items() if fact.value is not None} == set()
    assert all(fact.reason for fact in facts.values())
    diagnosis = diagnose(tmp_path)
    assert diagnosis.exit_code == 3
    assert {r.id for r in diagnosis.rows if r.state is State.OK} == {"engine", "shm"}


def test_rubbish_in_every_file_is_survived(tmp_path: Path) -> None:
    rubbish = dict.fromkeys(trees.BARE_METAL, "\x00\xff: ][ -7 99999999999\n:\n")
    diagnosis = diagnose(trees.plant(tmp_path, rubbish))
    assert diagnosis.exit_code == 3


def test_the_json_form_holds_every_row(tmp_path: Path) -> None:
    diagnosis = diagnose(trees.plant(tmp_path))
    record = json.loads(json.dumps(diagnosis.as_json()))
    assert record["schema"] == "redline.doctor/1"
    assert [r["id"] for r in record["rows"]] == [r.id for r in diagnosis.rows]


@pytest.mark.parametrize(
    ("packed", "state"),
    [(gzip.compress(b"CONFIG_NET_SCH_NETEM=m\n", mtime=0), "ok"), (b"rubbish", "missing")],
)
def test_a_kernel_that_shows_its_configuration_packed_is_understood(
    tmp_path: Path, packed: bytes, state: str
) -> None:
    root = trees.plant(tmp_path, {CONFIG: None})
    (root / "proc/config.gz").write_bytes(packed)
    assert row(root, "netem").state == state


def test_this_machine_is_read_without_a_failure() -> None:
    assert diagnose().rows


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0-2,5", [0, 1, 2, 5]), ("", []), ("7", [7]), ("0-1\n", [0, 1])],
)
def test_a_kernel_list_of_cpus_is_read_and_written(text: str, cpus: list[int]) -> None:
    assert cpu_list(text) == cpus
    assert short_list(cpus) == (text.strip() or "none")


@pytest.mark.parametrize("text", ["(null)", "a-b", "1-", "-1", "0,,x"])
def test_what_is_no_list_of_cpus_is_absent(text: str) -> None:
    with pytest.raises(Absent, match="not a list of CPUs"):
        cpu_list(text)
