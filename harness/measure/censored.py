"""Percentiles of a load that lost messages: what never came back was slower than all that did.

A lost message is a sample that is known only to lie beyond the time that was waited for it (right
censoring). Left out it would flatter: the worse the loss, the better the percentiles. So it ranks
last, and a percentile that falls among the lost is infinite.
"""

from __future__ import annotations

from harness.measure.histogram import Histogram
from harness.measure.percentiles import PUBLISHED, Support, fraction, support


def statistics(histogram: Histogram, n_lost: int) -> tuple[str, ...]:
    """The published percentiles, and the maximum, that fall among `n_lost` lost messages.

    Percentiles that so many samples do not support are left out: nothing is said of them at all.
    """
    if n_lost <= 0:
        return ()
    n = histogram.n + n_lost
    found = [
        name
        for name in PUBLISHED
        if support(n, fraction(name), 0) is not Support.NONE
        and -(-fraction(name).numerator * n // fraction(name).denominator) > histogram.n
    ]
    return (*found, "max")
