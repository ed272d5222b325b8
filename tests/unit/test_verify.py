"""`verify`: an untouched run verifies, and one changed byte has a name."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_dirs import VARIANTS, Variant, build

from harness.report.junit import junit_xml
from harness.report.openmetrics import openmetrics
from harness.run import artifacts
from harness.run.artifacts import RunDir, RunDirError
from harness.run.verify import summary, verify


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a file of every kind, JUnit and OpenMetrics included."""
    out = tmp_path_factory.mktemp("sealed")
    done = build(out, "good", blocks=10)
    run = json.loads((done / "run.json").read_text())
    again = RunDir(done.rename(out / f"{done.name}.partial"), done.name)
    (again.path / "SHA256SUMS").unlink()
    again.write_text("junit.xml", junit_xml(run))
    again.write_text("metrics.prom", openmetrics(run))
    again.write_text("report.html", "<!doctype html><title>run</title>")
    again.write_bytes("audit.bin", bytes(1000))
    return again.finish()


@pytest.fixture
def copy(sealed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sealed, tmp_path / sealed.name))


def _reseal(path: Path) -> None:
    """What somebody does who edits a file and then makes the sums fit."""
    names = sorted(p.name for p in path.iterdir() if p.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256((path / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (path / "SHA256SUMS").write_text("".join(lines))


def _edit(path: Path, change: Callable[[Any], object]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(artifacts.dumps(value))


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_untouched_run_verifies(tmp_path: Path, variant: Variant) -> None:
    done = build(tmp_path, variant, blocks=5)
    assert verify(done) == []
    assert "verified" in summary(done, [])


def test_a_run_verifies_wherever_it_is_called_from(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sealed)
    assert verify(Path()) == []


@pytest.mark.parametrize("where", [0.0, 0.31, 0.62, 0.999])
def test_one_changed_byte_in_any_file_is_found_and_named(copy: Path, where: float) -> None:
    names = sorted(p.name for p in copy.iterdir())
    assert len(names) > 20
    for name in names:
        path = copy / name
        before = path.read_bytes()
        at = int(where * (len(before) - 1))
        path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
        problems = verify(copy)
        assert any(name in problem for problem in problems), (name, problems)
        if name != "SHA256SUMS":
            assert problems[0].startswith(f"{name}: changed")
        path.write_bytes(before)
    assert verify(copy) == []


def test_every_single_byte_of_the_sums_is_guarded(copy: Path) -> None:
    path = copy / "SHA256SUMS"
    before = path.read_bytes()
    for at in range(0, len(before), 37):
        path.write_bytes(before[:at] + bytes([before[at] ^ 4]) + before[at + 1 :])
        assert any("SHA256SUMS" in problem for problem in verify(copy))


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "e2e.wire.hlog").unlink()
    assert verify(copy) == ["e2e.wire.hlog: missing, SHA256SUMS lists it"]


def test_a_file_that_was_never_sealed_is_named(copy: Path) -> None:
    (copy / "note.txt").write_text("all good, trust me")
    assert verify(copy) == ["note.txt: not listed in SHA256SUMS"]


def test_a_link_does_not_stand_in_for_a_file(copy: Path, tmp_path: Path) -> None:
    (copy / "env.json").rename(tmp_path / "env.json")
    (copy / "env.json").symlink_to(tmp_path / "env.json")
    assert verify(copy) == ["env.json: not a plain file"]


def test_a_link_beside_the_files_is_named(copy: Path) -> None:
    (copy / "extra").symlink_to("/etc/hostname")
    assert verify(copy) == ["extra: not listed in SHA256SUMS"]


@pytest.mark.parametrize("name", ["noise.json", "matrix.yaml", "scenario.yaml", "env.json"])
def test_a_run_sealed_without_a_needed_file_is_not_verified(copy: Path, name: str) -> None:
    (copy / name).unlink()
    _reseal(copy)
    assert f"{name}: missing" in verify(copy)


def _row(run: Any, name: str) -> Any:
    rows = (row for group in run["score"]["groups"] for row in group["rows"])
    return next(row for row in rows if row["id"] == name)


def _set(path: str, value: object) -> Callable[[Any], object]:
    """A value by its path; the name of a fact, which has a dot in it, is one step."""

    def change(run: Any) -> None:
        *steps, last = path.split(".")
        if steps[:1] == ["facts"]:
            steps = ["facts", ".".join(steps[1:])]
        for step in steps:
            run = run[step]
        run[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_set("verdict.state", "READY"), "verdict.state: 'READY', recomputed 'INCONCLUSIVE'"),
        (_set("verdict.exit_code", 0), "verdict.exit_code: 0, recomputed 75"),
        (_set("verdict.reasons", []), "verdict.reasons: 0 entries"),
        (_set("score.floor", 99.0), "score.floor: 99.0, recomputed 34.0"),
        (_set("score.band_floor", "Excellent"), "score.band_floor: 'Excellent'"),
        (lambda run: _row(run, "end_to_end").update(state="FAIL"), "rows[end_to_end].state"),
        (lambda run: _row(run, "network_rtt").update(score_floor=100), "rows[network_rtt]"),
        (lambda run: run["metrics"].pop(), "metrics: "),
        (
            lambda run: run["metrics"][0].update(value=1.0),
            "metrics[clock.precision].value: 1.0, recomputed 46.0",
        ),
        (
            lambda run: next(m for m in run["metrics"] if m["id"] == "e2e.wire")[
                "percentiles"
            ].update({"p99": 1.0}),
            "metrics[e2e.wire].percentiles.p99: 1.0",
        ),
    ],
)
def test_a_judgement_that_the_raw_files_do_not_give_is_named(
    copy: Path, change: Callable[[Any], object], named: str
) -> None:
    _edit(copy / "run.json", change)
    _reseal(copy)
    problems = verify(copy)
    assert any(p.startswith("run.json: ") and named in p for p in problems), problems


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_set("qualification.qualified", False), "qualification.qualified: False, recomputed True"),
        (_set("qualification.reasons", ["none"]), "qualification.reasons: 1 entries, recomputed 0"),
        (_set("facts.host.hypervisor.value", "kvm"), "rows[host.hypervisor].state: 'ok'"),
        (_set("facts.run.cpus.value", {"engine": "0"}), "rows[noise.lost].state: 'ok'"),
        (lambda env: env.pop("qualification"), "qualification: missing"),
        (lambda env: env.pop("facts"), "rows[kernel.isolated].state: 'ok', recomputed 'unknown'"),
    ],
)
def test_a_qualification_that_the_facts_do_not_give_is_named(
    copy: Path, change: Callable[[Any], object], named: str
) -> None:
    _edit(copy / "env.json", change)
    _reseal(copy)
    problems = verify(copy)
    assert any(p.startswith("env.json: ") and named in p for p in problems), problems


def test_a_noise_floor_exchanged_after_the_run_changes_the_qualification(copy: Path) -> None:
    _edit(copy / "noise.json", lambda noise: noise["floor"][0].update(max_ns=90_000.0))
    _reseal(copy)
    assert any("qualification.rows[noise.gap].state" in problem for problem in verify(copy))


def test_a_histogram_that_was_swapped_changes_the_figures(copy: Path) -> None:
    lines = (copy / "e2e.wire.hlog").read_text().splitlines(keepends=True)
    (copy / "e2e.wire.hlog").write_text("".join(lines[:-1]))
    _reseal(copy)
    problems = verify(copy)
    assert any("metrics[e2e.wire].n" in p for p in problems)
    assert any("rows[end_to_end].state" in p for p in problems)


def test_a_target_loosened_after_the_run_changes_the_verdict(copy: Path) -> None:
    text = (copy / "matrix.yaml").read_text()
    (copy / "matrix.yaml").write_text(text.replace("value: 2000, unit: ns", "value: 20, unit: ns"))
    _reseal(copy)
    assert any("rows[end_to_end]" in problem for problem in verify(copy))


def test_a_scenario_exchanged_after_the_run_is_named(copy: Path) -> None:
    (copy / "scenario.yaml").write_text("name: other\n")
    _reseal(copy)
    assert any(p.startswith("scenario.yaml: not the scenario") for p in verify(copy))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_set("surprise", 1), "'surprise' was unexpected"),
        (_set("status", "fine"), "$.status: 'fine' is not one of"),
        (lambda run: run.pop("checks"), "'checks' is a required property"),
        (_set("score.floor", 101), "$.score.floor: 101 is greater than the maximum of 100"),
    ],
)
def test_a_document_outside_the_schema_is_named(
    copy: Path, change: Callable[[Any], object], named: str
) -> None:
    _edit(copy / "run.json", change)
    _reseal(copy)
    problems = verify(copy)
    assert all(p.startswith("run.json: ") for p in problems)
    assert any(named in p for p in problems)


def test_a_run_under_another_name_is_named(copy: Path) -> None:
    moved = copy.rename(copy.with_name("20990101T000000Z-abcdef"))
    assert any("the directory is called" in problem for problem in verify(moved))


def test_a_raw_file_that_lacks_what_a_judgement_reads_is_no_traceback(copy: Path) -> None:
    (copy / "noise.json").write_text("{}\n")
    _reseal(copy)
    assert any("cannot be judged again" in problem for problem in verify(copy))


def test_a_damaged_log_that_was_sealed_again_is_named_by_line(copy: Path) -> None:
    text = (copy / "null.wire.hlog").read_text()
    (copy / "null.wire.hlog").write_text(text[:-30] + "!" + text[-29:])
    _reseal(copy)
    assert any(problem.startswith("null.wire.hlog:7: ") for problem in verify(copy))


def test_a_log_cut_short_is_damage_in_a_complete_run(copy: Path) -> None:
    text = (copy / "null.wire.hlog").read_text()
    (copy / "null.wire.hlog").write_text(text[:-30])
    _reseal(copy)
    assert "null.wire.hlog:7: cut in the middle of a line" in verify(copy)


def test_a_log_cut_short_is_what_a_run_that_was_cut_off_has(tmp_path: Path) -> None:
    done = build(tmp_path, "incomplete")
    text = (done / "soak.wire.hlog").read_text()
    (done / "soak.wire.hlog").write_text(text[:-30])
    _reseal(done)
    assert all("soak.wire" in problem for problem in verify(done))


def test_a_partial_run_is_refused_and_not_verified(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    with pytest.raises(RunDirError, match="cut off"):
        verify(run.path)


def test_the_summary_counts_problems(tmp_path: Path) -> None:
    assert summary(tmp_path, ["a", "b"]).endswith("NOT verified, 2 problems")
