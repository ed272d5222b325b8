"""The scorecard: one offline file, built from the run directory alone, that hides nothing."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from run_dirs import VARIANTS, build

from harness.report import ReportError, render, write_report
from harness.run.verdicts import State

INSIDE = ("#", "data:application/gzip;base64,", "data:image/png;base64,")
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Attributes and text of a page, and whether its tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("runs")
    # Only READY takes the sixty blocks that a signature needs.
    return {v: build(out / v, v, blocks=60 if v == "ready" else 10) for v in VARIANTS}


@pytest.fixture(scope="module")
def pages(runs) -> dict[str, str]:
    return {variant: render(path) for variant, path in runs.items()}


def changed(run_dir: Path, to: Path, change) -> Path:
    """A copy of a run whose run.json went through `change`."""
    copy = to / run_dir.name
    shutil.copytree(run_dir, copy)
    record = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    change(record)
    (copy / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return copy


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_page_is_well_formed_and_small(pages, variant):
    page = Page(pages[variant])
    assert page.open == []
    assert len(pages[variant].encode()) < 3_000_000


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_page_loads_nothing_and_says_so(pages, variant):
    page = Page(pages[variant])
    policy = [a["content"] for t, a in page.tags if a.get("http-equiv")]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form", "img"}
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href", "action"):
            value = attributes.get(name) or "#"
            assert value.startswith(INSIDE)
    assert not re.search(r"@import|url\((?!#)", pages[variant])


@pytest.mark.parametrize("variant", VARIANTS)
def test_links_within_the_page_lead_somewhere(pages, variant):
    page = Page(pages[variant])
    ids = {a["id"] for _, a in page.tags if "id" in a}
    links = {a["href"] for _, a in page.tags if (a.get("href") or "").startswith("#")}
    assert {link[1:] for link in links if link} <= ids


@pytest.mark.parametrize(
    ("variant", "verdict"),
    [
        ("ready", "READY"),
        ("good", "INCONCLUSIVE"),
        ("noisy", "INCONCLUSIVE"),
        ("missing", "INCONCLUSIVE"),
        ("failing", "NOT READY"),
    ],
)
def test_the_first_page_leads_with_the_verdict(pages, variant, verdict):
    headline = rf'<h1><span class="state [^>]*>.*?</svg>{verdict}</span></h1>'
    assert re.search(headline, pages[variant])


def test_the_first_page_holds_what_a_signature_needs(runs, pages):
    page = Page(pages["good"]).text
    sha256 = hashlib.sha256((runs["good"] / "run.json").read_bytes()).hexdigest()
    for needed in (
        "Technical Lead",
        "Project Manager",
        "Head of Trading",
        "CTO",
        "Waivers",
        "Gates",
        "40 % \u00d7",
        "30 % \u00d7",
        runs["good"].name,
        sha256,
    ):
        assert needed in page


def test_every_printed_page_names_the_run_and_its_hash(runs, pages):
    sha256 = hashlib.sha256((runs["good"] / "run.json").read_bytes()).hexdigest()
    footer = re.search(r"@page \{ @bottom-left.*", pages["good"])
    assert footer
    assert runs["good"].name in footer[0]
    assert sha256 in footer[0]


@pytest.mark.parametrize(("variant", "stamped"), [("noisy", True), ("good", False)])
def test_an_unqualified_host_is_stamped(pages, variant, stamped):
    stamp = "Not a qualified host \u2014 indicative only"
    assert (stamp in Page(pages[variant]).text) is stamped


def without(record: dict[str, Any]) -> None:
    del record["qualification"]


def flattered(record: dict[str, Any]) -> None:
    record["facts"]["host.hypervisor"]["value"] = "kvm"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without, "the run recorded no qualification of its host"),
        (flattered, "the recorded qualification is not the one that its facts lead to"),
        (dict.clear, "not shown: stolen time, hypervisor, CPU quota"),
    ],
)
def test_a_qualification_that_its_facts_do_not_bear_out_does_not_count(
    runs, tmp_path, change, reason
):
    copy = tmp_path / "run"
    shutil.copytree(runs["good"], copy)
    env = json.loads((copy / "env.json").read_text())
    change(env)
    (copy / "env.json").write_text(json.dumps(env))
    page = Page(render(copy)).text
    assert "Not a qualified host" in page
    assert reason in page


def test_every_row_of_the_host_check_is_in_the_report(pages):
    page = Page(pages["noisy"]).text
    assert "MUST hypervisor virtual machine (kvm) none: bare metal does not hold" in page
    assert "MUST isolated CPUs" in page


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_drawn_with_a_shape_of_its_own(runs, tmp_path, state):
    def change(record: dict[str, Any]) -> None:
        record["score"]["groups"][0]["rows"][0]["state"] = str(state)

    text = render(changed(runs["good"], tmp_path, change))
    glyph = f"g-{state.lower()}"
    assert f'<use href="#{glyph}"/></svg>{state}</span>' in text
    assert f'<symbol id="{glyph}"' in text


def test_a_waiver_is_printed_with_its_reason(runs, tmp_path):
    def change(record: dict[str, Any]) -> None:
        row = record["score"]["groups"][1]["rows"][0]
        row |= {"state": "WAIVED", "reason": "A. Person until 2026-02-01: tool is late"}

    page = Page(render(changed(runs["good"], tmp_path, change))).text
    assert "Waivers Unit test coverage (A. Person until 2026-02-01: tool is late)" in page


def test_rows_that_were_not_measured_are_shown_and_score_nothing(pages):
    page = Page(pages["missing"]).text
    assert "FIX parsing \u25c6 < 500 ns n/a not measured MISSING 10 % 0.0 \u2013 100.0" in page


def test_a_failing_check_is_shown_with_both_figures(pages):
    page = Page(pages["failing"]).text
    assert "every message sent reached the engine 59999999 60000000 gate FAIL" in page


def test_a_percentile_without_samples_is_not_printed_even_if_recorded(runs, tmp_path):
    def change(record: dict[str, Any]) -> None:
        for metric in record["metrics"]:
            if metric["id"] == "fix.parse":
                metric["percentiles"]["p99.99"] = 123_456.0

    text = Page(render(changed(runs["good"], tmp_path, change))).text
    assert "123 \u00b5s" not in text
    assert "p99.99 needs 100 k samples, has 40 k" in text


def test_a_short_operation_shows_its_three_numbers(pages):
    page = Page(pages["good"]).text
    for needed in ("per_op p99", "less the empty pair", "lat_chain fastest", "tput"):
        assert needed in page


def test_the_end_to_end_chart_holds_repeats_null_bench_floor_and_target(pages):
    chart = re.search(r"<svg[^>]*End-to-end latency[^>]*>.*?</svg>", pages["good"])
    assert chart
    for needed in ("5 repeats", "null bench (reflector)", "noise floor", "&lt; 2 \u00b5s"):
        assert needed in chart[0]


def test_regimes_of_an_operation_stand_side_by_side(pages):
    assert "regime hot, not scored" in pages["good"]


def test_the_soak_is_drawn_over_time_and_stamped_when_cut_off(pages):
    page = Page(pages["incomplete"]).text
    assert "Incomplete run" in page
    assert "Latency over the run" in pages["incomplete"]


def test_hostile_names_stay_text(runs, tmp_path):
    hostile = "\"'><script>alert(1)</script><img src=http://x onerror=y>{{ 7*7 }}\n}</style>"

    def change(record: dict[str, Any]) -> None:
        record["id"] = hostile
        record["scenario"]["name"] = hostile
        record["command"] = ["redline", "run", hostile]
        record["input"][hostile] = hostile
        record["score"]["groups"][0]["rows"][0]["title"] = hostile
        record["metrics"][0]["reason"] = hostile
        record["checks"][0]["promise"] = hostile
        for measurement, metric in zip(record["measurements"], record["metrics"], strict=True):
            measurement["regime"] = metric["regime"] = hostile

    page = Page(render(changed(runs["good"], tmp_path, change)))
    assert page.open == []
    assert not [t for t, _ in page.tags if t in {"script", "img"}]
    assert "{{ 7*7 }}" in page.text


def test_run_json_is_inside_byte_for_byte(runs, pages):
    (href,) = [a["href"] for _, a in Page(pages["good"]).tags if "download" in a]
    packed = base64.b64decode((href or "").partition(",")[2])
    assert gzip.decompress(packed) == (runs["good"] / "run.json").read_bytes()


def test_the_same_run_gives_the_same_bytes(runs, pages):
    assert render(runs["noisy"]) == pages["noisy"]


def test_writing_replaces_the_report_whole(tmp_path):
    run_dir = build(tmp_path, "ready", blocks=5)
    path = write_report(run_dir)
    assert path == run_dir / "report.html"
    assert path.read_text(encoding="utf-8") == render(run_dir)
    assert not list(run_dir.glob("*.new"))


def test_a_bare_run_json_is_enough_for_a_page(tmp_path):
    (tmp_path / "run.json").write_text('{"schema": "redline.run/1", "id": "x"}')
    page = Page(render(tmp_path)).text
    assert "INCONCLUSIVE" in page
    assert "no noise floor was measured" in page


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, r"no run\.json in it"),
        ("{", r"run\.json: not JSON"),
        ("[]", r"run\.json: a list, expected an object"),
        ('{"schema": "other/1"}', r"schema 'other/1', expected 'redline\.run/1'"),
    ],
)
def test_what_is_no_run_is_refused_in_a_sentence(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(ReportError, match=sentence):
        render(tmp_path)


def test_a_histogram_that_is_gone_is_named(runs, tmp_path):
    copy = changed(runs["good"], tmp_path, lambda record: None)
    (copy / "e2e.wire.hlog").unlink()
    with pytest.raises(ReportError, match=r"e2e\.wire\.hlog: named in run\.json but missing"):
        render(copy)


def test_a_histogram_outside_the_run_directory_is_not_read(runs, tmp_path):
    def change(record: dict[str, Any]) -> None:
        record["measurements"][3]["hlog"] = "../../secret.hlog"

    copy = changed(runs["good"], tmp_path, change)
    with pytest.raises(ReportError, match=r"secret\.hlog: named in run\.json but missing"):
        render(copy)
