"""What runs at night and for changes: valid, made of commands that exist, safe for the machine."""

from __future__ import annotations

import copy
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from harness.cli import main

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
UNITS = sorted((ROOT / "hosts/systemd").iterdir())
SCRIPT = ROOT / ".ci/nightly"
STEPS = ("fit", "perf", "matrix", "stability", "scorecard", "restore")
OPT = "/opt/redline"  # where the units expect the checkout


class Loader(yaml.SafeLoader):
    """YAML as the forge reads it: `on` is a word."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in found if tag != "tag:yaml.org,2002:bool"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


def load(path: Path) -> dict[str, Any]:
    found = yaml.load(path.read_text(), Loader)
    assert isinstance(found, dict)
    return found


NIGHTLY = load(ROOT / ".github/workflows/nightly.yml")


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    """By the published schema of workflows, as check-jsonschema brings it along."""
    schemas = pytest.importorskip("check_jsonschema.builtin_schemas")
    return jsonschema.Draft7Validator(schemas.get_builtin_schema("vendor.github-workflows"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_one_by_the_schema(path: Path, validator: jsonschema.Draft7Validator) -> None:
    assert [error.message for error in validator.iter_errors(load(path))] == []


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ((), "on", {"nightly": None}),
        ((), "concurrencies", "x"),
        (("jobs", "night"), "timeout-minutes", "long"),
        (("jobs", "night"), "runs_on", "x"),
        (("jobs", "night", "steps", 0), "run", ["x"]),
    ],
)
def test_the_schema_finds_a_mistake(
    where: tuple[str | int, ...], key: str, value: object, validator: jsonschema.Draft7Validator
) -> None:
    broken = copy.deepcopy(NIGHTLY)
    place: Any = broken
    for name in where:
        place = place[name]
    place[key] = value
    assert list(validator.iter_errors(broken))


def steps_of(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def faults_of_run(line: str) -> list[str]:
    """Why a line of a workflow would not run: a target or a step that is not there."""
    words = [word for word in shlex.split(line) if not word.startswith("$")]
    words = words[1:] if words[0] == "sudo" else words
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text()
        known = set(re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE))
        targets = {one for group in known for one in group.split()} | {".venv/.installed-dev"}
        matrix = load(ROOT / ".github/workflows/ci.yml")["jobs"]["core"]["strategy"]["matrix"]
        asked = matrix["preset"] if "matrix.preset" in line else words[1:]
        return [f"no target {one}" for one in asked if one not in targets]
    if words[0] == ".ci/nightly":
        return [f"no step {one}" for one in words[1:2] if one not in STEPS]
    return []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_everything_that_a_workflow_runs_is_there(path: Path) -> None:
    lines = [step["run"] for step in steps_of(load(path)) if "run" in step]
    assert lines
    assert [fault for line in lines for fault in faults_of_run(line)] == []


@pytest.mark.parametrize("line", ["make tests", "sudo make dep", ".ci/nightly sleep"])
def test_a_command_that_is_not_there_is_found(line: str) -> None:
    assert faults_of_run(line)


def safety_faults(workflow: dict[str, Any]) -> list[str]:
    """What endangers a machine of one's own: code of others, or a second night beside the first."""
    faults = []
    triggers = set(workflow["on"])
    for name, job in workflow["jobs"].items():
        if "self-hosted" not in job["runs-on"]:
            continue
        faults += [f"{name}: on {one}" for one in triggers - {"schedule", "workflow_dispatch"}]
        if workflow.get("concurrency", {}).get("cancel-in-progress") is not False:
            faults.append(f"{name}: one night cancels another, or runs beside it")
        if "timeout-minutes" not in job:
            faults.append(f"{name}: without an end")
    return faults


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_machine_of_ours_runs_only_what_is_ours(path: Path) -> None:
    assert safety_faults(load(path)) == []


def test_a_workflow_that_would_run_pull_requests_there_is_found() -> None:
    on = {**NIGHTLY["on"], "pull_request": None}
    assert safety_faults({**NIGHTLY, "on": on}) == ["night: on pull_request"]
    assert safety_faults({k: v for k, v in NIGHTLY.items() if k != "concurrency"})


def test_a_night_refuses_then_measures_and_ends_well_whatever_happens() -> None:
    steps = NIGHTLY["jobs"]["night"]["steps"]
    of = {step["run"].split()[1]: step for step in steps if ".ci/nightly" in step.get("run", "")}
    assert tuple(of) == STEPS
    assert "if" not in of["fit"]
    assert "if" not in of["perf"], "not run when the machine was refused"
    for name in ("matrix", "stability"):
        assert "steps.fit.outcome == 'success'" in of[name]["if"]
    assert [of[name]["if"] for name in ("scorecard", "restore")] == ["always()"] * 2
    upload = steps[-1]
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert upload["if"] == "always()"


def test_a_night_is_longer_than_its_hours() -> None:
    minutes = NIGHTLY["jobs"]["night"]["timeout-minutes"]
    assert minutes > 60 * float(NIGHTLY["on"]["workflow_dispatch"]["inputs"]["hours"]["default"])


@pytest.mark.parametrize("path", [*WORKFLOWS, *UNITS, SCRIPT], ids=lambda path: path.name)
def test_no_machine_or_registry_is_named(path: Path) -> None:
    assert re.findall(r"https?:|index-url|proxy|\d+\.\d+\.\d+\.\d+", path.read_text()) == []
    used = re.findall(r"uses: (\S+)", path.read_text())
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", one) for one in used)


def script_commands() -> list[list[str]]:
    text = SCRIPT.read_text().replace("\\\n", " ")
    text = re.sub(r"\$\{HOST:\+([^}]*)\}", lambda found: found[1], text)
    found = re.findall(r'"?\$BIN/(?:redline|pytest)[^"\n]*"?[^\n|&;]*', text)
    return [shlex.split(line.replace('"', " ").replace("$(", " ").rstrip(") ")) for line in found]


def command_faults(words: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Why one of our commands would be refused: itself, or an option."""
    if main([*words[1 : 3 if words[1] == "host" else 2], "--help"]) != 0:
        return [f"no command {words[1]}"]
    said = capsys.readouterr().out
    return [one for one in words if one.startswith("--") and one not in said]


def test_every_command_of_the_night_exists(capsys: pytest.CaptureFixture[str]) -> None:
    ours = [words for words in script_commands() if words[0].endswith("redline")]
    assert {words[1] for words in ours} == {"host", "run", "report"}
    assert [fault for words in ours for fault in command_faults(words, capsys)] == []


@pytest.mark.parametrize("line", ["redline nights", "redline host check --deep", "redline run --x"])
def test_a_command_of_the_night_that_is_not_there_is_found(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_faults(line.split(), capsys)


def test_every_option_of_its_tests_is_one_of_the_plugin(pytestconfig: pytest.Config) -> None:
    found = set(re.findall(r"--(profile|host|run-dir|hours)\b", SCRIPT.read_text()))
    assert found == {"profile", "host", "run-dir", "hours"}
    for option in found:
        pytestconfig.getoption(option.replace("-", "_"))


FAKE = """\
#!/bin/sh
echo "$(basename "$0") $*" >> calls
case "$*" in {cases} esac
"""


def night(where: Path, step: str, **codes: int) -> tuple[int, list[str]]:
    """The script in a checkout where programs only note that they were called."""
    for folder in (".ci", ".venv/bin"):
        (where / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy(SCRIPT, where / ".ci")
    cases = " ".join(f"*{word}*) exit {code};;" for word, code in codes.items())
    for name in ("redline", "pytest"):
        program = where / ".venv/bin" / name
        program.write_text(FAKE.format(cases=cases))
        program.chmod(0o755)
    done = subprocess.run([where / ".ci/nightly", step], capture_output=True, timeout=30)
    calls = where / "calls"
    return done.returncode, calls.read_text().splitlines() if calls.exists() else []


def test_a_whole_night_in_its_order(tmp_path: Path) -> None:
    for name, s_from_now in (("last-week", -1e6), ("tonight", 1e3), ("cut-off.partial", 1e3)):
        (tmp_path / "runs" / name).mkdir(parents=True)
        record = tmp_path / "runs" / name / "run.json"
        record.touch()
        when = time.time() + s_from_now
        os.utime(record, (when, when))
    code, calls = night(tmp_path, "all")
    assert code == 0
    assert [re.search("apply|perf|week1|stability|report|restore", one)[0] for one in calls] == [  # type: ignore[index]
        *("apply", "perf", "week1", "stability", "report", "restore")
    ]
    assert "redline report runs/tonight --line" in calls


def test_a_machine_that_is_not_fit_is_not_measured(tmp_path: Path) -> None:
    code, calls = night(tmp_path, "all", apply=1)
    assert code == 3
    assert [one.split()[:3] for one in calls] == [
        ["redline", "host", "apply"],
        ["redline", "host", "restore"],
    ]


@pytest.mark.parametrize("code", [1, 75])
def test_a_step_that_fails_keeps_none_of_the_others_from_running(code: int, tmp_path: Path) -> None:
    found, calls = night(tmp_path, "all", perf=code)
    assert found == code
    assert any("-m stability" in one for one in calls)
    assert calls[-1] == "redline host restore"


def test_a_machine_that_could_not_be_put_back_is_what_counts_most(tmp_path: Path) -> None:
    assert night(tmp_path, "all", perf=75, restore=1)[0] == 1


def test_a_night_without_a_run_could_not_tell(tmp_path: Path) -> None:
    assert night(tmp_path, "scorecard")[0] == 75


def test_a_step_that_there_is_not_is_a_mistake(tmp_path: Path) -> None:
    assert night(tmp_path, "sleep") == (2, [])


def verified(folder: Path) -> subprocess.CompletedProcess[str]:
    names = [str(path) for path in folder.iterdir() if "@" not in path.name]
    names += [str(path).replace("@", "@4") for path in folder.iterdir() if "@" in path.name]
    command = ["systemd-analyze", "verify", "--man=no", *names]
    # Its own idea of a manager is not asked for: only whether these files are right.
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, for this checkout."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    for path in UNITS:
        (tmp_path / path.name).write_text(path.read_text().replace(OPT, str(ROOT)))
    return tmp_path


def test_systemd_takes_the_units(units: Path) -> None:
    done = verified(units)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new"), [("LimitMEMLOCK", "LimitMEMLOK"), (".ci/nightly all", ".ci/nightlyy all")]
)
def test_systemd_finds_a_mistake_in_a_unit(old: str, new: str, units: Path) -> None:
    unit = units / "redline-nightly.service"
    unit.write_text(unit.read_text().replace(old, new))
    assert verified(units).stderr


def test_units_put_the_machine_back_and_shun_production() -> None:
    for path in UNITS:
        if path.suffix == ".service":
            text = path.read_text()
            assert f"ExecStopPost={OPT}/.ci/nightly restore" in text
            assert "ConditionPathExists=!/etc/redline/production" in text
