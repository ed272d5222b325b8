"""Every row of the host check: it holds on a tuned host, and misses after one change of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from qualified_hosts import CPUS, HOT, ISOLATED, ONLINE, QUIET, but, each, known, measured, tuned

from harness.qualify import Level, Row, State, qualify
from harness.qualify.checks import RULES
from harness.tuning.facts import Fact

NOT_15 = [cpu for cpu in ISOLATED if cpu != 15]
DEEP = but("cpu.idle_states", cpu15="POLL=0:on C1=2:on C6=133:on")

# row, the fact that is different, and what the row says then
SPOILT: Sequence[tuple[str, dict[str, Any], str]] = (
    ("host.hypervisor", {"host__hypervisor": "kvm"}, "virtual machine (kvm)"),
    ("host.hypervisor", {"host__hypervisor": "unnamed"}, "virtual machine"),
    ("host.quota", {"cpu__quota": 1.5}, "1.5 CPUs"),
    ("host.load", {"load__one_minute": 3.0}, "load 3.00"),
    ("host.tainted", {"kernel__tainted": 512 + 16}, "machine check, warning"),
    ("host.container", {"host__container": "docker"}, "docker"),
    ("host.lockdown", {"kernel__lockdown": "integrity"}, "integrity"),
    ("host.production", {"host__production": "trades at the open"}, "trades at the open"),
    ("clock.tsc", {"clock__invariant_tsc": False}, "not promised by CPU or hypervisor"),
    ("clock.source", {"clock__source": "hpet"}, "hpet"),
    ("clock.source", {"clock__source": "kvm-clock"}, "kvm-clock"),
    (
        "cpu.governor",
        {"cpu__governor": but("cpu.governor", cpu15="powersave")},
        "powersave on CPU 15",
    ),
    ("cpu.idle", {"cpu__idle_states": DEEP}, "C6 on CPU 15"),
    (
        "cpu.smt",
        {"cpu__smt_active": 1, "cpu__thread_siblings": but("cpu.thread_siblings", cpu15="0,15")},
        "sibling 0 in use on CPU 15",
    ),
    (
        "cpu.energy",
        {"cpu__energy_preference": but("cpu.energy_preference", cpu14="balance_power")},
        "balance_power on CPU 14",
    ),
    (
        "cpu.energy",
        {"cpu__energy_preference": None, "cpu__energy_bias": each("6")},
        "6 on CPU 14-15",
    ),
    ("cpu.turbo", {"cpu__no_turbo": 0}, "on"),
    ("cpu.turbo", {"cpu__no_turbo": None, "cpu__boost": 1}, "on"),
    (
        "cpu.mitigations",
        {"cpu__vulnerabilities": {"meltdown": "Vulnerable", "l1tf": "Mitigation: PTE Inversion"}},
        "vulnerable: meltdown",
    ),
    ("cpu.microcode", {"cpu__microcode": "0xffffffff"}, "0xffffffff"),
    ("kernel.isolated", {"cpu__isolated": NOT_15}, "CPU 2-14; not CPU 15"),
    ("kernel.isolated", {"cpu__isolated": []}, "none"),
    ("kernel.tick", {"cpu__nohz_full": NOT_15}, "CPU 2-14; not CPU 15"),
    ("kernel.tick", {"cpu__nohz_full": []}, "on everywhere"),
    ("kernel.rcu", {"kernel__rcu_offloaded": []}, "of no CPU"),
    ("kernel.workqueues", {"kernel__workqueue_cpumask": ONLINE}, "CPU 0-15"),
    ("kernel.watchdog", {"kernel__watchdog_cpumask": ONLINE}, "CPU 0-15"),
    ("kernel.nmi_watchdog", {"kernel__nmi_watchdog": 1}, "1"),
    ("kernel.rt_throttling", {"kernel__rt_runtime_us": 950_000}, "950000 us"),
    ("kernel.rt_throttling", {"cpu__online": HOT}, "-1, and no CPU is left to stop a runaway"),
    ("kernel.timer_migration", {"kernel__timer_migration": 1}, "1"),
    ("irq.default", {"irq__default_affinity": ONLINE}, "CPU 0-15"),
    ("irq.balance", {"service__irqbalance": True}, "running"),
    ("memory.errors", {"memory__edac": {"mc0": "ce=3 ue=0", "mc1": "ce=0 ue=0"}}, "mc0 ce=3 ue=0"),
    ("memory.swap", {"memory__swap_used_kib": 2_048_000}, "2,000 MiB"),
    ("memory.thp", {"memory__thp": "always"}, "always"),
    ("memory.ksm", {"memory__ksm": 1}, "1"),
    ("memory.numa_balancing", {"kernel__numa_balancing": 1}, "1"),
    ("memory.hugepages", {"memory__hugepages_free": {"2048": "0"}}, "none free"),
    (
        "memory.hugepages",
        {"memory__hugepages_node": {"node0 2048": "0", "node1 2048": "512"}},
        "512 x 2 MiB, but none on node 0",
    ),
    (
        "nic.node",
        {"nic__numa_node": but("nic.numa_node", eth2="1")},
        "eth2: on node 1, measured is on 0",
    ),
    (
        "nic.node",
        {"nic__numa_node": but("nic.numa_node", eth2="-1")},
        "eth2: does not know its node",
    ),
    (
        "nic.pcie",
        {"nic__pcie": {"eth2": "16.0 GT/s x4 of 16.0 GT/s x16"}},
        "eth2: 16.0 GT/s x4 of 16.0 GT/s x16",
    ),
    (
        "nic.coalescing",
        {"nic__coalesce": {"eth2": "adaptive-rx=on adaptive-tx=off rx-usecs=8"}},
        "eth2: adaptive-rx=on rx-usecs=8",
    ),
    ("nic.offloads", {"nic__features": {"eth2": "gro=on lro=off tso=on"}}, "eth2: gro=on"),
    ("nic.flow_control", {"nic__pause": {"eth2": "autoneg=off rx=on tx=off"}}, "eth2: rx=on"),
    (
        "nic.timestamps",
        {"nic__timestamps": {"eth2": "software-transmit hardware-receive"}},
        "eth2: no hardware-transmit",
    ),
    ("nic.rings", {"nic__rings": {"eth2": "rx=8192/8192"}}, "eth2: rx 8192"),
    ("nic.aspm", {"pcie__aspm": "default"}, "default"),
    ("clock.synchronised", {"clock__synchronised": False}, "not synchronised, by"),
    ("clock.synchronised", {"clock__daemons": ["ntpd"]}, "synchronised, by no daemon"),
)

# row, the fact that has risen while was measured, and what the row says then
MOVED: Sequence[tuple[str, dict[str, Any], str]] = (
    (
        "noise.steal",
        {"load__steal_ticks": but("load.steal_ticks", cpu15="4")},
        "4 ticks stolen on CPU 15",
    ),
    ("noise.waiting", {"load__wait_ns": but("load.wait_ns", cpu14="9000000")}, "0.09 % on CPU 14"),
    (
        "cpu.throttle",
        {"cpu__throttle_count": but("cpu.throttle_count", cpu15="7")},
        "7 throttle events on CPU 15",
    ),
    ("cpu.machine_checks", {"irq__mce_exceptions": 2}, "2 while measured"),
    (
        "irq.affinity",
        {"irq__device_counts": but("irq.device_counts", cpu14="3")},
        "3 interrupts on CPU 14",
    ),
    (
        "memory.stalls",
        {"memory__events": but("memory.events", pswpin="9", compact_stall="1")},
        "pswpin 9, compact_stall 1 while measured",
    ),
    (
        "memory.stalls",
        {"memory__events": but("memory.events", numa_pages_migrated="1")},
        "numa_pages_migrated 1 while measured",
    ),
)

# row, what is different in every look at the noise, and what the row says then
LOOKED: Sequence[tuple[str, dict[str, float], str]] = (
    ("noise.lost", {"lost_ns": 300_000.0}, "0.015 % on CPU 14-15"),
    ("noise.lost", {"lost_ns": float("nan")}, "nan % on CPU 14-15"),
    ("noise.gap", {"max_ns": 50_100.0}, "50.1 us on CPU 14-15"),
    ("noise.gap", {"max_ns": 8_050_000.0}, "8.05 ms on CPU 14-15"),
    ("noise.neighbour", {"quiet_share": 0.5}, "50 % on CPU 14-15"),
)


def row(rule: str, facts: Mapping[str, Fact], noise: Sequence[Mapping[str, Any]] = QUIET) -> Row:
    (found,) = (r for r in qualify(facts, noise, CPUS).rows if r.id == rule)
    return found


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_a_row_holds_on_a_tuned_host(rule: str) -> None:
    found = row(rule, tuned())
    assert found.state is State.OK, found.observed


def test_every_row_has_a_change_after_which_it_misses() -> None:
    changed = {rule for rule, *_ in (*SPOILT, *MOVED, *LOOKED)}
    assert changed == {rule.id for rule in RULES}


@pytest.mark.parametrize(("rule", "change", "said"), SPOILT)
def test_a_row_misses_on_a_host_that_is_set_otherwise(
    rule: str, change: dict[str, Any], said: str
) -> None:
    found = row(rule, tuned(**change))
    assert (found.state, said in found.observed) == (State.MISS, True), found.observed


@pytest.mark.parametrize(("rule", "change", "said"), MOVED)
def test_a_row_misses_when_something_moved_while_measured(
    rule: str, change: dict[str, Any], said: str
) -> None:
    found = row(rule, measured(known(), known(**change)))
    assert (found.state, found.observed) == (State.MISS, said)


@pytest.mark.parametrize(("rule", "change", "said"), LOOKED)
def test_a_row_misses_when_the_probe_saw_too_much(
    rule: str, change: dict[str, float], said: str
) -> None:
    looks = [{**look, **{k: v for k, v in change.items() if k in look}} for look in QUIET]
    found = row(rule, tuned(), looks)
    assert (found.state, found.observed) == (State.MISS, said)


@pytest.mark.parametrize("rule", ["noise.lost", "noise.gap"])
def test_the_limit_itself_is_allowed(rule: str) -> None:
    at_limit = {"lost_ns": 200_000.0, "max_ns": 50_000.0}
    looks = [{**look, **at_limit} for look in QUIET if "lost_ns" in look]
    assert row(rule, tuned(), looks).state is State.OK


def test_the_worst_of_several_looks_counts() -> None:
    worse = {**QUIET[0], "max_ns": 90_000.0}
    assert row("noise.gap", tuned(), [*QUIET, worse]).observed == "90 us on CPU 15"


def test_what_is_wrong_with_one_cpu_is_said_though_another_was_not_looked_at() -> None:
    worse = {**QUIET[0], "max_ns": 90_000.0}
    assert row("noise.gap", tuned(), [worse]).state is State.MISS


def test_a_load_at_the_end_of_a_run_is_the_run_itself() -> None:
    found = row("host.load", measured(known(), known(load__one_minute=2.0)))
    assert (found.state, found.observed) == (State.OK, "load 0.08")


UNMOVED = ("noise.steal", "cpu.throttle", "cpu.machine_checks", "memory.stalls")


@pytest.mark.parametrize(("rule", "change", "said"), [m for m in MOVED if m[0] in UNMOVED])
def test_a_count_since_boot_alone_shows_nothing(
    rule: str, change: dict[str, Any], said: str
) -> None:
    found = row(rule, known(**change))
    assert found.state is State.UNKNOWN
    assert "since boot; when is not known" in found.observed


@pytest.mark.parametrize(("rule", "change", "said"), [m for m in MOVED if m[0] in UNMOVED])
def test_a_count_from_before_the_measurement_does_no_harm(
    rule: str, change: dict[str, Any], said: str
) -> None:
    assert row(rule, tuned(**change)).state is State.OK


@pytest.mark.parametrize("rule", UNMOVED)
def test_a_count_that_is_zero_since_boot_needs_no_measurement(rule: str) -> None:
    assert row(rule, known()).state is State.OK


BOUND = {"irq__effective": but("irq.effective", **{"61": "14"})}


def test_an_interrupt_that_is_bound_there_misses_without_a_measurement() -> None:
    found = row("irq.affinity", known(**BOUND))
    assert (found.state, found.observed) == (State.MISS, "bound there: 61 eth2-rx-0")


def test_an_interrupt_that_is_bound_there_and_never_comes_does_no_harm() -> None:
    assert row("irq.affinity", tuned(**BOUND)).state is State.OK


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"cpu__dma_latency_us": 0}, State.OK),
        ({"cpu__dma_latency_us": 20}, State.OK),
        ({"cpu__dma_latency_us": 133}, State.MISS),
        ({"cpu__dma_latency_us": None}, State.MISS),
        ({"cpu__resume_latency_us": each("n/a")}, State.OK),
        ({"cpu__resume_latency_us": each("20")}, State.OK),
        ({"cpu__resume_latency_us": each("0")}, State.MISS),
    ],
)
def test_a_latency_limit_keeps_deep_states_out(change: dict[str, Any], state: State) -> None:
    assert row("cpu.idle", tuned(cpu__idle_states=DEEP, **change)).state is state


def test_a_kernel_without_an_idle_driver_only_halts() -> None:
    facts = tuned(cpu__idle_states=None, cpu__idle_driver="none")
    assert row("cpu.idle", facts).observed == "no idle driver: halt only"


def test_a_guest_that_halts_leaves_the_cpu_to_its_hypervisor() -> None:
    states = each("POLL=0:on haltpoll_idle=1:on")
    found = row("cpu.idle", tuned(cpu__idle_states=states, host__hypervisor="kvm"))
    assert (found.state, found.observed) == (State.MISS, "haltpoll_idle on CPU 14-15")


def test_a_guest_cannot_show_that_nobody_shares_its_cores() -> None:
    assert row("cpu.smt", tuned(host__hypervisor="kvm")).state is State.UNKNOWN


def test_a_sibling_that_is_isolated_and_not_measured_on_does_no_harm() -> None:
    siblings = but("cpu.thread_siblings", cpu15="7,15", cpu14="6,14")
    facts = tuned(cpu__smt_active=1, cpu__thread_siblings=siblings)
    assert row("cpu.smt", facts).state is State.OK


def test_both_threads_of_a_core_are_not_for_measuring() -> None:
    siblings = but("cpu.thread_siblings", cpu15="14-15", cpu14="14-15")
    facts = tuned(cpu__smt_active=1, cpu__thread_siblings=siblings)
    assert row("cpu.smt", facts).state is State.MISS


@pytest.mark.parametrize(
    ("vendor", "level"), [("AuthenticAMD", Level.SHOULD), ("GenuineIntel", Level.MUST)]
)
def test_a_count_of_throttling_is_asked_only_of_a_cpu_that_keeps_one(
    vendor: str, level: Level
) -> None:
    found = row("cpu.throttle", tuned(cpu__throttle_count=None, cpu__vendor=vendor))
    assert (found.state, found.level) == (State.UNKNOWN, level)


def test_memory_without_error_correction_is_no_reason_against_a_host() -> None:
    found = row("memory.errors", tuned(memory__edac=None))
    assert (found.state, found.level) == (State.UNKNOWN, Level.SHOULD)


@pytest.mark.parametrize("rule", [r.id for r in RULES if r.id.startswith("nic.")])
def test_without_a_card_that_carries_measurements_there_is_none_to_blame(rule: str) -> None:
    cards = [name for name in known() if name.startswith("nic.")]
    only_management = {name.replace(".", "__"): {} for name in cards} | {
        "nic__names": ["eth0"],
        "nic__protected": ["eth0"],
    }
    assert row(rule, tuned(**only_management)).state is State.OK


@pytest.mark.parametrize("rule", [r.id for r in RULES if r.id.startswith("nic.")][:-2])
def test_a_card_that_does_not_answer_is_not_shown_to_be_right(rule: str) -> None:
    tables = {
        f.replace(".", "__"): None
        for f in known()
        if f.startswith("nic.") and f not in ("nic.names", "nic.protected")
    }
    assert row(rule, tuned(**tables)).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("host.quota", {"cpu__quota": 4.0, "cpu__allowed": None}),
        (
            "cpu.smt",
            {
                "cpu__smt_active": None,
                "cpu__thread_siblings": each("0-15"),
                "cpu__isolated": None,
            },
        ),
        ("cpu.governor", {"cpu__governor": {"0": "performance"}}),
        ("cpu.idle", {"cpu__idle_states": {"0": "POLL=0:on"}}),
        ("kernel.rt_throttling", {"cpu__online": None}),
        ("clock.synchronised", {"clock__daemons": None}),
        ("nic.node", {"cpu__numa_node": None}),
        ("nic.pcie", {"nic__protected": None}),
        ("memory.stalls", {"memory__events": {"thp_collapse_alloc": "1"}}),
    ],
)
def test_half_of_what_a_row_needs_shows_nothing(rule: str, change: dict[str, Any]) -> None:
    found = row(rule, tuned(**change))
    assert found.state is State.UNKNOWN, found.observed


def test_a_single_node_has_no_wrong_one() -> None:
    facts = tuned(numa__online="0", nic__numa_node={"eth2": "-1"}, kernel__numa_balancing=1)
    found = [row(rule, facts).state for rule in ("nic.node", "memory.numa_balancing")]
    assert found == [State.OK, State.OK]
