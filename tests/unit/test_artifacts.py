"""The run directory: whole or visibly not, sealed, never overwritten."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from run_dirs import RUN_ID, build

from harness.errors import ExitCode
from harness.measure.histogram import Histogram
from harness.run import artifacts
from harness.run.artifacts import RunDir, RunDirError, open_run, read_json, read_jsonl, read_sums


def test_an_id_sorts_by_time_and_does_not_collide() -> None:
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    one, two = artifacts.new_id(when), artifacts.new_id(when)
    assert one.startswith("20260102T030405Z-")
    assert one != two


def test_a_run_is_partial_until_it_is_finished(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path / "runs", RUN_ID)
    run.write_json("run.json", {"id": run.id})
    assert run.path == tmp_path / "runs" / f"{RUN_ID}.partial"
    assert not (tmp_path / "runs" / RUN_ID).exists()
    assert run.finish() == tmp_path / "runs" / RUN_ID
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [RUN_ID]


def test_the_sums_cover_every_file_and_are_those_of_sha256sum(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, RUN_ID)
    run.write_json("run.json", {"b": 1, "a": 2})
    run.write_bytes("audit.bin", bytes(range(256)))
    run.append_jsonl("series.jsonl", {"kind": "trial"})
    with run.hlog("m.hlog", "ns") as log:
        log.append("m", 0.0, 1.0, Histogram.from_values([1, 2, 3]))
    done = run.finish()
    sums = read_sums(done)
    assert set(sums) == {"run.json", "audit.bin", "series.jsonl", "m.hlog"}
    assert sums["audit.bin"] == hashlib.sha256(bytes(range(256))).hexdigest()
    tool = shutil.which("sha256sum")
    if tool is None:
        pytest.skip("no sha256sum on this machine")
    subprocess.run([tool, "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=done, check=True)


def test_json_is_sorted_and_refuses_what_is_no_number(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, RUN_ID)
    path = run.write_json("env.json", {"b": 1, "a": "ü"})
    assert path.read_text().index('"a"') < path.read_text().index('"b"')
    assert read_json(path) == {"a": "ü", "b": 1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.write_json("noise.json", {"x": float("nan")})


def test_nothing_is_written_twice_but_the_judgement_into_run_json(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, RUN_ID)
    run.write_json("run.json", {"id": run.id})
    with pytest.raises(RunDirError, match="never overwritten"):
        run.write_json("run.json", {})
    run.rewrite_json("run.json", {"id": run.id, "verdict": {}})
    assert read_json(run.path / "run.json") == {"id": run.id, "verdict": {}}
    assert [p.name for p in run.path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/x", "", ".hidden", "SHA256SUMS", "a\nb"])
def test_a_name_that_could_leave_the_directory_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunDirError, match="not a name"):
        RunDir.create(tmp_path, RUN_ID).write_text(name, "x")


@pytest.mark.parametrize("state", ["", ".partial"])
def test_a_run_that_is_there_is_never_overwritten(tmp_path: Path, state: str) -> None:
    (tmp_path / (RUN_ID + state)).mkdir()
    with pytest.raises(RunDirError, match="exists already"):
        RunDir.create(tmp_path, RUN_ID)


def test_finishing_into_a_name_that_was_taken_meanwhile_is_refused(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, RUN_ID)
    (tmp_path / RUN_ID).mkdir()
    with pytest.raises(RunDirError, match="never overwritten"):
        run.finish()


def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RunDirError) as caught:
        RunDir.create(blocked / "runs")
    assert "\n" not in str(caught.value)
    assert str(blocked) in str(caught.value)
    assert caught.value.exit_code is ExitCode.USAGE


def test_an_output_without_permission_is_one_line() -> None:
    # Not even root makes a directory here.
    with pytest.raises(RunDirError, match="cannot write results here"):
        RunDir.create(Path("/proc/self/runs"))


def test_a_directory_that_vanishes_under_the_writer_is_one_line(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, RUN_ID)
    run.path.rmdir()
    with pytest.raises(RunDirError, match=r"env\.json: cannot write"):
        run.write_json("env.json", {})


def test_a_body_that_fails_leaves_the_run_partial(tmp_path: Path) -> None:
    def interrupted() -> None:
        with RunDir.create(tmp_path, RUN_ID) as run:
            run.write_json("run.json", {})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [p.name for p in tmp_path.iterdir()] == [f"{RUN_ID}.partial"]


def test_a_body_that_succeeds_seals_the_run(tmp_path: Path) -> None:
    with RunDir.create(tmp_path, RUN_ID) as run:
        run.write_json("run.json", {})
    assert open_run(tmp_path / RUN_ID) == tmp_path / RUN_ID


def test_a_killed_run_is_no_result(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, RUN_ID)
    run.write_json("run.json", {})
    with pytest.raises(RunDirError, match="cut off before it was complete"):
        open_run(run.path)


def test_a_killed_run_reached_through_a_link_is_still_no_result(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, RUN_ID)
    (tmp_path / "latest").symlink_to(run.path)
    with pytest.raises(RunDirError, match="cut off"):
        open_run(tmp_path / "latest")


@pytest.mark.parametrize(
    ("what", "said"),
    [("absent", "no such run"), ("file", "a file"), ("empty", r"no run\.json in it")],
)
def test_what_is_no_run_is_refused_with_what_it_is(tmp_path: Path, what: str, said: str) -> None:
    path = tmp_path / what
    if what == "file":
        path.write_text("")
    if what == "empty":
        path.mkdir()
    with pytest.raises(RunDirError, match=said):
        open_run(path)


def test_a_finished_run_without_sums_is_refused(tmp_path: Path) -> None:
    done = build(tmp_path, "incomplete")
    (done / "SHA256SUMS").unlink()
    with pytest.raises(RunDirError, match="no SHA256SUMS"):
        open_run(done)


def test_a_broken_line_of_a_series_is_named(tmp_path: Path) -> None:
    path = tmp_path / "series.jsonl"
    path.write_text('{"a": 1}\n{"a": \n')
    with pytest.raises(RunDirError, match=r"series\.jsonl:2: not JSON"):
        read_jsonl(path)
    assert read_jsonl(tmp_path / "absent.jsonl") == []


@pytest.mark.parametrize("text", ["{", "[NaN]", "\xff"])
def test_json_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "env.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RunDirError, match=r"env\.json: not JSON"):
        read_json(path)


@pytest.mark.parametrize(
    "line",
    ["xyz", "0" * 64 + "  ../run.json", "0" * 64 + "  /etc/passwd", "0" * 63 + "  run.json"],
)
def test_a_sums_file_that_lies_about_names_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "SHA256SUMS").write_text(line + "\n")
    with pytest.raises(RunDirError, match="SHA256SUMS:1: not a"):
        read_sums(tmp_path)
