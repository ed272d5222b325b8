"""Lines of C that ran: counted by programs built with --coverage, read by gcov.

An object that never ran has no counts, but its notes name its lines: they count as not run. Notes
without an object are of a file that has gone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.quality import lines
from harness.quality.found import Control
from harness.quality.lines import Lines
from harness.quality.program import Absent, must, run

_CONTROL = """int called(int x)
{
    return x + 1;
}

int never(int x)
{
    return x - 1;
}

int main(void)
{
    return called(-1);
}
"""
_CONTROL_LINES = {1: True, 3: True, 6: False, 8: False, 11: True, 13: True}
_AT_ONCE = 40  # objects a call


def read(build: Path, tree: Path, part: str) -> Lines:
    """What ran of the files below `part`, of all objects of a build. Absent when it has none."""
    notes = [path for path in sorted(build.rglob("*.gcno")) if path.with_suffix(".o").is_file()]
    if not notes:
        raise Absent(f"{build}: was not built to count lines")
    batches = [notes[i : i + _AT_ONCE] for i in range(0, len(notes), _AT_ONCE)]

    def of(batch: Sequence[Path]) -> Lines:
        command = ["gcov", "--json-format", "--stdout", *map(str, batch)]
        done = run(command, cwd=build, with_errors=False)
        if done.status != 0:
            raise Absent(f"gcov: ended with {done.status} on {build}")
        return lines.of_gcov(done.said, tree, part)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return lines.merged(pool.map(of, batches))


def forget(build: Path) -> None:
    """No count of an earlier run remains."""
    for path in build.rglob("*.gcda"):
        path.unlink()


def control() -> Control:
    """A program of which one function is never called, counted and read in the same way."""
    planted = "two lines of C that never ran"
    with TemporaryDirectory() as scratch:
        where = Path(scratch)
        (where / "control.c").write_text(_CONTROL)
        must(["cc", "--coverage", "-O0", "-c", "control.c"], cwd=where)
        must(["cc", "--coverage", "control.o", "-o", "control"], cwd=where)
        if run(["./control"], cwd=where).status != 0:
            return Control(planted, False)
        return Control(planted, read(where, where, "") == {"control.c": _CONTROL_LINES})
