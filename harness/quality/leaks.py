"""Memory: the C tests and the extension under AddressSanitizer and LeakSanitizer.

Through Python the runtime is preloaded, the interpreter's own allocator is set aside (it would hide
both overflows and leaks), and nothing is believed but the report files and the ends of tests:
pytest keeps what a dying process says.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from harness.config.quality import Skipped
from harness.quality import builds, sanitizer
from harness.quality.builds import Place
from harness.quality.found import Control, Found, both, count
from harness.quality.junit import Case, End, read
from harness.quality.program import Absent, must, run, version

ROW, TITLE = "memory_leaks", "Memory leaks"
_FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")

_LEAK = """#include <stdlib.h>
static void *volatile kept;
int main(void)
{
    kept = malloc(64);
    kept = NULL;
    return 0;
}
"""
_OVERFLOW = """#include <stdlib.h>
int main(int argc, char **argv)
{
    volatile char *p = malloc(8);
    p[7 + argc] = argv != NULL;
    return 0;
}
"""
_LIBRARY = """#include <stdlib.h>
static void *volatile kept;
void lose(void)
{
    kept = malloc(64);
    kept = NULL;
}
"""
_PYTHON_LEAK = """import ctypes, sys, engine
ctypes.CDLL(sys.argv[1]).lose()
"""
OURS = "/csrc/"  # in a frame; what the interpreter itself keeps until its end is not ours
# Programs of which a child breaks on purpose, and the function that does.
BREAKS_ITSELF = {"test_fix_paths": "test_the_fence_notices_one_byte_too_many"}


def measure(place: Place) -> Found:
    """The row; Absent when a compiler or its runtime is missing."""
    controls = [
        sanitizer.planted("cc", _LEAK, *_FLAGS, words="leak of 64 byte"),
        sanitizer.planted("cc", _OVERFLOW, *_FLAGS, words="heap-buffer-overflow"),
    ]
    build = builds.c_tests(place, "asan", "-DRL_SANITIZE=address,undefined", *_quick())
    logs = place.out / "asan-c"
    cases = builds.ctest(
        place,
        build,
        place.out / "asan-c.xml",
        *("-E", "_broken$"),  # fuzz targets with a fault, which find it
        env=sanitizer.options(logs, "detect_leaks=1"),
    )
    findings = sanitizer.reports(logs, without=BREAKS_ITSELF)
    findings += failed(cases)
    python = _through_python(place)
    controls.append(python.control)
    findings += python.findings
    ran = sum(case.end is End.PASSED for case in cases)
    return count(
        ROW,
        TITLE,
        by="gcc AddressSanitizer and LeakSanitizer, C and through Python",
        version=version(["cc"]),
        findings=findings,
        control=both(controls),
        skipped=[*skips(cases), *python.skipped],
        details=[f"{ran} C programs and {python.n_tests} Python tests ran to their end"],
    )


def failed(cases: Sequence[Case]) -> list[str]:
    """Tests that fail under a tool: something was found, whether it left a report or not."""
    return [
        f"{case.title}: {case.end}: {case.why}"
        for case in cases
        if case.end in (End.FAILED, End.ERROR)
    ]


def skips(cases: Sequence[Case]) -> list[Skipped]:
    return [
        Skipped(what=case.title[:200], reason=(case.why or "says itself that it cannot run")[:200])
        for case in cases
        if case.end in (End.SKIPPED, End.EXPECTED)
    ]


# --- through Python ---


class _Python:
    def __init__(
        self, control: Control, findings: list[str], n_tests: int, skipped: list[Skipped]
    ) -> None:
        self.control = control
        self.findings = findings
        self.n_tests = n_tests
        self.skipped = skipped


def tests_of_the_engine(tree: Path) -> list[str]:
    """The unit tests that import the engine themselves, and so run it in their own process."""
    return sorted(
        path.relative_to(tree).as_posix()
        for path in (tree / "tests/unit").glob("test_*.py")
        if any(
            line.startswith(("from engine", "import engine"))
            for line in path.read_text().splitlines()
        )
    )


def _through_python(place: Place) -> _Python:
    core = builds.extension(place, "extension-asan", "-DRL_SANITIZE=address,undefined", *_quick())
    runtime = must(["cc", "-print-file-name=libasan.so"], cwd=place.tree).strip()
    if "/" not in runtime:
        raise Absent("libasan.so: is not installed (on Debian: libasan of the gcc)")
    logs = place.out / "asan-python"
    env = {**core, "LD_PRELOAD": runtime, "PYTHONMALLOC": "malloc"}

    env |= sanitizer.options(logs, "detect_leaks=1")
    builds.loads(place, env)
    control = _control(place, logs, env)
    env |= sanitizer.options(logs, "detect_leaks=1")  # and no report is left of the control
    cases: list[Case] = []
    # A process a file: one that dies takes no other's findings along.
    for path in tests_of_the_engine(place.tree):
        report = logs / f"{Path(path).stem}.xml"
        command = ["nice", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["--timeout=900", f"--junitxml={report}", path]
        run(command, cwd=place.tree, env=env, log=report.with_suffix(".log"))
        try:
            cases += read(report)
        except Absent as error:  # it died on the way, and its report says of what
            cases.append(Case(Path(path).stem, "", End.ERROR, str(error)))
    return _Python(
        control,
        [*sanitizer.reports(logs, within=OURS), *failed(cases)],
        sum(case.end is End.PASSED for case in cases),
        skips(cases),
    )


def _control(place: Place, logs: Path, env: dict[str, str]) -> Control:
    """Whether a loss in a library that is called as the extension is would be seen and kept."""
    source, library = place.out / "csrc/planted.c", place.out / "planted.so"
    source.parent.mkdir(exist_ok=True)
    source.write_text(_LIBRARY)
    flags = ["-g1", "-shared", "-fPIC", *_FLAGS]
    must(["cc", *flags, str(source), "-o", str(library)], cwd=place.tree)
    run([sys.executable, "-c", _PYTHON_LEAK, str(library)], cwd=place.tree, env=env)
    found = any("leak of 64 byte" in one for one in sanitizer.reports(logs, within=OURS))
    return Control("leak of 64 byte in a Python process", found)


def _quick() -> tuple[str, ...]:
    return ("-DRL_TEST_FLAGS=-O1 -g1", "-DRL_WERROR=OFF")
