"""Runs of one directory follow one another, and a run that is taken away is missed."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from pathlib import Path

import pytest

from harness.run import chain
from harness.run.artifacts import RunDir, RunDirError

IDS = [f"2026010{n}T000000Z-00000{n}" for n in range(1, 5)]


def sealed(out: Path, run_id: str, text: str = "x") -> Path:
    """The least that is a run, sealed into the chain as the runner does it."""
    run = RunDir.create(out, run_id)
    run.write_text("data", text)
    with chain.sealing(out) as link:
        run.write_json("run.json", {"id": run_id, chain.PREVIOUS: link.as_json()})
        link.add(run.finish())
    return run.path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for run_id in IDS:
        sealed(tmp_path, run_id)
    return tmp_path


def problems(out: Path) -> str:
    return "\n".join(chain.problems_in(out))


def test_runs_that_followed_one_another_have_no_problem(out: Path) -> None:
    assert problems(out) == ""
    assert [list(chain.problems_of(out / run_id)) for run_id in IDS] == [[]] * 4


def test_each_run_holds_the_seal_of_the_one_before(out: Path) -> None:
    links = chain.read(out)
    assert [link.previous for link in links] == [None, *(link.seal for link in links[:-1])]


@pytest.mark.parametrize("which", range(4))
def test_a_run_that_was_deleted_is_named(out: Path, which: int) -> None:
    shutil.rmtree(out / IDS[which])
    assert f"CHAIN:{which + 1}: the run {IDS[which]} is gone" in problems(out)


@pytest.mark.parametrize("which", range(3))
def test_a_later_run_says_that_one_before_it_is_gone(out: Path, which: int) -> None:
    shutil.rmtree(out / IDS[which])
    assert any(f"{IDS[which]} is gone" in one for one in chain.problems_of(out / IDS[3]))


@pytest.mark.parametrize("which", range(3))
def test_a_line_that_was_deleted_with_its_run_breaks_the_chain(out: Path, which: int) -> None:
    shutil.rmtree(out / IDS[which])
    lines = (out / "CHAIN").read_text().splitlines(keepends=True)
    del lines[which]
    (out / "CHAIN").write_text("".join(lines))
    assert f"CHAIN:{which + 1}: {IDS[which + 1]} follows" in problems(out)


def test_a_chain_that_was_written_again_without_a_run_contradicts_the_run_after_it(
    out: Path,
) -> None:
    shutil.rmtree(out / IDS[1])
    links = [json.loads(line) for line in (out / "CHAIN").read_text().splitlines()]
    links[2]["previous"] = {key: links[0][key] for key in ("id", "sums_sha256")}
    del links[1]
    (out / "CHAIN").write_text("".join(json.dumps(link) + "\n" for link in links))
    assert f"{IDS[2]}/run.json: it follows {IDS[1]}" in problems(out)


def test_a_run_that_was_sealed_again_with_other_content_is_named(out: Path) -> None:
    again = RunDir(out / IDS[1], IDS[1])
    again.path.rename(out / f"{IDS[1]}.partial")
    again.path = out / f"{IDS[1]}.partial"
    (again.path / "SHA256SUMS").unlink()
    (again.path / "data").write_text("better")
    again.finish()
    assert f"{IDS[1]} is not the run that was sealed under this name" in problems(out)
    assert any("sealed under this name" in one for one in chain.problems_of(out / IDS[1]))


def test_a_run_that_was_put_in_is_named(
    out: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    foreign = sealed(tmp_path_factory.mktemp("elsewhere"), "20260109T000000Z-000009")
    shutil.copytree(foreign, out / foreign.name)
    assert f"{foreign.name}: CHAIN does not name it" in problems(out)


def test_a_copy_without_its_neighbours_is_not_held_to_them(out: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(out / IDS[2], alone / IDS[2])
    assert list(chain.problems_of(alone / IDS[2])) == []


def test_a_run_whose_process_died_before_its_link_is_taken_in_by_the_next(out: Path) -> None:
    lines = (out / "CHAIN").read_text().splitlines(keepends=True)
    (out / "CHAIN").write_text("".join(lines[:-1]))
    sealed(out, "20260109T000000Z-000009")
    assert problems(out) == ""
    assert [link.seal.id for link in chain.read(out)] == [*IDS, "20260109T000000Z-000009"]


def test_half_a_line_of_a_killed_writer_is_no_link(out: Path) -> None:
    with (out / "CHAIN").open("a") as file:
        file.write('{"id": "2026')
    sealed(out, "20260109T000000Z-000009")
    assert problems(out) == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "CHAIN:1: not JSON"),
        ("[]", "CHAIN:1: not a link"),
        ('{"id": "x", "sums_sha256": "y", "previous": null}', "CHAIN:1: not the id and the sum"),
        ('{"id": 1, "sums_sha256": 2, "previous": 3}', "CHAIN:1: not the id and the sum"),
    ],
)
def test_a_garbled_chain_is_one_line(out: Path, line: str, says: str) -> None:
    (out / "CHAIN").write_text(line + "\n")
    with pytest.raises(RunDirError, match=says):
        list(chain.problems_in(out))


def _seal_many(out: Path, first: int) -> None:
    for n in range(first, first + 10):
        sealed(out, f"20260201T0000{n:02}Z-0000{n:02}")


def test_two_processes_that_seal_at_once_follow_one_another(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_seal_many, args=(tmp_path, n)) for n in (10, 30)]
    for one in both:
        one.start()
    for one in both:
        one.join(30)
    assert len(chain.read(tmp_path)) == 20
    assert problems(tmp_path) == ""
