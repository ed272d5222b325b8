"""`make quality`: what tools say is read right, and a tool that cannot find is not believed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.config.matrix import Matrix, load_matrix
from harness.config.quality import Tool, parse_quality
from harness.errors import ExitCode
from harness.quality import __main__ as front
from harness.quality import coverage, gcov, junit, lines, sanitizer, static, summary, tests
from harness.quality.builds import Place
from harness.quality.found import Control, Found, absent, both, count, share
from harness.quality.junit import End
from harness.quality.program import Absent, must, run

ROOT = Path(__file__).parents[2]
FOUND, MISSED = Control("planted", True), Control("planted", False)


def matrix() -> Matrix:
    return load_matrix(ROOT / "reports/matrix/week1.yaml")


# --- lines ---


def gcov_says(path: str, **ran: int) -> str:
    told = [{"line_number": int(k[1:]), "count": n} for k, n in ran.items()]
    return json.dumps({"files": [{"file": path, "lines": told}]})


def test_a_line_of_a_header_ran_when_it_ran_for_one_that_includes_it(tmp_path: Path) -> None:
    said = gcov_says("csrc/a.h", l3=0, l4=0) + gcov_says("csrc/a.h", l3=7)
    assert lines.of_gcov(said, tmp_path, "csrc/") == {"csrc/a.h": {3: True, 4: False}}


def test_lines_of_tests_and_of_the_system_do_not_count(tmp_path: Path) -> None:
    said = gcov_says("tests/c/t.c", l1=1) + gcov_says("/usr/include/x.h", l1=1)
    assert lines.of_gcov(said, tmp_path, "csrc/") == {}


@pytest.mark.parametrize("said", ['{"files"', '{"files": 3}', '{"other": []}'])
def test_what_gcov_did_not_say_is_not_read(tmp_path: Path, said: str) -> None:
    with pytest.raises(Absent, match="gcov: not its format"):
        lines.of_gcov(said, tmp_path, "csrc/")


@pytest.mark.parametrize("said", ["", "[]", '{"files": {"a.py": {}}}'])
def test_what_coverage_did_not_say_is_not_read(tmp_path: Path, said: str) -> None:
    with pytest.raises(Absent, match="coverage: not its format"):
        lines.of_coverage(said, tmp_path)


def test_c_and_python_are_one_share_and_each_is_told() -> None:
    c, python = {"csrc/a.c": {1: True, 2: False}}, {"harness/b.py": {1: True, 5: True}}
    row = coverage.row(c, python, FOUND)
    assert (row.tool.good, row.tool.all, row.tool.value) == (3, 4, 75.0)
    assert row.details[:2] == ("C: 50.00 % (1 of 2 lines)", "Python: 100.00 % (2 of 2 lines)")
    assert "csrc/a.c: 1 of 2 lines never ran: 2" in row.details


def test_coverage_of_one_language_alone_is_none() -> None:
    with pytest.raises(Absent, match="one of the languages has no lines"):
        coverage.row({}, {"harness/b.py": {1: True}}, FOUND)


def test_neighbours_that_never_ran_are_told_as_a_range() -> None:
    ran = {1: False, 2: True, 5: False, 8: False, 9: True, 11: False}
    assert lines.ranges(ran) == "1, 5-8, 11"


def test_lines_that_never_ran_are_found_in_c() -> None:
    assert gcov.control().found


def test_a_build_that_counts_nothing_has_no_coverage(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="was not built to count lines"):
        gcov.read(tmp_path, tmp_path, "")


# --- tests ---


def report(tmp_path: Path, cases: str) -> Path:
    path = tmp_path / "report.xml"
    path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    return path


EACH = """<testcase classname="m" name="a"/>
<testcase classname="m" name="b"><failure message="no">x</failure></testcase>
<testcase classname="m" name="c"><skipped type="pytest.skip" message="needs root"/></testcase>
<testcase classname="m" name="d"><skipped type="pytest.xfail" message="one day"/></testcase>
<testcase classname="m" name="e"><error message="no fixture"/></testcase>"""


def test_only_a_pass_is_a_pass(tmp_path: Path) -> None:
    cases = junit.read(report(tmp_path, EACH))
    row = tests.row("tests_passing", "Tests passing", cases, control=FOUND)
    assert (row.tool.good, row.tool.all) == (1, 5)
    assert [(s.what, s.reason) for s in row.tool.skipped] == [
        ("m::c", "needs root"),
        ("m::d", "one day"),
    ]
    assert row.details[:2] == ("failed: m::b: no", "error: m::e: no fixture")


def test_a_pass_that_fails_while_it_ends_is_none(tmp_path: Path) -> None:
    twice = '<testcase classname="m" name="a"/>'
    twice += '<testcase classname="m" name="a"><error message="left a thread"/></testcase>'
    assert [case.end for case in junit.read(report(tmp_path, twice))] == [End.ERROR]


def test_what_ctest_did_not_run_is_no_pass(tmp_path: Path) -> None:
    said = '<testcase classname="t" name="t" status="notrun"><skipped message="77"/></testcase>'
    said += '<testcase classname="u" name="u" status="disabled"/>'
    assert [case.end for case in junit.read(report(tmp_path, said))] == [End.SKIPPED] * 2


@pytest.mark.parametrize("text", ["", "<testsuites>", "<testsuites></testsuites>"])
def test_a_report_that_broke_off_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.xml").write_text(text)
    with pytest.raises(Absent, match=r"r\.xml"):
        junit.read(tmp_path / "r.xml")


# --- sanitizers ---

LEAKS = """==7==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 64 byte(s) in 1 object(s) allocated from:
    #0 0x7f10 in __interceptor_malloc ../../libsanitizer/asan/asan_malloc_linux.cpp:69
    #1 0x55d1 in opened csrc/base/mem.c:12

Indirect leak of 8 byte(s) in 1 object(s) allocated from:
    #0 0x7f10 in __interceptor_malloc ../../libsanitizer/asan/asan_malloc_linux.cpp:69

SUMMARY: AddressSanitizer: 72 byte(s) leaked in 2 allocation(s).
"""
RACE = """==================
WARNING: ThreadSanitizer: data race (pid=9)
  Write of size 4 at 0x0001 by main thread:
    #0 count csrc/x.c:6 (x+0x1)
"""


def test_each_leak_is_a_finding_with_the_line_that_took_it() -> None:
    assert sanitizer.read(LEAKS) == [
        "Direct leak of 64 byte(s) in 1 object(s) allocated from: at opened csrc/base/mem.c:12",
        "Indirect leak of 8 byte(s) in 1 object(s) allocated from:",
    ]


def test_a_leak_of_the_interpreter_is_told_from_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "report.python3.12").write_text(LEAKS)
    assert len(sanitizer.reports(tmp_path, within="csrc/")) == 1
    (tmp_path / "report.python3.12").write_text(BROKEN)  # whoever breaks memory is told
    assert len(sanitizer.reports(tmp_path, within="csrc/")) == 1


@pytest.mark.parametrize(
    "text",
    [
        RACE,
        "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1\n",
        "==test_a==7==ERROR: AddressSanitizer: stack-buffer-overflow on address 0x1\n",
        "csrc/a.c:7:3: runtime error: signed integer overflow\n",
        "FATAL: ThreadSanitizer: unexpected memory mapping\n",
    ],
)
def test_every_other_report_is_a_finding(text: str) -> None:
    assert len(sanitizer.read(text)) == 1


BROKEN = """==test_b==7==ERROR: AddressSanitizer: SEGV on unknown address 0x1
    #0 0x563d2d5587a3 in on_purpose tests/c/test_b.c:327
"""


def test_only_what_a_program_breaks_on_purpose_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "report.test_a.12").write_text(BROKEN)
    (tmp_path / "report.test_b.13").write_text(BROKEN)
    (tmp_path / "report.test_b.14").write_text(BROKEN.replace("on_purpose", "by_mistake"))
    found = sanitizer.reports(tmp_path, without={"test_b": "on_purpose"})
    assert [one.partition(":")[0] for one in found] == ["test_a", "test_b"]
    assert "by_mistake" in found[1]


PLANTED = "#include <stdlib.h>\nint main(void)\n{\n    volatile char *p = malloc(8);\n%s}\n"


@pytest.mark.parametrize(
    ("fault", "found"), [("    p[8] = 1;\n    return 0;\n", True), ("    return !p;\n", False)]
)
def test_a_planted_overflow_is_found_and_a_program_without_is_clean(
    fault: str, found: bool
) -> None:
    if must(["cc", "-print-file-name=libasan.so"], cwd=Path.cwd()).strip() == "libasan.so":
        pytest.skip("needs libasan, the runtime of gcc's AddressSanitizer")
    control = sanitizer.planted(
        "cc", PLANTED % fault, "-fsanitize=address", words="heap-buffer-overflow"
    )
    assert control.found is found


# --- analysers ---


def test_findings_are_of_files_of_the_tree_and_notes_are_none(tmp_path: Path) -> None:
    said = (
        f"{tmp_path}/csrc/a.c:3:7: warning: null [core.Null]\n"
        "csrc/a.c:4:1: note: here\n"
        "/usr/include/stdio.h:9:1: warning: theirs\n"
        "harness/b.py:2: error: wrong type\n"
        "2 warnings generated.\n"
    )
    found = static.read(said, tmp_path, "tool")
    assert {(f.file, f.line) for f in found} == {("csrc/a.c", 3), ("harness/b.py", 2)}


def analysers(tmp_path: Path, **changes: object) -> static.Analyser:
    (tmp_path / "csrc").mkdir()
    for name in ("a.c", "b.c"):
        (tmp_path / "csrc" / name).write_text("")
    one = static.Analyser(
        "one", lambda: "1.0", lambda place: "csrc/a.c:1:1: warning: x\n", lambda where: FOUND
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def test_a_file_with_a_finding_is_not_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static, "ANALYSERS", (analysers(tmp_path),))
    row = static.measure(Place(tmp_path, tmp_path))
    assert (row.tool.good, row.tool.all, row.tool.control_found) == (1, 2, True)
    assert row.details == ("csrc/a.c:1: one: warning: x",)


def test_an_analyser_that_is_not_there_leaves_the_row_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> str:
        raise Absent("one: is not installed")

    monkeypatch.setattr(static, "ANALYSERS", (analysers(tmp_path, version=gone),))
    row = static.measure(Place(tmp_path, tmp_path))
    assert (row.tool.complete, row.tool.control_found) == (False, False)
    assert row.tool.skipped[0].reason == "one: is not installed"
    assert summary.headline(row.tool).endswith("MISSING: did not run to its end")


def test_a_planted_fault_of_each_analyser_that_is_here_is_found(tmp_path: Path) -> None:
    for tool in static.ANALYSERS:
        if tool.name in ("ruff", "gcc-fanalyzer"):  # milliseconds; the others: make quality
            (where := tmp_path / tool.name).mkdir()
            assert tool.planted(where).found, tool.name


# --- rows and the file ---


def test_one_control_that_was_missed_is_named() -> None:
    said = both([FOUND, replace(MISSED, planted="race")])
    assert (said.found, said.planted) == (False, "planted; race (NOT FOUND)")
    assert not both([]).found


def test_a_row_whose_control_was_missed_counts_for_nothing() -> None:
    row = count("data_races", "Data races", by="t", version="1", findings=[], control=MISSED)
    assert summary.headline(row.tool).endswith("MISSING: the planted fault was not found")


def test_a_share_of_nothing_is_not_told() -> None:
    row = share("tests_passing", "T", by="t", version="1", good=0, all_=0, control=FOUND)
    assert not row.tool.complete


def test_a_program_that_is_missing_or_does_not_end_is_named(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="no-such-tool: is not installed"):
        run(["no-such-tool"], cwd=tmp_path)
    with pytest.raises(Absent, match="did not end within 0 s"):
        run(["sleep", "9"], cwd=tmp_path, timeout_s=0.01)
    with pytest.raises(Absent, match="sh ended with 3: an error"):
        must(["sh", "-c", "echo an error; exit 3"], cwd=tmp_path)


UNITS = {
    "unit_coverage": "%",
    "integration_tests": "%",
    "tests_passing": "%",
    "static_analysis": "%",
    "memory_leaks": "count",
    "data_races": "count",
}


def test_every_row_that_tools_tell_can_be_absent_and_the_matrix_reads_it(tmp_path: Path) -> None:
    rows = [absent(row, "T", unit, by="t", why="not here") for row, unit in UNITS.items()]
    front.write(tmp_path, [], rows)
    text = (tmp_path / "quality.json").read_text()
    read = parse_quality(text, matrix(), name="quality.json")
    assert {tool.row for tool in read.tools if not tool.complete} == set(UNITS)
    told = {g.metric for g in matrix().everything() if (g.metric or "").startswith("quality.")}
    assert told == {f"quality.{row}" for row in UNITS}


def static_row(value: int) -> Found:
    return count("memory_leaks", "L", by="t", version="1", findings=["x"] * value, control=FOUND)


def told(out: Path) -> dict[str, Tool]:
    return {tool.row: tool for tool in front.earlier(out / "quality.json")}


def test_rows_that_were_not_asked_for_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = count("data_races", "R", by="t", version="1", findings=[], control=FOUND)
    monkeypatch.setattr(
        front, "TOOLS", {"leaks": lambda *_: [static_row(2)], "races": lambda *_: [other]}
    )
    assert front.main(["--out", str(tmp_path)]) == ExitCode.READY
    monkeypatch.setitem(front.TOOLS, "leaks", lambda *_: [static_row(0)])
    assert front.main(["--out", str(tmp_path), "--only", "leaks"]) == ExitCode.READY
    assert {row: tool.value for row, tool in told(tmp_path).items()} == {
        "memory_leaks": 0,
        "data_races": 0,
    }


def test_a_row_that_is_not_told_is_an_exit_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = absent("memory_leaks", "L", "count", by="t", why="t: is not installed")
    monkeypatch.setattr(front, "TOOLS", {"leaks": lambda *_: [gone]})
    assert front.main(["--out", str(tmp_path)]) == ExitCode.FAIL
    assert "t: is not installed" in (tmp_path / "summary.txt").read_text()


@pytest.mark.parametrize(
    ("words", "text", "says"),
    [
        (["--alone", "tests/none.py"], "", "quality: --alone: tests/none.py: no such tests\n"),
        ([], "not JSON", "quality.json: not one of ours: Expecting value"),
        ([], '{"schema": "x", "tools": []}', "quality.json: not one of ours: "),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], text: str, says: str
) -> None:
    if text:
        (tmp_path / "quality.json").write_text(text)
    assert front.main(["--out", str(tmp_path), *words]) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_the_guide_tells_what_each_tool_runs() -> None:
    guide = (ROOT / "docs/guides/quality.md").read_text()
    assert [name for name in front.TOOLS if f"| `{name}` |" not in guide] == []
