"""The scorecard as a browser draws and prints it: it fits, signs on one page, and asks for nothing.

Chromium has the page measured by a script of the test; the page itself has none and forbids it.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import report_runs
import run_dirs
from typer.testing import CliRunner

from harness.cli import app
from harness.report import ReportError, printed, render

CHROMIUM = printed.find(printed.CHROMIUMS)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not installed"
)
WIDTHS = (390, 820, 1280)
A4_PT = (595, 842)
RUNS = ("rich", "hours", "long-names")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("runs")
    found = {
        "rich": report_runs.rich(out / "rich", blocks=10),
        "hours": report_runs.hours(out / "hours", per_interval=300),
        "failing": run_dirs.build(out / "failing", "failing", blocks=10),
        "long-names": run_dirs.build(out / "long", "noisy", blocks=10),
    }
    record = json.loads((found["long-names"] / "run.json").read_text())
    record["scenario"]["name"] = "a-scenario-with-a-name-that-nobody-would-type-" * 3
    for gate in record["verdict"]["gates"]:
        gate["title"] += " and more words than a title ever needs"
        gate["reason"] += "; " + "an_unbreakable_reason_" * 20
    (found["long-names"] / "run.json").write_text(json.dumps(record))
    return found


@pytest.fixture(scope="module")
def pages(folders, tmp_path_factory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("pages")
    for name, folder in folders.items():
        (out / f"{name}.html").write_text(render(folder), encoding="utf-8")
    return {name: out / f"{name}.html" for name in folders}


@pytest.fixture(scope="module")
def pdfs(pages, tmp_path_factory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("pdfs")
    for name in RUNS:
        printed.print_pdf(pages[name], out / f"{name}.pdf")
    return {name: out / f"{name}.pdf" for name in RUNS}


MEASURE = """
addEventListener("load", () => {
  const seen = [...document.querySelectorAll("iframe")].map(frame => {
    const inner = frame.contentDocument, wide = inner.documentElement.clientWidth;
    // What lies in a box that scrolls by itself, or is drawn by SVG, does not widen the page.
    const out = [...inner.body.querySelectorAll("*")].filter(e =>
      !e.closest(".scroll, .matrix, svg") && e.getBoundingClientRect().right > wide + 1);
    const named = out.slice(0, 3).map(e => e.outerHTML.slice(0, 90));
    return [wide, inner.documentElement.scrollWidth, named];
  });
  const found = document.createElement("pre");
  found.id = "found";
  found.textContent = JSON.stringify(seen);
  document.body.append(found);
});
"""


def measured(page: str, folder: Path) -> list[list]:
    """[viewport, scroll width, what sticks out] at each of WIDTHS."""
    open_page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    frames = "".join(
        f'<iframe width="{w}" height="900" style="border:0" srcdoc="{html.escape(open_page)}">'
        "</iframe>"
        for w in WIDTHS
    )
    wrapper = folder / "measure.html"
    wrapper.write_text(f"<!doctype html><body>{frames}<script>{MEASURE}</script>")
    dump = browse(wrapper, folder, "--dump-dom")
    found = re.search(r'<pre id="found">(.*?)</pre>', dump, re.DOTALL)
    assert found, "the page was measured"
    return json.loads(html.unescape(found[1]))


def browse(page: Path, folder: Path, *options: str) -> str:
    command = [*printed.chromium_command(CHROMIUM), f"--user-data-dir={folder}/profile", *options]
    done = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=90, check=True
    )
    return done.stdout


@pytest.mark.parametrize("name", RUNS)
def test_no_width_makes_a_reader_scroll_sideways(pages, tmp_path, name):
    found = measured(pages[name].read_text(), tmp_path)
    assert [wide for wide, _, _ in found] == list(WIDTHS)
    for wide, scrolled, out in found:
        assert scrolled <= wide, (wide, out)
        assert not out


def test_something_too_wide_is_seen(pages, tmp_path):
    page = pages["failing"].read_text().replace("<h2>", '<h2 style="width: 1500px">', 1)
    assert all(scrolled > wide for wide, scrolled, _ in measured(page, tmp_path))


@needs_poppler
@pytest.mark.parametrize("name", RUNS)
def test_what_is_signed_stands_on_exactly_one_page(pdfs, name):
    first, second = (text_of(pdfs[name], page) for page in (1, 2))
    for needed in ("Performance", "Total", "Waivers", "Technical Lead", "CTO", "run.json sha256"):
        assert needed in first
    assert second.lstrip().startswith("What was measured")


@needs_poppler
def test_a_first_page_that_is_too_long_is_seen(pages, tmp_path):
    page = pages["failing"].read_text()
    longer = tmp_path / "longer.html"
    longer.write_text(page.replace('<p class="decision">', '<p style="height: 500px"></p>' * 2))
    printed.print_pdf(longer, tmp_path / "longer.pdf")
    assert not text_of(tmp_path / "longer.pdf", 2).lstrip().startswith("What was measured")


@needs_poppler
@pytest.mark.parametrize("name", RUNS)
def test_every_page_is_a4_and_names_the_run(pdfs, folders, name):
    info = run("pdfinfo", "-l", "999", pdfs[name])
    sizes = re.findall(r"Page +\d+ size: +([\d.]+) x ([\d.]+)", info)
    assert len(sizes) >= 8
    assert {(round(float(w)), round(float(h))) for w, h in sizes} == {A4_PT}
    for page in (1, 2, len(sizes)):
        assert folders[name].name in text_of(pdfs[name], page)


@needs_poppler
@pytest.mark.parametrize("name", RUNS)
def test_no_word_is_printed_over_the_edge(pdfs, name):
    boxes = run("pdftotext", "-bbox", pdfs[name], "-")
    edges = [
        (float(a), float(b)) for a, b in re.findall(r'xMin="([-\d.]+)".*?xMax="([\d.]+)"', boxes)
    ]
    assert len(edges) > 1000
    assert min(left for left, _ in edges) >= 20
    assert max(right for _, right in edges) <= A4_PT[0] - 20


def test_the_page_asks_nobody_for_anything(pages, tmp_path):
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = pages["rich"].read_bytes() if self.path == "/page" else bait
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    bait = b'<!doctype html><img src="/picture">'
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [
            *(part for part in printed.chromium_command(CHROMIUM) if "resolver" not in part),
            f"--user-data-dir={tmp_path}/profile",
            "--dump-dom",
        ]
        for path in ("/page", "/bait"):
            url = f"http://127.0.0.1:{server.server_port}{path}"
            subprocess.run([*command, url], capture_output=True, timeout=90, check=True)
        server.shutdown()
    before, _, after = " ".join(asked).partition("/bait")
    assert set(before.split()) <= {"/page", "/favicon.ico"}, "a browser asks for an icon by itself"
    assert "/picture" in after, "a page that asks is seen to ask"


def test_light_and_dark_are_two_pictures_of_one_page(pages, tmp_path):
    shots = {}
    for name, scheme in (("light", "1"), ("dark", "0")):
        out = tmp_path / f"{name}.png"
        options = (f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={out}")
        browse(pages["rich"], tmp_path, "--window-size=900,700", *options)
        shots[name] = out.read_bytes()
    assert shots["light"] != shots["dark"]


def test_the_command_prints_a_pdf_and_a_picture_beside_the_run(folders):
    run_dir = folders["failing"]
    done = CliRunner().invoke(app, ["report", str(run_dir), "--pdf", "--png", "--json"])
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert Path(made["pdf"]).read_bytes().startswith(b"%PDF")
    assert Path(made["png"]).read_bytes().startswith(b"\x89PNG")
    assert not any(Path(made[kind]).is_relative_to(run_dir) for kind in ("pdf", "png"))


def test_without_a_program_that_prints_one_line_names_both(pages, tmp_path, monkeypatch):
    monkeypatch.setattr(printed, "find", lambda names: None)
    with pytest.raises(printed.NoPrinter) as refused:
        printed.print_pdf(pages["failing"], tmp_path / "x.pdf")
    assert "Chromium" in str(refused.value)
    assert "WeasyPrint" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_printer_that_writes_nothing_leaves_nothing(pages, tmp_path, monkeypatch):
    monkeypatch.setattr(printed, "find", lambda names: shutil.which("true"))
    with pytest.raises(ReportError, match="wrote nothing"):
        printed.print_pdf(pages["failing"], tmp_path / "x.pdf")
    assert not list(tmp_path.glob("x.pdf*"))


def test_a_place_that_cannot_be_written_is_named(pages, tmp_path):
    out = tmp_path / "absent" / "x.pdf"
    with pytest.raises(ReportError, match=re.escape(str(out))):
        printed.print_pdf(pages["failing"], out)


def text_of(pdf: Path, page: int) -> str:
    return run("pdftotext", "-f", str(page), "-l", str(page), "-layout", pdf, "-")


def run(*command: str | Path) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True)
    return done.stdout


@needs_poppler
def test_weasyprint_signs_on_one_page_too(pages, tmp_path, monkeypatch):
    program = printed.find((printed.WEASYPRINT,))
    if program is None or printed.version(program) < printed.LEAST_WEASYPRINT:
        pytest.skip(f"WeasyPrint {printed.LEAST_WEASYPRINT} (redline[pdf]) is not installed")
    find = printed.find
    monkeypatch.setattr(printed, "find", lambda n: None if n is printed.CHROMIUMS else find(n))
    printed.print_pdf(pages["failing"], tmp_path / "x.pdf")
    assert "Technical Lead" in text_of(tmp_path / "x.pdf", 1)
    assert text_of(tmp_path / "x.pdf", 2).lstrip().startswith("What was measured")
