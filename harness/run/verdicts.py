"""The rules that turn a figure and what is known about the host into a verdict and a sentence.

Every function is pure: numbers in, `Verdict` out. The rules are applied in the order of doubt: the
generator, the clock, the neighbour, the number of samples, the resolution, and last the figure.
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
from harness.measure.percentiles import TAIL_TO_JUDGE, Support, fraction, needed

MAX_CLOCK_DISAGREEMENT_PPB = 1000
LATENESS_SHARE = 0.1  # of the target: a later generator measures itself
OFFERED_SHARE = 0.999
QUIET_SHARE = 0.02  # below this the neighbour had the core to himself all along
RUNS_FIRST, RUNS_EXTENDED, RUNS_AGREEING = 5, 10, 9
SUBTRACTION_SHARE = 0.2
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
            f"host noise: the host alone delays {self.contamination:.2%} of such operations by a "
            f"tenth of the target, {statistic} allows {(1 - q) / 3:.3%}; {upto}"
        )


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


def generator(
    target_ns: float | None, lateness_ns: float | None, planned: int | None, sent: int | None
) -> Verdict | None:
    """A trial that its own generator spoilt is invalid, not slow. None when it is valid."""
    if planned and sent is not None and sent < OFFERED_SHARE * planned:
        return unjudgeable(
            f"generator: sent {sent} of {planned} planned messages ({sent / planned:.2%}, "
            f"{OFFERED_SHARE:.1%} needed)"
        )
    if target_ns and lateness_ns is not None and lateness_ns > LATENESS_SHARE * target_ns:
        return unjudgeable(
            f"generator: late by {show(lateness_ns)} ns at p99.9, a tenth of the target is "
            f"{show(LATENESS_SHARE * target_ns)} ns"
        )
    return None


def clock(disagree_ppb: float | None, offset_moved_ns: float, quantum_ns: float) -> Verdict | None:
    """None while two calibrations agree to 1 ppm and the clocks of the cores kept their offset."""
    if disagree_ppb is None:
        return unjudgeable("clock: it was not calibrated")
    if abs(disagree_ppb) > MAX_CLOCK_DISAGREEMENT_PPB:
        return unjudgeable(
            f"clock: two calibrations differ by {show(abs(disagree_ppb))} ppb, "
            f"{MAX_CLOCK_DISAGREEMENT_PPB} allowed"
        )
    if abs(offset_moved_ns) > quantum_ns:
        return unjudgeable(
            f"clock: the offset between the cores moved by {show(abs(offset_moved_ns))} ns, "
            f"one step of the clock is {show(quantum_ns)} ns"
        )
    return None


def neighbour(quiet_share: float | None) -> Verdict | None:
    """None unless somebody on the sibling hyperthread was there all the time."""
    if quiet_share is not None and quiet_share < QUIET_SHARE:
        return unjudgeable(
            f"neighbour: the core ran at full speed in {quiet_share:.1%} of the chunks, "
            f"{QUIET_SHARE:.0%} needed"
        )
    return None


def samples(n: int, statistic: str, support: Support) -> Verdict | None:
    """None when enough samples lie beyond the percentile to judge it."""
    if support >= Support.JUDGE:
        return None
    q = fraction(statistic)
    return unjudgeable(
        f"too few samples: {n} give {statistic} {float(n * (1 - q)):.1f} samples in its tail, "
        f"judging takes {TAIL_TO_JUDGE} (n = {needed(q, TAIL_TO_JUDGE)})"
    )


def quantile(statistic: str, n: int) -> float:
    """The quantile a statistic stands for; the maximum of n samples is their last n-th."""
    return 1 - 1 / max(n, 1) if statistic == "max" else float(fraction(statistic))


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
    if loss_free is not None and lost_share < 1 and target.met_by(loss_free / (1 - lost_share)):
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


def zero_tolerance(findings: int, complete: bool, control_found: bool, what: str) -> Verdict:
    """A tool's count of findings: worth something only if it finished and found its planted one."""
    if findings:
        return Verdict(State.FAIL, f"{findings} {what}")
    if not complete:
        return missing(f"no {what} seen, but the tool did not finish on its test set")
    if not control_found:
        return missing(f"no {what} seen, but the tool missed the planted one too")
    return Verdict(State.PASS, f"no {what}; the planted one was found")
