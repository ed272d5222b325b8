"""Instructions are counted exactly, and a parser that got slower is seen by just so many."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.profile import control, count
from harness.profile.count import Tree
from harness.quality.program import Absent

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tree() -> Tree:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    found = Tree(ROOT, ROOT / "build/dev")
    if not found.program.is_file():
        pytest.skip("build/dev holds no count_component: make test-c")
    return found


def test_a_book_is_counted_the_same_twice(tree: Tree) -> None:
    assert count.count(tree.program, "book.update") == count.count(tree.program, "book.update")


def test_instructions_planted_in_the_parser_are_seen_exactly(tree: Tree) -> None:
    assert control.control(tree).found


def test_one_instruction_less_than_was_promised_is_a_control_missed(tree: Tree) -> None:
    assert not control.control(tree, n_planted=control.N_PLANTED - 1).found


def test_a_component_that_there_is_not_is_refused(tree: Tree) -> None:
    with pytest.raises(Absent, match=r"no\.such"):
        count.count(tree.program, "no.such")
