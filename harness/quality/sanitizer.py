"""What the sanitizers of gcc and clang found, from the files that they write (`log_path`).

A report in the output is lost where a test keeps what its child says; a file is not, and it tells
the name of the program. Files of a run are read whole: each report is a finding.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.quality.found import Control
from harness.quality.program import must, run

# A report of leaks is a paragraph a leak; others are one each.
_LEAK = re.compile(r"^(?:Direct|Indirect) leak of .*$", re.MULTILINE)
_OTHER = re.compile(
    r"^(?:==(?:.*==)?\d+==ERROR: AddressSanitizer: .*|WARNING: ThreadSanitizer: .*"
    r"|.*: runtime error: .*|FATAL: ThreadSanitizer.*)$",
    re.MULTILINE,
)
_FRAME = re.compile(r"^\s+#\d+ 0x[0-9a-f]+ (.*)$", re.MULTILINE)


def options(logs: Path, *more: str) -> dict[str, str]:
    """The environment in which programs write their reports below `logs`, which is emptied."""
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    text = ":".join((f"log_path={logs / 'report'}", "log_exe_name=1", *more))
    return {"ASAN_OPTIONS": text, "UBSAN_OPTIONS": text, "TSAN_OPTIONS": text, "LSAN_OPTIONS": ""}


def reports(logs: Path, *, within: str = "", without: Mapping[str, str] | None = None) -> list[str]:
    """Every report: program, what, where. `without`: by program, a function's that breaks it.

    `within`: only leaks that have this in a frame; other faults are told wherever they are.
    """
    found = []
    for path in sorted(logs.glob("report*")):
        program = path.name.removeprefix("report.").rpartition(".")[0] or path.name
        expected = (without or {}).get(program)
        for one in read(path.read_text(errors="replace"), within):
            if expected is None or f" at {expected} " not in one:
                found.append(f"{program}: {one}")
    return found


def read(text: str, within: str = "") -> list[str]:
    """The reports of one file, a line each; of leaks those that have `within` in a frame."""
    found = [line.strip() + _first_own_frame(rest) for line, rest in _each(_OTHER, text)]
    for line, rest in _each(_LEAK, text):
        paragraph = rest.split("\n\n")[0]
        if within in paragraph:
            found.append(line.strip() + _first_own_frame(paragraph))
    return found


def planted(compiler: str, source: str, *flags: str, words: str) -> Control:
    """Whether a program with a fault in it, compiled so, is found: its report has these words."""
    what = f"{words} ({compiler})"
    with TemporaryDirectory() as scratch:
        where = Path(scratch)
        (where / "planted.c").write_text(source)
        must([compiler, "-g1", *flags, "planted.c", "-o", "planted", "-pthread"], cwd=where)
        logs = where / "logs"
        run(["./planted"], cwd=where, env=options(logs), timeout_s=60)
        return Control(what, any(words in report for report in reports(logs)))


def _each(pattern: re.Pattern[str], text: str) -> list[tuple[str, str]]:
    return [(match.group(0), text[match.end() :]) for match in pattern.finditer(text)]


def _first_own_frame(text: str) -> str:
    """Where it was, by the first frame that names a line of a file."""
    for match in _FRAME.finditer(text[:4000]):
        if re.search(r"\.[ch]:\d+", match.group(1)) and "sanitizer" not in match.group(1):
            return f" at {match.group(1).removeprefix('in ')}"
    return ""
