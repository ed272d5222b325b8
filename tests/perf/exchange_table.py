"""What the figures of the exchange look like as text, and what its goals say of them.

The words are those of a scorecard (harness/run/verdicts.py). A state that is not the reference's is
FAIL, however fast; a miss is UNJUDGEABLE on a core that was never quiet, or when the time in which
others were on it would make up for it.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perf.exchange import GOALS, PLAIN, PLAIN_AS, PROGRAMS, Goal, Program
from perf.exchange_run import Found, Key
from perf.sample import SHOWN, combine

from harness.config.matrix import Target as Bound
from harness.run import doubts, verdicts
from harness.run.verdicts import State, Verdict

WIDTH = 38
HEAD = (
    f"{'ns':<{WIDTH}}{'mean':>9}{'middle':>9}{'fastest':>9}{'M/s':>8}"
    + "".join(f"{name:>8}" for name in SHOWN)
    + f"{'max':>12}{'n':>12}{'quiet':>7}  beside"
)
NOTE = (
    "exchange: the mean is that of the middle run, M/s is of it; middle: of the chunks; fastest:"
    " each chunk's fastest\nof all runs. p50 ...: single operations between fences, or round trips,"
    " with the timer in them; pair: fences around\nnothing. n: operations. taken: the share of the"
    " time in which others were on the same cores."
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A goal, and what the figures say of it."""

    goal: Goal
    verdict: Verdict

    @property
    def line(self) -> str:
        return f"{self.verdict.state:<12} {self.goal.text}: {self.verdict.reason}"


def render(found: Mapping[str, Found], programs: Sequence[Program] = PROGRAMS) -> str:
    """A block of lines a program."""
    return "\n\n".join(_block(p, found) for p in programs if p.name in found)


def _block(program: Program, found: Mapping[str, Found]) -> str:
    mine = found[program.name]
    lines = [f"{program.name}: {program.regime}"]
    if mine.absent:
        return "\n".join((*lines, f"  {mine.absent}"))
    if mine.failed:
        return "\n".join((*lines, f"  WRONG: {mine.failed}"))
    lines.append(HEAD)
    for key in mine.keys:
        lines.append(_line(program, mine, key))
    if program.name == PLAIN_AS[0] and PLAIN in found:
        lines.append(_plain_line(found))
    by_state: dict[str, list[str]] = {}
    for name in dict.fromkeys(key[0] for key in mine.keys):
        by_state.setdefault(_state(mine, name), []).append(name)
    for state, names in by_state.items():
        of = ", ".join(n for n in names if n)
        lines.append(f"state{' of ' + of if of else ''} {state}")
    if not program.is_cpu_time:
        lines.append(f"taken: {mine.taken:.0%}")
    return "\n".join(lines)


def _state(mine: Found, name: str) -> str:
    if wrong := mine.wrong(name):
        return f"WRONG: {wrong}"
    answer = mine.answer(name)
    return f"equals: {mine.runs[0].states[name].equals}{'  ' + answer if answer else ''}"


def _line(program: Program, mine: Found, key: Key) -> str:
    f = mine.figures(key)
    assert f is not None
    floor = program.floors.get(key[1], "")
    times = mine.times(key, floor) if floor else None
    name = f"{key[0]}: {key[1]}" if key[0] else key[1]
    return (
        f"{name:<{WIDTH}}{_ns(f.mean_ns):>9}{_ns(f.middle_ns):>9}{_ns(f.fastest_ns):>9}"
        + f"{_ns(None if f.per_s is None else f.per_s / 1e6, 2):>8}"
        + "".join(f"{_ns(f.percentiles[p], 0):>8}" for p in SHOWN)
        + f"{_ns(f.max_ns, 0):>12}{f.n:>12,}"
        + f"{'-' if f.quiet is None else f'{f.quiet:.0%}':>7}"
        + ("" if times is None else f"  {times:.2f} x {floor}")
        + ("  WRONG" if mine.wrong(key[0]) else "")
    )


def _plain_line(found: Mapping[str, Found]) -> str:
    peer = found[PLAIN]
    if not peer.peer:
        return f"{PLAIN:<{WIDTH}}{peer.absent or peer.failed or 'not measured'}"
    f = combine(peer.peer)
    ours = found[PLAIN_AS[0]].figures(PLAIN_AS[1:])
    times = f.mean_ns / ours.mean_ns if ours and ours.mean_ns else None
    wrong = plain_disagreement(found)
    return (
        f"{PLAIN:<{WIDTH}}{_ns(f.mean_ns):>9}{'-':>9}{_ns(f.fastest_ns):>9}"
        + f"{1e3 / f.mean_ns:>8.2f}"
        + "".join(f"{_ns(f.percentiles[p], 0):>8}" for p in SHOWN)
        + f"{'-':>12}{f.n:>12,}{'-':>7}"
        + ("" if times is None else f"  {times:.2f} x {PLAIN_AS[1]}: {PLAIN_AS[2]}")
        + (f"  WRONG: {wrong}" if wrong else f"  the same books; {f.about}")
    )


def plain_disagreement(found: Mapping[str, Found]) -> str:
    """How the peer's books are not ours: a sentence, or nothing."""
    peer, ours = found.get(PLAIN), found.get(PLAIN_AS[0])
    if peer is None or not peer.peer or ours is None or not ours.runs:
        return ""
    f = combine(peer.peer)
    if f.n_wrong:
        return f"{f.n_wrong} wrong answers"
    if f.answer != ours.answer(PLAIN_AS[1]):
        return f"other books than those of {PLAIN_AS[0]}, {PLAIN_AS[1]}"
    return ""


def _ns(value: float | None, places: int = 1) -> str:
    return "-" if value is None else f"{value:,.{places}f}"


# ---- goals --------------------------------------------------------------------------------------


def judge(found: Mapping[str, Found], goals: Sequence[Goal] = GOALS) -> list[Judged]:
    return [Judged(goal, verdict_of(found, goal)) for goal in goals if goal.program in found]


def verdict_of(found: Mapping[str, Found], goal: Goal) -> Verdict:
    """One goal. The order: was it measured, was it right, does it meet, may it be blamed."""
    mine = found[goal.program]
    if mine.absent:
        return verdicts.missing(mine.absent)
    if wrong := mine.wrong(goal.input):
        return Verdict(State.FAIL, wrong)
    if (goal.program, goal.input, goal.row) == PLAIN_AS and (wrong := plain_disagreement(found)):
        return Verdict(State.FAIL, f"{PLAIN} has {wrong}")
    f = mine.figures((goal.input, goal.row))
    if f is None or f.per_s is None or f.spread_ns is None:
        return verdicts.missing()
    bound = Bound.model_validate({"op": goal.op, "value": goal.per_s, "unit": "msg/s"})
    verdict = verdicts.scalar(bound, f.per_s, _excuse(mine, f.quiet, f.per_s, bound))
    slow, fast = (1e9 / ns for ns in reversed(f.spread_ns))
    runs = f"{f.n_runs} runs, {verdicts.show(slow)} to {verdicts.show(fast)}"
    if f.fastest_ns is not None:
        runs += f"; by the fastest chunks {verdicts.show(1e9 / f.fastest_ns)}"
    return Verdict(verdict.state, f"{verdict.reason} ({runs})")


def _excuse(mine: Found, quiet: float | None, per_s: float, bound: Bound) -> str:
    """Why the host may be to blame for a miss: a sentence, or nothing."""
    if busy := doubts.neighbour(quiet):
        return busy.reason
    if mine.taken > 0 and (mine.taken >= 1 or bound.met_by(per_s / (1 - mine.taken))):
        return (
            f"host noise: others were on the same cores for {mine.taken:.1%} of the time, which"
            " would make up for it"
        )
    return ""


def is_wrong(found: Mapping[str, Found]) -> bool:
    return bool(plain_disagreement(found)) or any(
        f.failed or any(f.wrong(key[0]) for key in f.keys) for f in found.values()
    )


def as_json(found: Mapping[str, Found], judged: Sequence[Judged]) -> dict[str, Any]:
    """All that was printed, and the spread between the runs, for a program to read."""
    regimes = {p.name: p for p in PROGRAMS}
    return {
        "programs": {
            name: {
                "regime": regimes[name].regime if name in regimes else "",
                "absent": f.absent,
                "failed": f.failed,
                "taken": statistics.median(r.taken for r in f.runs) if f.runs else None,
                "rows": [_row_json(regimes[name], f, key) for key in f.keys],
                "peer": _peer_json(found) if f.peer else None,
            }
            for name, f in found.items()
        },
        "goals": [
            {"goal": j.goal.text, "verdict": j.verdict.state, "reason": j.verdict.reason}
            for j in judged
        ],
    }


def _row_json(program: Program, mine: Found, key: Key) -> dict[str, Any]:
    f = mine.figures(key)
    assert f is not None
    floor = program.floors.get(key[1], "")
    return {
        "input": key[0],
        "row": key[1],
        "mean_ns": f.mean_ns,
        "middle_chunk_ns": f.middle_ns,
        "fastest_ns": f.fastest_ns,
        "mean_spread_ns": f.spread_ns,
        "percentiles_ns": dict(f.percentiles),
        "max_ns": f.max_ns,
        "n": f.n,
        "n_runs": f.n_runs,
        "quiet_share": f.quiet,
        "answer": mine.answer(key[0]),
        "wrong": mine.wrong(key[0]),
        "beside": floor,
        "times": mine.times(key, floor) if floor else None,
    }


def _peer_json(found: Mapping[str, Found]) -> dict[str, Any]:
    f = combine(found[PLAIN].peer)
    return {
        "mean_ns": f.mean_ns,
        "fastest_ns": f.fastest_ns,
        "percentiles_ns": dict(f.percentiles),
        "answer": f.answer,
        "wrong": plain_disagreement(found),
        "about": f.about,
    }
