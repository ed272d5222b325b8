"""The fingerprint: what it covers, that it keeps its word, and that its reference is true."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hosts_tree
import pytest

from harness.measure.fingerprint import (
    FINGERPRINT,
    PARTS,
    common_parts,
    differences,
    fingerprint,
    part_hashes,
    reference,
)
from harness.measure.provenance import collect as environment
from harness.tuning.facts import READERS, collect

ROOT = Path(__file__).parents[2]
CPU = "/sys/devices/system/cpu"
HOST_PARTS = ("hardware", "firmware", "kernel", "tuning", "nic")

Plain = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tuned tree, to be changed by one test after the other."""
    return hosts_tree.load("tuned-bare-metal", tmp_path_factory.mktemp("tuned"))


def facts_of(root: Path, changes: Mapping[str, str | None] | None = None) -> Plain:
    with hosts_tree.changed(root, changes or {}):
        return {name: fact.as_json() for name, fact in collect(root).items()}


@pytest.fixture(scope="module")
def tuned(root: Path) -> Plain:
    return facts_of(root)


def test_every_field_is_in_one_part_and_is_a_fact_that_is_collected(tmp_path: Path) -> None:
    collected = environment(root=tmp_path, checkout=tmp_path)["facts"]
    assert len(set(FINGERPRINT)) == len(FINGERPRINT)
    assert set(FINGERPRINT) <= set(collected)


def test_it_is_a_documented_hash_that_anybody_can_recompute() -> None:
    facts = {"cpu.model": {"value": "\u00b5-chip"}, "host.name": {"value": "elsewhere"}}
    subset: dict[str, Any] = dict.fromkeys(FINGERPRINT) | {"cpu.model": "\u00b5-chip"}
    text = json.dumps(subset, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert fingerprint(facts) == hashlib.sha256(text.encode()).hexdigest()


PREFERENCE = f"{CPU}/cpu7/cpufreq/energy_performance_preference"
MATTERS: list[tuple[str, str, str | None, str]] = [
    # part, file, its new text, the field
    ("hardware", f"{CPU}/cpu5/topology/core_id", "77\n", "cpu.core"),
    ("hardware", "/sys/class/dmi/id/product_name", "EX-1\n", "host.product"),
    ("firmware", "/sys/class/dmi/id/bios_version", "9\n", "host.bios_version"),
    ("kernel", "/proc/cmdline", "ro mitigations=off\n", "kernel.cmdline"),
    ("kernel", "/proc/sys/kernel/version", "#2 SMP\n", "kernel.version"),
    ("tuning", f"{CPU}/isolated", "2-14\n", "cpu.isolated"),
    ("tuning", PREFERENCE, "powersave\n", "cpu.energy_preference"),
    ("tuning", f"{CPU}/cpu7/cpuidle/state1/disable", "1\n", "cpu.idle_states"),
    ("tuning", f"{CPU}/cpu7/cpufreq/scaling_governor", None, "cpu.governor"),
    ("tuning", "/proc/77/stat", "77 (irqbalance) S 1 7 7 0 -1 256 9\n", "service.irqbalance"),
    ("nic", "/sys/class/net/eth2/device/current_link_width", "4\n", "nic.pcie"),
]


@pytest.mark.parametrize(("part", "file", "text", "field"), MATTERS, ids=[m[3] for m in MATTERS])
def test_a_change_that_matters_is_named_with_its_part(
    root: Path, tuned: Plain, part: str, file: str, text: str | None, field: str
) -> None:
    other = facts_of(root, {file: text})
    assert [(one.part, one.name) for one in differences(tuned, other)] == [(part, field)]
    assert fingerprint(tuned) != fingerprint(other)
    mine, theirs = part_hashes(tuned), part_hashes(other)
    assert [name for name in PARTS if mine[name] != theirs[name]] == [part]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("/proc/sys/kernel/hostname", "other\n"),
        ("/proc/sys/kernel/random/boot_id", "1-2-3\n"),
        ("/proc/loadavg", "3.0 2.0 1.0 4/400 12\n"),
        ("/proc/stat", "cpu0 1 1 1 1 1 1 1 9 0 0\n"),
        ("/proc/irq/61/effective_affinity_list", "1\n"),
        (f"{CPU}/cpu0/cpufreq/scaling_cur_freq", "3099999\n"),
        ("/clock/adjtimex", "status: 64\nmaxerror: 9\n"),
        ("/proc/self/limits", "Max locked memory 5 5 bytes\n"),
        ("/proc/902/stat", "902 (sh) S 1 7 7 0 -1 256 9\n"),
    ],
)
def test_what_changes_by_itself_does_not_change_it(
    root: Path, tuned: Plain, file: str, text: str
) -> None:
    other = facts_of(root, {file: text})
    assert other != tuned
    assert differences(tuned, other) == []
    assert fingerprint(tuned) == fingerprint(other)


def test_a_difference_has_both_values(root: Path, tuned: Plain) -> None:
    (one,) = differences(tuned, facts_of(root, {f"{CPU}/isolated": None}))
    assert one.as_json() == {
        "part": "tuning",
        "name": "cpu.isolated",
        "ours": list(range(2, 16)),
        "theirs": None,
    }


def test_true_is_not_one(tuned: Plain) -> None:
    other = {**tuned, "service.irqbalance": {"value": 0}}
    assert [one.name for one in differences(tuned, other)] == ["service.irqbalance"]


def test_a_host_on_which_nothing_was_run_is_compared_by_its_other_parts(
    root: Path, tuned: Plain
) -> None:
    run = environment(root=root, checkout=root)
    parts = common_parts(run["facts"], tuned)
    assert parts == HOST_PARTS
    assert differences(run["facts"], tuned, parts) == []
    assert fingerprint(run["facts"], parts) == fingerprint(tuned, parts)
    assert differences(run["facts"], tuned) != []


@pytest.mark.parametrize(
    "facts",
    [
        {"cpu.model": None},
        {"cpu.model": {"value": "\ud800"}},
        {"cpu.model": {"value": {"a": [1, None, float("nan")]}}},
        {"cpu.model": 5, "kernel.release": []},
    ],
)
def test_rubbish_from_a_file_has_a_fingerprint_too(facts: Any) -> None:
    assert len(fingerprint(facts)) == 64
    assert differences(facts, facts) == []


def test_the_facts_that_it_leaves_out_are_those_that_say_nothing_of_speed() -> None:
    """Whoever adds a fact decides whether it belongs to the fingerprint, and says so here."""
    left_out = READERS.keys() - set(FINGERPRINT)
    families = {name.partition(".")[0] for name in left_out}
    assert {"load", "process", "perf", "tools", "network", "irq", "clock"} <= families
    assert sorted(n for n in left_out if n.startswith(("cpu.", "kernel.", "host.", "nic."))) == [
        "cpu.frequency_khz",
        "cpu.missing_for_build",
        "cpu.siblings",
        "cpu.smt_control",
        "cpu.thread_siblings",
        "cpu.throttle_count",
        "host.boot_id",
        "host.name",
        "host.production",
        "kernel.hung_task_timeout_s",
        "kernel.kthreads_on",
        "kernel.soft_watchdog",
        "kernel.tainted",
        "nic.irqs",
        "nic.names",
        "nic.protected",
        "nic.queues",
    ]


def test_the_reference_says_what_the_code_does() -> None:
    assert (ROOT / "docs/reference/fingerprint.md").read_text() == reference()
