"""Waivers, delivery and quality: files checked before a run, copied into it, and checked again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from people import People, make_people
from run_dirs import _PLANS, RUN_ID, build_partial

from harness.config.delivery import parse_delivery
from harness.config.loader import ConfigError, project_data
from harness.config.matrix import Matrix, load_matrix
from harness.run.artifacts import RunDir, read_json
from harness.run.judge import judge
from harness.run.papers import DELIVERY, NAMESPACES, QUALITY, WAIVERS, Papers
from harness.run.raw import read_raw
from harness.run.verify import verify
from harness.signatures import sign

WAIVER = """\
waivers:
  - row: network_rtt
    name: Ada Lovelace
    role: Head of Trading
    reason: the network card comes next week
    date: 2025-12-30
    expires: 2026-01-31
"""
SAID = """\
rows:
  - row: code_review
    percent: 100
    who: Ada Lovelace
    when: 2025-12-30
    evidence: minutes of the review
  - row: on_schedule
    yes: true
    who: Grace Hopper
    when: 2026-01-01
    evidence: plan of the week
"""
LEAKS: dict[str, Any] = {
    "row": "memory_leaks",
    "title": "Memory leaks",
    "tool": "valgrind",
    "version": "3.19.0",
    "value": 0,
    "unit": "count",
    "complete": True,
    "control_found": True,
    "control": "64 bytes lost on purpose",
    "skipped": [],
}
COVERAGE: dict[str, Any] = {
    "row": "unit_coverage",
    "title": "Unit test coverage",
    "tool": "coverage",
    "version": "7.6",
    "value": 90,
    "unit": "%",
    "complete": True,
    "good": 900,
    "all": 1000,
}
STARTED_S = 1767323045  # of run_dirs: 2026-01-02T03:04:05Z


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return load_matrix(project_data("reports/matrix/week1.yaml"))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return make_people(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run before anybody said anything of it and before it was judged."""
    run = RunDir.create(tmp_path_factory.mktemp("measured"), RUN_ID)
    build_partial(run, _PLANS["good"], 5)
    return run.path


@pytest.fixture
def sealed(measured: Path, tmp_path: Path) -> Callable[[Papers], Path]:
    def seal(said: Papers) -> Path:
        path = tmp_path / "runs" / measured.name
        shutil.copytree(measured, path)
        run = RunDir(path, RUN_ID)
        said.write(run)
        record = read_json(path / "run.json")
        record["measurements"] += said.measurements(STARTED_S)
        run.rewrite_json("run.json", record)
        run.rewrite_json("run.json", record | judge(read_raw(path)))
        return run.finish()

    return seal


def _quality(*tools: dict[str, Any]) -> str:
    return json.dumps({"schema": "redline.quality/1", "tools": tools})


def _signed(path: Path, people: People, key: str = "alice", name: str = DELIVERY) -> Path:
    signature = sign(path.read_bytes(), people.key(key), NAMESPACES[name])
    path.with_name(path.name + ".sig").write_bytes(signature)
    return path


def _file(where: Path, name: str, text: str) -> Path:
    path = where / name
    path.write_text(text)
    return path


def _row(run: Path, name: str) -> dict[str, Any]:
    score = read_json(run / "run.json")["score"]
    return next(row for group in score["groups"] for row in group["rows"] if row["id"] == name)


# ---- Delivery ------------------------------------------------------------------------------------


def test_what_people_signed_fills_their_rows(
    matrix: Matrix, people: People, sealed: Callable[[Papers], Path], tmp_path: Path
) -> None:
    path = _signed(_file(tmp_path, "d.yaml", SAID), people)
    run = sealed(Papers.read(matrix, delivery=path, signers=people.allowed))
    assert (_row(run, "code_review")["state"], _row(run, "on_schedule")["state"]) == (
        "PASS",
        "PASS",
    )
    facts = {m["id"]: m["facts"] for m in read_json(run / "run.json")["measurements"]}
    assert facts["delivery.code_review"]["signed_by"] == "alice"
    assert verify(run) == []


def test_what_nobody_signed_is_missing_and_says_so(
    matrix: Matrix, sealed: Callable[[Papers], Path], tmp_path: Path
) -> None:
    run = sealed(Papers.read(matrix, delivery=_file(tmp_path, "d.yaml", SAID)))
    row = _row(run, "code_review")
    assert (row["state"], row["score_floor"]) == ("MISSING", 0)
    assert row["reason"] == "delivery.yaml is not signed"


def test_a_signature_of_somebody_unknown_is_none(
    matrix: Matrix, people: People, tmp_path: Path
) -> None:
    path = _signed(_file(tmp_path, "d.yaml", SAID), people, "eve")
    said = Papers.read(matrix, delivery=path, signers=people.allowed)
    facts = said.measurements(STARTED_S)[0]["facts"]
    assert facts["value"] is None
    assert "nobody's here" in facts["missing"]


def test_a_signature_of_other_words_is_none(matrix: Matrix, people: People, tmp_path: Path) -> None:
    path = _signed(_file(tmp_path, "d.yaml", SAID.replace("100", "40")), people)
    path.write_text(SAID)
    said = Papers.read(matrix, delivery=path, signers=people.allowed)
    assert "is not good for this" in said.measurements(STARTED_S)[0]["facts"]["missing"]


def test_a_signature_of_waivers_is_none_of_a_delivery(
    matrix: Matrix, people: People, tmp_path: Path
) -> None:
    path = _signed(_file(tmp_path, "d.yaml", SAID), people, name=WAIVERS)
    said = Papers.read(matrix, delivery=path, signers=people.allowed)
    assert said.measurements(STARTED_S)[0]["facts"]["value"] is None


def test_what_is_dated_after_the_run_says_nothing_of_it(
    matrix: Matrix, people: People, tmp_path: Path
) -> None:
    path = _signed(_file(tmp_path, "d.yaml", SAID.replace("2026-01-01", "2026-01-03")), people)
    said = Papers.read(matrix, delivery=path, signers=people.allowed)
    late = said.measurements(STARTED_S)[1]["facts"]
    assert (late["value"], late["missing"]) == (
        None,
        "delivery.yaml: on_schedule is dated 2026-01-03, after the run",
    )


def test_a_no_is_nothing_and_fails() -> None:
    said = parse_delivery(
        SAID.replace("yes: true", "yes: false"),
        load_matrix(project_data("reports/matrix/week1.yaml")),
        name="d.yaml",
    )
    assert [one.value for one in said.rows] == [100.0, 0.0]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("code_review", "code_revue", "d.yaml:2: rows.0.row: no row of the matrix week1 that"),
        ("code_review", "fix_parsing", "rows.0.row: no row of the matrix week1 that people sign"),
        ("on_schedule", "code_review", "rows.1.row: named twice"),
        ("percent: 100", "percent: 101", "rows.0.percent: must be less than or equal to 100"),
        ("percent: 100", "percent: 100\n    yes: true", "say either `percent` or `yes`"),
        ("2025-12-30", "30.12.2025", "rows.0.when: not a day: '30.12.2025'"),
        ("    who: Ada Lovelace\n", "", "rows.0.who: is missing"),
    ],
)
def test_a_delivery_that_cannot_be_meant_is_refused(
    matrix: Matrix, tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in SAID
    with pytest.raises(ConfigError) as error:
        Papers.read(matrix, delivery=_file(tmp_path, "d.yaml", SAID.replace(old, new, 1)))
    assert says in str(error.value)


# ---- Quality -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "row", "state", "score"),
    [
        (LEAKS, "memory_leaks", "PASS", 100),
        (LEAKS | {"value": 1}, "memory_leaks", "FAIL", 0),
        (LEAKS | {"control_found": False}, "memory_leaks", "MISSING", 0),
        (LEAKS | {"complete": False}, "memory_leaks", "MISSING", 0),
        (COVERAGE, "unit_coverage", "PASS", 100),
        (COVERAGE | {"value": 80, "good": 800}, "unit_coverage", "FAIL", 100),
        (COVERAGE | {"value": 40, "good": 400}, "unit_coverage", "FAIL", 50),
        (COVERAGE | {"complete": False}, "unit_coverage", "MISSING", 0),
        (
            COVERAGE | {"row": "tests_passing", "value": 99.9, "good": 999},
            "tests_passing",
            "FAIL",
            99.9,
        ),
    ],
)
def test_what_tools_found_fills_their_rows(
    matrix: Matrix,
    sealed: Callable[[Papers], Path],
    tmp_path: Path,
    tool: dict[str, Any],
    row: str,
    state: str,
    score: float,
) -> None:
    run = sealed(Papers.read(matrix, quality=_file(tmp_path, "q.json", _quality(tool))))
    seen = _row(run, row)
    assert (seen["state"], seen["score_floor"]) == (state, pytest.approx(score))
    metric = next(
        m for m in read_json(run / "run.json")["metrics"] if m["id"].startswith("quality.")
    )
    assert [one["file"] for one in metric["evidence"]] == [QUALITY]
    assert verify(run) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"row": "code_review"}, "no row of the matrix week1 that tools tell: 'code_review'"),
        ({"value": 0.5}, "findings are whole numbers"),
        ({"value": -1}, "tools.0.value"),
        ({"control_found": None}, "tools.0.control_found: is missing"),
        ({"unit": "%", "good": 0, "all": 1}, "tools.0.unit: '%', the row is in 'count'"),
        ({"guess": 1}, "tools.0.guess"),
        ({"complete": "yes"}, "tools.0.complete"),
    ],
)
def test_results_that_cannot_be_meant_are_refused(
    matrix: Matrix, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    path = _file(tmp_path, "q.json", _quality(LEAKS | change))
    with pytest.raises(ConfigError) as error:
        Papers.read(matrix, quality=path)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"value": 95}, "95 %, but 900 of 1000"),
        ({"good": None}, "needs `good` and `all`"),
        ({"good": 1001, "value": 100}, "1001 of 1000"),
        ({"value": 100, "good": 1000, "skipped": [{"what": "a", "reason": "b"}]}, "more than 1000"),
    ],
)
def test_a_share_that_its_counts_do_not_carry_is_refused(
    matrix: Matrix, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    path = _file(tmp_path, "q.json", _quality(COVERAGE | change))
    with pytest.raises(ConfigError) as error:
        Papers.read(matrix, quality=path)
    assert says in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": 1, "schema": 2}', "[" * 100_000])
def test_a_quality_file_that_is_none_is_one_clear_line(
    matrix: Matrix, tmp_path: Path, text: str
) -> None:
    with pytest.raises(ConfigError) as error:
        Papers.read(matrix, quality=_file(tmp_path, "q.json", text))
    assert str(error.value).startswith(str(tmp_path / "q.json"))


# ---- Waivers -------------------------------------------------------------------------------------


def _waivers(run: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_json(run / "run.json")["verdict"]["waivers"]
    return found


def test_a_waived_row_scores_nothing_and_names_who_why_and_until_when(
    matrix: Matrix, sealed: Callable[[Papers], Path], tmp_path: Path
) -> None:
    run = sealed(Papers.read(matrix, waivers=_file(tmp_path, "w.yaml", WAIVER)))
    row = _row(run, "network_rtt")
    assert (row["state"], row["score_floor"], row["score_ceiling"]) == ("WAIVED", 0, 100)
    assert row["reason"] == (
        "waived by Ada Lovelace (Head of Trading) on 2025-12-30 until 2026-01-31: the network "
        "card comes next week; without it MISSING: not measured in this run"
    )
    assert [(w["row"], w["used"], w["was"]) for w in _waivers(run)] == [
        ("network_rtt", True, "MISSING")
    ]
    assert verify(run) == []


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("2026-01-31", "2026-01-01", "the waiver of Ada Lovelace expired on 2026-01-01"),
        ("2025-12-30", "2026-01-03", "the waiver of Ada Lovelace is dated 2026-01-03, after"),
        ("network_rtt", "fix_parsing", "the row passes, it needs no waiver"),
    ],
)
def test_a_waiver_of_other_days_or_of_what_holds_is_not_used(
    matrix: Matrix,
    sealed: Callable[[Papers], Path],
    tmp_path: Path,
    old: str,
    new: str,
    note: str,
) -> None:
    text = WAIVER.replace(old, new)
    run = sealed(Papers.read(matrix, waivers=_file(tmp_path, "w.yaml", text)))
    (waiver,) = _waivers(run)
    assert not waiver["used"]
    assert waiver["note"].startswith(note)
    assert _row(run, waiver["row"])["state"] == waiver["was"]


def test_the_day_on_which_a_waiver_expires_is_its_last(
    matrix: Matrix, sealed: Callable[[Papers], Path], tmp_path: Path
) -> None:
    text = WAIVER.replace("2026-01-31", "2026-01-02")
    run = sealed(Papers.read(matrix, waivers=_file(tmp_path, "w.yaml", text)))
    assert _row(run, "network_rtt")["state"] == "WAIVED"


def test_signed_waivers_name_their_signer(
    matrix: Matrix, people: People, sealed: Callable[[Papers], Path], tmp_path: Path
) -> None:
    path = _signed(_file(tmp_path, "w.yaml", WAIVER), people, "bob", WAIVERS)
    run = sealed(Papers.read(matrix, waivers=path, signers=people.allowed))
    assert [w["signed_by"] for w in _waivers(run)] == ["bob"]


def test_waivers_with_a_signature_that_is_not_good_waive_nothing(
    matrix: Matrix, people: People, sealed: Callable[[Papers], Path], tmp_path: Path
) -> None:
    path = _signed(_file(tmp_path, "w.yaml", WAIVER), people, "eve", WAIVERS)
    run = sealed(Papers.read(matrix, waivers=path, signers=people.allowed))
    row = _row(run, "network_rtt")
    assert row["state"] == "MISSING"
    assert "not waived: waivers.yaml.sig is by a key that is nobody's here" in row["reason"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("network_rtt", "network_rrt", "w.yaml:2: waivers.0.row: no row or gate of the matrix"),
        ("network_rtt", "host", "no row or gate of the matrix week1: 'host'"),
        ("2026-01-31", "2025-12-29", "waivers.0.expires: 2025-12-29 is before it was given"),
        ("2026-01-31", "2027-01-31", "more than 366 days after 2025-12-30"),
        ("    expires: 2026-01-31\n", "", "waivers.0.expires: is missing"),
        ("2026-01-31", "never", "not a day: 'never'"),
    ],
)
def test_waivers_that_cannot_be_meant_are_refused(
    matrix: Matrix, tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in WAIVER
    with pytest.raises(ConfigError) as error:
        Papers.read(matrix, waivers=_file(tmp_path, "w.yaml", WAIVER.replace(old, new, 1)))
    assert says in str(error.value)


# ---- The run directory ---------------------------------------------------------------------------


def test_files_of_signers_lie_beside_what_they_sign(
    matrix: Matrix, people: People, tmp_path: Path
) -> None:
    shutil.copy(people.allowed, tmp_path / "allowed_signers")
    path = _signed(_file(tmp_path, "d.yaml", SAID), people)
    assert Papers.read(matrix, delivery=path).signed(DELIVERY, STARTED_S).by == "alice"


def test_a_record_that_says_more_than_its_papers_does_not_verify(
    matrix: Matrix, sealed: Callable[[Papers], Path], tmp_path: Path
) -> None:
    run = sealed(Papers.read(matrix, quality=_file(tmp_path, "q.json", _quality(LEAKS))))
    record = read_json(run / "run.json")
    next(m for m in record["measurements"] if m["id"] == "quality.memory_leaks")["facts"][
        "version"
    ] = "9"
    _reseal(run, record)
    assert verify(run) == ["run.json: quality.memory_leaks: not what its file says"]


def test_a_record_that_leaves_out_what_a_paper_says_does_not_verify(
    matrix: Matrix, sealed: Callable[[Papers], Path], tmp_path: Path
) -> None:
    run = sealed(Papers.read(matrix, quality=_file(tmp_path, "q.json", _quality(LEAKS))))
    record = read_json(run / "run.json")
    record["measurements"] = [m for m in record["measurements"] if "quality." not in m["id"]]
    _reseal(run, record)
    assert verify(run) == ["run.json: quality.memory_leaks: not there, its file says it"]


def test_a_signature_taken_out_of_a_run_is_found(
    matrix: Matrix, people: People, sealed: Callable[[Papers], Path], tmp_path: Path
) -> None:
    path = _signed(_file(tmp_path, "d.yaml", SAID), people)
    run = sealed(Papers.read(matrix, delivery=path, signers=people.allowed))
    (run / "delivery.yaml.sig").unlink()
    _reseal(run, read_json(run / "run.json"))
    assert verify(run) == ["run.json: delivery.code_review: not what its file says"]


def _reseal(run: Path, record: dict[str, Any]) -> None:
    """Sums that fit again, as somebody would make them who wanted to be believed."""
    scratch = RunDir(run.rename(run.with_name(f"{RUN_ID}.partial")), RUN_ID)
    (scratch.path / "SHA256SUMS").unlink()
    scratch.rewrite_json("run.json", record)
    scratch.finish()
