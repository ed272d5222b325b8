"""`redline exchange drill`: what a user sees of a rough day, and of mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main

ROUGH = Path(__file__).parents[2] / "scenarios" / "exchange" / "rough-day.yaml"


def short(tmp_path: Path, old: str = "", new: str = "") -> Path:
    text = ROUGH.read_text().replace("duration: 10s", "duration: 1s")
    assert old in text
    path = tmp_path / "day.yaml"
    path.write_text(text.replace(old, new))
    return path


def test_a_rough_day_says_what_was_injected_and_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["exchange", "drill", str(short(tmp_path))]) == 0
    said = capsys.readouterr().out
    assert "executions told twice" in said
    assert "DIFFERS" not in said
    assert "BROKEN" not in said
    assert said.count("holds") == 8


def test_json_has_the_same_rows_and_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(short(tmp_path))
    assert main(["exchange", "drill", path, "--seed", "5", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(["exchange", "drill", path, "--seed", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert first["holds"] is True
    assert all(row["injected"] == row["observed"] for row in first["rows"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("desks: 4", "desks: 400", "day.yaml:7: desks:"),
        ("actions: 400/s", "actions: fast", "day.yaml:11: actions: not a rate: 'fast'"),
        ("by: 80ms", "by: 10ms", "day.yaml: late fills must be later than slow answers"),
        ("heartbeat: 1s", "heartbeat: 1500ms", "day.yaml:12: heartbeat:"),
    ],
)
def test_a_mistake_is_a_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    assert main(["exchange", "drill", str(short(tmp_path, old, new))]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1


def test_no_file_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exchange", "drill", "no-such-day.yaml"]) == 2
    assert "no such file" in capsys.readouterr().err
