"""The options of the plugin: one group, each refused in one line when it makes no sense."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import pytest

DEFAULT_HOURS = 4.0  # what the week-1 plan asks of a stability run
DEFAULT_SCENARIO = "smoke"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked of a session. `host` and `profile` None: this machine, as it is found."""

    hours: float
    scenario: str
    run_dir: Path
    host: str | None
    profile: str | None
    baseline: tuple[Path, ...]
    keep_tuned: bool


def add(parser: pytest.Parser) -> None:
    group = parser.getgroup("redline", "Redline: measuring tests")
    group.addoption(
        "--hours",
        type=_hours,
        default=DEFAULT_HOURS,
        metavar="H",
        help=f"length of a stability run in hours (default {DEFAULT_HOURS:g})",
    )
    group.addoption(
        "--scenario",
        default=DEFAULT_SCENARIO,
        metavar="S",
        help=f"file or shipped name that `bench` is made of (default {DEFAULT_SCENARIO})",
    )
    group.addoption(
        "--run-dir",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="where run directories go (default runs)",
    )
    group.addoption(
        "--host", metavar="NAME", help="this machine under its name in hosts/*.yaml: roles, cards"
    )
    group.addoption(
        "--profile",
        metavar="P",
        help="tune this machine by it before the first measuring test, put it back at the end",
    )
    group.addoption(
        "--keep-tuned",
        action="store_true",
        help="leave it tuned until `redline host restore`",
    )
    group.addoption(
        "--baseline",
        type=_runs,
        default=(),
        metavar="RUN[,RUN]",
        help="run directories that nothing may be worse than",
    )


def of(config: pytest.Config) -> Options:
    """UsageError, one line, for options that do not go together or name nothing."""
    options = Options(
        hours=config.getoption("--hours"),
        scenario=config.getoption("--scenario"),
        run_dir=config.getoption("--run-dir"),
        host=config.getoption("--host"),
        profile=config.getoption("--profile"),
        baseline=config.getoption("--baseline"),
        keep_tuned=config.getoption("--keep-tuned"),
    )
    if options.keep_tuned and not (options.profile or options.host):
        raise pytest.UsageError("--keep-tuned: nothing is tuned without --profile or --host")
    return options


def _hours(text: str) -> float:
    from harness.config.overrides import MAX_HOURS  # a fifth of a second, only where it is asked

    hours = float(text)
    if not 0 < hours <= MAX_HOURS:
        raise ValueError(text)
    return hours


def _runs(text: str) -> tuple[Path, ...]:
    paths = tuple(Path(one) for one in text.split(",") if one)
    for path in paths:
        if not path.is_dir():
            raise argparse.ArgumentTypeError(f"no run directory: {path}")
    return paths
