"""What the figures of a heat look like as text, and what the targets say of them.

A target is judged by the words of a scorecard (harness/run/verdicts.py): wrong answers FAIL however
fast; a miss on a core that was never quiet, or against a program that is not there, is UNJUDGEABLE
with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perf import heats
from perf.heats import Heat, Target
from perf.sample import SHOWN, Figures, Sample, combine, ratio

from harness.config.matrix import Target as Bound
from harness.run import doubts, verdicts
from harness.run.verdicts import State, Verdict

HEAD = (
    f"{'ns':<23}{'fastest':>9}{'mean':>9}{'chain':>8}"
    + "".join(f"{name:>9}" for name in SHOWN)
    + f"{'pair':>5}{'n':>11}{'quiet':>6}  {'answer':<8}  beside"
)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """Everything that ran in one heat: passes by program, in the order they ran, and who did not
    run and why.
    """

    heat: Heat
    passes: Mapping[str, Sequence[Sample]]
    absent: Mapping[str, str]

    def figures(self, program: str) -> Figures | None:
        passes = self.passes.get(program)
        return combine(passes) if passes else None

    def times(self, program: str, other: str) -> float | None:
        """How many times as long `program` takes as `other`, by fastest replays (by means where
        one of them was not replayed); None without both.
        """
        mine, theirs = self.passes.get(program, ()), self.passes.get(other, ())
        replays = [
            [s.fastest_ns for s in side if s.fastest_ns is not None] for side in (mine, theirs)
        ]
        if len(replays[0]) == len(mine) and len(replays[1]) == len(theirs):
            return ratio(*replays)
        return ratio([s.mean_ns for s in mine], [s.mean_ns for s in theirs])

    def disagreement(self, program: str) -> str:
        """Why the answers of a program cannot be right: a sentence, or nothing."""
        figures = self.figures(program)
        if figures is None:
            return ""
        if figures.n_wrong:
            return f"{figures.n_wrong} wrong answers"
        if figures.n_lost and program in heats.KEEPS_ALL:
            return f"{figures.n_lost:,} records lost"
        other = heats.RIVALS.get(program) or heats.SAME_ANSWER.get(program, "")
        twin = self.figures(other)
        if twin is None or any(f.n_lost or f.n_refused for f in (figures, twin)):
            return ""  # what is not there has no answer; it is shown how much that is
        if twin.answer != figures.answer:
            return f"another answer than {other}"
        return ""


def render(result: Result) -> str:
    """The heat as a block of lines."""
    lines = [result.heat.title, HEAD]
    notes = []
    for program in (*result.heat.ours, *result.heat.peers):
        figures = result.figures(program)
        if figures is None:
            lines.append(f"{program:<23}{result.absent.get(program, 'not measured')}")
            continue
        lines.append(_line(program, figures) + _beside(result, program, figures))
        if figures.about:
            notes.append(f"{program}: {figures.about}")
    return "\n".join((*lines, *notes))


def _line(program: str, f: Figures) -> str:
    quiet = "" if f.quiet_share is None else f"{f.quiet_share:.0%}"
    return (
        f"{program:<23}{_ns(f.fastest_ns):>9}{_ns(f.mean_ns):>9}{_ns(f.chain_ns):>8}"
        + "".join(f"{_ns(f.percentiles[name], 0):>9}" for name in SHOWN)
        + f"{_ns(f.pair_ns, 0):>5}{f.n:>11,}{quiet:>6}  {f.answer[-8:]:<8}  "
    )


def _ns(value: float | None, places: int = 1) -> str:
    return "-" if value is None else f"{value:,.{places}f}"


def _beside(result: Result, program: str, figures: Figures) -> str:
    """What an operation is beside its floor, a peer beside ours; what is wrong, in capitals."""
    notes = []
    is_peer = program in heats.RIVALS
    other = heats.RIVALS[program] if is_peer else heats.FLOORS.get(program, "")
    times = result.times(program, other) if other else None
    if times is not None:
        notes.append(f"{times:.2f} x {other}" if times < 10 else f"{times:,.0f} x {other}")
    if figures.per_burst is not None:
        middle, tail = (_ns(figures.per_burst[name]) for name in ("p50", "p99"))
        notes.append(f"bursts whole: p50 {middle}, p99 {tail} a call")
    if wrong := result.disagreement(program):
        notes.append(f"WRONG: {wrong}")
    elif figures.n_lost:
        notes.append(f"LOST {figures.n_lost:,} records")
    if figures.n_refused:
        notes.append(f"REFUSED {figures.n_refused:,}")
    if figures.n_allocs or figures.n_faults:
        notes.append(f"{figures.n_allocs} allocations, {figures.n_faults} page faults")
    return "  ".join(notes)


# ---- targets ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judged:
    """A target in one heat, and what the figures say of it."""

    target: Target
    input: str
    verdict: Verdict

    @property
    def line(self) -> str:
        title = f"{self.target.text}, {self.input} {self.target.regime}"
        return f"{self.verdict.state:<12} {title}: {self.verdict.reason}"


def judge(results: Sequence[Result], targets: Sequence[Target]) -> list[Judged]:
    """Every target on every input of it that was measured."""
    by_heat = {(r.heat.input, r.heat.regime): r for r in results}
    return [
        Judged(target, name, verdict_of(by_heat[name, target.regime], target))
        for target in targets
        for name in target.inputs
        if (name, target.regime) in by_heat
        and target.operation in by_heat[name, target.regime].heat.ours
    ]


def verdict_of(result: Result, target: Target) -> Verdict:
    """One target. The order: was it measured, was it right, does it meet, may it be blamed."""
    figures = result.figures(target.operation)
    if figures is None:
        return verdicts.missing(result.absent.get(target.operation, "not measured"))
    if wrong := result.disagreement(target.operation):
        return Verdict(State.FAIL, wrong)
    if target.against and target.against not in result.passes:
        why = result.absent.get(target.against, "not measured")
        return verdicts.unjudgeable(f"{target.against}: {why}")
    if target.against and (wrong := result.disagreement(target.against)):
        return verdicts.unjudgeable(f"{target.against}: {wrong}")
    value = value_of(result, target, figures)
    if value is None:
        return verdicts.unjudgeable(f"too few samples: {figures.n}")
    busy = doubts.neighbour(figures.quiet_share)
    is_ratio = bool(target.against) and not target.is_extra
    bound = Bound(op="<=", value=target.bound, unit="count" if is_ratio else "ns")
    verdict = verdicts.scalar(bound, value, busy.reason if busy else "")
    if target.statistic in SHOWN and figures.pair_ns is not None:
        note = f"{verdict.reason}; {verdicts.show(round(figures.pair_ns))} ns of it an empty pair"
        return Verdict(verdict.state, note)
    return verdict


def value_of(result: Result, target: Target, figures: Figures) -> float | None:
    """The figure that a target bounds; None when there are too few samples for it."""
    if target.is_extra:
        other = result.figures(target.against)
        if other is None or other.fastest_ns is None or figures.fastest_ns is None:
            return None
        return figures.fastest_ns - other.fastest_ns
    if target.against:
        return result.times(target.operation, target.against)
    if target.statistic == "fastest":
        return figures.fastest_ns
    if target.statistic == "mean":
        return figures.mean_ns
    if target.statistic == "chain":
        return figures.chain_ns
    if target.statistic.startswith("burst "):
        bursts = figures.per_burst or {}
        return bursts.get(target.statistic.removeprefix("burst "))
    seen = figures.percentiles[target.statistic]
    return None if seen is None else round(seen)  # as printed: the counter's steps are coarser
