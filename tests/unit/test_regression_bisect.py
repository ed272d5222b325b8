"""The search for the revision to blame, on lists of which the truth is known."""

from __future__ import annotations

import pytest

from harness.regression.bisect import Answer, Asked, bisect

LIST = [f"r{i}" for i in range(16)]


def truth(culprit: int, skipped: tuple[int, ...] = ()):
    def test(revision):
        at = LIST.index(revision)
        if at in skipped:
            return Asked(revision, Answer.SKIP, "does not build")
        return Asked(revision, Answer.BAD if at >= culprit else Answer.GOOD, "")

    return test


@pytest.mark.parametrize("culprit", range(16))
def test_the_culprit_is_found(culprit):
    assert bisect(LIST, truth(culprit)).suspects == (LIST[culprit],)


def test_about_log2_revisions_are_asked():
    assert len(bisect(LIST, truth(5)).asked) <= 5


def test_a_skipped_revision_elsewhere_changes_nothing():
    assert bisect(LIST, truth(3, skipped=(7, 8))).suspects == ("r3",)


def test_skipped_revisions_before_the_culprit_are_suspects_too():
    assert bisect(LIST, truth(7, skipped=(5, 6))).suspects == ("r5", "r6", "r7")


def test_no_revision_is_asked_twice():
    asked = [one.revision for one in bisect(LIST, truth(9, skipped=(7, 8))).asked]
    assert len(asked) == len(set(asked))


def test_a_single_revision_is_to_blame_without_a_question():
    assert bisect(["r0"], truth(0)).asked == ()


def test_nothing_to_search_is_refused():
    with pytest.raises(ValueError, match="nothing"):
        bisect([], truth(0))
