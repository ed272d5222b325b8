"""The plugin as a user's own test suite meets it; runs themselves: test_pytest_guide.py."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as Tree

import pytest

MARKED = """\
import pytest

@pytest.mark.{marker}
def test_it(hours):
    print("ran for", hours)
"""

# Tests elsewhere may tune this machine: a directory stands in for the kernel's lock.
CONFTEST = """\
from pathlib import Path
from harness.tuning import lock
lock.KERNEL = Path(__file__).parent
"""


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """The directory of a user's suite."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    return tmp_path


def command(where: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", *options, str(where)]


def environment(where: Path) -> dict[str, str]:
    return os.environ | {"REDLINE_STATE": str(where / "state"), "PYTHONPATH": str(where)}


def run_suite(where: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    (where / "test_it.py").write_text(textwrap.dedent(text))
    return subprocess.run(
        command(where, *options),
        cwd=where,
        env=environment(where),
        capture_output=True,
        text=True,
        timeout=60,
    )


SHARING = """\
import pytest
@pytest.mark.perf
def test_perf(): pass
@pytest.mark.stress
def test_stress(): pass
@pytest.mark.stability
def test_stability(): pass
def test_measure(measure): pass
def test_host(tuned_host): pass
def test_asks(request): request.getfixturevalue("engine_run")
def test_other(): pass
class TestOwn:
    @pytest.fixture
    def bench(self): return "a piece of furniture"
    def test_own(self, bench): assert bench == "a piece of furniture"
"""


def test_a_test_that_measures_refuses_to_share_the_machine(where: Path) -> None:
    done = run_suite(where, SHARING, "-n", "1")
    assert done.returncode == 1
    for name in ("perf", "stress", "stability"):
        assert f"a {name} test needs the machine to itself: run it with -n 0" in done.stdout
    assert "a test with the fixture tuned_host needs the machine to itself" in done.stdout
    assert re.search(r"\b1 failed, 2 passed,.* 5 errors in", done.stdout)


def test_a_measuring_test_runs_alone(where: Path) -> None:
    done = run_suite(where, MARKED.format(marker="perf"), "-n", "0")
    assert done.returncode == 0, done.stdout


def test_hours_reach_the_test(where: Path) -> None:
    text = MARKED.format(marker="stability")
    done = run_suite(where, text, "-m", "stability", "--hours", "0.25")
    assert "ran for 0.25" in done.stdout


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--hours=0", "--hours"),
        ("--hours=-1", "--hours"),
        ("--hours=many", "--hours"),
        ("--hours=100000", "--hours"),
        ("--keep-tuned", "nothing is tuned without --profile"),
        ("--baseline=nowhere", "no run directory: nowhere"),
    ],
)
def test_options_that_make_no_sense_are_refused(option: str, said: str, where: Path) -> None:
    done = run_suite(where, MARKED.format(marker="stability"), option)
    assert done.returncode == 4
    assert said in done.stderr


def test_every_marker_is_known_to_strict_suites(where: Path) -> None:
    names = ("unit", "integration", "perf", "stress", "stability", "failure", "security")
    marks = "\n".join(f"@pytest.mark.{name}" for name in names)
    done = run_suite(where, f"import pytest\n{marks}\ndef test_it(): pass", "--strict-markers")
    assert done.returncode == 0, done.stdout


UNJUDGEABLE = """\
from harness.testing.outcomes import Unjudgeable
def test_unknown():
    raise Unjudgeable("the host is noisy")
def test_passes(): pass
"""


@pytest.mark.parametrize("n", ["0", "1"])
def test_what_cannot_be_told_is_no_pass(n: str, where: Path) -> None:
    xml = where / "junit.xml"
    done = run_suite(where, UNJUDGEABLE, "-v", "-n", n, f"--junitxml={xml}")
    assert done.returncode == 75
    assert "test_it.py::test_unknown: the host is noisy" in done.stdout
    assert re.search(r"\b1 passed, .*\b1 unjudgeable in", done.stdout)
    assert "skipped" not in done.stdout
    (unknown,) = (one for one in Tree.parse(xml).iter("testcase") if len(one))
    assert unknown.get("name") == "test_unknown"
    (skipped,) = unknown.iter("skipped")
    assert skipped.get("message") == "UNJUDGEABLE: the host is noisy"
    (of_the_test,) = unknown.iter("property")
    assert of_the_test.get("value") == "UNJUDGEABLE"
    suite = Tree.parse(xml).find("testsuite/properties/property")
    assert suite is not None, "the fingerprint of the session is there, also beside workers"
    assert (suite.get("name"), len(suite.get("value", ""))) == ("redline.fingerprint", 64)


def test_a_failure_weighs_more_than_what_cannot_be_told(where: Path) -> None:
    done = run_suite(where, UNJUDGEABLE + "def test_fails(): assert 0")
    assert done.returncode == 1


def test_an_ordinary_skip_stays_one(where: Path) -> None:
    done = run_suite(where, "import pytest\ndef test_it(): pytest.skip('no card')")
    assert done.returncode == 0
    assert "1 skipped" in done.stdout


HOLD = """\
import pathlib, time, pytest
@pytest.fixture(scope="session")
def part():
    yield
    pathlib.Path("given-back").touch()
@pytest.mark.perf
def test_it(part):
    pathlib.Path("held").touch()
    time.sleep(60)
"""


@pytest.fixture
def holder(where: Path) -> Iterator[subprocess.Popen[str]]:
    """A session in the middle of a measuring test."""
    (where / "test_it.py").write_text(HOLD)
    with subprocess.Popen(
        command(where),
        cwd=where,
        env=environment(where),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for _ in range(1000):
            if (where / "held").exists() or process.poll() is not None:
                break
            time.sleep(0.02)
        assert process.poll() is None, process.communicate()[0]
        yield process
        process.kill()


def test_a_second_session_finds_the_machine_taken(
    holder: subprocess.Popen[str], where: Path
) -> None:
    second = where / "second"
    second.mkdir()
    (second / "test_two.py").write_text(MARKED.format(marker="perf"))
    done = subprocess.run(
        command(second), cwd=where, env=environment(where), capture_output=True, text=True
    )
    assert done.returncode == 3, done.stdout
    assert f"this host is in use: in use by pytest by process {holder.pid}" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_session_that_is_told_to_end_gives_everything_back(
    number: signal.Signals, holder: subprocess.Popen[str], where: Path
) -> None:
    holder.send_signal(number)
    said = holder.communicate(timeout=30)[0]
    assert holder.returncode == 2, said
    assert (where / "given-back").exists()
    assert (where / "state/tuning/lock").read_text() == ""


EARLY = """\
from pathlib import Path
from harness.testing import workers
workers.ISOLATED = Path(__file__).parent / "isolated"
"""


@pytest.mark.parametrize("n", ["0", "1"])
def test_workers_leave_the_cpus_that_are_measured_on(n: str, where: Path) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        pytest.skip("needs two CPUs: this process may use one")
    (where / "early.py").write_text(EARLY)
    (where / "isolated").write_text(f"{allowed[-1]}\n")
    kept = set(allowed[:-1] if n == "1" else allowed)
    text = f"import os\ndef test_it(): assert os.sched_getaffinity(0) == {kept}"
    done = run_suite(where, text, "-p", "early", "-n", n)
    assert done.returncode == 0, done.stdout
