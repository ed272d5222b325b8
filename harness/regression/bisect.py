"""The revision that made a build slow: a search that asks the gate, and says what it could not ask.

A revision that cannot be built or decided is skipped, as `git bisect skip` would: the answer may
then be several revisions, of which one is to blame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What is known of a revision."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Asked:
    """One revision that was looked at, and why the answer is what it is."""

    revision: str
    answer: Answer
    reason: str


@dataclass(frozen=True, slots=True)
class Blame:
    """The revisions of which one made it slow, oldest first: one, unless some had to be skipped."""

    suspects: tuple[str, ...]
    asked: tuple[Asked, ...]


Test = Callable[[str], Asked]


def bisect(revisions: Sequence[str], test: Test) -> Blame:
    """Search `revisions`, oldest first, of which the last is known to be bad; what comes before the
    first is known to be good.

    About log2(n) revisions are asked, each once. ValueError for an empty list.
    """
    if not revisions:
        raise ValueError("nothing to search")
    good, bad = -1, len(revisions) - 1
    asked: dict[int, Asked] = {}
    while True:
        open_ = [i for i in range(good + 1, bad) if i not in asked]
        if not open_:
            return Blame(tuple(revisions[good + 1 : bad + 1]), tuple(asked.values()))
        middle = (good + bad) / 2
        at = min(open_, key=lambda i: abs(i - middle))
        asked[at] = test(revisions[at])
        if asked[at].answer is Answer.GOOD:
            good = at
        elif asked[at].answer is Answer.BAD:
            bad = at
