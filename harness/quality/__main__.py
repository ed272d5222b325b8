"""`make quality`: measure the quality rows of the matrix and write quality.json.

A row whose tool is missing is written as incomplete, so that the matrix says MISSING and why; rows
that were not asked for keep what an earlier run wrote. Exits with 0 when every row asked for was
measured and its planted faults were found, with 1 otherwise: what the numbers are worth, the
matrix says.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.config.quality import Quality, Tool
from harness.errors import ExitCode, printable
from harness.quality import coverage, leaks, races, static, suites, summary, tests
from harness.quality.builds import Place
from harness.quality.found import Found, absent
from harness.quality.program import Absent

TREE = Path(__file__).resolve().parents[2]
NAME, SUMMARY = "quality.json", "summary.txt"


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    place = Place(TREE, options.out.resolve())
    if not (place.tree / "CMakeLists.txt").is_file():
        print(f"quality: {place.tree}: not a checkout: there is nothing to build", file=sys.stderr)
        return ExitCode.USAGE
    alone = options.alone.split()
    if unknown := [path for path in alone if not (place.tree / path).exists()]:
        print(printable(f"quality: --alone: {unknown[0]}: no such tests"), file=sys.stderr)
        return ExitCode.USAGE
    try:
        kept = earlier(place.out / NAME)
    except (OSError, ValueError) as error:
        why = printable(" ".join(str(error).split())[:200])
        print(f"quality: {place.out / NAME}: not one of ours: {why}", file=sys.stderr)
        return ExitCode.USAGE
    place.out.mkdir(parents=True, exist_ok=True)
    found: list[Found] = []
    for name in options.only or TOOLS:
        print(f"quality: {name} ...", file=sys.stderr, flush=True)
        found += TOOLS[name](place, alone)
        write(place.out, kept, found)  # at once: what comes next may take an hour
    text = summary.render(found)
    (place.out / SUMMARY).write_text(text)
    print(text)
    print(f"wrote {place.out / NAME}")
    is_told = all(f.tool.complete and f.tool.control_found is not False for f in found)
    return ExitCode.READY if is_told else ExitCode.FAIL


# --- the tools, by the name that --only takes ---


def _coverage(place: Place, alone: Sequence[str]) -> list[Found]:
    """Coverage, and how the tests ended that it was measured with."""
    rows = (
        ("integration_tests", "Integration tests passing", suites.is_integration),
        ("tests_passing", "Tests passing", lambda case: True),
    )
    try:
        found, cases = coverage.measure(place, alone)
        control = suites.control()
    except Absent as error:
        why = str(error)
        return [
            absent(coverage.ROW, coverage.TITLE, "%", by="gcov and coverage.py", why=why),
            *(absent(row, title, "%", by="pytest and ctest", why=why) for row, title, _ in rows),
        ]
    return [
        found,
        *(
            tests.row(row, title, [case for case in cases if wanted(case)], control=control)
            for row, title, wanted in rows
        ),
    ]


def _counted(
    measure: Callable[[Place], Found], row: str, title: str, unit: str, by: str
) -> Callable[[Place, Sequence[str]], list[Found]]:
    def measured(place: Place, alone: Sequence[str]) -> list[Found]:
        try:
            return [measure(place)]
        except Absent as error:
            return [absent(row, title, unit, by=by, why=str(error))]

    return measured


TOOLS: dict[str, Callable[[Place, Sequence[str]], list[Found]]] = {
    "static": _counted(static.measure, static.ROW, static.TITLE, "%", "analysers"),
    "leaks": _counted(leaks.measure, leaks.ROW, leaks.TITLE, "count", "AddressSanitizer"),
    "races": _counted(races.measure, races.ROW, races.TITLE, "count", "ThreadSanitizer"),
    "coverage": _coverage,
}


# --- the file ---


def earlier(path: Path) -> list[Tool]:
    """The rows that a run before this one wrote. ValueError when the file is not ours."""
    if not path.is_file():
        return []
    return Quality.model_validate(json.loads(path.read_text())).tools


def write(out: Path, kept: Sequence[Tool], found: Sequence[Found]) -> None:
    """quality.json: rows found now, and those kept that were not."""
    now = {one.tool.row: one.tool for one in found}
    tools = [tool for tool in kept if tool.row not in now] + list(now.values())
    text = {"schema": "redline.quality/1", "tools": [tool.model_dump() for tool in tools]}
    Quality.model_validate(text)  # what nobody could read is not written
    part = out / f"{NAME}.part"
    part.write_text(json.dumps(text, indent=1) + "\n")
    part.replace(out / NAME)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make quality", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=list(TOOLS), help="this tool alone; may be repeated"
    )
    parser.add_argument(
        "--out", type=Path, default=TREE / "build/quality/report", help="where everything goes"
    )
    parser.add_argument(
        "--alone", default="", metavar="PATHS", help="tests that want the machine for themselves"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
