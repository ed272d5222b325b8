"""Rules point at tests, gates and files that exist, and the page claims nothing more."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from run_dirs import build

from harness.cli import main
from harness.config.loader import ConfigError, project_data
from harness.config.matrix import load_matrix
from harness.config.rules import Rule, load_rule
from harness.pack import evidence
from harness.pack.evidence import shown_of, text_of

ROOT = Path(__file__).parents[2]
RULES = evidence.rules()
TESTS = sorted({t for r in RULES for c in r.clauses for e in c.evidence for t in e.tests})


def exists(test: str) -> bool:
    """Whether a file has this test, and (in C) calls it."""
    place, _, name = test.partition("::")
    file = ROOT / place
    if not file.is_file():
        return False
    text = file.read_text()
    if file.suffix == ".c":
        return len(re.findall(rf"\b{name}\b", text)) >= 2
    return any(isinstance(n, ast.FunctionDef) and n.name == name for n in ast.walk(ast.parse(text)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("runs"), "good", blocks=5)


@pytest.mark.parametrize("test", TESTS)
def test_every_test_that_a_rule_names_exists(test: str) -> None:
    assert exists(test)


@pytest.mark.parametrize(
    "test",
    ["tests/c/test_kill.c::test_of_nothing", "tests/unit/test_gone.py::test_x"],
)
def test_a_test_that_is_gone_is_noticed(test: str) -> None:
    assert not exists(test)


def test_every_gate_that_a_rule_names_is_one_of_the_matrix() -> None:
    matrix = load_matrix(project_data("reports/matrix/week1.yaml"))
    known = {gate.id for gate in matrix.must_hold()}
    named = {g for r in RULES for c in r.clauses for e in c.evidence for g in e.gates}
    assert named <= known


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_page_says_that_a_rule_is_met(rule: Rule, run: Path) -> None:
    page = "\n".join(text_of(shown_of(rule, run)))
    assert "does not say that any rule is met" in " ".join(page.split())
    assert not re.search(r"complian|complies|certif(y|ied)|guarantee", page, re.IGNORECASE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_run_gives_states_and_hashes(rule: Rule, run: Path) -> None:
    shown = shown_of(rule, run)
    found = [one for clause in shown.clauses for one in clause.shown]
    assert any(digest for one in found for _, digest in one.files)
    sums = (run / "SHA256SUMS").read_text()
    for one in found:
        for name, digest in one.files:
            assert name == "SHA256SUMS" or f"{digest}  {name}" in sums


def test_what_a_run_does_not_hold_is_said(run: Path) -> None:
    rule = next(rule for rule in RULES if rule.name == "rts-6")
    lines = list(text_of(shown_of(rule, run)))
    assert "    file  *.audit/*: none in this run" in lines  # these runs have no audit log


def test_without_a_run_gates_are_missing_and_tests_are_named() -> None:
    shown = shown_of(RULES[0], None)
    states = {state for c in shown.clauses for one in c.shown for _, state, _ in one.gates}
    assert states == {"MISSING"}
    assert any(one.tests for c in shown.clauses for one in c.shown)


def test_evidence_that_rests_on_nothing_is_refused(tmp_path: Path) -> None:
    text = (
        "name: x\ntitle: x\ncitation: x\nclauses:\n"
        "  - id: a\n    asks: b\n    evidence:\n      - says: trust us\n"
    )
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"x\.yaml:8: .*rests on no test"):
        load_rule(tmp_path / "x.yaml")


def test_the_command_tells_it_as_json(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", str(run), "--rule", "rts-25", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [rule["name"] for rule in said["rules"]] == ["rts-25"]


def test_a_rule_that_is_none_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "--rule", "basel-9"]) == 2
    assert capsys.readouterr().err.startswith("no rule is called basel-9; there are rts-25")
