"""A run as JUnit XML, for CI that shows nothing else.

Every row, gate and check is a test case. FAIL and MARGINAL are failures; UNJUDGEABLE, MISSING and
WAIVED are skipped with their reason and can never look passed. CI paints skips green, so the exit
code of the run, not this file, decides a pipeline.

Strings come from captures and other people's files: whatever XML 1.0 cannot carry becomes U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as Tree

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SKIPPED = {"UNJUDGEABLE", "MISSING", "WAIVED"}


@dataclass(frozen=True, slots=True)
class _Case:
    group: str
    name: str
    state: str
    reason: str
    properties: Mapping[str, object]


def junit_xml(run: Mapping[str, Any], fingerprint: str = "") -> str:
    """The judged run.json as one test suite."""
    cases = list(_cases(run))
    failed = sum(case.state in ("FAIL", "MARGINAL") for case in cases)
    skipped = sum(case.state in _SKIPPED for case in cases)
    counts = {"tests": len(cases), "failures": failed, "errors": 0, "skipped": skipped}
    suites = Tree.Element("testsuites", {k: str(v) for k, v in counts.items()})
    suite = Tree.SubElement(
        suites,
        "testsuite",
        {
            "name": _clean(f"redline.{run['scenario']['name']}"),
            **{k: str(v) for k, v in counts.items()},
            "timestamp": _clean(run["started_utc"].removesuffix("Z")),
            "time": f"{_seconds(run):.3f}",
        },
    )
    _properties(
        suite,
        {
            "run": run["id"],
            "status": run["status"],
            "verdict": run["verdict"]["state"],
            "exit_code": run["verdict"]["exit_code"],
            "score_floor": run["score"]["floor"],
            "score_ceiling": run["score"]["ceiling"],
            "judged_weight": run["score"]["judged_weight"],
            "scenario_sha256": run["scenario"]["sha256"],
            "input_sha256": run["input"]["sha256"],
            "core_sha256": run["build"]["core_sha256"],
            "fingerprint": fingerprint,
        },
    )
    for case in cases:
        _add(suite, case)
    Tree.indent(suites, " ")
    text = Tree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _cases(run: Mapping[str, Any]) -> Iterator[_Case]:
    rows = set()
    for group in run["score"]["groups"]:
        for row in group["rows"]:
            rows.add(row["id"])
            keys = ("value", "target", "statistic", "weight", "score_floor", "score_ceiling")
            yield _Case(
                group["id"],
                row["id"],
                row["state"],
                row["reason"],
                {"title": row["title"], "gate": row["gate"], **{key: row[key] for key in keys}},
            )
    for gate in run["verdict"]["gates"]:
        if gate["id"] not in rows:
            shown = {key: gate[key] for key in ("title", "value", "target")}
            yield _Case("gates", gate["id"], gate["state"], gate["reason"], shown)
    for check in run["checks"]:
        state = "PASS" if check["ok"] else "FAIL"
        reason = f"{check['promise']}: saw {check['seen']}, wanted {check['wanted']}"
        yield _Case("checks", check["id"], state, reason, {"gate": check["gate"]})


def _add(suite: Tree.Element, case: _Case) -> None:
    element = Tree.SubElement(
        suite,
        "testcase",
        {"classname": _clean(f"redline.{case.group}"), "name": _clean(case.name), "time": "0"},
    )
    _properties(element, {"verdict": case.state, "reason": case.reason, **case.properties})
    message = _clean(f"{case.state}: {case.reason}")
    if case.state in _SKIPPED:
        Tree.SubElement(element, "skipped", {"message": message})
    elif case.state != "PASS":  # a state nobody has heard of is a failure too
        failure = Tree.SubElement(element, "failure", {"message": message, "type": case.state})
        failure.text = message


def _properties(parent: Tree.Element, values: Mapping[str, object]) -> None:
    element = Tree.SubElement(parent, "properties")
    for name, value in values.items():
        text = "" if value is None else str(value)
        Tree.SubElement(element, "property", {"name": name, "value": _clean(text)})


def _seconds(run: Mapping[str, Any]) -> float:
    start, end = (datetime.fromisoformat(run[key]) for key in ("started_utc", "ended_utc"))
    return max((end - start).total_seconds(), 0.0)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
