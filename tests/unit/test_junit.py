"""JUnit XML: nothing unproved looks passed, and no string breaks the document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Tree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_dirs import VARIANTS, build

from harness.report.junit import junit_xml


def _run(path: Path, variant: Any) -> Any:
    return json.loads((build(path, variant, blocks=5) / "run.json").read_text())


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return _run(tmp_path_factory.mktemp("noisy"), "noisy")


@pytest.fixture(scope="module")
def copies(noisy: Any) -> Callable[[], Any]:
    """A fresh copy each call; a function, because the whole document is too long to be shown."""
    text = json.dumps(noisy)
    return lambda: json.loads(text)


def _case(root: Tree.Element, name: str) -> Tree.Element:
    return next(c for c in root.iter("testcase") if c.get("name") == name)


def _properties(element: Tree.Element) -> dict[str, str]:
    found = element.find("properties")
    assert found is not None
    return {p.get("name", ""): p.get("value", "") for p in found}


@pytest.mark.parametrize("variant", VARIANTS)
def test_counts_are_those_of_the_cases(tmp_path: Path, variant: Any) -> None:
    run = _run(tmp_path, variant)
    root = Tree.fromstring(junit_xml(run))
    suite = root.find("testsuite")
    assert suite is not None
    cases = list(root.iter("testcase"))
    for name, tag in (("failures", "failure"), ("skipped", "skipped")):
        assert int(suite.get(name, "-1")) == sum(c.find(tag) is not None for c in cases)
    assert int(suite.get("tests", "-1")) == len(cases)
    ids = [(c.get("classname"), c.get("name")) for c in cases]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_a_pass_looks_passed(tmp_path: Path, variant: Any) -> None:
    root = Tree.fromstring(junit_xml(_run(tmp_path, variant)))
    for case in root.iter("testcase"):
        plain = case.find("failure") is None and case.find("skipped") is None
        assert plain == (_properties(case)["verdict"] == "PASS")


def test_an_unjudgeable_row_is_skipped_with_its_reason(noisy: Any) -> None:
    case = _case(Tree.fromstring(junit_xml(noisy)), "end_to_end")
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.get("message", "").startswith("UNJUDGEABLE: host noise: ")


def test_a_failure_carries_its_figures(tmp_path: Path) -> None:
    root = Tree.fromstring(junit_xml(_run(tmp_path, "failing")))
    failure = _case(root, "end_to_end").find("failure")
    assert failure is not None
    assert "2,000 ns" in failure.get("message", "")
    assert _case(root, "conservation.e2e").find("failure") is not None


@pytest.mark.parametrize("state", ["MARGINAL", "SURPRISE"])
def test_a_state_that_is_no_pass_fails(noisy: Any, state: str) -> None:
    run = json.loads(json.dumps(noisy))
    run["score"]["groups"][0]["rows"][0]["state"] = state
    case = _case(Tree.fromstring(junit_xml(run)), "timing_precision")
    assert case.find("failure") is not None


def test_the_suite_says_what_makes_runs_comparable(noisy: Any) -> None:
    suite = Tree.fromstring(junit_xml(noisy, "c0ffee")).find("testsuite")
    assert suite is not None
    seen = _properties(suite)
    assert seen["fingerprint"] == "c0ffee"
    assert seen["verdict"] == noisy["verdict"]["state"]
    assert seen["exit_code"] == "75"
    assert suite.get("time") == "64.000"


@given(st.text(st.characters(codec=None), max_size=40))
@settings(max_examples=80, deadline=None)
def test_hostile_strings_stay_strings(copies: Callable[[], Any], text: str) -> None:
    run = copies()
    row = run["score"]["groups"][0]["rows"][1]
    row["reason"] = row["title"] = run["scenario"]["name"] = text
    run["checks"][0]["seen"] = text
    root = Tree.fromstring(junit_xml(run, text).encode())
    assert len(list(root.iter("testcase"))) > 20


def test_markup_and_control_characters_are_data(noisy: Any) -> None:
    run = json.loads(json.dumps(noisy))
    run["score"]["groups"][0]["rows"][1]["reason"] = ']]><script a="1">&\x00\x1b\ud800 end'
    case = _case(Tree.fromstring(junit_xml(run)), "network_rtt")
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == 'MISSING: ]]><script a="1">&\ufffd\ufffd\ufffd end'
