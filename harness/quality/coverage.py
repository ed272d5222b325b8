"""Lines of C and of Python that tests run, merged over every process that a test starts.

C counts twice, in the C tests and below Python, and the counts are merged; coverage.py follows
Python into its children. A process that is killed tells nothing: its lines count as not run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.quality import builds, gcov, lines, suites
from harness.quality.builds import Place
from harness.quality.found import Control, Found, both, share
from harness.quality.junit import Case
from harness.quality.lines import Lines
from harness.quality.program import Absent, must, run, version

ROW, TITLE = "unit_coverage", "Unit test coverage"
POOREST = 25  # files named in the summary
# Ours in C, but for what needs DPDK's library and devices to be compiled and run.
NOT_C = {"csrc/dpdk/": "runs over DPDK devices in a process of its own"}

_SETTINGS = """[run]
source =
    {tree}/engine
    {tree}/harness
data_file = {data}/data
parallel = true
patch =
    subprocess
    _exit
[report]
exclude_also =
    if TYPE_CHECKING:
    raise NotImplementedError
    @(abc\\.)?abstractmethod
    if __name__ == "__main__":
    ^\\s*\\.\\.\\.$
"""
_CONTROL = """import os, subprocess, sys

def never():
    return 1

if sys.argv[1:]:
    print("the child")
else:
    subprocess.run([sys.executable, __file__, "child"], check=True)
"""
_CONTROL_LINES = {1: True, 3: True, 4: False, 6: True, 7: True, 9: True}


def measure(place: Place, alone: Sequence[str]) -> tuple[Found, list[Case]]:
    """The row, and how the tests ended that were run for it."""
    controls = [gcov.control(), control()]
    build = builds.c_tests(place, "cov", "-DRL_COVERAGE=ON", "-DRL_WERROR=OFF")
    gcov.forget(build)
    cases = builds.ctest(place, build, place.out / "ctest.xml")

    env = builds.extension(place, "extension-cov", "-DRL_COVERAGE=ON", "-DRL_WERROR=OFF")
    below = Path(env["REDLINE_CORE"]).parent
    gcov.forget(below)
    builds.loads(place, env)
    rc = settings(place.out / "coverage", place.tree)
    for suite in suites.suites(alone):
        under = ("-m", "coverage", "run", f"--rcfile={rc}")
        cases += suites.perform(place, suite, alone=alone, env=env, under=under)

    c = without(lines.merged(gcov.read(b, place.tree, "csrc/") for b in (build, below)), NOT_C)
    python = combined(rc, place.tree)
    return row(c, python, both(controls)), cases


def row(c: Lines, python: Lines, control: Control) -> Found:
    """Both languages in one share, and each in the details."""
    good_c, all_c = lines.totals(c)
    good_python, all_python = lines.totals(python)
    if not all_c or not all_python:
        raise Absent("coverage: one of the languages has no lines")
    each = [
        f"C: {100 * good_c / all_c:.2f} % ({good_c} of {all_c} lines)",
        f"Python: {100 * good_python / all_python:.2f} % ({good_python} of {all_python} lines)",
    ]
    return share(
        ROW,
        TITLE,
        by="gcov and coverage.py",
        version=f"{version(['gcov'])}; {version([sys.executable, '-m', 'coverage'])}",
        good=good_c + good_python,
        all_=all_c + all_python,
        control=control,
        details=[
            *each,
            *(f"left out: {part}: {why}" for part, why in NOT_C.items()),
            *lines.poorest({**c, **python}, POOREST),
        ],
    )


def without(lines: Lines, parts: dict[str, str]) -> Lines:
    return {name: ran for name, ran in lines.items() if not name.startswith(tuple(parts))}


def settings(where: Path, tree: Path) -> Path:
    """coverage.py's settings; what an earlier run counted is forgotten."""
    where.mkdir(parents=True, exist_ok=True)
    for path in where.glob("data*"):
        path.unlink()
    rc = where / "settings"
    rc.write_text(_SETTINGS.format(tree=tree, data=where))
    return rc


def combined(rc: Path, tree: Path) -> Lines:
    """What all processes counted, as one."""
    tool = [sys.executable, "-m", "coverage"]
    must([*tool, "combine", "--keep", f"--rcfile={rc}"], cwd=tree)
    out = rc.parent / "coverage.json"
    must([*tool, "json", "--quiet", f"--rcfile={rc}", "-o", str(out)], cwd=tree)
    return lines.of_coverage(out.read_text(), tree)


def control() -> Control:
    """A function of Python that nobody calls, and a line that only a child runs."""
    with TemporaryDirectory() as scratch:
        where = Path(scratch).resolve()
        (where / "planted.py").write_text(_CONTROL)
        rc = settings(where / "counts", where)
        text = rc.read_text().replace(f"{where}/engine\n    {where}/harness", str(where))
        rc.write_text(text)
        command = [sys.executable, "-m", "coverage", "run", f"--rcfile={rc}", "planted.py"]
        run(command, cwd=where)
        try:
            found = combined(rc, where).get("planted.py") == _CONTROL_LINES
        except (Absent, json.JSONDecodeError):
            found = False
    return Control("a line of Python that never ran, and one that only a child ran", found)
