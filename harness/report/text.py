"""The scorecard on a terminal: plain ASCII, 100 columns, nothing that a log would garble."""

from __future__ import annotations

import textwrap
from pathlib import Path

from harness.report.evidence import Evidence, read_evidence
from harness.report.figures import (
    answer_text,
    carried_by,
    count_text,
    load_text,
    placement_text,
    plain,
)
from harness.report.longrun import cut_off
from harness.report.page import Group, Row, Signoff
from harness.report.signoff import signoff
from harness.run.verdicts import missing

WIDTH = 100
PATH_QUANTILES = ("p50", "p99", "p99.9", "max")
# Sections of latencies, by the points between which they were taken.
TIMED = (("Wire to wire, ns", "wire"), ("Round trips, ns", "round_trip"))
_COLUMNS = (33, 12, 14, 12, 5)  # title, target, value, state, weight; the score takes the rest


def scorecard(run_dir: Path) -> str:
    """Verdict, score, every row with the reason of what did not pass, and where the report lies.

    ReportError when the directory is no run.
    """
    evidence = read_evidence(run_dir)
    page = signoff(evidence)
    lines = [
        f"Redline scorecard: {_name(evidence)}",
        "",
        f"{page.state}   TOTAL {page.total} of 100, {page.judged} of the weight judged",
        f"{page.grade}",
        *_wrapped(page.meaning, 0),
    ]
    if not page.complete:
        lines += _wrapped(f"INCOMPLETE RUN: {cut_off(evidence.run)}", 0)
    if page.qualified:
        lines.append("Host    QUALIFIED")
    else:
        lines.append("Host    NOT QUALIFIED - INDICATIVE ONLY")
        lines += [line for reason in page.host_reasons for line in _wrapped(reason, 4)]
    for group in page.groups:
        lines += ["", *_group(group)]
    lines += ["", *_gates(page)]
    for title, points in TIMED:
        lines += ["", *_paths(evidence, title, points)]
    lines += ["", *_input(evidence)]
    if page.waivers:
        lines += ["", "Waivers"]
        lines += [line for t, why in page.waivers for line in _wrapped(f"{t}: {why}", 2)]
    lines += ["", f"Report  {run_dir / 'report.html'}"]
    return "\n".join(_clean(line) for line in lines) + "\n"


def _name(evidence: Evidence) -> str:
    run = evidence.run
    return f"{run.get('scenario', {}).get('name', 'run')}, run {run.get('id', '')}"


def _group(group: Group) -> list[str]:
    head = f"{group.title}  {group.range} of 100, weighs {group.weight}, {group.judged} judged"
    rows = [line for row in group.rows for line in _row(row)]
    return [head, *rows]


def _row(row: Row) -> list[str]:
    cells = (row.title, row.target, row.value, row.state, row.weight)
    padded = [plain(cell).ljust(w) for cell, w in zip(cells, _COLUMNS, strict=True)]
    # A cell that is too wide pushes the rest to the right rather than losing a digit.
    line = "  " + " ".join(padded) + " " + plain(row.score)
    return [line.rstrip(), *_why(row.state, row.reason)]


def _gates(page: Signoff) -> list[str]:
    """All are counted; named are those that do not hold and are not in a matrix above."""
    lines = [f"Gates  {page.n_gates_held} of {len(page.gates)} hold; without weight and open are"]
    for gate in page.gates:
        if gate.weighted or gate.state == "PASS":
            continue
        lines.append(f"  {gate.title.ljust(50)} {gate.state}")
        lines += _why(gate.state, gate.reason)
    return lines


def _paths(evidence: Evidence, title: str, points: str) -> list[str]:
    """Every latency between these points, whatever a row says of it, and what carried it."""
    heads = ("n", *PATH_QUANTILES, "placement")
    metrics = [
        metric
        for metric in evidence.run.get("metrics", [])
        if metric.get("points") == points and metric.get("kind") == "latency"
    ]
    width = max((len(str(metric["id"])) for metric in metrics), default=0)
    width = max(width, len(title) - 2)
    lines = [title.ljust(width + 2) + "".join(name.rjust(11) for name in heads) + " load"]
    for metric in metrics:
        table = metric.get("percentiles") or {}
        facts = (evidence.measured(metric) or {}).get("facts", {})
        cells = [count_text(float(metric["n"]))]
        cells += [_whole(table.get(name)) for name in PATH_QUANTILES]
        cells.append(placement_text(facts))
        name, load = str(metric["id"]), load_text(str(metric["load"]))
        line = f"  {name.ljust(width)}" + "".join(c.rjust(11) for c in cells)
        carrier = carried_by(facts)
        if carrier:  # longer names, and more to say: on a line of their own
            lines += [line, *_wrapped(f"{load}; {carrier}", 6)]
        else:
            lines.append(f"{line} {load}")
    return lines if len(lines) > 1 else []


def _whole(value_ns: float | None) -> str:
    return "n/a" if value_ns is None else count_text(value_ns)


def _input(evidence: Evidence) -> list[str]:
    """What went in and the book that came out of it."""
    record = evidence.run.get("input") or {}
    lines = _wrapped(f"Input   {record.get('name', '')}: {record.get('description', '')}", 0)
    return lines + _wrapped(f"Answer  {answer_text(record.get('answer'))}", 0)


def _why(state: str, reason: str) -> list[str]:
    """A PASS needs no words, and a MISSING that only says it is missing gets none."""
    quiet = state == "PASS" or (state == "MISSING" and reason == missing().reason)
    return _wrapped(reason, 6) if reason and not quiet else []


def _wrapped(text: str, indent: int) -> list[str]:
    pad = " " * indent
    return textwrap.wrap(plain(text), WIDTH, initial_indent=pad, subsequent_indent=pad)


def _clean(line: str) -> str:
    """No control characters from a scenario file reach the terminal."""
    return "".join(c if c.isprintable() else "?" for c in plain(line))
