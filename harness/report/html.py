"""The scorecard as one file: no script, no request, the same bytes from the same run directory.

Input:  a run directory and, when given, profiles; no clock, no host name, no network.
Output: HTML with its style, its charts and run.json inside.
Errors: ReportError (a sentence with the file's name) for a directory that is no run.

Autoescape is switched on by hand: `jinja2.select_autoescape` looks at the file name, and would
leave `report.html.j2` unescaped.
"""

from __future__ import annotations

import base64
import gzip
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import jinja2

from harness.config.instructions import Instructions
from harness.config.samples import Samples
from harness.measure.percentiles import PUBLISHED
from harness.report import (
    changes,
    delivered,
    host,
    load,
    longrun,
    metrics,
    outliers,
    profile,
    signoff,
)
from harness.report import charts_small as charts
from harness.report.evidence import Evidence, Json, read_evidence
from harness.report.figures import (
    carried_by,
    count_text,
    load_text,
    placement_text,
    px_text,
    short_count,
)
from harness.report.page import Sheet, Table, pairs, text_of
from harness.run.verdicts import State

_PACKAGE = Path(__file__).resolve().parents[1]
TEMPLATES = (
    _PACKAGE.parent / "reports" / "templates",  # the checkout
    _PACKAGE / "data" / "reports" / "templates",  # an installed copy
)
NAME = "report.html"

GLOSSARY = (
    (
        State.PASS,
        "The figure meets its target. Noise only adds time, so a PASS stands on any host.",
    ),
    (
        State.MARGINAL,
        "Runs or interval bounds lie on both sides of the target. No gate is passed by it.",
    ),
    (State.FAIL, "The figure misses its target, and the host's noise cannot be the reason."),
    (
        State.UNJUDGEABLE,
        "Measured, shown, and not decided: noise, resolution, the clock, the generator or too few "
        "samples could explain the miss. Counts 0 in the floor and 100 in the ceiling.",
    ),
    (State.MISSING, "Not measured in this run. Counts 0 in the floor and 100 in the ceiling."),
    (State.WAIVED, "Set aside by a named person with a reason and an expiry; never scores."),
)


def write_report(run_dir: Path) -> Path:
    """Write `report.html` into the run directory, whole or not at all; the path of it."""
    path = run_dir / NAME
    scratch = run_dir / (NAME + ".new")
    scratch.write_text(render(run_dir), encoding="utf-8")
    return scratch.replace(path)


def render(run_dir: Path, profiles: Sequence[Instructions | Samples] = ()) -> str:
    """The whole page as text; with a section for each profile that is given."""
    evidence = read_evidence(run_dir)
    run_id = str(evidence.run.get("id", ""))
    return page(
        "report.html.j2",
        f"run {run_id}",
        f"run.json sha256 {evidence.run_sha256}",
        sheet=build_sheet(evidence, profiles),
        glossary=GLOSSARY,
        run_sha256=evidence.run_sha256,
        run_id=run_id,
        run_json_gz=base64.b64encode(gzip.compress(evidence.run_bytes, mtime=0)).decode(),
        points_glossary=_POINTS,
    )


def page(template: str, foot_left: str, foot_center: str, **shown: object) -> str:
    """A page of `reports/templates` that extends base.html.j2; the feet stand on printed pages."""
    return (
        environment()
        .get_template(template)
        .render(foot_left=_in_css(foot_left), foot_center=_in_css(foot_center), **shown)
    )


def _in_css(text: str) -> str:
    """Text for a string of the style sheet, where HTML's escapes mean nothing."""
    return re.sub(r"[^A-Za-z0-9 .,:_-]", "_", text)[:160]


def environment() -> jinja2.Environment:
    """Templates with everything escaped; an unknown name is an error, not a gap."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_POINTS = (
    (
        "wire",
        "intended send time at the generator \u2192 order bytes received by the exchange",
    ),
    ("service", "actual send \u2192 order received; hides the queue in front of the engine"),
    ("lateness", "intended \u2192 actual send; the generator's own share"),
    (
        "buf",
        "bytes visible in the receive buffer \u2192 order bytes committed to the port",
    ),
)


def build_sheet(evidence: Evidence, profiles: Sequence[Instructions | Samples] = ()) -> Sheet:
    """Everything the templates place, in the order of the pages."""
    run = evidence.run
    return Sheet(
        title=str(run.get("scenario", {}).get("name", "run")),
        signoff=signoff.signoff(evidence),
        head=_head(run),
        points=charts.points_diagram(
            host.core_of(evidence, "rig"), host.core_of(evidence, "engine")
        ),
        loads=_loads(run),
        input=_input(evidence),
        metrics=metrics.judged_metrics(evidence),
        others=metrics.other_metrics(evidence),
        beside=metrics.beside_table(evidence),
        responses=load.response_figures(evidence),
        stages=load.stage_figures(evidence),
        ladders=load.ladder_figures(evidence),
        search=load.search_figure(evidence),
        trials=load.other_trials(evidence),
        void=load.void_runs(evidence),
        soak=longrun.long_run(evidence),
        outliers=outliers.outliers(evidence),
        noise=host.noise_view(evidence),
        delivered=delivered.delivered(evidence),
        checks=_checks(run),
        changed=changes.change_view(evidence.changes, run.get("previous")),
        environment=host.environment(evidence.env),
        files=Table(
            ["file", "bytes", "sha256"],
            [[f.name, count_text(f.n_bytes), f.sha256] for f in evidence.files],
        ),
        formulas=_formulas(run),
        command=shlex.join(str(part) for part in run.get("command", [])),
        profiles=[profile.section(one) for one in profiles],
    )


def _head(run: Json) -> list[tuple[str, str]]:
    build = run.get("build", {})
    scenario = run.get("scenario", {})
    return [
        ("scenario", text_of(scenario.get("name"))),
        ("run", text_of(run.get("id"))),
        ("started", text_of(run.get("started_utc"))),
        ("ended", text_of(run.get("ended_utc"))),
        ("engine", " ".join(text_of(build.get(k)) for k in ("version", "build_type", "march"))),
    ]


def _input(evidence: Evidence) -> list[tuple[str, str]]:
    """What went in, and the answer that came out: a wrong program is often a fast one."""
    record: Json = evidence.run.get("input", {})
    shown = pairs(record, skip=("answer", "seed"))
    if record.get("seed") is not None:
        shown.append(("seed", str(record["seed"])))
    answer, where = record.get("answer"), "answer"
    if not answer:
        # The books of the last end-to-end trial: every trial writes down where its engine ended.
        ended = [s for s in evidence.series if s.get("answer") and s.get("phase") != "search"]
        if ended:
            answer, where = ended[-1]["answer"], f"answer of {ended[-1].get('phase')}"
    answer = answer or {}
    shown += [(f"{where}: {name}", value) for name, value in pairs(answer, skip=("best_px_nano",))]
    if best := answer.get("best_px_nano"):
        shown.append((f"{where}: best prices", " / ".join(px_text(px) for px in best)))
    return shown


def _loads(run: Json) -> Table:
    rows = []
    for m in run.get("measurements", []):
        facts = m.get("facts", {})
        rows.append(
            [
                str(m.get("id", "")),
                text_of(m.get("points")),
                load_text(m.get("load")),
                ", ".join(filter(None, (text_of(m.get("regime")), carried_by(facts)))),
                short_count(facts["n"]) if facts.get("n") is not None else text_of(None),
                text_of(facts.get("loss")),
                placement_text(facts),
            ]
        )
    return Table(
        ["measurement", "points", "load", "regime", "samples", "lost", "placement, ns"], rows
    )


def _checks(run: Json) -> Table:
    rows = [
        [
            str(c.get("id", "")),
            text_of(c.get("promise")),
            text_of(c.get("seen"), "nothing"),
            text_of(c.get("wanted"), "nothing"),
            "gate" if c.get("gate") else "",
            "PASS" if c.get("ok") else "FAIL",
        ]
        for c in sorted(run.get("checks", []), key=lambda c: bool(c.get("ok")))  # broken first
    ]
    return Table(["check", "promise", "seen", "wanted", "", "state"], rows)


def _formulas(run: Json) -> list[tuple[str, str]]:
    named = pairs(run.get("score", {}).get("formulas", {}))
    named += [
        (f"score of {m['id']}", str(m["formula"]))
        for m in run.get("metrics", [])
        if m.get("formula")
    ]
    return [
        *named,
        ("percentile", "ceil rank, upper edge of the histogram slot (0.1 % wide), exact maximum"),
        ("printed percentiles", f"{', '.join(PUBLISHED)}: from ten samples beyond them; else n/a"),
        ("noise floor F(x)", "sum of max(0, gap \u2212 x) over the time watched"),
        (
            "judgeable quantile",
            "the highest q with F(0.1 T) + rate(0.1 T) \u00b7 d < (1 \u2212 q) / 3, target T, "
            "operation length d",
        ),
    ]
