"""`redline report`: the scorecard of a run, on the terminal, as a page, a PDF or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.common import Json, RunPath, print_json


def report(
    run_dir: RunPath,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the page here instead.")
    ] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print the page to a PDF beside it.")] = False,
    png: Annotated[
        bool, typer.Option("--png", help="Draw the first page into a PNG beside it.")
    ] = False,
    profile: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Show this profile too, taken by `make profile`."),
    ] = None,
    line: Annotated[bool, typer.Option("--line", help="Only the verdict, in one line.")] = False,
    as_json: Json = False,
) -> None:
    """Show the scorecard of a run and render its HTML page again.

    A finished run is sealed: a page that differs from the one inside is written beside it, and so
    are PDF and picture, for which Chromium (or, for a PDF, WeasyPrint) must be installed.

    Example: redline report runs/20260101T120000Z-0a1b2c --pdf
    """
    from harness.config.samples import load_profile
    from harness.report import render, scorecard
    from harness.report.line import status_line
    from harness.report.printed import picture, print_pdf
    from harness.run.artifacts import open_run

    sealed = open_run(run_dir)
    if line:
        print(status_line(sealed))
        return
    page = render(sealed, [load_profile(path) for path in profile or ()]).encode()
    inside = run_dir / "report.html"
    if out is None:
        same = inside.is_file() and inside.read_bytes() == page
        out = inside if same else _beside(run_dir, ".report.html")
    if out != inside:
        out.write_bytes(page)
    made = {"report": out}
    if pdf:
        made["pdf"] = _twin(run_dir, out, inside, ".pdf")
        print_pdf(out, made["pdf"])
    if png:
        made["png"] = _twin(run_dir, out, inside, ".png")
        picture(out, made["png"])
    if as_json:
        print_json({"dir": str(run_dir), **{name: str(path) for name, path in made.items()}})
        return
    print(scorecard(run_dir), end="")
    for name, path in made.items():
        if path != inside:
            print(f"{'Page' if name == 'report' else name.upper():<7} {path}")


def _beside(run_dir: Path, ending: str) -> Path:
    return run_dir.parent / f"{run_dir.resolve().name}{ending}"


def _twin(run_dir: Path, page: Path, inside: Path, ending: str) -> Path:
    """Beside the page, but never in the sealed directory."""
    return _beside(run_dir, f".report{ending}") if page == inside else page.with_suffix(ending)
