"""From verdicts to a score: every weight counts, whether its row was measured or not.

Floor:    rows without a judgement score nothing. Ceiling: they score everything. The truth lies
    between the two, and nothing here ever divides by the weight of the judged rows alone.
Scores:   0..100 a row; over target one octave down is 0, under target there is no extra credit.
Grades:   bands are strict and read from unrounded totals; shown figures are floored to 0.1.
Sign-off: READY when every gate holds and the floor is above the matrix's line. Weights cannot buy
    a gate back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

from harness.config.matrix import Gate, Matrix, Target
from harness.errors import ExitCode
from harness.run.verdicts import State, Verdict, lower_is_better, show, wanted


class SignOff(StrEnum):
    """The one line that stands beside every grade."""

    READY = "READY"
    NOT_READY = "NOT READY"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def exit_code(self) -> ExitCode:
        codes = {
            SignOff.READY: ExitCode.READY,
            SignOff.NOT_READY: ExitCode.FAIL,
            SignOff.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
        }
        return codes[self]


@dataclass(frozen=True, slots=True)
class Judged:
    """A row's verdict with its score, if it has one, and the arithmetic behind it."""

    verdict: Verdict
    score: float | None = None
    formula: str = ""
    value: str = ""

    @property
    def floor(self) -> float:
        return 0.0 if self.score is None else self.score

    @property
    def ceiling(self) -> float:
        return 100.0 if self.score is None else self.score


@dataclass(frozen=True, slots=True)
class GroupScore:
    """One group of the matrix, 0..100."""

    id: str
    weight: float
    floor: float
    ceiling: float
    judged_weight: float
    formula: str


@dataclass(frozen=True, slots=True)
class Score:
    """All groups and the total, unrounded."""

    groups: tuple[GroupScore, ...]
    floor: float
    ceiling: float
    judged_weight: float
    formula: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """Something that must hold for a sign-off."""

    id: str
    title: str
    verdict: Verdict


def row_score(target: Target, bound: float, *, partial: bool = True) -> tuple[float, str]:
    """0..100 for a judged bound, and how it came about.

    `bound` is the unfavourable end: the upper bound of a latency, the lower bound of a rate.
    Without `partial` a miss scores nothing.
    """
    if not partial and not target.met_by(bound):
        return 0.0, f"{show(bound)} is not {wanted(target)}, and nothing is given for a part: 0"
    if target.unit == "%":
        score = 100.0 * max(0.0, min(1.0, bound / target.value))
        return score, f"min(100, 100 x {show(bound)} / {show(target.value)}) = {floored(score)}"
    if target.op == "=":
        met = target.met_by(bound)
        return 100.0 * met, f"{show(bound)} = {show(target.value)}: {'100' if met else '0'}"
    if target.met_by(bound):
        return 100.0, f"{show(bound)} {target.op} {show(target.value)}: 100"
    over, under = (bound, target.value) if lower_is_better(target) else (target.value, bound)
    if under <= 0:
        return 0.0, f"{show(bound)} is more than an octave from {show(target.value)}: 0"
    score = octave(over / under)
    return score, f"100 x (1 - log2({show(over)} / {show(under)})), at least 0 = {floored(score)}"


def octave(ratio: float) -> float:
    """100 at the target, 0 at twice the target, straight on a logarithmic scale between."""
    if ratio <= 1.0:
        return 100.0
    return 100.0 * max(0.0, 1.0 - math.log2(ratio))


def score(matrix: Matrix, judged: Mapping[str, Judged]) -> Score:
    """Weigh every row of the matrix. KeyError when a row was forgotten: rows cannot vanish."""
    groups = []
    for group in matrix.groups:
        rows = [(row, judged[row.id]) for row in group.rows]
        groups.append(
            GroupScore(
                group.id,
                group.weight,
                _weighed([(row.weight, j.floor) for row, j in rows]),
                _weighed([(row.weight, j.ceiling) for row, j in rows]),
                math.fsum(row.weight for row, j in rows if j.verdict.judged),
                _arithmetic([(row.weight, j.floor) for row, j in rows]),
            )
        )
    floors = [(g.weight, g.floor) for g in groups]
    return Score(
        tuple(groups),
        _weighed(floors),
        _weighed([(g.weight, g.ceiling) for g in groups]),
        _weighed([(g.weight, g.judged_weight) for g in groups]),
        _arithmetic(floors),
    )


def sign_off(
    matrix: Matrix, total: Score, gates: Sequence[GateResult]
) -> tuple[SignOff, tuple[str, ...]]:
    """READY, NOT READY or INCONCLUSIVE, with every reason that stands in the way."""
    broken = [g for g in gates if g.verdict.state in (State.FAIL, State.MARGINAL)]
    unknown = [g for g in gates if g.verdict.state in (State.UNJUDGEABLE, State.MISSING)]
    reasons = [f"{g.title}: {g.verdict.state}: {g.verdict.reason}" for g in (*broken, *unknown)]
    line = matrix.ready_above
    if total.floor <= line:
        reasons.append(
            f"the floor of the total is {floored(total.floor)}, ready takes more than {line:g}"
        )
    if broken or total.ceiling <= line:
        if total.ceiling <= line:
            reasons.append(f"even the ceiling, {floored(total.ceiling)}, does not reach {line:g}")
        return SignOff.NOT_READY, tuple(reasons)
    if unknown or total.floor <= line:
        return SignOff.INCONCLUSIVE, tuple(reasons)
    return SignOff.READY, ()


def grade(matrix: Matrix, total: Score) -> str:
    """The grade of the floor; hedged unless floor and ceiling share a band."""
    low, high = matrix.band(total.floor), matrix.band(total.ceiling)
    return low if low == high else f"at least {low}"


def headline(total: Score) -> str:
    """TOTAL 60.0-100.0, and how much of the weight was judged at all."""
    return (
        f"TOTAL {floored(total.floor)} to {floored(total.ceiling)}, "
        f"{floored(total.judged_weight)} % of the weight judged"
    )


def floored(value: float) -> str:
    """One decimal, never rounded up: 89.96 shows as 89.9."""
    exact = Decimal(repr(round(value, 9)))
    return str(exact.quantize(Decimal("0.1"), rounding=ROUND_FLOOR))


def row_gates(matrix: Matrix, judged: Mapping[str, Judged]) -> tuple[GateResult, ...]:
    """Every row and gate of the matrix that must hold."""
    return tuple(GateResult(g.id, g.title, judged[g.id].verdict) for g in matrix.must_hold())


def demoted(matrix: Matrix) -> tuple[Gate, ...]:
    """Rows that the matrix scores without holding the sign-off to them; the report names them."""
    return tuple(g for g in matrix.everything() if not g.gate)


def _weighed(parts: Sequence[tuple[float, float]]) -> float:
    """Sum of weight x value over the WHOLE weight; the weights of a matrix make 100."""
    share = math.fsum(w * value for w, value in parts) / math.fsum(w for w, _ in parts)
    return round(share, 9)  # 70.00000000000001 is not above 70


def _arithmetic(parts: Sequence[tuple[float, float]]) -> str:
    terms = " + ".join(f"{weight:g} x {floored(value)}" for weight, value in parts)
    return f"({terms}) / {math.fsum(w for w, _ in parts):g} = {floored(_weighed(parts))}"
