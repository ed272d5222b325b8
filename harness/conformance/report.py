"""A run of scripts as JSON and as JUnit XML."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as Tree

from harness.conformance.suite import Report, Result

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_json(report: Report) -> str:
    """One object: counts, and every script with what failed."""
    return json.dumps(
        {
            "passed": report.n_passed,
            "failed": report.n_failed,
            "aside": [str(path) for path in report.aside],
            "seconds": round(report.seconds, 3),
            "virtual_seconds": round(report.virtual_s, 3),
            "scripts": [_script(result) for result in report.results],
        },
        indent=2,
    )


def _script(result: Result) -> dict[str, object]:
    failure = result.outcome.failure
    shown: dict[str, object] = {
        "path": str(result.path),
        "version": result.version,
        "passed": result.passed,
        "sent": result.outcome.n_sent,
        "compared": result.outcome.n_compared,
        "virtual_seconds": result.outcome.virtual_s,
    }
    if failure is not None:
        shown["line"] = failure.line
        shown["why"] = failure.what
        shown["tag"] = failure.tag
        shown["expected"] = failure.expected
        shown["got"] = failure.got
    return shown


def as_junit(report: Report) -> str:
    """A test suite for each folder, a test case for each script."""
    suites = Tree.Element("testsuites", _counts(report.results, report.seconds))
    folders: dict[str, list[Result]] = {}
    for result in report.results:
        folders.setdefault(str(result.path.parent), []).append(result)
    for folder, results in folders.items():
        seconds = sum(result.seconds for result in results)
        suite = Tree.SubElement(suites, "testsuite", {"name": _clean(folder)})
        suite.attrib.update(_counts(tuple(results), seconds))
        for result in results:
            _case(suite, result)
    Tree.indent(suites, " ")
    text = Tree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _counts(results: tuple[Result, ...], seconds: float) -> dict[str, str]:
    failed = sum(not result.passed for result in results)
    counts = {"tests": len(results), "failures": failed, "errors": 0, "skipped": 0}
    return {**{k: str(v) for k, v in counts.items()}, "time": f"{seconds:.3f}"}


def _case(suite: Tree.Element, result: Result) -> None:
    name = {"classname": f"fix-conformance.{result.version or 'unknown'}", "name": result.path.stem}
    case = Tree.SubElement(suite, "testcase", {k: _clean(v) for k, v in name.items()})
    case.set("time", f"{result.seconds:.3f}")
    failure = result.outcome.failure
    if failure is not None:
        element = Tree.SubElement(case, "failure", {"message": _clean(result.line())})
        if failure.expected or failure.got:
            element.text = _clean(f"expected {failure.expected}\ngot      {failure.got}")


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
