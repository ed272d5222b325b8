"""The page as a PDF or a picture, by a program that the host has: none is needed for the page.

    print_pdf(page, out)   A4, as the page asks for; first Chromium, then WeasyPrint
    picture(page, out)     PNG of the first page at screen width; Chromium alone can

Both are started as programs, without network and without a profile of their own that outlives them.
Errors: NoPrinter (one line, naming what would do) when none is there; ReportError when one fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.report.evidence import ReportError
from harness.report.styled import with_styled_drawings

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WEASYPRINT = "weasyprint"
LEAST_WEASYPRINT = 66  # older ones know neither grid nor the style of drawings
PATIENCE_S = 120

_QUIET = (
    *("--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *("--disable-quic", "--no-default-browser-check", "--disable-breakpad"),
    # Nothing is to be looked up: the page's own policy forbids it, and this makes it impossible.
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--run-all-compositor-stages-before-draw"),
)


class NoPrinter(ReportError):
    """No program that could do it is installed."""


def print_pdf(page: Path, out: Path) -> None:
    """Write `out` whole or not at all."""
    if chromium := find(CHROMIUMS):
        command = [*chromium_command(chromium), "--no-pdf-header-footer", "--print-to-pdf={out}"]
        _produce(command, page, out)
    elif (weasyprint := find((WEASYPRINT,))) and version(weasyprint) >= LEAST_WEASYPRINT:
        with tempfile.TemporaryDirectory(prefix="redline-print-") as folder:
            own = Path(folder) / "page.html"
            own.write_text(with_styled_drawings(page.read_text(encoding="utf-8")), encoding="utf-8")
            _produce([weasyprint, "--quiet", "{page}", "{out}"], own, out)
    else:
        raise NoPrinter(
            "a PDF needs Chromium (apt-get install chromium) or "
            f"WeasyPrint {LEAST_WEASYPRINT} (pip install 'redline[pdf]'); neither is here"
        )


def picture(page: Path, out: Path, width: int = 1100, height: int = 1500) -> None:
    """Write a PNG of what a reader sees first."""
    chromium = find(CHROMIUMS)
    if chromium is None:
        raise NoPrinter("a picture needs Chromium (apt-get install chromium), which is not here")
    size = f"--window-size={width},{height}"
    _produce([*chromium_command(chromium), size, "--screenshot={out}"], page, out)


def find(names: Sequence[str]) -> str | None:
    """The first of these programs: beside the interpreter, then on the PATH."""
    own = str(Path(sys.executable).parent)
    path = os.pathsep.join((own, os.environ.get("PATH", os.defpath)))
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def chromium_command(program: str) -> list[str]:
    """How Chromium is started: alone, quiet, and with nobody to ask."""
    # Its sandbox needs a user that is not root; the page is ours, and it has no scripts.
    unboxed = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [program, *_QUIET, *unboxed]


def _produce(command: Sequence[str], page: Path, out: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="redline-print-") as folder:
        scratch = Path(folder) / ("out" + out.suffix)
        filled = [
            part.replace("{out}", str(scratch)).replace("{page}", str(page.resolve()))
            for part in command
        ]
        if Path(command[0]).name != WEASYPRINT:
            filled += [f"--user-data-dir={folder}/profile", page.resolve().as_uri()]
        name = Path(command[0]).name
        try:
            done = subprocess.run(
                filled, capture_output=True, timeout=PATIENCE_S, check=False, cwd=folder
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ReportError(f"{out}: {name} did not finish: {type(error).__name__}") from None
        if done.returncode or not scratch.is_file() or not scratch.stat().st_size:
            raise ReportError(f"{out}: {name} wrote nothing (exit {done.returncode})")
        try:
            beside = out.with_name(out.name + ".new")
            shutil.copyfile(scratch, beside)
            beside.replace(out)
        except OSError as error:
            raise ReportError(f"{out}: {error.strerror}") from None


def version(program: str) -> int:
    """The major one: 'WeasyPrint version 66.0' -> 66; 0 for what cannot be understood."""
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=30, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    number = "".join(c if c.isdigit() else " " for c in said).split()
    return int(number[0]) if number else 0
