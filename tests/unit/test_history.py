"""A history grows and never changes, knows each run once, and misses one that is gone."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from run_dirs import build
from sqlalchemy.dialects import postgresql

from harness.cli import main
from harness.history import store as storing
from harness.history.check import problems
from harness.history.entry import Entry, read_entry
from harness.history.store import HistoryError, Store
from harness.run.artifacts import RunDirError


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("runs"), "good", blocks=5)


@pytest.fixture(scope="module")
def entry(run: Path) -> Entry:
    return read_entry(run)


def test_what_went_in_comes_out(tmp_path: Path, entry: Entry) -> None:
    with Store.open(tmp_path / "h.db") as store:
        assert store.add(entry)
        (seen,) = store.runs()
    assert seen == replace(entry, metrics=tuple(sorted(entry.metrics, key=lambda m: m.key)))


def test_a_run_is_known_once(tmp_path: Path, entry: Entry) -> None:
    with Store.open(tmp_path / "h.db") as store:
        assert [store.add(entry), store.add(entry)] == [True, False]
        assert len(store.runs()) == 1


def test_another_run_under_the_same_id_is_refused(tmp_path: Path, entry: Entry) -> None:
    with Store.open(tmp_path / "h.db") as store:
        store.add(entry)
        with pytest.raises(HistoryError, match=f"another run {entry.id} is in it"):
            store.add(replace(entry, sums_sha256="0" * 64))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE run SET verdict = 'READY'",
        "DELETE FROM run",
        "UPDATE metric SET value = 1",
        "DELETE FROM metric",
    ],
)
def test_the_database_refuses_to_change_what_is_there(
    tmp_path: Path, entry: Entry, statement: str
) -> None:
    with Store.open(tmp_path / "h.db") as store:
        store.add(entry)
    raw = sqlite3.connect(tmp_path / "h.db")
    with pytest.raises(sqlite3.IntegrityError, match="a history only grows"):
        raw.execute(statement)
    raw.close()


def test_runs_come_oldest_first_and_by_environment(tmp_path: Path, entry: Entry) -> None:
    older = replace(entry, id="20250101T000000Z-000001", started_utc="2025-01-01T00:00:00Z")
    other = replace(entry, id="20270101T000000Z-000002", fingerprint="f" * 64)
    with Store.open(tmp_path / "h.db") as store:
        for one in (entry, other, older):
            store.add(one)
        assert next(one.id for one in store.runs()) == older.id
        assert [one.id for one in store.runs("f" * 64)] == [other.id]


def test_the_tables_can_be_made_in_postgresql() -> None:
    made = [
        str(sa.schema.CreateTable(table).compile(dialect=postgresql.dialect()))
        for table in storing._metadata.sorted_tables
    ]
    assert any("CREATE TABLE metric" in one and "JSON" in one for one in made)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("nosuch://x", "no driver for it"),
        ("://", "not a path and not a database URL"),
        ("postgresql+nosuch://a:secret@b/c", "no driver for it"),
    ],
)
def test_a_place_that_is_none_is_one_line_without_its_password(where: str, says: str) -> None:
    with pytest.raises(HistoryError, match=says) as caught:
        Store.open(where)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_history_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "h.db").write_text("no database at all" * 100)
    with pytest.raises(HistoryError, match=r"h\.db: file is not a database"):
        Store.open(tmp_path / "h.db")


def test_a_history_of_another_version_is_refused(tmp_path: Path) -> None:
    with Store.open(tmp_path / "h.db"):
        pass
    with sqlite3.connect(tmp_path / "h.db") as raw:
        raw.execute("UPDATE redline_schema SET version = 99")
    raw.close()
    with pytest.raises(HistoryError, match="a history of version 99"):
        Store.open(tmp_path / "h.db")


def test_a_run_that_is_gone_or_was_replaced_is_named(
    run: Path, entry: Entry, tmp_path: Path
) -> None:
    assert list(problems([entry], run.parent)) == []
    assert list(problems([entry], tmp_path)) == [f"{entry.id}: gone, the history knows it"]
    shutil.copytree(run, tmp_path / run.name)
    with (tmp_path / run.name / "SHA256SUMS").open("a") as file:
        file.write("\n")
    assert "not the run that the history was given" in next(problems([entry], tmp_path))


def test_a_directory_that_is_no_run_of_ours_is_one_line(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / run.name))
    record = json.loads((copy / "run.json").read_text())
    del record["verdict"]
    (copy / "run.json").write_text(json.dumps(record))
    with pytest.raises(RunDirError, match="not a run of this version"):
        read_entry(copy)


def test_the_commands_add_list_and_check(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--history", str(tmp_path / "h.db")]
    assert main(["history", "add", str(run), *where]) == 0
    assert main(["history", "list", "--json", *where]) == 0
    assert main(["history", "check", str(run.parent), *where]) == 0
    assert main(["history", "check", str(tmp_path), *where]) == 1
    captured = capsys.readouterr()
    assert run.name in captured.out
    assert captured.err == f"{run.name}: gone, the history knows it\n"


def test_a_history_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trend", "--history", str(tmp_path / "none.db")]) == 2
    assert "none.db: no such history" in capsys.readouterr().err
