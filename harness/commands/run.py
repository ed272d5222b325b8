"""`redline run`: measure what a scenario declares, judge it, and leave the evidence behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.commands.common import (
    Json,
    ScenarioName,
    complain,
    option,
    print_json,
    why_no_engine,
)
from harness.commands.history import Where
from harness.errors import ExitCode, RedlineError


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
    profile: Annotated[
        str | None,
        typer.Option(metavar="P", help="Tune this machine by it, and put everything back."),
    ] = None,
    waivers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rows that somebody sets aside, and why.")
    ] = None,
    delivery: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What people say of the rows they answer for."),
    ] = None,
    quality: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What tools found: coverage, leaks, races.")
    ] = None,
    signers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Who may have signed these (allowed_signers)."),
    ] = None,
    without_faults: Annotated[
        bool,
        typer.Option(
            "--without-faults", help="Reactions with nothing injected: none of them may hold."
        ),
    ] = False,
    where: Where = None,
    as_json: Json = False,
) -> None:
    """Measure, judge and write the evidence.

    Example: redline run scenarios/week1.yaml --rate 1M/s
    """
    from harness.commands.host_apply import tuned_here
    from harness.config import scenario as config
    from harness.config import units
    from harness.config.loader import ConfigError
    from harness.run.progress import reporting

    path = config.find_scenario(scenario)
    chosen = config.load_scenario(path).with_overrides(
        rate_per_s=option("--rate", rate, units.positive(units.parse_rate)),
        duration_ns=option("--duration", duration, units.positive(units.parse_duration)),
        hours=hours,
    )
    if without_faults and not any(isinstance(one, config.Reactions) for one in chosen.phases):
        raise ConfigError(f"--without-faults: scenario {chosen.name!r} has no reactions")
    capture = None if input_path is None else _readable_file(input_path)
    papers = {"waivers": waivers, "delivery": delivery, "quality": quality, "signers": signers}
    run_scenario = _runner()
    try:
        with tuned_here(profile) as tuning, reporting(chosen.measured_ns() / 1e9) as progress:
            outcome = run_scenario(
                chosen,
                scenario_path=path,
                input_path=capture,
                out=out,
                progress=progress,
                tuning=tuning,
                papers={name: path for name, path in papers.items() if path is not None},
                command=["redline", *sys.argv[1:]],  # what a person types to do it again
                faults_enabled=not without_faults,
            )
    except KeyboardInterrupt as interrupt:
        complain(str(interrupt) or "interrupted")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    remember(outcome.dir, where)
    if as_json:
        print_json(
            {
                "dir": str(outcome.dir),
                "verdict": outcome.verdict,
                "exit_code": int(outcome.exit_code),
            }
        )
    else:
        print(outcome.summary, end="")
    raise typer.Exit(int(outcome.exit_code))


def remember(run_dir: Path, where: str | None) -> None:
    """Add the run to the history; one that cannot be reached takes no result away."""
    from harness.history.entry import read_entry
    from harness.history.store import FILE, VARIABLE, Store

    try:
        with Store.open(where or os.environ.get(VARIABLE) or run_dir.parent / FILE) as store:
            store.add(read_entry(run_dir))
    except RedlineError as error:
        complain(f"not in the history: {error}", "redline history add would add it later")


def _readable_file(name: str) -> Path:
    path = Path(name)
    if path.is_dir():
        raise RedlineError(f"{path}: is a directory, not a capture")
    with path.open("rb"):  # says here, in one line, what would else end a run
        return path


def _runner() -> Callable[..., Any]:
    """The main job; HostError when there is no engine to run."""
    from harness.errors import HostError

    why_not = why_no_engine()
    if why_not is not None:
        raise HostError(why_not)
    from harness.run.runner import run as run_scenario

    return run_scenario
