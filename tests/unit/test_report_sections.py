"""What each part of the scorecard says when a run holds all that it can show, and when it does not.

The runs are synthetic (report_runs.py); the pages are looked at in a browser by
tests/integration/test_report_print.py.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import report_runs
import run_dirs

from harness.measure.fingerprint import Difference
from harness.report import changes, render
from harness.report.line import MOST_COLUMNS, status_line
from harness.report.styled import with_styled_drawings

CSS = Path(__file__).parents[2] / "reports" / "templates" / "report.css"
Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def rich(tmp_path_factory) -> Path:
    return report_runs.rich(tmp_path_factory.mktemp("rich"), blocks=10)


@pytest.fixture(scope="module")
def hours(tmp_path_factory) -> Path:
    return report_runs.hours(tmp_path_factory.mktemp("hours"), per_interval=400)


@pytest.fixture(scope="module")
def page(rich) -> str:
    return render(rich)


@pytest.fixture(scope="module")
def long_page(hours) -> str:
    return render(hours)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def words(html: str) -> str:
    reader = _Words()
    reader.feed(html)
    return " ".join(" ".join(reader.words).split())


def section(html: str, name: str) -> str:
    """The HTML of one sheet."""
    return html.partition(f'<section class="sheet" id="{name}">')[2].partition(
        '<section class="sheet"'
    )[0]


def edited(run_dir: Path, to: Path, change: Change) -> str:
    """The page of a copy in which something else stands."""
    copy = to / run_dir.name
    shutil.copytree(run_dir, copy)
    change(copy)
    return render(copy)


def in_json(name: str, change: Callable[[dict[str, Any]], object]) -> Change:
    def edit(folder: Path) -> None:
        record = json.loads((folder / name).read_text())
        change(record)
        (folder / name).write_text(json.dumps(record))

    return edit


def without(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


# The order is that of the reader's questions: the verdict, what was measured, why, and on what.
ORDER = ("signoff", "measured", "gates", "metrics", "load", "outliers", "noise", "delivered",
         "checks", "environment", "method")  # fmt: skip


def test_the_sections_stand_in_the_order_of_the_questions(page):
    found = re.findall(r'<section class="sheet[^"]*" id="(\w+)"', page)
    assert found == list(ORDER)


def test_a_long_run_stands_between_load_and_outliers(long_page):
    found = re.findall(r'<section class="sheet[^"]*" id="(\w+)"', long_page)
    assert found.index("load") < found.index("long") < found.index("outliers")


def test_every_score_leads_to_its_arithmetic(page):
    cells = re.findall(r'<td class="num"><a href="#([^"]+)">', section_of_signoff(page))
    rows = re.findall(r'<div id="(f-[^"]+)">', page)
    assert len(cells) == len(set(cells)) == 17
    assert set(cells) <= set(rows)


def section_of_signoff(html: str) -> str:
    return html.partition('id="signoff"')[2].partition("<nav")[0]


def test_no_id_stands_twice_although_metrics_repeat_by_regime(page):
    ids = re.findall(r' id="([^"]+)"', page)
    twice = {i for i in ids if ids.count(i) > 1}
    assert twice <= {"hatch", "hatch-open"}, "patterns are the same wherever they are"


def test_the_ladder_shows_each_rung_and_what_waiting_adds(page):
    text = words(section(page, "load"))
    assert "1 M/s, claimed" in text
    assert "gap at p99" in text


def test_a_rung_that_lost_messages_has_no_finite_maximum(page):
    row = re.search(r"<tr><td>3 M/s</td><td>rung 5</td><td>12</td>.*?</tr>", section(page, "load"))
    assert row
    assert "\u221e" in row[0]


def test_without_a_ladder_the_page_says_so(tmp_path):
    page = render(run_dirs.build(tmp_path, "good", blocks=5))
    assert "climbed no ladder" in page


def test_the_unexplained_share_is_printed_in_bold(page):
    share = re.search(r'<strong class="unexplained">([\d.]+) % is unexplained', page)
    assert share
    assert float(share[1]) == pytest.approx(100 * 45 / 565, abs=0.1)


def test_lost_time_is_ranked_and_adds_up(page):
    table = section(page, "outliers").partition("together")[2].partition("</table>")[0]
    first = re.findall(r"<tr><td>([^<]+)</td>", table)
    assert first == list(report_runs.CAUSES)
    assert "100.0 %" in table


def test_the_price_of_looking_is_shown(page):
    text = words(section(page, "outliers"))
    assert "31.0 \u00b5s 38.0 \u00b5s 7.00 \u00b5s (+22.6 %)" in text


def test_a_tier_that_this_host_cannot_use_says_why(page):
    assert "the kernel has no osnoise tracer" in section(page, "outliers")


def test_outliers_are_cut_to_what_a_reader_takes_in(page):
    text = section(page, "outliers")
    assert "375 more in outliers.jsonl" in text


def test_outliers_without_causes_say_that_nobody_looked(rich, tmp_path):
    page = edited(rich, tmp_path, without("attribution.json"))
    text = words(section(page, "outliers"))
    assert "No attribution pass was part of this run" in text
    assert "is unexplained" not in text
    assert "not attributed" in text


def test_an_attribution_that_could_not_be_made_says_why(rich, tmp_path):
    def change(record: dict[str, Any]) -> None:
        record["missing"], record["trials"] = "tracefs is not writable", []

    page = edited(rich, tmp_path, in_json("attribution.json", change))
    assert "No attribution: tracefs is not writable." in words(page)


def test_periodic_outliers_are_mapped_within_their_second(page):
    assert "Outliers by their offset within a second" in section(page, "outliers")


def test_the_canaries_stand_with_the_hash_of_their_source(page):
    text = words(section(page, "noise"))
    assert "canary.cpu" in text
    assert "c0c0c0c0c0c0c0c0" in text


def test_a_tool_that_missed_what_was_planted_is_shown_as_no_evidence(page):
    text = words(section(page, "delivered"))
    assert "NOT FOUND (a plain counter of two threads): the result proves nothing" in text
    assert "found (64 bytes never freed)" in text


def test_what_a_tool_skipped_stands_with_its_reason(page):
    assert "test_dpdk no huge pages here" in words(section(page, "delivered"))


def test_a_row_that_a_person_filled_names_him_and_why_it_does_not_count(page):
    text = words(section(page, "delivered"))
    assert "A. Person" in text
    assert "delivery.yaml is not signed" in text


def test_a_waiver_names_person_reason_and_expiry(page):
    text = words(section(page, "delivered"))
    for needed in ("B. Person, Head of Trading", "the card comes next week", "2026-03-01"):
        assert needed in text


def test_waivers_stand_on_the_page_that_is_signed(page):
    assert "B. Person, until 2026-03-01" in words(section_of_signoff(page))


def test_what_changed_since_the_run_before_is_named(page):
    text = words(section(page, "environment"))
    assert "1 field of the fingerprint changed since run 20260101T030405Z-1a2b3c" in text
    assert "kernel.release 6.17.1" in text


def test_nothing_changed_is_said_too(rich, tmp_path):
    page = edited(rich, tmp_path, in_json(changes.NAME, lambda r: r.update(fields=[])))
    assert "Same fingerprint as run" in words(page)


def test_a_difference_that_was_not_recorded_is_not_invented(rich, tmp_path):
    page = edited(rich, tmp_path, without(changes.NAME))
    assert "what changed between them was not recorded" in words(page)


def test_changes_are_those_of_the_fingerprint():
    def env(release: str, load: str) -> dict[str, Any]:
        return {"facts": {"kernel.release": {"value": release}, "host.load": {"value": load}}}

    found = changes.changes("before", env("6.1", "0.1"), env("6.2", "9.9"))
    assert [(f["name"], f["theirs"], f["ours"]) for f in found["fields"]] == [
        ("kernel.release", "6.1", "6.2")
    ]


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_run_before_that_is_gone_or_damaged_costs_nothing(tmp_path, content):
    (tmp_path / "a").mkdir()
    if content is not None:
        (tmp_path / "a" / "env.json").write_text(content)
    assert changes.recorded(tmp_path, "a", {"facts": {}}) is None
    assert changes.recorded(tmp_path, None, {"facts": {}}) is None


def test_a_difference_says_what_changes_such_a_field():
    (row,) = changes.difference_table([Difference("kernel", "kernel.release", "6.2", "6.1")]).rows
    assert row[:4] == ["kernel", "kernel.release", "6.1", "6.2"]
    assert "boot entry" in row[4]


def test_a_compressed_run_is_stamped_wherever_hours_are_shown(long_page):
    assert "time-compressed 240x" in words(section_of_signoff(long_page))
    assert "time-compressed 240x" in words(section(long_page, "long"))
    assert "4 h shown, time-compressed 240x" in words(long_page)


def test_an_uncompressed_run_has_no_such_stamp(page):
    assert "time-compressed" not in page


LANES = ("throughput", "lost", "RSS", "page faults", "switches engine", "interrupts engine",
         "interrupts rig", "frequency engine", "sequence gaps")  # fmt: skip


@pytest.mark.parametrize("lane", LANES)
def test_a_cause_has_a_lane_beneath_the_heat_map(long_page, lane):
    assert f">{lane}</text>" in section(long_page, "long")


def test_the_intervals_over_target_and_their_streak_are_counted(long_page):
    text = words(section(long_page, "long"))
    assert re.search(r"intervals with p99 at or over target \d+ of 1440", text)
    assert re.search(r"longest streak of them \d+", text)


def test_the_worst_stretch_is_where_the_run_was_worst(long_page):
    (title,) = re.findall(r"<h3>Worst stretch, ([\d: a-z]+) to ([\d: a-z]+)</h3>", long_page)
    assert title[0].startswith("1:5") or title[0].startswith("2"), "intervals 700 to 790"


def test_a_fault_that_was_injected_is_stamped_on_the_first_page(rich, tmp_path):
    def change(record: dict[str, Any]) -> None:
        said = "the generator stopped for 20ms each 1s"
        record["measurements"][0]["facts"]["injected"] = said

    page = edited(rich, tmp_path, in_json("run.json", change))
    assert "The generator stopped for 20ms each 1s." in words(section_of_signoff(page))


def test_lost_messages_make_the_percentiles_they_fall_on_infinite(rich, tmp_path):
    def change(record: dict[str, Any]) -> None:
        metric = next(m for m in record["metrics"] if m["id"] == "e2e.wire")
        metric["infinite"] = ["p99.99", "max"]

    page = edited(rich, tmp_path, in_json("run.json", change))
    article = page.partition("End-to-end latency at 1 M msg/s</h3>")[2].partition("</article>")[0]
    assert article.count("<td>\u221e</td>") == 2


def test_two_modes_are_printed_in_place_of_a_mean(rich, tmp_path):
    def change(record: dict[str, Any]) -> None:
        metric = next(m for m in record["metrics"] if m["id"] == "e2e.wire")
        metric["modes"] = [{"value": 900.0, "n": 3}, {"value": 1500.0, "n": 2}]

    page = edited(rich, tmp_path, in_json("run.json", change))
    article = page.partition("End-to-end latency at 1 M msg/s</h3>")[2].partition("</article>")[0]
    assert "900 ns (3 runs) and 1.50 \u00b5s (2 runs)" in unescape(article)
    assert "mean" not in article


def test_a_void_trial_is_listed_with_its_reason(rich, tmp_path):
    def change(folder: Path) -> None:
        with (folder / "series.jsonl").open("a") as out:
            void = {"kind": "trial", "phase": "e2e.itch", "broken": "the generator was late"}
            out.write(json.dumps(void) + "\n")

    text = words(section(edited(rich, tmp_path, change), "load"))
    assert "the generator was late" in text
    assert "every trial of this run counts" not in text


def test_drift_is_shown_with_its_interval(hours, tmp_path):
    def change(record: dict[str, Any]) -> None:
        record["metrics"][0]["drift"] = {"p50_pct": [-0.2, 0.3, 0.8], "windows": 1440}

    page = edited(hours, tmp_path, in_json("run.json", change))
    assert "+0.3 % -0.2 to +0.8 %" in words(section(page, "long"))


HOSTILE = "</td><script>alert(1)</script><img src=http://x onerror=y>"


@pytest.mark.parametrize(
    "change",
    [
        in_json("attribution.json", lambda r: r.update(missing=HOSTILE)),
        in_json("attribution.json", lambda r: r["trials"][0]["causes"][0].update(cause=HOSTILE)),
        in_json("changes.json", lambda r: r["fields"][0].update(ours=HOSTILE)),
        in_json("quality.json", lambda r: r["tools"][0].update(title=HOSTILE, control=HOSTILE)),
        in_json("run.json", lambda r: r["verdict"]["waivers"][0].update(reason=HOSTILE)),
    ],
)
def test_names_from_outside_stay_text(rich, tmp_path, change):
    page = edited(rich, tmp_path, change)
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("name", ["attribution.json", "changes.json", "quality.json"])
def test_a_damaged_file_is_named_in_a_sentence(rich, tmp_path, name):
    with pytest.raises(Exception, match=rf"{name}: not JSON"):
        edited(rich, tmp_path, lambda folder: (folder / name).write_text("{"))


@pytest.mark.parametrize("html", ["page", "long_page"])
def test_every_drawing_has_its_words(request, html):
    shown = request.getfixturevalue(html)
    drawings = re.findall(r"<svg[^>]*>", shown)
    assert len(drawings) > 30
    for drawing in drawings:
        assert "aria-hidden" in drawing or re.search(r'role="img" aria-label="[^"]+"', drawing)


def test_both_pages_stay_small(page, long_page):
    assert len(page.encode()) < 3_000_000
    assert len(long_page.encode()) < 3_000_000


def test_the_line_for_a_chat_is_one_short_line_of_ascii(rich):
    line = status_line(rich)
    assert line.isascii()
    assert "\n" not in line
    assert len(line) <= MOST_COLUMNS
    assert line.startswith("INCONCLUSIVE ")
    assert "not a qualified host" in line


def test_the_line_does_not_carry_what_a_scenario_is_called_to_the_terminal(rich, tmp_path):
    copy = tmp_path / rich.name
    shutil.copytree(rich, copy)
    in_json("run.json", lambda r: r["scenario"].update(name="x\x1b[31m\n"))(copy)
    assert status_line(copy).isprintable()


def _variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6});", block))


def _themes() -> dict[str, dict[str, str]]:
    roots = re.findall(r":root \{(.*?)\n *\}", CSS.read_text(), re.DOTALL)
    light, dark = (_variables(root) for root in roots[:2])
    return {"light": light, "dark": light | dark}


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio": 1 to 21."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXTS = ("ink", "soft", "faint", "blue", "green", "red", "amber", "violet", "grey")
LINES = ("second", "null", "floor")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "panel", "zone"])
@pytest.mark.parametrize("name", [*TEXTS, *LINES])
def test_text_and_lines_stand_out_from_what_is_behind_them(theme, ground, name):
    colours = _themes()[theme]
    least = 4.5 if name in TEXTS and ground != "zone" else 3.0
    assert contrast(colours[name], colours[ground]) >= least


def test_the_measure_of_contrast_tells_pale_from_dark():
    assert contrast("#000", "#fff") == pytest.approx(21.0)
    assert contrast("#8a95a1", "#ffffff") < 4.5


def test_paper_is_never_dark():
    assert "@media screen and (prefers-color-scheme: dark)" in CSS.read_text()
    assert not re.search(r"@media (?!screen)[^{]*prefers-color-scheme", CSS.read_text())


def test_a_drawing_that_carries_its_style_needs_nothing_of_the_page(page):
    shown = with_styled_drawings(page)
    drawings = re.findall(r"<svg[^>]*>.*?</svg>", shown, re.DOTALL)
    assert len(drawings) > 30
    for drawing in drawings:
        assert "<style>" in drawing
        assert "var(--" not in drawing
        assert "<use" not in drawing


def test_a_page_without_a_style_is_left_alone():
    assert with_styled_drawings("<svg></svg>") == "<svg></svg>"
