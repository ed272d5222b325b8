"""`redline fix-conformance`: plays session scripts against our acceptor and says which fail.

Exits with 0 when all passed, with 1 when one failed, with 2 for a mistake in the command line or
a dictionary that is missing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import ExitCode, HostError, RedlineError

if TYPE_CHECKING:
    from harness.conformance.suite import Report, Result


def fix_conformance(
    places: Annotated[
        list[Path],
        typer.Argument(metavar="DIR|FILE...", help="Scripts, or folders with *.def in or below."),
    ],
    dictionaries: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where FIX40.xml ... FIX50SP2.xml and FIXT11.xml are."),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only scripts of this version, like FIX44."),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML there.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every script, and whole messages.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Play FIX session scripts in QuickFIX's .def format against our acceptor, in virtual time.

    Example: redline fix-conformance ../shared/data/fix/definitions
    """
    try:
        import engine.session  # noqa: F401 - the extension may be missing
    except ImportError as error:
        raise HostError(str(error).splitlines()[0]) from None
    from harness.conformance import report, suite, versions

    try:
        chosen = None if version is None else versions.named(version)
    except RedlineError as error:
        raise RedlineError(f"--version: {error}") from None
    if dictionaries is not None and not dictionaries.is_dir():
        raise RedlineError(f"--dictionaries: no such directory: {dictionaries}")
    scripts, aside = suite.find_scripts(places)
    if not scripts:
        raise RedlineError(
            f"{places[0]}: no scripts but those in {suite.ASIDE}/: name that folder to play them"
        )

    def say(result: Result) -> None:
        if not as_json and (verbose or not result.passed):
            _say(result, verbose)

    played = suite.run_suite(
        scripts,
        shelf=versions.Shelf(dictionaries, scripts),
        version=chosen,
        aside=aside,
        on_result=say,
    )
    if not played.results:
        raise RedlineError(f"{places[0]}: no scripts of {chosen.name if chosen else 'any version'}")
    if junit is not None:
        junit.write_text(report.as_junit(played), encoding="utf-8")
    if as_json:
        print(report.as_json(played))
    else:
        _summary(played)
    raise typer.Exit(ExitCode.FAIL if played.n_failed else ExitCode.READY)


def _say(result: Result, verbose: bool) -> None:
    print(result.line())
    failure = result.outcome.failure
    if verbose and failure is not None:
        for word, message in (("expected", failure.expected), ("got     ", failure.got)):
            if message:
                print(f"    {word} {message}")
    sys.stdout.flush()


def _summary(played: Report) -> None:
    counts = [f"{played.n_passed} passed", f"{played.n_failed} failed"]
    if played.aside:
        counts.append(f"{len(played.aside)} left aside")
    print(
        f"{', '.join(counts)}, in {played.seconds:.2f} s ({played.virtual_s:.0f} s of virtual time)"
    )
