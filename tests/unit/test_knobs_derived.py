"""What the kernel made of a knob, on hosts as others have them: it can do something else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.tuning.host import Host
from harness.tuning.knobs import knob_of
from harness.tuning.knobs.base import Op, Proof, Roles, Scope, State, Wish

CPU = "/sys/devices/system/cpu"
POLICY = f"{CPU}/cpufreq/policy0"
NODE = "/sys/devices/system/node/node{}/hugepages/hugepages-2048kB"
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB"
THP = "/sys/kernel/mm/transparent_hugepage"
CLOCK = "/sys/devices/system/clocksource/clocksource0"
WORK = "/sys/devices/virtual/workqueue"
SPEED = {
    f"{POLICY}/scaling_governor": "performance",
    f"{POLICY}/cpuinfo_min_freq": "800000",
    f"{POLICY}/cpuinfo_max_freq": "5000000",
}


def scope(root: Path, files: Mapping[str, str], **protected: str) -> Scope:
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return Scope(Host(root), Roles(hot=(2, 3), irq=(1,), housekeeping=(0, 1)), protected)


def wish(name: str, value: object) -> Wish:
    return Wish(name, knob_of(name).parse(value))


def derived(at: Scope, name: str, value: object) -> list[Proof]:
    return list(knob_of(name).derived(at, wish(name, value)))


def planned(at: Scope, name: str, value: object) -> list[Op]:
    return knob_of(name).plan(at, wish(name, value))


# CPUs


@pytest.mark.parametrize(
    ("files", "holds"),
    [
        ({"scaling_cur_freq": "4900000"}, True),
        ({"scaling_cur_freq": "1200000"}, False),
        ({"cpuinfo_cur_freq": "4900000"}, True),
        ({"scaling_cur_freq": "2700000", "base_frequency": "2600000"}, True),
        ({"scaling_cur_freq": "2700000", "base_frequency": "3600000"}, False),
        ({"scaling_cur_freq": "<unknown>"}, None),
        ({}, None),
    ],
)
def test_a_governor_is_held_against_the_speed_of_now(
    tmp_path: Path, files: dict[str, str], holds: bool | None
) -> None:
    at = scope(tmp_path, SPEED | {f"{POLICY}/{leaf}": text for leaf, text in files.items()})
    (proof,) = derived(at, "cpu.governor", "performance")
    assert proof.holds is holds


def test_a_policy_is_written_once_for_all_its_cpus(tmp_path: Path) -> None:
    also = {f"{CPU}/cpu{cpu}/cpufreq/scaling_governor": "performance" for cpu in range(4)}
    (op,) = planned(scope(tmp_path, SPEED | also), "cpu.governor", "powersave")
    assert op.target == f"{POLICY}/scaling_governor"


@pytest.mark.parametrize(
    ("file", "value", "want"),
    [
        (f"{CPU}/intel_pstate/no_turbo", "on", "0"),
        (f"{CPU}/intel_pstate/no_turbo", "off", "1"),
        (f"{CPU}/cpufreq/boost", "on", "1"),
        (f"{POLICY}/boost", "off", "0"),
    ],
)
def test_turbo_is_one_wish_for_switches_of_either_sense(
    tmp_path: Path, file: str, value: str, want: str
) -> None:
    (op,) = planned(scope(tmp_path, {file: "7"}), "cpu.boost", value)
    assert (op.target, op.want) == (file, want)


def test_a_limit_of_max_is_what_the_cpu_has(tmp_path: Path) -> None:
    at = scope(tmp_path, SPEED | {f"{POLICY}/scaling_min_freq": "800000"})
    (op,) = planned(at, "cpu.min-frequency", "max")
    assert (op.before, op.want, op.state) == ("800000", "5000000", State.CHANGE)


@pytest.mark.parametrize(("value", "text"), [("n/a", "n/a"), ("any", "0"), (20, "20")])
def test_no_sleep_and_no_limit_are_not_mistaken_for_one_another(
    tmp_path: Path, value: object, text: str
) -> None:
    files = {f"{CPU}/cpu{cpu}/power/pm_qos_resume_latency_us": "5" for cpu in range(4)}
    ops = planned(scope(tmp_path, files), "cpu.resume-latency", value)
    assert [(op.target.split("/")[5], op.want) for op in ops] == [
        ("cpu1", text),
        ("cpu2", text),
        ("cpu3", text),
    ]


def test_a_bare_zero_is_refused_since_kernels_read_it_as_no_limit() -> None:
    with pytest.raises(ValueError, match="not 1 to 100000 or n/a or any: 0"):
        knob_of("cpu.resume-latency").parse(0)


@pytest.mark.parametrize("says", ["notsupported", "notimplemented", "forceoff"])
def test_threads_that_nobody_can_switch_are_unsupported(tmp_path: Path, says: str) -> None:
    (op,) = planned(scope(tmp_path, {f"{CPU}/smt/control": says}), "cpu.smt", "off")
    assert op.state is State.UNSUPPORTED


def test_threads_stay_when_a_role_would_lose_all_its_cpus(tmp_path: Path) -> None:
    files = {f"{CPU}/smt/control": "on", f"{CPU}/online": "0-3"}
    files |= {
        f"{CPU}/cpu{cpu}/topology/thread_siblings_list": f"{cpu % 2},{cpu % 2 + 2}"
        for cpu in range(4)
    }
    (op,) = planned(scope(tmp_path, files), "cpu.smt", "off")
    assert (op.state, op.why) == (State.DENIED, "all CPUs of the role hot would go")


@pytest.mark.parametrize(
    ("offered", "now", "holds"),
    [("tsc hpet", "tsc", True), ("hpet", "tsc", False), ("tsc hpet", "hpet", False)],
)
def test_a_clock_counts_while_the_kernel_trusts_it(
    tmp_path: Path, offered: str, now: str, holds: bool
) -> None:
    files = {f"{CLOCK}/available_clocksource": offered, f"{CLOCK}/current_clocksource": now}
    (proof,) = derived(scope(tmp_path, files), "kernel.clocksource", "tsc")
    assert proof.holds is holds


# Memory


def test_huge_pages_are_shared_out_over_nodes_and_none_are_taken_away(tmp_path: Path) -> None:
    files = {
        f"{NODE.format(0)}/nr_hugepages": "8",
        f"{NODE.format(1)}/nr_hugepages": "1",
        f"{POOL}/nr_hugepages": "9",
    }
    at = scope(tmp_path, files)
    assert [op.want for op in planned(at, "memory.hugepages-2m", 12)] == ["10", "2"]
    assert [op.state for op in planned(at, "memory.hugepages-2m", 4)] == [State.NOOP] * 2
    (op,) = planned(at, "memory.hugepages-2m", {"node1": 5})
    assert (op.target, op.want) == (f"{NODE.format(1)}/nr_hugepages", "5")


@pytest.mark.parametrize(
    ("there", "free", "holds"), [("16", "16", True), ("12", "12", False), ("16", "0", None)]
)
def test_huge_pages_have_to_be_there_and_free(
    tmp_path: Path, there: str, free: str, holds: bool | None
) -> None:
    at = scope(tmp_path, {f"{POOL}/nr_hugepages": there, f"{POOL}/free_hugepages": free})
    (proof,) = derived(at, "memory.hugepages-2m", 16)
    assert (proof.holds, proof.seen) == (holds, f"{there}, {free} free")


def test_a_node_that_is_not_there_is_unsupported(tmp_path: Path) -> None:
    (op,) = planned(
        scope(tmp_path, {f"{POOL}/nr_hugepages": "0"}), "memory.hugepages-2m", {"node7": 1}
    )
    assert (op.state, op.why) == (State.UNSUPPORTED, "no node7 with huge pages of this size")


@pytest.mark.parametrize("text", ["", "many", "1" * 30, "-1"])
def test_a_garbled_pool_is_an_answer_and_no_traceback(tmp_path: Path, text: str) -> None:
    (op,) = planned(scope(tmp_path, {f"{POOL}/nr_hugepages": text}), "memory.hugepages-2m", 1)
    assert op.state is State.UNSUPPORTED
    assert "not a number" in op.why


@pytest.mark.parametrize(
    ("size", "holds"), [("always inherit [never]", True), ("[always] never", False)]
)
def test_one_size_of_huge_pages_can_overrule_the_choice_for_all(
    tmp_path: Path, size: str, holds: bool
) -> None:
    files = {f"{THP}/enabled": "always madvise [never]", f"{THP}/hugepages-64kB/enabled": size}
    (proof,) = derived(scope(tmp_path, files), "memory.thp", "never")
    assert proof.holds is holds


@pytest.mark.parametrize(
    ("value", "shared", "holds"), [(2, "0", True), (2, "9", False), (0, "9", None)]
)
def test_pages_stay_merged_when_merging_only_stops(
    tmp_path: Path, value: int, shared: str, holds: bool | None
) -> None:
    files = {"/sys/kernel/mm/ksm/run": "0", "/sys/kernel/mm/ksm/pages_shared": shared}
    (proof,) = derived(scope(tmp_path, files), "memory.ksm", value)
    assert proof.holds is holds


@pytest.mark.parametrize(("amount", "state"), [("0", State.CHANGE), ("65536", State.DENIED)])
def test_a_ratio_is_left_alone_where_the_amount_is_told_in_bytes(
    tmp_path: Path, amount: str, state: State
) -> None:
    files = {"/proc/sys/vm/dirty_ratio": "0", "/proc/sys/vm/dirty_bytes": amount}
    (op,) = planned(scope(tmp_path, files), "memory.dirty-ratio", 10)
    assert op.state is state


# The kernel and its interrupts


def test_what_was_asked_of_workqueues_is_put_back_and_not_what_became_of_it(tmp_path: Path) -> None:
    files = {f"{WORK}/cpumask": "3", f"{WORK}/cpumask_requested": "f"}
    (op,) = planned(scope(tmp_path, files), "irq.workqueues", "0-1")
    assert (op.before, op.state) == ("0-3", State.CHANGE)
    (proof,) = derived(scope(tmp_path, files), "irq.workqueues", "0-1")
    assert (proof.holds, proof.seen) == (True, "0-1")


def test_workers_that_may_still_run_elsewhere_are_named(tmp_path: Path) -> None:
    files = {
        f"{WORK}/cpumask": "3",
        "/proc/7/comm": "kworker/u8:1-writeback",
        "/proc/7/status": "Name:\tkworker\nCpus_allowed_list:\t0-3",
        "/proc/8/comm": "kworker/2:1",
        "/proc/8/status": "Cpus_allowed_list:\t2",
        "/proc/9/comm": "kworker/u8:2",
        "/proc/9/status": "Cpus_allowed_list:\t1",
    }
    _, workers = derived(scope(tmp_path, files), "irq.workqueues", "0-1")
    assert (workers.holds, workers.seen) == (None, "kworker/u8:1-writeback 0-3")


@pytest.mark.parametrize(("runtime", "holds"), [("0", True), ("50000000", False), (None, None)])
def test_no_limit_does_not_hold_where_a_server_takes_the_cpu_all_the_same(
    tmp_path: Path, runtime: str | None, holds: bool | None
) -> None:
    files = {"/proc/sys/kernel/sched_rt_runtime_us": "-1"}
    if runtime is not None:
        files |= {
            f"/sys/kernel/debug/sched/fair_server/cpu{cpu}/runtime": runtime for cpu in (2, 3)
        }
    assert {one.holds for one in derived(scope(tmp_path, files), "kernel.rt-runtime", -1)} == {
        holds
    }


@pytest.mark.parametrize(("online", "state"), [("0-3", State.CHANGE), ("2-3", State.DENIED)])
def test_no_limit_for_real_time_takes_a_cpu_that_is_left_for_the_rest(
    tmp_path: Path, online: str, state: State
) -> None:
    files = {"/proc/sys/kernel/sched_rt_runtime_us": "950000", f"{CPU}/online": online}
    (op,) = planned(scope(tmp_path, files), "kernel.rt-runtime", -1)
    assert op.state is state


def test_interrupts_of_a_card_that_must_not_be_touched_stay_where_they_are(tmp_path: Path) -> None:
    files = {f"/proc/irq/{irq}/smp_affinity_list": "0-3" for irq in (40, 41)}
    files["/sys/class/net/eth0/device/msi_irqs/41"] = "msix"
    at = scope(tmp_path, files, eth0="carries the default route")
    states = {
        op.target.split("/")[3]: (op.state, op.why) for op in planned(at, "irq.affinity", "0")
    }
    assert states["40"] == (State.CHANGE, "")
    assert states["41"] == (State.DENIED, "eth0 carries the default route")


@pytest.mark.parametrize("between", ["", "/virtio2"])
@pytest.mark.parametrize("is_here", [True, False])
def test_interrupts_of_a_card_in_another_network_namespace_stay_where_they_are(
    tmp_path: Path, between: str, is_here: bool
) -> None:
    card = "/sys/bus/pci/devices/0000:00:03.0"
    files = {"/proc/irq/41/smp_affinity_list": "0-3", f"{card}/msi_irqs/41": "msix"}
    if is_here:
        files |= {"/sys/class/net/eth0/mtu": "1500", f"{card}{between}/net/eth0/mtu": "1500"}
    at = scope(tmp_path, files)
    (tmp_path / f"{card}{between}/net".lstrip("/")).mkdir(parents=True, exist_ok=True)
    (op,) = planned(at, "irq.affinity", "0")
    assert op.state is (State.CHANGE if is_here else State.DENIED)
    assert ("another network namespace" in op.why) is not is_here


def test_an_interrupt_that_the_kernel_manages_is_denied_before_it_is_tried(tmp_path: Path) -> None:
    at = scope(tmp_path, {"/proc/irq/36/smp_affinity_list": "0-3"})
    (tmp_path / "proc/irq/36/smp_affinity_list").chmod(0o444)
    (op,) = planned(at, "irq.affinity", "0")
    assert (op.state, op.why[:21]) == (State.DENIED, "managed by the kernel")


def test_an_interrupt_that_has_not_come_since_is_not_called_refused(tmp_path: Path) -> None:
    files = {"/proc/irq/9/smp_affinity_list": "0", "/proc/irq/9/effective_affinity_list": "3"}
    (proof,) = derived(scope(tmp_path, files), "irq.affinity", "0")
    assert (proof.holds, proof.why) == (None, "it moves when it next comes")


# Arguments of the kernel


@pytest.mark.parametrize(
    ("cmdline", "name", "value", "state"),
    [
        ("a skew-tick=1", "boot.skew_tick", "1", State.NOOP),
        ("isolcpus=domain,managed_irq,3,2", "boot.isolcpus", "managed_irq,domain,2-3", State.NOOP),
        ("isolcpus=domain,2-3", "boot.isolcpus", "managed_irq,domain,2-3", State.REBOOT),
        ("hugepagesz=1G hugepages=4 hugepagesz=2M", "boot.hugepagesz", "1G", State.NOOP),
        ("quiet -- skew_tick=1", "boot.skew_tick", "1", State.REBOOT),
        ('dyndbg="file a.c +p skew_tick=1"', "boot.skew_tick", "1", State.REBOOT),
        ("nosoftlockup", "boot.nosoftlockup", "", State.NOOP),
        ("nosoftlockup=0", "boot.nosoftlockup", "", State.REBOOT),
    ],
)
def test_an_argument_is_looked_up_as_the_kernel_reads_it(
    tmp_path: Path, cmdline: str, name: str, value: str, state: State
) -> None:
    at = scope(tmp_path, {"/proc/cmdline": cmdline, f"{CPU}/isolated": "2-3"})
    (op,) = planned(at, name, value)
    assert op.state is state
    assert op.setting is None


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("boot.isolcpus", "managed_irq,domain,0-3", State.DENIED),
        ("boot.isolcpus", "domain,all", State.DENIED),
        ("boot.nohz_full", "0-7", State.DENIED),
        ("boot.nohz_full", "1-3", State.REBOOT),
        ("boot.rcu_nocbs", "0-3", State.REBOOT),
    ],
)
def test_no_argument_is_asked_for_that_leaves_a_machine_without_a_cpu(
    tmp_path: Path, name: str, value: str, state: State
) -> None:
    files = {"/proc/cmdline": "quiet", f"{CPU}/online": "0-3"}
    (op,) = planned(scope(tmp_path, files), name, value)
    assert op.state is state


@pytest.mark.parametrize(("clock", "holds"), [("tsc", True), ("hpet", False)])
def test_an_argument_is_held_against_what_the_kernel_shows(
    tmp_path: Path, clock: str, holds: bool
) -> None:
    files = {"/proc/cmdline": "tsc=reliable", f"{CLOCK}/current_clocksource": clock}
    (proof,) = derived(scope(tmp_path, files), "boot.tsc", "reliable")
    assert proof.holds is holds
