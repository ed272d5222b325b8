"""Counts held against a baseline: a shift, and in which function it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.config.instructions import Component, Instructions, Key, load_instructions


class State(StrEnum):
    SAME = "same"
    SHIFTED = "SHIFTED"
    OTHER_WORK = "OTHER WORK"  # another answer, or another number of operations
    NEW = "new"
    GONE = "GONE"


@dataclass(frozen=True, slots=True)
class Shift:
    """One component then and now; `where` is the frame that moved most, of those that moved."""

    component: str
    state: State
    before: float | None = None  # instructions per operation
    now: float | None = None
    where: str = ""

    @property
    def pct(self) -> float | None:
        if not self.before or self.now is None:
            return None
        return 100 * (self.now / self.before - 1)


def compare(
    before: Sequence[Component], now: Sequence[Component], limit_pct: float, asked: Iterable[str]
) -> list[Shift]:
    """A line for each component asked for; a shift of more than limit_pct, either way, is one."""
    then = {one.component: one for one in before}
    here = {one.component: one for one in now}
    return [_shift(name, then.get(name), here.get(name), limit_pct) for name in asked]


def _shift(name: str, a: Component | None, b: Component | None, limit_pct: float) -> Shift:
    if b is None:
        return Shift(name, State.GONE, before=a.per_op if a else None)
    if a is None:
        return Shift(name, State.NEW, now=b.per_op)
    if (a.answer, a.n_ops, a.regime) != (b.answer, b.n_ops, b.regime):
        return Shift(name, State.OTHER_WORK, a.per_op, b.per_op)
    has_moved = abs(b.instructions - a.instructions) * 100 > limit_pct * a.instructions
    state = State.SHIFTED if has_moved else State.SAME
    return Shift(name, state, a.per_op, b.per_op, _where(a, b))


def _where(a: Component, b: Component) -> str:
    moved: Counter[str] = Counter()
    for sign, one in ((-1, a), (1, b)):
        for stack in one.stacks:
            moved[stack.frames[-1]] += sign * stack.instructions
    frame = max(moved, key=lambda name: abs(moved[name]), default="")
    return f"{frame} {moved[frame] / b.n_ops:+.1f}" if frame and moved[frame] else ""


def baseline_of(key: Key, where: Path) -> Instructions | None:
    """The baseline of the same key, or None. ConfigError for a file that is none."""
    for path in sorted(where.glob("*.json")):
        found = load_instructions(path)
        if found.key == key:
            return found
    return None
