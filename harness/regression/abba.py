"""Two builds in turn: fresh processes in blocks of ABBA, a canary between any two of them.

What drifts slowly meets both sides alike within a block; what differs from start to start is
sampled by starting anew. A block in which the machine itself was slower is void and done again: the
canary decides that, which runs neither build, so that voiding cannot prefer one of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.config.components import REGIMES, Regime
from harness.errors import RedlineError, printable

CANARY_SLACK = 1.05  # readings beside an idle neighbour agree to 2 to 3 %; beside a busy one not
QUIET_LEAST = 0.02  # of the chunks: below that hardly one ran without the sibling thread
MOST_VOID = 1  # voided blocks are repeated, at most as many as were asked for


class Side(StrEnum):
    """Which of the two builds."""

    BASE = "base"
    HEAD = "head"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What is compared: one operation in one regime of its input."""

    component: str
    regime: Regime

    def __str__(self) -> str:
        return f"{self.component}.{self.regime}"


def subject(text: str, declared: Mapping[str, Regime]) -> Subject:
    """`fix.parse` in its declared regime, or `fix.parse.hot`. RedlineError for what there is not.

    An operation that no matrix declares is streamed where it has a stream.
    """
    head, _, last = text.rpartition(".")
    if text in REGIMES:
        known = REGIMES[text]
        usual: Regime = "stream" if "stream" in known else known[0]
        return _chained(Subject(text, declared.get(text, usual)))
    for regime in REGIMES.get(head, ()):
        if regime == last:
            return _chained(Subject(head, regime))
    names = ", ".join(REGIMES[head]) if head in REGIMES else ", ".join(REGIMES)
    raise RedlineError(f"--metric: {printable(text)}: unknown; there is {names}")


def _chained(one: Subject) -> Subject:
    if one.regime == "cold":
        why = "cold operations are timed one by one: too coarse to tell builds apart"
        raise RedlineError(f"--metric: {one}: {why}")
    return one


@dataclass(frozen=True, slots=True)
class Reading:
    """One operation in one process: ns of its fastest batch in a chain, and what it answered."""

    value_ns: float
    quiet_share: float
    n_wrong: int
    answer_hash: str


@dataclass(frozen=True, slots=True)
class Process:
    """A fresh process of one side."""

    side: Side
    readings: Mapping[Subject, Reading]


@dataclass(frozen=True, slots=True)
class Block:
    """ABBA or BAAB: four processes in their order, and a canary reading (ns) before and after each.

    It yields a pair: of each side, the faster of its two.
    """

    processes: tuple[Process, ...]
    canary_ns: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.canary_ns) != len(self.processes) + 1:
            raise ValueError("a canary before, between and after")

    def value_ns(self, side: Side, of: Subject) -> float:
        """Noise only adds: the faster of two starts is nearer to what the code costs."""
        return min(p.readings[of].value_ns for p in self.processes if p.side is side)

    def void(self, canary_best_ns: float) -> str:
        """Why the block tells nothing, "" when it does: the machine's doing alone.

        A side needs one process with an undisturbed canary on both ends and a quiet neighbour.
        """
        limit_ns = canary_best_ns * CANARY_SLACK
        for side in Side:
            own = [i for i, p in enumerate(self.processes) if p.side is side]
            calm = [i for i in own if max(self.canary_ns[i : i + 2]) <= limit_ns]
            if not calm:
                return f"canary: {max(self.canary_ns) / canary_best_ns - 1:.0%} slower beside it"
            if not any(self._is_quiet(i) for i in calm):
                return "neighbour: the other thread of the core was busy all the time"
        return ""

    def _is_quiet(self, i: int) -> bool:
        return all(r.quiet_share >= QUIET_LEAST for r in self.processes[i].readings.values())


Ask = Callable[[Side, Sequence[Subject]], Process]
Canary = Callable[[], float]


def orders(draw: random.Random) -> Iterator[tuple[Side, ...]]:
    """ABBA and BAAB without end, as many of the one as of the other after any even number."""
    a, b = Side.BASE, Side.HEAD
    while True:
        both = [(a, b, b, a), (b, a, a, b)]
        draw.shuffle(both)
        yield from both


def compare(
    ask: Ask,
    canary: Canary,
    subjects: Sequence[Subject],
    *,
    pairs: int,
    seed: int,
    note: Callable[[str], None] = lambda _: None,
) -> list[Block]:
    """Blocks until `pairs` of them count, or as many again were void. None is left out.

    How many are done never depends on what was measured of a build. The order of the operations
    within the processes is drawn anew for every block.
    """
    draw = random.Random(seed)
    blocks: list[Block] = []
    for order in orders(draw):
        n_good = len(valid(blocks))
        if n_good >= pairs or len(blocks) >= pairs * (1 + MOST_VOID):
            return blocks
        note(f"pair {n_good + 1}/{pairs}")
        shuffled = draw.sample(list(subjects), len(subjects))
        canaries, processes = [canary()], []
        for side in order:
            processes.append(ask(side, shuffled))
            canaries.append(canary())
        blocks.append(Block(tuple(processes), tuple(canaries)))
    raise AssertionError("orders are endless")


def canary_best_ns(blocks: Sequence[Block]) -> float:
    """What the canary takes here when nothing is in its way."""
    return min(reading for block in blocks for reading in block.canary_ns)


def valid(blocks: Sequence[Block]) -> list[Block]:
    """Those that are not void."""
    if not blocks:
        return []
    best_ns = canary_best_ns(blocks)
    return [block for block in blocks if not block.void(best_ns)]
