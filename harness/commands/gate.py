"""`redline gate`: is one build slower than another, measured in turn on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.commands.common import Json, complain, option, print_json, why_no_engine
from harness.errors import ExitCode, HostError, RedlineError

if TYPE_CHECKING:
    from harness.config.components import Regime
    from harness.regression.abba import Block, Subject
    from harness.regression.builds import Build
    from harness.regression.gate import Finding
    from harness.regression.measured import Setting

DEFAULT_METRICS = ("fix.parse",)
Repo = Annotated[
    Path, typer.Option("--repo", metavar="DIR", help="The repository that revisions are of.")
]
Metrics = Annotated[
    list[str] | None,
    typer.Option("--metric", metavar="ID", help="An operation, like fix.parse or fix.parse.hot."),
]
Pairs = Annotated[int, typer.Option(min=1, max=100, help="Blocks of ABBA: four processes each.")]
Length = Annotated[
    str, typer.Option(metavar="TIME", help="How long an operation is timed in each process.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of the order in which sides and metrics come.")]
Cache = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where builds are kept.", show_default=False)
]


def gate(
    base: Annotated[
        str | None,
        typer.Option(metavar="BUILD", help="A revision, a directory or an extension (.so)."),
    ] = None,
    head: Annotated[
        str | None, typer.Option(metavar="BUILD", help="The build that may be slower.")
    ] = None,
    metric: Metrics = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--history",
            metavar="URL",
            help="Compare the newest night with the one before, if suspect.",
        ),
    ] = None,
    pairs: Pairs = 6,
    duration: Length = "200ms",
    seed: Seed = 1,
    repo: Repo = Path(),
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Compare two builds of the engine and say whether the second is slower.

    Both builds are named, or --history is: then the newest judged night of the metrics decides
    whether there is anything to ask, and which revisions are compared.

    Exits with 0 when no regression is shown, 1 for a confirmed one or a wrong answer, 75 when
    nobody can tell.

    Example: redline gate --base v1.0 --head HEAD --metric fix.parse
    """
    from harness.regression import builds
    from harness.regression.abba import Side
    from harness.regression.gate import decide, exit_code

    subjects = subjects_of(metric)
    if where is not None and (base or head):
        raise RedlineError("--history names both builds: leave out --base and --head")
    if where is not None:
        found = _suspected(where, subjects)
        if found is None:
            if as_json:
                print_json({"suspect": None})
            else:
                print("nothing is suspect")
            return
        base, head = found
    if base is None or head is None:
        raise RedlineError("name both builds by --base and --head, or a --history")
    setting = setting_of(duration)
    kept = cache or builds.default_cache()
    sides = {
        Side.BASE: resolved(base, repo, kept),
        Side.HEAD: resolved(head, repo, kept),
    }
    try:
        blocks = measured(sides, subjects, setting, pairs, seed)
    except KeyboardInterrupt:
        complain("interrupted")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    findings = decide(blocks, subjects)
    if as_json:
        print_json(as_values(sides, blocks, findings, seed))
    else:
        print(f"base {sides[Side.BASE].name}\nhead {sides[Side.HEAD].name}")
        for line in text(blocks, findings):
            print(line)
    raise typer.Exit(exit_code(findings))


def _suspected(where: str, subjects: list[Subject]) -> tuple[str, str] | None:
    """Revisions of the last night that was as expected and of the newest, which is not."""
    from harness.commands.history import opened
    from harness.history.suspicion import suspicion

    with opened(where) as store:
        runs = store.runs()
    for name in dict.fromkeys(one.component for one in subjects):
        if (found := suspicion(runs, name)) is not None:
            complain(f"suspect: {name} in {found.head_run}, compared with {found.base_run}")
            return found.base, found.head
    return None


# --- what `redline bisect` does alike ---


def subjects_of(metrics: list[str] | None) -> list[Subject]:
    """The operations asked for, each once. RedlineError for one that there is not."""
    from harness.regression.abba import subject

    declared = _declared()
    found = [subject(one, declared) for one in metrics or DEFAULT_METRICS]
    for i, one in enumerate(found):
        if one in found[:i]:
            raise RedlineError(f"--metric: given twice: {one}")
    return found


def _declared() -> Mapping[str, Regime]:
    """The regime in which the shipped matrix judges an operation."""
    from typing import get_args

    from harness.config import scenario
    from harness.config.components import Regime
    from harness.config.loader import project_data
    from harness.config.matrix import load_matrix

    week = scenario.find_scenario("week1")
    named = scenario.load_scenario(week).matrix
    matrix = load_matrix(project_data(named, beside=week))
    rows = (*matrix.gates, *(row for _, row in matrix.rows()))  # a weighted row has the last word
    known: dict[str, Regime] = {}
    for row in rows:
        for regime in get_args(Regime):
            if row.metric and row.regime == regime:
                known[row.metric] = regime
    return known


def setting_of(duration: str) -> Setting:
    """The CPU, the input and the length of a measurement. HostError where nothing can be timed."""
    from harness.bench.cpus import choose_here
    from harness.config import scenario, units
    from harness.regression.measured import Setting
    from harness.run.session import made_stream
    from harness.tuning import facts

    why_not = why_no_engine()
    if why_not is not None:
        raise HostError(why_not)
    length_ns = option("--duration", duration, units.positive(units.parse_duration))
    assert length_ns is not None
    week = scenario.load_scenario(scenario.find_scenario("week1"))
    streams = {"fix": made_stream(week, "fix"), "itch": made_stream(week, "itch")}
    return Setting(choose_here(facts.collect()).engine, length_ns, streams)


def resolved(what: str, repo: Path, cache: Path) -> Build:
    """A build, compiled when need be."""
    from harness.regression import builds

    return builds.resolve(what, repo=repo, cache=cache)


def measured(
    sides: Mapping[Any, Build],
    subjects: list[Subject],
    setting: Setting,
    pairs: int,
    seed: int,
) -> list[Block]:
    """Blocks of both builds, with a line of progress on a terminal."""
    from harness.regression import abba
    from harness.regression.measured import asker, canary_on

    return abba.compare(
        asker(sides, setting), canary_on(setting.cpu), subjects, pairs=pairs, seed=seed
    )


def text(blocks: list[Block], findings: list[Finding]) -> list[str]:
    """Findings for people: a line each, and how many blocks were void."""
    from harness.regression.abba import valid

    lines = [f"{one.subject}: {one.state}: {one.reason}" for one in findings]
    n_void = len(blocks) - len(valid(blocks))
    return [*lines, f"{len(blocks)} pairs, {n_void} void"]


def as_values(
    sides: Mapping[Any, Build], blocks: list[Block], findings: list[Finding], seed: int
) -> dict[str, Any]:
    """All that was seen, void blocks with their reason among it."""
    import math

    from harness.regression.abba import canary_best_ns
    from harness.regression.gate import exit_code

    def ended(pct: float) -> float | None:
        return pct if math.isfinite(pct) else None

    best_ns = canary_best_ns(blocks)
    return {
        "exit_code": int(exit_code(findings)),
        "seed": seed,
        "builds": {
            str(side): {
                "label": build.label,
                "revision": build.revision or None,
                "core_sha256": build.core_sha256,
            }
            for side, build in sides.items()
        },
        "findings": [
            {
                "metric": one.subject.component,
                "regime": one.subject.regime,
                "state": str(one.state),
                "reason": one.reason,
                "base_ns": list(one.base_ns),
                "head_ns": list(one.head_ns),
                "p": one.p,
                "p_adjusted": one.p_adjusted,
                "shift_pct": one.shift_pct,
                "interval_pct": [ended(one.low_pct), ended(one.high_pct)],
                "could_see_pct": one.could_see_pct,
            }
            for one in findings
        ],
        "blocks": [
            {
                "order": [str(process.side) for process in block.processes],
                "void": block.void(best_ns) or None,
                "canary_ns": list(block.canary_ns),
                "processes": [
                    {
                        str(one): {
                            "value_ns": seen.value_ns,
                            "quiet_share": seen.quiet_share,
                            "n_wrong": seen.n_wrong,
                            "answer_hash": seen.answer_hash,
                        }
                        for one, seen in process.readings.items()
                    }
                    for process in block.processes
                ],
            }
            for block in blocks
        ],
    }
