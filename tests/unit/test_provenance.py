"""env.json: every fact has a source, every absence a reason, and the fingerprint is theirs."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import host_trees as trees
import pytest

import harness
from harness.measure.fingerprint import FINGERPRINT, differences, fingerprint, part_hashes
from harness.measure.provenance import collect

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout with one committed file."""
    path = tmp_path / "checkout"
    path.mkdir()
    (path / "a.txt").write_text("one\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", str(path), *words], check=True, capture_output=True)
    return path


def env(root: Path, changes: dict[str, str] | None = None) -> dict[str, Any]:
    return collect(root=trees.plant(root, changes), checkout=root)


def test_every_fact_has_a_source_and_either_a_value_or_a_reason(tmp_path: Path) -> None:
    for name, fact in collect(root=trees.plant(tmp_path), cpus={"engine": 1})["facts"].items():
        assert set(fact) == {"value", "source", "reason"}, name
        assert fact["source"], name
        assert (fact["value"] is None) == (fact["reason"] is not None), name


def test_the_record_survives_json(tmp_path: Path) -> None:
    record = env(tmp_path)
    assert json.loads(json.dumps(record)) == record


def test_the_fingerprint_is_that_of_the_facts_in_the_record(tmp_path: Path) -> None:
    record = env(tmp_path)
    assert record["fingerprint"] == {
        "sha256": fingerprint(record["facts"]),
        "parts": part_hashes(record["facts"]),
        "fields": list(FINGERPRINT),
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (trees.changed("proc/cpuinfo", "0xa101144", "0xa101148"), "cpu.microcode"),
        (trees.changed("proc/cpuinfo", " fma", ""), "cpu.flags_sha256"),
        ({"proc/cmdline": "root=/dev/sda1 mitigations=off\n"}, "kernel.cmdline"),
        ({"proc/sys/kernel/osrelease": "6.12.2\n"}, "kernel.release"),
        ({"sys/devices/system/cpu/isolated": "\n"}, "cpu.isolated"),
        ({"sys/class/dmi/id/bios_version": "2.2\n"}, "host.bios_version"),
    ],
)
def test_a_change_that_matters_changes_the_fingerprint_and_is_named(
    tmp_path: Path, changes: dict[str, str], field: str
) -> None:
    before, after = env(tmp_path / "a"), env(tmp_path / "b", changes)
    assert before["fingerprint"]["sha256"] != after["fingerprint"]["sha256"]
    assert [one.name for one in differences(before["facts"], after["facts"])] == [field]


@pytest.mark.parametrize(
    "changes",
    [
        {"proc/sys/kernel/hostname": "other\n"},
        {"proc/loadavg": "3.0 2.0 1.0 4/400 12\n"},
        trees.changed("proc/meminfo", "61000000", "50000000"),
    ],
)
def test_what_changes_by_itself_does_not_change_the_fingerprint(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    before, after = env(tmp_path / "a"), env(tmp_path / "b", changes)
    assert before["facts"] != after["facts"]
    assert before["fingerprint"] == after["fingerprint"]
    assert differences(before["facts"], after["facts"]) == []


def test_a_clean_checkout_is_named_by_its_revision(tmp_path: Path, checkout: Path) -> None:
    facts = collect(root=trees.plant(tmp_path / "host"), checkout=checkout)["facts"]
    assert len(facts["source.revision"]["value"]) == 40
    assert facts["source.changes_sha256"]["value"] == "clean"


def test_an_edited_checkout_is_not_called_clean(tmp_path: Path, checkout: Path) -> None:
    (checkout / "a.txt").write_text("two\n")
    facts = collect(root=trees.plant(tmp_path / "host"), checkout=checkout)["facts"]
    assert len(facts["source.changes_sha256"]["value"]) == 64


def test_a_tree_without_git_says_that_there_is_none(tmp_path: Path) -> None:
    fact = env(tmp_path)["facts"]["source.revision"]
    assert fact["value"] is None
    assert fact["reason"] == "not run from a checkout"


def test_a_broken_checkout_says_what_git_said(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    fact = collect(root=trees.plant(tmp_path), checkout=tmp_path)["facts"]["source.revision"]
    assert fact["value"] is None
    assert fact["reason"]


def test_the_version_of_the_harness_is_that_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert harness.__version__ == project["version"]
