"""Knobs that lie in files: what may be asked, which files that means, and what came of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.tuning.host import Host
from harness.tuning.knobs import CATALOGUE, ORDER, knob_of
from harness.tuning.knobs.base import Op, Roles, Scope, State, Wish
from harness.tuning.knobs.files import FileKnob
from harness.tuning.knobs.nic import KNOBS as OF_CARDS
from harness.tuning.settings import setting_of

NAMES = sorted(CATALOGUE)
ROLES = Roles(hot=(2, 3), irq=(0,), housekeeping=(0, 1))


def scope(root: Path, files: dict[str, str]) -> Scope:
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return Scope(Host(root), ROLES)


def planned(at: Scope, knob: str, value: object) -> list[Op]:
    found = knob_of(knob)
    return found.plan(at, Wish(knob, found.parse(value)))


@pytest.mark.parametrize("name", NAMES)
def test_every_knob_says_what_it_is_good_for(name: str) -> None:
    said = CATALOGUE[name].describe()
    assert all(said[key] for key in ("title", "why", "values", "source"))
    assert said["why"].strip(".")
    assert CATALOGUE[name].family in ORDER


def test_there_are_enough_knobs_and_no_id_twice() -> None:
    assert len(CATALOGUE) >= 65
    assert len(OF_CARDS) == sum(name.startswith("nic.") for name in CATALOGUE)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value", [None, [], {"..": "../x"}, "../../etc", "1\n2", "\x1b[2J", float("nan"), 10**30, "-o"]
)
def test_a_hostile_value_is_refused_in_one_line(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"not|no") as caught:
        CATALOGUE[name].parse(value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_a_knob_that_the_host_lacks_is_unsupported(tmp_path: Path) -> None:
    (op,) = planned(scope(tmp_path, {}), "memory.swappiness", 1)
    assert (op.state, op.why) == (State.UNSUPPORTED, "no such file")


def test_a_setting_that_holds_is_left_alone(tmp_path: Path) -> None:
    at = scope(tmp_path, {"/proc/sys/vm/swappiness": "1"})
    (op,) = planned(at, "memory.swappiness", 1)
    assert (op.state, op.before, op.want) == (State.NOOP, "1", "1")
    (op,) = planned(at, "memory.swappiness", 2)
    assert op.state is State.CHANGE


def test_only_hot_cpus_lose_their_idle_states(tmp_path: Path) -> None:
    files = {
        f"/sys/devices/system/cpu/cpu{cpu}/cpuidle/state{state}/disable": "0"
        for cpu in range(4)
        for state in range(3)
    }
    ops = planned(scope(tmp_path, files), "cpu.idle-states", 1)
    changed = [op.target for op in ops if op.state is State.CHANGE]
    assert changed == [
        f"/sys/devices/system/cpu/cpu{cpu}/cpuidle/state2/disable" for cpu in ROLES.hot
    ]


def test_every_cpu_gets_its_governor(tmp_path: Path) -> None:
    files = {
        f"/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor": "powersave"
        for cpu in (0, 2, 10)
    }
    ops = planned(scope(tmp_path, files), "cpu.governor", "performance")
    assert [op.target.split("/")[5] for op in ops] == ["cpu0", "cpu2", "cpu10"]


def test_every_interrupt_is_planned_and_where_it_goes_in_effect_is_looked_up(
    tmp_path: Path,
) -> None:
    at = scope(
        tmp_path,
        {
            "/proc/irq/9/smp_affinity_list": "0-3",
            "/proc/irq/9/effective_affinity_list": "3",
            "/proc/irq/10/smp_affinity_list": "0",
            "/proc/irq/10/effective_affinity_list": "",
            "/proc/irq/11/smp_affinity_list": "0-1",
            "/proc/irq/11/effective_affinity_list": "0",
        },
    )
    ops = planned(at, "irq.affinity", "0")
    assert [op.state for op in ops] == [State.CHANGE, State.NOOP, State.CHANGE]
    proofs = knob_of("irq.affinity").derived(at, Wish("irq.affinity", "0"))
    assert [proof.holds for proof in proofs] == [False, None, True]


def test_fewer_huge_pages_than_asked_for_do_not_hold(tmp_path: Path) -> None:
    folder = "/sys/kernel/mm/hugepages/hugepages-2048kB"
    at = scope(tmp_path, {f"{folder}/nr_hugepages": "7", f"{folder}/free_hugepages": "7"})
    (proof,) = knob_of("memory.hugepages-2m").derived(at, Wish("memory.hugepages-2m", "16"))
    assert (proof.holds, proof.seen) == (False, "7, 7 free")
    (op,) = planned(at, "memory.hugepages-2m", 16)
    assert op.setting is not None
    assert op.setting.rounds


def test_hyperthreads_are_looked_up_where_they_show(tmp_path: Path) -> None:
    at = scope(
        tmp_path,
        {
            "/sys/devices/system/cpu/smt/control": "off",
            "/sys/devices/system/cpu/smt/active": "1",
        },
    )
    (proof,) = knob_of("cpu.smt").derived(at, Wish("cpu.smt", "off"))
    assert proof.holds is False


@pytest.mark.parametrize(
    ("cmdline", "isolated", "state"),
    [
        ("quiet", "", State.REBOOT),
        ("quiet isolcpus=domain,2-3", "2-3", State.NOOP),
        ("quiet isolcpus=domain,2-3", "", State.INEFFECTIVE),
        ("quiet isolcpus=domain,2-3 isolcpus=domain,1", "1", State.REBOOT),
        ("quiet xisolcpus=domain,2-3", "", State.REBOOT),
    ],
)
def test_a_kernel_argument_counts_by_what_came_of_it(
    tmp_path: Path, cmdline: str, isolated: str, state: State
) -> None:
    at = scope(tmp_path, {"/proc/cmdline": cmdline, "/sys/devices/system/cpu/isolated": isolated})
    (op,) = planned(at, "boot.isolcpus", "domain,2-3")
    assert (op.state, op.setting, op.want) == (state, None, "isolcpus=domain,2-3")


@pytest.mark.parametrize("name", ["boot.", "boot.--init", "boot.a b", "boot", "no.such"])
def test_what_is_no_kernel_argument_is_no_knob(name: str) -> None:
    with pytest.raises(KeyError):
        knob_of(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("boot.mitigations", "off"),
        ("boot.nopti", ""),
        ("boot.spec_store_bypass_disable", "off"),
        ("boot.spectre-v2", "off"),
        ("boot.init", "/bin/sh"),
        ("boot.lockdown", "none"),
    ],
)
def test_what_protects_a_machine_is_never_asked_for(tmp_path: Path, name: str, value: str) -> None:
    """REBOOT would print it as something to do."""
    (op,) = planned(scope(tmp_path, {"/proc/cmdline": "quiet"}), name, value)
    assert (op.state, op.setting, op.lease) == (State.DENIED, None, None)
    assert op.why.endswith("is for people to decide, and never asked for by this tool")


def test_a_mitigation_that_people_decided_on_is_only_shown(tmp_path: Path) -> None:
    (op,) = planned(
        scope(tmp_path, {"/proc/cmdline": "mitigations=off"}), "boot.mitigations", "off"
    )
    assert op.state is State.NOOP


@pytest.mark.parametrize(
    "name", sorted(name for name, knob in CATALOGUE.items() if isinstance(knob, FileKnob))
)
def test_every_file_of_a_knob_comes_back_from_a_journal(name: str) -> None:
    """What setting_of() refuses could be written, and never be put back."""
    knob = CATALOGUE[name]
    assert isinstance(knob, FileKnob)
    for pattern in knob.files:
        setting = knob.setting(pattern.replace("[0-9]*", "1").replace("*", "1").format(cpu=1))
        assert setting_of(setting.as_json()) == setting
