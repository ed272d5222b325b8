"""The guide to measuring tests: its suite, typed off, run in an empty directory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Tree

import pytest

from .conftest import needs_two_cpus

GUIDE = (Path(__file__).parents[2] / "docs/guides/pytest.md").read_text()
# Tests elsewhere may tune this machine: a directory stands in for the kernel's lock.
CONFTEST = """\
from pathlib import Path
from harness.tuning import lock
lock.KERNEL = Path(__file__).parent
"""


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs_two_cpus()
    where = tmp_path_factory.mktemp("suite")
    (where / "conftest.py").write_text(CONFTEST)
    (where / "my_bench.yaml").write_text(block("yaml"))
    (where / "test_my_engine.py").write_text(block("python"))
    return where


@pytest.fixture(scope="module")
def done(suite: Path) -> subprocess.CompletedProcess[str]:
    return session(suite, "-rA", "--junitxml=tests.xml")


def session(where: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    env = os.environ | {"REDLINE_STATE": str(where / "state")}
    return subprocess.run(command, cwd=where, env=env, capture_output=True, text=True, timeout=110)


def test_what_is_right_passes_on_any_machine(done: subprocess.CompletedProcess[str]) -> None:
    assert "PASSED test_my_engine.py::test_every_answer_is_right" in done.stdout, done.stdout


def test_a_run_that_proves_too_little_is_no_pass(done: subprocess.CompletedProcess[str]) -> None:
    assert "PASSED test_my_engine.py::test_this_host_may_trade" not in done.stdout
    assert done.returncode in (1, 75), done.stdout
    assert "UNJUDGEABLE: this machine could not tell" in done.stdout


def test_runs_are_normal_runs(suite: Path, done: subprocess.CompletedProcess[str]) -> None:
    runs = sorted(path for path in (suite / "runs").iterdir() if path.is_dir())
    assert len(runs) >= 2, done.stdout
    assert (suite / "runs/history.db").exists()
    for run in runs:
        assert str(run.relative_to(suite)) in done.stdout
        command = [sys.executable, "-m", "harness.cli", "verify", str(run)]
        assert subprocess.run(command, capture_output=True, timeout=60).returncode == 0


def test_a_metric_alone_is_measured_alone(
    suite: Path, done: subprocess.CompletedProcess[str]
) -> None:
    records = [json.loads(p.read_text()) for p in (suite / "runs").glob("*/run.json")]
    families = [{one["id"].partition(".")[0] for one in r["measurements"]} for r in records]
    assert any("e2e" in found for found in families), done.stdout
    assert any("risk" in found and "e2e" not in found for found in families), done.stdout


def test_junit_says_where_and_what(suite: Path, done: subprocess.CompletedProcess[str]) -> None:
    root = Tree.parse(suite / "tests.xml")
    said = {p.get("name"): p.get("value") for p in root.findall("testsuite/properties/property")}
    assert said["redline.verdict"] in ("NOT READY", "INCONCLUSIVE"), done.stdout
    case = next(
        one for one in root.iter("testcase") if one.get("name") == "test_every_answer_is_right"
    )
    of_the_test = {p.get("name"): p.get("value") for p in case.iter("property")}
    assert of_the_test["redline.fingerprint"] == said["redline.fingerprint"]
    assert of_the_test["redline.run"]


FORGETFUL = """\
def test_it(measure):
    print(measure("e2e.wire", "./my_bench.yaml").dir)
"""


def test_a_run_that_nobody_answered_for_answers_for_itself(suite: Path) -> None:
    (suite / "forgetful.py").write_text(FORGETFUL)
    found = session(suite, "forgetful.py")
    assert found.returncode in (1, 75), found.stdout
    assert "1 passed" not in found.stdout


MISTAKES = """\
def test_file(engine_run): engine_run("./nowhere.yaml")
def test_rate(engine_run): engine_run("smoke", rate="fast")
def test_metric(engine_run): engine_run("smoke", metric="risk")
def test_name(measure): measure("risk.check", "smok")
"""


def test_a_mistake_is_one_line(suite: Path) -> None:
    (suite / "mistaken.py").write_text(MISTAKES)
    found = session(suite, "mistaken.py")
    assert found.returncode == 1
    for said in ("nowhere.yaml", "rate: ", "measures 'risk'", "no scenario is called 'smok'"):
        assert said in found.stdout
    assert "4 failed" in found.stdout
    assert "Traceback" not in found.stdout
    assert "During handling" not in found.stdout


@pytest.mark.parametrize("option", sorted(set(re.findall(r"^\| `(--[a-z-]+)", GUIDE, re.M))))
def test_an_option_of_the_guide_exists(option: str, pytestconfig: pytest.Config) -> None:
    pytestconfig.getoption(option.removeprefix("--").replace("-", "_"))
