"""The comparator: to the letter, in order, but for the tags that have a pattern."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_dictionary import shared

from harness.conformance.compare import BUILT_IN, difference, find_patterns, read_patterns
from harness.errors import RedlineError

HEARTBEAT = "8=FIX.4.4|9=51|35=0|34=2|49=ISLD|52=00000000-00:00:00.000|56=TW44|10=0|"
CAME = "8=FIX.4.4|9=51|35=0|34=2|49=ISLD|52=20260105-09:00:06.123|56=TW44|10=177|"


def told(expected: str, got: str) -> str:
    found = difference(
        expected.replace("|", "\x01").encode(), got.replace("|", "\x01").encode(), BUILT_IN
    )
    return "" if found is None else f"{found.tag}: {found}"


def test_times_and_checksums_are_held_against_patterns() -> None:
    assert told(HEARTBEAT, CAME) == ""


@pytest.mark.parametrize(
    ("change", "to", "said"),
    [
        ("34=2", "34=3", "34: expected 34=2, got 34=3"),
        ("49=ISLD|", "", "49: expected 49=ISLD, got 52=20260105-09:00:06.123"),
        ("56=TW44|", "56=TW44|58=x|", "10: expected 10=0, got 58=x"),
        ("34=2|49=ISLD", "49=ISLD|34=2", "34: expected 34=2, got 49=ISLD"),
        ("35=0", "35=", "35: expected 35=0, got 35="),
        ("34=2", "34", "34: expected 34=2, got 34="),
        ("56=TW44", "56=TW44=", "56: expected 56=TW44, got 56=TW44="),
        ("10=177|", "", "10: expected 10=0, got the end after 7 fields"),
        ("10=177|", "10=177|11=x|", "11: expected the end after 8 fields, got 11=x"),
        ("10=177", "10=77", r"10: expected 10 like \d{3}, got 10=77"),
        ("20260105-", "20260105 ", r"52: expected 52 like \d{8}-\d\d:\d\d:\d\d, got 52=20260105 0"),
        ("9=51", "9=52", "9: expected 9=51, got 9=52"),
        ("49=ISLD", "49=isld", "49: expected 49=ISLD, got 49=isld"),
    ],
)
def test_anything_else_that_differs_is_found(change: str, to: str, said: str) -> None:
    assert change in CAME
    assert told(HEARTBEAT, CAME.replace(change, to)).startswith(said)


def test_a_length_is_told_of_only_when_nothing_else_differs() -> None:
    assert told(HEARTBEAT, CAME.replace("9=51", "9=52").replace("34=2", "34=12")).startswith("34:")


def test_the_given_patterns_judge_as_the_built_in_ones() -> None:
    given = read_patterns(shared("fix/definitions/fields.fmt"))
    assert given.keys() == BUILT_IN.keys()
    stamps = ("20260105-09:00:06", "20260105-09:00:06.123", "09:00:06", "x", "001", "77", "")
    for tag, value in ((tag, value) for tag in given for value in stamps):
        assert bool(given[tag].search(value)) == bool(BUILT_IN[tag].search(value)), (tag, value)


def test_patterns_come_from_the_nearest_file(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "fields.fmt").write_text("11=\\w+\n")
    assert find_patterns(inner) == {11: re.compile(r"\w+", re.ASCII)}
    (tmp_path / "a" / "fields.fmt").write_text("# none\n\n")
    assert find_patterns(inner) == {}


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "x=1",
        "=1",
        "10=[",
        "10=(a+)+$",
        "10=(?=a)",
        "10=.*.*.*",
        "10=(a)\\1",
        "10=" + "a" * 201,
    ],
)
def test_a_pattern_that_is_no_good_is_refused_in_a_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "fields.fmt"
    path.write_text(f"52=\\d+\n{line}\n")
    with pytest.raises(RedlineError, match=r"^[^\n]*fields\.fmt:2: [^\n]*$"):
        read_patterns(path)


def test_no_pattern_that_is_taken_runs_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "fields.fmt"
    path.write_text("58=.*.*x{5,9}$\n")
    patterns = read_patterns(path)
    assert difference(b"58=a", b"58=" + b"a" * 100_000, patterns) is not None
