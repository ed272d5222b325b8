"""The rules that turn a figure and what is known about the host into a verdict and a sentence.

Every function is pure: numbers in, `Verdict` out. What makes a figure no figure at all comes before
these rules, in doubts.py.
Noise only adds time, so a PASS on a noisy host stands; a FAIL stands only where the noise floor
leaves the quantile judgeable. Nothing here loosens a target.

Units:  the unit of the metric, named by the caller; host figures are ns and shares 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.config.matrix import Target
from harness.measure import noise
from harness.measure.percentiles import fraction

RUNS_FIRST, RUNS_EXTENDED, RUNS_AGREEING = 5, 10, 9
SUBTRACTION_SHARE = 0.2
MAX_CHANCE = 0.05  # that a maximum over target is the host's doing
QUANTA_OF_TARGET = 3


class State(StrEnum):
    """What can be said about a metric or a row; never just a boolean."""

    PASS = "PASS"
    MARGINAL = "MARGINAL"
    FAIL = "FAIL"
    UNJUDGEABLE = "UNJUDGEABLE"
    MISSING = "MISSING"
    WAIVED = "WAIVED"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state and the sentence that justifies it, with its numbers."""

    state: State
    reason: str

    @property
    def judged(self) -> bool:
        return self.state in (State.PASS, State.MARGINAL, State.FAIL)


@dataclass(frozen=True, slots=True)
class HostNoise:
    """What the noise floor says about one metric: contamination, and whether it was measured."""

    contamination: float
    measured: bool = True
    longest_ns: float = 0.0  # what the host took at once while nothing ran
    gated: bool = True  # False: nobody asks the host (see decide.judgement)

    def may_fail(self, q: float) -> bool:
        return self.measured and noise.may_fail(self.contamination, q)

    @property
    def judgeable_quantile(self) -> float:
        return noise.judgeable_quantile(self.contamination) if self.measured else 0.0

    def why_not(self, statistic: str, q: float) -> str:
        if not self.measured:
            return "host noise: no noise floor was measured"
        best = self.judgeable_quantile
        upto = f"p{best * 100:g} is the highest judgeable" if best else "no quantile is judgeable"
        return (
            f"host noise: the host alone delays {_share(self.contamination, 2)} of such operations "
            f"by a tenth of the target, {statistic} allows {_share((1 - q) / 3, 3)}; {upto}"
        )


def _share(part: float, places: int) -> str:
    """In percent; what would show as zero keeps its first digits."""
    shown = f"{part:.{places}%}"
    return shown if float(shown[:-1]) or not part else f"{100 * part:.1g}%"


def show(value: float) -> str:
    """A number for a sentence: four digits that count, no exponent, no trailing zeros."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    places = 3 - math.floor(math.log10(abs(value))) if value else 0
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def wanted(target: Target) -> str:
    """A target with every digit, in the unit of the figures beside it: '< 2,000 ns'."""
    return f"{target.op} {quantity(target.value, target.unit)}"


def quantity(value: float, unit: str) -> str:
    """A figure with its unit; a count is its own unit."""
    return show(value) if unit == "count" else f"{show(value)} {unit}"


def lower_is_better(target: Target) -> bool:
    return target.op in ("<", "<=")


def unjudgeable(reason: str) -> Verdict:
    return Verdict(State.UNJUDGEABLE, reason)


def missing(reason: str = "not measured in this run") -> Verdict:
    return Verdict(State.MISSING, reason)


def quantile(statistic: str, n: int) -> float:
    """The quantile at which a miss must be judgeable for it to be the program's.

    One sample decides a maximum, so none of the n may be the host's: with contamination c of each
    the chance that one is is at most n c, and that must be below MAX_CHANCE. In terms of the rule
    for quantiles, c < (1 - q) / 3, that is q = 1 - 3 MAX_CHANCE / n.
    """
    return 1 - 3 * MAX_CHANCE / max(n, 1) if statistic == "max" else float(fraction(statistic))


def latency(
    target: Target,
    statistic: str,
    value: float,
    interval: tuple[float, float] | None,
    q: float,
    host: HostNoise,
) -> Verdict:
    """One run of a percentile (the q quantile, or the maximum) against its target."""
    seen = f"{statistic} {show(value)} {target.unit}"
    if interval is not None:
        seen += f" (95 % CI {show(interval[0])} to {show(interval[1])})"
    low, high = interval or (value, value)
    if target.met_by(high) and target.met_by(value):
        note = "" if interval else ", without an interval"
        return Verdict(State.PASS, f"{seen} is {wanted(target)}{note}")
    if not host.may_fail(q):
        return unjudgeable(f"{host.why_not(statistic, q)}; seen {seen}, wanted {wanted(target)}")
    if target.met_by(low):
        return Verdict(State.MARGINAL, f"{seen} straddles {wanted(target)}")
    return Verdict(State.FAIL, f"{seen} is not {wanted(target)}")


def maximum(target: Target, value: float, n: int, host: HostNoise) -> Verdict:
    """The largest of n samples. One gap of the host is enough for it, so a miss is the program's
    only where so long a gap was not seen and hardly any can have met one of the n.
    """
    if not target.met_by(value) and host.gated and not target.met_by(host.longest_ns):
        return unjudgeable(
            f"host noise: the host alone took {show(host.longest_ns)} {target.unit} at once while "
            f"nothing ran; seen max {show(value)} {target.unit}, wanted {wanted(target)}"
        )
    return latency(target, "max", value, None, quantile("max", n), host)


def restarts(target: Target, statistic: str, values: Sequence[float], host: HostNoise) -> Verdict:
    """Values of R process restarts: five that agree, or nine of ten; every run counts."""
    q = float(fraction(statistic))
    n, below = len(values), sum(target.met_by(v) for v in values)
    span = f"{show(min(values))} to {show(max(values))} {target.unit}"
    seen = f"{statistic} meets {wanted(target)} in {below} of {n} runs ({span})"
    if n < RUNS_FIRST:
        raise ValueError(f"{n} runs, the rule starts at {RUNS_FIRST}")
    if below == n or (n >= RUNS_EXTENDED and below >= RUNS_AGREEING * n / RUNS_EXTENDED):
        return Verdict(State.PASS, seen)
    if not host.may_fail(q):
        return unjudgeable(f"{host.why_not(statistic, q)}; {seen}")
    if below == 0 or (n >= RUNS_EXTENDED and n - below >= RUNS_AGREEING * n / RUNS_EXTENDED):
        return Verdict(State.FAIL, seen)
    more = "" if n >= RUNS_EXTENDED else f"; {RUNS_EXTENDED} runs would decide"
    return Verdict(State.MARGINAL, seen + more)


def short_op(
    target: Target,
    statistic: str,
    per_op: float,
    chain_min: float | None,
    pair_p50: float,
    pair_spread: float,
    quantum: float,
    host: HostNoise,
) -> Verdict:
    """An operation near the resolution of the clock (all in the unit of the target).

    per_op bounds it from above (the fence pair is in it), the fastest dependent chain from below;
    the subtracted figure decides only between the two, and never where the subtraction is most of
    it or where the host's noise could be its tail.
    """
    q = float(fraction(statistic))
    unit = target.unit
    if target.value < QUANTA_OF_TARGET * quantum and chain_min is None:
        return unjudgeable(
            f"resolution: a target of {show(target.value)} {unit} is under {QUANTA_OF_TARGET} "
            f"steps of the clock ({show(quantum)} {unit}) and no dependent chain was timed"
        )
    seen = f"per-op {statistic} {show(per_op)} {unit}"
    if target.met_by(per_op):
        return Verdict(State.PASS, f"{seen} is {wanted(target)}, timer included")
    if chain_min is not None and not target.met_by(chain_min):
        fastest = f"the fastest dependent chain took {show(chain_min)} {unit}"
        return Verdict(State.FAIL, f"{fastest}, not {wanted(target)}")
    subtracted = per_op - pair_p50
    blur = quantum + pair_spread
    net = f"{seen}, {show(subtracted)} without the timer's {show(pair_p50)}"
    if abs(subtracted - target.value) <= blur:
        return unjudgeable(
            f"resolution: {net}, is within {show(blur)} {unit} of {show(target.value)}"
        )
    if not host.may_fail(q):
        return unjudgeable(f"{host.why_not(statistic, q)}; {net}, wanted {wanted(target)}")
    if not target.met_by(subtracted):
        return Verdict(State.FAIL, f"{net}, is not {wanted(target)}")
    if pair_p50 > SUBTRACTION_SHARE * subtracted:
        return unjudgeable(
            f"resolution: {net}: the timer is {pair_p50 / subtracted:.0%} of the result, "
            f"{SUBTRACTION_SHARE:.0%} allowed for a PASS"
        )
    return Verdict(State.PASS, f"{net}, is {wanted(target)}")


def throughput(
    target: Target,
    joint: float | None,
    loss_free: float | None,
    lost_share: float,
    host: HostNoise,
    condition: str,
) -> Verdict:
    """A rate counts only together with its latency: `joint` is the highest load that held both.

    `loss_free` is the highest load without loss. A shortfall in latency is the host's while the
    quantile is not judgeable; a shortfall in loss is the host's only as far as the time it took.
    """
    unit = target.unit
    if joint is not None and target.met_by(joint):
        return Verdict(State.PASS, f"sustained {show(joint)} {unit}, no loss, {condition}")
    held = "no load" if loss_free is None else f"{show(loss_free)} {unit}"
    if loss_free is not None and target.met_by(loss_free):
        together = "no load" if joint is None else show(joint)
        seen = f"{held} without loss, but {together} held {condition}"
        if not host.may_fail(0.99):
            return unjudgeable(f"{host.why_not('p99', 0.99)}; {seen}")
        return Verdict(State.FAIL, f"{seen}, wanted {wanted(target)}")
    left = 1 - lost_share  # both threads' losses add up: nothing may be left, and proves nothing
    if loss_free is not None and (left <= 0 or target.met_by(loss_free / left)):
        return unjudgeable(
            f"host noise: {held} without loss, wanted {wanted(target)}; the host took "
            f"{lost_share:.2%} of the time, which would make up for it"
        )
    return Verdict(State.FAIL, f"{held} without loss, wanted {wanted(target)}")


def scalar(target: Target, value: float, noisy: str = "") -> Verdict:
    """A plain figure against its target; `noisy` is the host's excuse for a miss, if it has one."""
    seen = quantity(value, target.unit)
    if target.met_by(value):
        return Verdict(State.PASS, f"{seen} is {wanted(target)}")
    if noisy:
        return unjudgeable(f"{noisy}; seen {seen}, wanted {wanted(target)}")
    return Verdict(State.FAIL, f"{seen} is not {wanted(target)}")


def hours(target: Target, value: float) -> Verdict:
    """Hours that a run lasted: fewer than wanted prove nothing, but they are no failure either."""
    if target.met_by(value):
        return Verdict(State.PASS, f"{show(value)} h, wanted {wanted(target)}")
    return missing(f"{show(value)} h, wanted {wanted(target)}; nothing is proved by less")


def tool(target: Target, value: float, complete: bool, control_found: bool | None) -> Verdict:
    """What a tool found, or the share that it found good; `control_found` None: none was planted.

    Findings are findings whoever looked; their absence is worth something only if the tool finished
    and found what was planted for it. A share of half the tests says nothing of all of them.
    """
    if target.unit == "count":
        return zero_tolerance(int(value), complete, bool(control_found), "findings")
    if complete and control_found is not False:
        return scalar(target, value)
    seen = quantity(value, target.unit)
    if not complete:
        return missing(f"{seen} as far as it went, but the tool did not finish")
    return missing(f"{seen}, but the tool missed the fault planted for it")


def zero_tolerance(findings: int, complete: bool, control_found: bool, what: str) -> Verdict:
    """A tool's count of findings: worth something only if it finished and found its planted one."""
    if findings:
        return Verdict(State.FAIL, f"{findings} {what}")
    if not complete:
        return missing(f"no {what} seen, but the tool did not finish on its test set")
    if not control_found:
        return missing(f"no {what} seen, but the tool missed the planted one too")
    return Verdict(State.PASS, f"no {what}; the planted one was found")
