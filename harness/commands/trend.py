"""`redline trend`: a metric over the runs of a history, environment by environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from harness.commands.common import Json, print_json
from harness.commands.history import Where, opened
from harness.errors import ExitCode, printable

if TYPE_CHECKING:
    from harness.history.trend import Series

_BARS = "_.-=+*#@"
_MOST_BARS = 60


def trend(
    metric: Annotated[
        str, typer.Argument(metavar="METRIC", help="An id, or the beginning of some.")
    ] = "",
    statistic: Annotated[
        Literal["value", "p50"],
        typer.Option("--statistic", help="What its row judges, or the median."),
    ] = "value",
    where: Where = None,
    as_json: Json = False,
) -> None:
    """Show a metric over time, and which nights or steps are out of line.

    Nights whose host was not fit to judge it, or whose frozen benchmarks moved, stand apart.
    Exits with 1 when the newest judged night is suspect: measure again with `redline gate`.

    Example: redline trend e2e.wire --statistic p50
    """
    from harness.history.trend import series_of

    with opened(where) as store:
        found = series_of(store.runs(), metric, statistic)
    if as_json:
        print_json({"schema": "redline.trend/1", "series": [asdict(one) for one in found]})
    else:
        for one in found:
            for line in text_of(one):
                print(printable(line))
        if not found:
            print(f"no figure of {printable(metric) or 'any metric'} in this history")
    is_suspect = any(one.judged and one.judged[-1].run_id in one.suspects for one in found)
    raise typer.Exit(ExitCode.FAIL if is_suspect else ExitCode.READY)


def text_of(series: Series) -> Iterator[str]:
    """One series as a few lines."""
    from harness.run.figures import display

    name, regime, _, load = series.key.split("|")
    judged, void = series.judged, [night for night in series.nights if night.void]
    yield f"{name} {series.statistic}, {regime}, {load} (environment {series.fingerprint[:12]})"
    if judged:
        values = [night.value for night in judged]
        newest = display(values[-1], series.unit)
        yield f"  {_bars(values)}  newest {newest}, {len(judged)} judged nights"
    if band := series.expected:
        ends = f"{display(band.low, series.unit)} to {display(band.high, series.unit)}"
        yield f"  expected {ends} from the {band.n} before it"
    for run_id in series.suspects:
        value = next(night.value for night in judged if night.run_id == run_id)
        yield f"  suspect: {run_id}: {display(value, series.unit)}; redline gate would confirm it"
    for run_id, step in series.steps:
        yield f"  step: from {run_id} on {step.shift:+.1%} (p {step.p:.2g})"
    for night in void:
        yield f"  not judged: {night.run_id}: {night.void}"


def _bars(values: list[float]) -> str:
    """The last nights as characters, lowest to highest; all alike is all in the middle."""
    shown = values[-_MOST_BARS:]
    low, high = min(shown), max(shown)
    if high <= low:
        return _BARS[len(_BARS) // 2] * len(shown)
    return "".join(_BARS[round((v - low) / (high - low) * (len(_BARS) - 1))] for v in shown)
