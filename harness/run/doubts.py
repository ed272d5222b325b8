"""Reasons not to look at a figure at all: what spoilt the measurement, before anybody judges it.

Each is None while it does not apply, else UNJUDGEABLE with a sentence that has its numbers. The
order in which they are asked is that of decide.py. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.measure.percentiles import TAIL_TO_JUDGE, Support, fraction, needed
from harness.run.verdicts import Verdict, show, unjudgeable

MAX_CLOCK_DISAGREEMENT_PPB = 1000
LATENESS_SHARE = 0.1  # of the target: a later generator measures itself
OFFERED_SHARE = 0.999
QUIET_SHARE = 0.02  # below this the neighbour had the core to himself all along
FREQUENCY_SHARE = 0.01  # that a pinned core may be off before short operations are not compared


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


def frequency(mhz: Sequence[float] | None, pinned_mhz: float | None) -> Verdict | None:
    """None while a core ran at the frequency it was pinned to, as far as anybody knows.

    Cycles of another length make short operations shorter, too: even a PASS would be the clock's.
    """
    if not mhz or pinned_mhz is None:
        return None
    far = max(mhz, key=lambda one: abs(one - pinned_mhz))
    if abs(far - pinned_mhz) <= FREQUENCY_SHARE * pinned_mhz:
        return None
    return unjudgeable(
        f"frequency: the core ran at {show(far)} MHz, it is pinned to {show(pinned_mhz)} MHz"
    )


def samples(n: int, statistic: str, support: Support) -> Verdict | None:
    """None when enough samples lie beyond the percentile to judge it."""
    if support >= Support.JUDGE:
        return None
    q = fraction(statistic)
    return unjudgeable(
        f"too few samples: {n} give {statistic} {float(n * (1 - q)):.1f} samples in its tail, "
        f"judging takes {TAIL_TO_JUDGE} (n = {needed(q, TAIL_TO_JUDGE)})"
    )
