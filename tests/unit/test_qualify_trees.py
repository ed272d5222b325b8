"""The host check on recorded hosts: a tuned one is qualified, and each row misses after one change.

The change is one of files as a kernel has them, so that a row is known to look at what it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import hosts_tree
import pytest
from qualified_hosts import CPUS, QUIET, measured

from harness.qualify import Level, Qualification, State, qualify
from harness.qualify.checks import RULES
from harness.qualify.window import COUNTERS
from harness.tuning.facts import Fact, collect
from harness.tuning.host import Host
from harness.tuning.roles import find_roles

Change = Mapping[str, str | None]

TUNED = "tuned-bare-metal"
CARD = "eth2"
CPU = "/sys/devices/system/cpu"
HOT = f"{CPU}/cpu15"
KERNEL = "/proc/sys/kernel"
CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
HUGE = "hugepages/hugepages-2048kB"
HUGER = "hugepages/hugepages-1048576kB"
PCI = f"/sys/class/net/{CARD}/device"


@cache
def files() -> Mapping[str, str | None]:
    return hosts_tree.files_of((hosts_tree.FOLDER / f"{TUNED}.tree").read_text(encoding="utf-8"))


def swap(path: str, pattern: str, new: str) -> Change:
    """A part of a file's text replaced; the part has to be there."""
    text, n = re.subn(pattern, new, files()[path] or "", flags=re.MULTILINE)
    assert n, f"{path} holds no {pattern!r}"
    return {path: text}


def column(path: str, line: str, index: int, value: str) -> Change:
    """One word of a line that begins with `line`; the first word is 0."""
    words = next(t for t in (files()[path] or "").splitlines() if t.split()[:1] == [line]).split()
    changed = [*words[:index], value, *words[index + 1 :]]
    return swap(path, rf"^\s*{re.escape(line)}\s.*$", " ".join(changed))


def card(group: str, name: str, value: str) -> Change:
    """One answer of the card that carries measurements."""
    path = f"/ethtool/{CARD}.json"
    answers = json.loads(files()[path] or "")
    assert name in answers[group], f"{group} holds no {name}"
    answers[group][name] = value
    return {path: json.dumps(answers)}


# row: a change of the tree after which it misses
SPOILT: Sequence[tuple[str, Change]] = (
    ("host.hypervisor", swap("/proc/cpuinfo", r"^flags\t+:", "flags\t: hypervisor")),
    (
        "host.quota",
        {"/sys/fs/cgroup/user.slice/user-0.slice/session-1.scope/cpu.max": "150000 100000\n"},
    ),
    ("host.load", {"/proc/loadavg": "3.00 2.00 1.00 1/400 9999\n"}),
    ("host.tainted", {f"{KERNEL}/tainted": "512\n"}),
    ("host.container", {"/run/systemd/container": "docker\n"}),
    ("host.lockdown", {"/sys/kernel/security/lockdown": "none [integrity] confidentiality\n"}),
    ("host.production", {"/etc/redline/production": "trades at the open\n"}),
    ("clock.tsc", swap("/proc/cpuinfo", "nonstop_tsc", "")),
    ("clock.source", {CLOCK: "hpet\n"}),
    ("cpu.governor", {f"{HOT}/cpufreq/scaling_governor": "powersave\n"}),
    (
        "cpu.idle",
        {
            f"{HOT}/cpuidle/state2/name": "C6\n",
            f"{HOT}/cpuidle/state2/latency": "133\n",
            f"{HOT}/cpuidle/state2/disable": "0\n",
        },
    ),
    ("cpu.smt", {f"{CPU}/smt/active": "1\n", f"{HOT}/topology/thread_siblings_list": "15,31\n"}),
    ("cpu.energy", {f"{HOT}/cpufreq/energy_performance_preference": "balance_power\n"}),
    ("cpu.turbo", {f"{CPU}/intel_pstate/no_turbo": "0\n"}),
    ("cpu.mitigations", {f"{CPU}/vulnerabilities/mds": "Vulnerable; SMT disabled\n"}),
    ("cpu.microcode", swap("/proc/cpuinfo", r"^microcode\t*: \w+", "microcode\t: 0xffffffff")),
    ("kernel.isolated", {f"{CPU}/isolated": "2-14\n"}),
    ("kernel.isolated", {f"{CPU}/isolated": "\n"}),
    ("kernel.tick", {f"{CPU}/nohz_full": "2-14\n"}),
    ("kernel.rcu", {"/proc/515/stat": None, "/proc/415/stat": None}),
    ("kernel.workqueues", {"/sys/devices/virtual/workqueue/cpumask": "ffff8003\n"}),
    ("kernel.watchdog", {f"{KERNEL}/watchdog": "1\n", f"{KERNEL}/watchdog_cpumask": "0-31\n"}),
    ("kernel.nmi_watchdog", {f"{KERNEL}/nmi_watchdog": "1\n"}),
    ("kernel.rt_throttling", {f"{KERNEL}/sched_rt_runtime_us": "950000\n"}),
    ("kernel.timer_migration", {f"{KERNEL}/timer_migration": "1\n"}),
    ("irq.default", {"/proc/irq/default_smp_affinity": "ffffffff\n"}),
    ("irq.balance", {"/proc/904/stat": "904 (irqbalance) S 0 0 0 0 -1 4194560 0\n"}),
    ("memory.errors", {"/sys/devices/system/edac/mc/mc3/ce_count": "3\n"}),
    ("memory.swap", swap("/proc/meminfo", r"^SwapTotal: +0", "SwapTotal: 2048000")),
    ("memory.thp", {"/sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n"}),
    ("memory.ksm", {"/sys/kernel/mm/ksm/run": "1\n"}),
    ("memory.numa_balancing", {f"{KERNEL}/numa_balancing": "1\n"}),
    (
        "memory.hugepages",
        {f"/sys/kernel/mm/{pool}/free_hugepages": "0\n" for pool in (HUGE, HUGER)},
    ),
    (
        "memory.hugepages",
        {f"/sys/devices/system/node/node0/{pool}/nr_hugepages": "0\n" for pool in (HUGE, HUGER)},
    ),
    ("nic.node", {f"{PCI}/numa_node": "1\n"}),
    ("nic.pcie", {f"{PCI}/current_link_width": "4\n"}),
    ("nic.pcie", {f"{PCI}/current_link_speed": "8.0 GT/s PCIe\n"}),
    ("nic.coalescing", card("coalesce", "rx-usecs", "8")),
    ("nic.coalescing", card("coalesce", "adaptive-rx", "on")),
    ("nic.offloads", card("features", "rx-gro", "on")),
    ("nic.offloads", card("features", "rx-gro-hw", "on")),
    ("nic.flow_control", card("pause", "rx", "on")),
    ("nic.timestamps", card("timestamps", "capabilities", "software-transmit")),
    ("nic.rings", card("rings", "rx", "8160")),
    ("nic.aspm", {"/sys/module/pcie_aspm/parameters/policy": "[default] performance\n"}),
    ("clock.synchronised", {"/clock/adjtimex": "status: 64\nmaxerror: 16000000\n"}),
    ("clock.synchronised", {f"/proc/{pid}/stat": None for pid in (901, 902, 903)}),
)

# row: a change of the later of two trees, between which was measured
MOVED: Sequence[tuple[str, Change]] = (
    ("noise.steal", column("/proc/stat", "cpu15", 8, "4")),
    ("noise.waiting", column("/proc/schedstat", "cpu14", 8, "9001200")),
    ("cpu.throttle", {f"{HOT}/thermal_throttle/core_throttle_count": "7\n"}),
    ("cpu.machine_checks", column("/proc/interrupts", "MCE:", 1, "2")),
    ("irq.affinity", column("/proc/interrupts", "61:", 16, "3")),
    ("memory.stalls", swap("/proc/vmstat", "^pswpin 0", "pswpin 9")),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tuned host; writing its thousand files once is enough."""
    return hosts_tree.load(TUNED, tmp_path_factory.mktemp("tuned"))


@pytest.fixture(scope="module")
def tuned(root: Path) -> Mapping[str, Fact]:
    return collect(root)


_SEEN: dict[int, Mapping[str, Fact]] = {}  # by change: several tests ask about each


def changed_facts(root: Path, change: Change) -> Mapping[str, Fact]:
    """Facts of the host after a change, which is taken back."""
    if id(change) not in _SEEN:
        try:
            for name, text in change.items():
                _write(root, name, text)
            _SEEN[id(change)] = collect(root)
        finally:
            for name in change:
                _write(root, name, files().get(name))
    return _SEEN[id(change)]


def _write(root: Path, name: str, text: str | None) -> None:
    path = root / name.lstrip("/")
    if text is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return
    path.unlink()
    folder = path.parent
    while not any(folder.iterdir()):  # a folder that came with the file
        folder.rmdir()
        folder = folder.parent


def state(found: Qualification, rule: str) -> State:
    (row,) = (row for row in found.rows if row.id == rule)
    return row.state


def test_a_recorded_tuned_host_is_qualified_by_its_facts_and_a_quiet_floor(
    tuned: Mapping[str, Fact],
) -> None:
    found = qualify(tuned, QUIET, CPUS)
    assert (found.qualified, found.reasons) == (True, ())


def test_every_row_holds_on_it_over_a_quiet_while(tuned: Mapping[str, Fact]) -> None:
    found = qualify(measured(tuned, tuned), QUIET, CPUS)
    assert [(row.id, row.observed) for row in found.rows if row.state is not State.OK] == []


def test_every_row_but_those_of_the_probe_has_a_change_after_which_it_misses() -> None:
    changed = {rule for rule, _ in (*SPOILT, *MOVED)}
    probed = {"noise.lost", "noise.gap", "noise.neighbour"}  # in test_qualify_rows.py
    assert changed | probed == {rule.id for rule in RULES}


@pytest.mark.parametrize(("rule", "change"), SPOILT, ids=[rule for rule, _ in SPOILT])
def test_a_row_misses_on_a_host_that_is_set_otherwise(
    root: Path, rule: str, change: Change
) -> None:
    facts = changed_facts(root, change)
    found = qualify(measured(facts, facts), QUIET, CPUS)
    assert [row.id for row in found.rows if row.state is State.MISS] == [rule]


@pytest.mark.parametrize(("rule", "change"), SPOILT, ids=[rule for rule, _ in SPOILT])
def test_only_a_must_costs_the_qualification(root: Path, rule: str, change: Change) -> None:
    must = next(r for r in RULES if r.id == rule).level is Level.MUST
    assert qualify(changed_facts(root, change), QUIET, CPUS).qualified is not must


@pytest.mark.parametrize(("rule", "change"), MOVED, ids=[rule for rule, _ in MOVED])
def test_a_row_misses_when_something_moved_while_measured(
    root: Path, tuned: Mapping[str, Fact], rule: str, change: Change
) -> None:
    found = qualify(measured(tuned, changed_facts(root, change)), QUIET, CPUS)
    assert [row.id for row in found.rows if row.state is State.MISS] == [rule]


def test_a_guest_is_not_qualified_and_says_why(tmp_path: Path) -> None:
    facts = collect(hosts_tree.load("vm", tmp_path))
    found = qualify(measured(facts, facts), QUIET, CPUS)
    assert not found.qualified
    assert found.reasons[0].startswith("hypervisor: virtual machine")
    assert state(found, "kernel.isolated") is State.MISS


class Asked(dict[str, Fact]):
    """Facts that remember which were asked for."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        super().__init__(facts)
        self.names: set[str] = set()

    def get(self, name: str, default: Fact | None = None) -> Fact | None:  # type: ignore[override]
        self.names.add(name)
        return super().get(name, default)


def test_every_fact_that_a_row_asks_for_is_collected(tuned: Mapping[str, Fact]) -> None:
    asked = [Asked(tuned), Asked(measured(tuned, tuned)), Asked({})]
    for facts in asked:
        qualify(facts, QUIET, CPUS)
    names = set().union(*(facts.names for facts in asked))
    window = {f"moved.{name}" for name in COUNTERS} | {"moved.seconds", "start.load.one_minute"}
    assert names - window - set(tuned) == set()
    assert set(COUNTERS) <= set(tuned)


def test_the_cpus_of_the_run_are_those_that_the_host_sets_apart(root: Path) -> None:
    assert set(CPUS.values()) <= set(find_roles(Host(root)).hot)
