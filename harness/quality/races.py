"""Data races: the C tests under ThreadSanitizer of both compilers, and the models of protocols.

A sanitizer sees the executions that happened; the models (tests/model) see all of small protocols.
"""

from __future__ import annotations

import sys

from harness.quality import builds, sanitizer
from harness.quality.builds import Place
from harness.quality.found import Found, both, count
from harness.quality.junit import End, read
from harness.quality.leaks import failed, skips
from harness.quality.program import run, version

ROW, TITLE = "data_races", "Data races"
MODELS = "tests/unit/test_memory_orders.py"
_RACE = """#include <pthread.h>
static int counter;
static void *count(void *unused)
{
    for (int i = 0; i < 1000; i++)
        counter++;
    return unused;
}
int main(void)
{
    pthread_t one;
    pthread_create(&one, NULL, count, NULL);
    count(NULL);
    pthread_join(one, NULL);
    return 0;
}
"""


def measure(place: Place) -> Found:
    """The row; Absent when a compiler or its runtime is missing."""
    controls, findings, skipped, said = [], [], [], []
    for compiler, name in (("gcc", "tsan"), ("clang", "quality/tsan-clang")):
        controls.append(
            sanitizer.planted(compiler, _RACE, "-fsanitize=thread", "-O1", words="data race")
        )
        build = builds.c_tests(
            place,
            name,
            "-DRL_SANITIZE=thread",
            "-DRL_TEST_FLAGS=-O1 -g1",
            "-DRL_WERROR=OFF",
            f"-DCMAKE_C_COMPILER={compiler}",
        )
        logs = place.out / f"tsan-{compiler}"
        report = place.out / f"tsan-{compiler}.xml"
        cases = builds.ctest(place, build, report, env=sanitizer.options(logs))
        findings += [f"{compiler}: {one}" for one in sanitizer.reports(logs) + failed(cases)]
        skipped += skips(cases)
        n = sum(case.end is End.PASSED for case in cases)
        said.append(f"{compiler}: {n} programs with threads ran to their end")
    report = place.out / "models.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=600"]
    run([*command, f"--junitxml={report}", MODELS], cwd=place.tree)
    models = read(report)
    findings += [f"models: {one}" for one in failed(models)]
    said.append(f"{sum(c.end is End.PASSED for c in models)} checks of {MODELS}")
    return count(
        ROW,
        TITLE,
        by="ThreadSanitizer of gcc and clang, models of the protocols",
        version=f"{version(['gcc'])}; {version(['clang'])}",
        findings=findings,
        control=both(controls),
        skipped=skipped,
        details=said,
    )
