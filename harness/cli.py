"""The command line: parses, calls one function, prints, and leaves with the right code.

Exit codes: 0 ready, 1 fail, 2 usage, 3 host not fit, 75 inconclusive, 130 interrupted. Results go
to stdout, progress and errors to stderr; an error is a line or a few, never a traceback for a
user's mistake.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.text import Text

import harness
from harness.commands.audit import audit
from harness.commands.clean import clean
from harness.commands.conformance import fix_conformance
from harness.commands.exchange import exchange
from harness.commands.kill import kill
from harness.commands.limits import limits
from harness.commands.net import net
from harness.commands.replay import replay
from harness.errors import ExitCode, RedlineError

# What reads files and measures is imported by the command that needs it: --help stays quick.

app = typer.Typer(
    help="Hardware-in-the-loop test and benchmark harness for ultra-low-latency trading.",
    epilog="Exit codes: 0 ready, 1 fail, 2 usage, 3 not fit, 75 inconclusive, 130 interrupted.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
scenarios = typer.Typer(help="What can be run.")
app.add_typer(scenarios, name="scenarios")
app.add_typer(limits, name="limits")
app.add_typer(kill, name="kill")
app.command()(replay)
app.add_typer(audit, name="audit")
app.command("fix-conformance")(fix_conformance)
app.command()(clean)
app.add_typer(exchange, name="exchange")
app.add_typer(net, name="net")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")]
ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A scenario file, or the name of a shipped one.")
]
Value = TypeVar("Value")
MAKES_BENCHES = frozenset({"net", "run"})
STATE_STYLES = {"ok": "green", "limited": "yellow", "missing": "red"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code. `redline` calls it with the arguments of the process."""
    command = typer.main.get_command(app)
    try:
        result = command.main(
            args=None if argv is None else list(argv), prog_name="redline", standalone_mode=False
        )
    except RedlineError as error:
        _complain(*str(error).splitlines())
        return int(error.exit_code)
    except typer.TyperException as error:
        # A mistake in the command line itself: unknown option, missing argument.
        format_message = getattr(error, "format_message", None)
        message = format_message() if format_message else str(error)
        _complain("redline: " + " ".join(message.split()))
        return int(ExitCode.USAGE)
    except OSError as error:
        if error.filename is None:  # not about a file that somebody named: a defect of ours
            raise
        _complain(f"{error.filename}: {(error.strerror or str(error)).lower()}")
        return int(ExitCode.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted")
        return int(ExitCode.INTERRUPTED)
    return result if isinstance(result, int) else 0


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"redline {harness.__version__}")
        raise typer.Exit(0)
    _needs_a_command(context)
    if context.invoked_subcommand in MAKES_BENCHES:
        from harness.bench.leftovers import sweep

        sweep()


@scenarios.callback(invoke_without_command=True)
def _scenarios_top(context: typer.Context) -> None:
    _needs_a_command(context)


@limits.callback(invoke_without_command=True)
def _limits_top(context: typer.Context) -> None:
    _needs_a_command(context)


@kill.callback(invoke_without_command=True)
def _kill_top(context: typer.Context) -> None:
    _needs_a_command(context)


@exchange.callback(invoke_without_command=True)
def _exchange_top(context: typer.Context) -> None:
    _needs_a_command(context)


@net.callback(invoke_without_command=True)
def _net_top(context: typer.Context) -> None:
    _needs_a_command(context)


@app.command()
def run(
    scenario: ScenarioName = "week1",
    input_path: Annotated[
        str | None,
        typer.Option("--input", metavar="FILE", help="A DBN, ITCH, FIX, pcap(ng) capture to send."),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="Rate of the fastest load, like 1M/s; others follow."),
    ] = None,
    duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="Length of every trial, like 10s.")
    ] = None,
    hours: Annotated[float | None, typer.Option(metavar="H", help="Length of a soak.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where run directories go.")] = Path(
        "runs"
    ),
    as_json: Json = False,
) -> None:
    """Measure, judge and write the evidence.

    Example: redline run scenarios/week1.yaml --rate 1M/s
    """
    from harness.config import scenario as config
    from harness.config import units
    from harness.run.progress import reporting

    path = config.find_scenario(scenario)
    chosen = config.load_scenario(path).with_overrides(
        rate_per_s=_option("--rate", rate, units.positive(units.parse_rate)),
        duration_ns=_option("--duration", duration, units.positive(units.parse_duration)),
        hours=hours,
    )
    capture = None if input_path is None else _readable_file(input_path)
    run_scenario = _runner()
    try:
        with reporting(chosen.measured_ns() / 1e9) as progress:
            outcome = run_scenario(
                chosen,
                scenario_path=path,
                input_path=capture,
                out=out,
                progress=progress,
                command=["redline", *sys.argv[1:]],  # what a person types to do it again
            )
    except KeyboardInterrupt as interrupt:
        _complain(str(interrupt) or "interrupted")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    if as_json:
        _print_json(
            {
                "dir": str(outcome.dir),
                "verdict": outcome.verdict,
                "exit_code": int(outcome.exit_code),
            }
        )
    else:
        print(outcome.summary, end="")
    raise typer.Exit(int(outcome.exit_code))


@app.command()
def report(
    run_dir: RunPath,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the page here instead.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the scorecard of a run and render its HTML page again.

    A finished run is sealed: a page that differs from the one inside is written beside it.

    Example: redline report runs/20260101T120000Z-0a1b2c
    """
    from harness.report import render, scorecard
    from harness.run.artifacts import open_run

    page = render(open_run(run_dir)).encode()
    inside = run_dir / "report.html"
    if out is None:
        same = inside.is_file() and inside.read_bytes() == page
        out = inside if same else run_dir.parent / f"{run_dir.resolve().name}.report.html"
    if out != inside:
        out.write_bytes(page)
    if as_json:
        _print_json({"dir": str(run_dir), "report": str(out)})
        return
    print(scorecard(run_dir), end="")
    if out != inside:
        print(f"Page    {out}")


@app.command()
def verify(run_dir: RunPath, as_json: Json = False) -> None:
    """Recompute every verdict and score from the raw files of a run.

    Exits with 0 when all agree and with 1 when anything does not, naming the file.

    Example: redline verify runs/20260101T120000Z-0a1b2c
    """
    from harness.run import verify as verifier

    problems = verifier.verify(run_dir)
    if as_json:
        _print_json({"dir": str(run_dir), "verified": not problems, "problems": problems})
    else:
        for problem in problems:
            print(problem)
        print(verifier.summary(run_dir, problems))
    raise typer.Exit(ExitCode.FAIL if problems else ExitCode.READY)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what this machine can and cannot do for a measurement, and why it matters.

    Exits with 0 when a run is possible and with 3 when none is.

    Example: redline doctor
    """
    from harness.run.doctor import diagnose

    diagnosis = diagnose(engine=_why_no_engine())
    if as_json:
        _print_json(diagnosis.as_json())
        raise typer.Exit(int(diagnosis.exit_code))
    console = Console(highlight=False, soft_wrap=True)
    for row in diagnosis.rows:
        state = Text(f"{row.state:<8} ", style=STATE_STYLES[row.state])
        console.print(state + Text(f"{row.title:<23} {row.seen}", style=""))
        if row.consequence:
            console.print(Text(f"{'':9}{'':24}{row.consequence}", style="dim"))
        if row.cure:
            console.print(Text(f"{'':9}{'':24}cure: {row.cure}", style="dim"))
    console.print(Text(f"\n{diagnosis.summary}", style="bold"))
    raise typer.Exit(int(diagnosis.exit_code))


@scenarios.command("list")
def list_scenarios(as_json: Json = False) -> None:
    """Name the scenarios that come with Redline, or lie in ./scenarios.

    Example: redline scenarios list
    """
    from harness.config import units
    from harness.config.loader import project_data
    from harness.config.scenario import load_scenario

    rows: list[dict[str, Any]] = []
    for path in sorted(project_data("scenarios").glob("*.yaml")):
        try:
            one = load_scenario(path)
        except RedlineError as error:
            rows.append({"name": path.stem, "file": str(path), "error": str(error).splitlines()})
            continue
        length = one.measured_ns()
        rows.append({"name": one.name, "file": str(path), "why": one.why, "measured_ns": length})
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        said = f"invalid: {row['error'][0]}" if "error" in row else row["why"]
        takes = units.rough_duration(row["measured_ns"]) if "why" in row else ""
        print(f"{row['name']:<10} {takes:>8}  {said}")


@scenarios.command()
def explain(scenario: ScenarioName, as_json: Json = False) -> None:
    """Say what a scenario would do, for how long, and what it leaves unmeasured.

    Example: redline scenarios explain week1
    """
    from harness.config import units
    from harness.config.loader import project_data
    from harness.config.matrix import load_matrix
    from harness.config.scenario import find_scenario, load_scenario

    path = find_scenario(scenario)
    one = load_scenario(path)
    matrix = load_matrix(project_data(one.matrix, beside=path))
    measures = one.metric_ids()
    missing = matrix.unmeasured(measures)
    if as_json:
        _print_json(
            {
                "name": one.name,
                "why": one.why,
                "matrix": matrix.name,
                "measured_ns": one.measured_ns(),
                "steps": [
                    {"name": s.name, "measured_ns": s.measured_ns, "does": s.lines}
                    for s in one.steps()
                ],
                "metrics": sorted(measures),
                "missing": [gate.id for gate in missing],
            }
        )
        return
    print(f"{one.name}: {one.why}\n")
    for step in one.steps():
        print(f"{step.name:<20} {units.rough_duration(step.measured_ns):>8}")
        for line in step.lines:
            print(f"  {line}")
    print(f"{'in all':<20} {units.rough_duration(one.measured_ns()):>8}\n")
    print(f"Judged by {matrix.title}. What this scenario leaves MISSING:")
    for gate in missing:
        print(f"  {gate.title} {gate.target.text}")


@scenarios.command()
def validate(
    files: Annotated[list[str], typer.Argument(metavar="SCENARIO...", help="Scenario files.")],
    as_json: Json = False,
) -> None:
    """Check scenarios and the matrices they name; every fault is a line.

    Example: redline scenarios validate scenarios/*.yaml
    """
    from harness.config.loader import project_data
    from harness.config.matrix import load_matrix
    from harness.config.scenario import find_scenario, load_scenario

    faults: list[str] = []
    for name in files:
        path = find_scenario(name)
        try:
            load_matrix(project_data(load_scenario(path).matrix, beside=path))
        except RedlineError as error:
            faults += str(error).splitlines()
            continue
        if not as_json:
            print(f"{path}: sound")
    if as_json:
        _print_json({"faults": faults})
    else:
        _complain(*faults)
    raise typer.Exit(ExitCode.USAGE if faults else ExitCode.READY)


@scenarios.command()
def schema(
    matrix: Annotated[bool, typer.Option("--matrix", help="The schema of a matrix.")] = False,
) -> None:
    """Print the JSON Schema of a scenario file, for an editor's completion.

    Example: redline scenarios schema > scenario.schema.json
    """
    from harness.config.matrix import Matrix
    from harness.config.scenario import Scenario

    _print_json((Matrix if matrix else Scenario).model_json_schema())


def _needs_a_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        with contextlib.redirect_stdout(sys.stderr):  # typer prints it, rich or plain
            print(context.get_help().rstrip())
        raise typer.Exit(ExitCode.USAGE)


def _option(name: str, text: str | None, read: Callable[[object], Value]) -> Value | None:
    """The value of an option with a unit; the error names the option."""
    from harness.config.units import UnitError

    try:
        return None if text is None else read(text)
    except UnitError as error:
        raise RedlineError(f"{name}: {error}") from None


def _readable_file(name: str) -> Path:
    path = Path(name)
    if path.is_dir():
        raise RedlineError(f"{path}: is a directory, not a capture")
    with path.open("rb"):  # says here, in one line, what would else end a run
        return path


def _why_no_engine() -> str | None:
    """A sentence when the compiled engine cannot be loaded."""
    try:
        import engine  # noqa: F401
    except ImportError as error:
        return str(error).splitlines()[0]
    return None


def _runner() -> Callable[..., Any]:
    """The main job; HostError when there is no engine to run."""
    from harness.errors import HostError

    why_not = _why_no_engine()
    if why_not is not None:
        raise HostError(why_not)
    from harness.run.runner import run as run_scenario

    return run_scenario


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False))


def _complain(*lines: str) -> None:
    """Errors as they are: they begin with the place, which an editor can jump to."""
    for line in lines:
        print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
