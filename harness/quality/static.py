"""Static analysis: files without a finding, of all files, by five tools that each found a fault.

clang-tidy (its checks and why some are off: .clang-tidy), cppcheck, gcc -fanalyzer, ruff and mypy.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.config.quality import Skipped
from harness.quality import builds
from harness.quality.builds import Place
from harness.quality.found import Control, Found, both, share
from harness.quality.lines import below
from harness.quality.program import Absent, run, version

ROW, TITLE = "static_analysis", "Static analysis clean"
C_PART, PYTHON_PARTS = "csrc", ("engine", "harness")
_FINDING = re.compile(
    r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+):(?:\d+:)? (?P<what>(?:warning|error|finding).*)$",
    re.MULTILINE,
)
# A path through each on which it goes wrong; every analyser of C has to see one of them.
_PLANTED_C = """#include <stdlib.h>
int planted(int n, int *p)
{
    int a[4] = {0};
    if (n == 7)
        return *(int *)0;
    free(p);
    free(p);
    return a[4];
}
"""
_PLANTED_LINT = "import os\n\n\ndef f(a=[]):\n    return a\n"
_PLANTED_TYPES = "def f(x: int) -> str:\n    return x\n"

# What a tool says is not a finding of ours where the tool misreads; each with its reason.
CPPCHECK = (
    "--enable=warning,performance,portability",
    "--inline-suppr",
    "--library=python",
    "--std=c11",
    "--suppress=missingIncludeSystem",
    "--suppress=unmatchedSuppression",
    "--suppress=duplicateAssignExpression",  # two names that begin with one value
    # takes the address of a variable for a read of it; both compilers look for such reads
    "--suppress=uninitvar",
)

FANALYZER = (
    "-O1",
    "-fanalyzer",
    "-Wno-analyzer-use-of-uninitialized-value",  # does not see that memcpy writes a vector
    "-Wno-analyzer-shift-count-overflow",  # takes a vector for its first two bytes
    "-Wno-analyzer-malloc-leak",  # takes the second of two equal loops for shorter; LeakSanitizer
    "-Wno-analyzer-null-dereference",  # takes errno for 0 after a failure; clang-tidy looks as well
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Of one file of the tree, by one tool."""

    file: str
    line: int
    what: str
    tool: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.tool}: {self.what}"


@dataclass(frozen=True, slots=True)
class Analyser:
    """`look` says what a tool says of all files; `planted` whether it finds the planted fault."""

    name: str
    version: Callable[[], str]
    look: Callable[[Place], str]
    planted: Callable[[Path], Control]


def measure(place: Place) -> Found:
    """The row. A tool that is missing leaves it incomplete, and the others are still told."""
    every = files(place.tree)
    findings: set[Finding] = set()
    versions, controls, missing = [], [], []
    for tool in ANALYSERS:
        try:
            versions.append(tool.version())
            with TemporaryDirectory() as scratch:
                controls.append(tool.planted(Path(scratch)))
            said = tool.look(place)
            (place.out / f"{tool.name}.log").write_text(said)
            findings |= read(said, place.tree, tool.name)
        except Absent as error:
            missing.append(Skipped(what=tool.name, reason=str(error)))
            controls.append(Control(f"{tool.name} not tried", False))
    dirty = {finding.file for finding in findings}
    return share(
        ROW,
        TITLE,
        by=", ".join(tool.name for tool in ANALYSERS),
        version="; ".join(versions) or "none",
        good=len(set(every) - dirty) if not missing else 0,
        all_=len(every),
        control=both(controls),
        skipped=missing,
        complete=not missing,
        details=sorted(map(str, findings)),
    )


def files(tree: Path) -> list[str]:
    """What is looked at: C of csrc but DPDK's (its headers may not be here), and Python."""
    found = [p for p in (tree / C_PART).rglob("*.[ch]") if "dpdk" not in p.parts]
    found += [p for part in PYTHON_PARTS for p in (tree / part).rglob("*.py")]
    return sorted(p.relative_to(tree).as_posix() for p in found)


def read(said: str, tree: Path, tool: str) -> set[Finding]:
    """Findings in what a compiler-like tool says, of files of the tree; notes are none."""
    found = set()
    for match in _FINDING.finditer(said):
        name = below(match["file"], tree, "")
        if name is not None:
            found.add(Finding(name, int(match["line"]), match["what"].strip(), tool))
    return found


# --- the tools ---


def _commands(place: Place) -> list[dict[str, str]]:
    """How each C file of ours is compiled (compile_commands.json of an extension's build)."""
    builds.extension(place, "extension-plain", "-DRL_WERROR=OFF")
    path = place.tree / "build/quality/extension-plain/compile_commands.json"
    every: list[dict[str, str]] = json.loads(path.read_text())
    return [entry for entry in every if "/csrc/dpdk/" not in entry["file"]]


def _each(place: Place, command: Callable[[dict[str, str]], Sequence[str]]) -> str:
    """What a tool says of every C file, as many at a time as there are CPUs."""

    def look(entry: dict[str, str]) -> str:
        return run(command(entry), cwd=Path(entry["directory"]), timeout_s=900).said

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return "\n".join(pool.map(look, _commands(place)))


def _tidy(place: Place) -> str:
    where = str(place.tree / "build/quality/extension-plain")
    return _each(place, lambda e: ["nice", "clang-tidy", "-p", where, "--quiet", e["file"]])


def _analyzer_command(entry: dict[str, str]) -> list[str]:
    words = shlex.split(entry["command"].split(" -o ")[0])
    return ["nice", *words, *FANALYZER, "-S", "-o", "/dev/null", entry["file"]]


def _analyzer(place: Place) -> str:
    return _each(place, _analyzer_command)


def _cppcheck(place: Place) -> str:
    command = ["nice", "cppcheck", "--quiet", "-j2", *CPPCHECK, "-Icsrc", "-icsrc/dpdk", C_PART]
    return run([*command, _CPPCHECK_FORM], cwd=place.tree).said


_CPPCHECK_FORM = "--template={file}:{line}: finding: {message} [{id}]"


def _ruff(place: Place) -> str:
    command = ["ruff", "check", "--output-format=concise", *PYTHON_PARTS]
    return re.sub(r"(?m)^(\S+:\d+:\d+): ", r"\1: finding: ", run(command, cwd=place.tree).said)


def _mypy(place: Place) -> str:
    return run(["mypy", "--no-error-summary"], cwd=place.tree).said


def _finds(what: str, name: str, source: str, command: Sequence[str]) -> Callable[[Path], Control]:
    def planted(where: Path) -> Control:
        (where / name).write_text(source)
        done = run([*command, name], cwd=where, timeout_s=120)
        said = re.sub(r"(?m)^(\S+:\d+:\d+): (?=[A-Z]\d)", r"\1: finding: ", done.said)
        return Control(what, bool(read(said, where, "control")))

    return planted


ANALYSERS = (
    Analyser(
        "clang-tidy",
        lambda: version(["clang-tidy"]),
        _tidy,
        _finds(
            "null dereference (clang-tidy)",
            "planted.c",
            _PLANTED_C,
            ["clang-tidy", "--quiet", "--checks=-*,clang-analyzer-*"],
        ),
    ),
    Analyser(
        "cppcheck",
        lambda: version(["cppcheck"]),
        _cppcheck,
        _finds(
            "index behind an array (cppcheck)",
            "planted.c",
            _PLANTED_C,
            ["cppcheck", "--quiet", _CPPCHECK_FORM],
        ),
    ),
    Analyser(
        "gcc-fanalyzer",
        lambda: version(["gcc"]),
        _analyzer,
        _finds(
            "double free (gcc -fanalyzer)",
            "planted.c",
            _PLANTED_C,
            ["gcc", *FANALYZER, "-S", "-o", "/dev/null"],
        ),
    ),
    Analyser(
        "ruff",
        lambda: version(["ruff"]),
        _ruff,
        _finds(
            "unused import (ruff)",
            "planted.py",
            _PLANTED_LINT,
            ["ruff", "check", "--isolated", "--output-format=concise"],
        ),
    ),
    Analyser(
        "mypy",
        lambda: version(["mypy"]),
        _mypy,
        _finds(
            "wrong type of a result (mypy)",
            "planted.py",
            _PLANTED_TYPES,
            ["mypy", "--strict", "--no-error-summary", "--cache-dir=/dev/null"],
        ),
    ),
)
