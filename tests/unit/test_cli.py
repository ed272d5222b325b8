"""The command line: each command does one thing, each mistake is one line and the right code."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress as Bar
from run_dirs import build

import harness
from harness import cli
from harness.config.scenario import Scenario, TickToTrade
from harness.errors import ExitCode, HostError
from harness.run.progress import Lines, Progress, Silent, Terminal, reporting

WEEK1 = "scenarios/week1.yaml"


@dataclass(frozen=True)
class Result:
    """What a command left on the terminal, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def redline(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Run the command line in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Result:
        code = cli.main(words)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@dataclass(frozen=True)
class Outcome:
    dir: Path
    verdict: str
    exit_code: ExitCode
    summary: str


@dataclass
class Runner:
    """Stands in for the main job: keeps what it was called with, does what it is told."""

    verdict: str = "READY"
    exit_code: ExitCode = ExitCode.READY
    fails: BaseException | None = None
    scenario: Scenario | None = None
    called: dict[str, Any] | None = None

    def __call__(self, scenario: Scenario, **called: Any) -> Outcome:
        self.scenario, self.called = scenario, called
        called["progress"].phase("noise floor before", 3.0)
        if self.fails is not None:
            raise self.fails
        return Outcome(called["out"] / "some-run", self.verdict, self.exit_code, "the scorecard\n")


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Runner:
    stub = Runner()
    monkeypatch.setattr("harness.commands.run.why_no_engine", lambda: None)
    module = ModuleType("harness.run.runner")
    module.run = stub  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "harness.run.runner", module)
    return stub


class TestRun:
    """`redline run`: options reach the runner, its verdict becomes the exit code."""

    def test_the_scenario_and_the_places_reach_the_runner(
        self, redline: Callable[..., Result], runner: Runner, tmp_path: Path
    ) -> None:
        (tmp_path / "a.pcap").write_bytes(b"x")
        result = redline("run", WEEK1, "--input", "a.pcap", "--out", "there")
        assert (result.code, result.out) == (0, "the scorecard\n")
        assert runner.scenario is not None
        assert runner.called is not None
        assert runner.scenario.name == "week1"
        assert runner.called["input_path"] == Path("a.pcap")
        assert runner.called["out"] == Path("there")
        assert runner.called["scenario_path"].name == "week1.yaml"

    def test_without_a_scenario_the_main_one_is_run(
        self, redline: Callable[..., Result], runner: Runner
    ) -> None:
        assert redline("run").code == 0
        assert runner.scenario is not None
        assert runner.scenario.name == "week1"

    def test_options_change_the_scenario_that_is_run(
        self, redline: Callable[..., Result], runner: Runner
    ) -> None:
        assert redline("run", "week1", "--rate", "500k/s", "--duration", "10s").code == 0
        assert runner.scenario is not None
        (phase,) = (p for p in runner.scenario.phases if isinstance(p, TickToTrade))
        assert phase.trials[0].rate_per_s == 500_000
        assert phase.trials[0].duration_ns == 10 * 10**9

    @pytest.mark.parametrize("code", [ExitCode.READY, ExitCode.FAIL, ExitCode.INCONCLUSIVE])
    def test_the_verdict_is_the_exit_code(
        self, redline: Callable[..., Result], runner: Runner, code: ExitCode
    ) -> None:
        runner.exit_code = code
        assert redline("run", "week1").code == code

    def test_json_goes_to_stdout_and_progress_to_stderr(
        self, redline: Callable[..., Result], runner: Runner
    ) -> None:
        runner.verdict, runner.exit_code = "INCONCLUSIVE", ExitCode.INCONCLUSIVE
        result = redline("run", "week1", "--json")
        assert json.loads(result.out) == {
            "dir": "runs/some-run",
            "verdict": "INCONCLUSIVE",
            "exit_code": 75,
        }
        assert "noise floor before, about 3.0 s" in result.err

    def test_a_host_that_is_not_fit_exits_with_3(
        self, redline: Callable[..., Result], runner: Runner
    ) -> None:
        runner.fails = HostError("week1 needs 2 CPUs, this process may use 1: 0")
        result = redline("run", "week1")
        assert result.code == 3
        assert result.err.endswith("week1 needs 2 CPUs, this process may use 1: 0\n")

    def test_an_interrupt_exits_with_130_and_says_where_the_rest_lies(
        self, redline: Callable[..., Result], runner: Runner
    ) -> None:
        runner.fails = KeyboardInterrupt("interrupted; the rest is in runs/x.partial")
        result = redline("run", "week1")
        assert (result.code, result.out) == (130, "")
        assert result.err.endswith("interrupted; the rest is in runs/x.partial\n")

    def test_a_defect_of_ours_keeps_its_traceback(
        self, redline: Callable[..., Result], runner: Runner
    ) -> None:
        runner.fails = ZeroDivisionError()
        with pytest.raises(ZeroDivisionError):
            redline("run", "week1")

    def test_an_engine_that_is_not_built_is_one_line(
        self, redline: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "harness.commands.run.why_no_engine", lambda: "no C core: run `pip install -e .`"
        )
        result = redline("run", "week1")
        assert (result.code, result.err) == (3, "no C core: run `pip install -e .`\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["rnu"], "redline: No such command 'rnu'"),
        (["report"], "redline: Missing argument 'RUN'"),
        (["run", "week1", "--rat", "3"], "redline: No such option: --rat"),
        (["run", "week1", "--rate", "fast"], "--rate: not a rate: 'fast'"),
        (["run", "week1", "--rate", "0/s"], "--rate: must be more than zero: '0/s'"),
        (["run", "week1", "--duration", "10"], "--duration: no unit: '10'"),
        (["run", "week1", "--hours", "4"], "--hours: scenario 'week1' has no soak"),
        (["run", "soak", "--hours", "0"], "--hours: must be more than 0"),
        (["run", "soak", "--hours", "x"], "redline: Invalid value for '--hours'"),
        (["run", "week1", "--input", "nope.pcap"], "nope.pcap: no such file or directory"),
        (["run", "week1", "--input", "."], ".: is a directory, not a capture"),
        (["run", "nope"], "no scenario is called 'nope'; there are "),
        (["run", "no/such.yaml"], "no/such.yaml: no such file"),
        (["run", "bad.yaml"], "bad.yaml:1: nam: unknown key, did you mean 'name'?"),
        (["verify", "nope"], "nope: no such run directory"),
        (["verify", "."], "not a run directory"),
        (["report", "nope"], "nope: no such run directory"),
        (["scenarios", "explain", "nope"], "no scenario is called 'nope'"),
        (["scenarios", "validate", "bad.yaml"], "bad.yaml:1: nam: unknown key"),
    ],
)
def test_a_mistake_is_told_in_lines_without_a_traceback_and_exits_with_2(
    redline: Callable[..., Result], runner: Runner, tmp_path: Path, words: list[str], says: str
) -> None:
    (tmp_path / "bad.yaml").write_text("nam: x\n")
    result = redline(*words)
    assert result.code == 2
    assert runner.called is None
    assert any(line.startswith(says) or says in line for line in result.err.splitlines())
    assert "Traceback" not in result.err
    assert result.out == ""
    if "bad.yaml" not in words:
        assert result.err.count("\n") == 1


def test_the_version_is_printed(redline: Callable[..., Result]) -> None:
    assert redline("--version") == Result(0, f"redline {harness.__version__}\n", "")


@pytest.mark.parametrize("words", [[], ["scenarios"]])
def test_without_a_command_the_help_is_shown_as_a_mistake(
    redline: Callable[..., Result], words: list[str]
) -> None:
    result = redline(*words)
    assert result.code == 2
    assert "Usage: redline" in result.err


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["report"],
        ["verify"],
        ["doctor"],
        *(["scenarios", name] for name in ("list", "explain", "validate", "schema")),
    ],
)
def test_every_command_has_help_with_an_example(
    redline: Callable[..., Result], words: list[str]
) -> None:
    result = redline(*words, "--help")
    assert result.code == 0
    assert f"Example: redline {' '.join(words)}" in result.out


class TestEvidence:
    """`redline verify` and `redline report` on finished runs."""

    def test_a_sealed_run_is_verified(self, redline: Callable[..., Result], tmp_path: Path) -> None:
        path = build(tmp_path, "good")
        result = redline("verify", str(path))
        assert result.code == 0, result
        assert "verified" in result.out

    def test_one_changed_byte_fails_and_is_named(
        self, redline: Callable[..., Result], tmp_path: Path
    ) -> None:
        path = build(tmp_path, "good")
        noise = path / "noise.json"
        noise.write_bytes(noise.read_bytes() + b" ")
        result = redline("verify", str(path), "--json")
        assert result.code == 1
        record = json.loads(result.out)
        assert record["verified"] is False
        assert record["problems"][0].startswith("noise.json: changed")

    def test_a_page_that_differs_is_written_beside_the_sealed_run(
        self, redline: Callable[..., Result], tmp_path: Path
    ) -> None:
        path = build(tmp_path, "good")
        before = {p.name: p.read_bytes() for p in path.iterdir()}
        result = redline("report", str(path), "--json")
        assert result.code == 0
        page = Path(json.loads(result.out)["report"])
        assert page.parent == path.parent
        assert page.read_text().startswith("<!")
        assert {p.name: p.read_bytes() for p in path.iterdir()} == before

    def test_a_page_goes_where_it_is_sent(
        self, redline: Callable[..., Result], tmp_path: Path
    ) -> None:
        path = build(tmp_path, "good")
        result = redline("report", str(path), "--out", "page.html")
        assert result.code == 0
        assert "page.html" in result.out
        assert (tmp_path / "page.html").stat().st_size > 1000

    def test_a_page_that_cannot_be_written_is_one_line(
        self, redline: Callable[..., Result], tmp_path: Path
    ) -> None:
        path = build(tmp_path, "good")
        result = redline("report", str(path), "--out", "no/such/page.html")
        assert (result.code, result.err) == (2, "no/such/page.html: no such file or directory\n")

    def test_a_run_that_was_cut_off_is_no_result(
        self, redline: Callable[..., Result], tmp_path: Path
    ) -> None:
        path = build(tmp_path, "good")
        cut = path.rename(path.with_name(path.name + ".partial"))
        for command in ("verify", "report"):
            result = redline(command, str(cut))
            assert result.code == 2
            assert "cut off before it was complete" in result.err


class TestScenarios:
    """`redline scenarios`: what can be run, and what it would do."""

    def test_the_shipped_scenarios_are_listed_with_their_reasons(
        self, redline: Callable[..., Result]
    ) -> None:
        lines = redline("scenarios", "list").out.splitlines()
        files = sorted(Path(__file__).parents[2].joinpath("scenarios").glob("*.yaml"))
        assert [line.split()[0] for line in lines] == [f.stem for f in files]
        assert "about a minute" in lines[-1]

    def test_a_broken_scenario_in_the_folder_does_not_hide_the_others(
        self, redline: Callable[..., Result], tmp_path: Path
    ) -> None:
        (tmp_path / "scenarios").mkdir()
        (tmp_path / "scenarios" / "odd.yaml").write_text("name: odd\n")
        result = redline("scenarios", "list", "--json")
        (row,) = json.loads(result.out)
        assert row["name"] == "odd"
        assert "scenarios/odd.yaml:1: why: is missing" in row["error"]

    def test_a_plan_says_what_is_done_for_how_long_and_what_stays_missing(
        self, redline: Callable[..., Result]
    ) -> None:
        out = redline("scenarios", "explain", "week1").out
        assert "e2e.itch: itch at 1M/s constant, 5 x 3s after 500ms of warm-up" in out
        assert "Network RTT, UDP 64 B <5us" in out

    def test_a_plan_is_machine_readable(self, redline: Callable[..., Result]) -> None:
        plan = json.loads(redline("scenarios", "explain", "week1", "--json").out)
        assert plan["measured_ns"] == sum(step["measured_ns"] for step in plan["steps"])
        assert "network_rtt" in plan["missing"]
        assert "e2e.wire" in plan["metrics"]

    def test_sound_scenarios_are_called_so(self, redline: Callable[..., Result]) -> None:
        result = redline("scenarios", "validate", "week1", "smoke", "soak", "signoff")
        assert (result.code, result.out.count(": sound\n")) == (0, 4)

    def test_a_scenario_whose_matrix_is_missing_is_not_sound(
        self, redline: Callable[..., Result], tmp_path: Path
    ) -> None:
        text = (Path(__file__).parents[2] / WEEK1).read_text()
        (tmp_path / "mine.yaml").write_text(text.replace("matrix/week1.yaml", "matrix/mine.yaml"))
        result = redline("scenarios", "validate", "mine.yaml", "--json")
        assert result.code == 2
        assert json.loads(result.out)["faults"] == ["reports/matrix/mine.yaml: no such file"]

    @pytest.mark.parametrize("words", [["schema"], ["schema", "--matrix"]])
    def test_the_schema_is_json(self, redline: Callable[..., Result], words: list[str]) -> None:
        assert json.loads(redline("scenarios", *words).out)["additionalProperties"] is False


class TestDoctor:
    """`redline doctor` on this machine, whatever it is."""

    def test_the_exit_code_follows_from_the_rows(self, redline: Callable[..., Result]) -> None:
        result = redline("doctor", "--json")
        record = json.loads(result.out)
        stopped = any(row["stops_run"] for row in record["rows"])
        assert result.code == record["exit_code"] == (3 if stopped else 0)

    def test_every_row_is_a_line_and_the_summary_comes_last(
        self, redline: Callable[..., Result]
    ) -> None:
        lines = redline("doctor").out.splitlines()
        assert sum(line.startswith(("ok ", "limited ", "missing ")) for line in lines) == 29
        assert "run is possible" in lines[-1]

    def test_an_engine_that_is_missing_exits_with_3(
        self, redline: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("harness.commands.doctor.why_no_engine", lambda: "not built")
        assert redline("doctor").code == 3


class TestProgress:
    """Where a run is: a bar on a terminal, lines elsewhere, nothing while it measures."""

    def drive(self, progress: Progress) -> None:
        progress.phase("clock", 2.0)
        progress.note("steps of 10 ns")
        progress.phase("components", 90 * 60)

    def test_a_log_gets_a_line_a_step(self) -> None:
        stream, times = io.StringIO(), iter([0.0, 1.0, 2.0, 3.2])
        self.drive(Lines(stream, lambda: next(times)))
        assert stream.getvalue().splitlines() == [
            "[   1 s] clock, about 2.0 s",
            "[   2 s]   steps of 10 ns",
            "[   3 s] components, about 90 min",
        ]

    def test_a_terminal_gets_a_bar_that_no_thread_redraws(self) -> None:
        stream = io.StringIO()
        console = Console(file=stream, force_terminal=True, width=100)
        before = threading.active_count()
        with Bar(console=console, auto_refresh=False, transient=True) as bar:
            terminal = Terminal(bar, total_s=4.0)
            self.drive(terminal)
            assert threading.active_count() == before
            task = bar.tasks[0]
            assert (task.completed, task.description) == (2.0, "components, about 90 min")
        assert "steps of 10 ns" in stream.getvalue()

    def test_the_stream_decides_which(self) -> None:
        with reporting(1.0, io.StringIO()) as progress:
            assert isinstance(progress, Lines)

    def test_a_program_may_want_neither(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.drive(Silent())
        assert capsys.readouterr() == ("", "")
