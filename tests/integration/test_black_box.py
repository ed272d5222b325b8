"""A program in the engine's place: the example is right, and each way of being wrong is named."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import pytest
import yaml

pytest.importorskip("engine", reason="needs the compiled engine")

from harness.bench.cpus import Cpus
from harness.bench.launch import BenchError
from harness.bench.lines import lines_of
from harness.bench.plan import LinePlan
from harness.config.bench import NetnsBench
from harness.config.black_box import BlackBox
from harness.config.loader import parse
from harness.config.matrix import load_matrix
from harness.config.scenario import Scenario
from harness.errors import HostError
from harness.run.artifacts import RunDir
from harness.run.black_box import black_box
from harness.run.session import Session
from harness.run.verify import verify

from .conftest import needs_two_cpus, redline, the_run

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "scenarios/black-box.yaml"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built as its guide says."""
    needs_two_cpus()
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler: cc")
    built = tmp_path_factory.mktemp("program") / "engine"
    source = ROOT / "docs/examples/engine.c"
    subprocess.run(
        ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", built, source], check=True, timeout=60
    )
    return built


def scenario_of(program: Path, bug: str = "", **engine: object) -> Scenario:
    """The shipped one with one short trial, of the program with a bug."""
    data = yaml.safe_load(SHIPPED.read_text())
    data["engine"]["command"][0] = str(program)
    data["engine"]["command"] += [bug] if bug else []
    data["engine"] |= engine
    data["input"] |= {"orders": 1000, "messages": 20_000}
    data["noise"] = {"duration": "20ms"}
    data["phases"] = [phase for phase in data["phases"] if phase["phase"] == "black_box"]
    (trial,) = data["phases"][0]["trials"]
    trial |= {"warmup": "20ms", "duration": "200ms", "repeats": 1}
    return parse(yaml.safe_dump(data), Scenario, name="black-box.yaml")


def skip_if_starved(said: str) -> None:
    """A program that does not get its CPU loses datagrams; a trial says so when it did."""
    for words in ("found no room in its socket", "this host kept it from running"):
        if words in said:
            pytest.skip(f"needs a CPU for the program: {said}")


def over_a_network(scenario: Scenario, fault: object) -> Scenario:
    data = yaml.safe_load(scenario.to_yaml())
    data["bench"] = {"kind": "netns", "ring": "1MiB", "port": "udp"}
    data["phases"][0]["trials"][0]["impairment"] = {"seed": 5, "impair": [fault]}
    return parse(yaml.safe_dump(data), Scenario, name="faulty.yaml")


def checks_of(
    scenario: Scenario,
    out: Path,
    lines: Mapping[str, LinePlan] = MappingProxyType({}),
    *,
    faults_enabled: bool = True,
) -> dict[str, str]:
    """What was seen instead of what each check wants, of those that do not hold."""
    session = Session(
        scenario,
        RunDir.create(out),
        Cpus(*sorted(os.sched_getaffinity(0))[1::-1]),
        SimpleNamespace(note=lambda _: None),  # type: ignore[arg-type]
        load_matrix(ROOT / scenario.matrix),
        lines=lines,
        faults_enabled=faults_enabled,
    )
    (phase,) = scenario.phases
    assert isinstance(phase, BlackBox)
    try:
        black_box(phase, session)
    except BenchError as error:
        skip_if_starved(str(error))
        raise
    assert {one["id"] for one in session.measurements} == {
        "program.wire",
        "program.service",
        "program.lateness",
    }
    broken = {c["id"].rpartition(".")[2]: c["seen"] for c in session.checks if not c["ok"]}
    skip_if_starved(" ".join(broken.values()))
    lateness = next(one for one in session.measurements if one["id"] == "program.lateness")
    # Of 200 ms at 20k/s, and none of what is sent after the stop.
    assert lateness["facts"]["n"] == 4000 or "alive" in broken
    return broken


def test_the_example_keeps_every_promise(program: Path, tmp_path: Path) -> None:
    assert checks_of(scenario_of(program), tmp_path) == {}


@pytest.mark.parametrize(
    ("bug", "check", "says"),
    [
        ("price:20", "right", " wrong, the first: "),
        ("twice:20", "only", " unwanted, the first: "),
        ("deaf", "stopped", " after stop, the first: "),
        ("silent", "talks", "silence: not one valid order"),
        ("garbage", "understood", " garbled"),
        ("die:20", "alive", "was killed by SIGABRT"),
    ],
)
def test_a_broken_one_is_known_by_its_own_check(
    program: Path, tmp_path: Path, bug: str, check: str, says: str
) -> None:
    broken = checks_of(scenario_of(program, bug), tmp_path)
    assert says in broken[check], broken
    # Who says nothing that can be understood, or no more, misses orders too.
    assert set(broken) - {check} <= {
        "silent": {"complete"},
        "garbage": {"complete", "talks"},
        "die:20": {"complete"},
    }.get(bug, set()), broken


def test_a_rule_of_its_own_is_held_to_the_stop_and_to_the_protocol(
    program: Path, tmp_path: Path
) -> None:
    data = yaml.safe_load(scenario_of(program, "deaf", rule="own").to_yaml())
    data["strategy"]["every"] = 2  # no rule is asked: fewer orders are no fault
    scenario = parse(yaml.safe_dump(data), Scenario, name="own.yaml")
    assert set(checks_of(scenario, tmp_path)) == {"stopped"}


def test_one_that_never_connects_ends_the_run_in_a_sentence(program: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError) as refused:
        checks_of(scenario_of(program, "alone", connect="200ms"), tmp_path)
    assert str(refused.value) == "engine: did not connect to the order session within 0.2 s"


def test_one_order_in_ten_thousand_left_out_is_not_ready(program: Path, tmp_path: Path) -> None:
    scenario = scenario_of(program, "drop:10000")
    data = yaml.safe_load(scenario.to_yaml())
    data["strategy"]["imbalance"] = "1%"  # most changes at the best prices turn it
    data["phases"][0]["trials"][0] |= {"rate": "200k/s", "duration": "1400ms", "pack": 8}
    file = tmp_path / "broken.yaml"
    file.write_text(yaml.safe_dump(data))
    done = redline("run", file, "--out", tmp_path / "runs")
    skip_if_starved(" ".join((done.stdout + done.stderr).split()))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NOT READY" in done.stdout
    run = the_run(tmp_path / "runs")
    verdict = json.loads((run / "run.json").read_text())["verdict"]
    failed = [gate for gate in verdict["gates"] if gate["state"] == "FAIL"]
    assert [gate["id"] for gate in failed] == ["program_orders"]
    assert re.search(r"\b1 of 1[0-9]{4} missing, the first: ", failed[0]["reason"])
    assert "missing, the first: " in " ".join(done.stdout.split())
    assert str(program) in (run / "report.html").read_text()
    assert verify(run) == []


@pytest.fixture
def lines() -> Iterator[Mapping[str, LinePlan]]:
    try:
        with lines_of(NetnsBench(kind="netns", ring="1MiB", port="udp")) as found:
            yield found
    except HostError as error:
        pytest.skip(f"needs namespaces of its own: {error}")


DUPLICATE, LOSS = {"duplicate": "1%"}, {"blackhole": {"after": 4000, "for": 10}}


@pytest.mark.parametrize(
    ("bug", "fault", "broken"),
    [
        ("", DUPLICATE, set()),
        ("repeats", DUPLICATE, {"complete", "only", "right"}),
        ("", LOSS, set()),  # judged up to the loss: nobody sends again what is lost
        ("price:20", LOSS, {"right"}),
    ],
)
def test_faults_on_its_market_data_are_done_and_judged_as_far_as_can_be_known(
    program: Path,
    tmp_path: Path,
    lines: Mapping[str, LinePlan],
    bug: str,
    fault: object,
    broken: set[str],
) -> None:
    scenario = over_a_network(scenario_of(program, bug), fault)
    found = set(checks_of(scenario, tmp_path, lines))
    assert found <= broken
    assert bool(found) == bool(broken)


def test_a_fault_that_was_not_done_fails_its_trial(
    program: Path, tmp_path: Path, lines: Mapping[str, LinePlan]
) -> None:
    scenario = over_a_network(scenario_of(program), DUPLICATE)
    without = checks_of(scenario, tmp_path, lines, faults_enabled=False)
    assert without == {"effect": "0 packets met it"}


def test_a_program_that_is_not_there_is_named_before_anything_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "absent.yaml"
    file.write_text(scenario_of(tmp_path / "engine").to_yaml())
    done = redline("run", file, "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert done.stderr.strip() == f"engine: {tmp_path}/engine: not there; build it first"
    assert not (tmp_path / "runs").exists()


def test_a_capture_that_ends_is_refused_before_anything_is_measured(
    program: Path, tmp_path: Path, captures: Path
) -> None:
    file = tmp_path / "captured.yaml"
    file.write_text(scenario_of(program).to_yaml())
    capture = captures / "itch" / "artificial-itch50.gz"
    done = redline("run", file, "--input", capture, "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert done.stderr.startswith("--input: a program is sent the synthetic stream alone")
    assert not (tmp_path / "runs").exists()
