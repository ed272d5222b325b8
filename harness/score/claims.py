"""Claims that rows make together: a rate is worth nothing without the latency at that rate."""

from __future__ import annotations

from dataclasses import dataclass

from harness.config.matrix import Gate
from harness.run.verdicts import State, Verdict

_FROM_WORST = (
    State.FAIL,
    State.MARGINAL,
    State.UNJUDGEABLE,
    State.MISSING,
    State.WAIVED,
    State.PASS,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """Rows that are one statement, and what may be said of it."""

    rows: tuple[str, ...]
    text: str
    verdict: Verdict


def joint(rate: Gate, rate_found: Verdict, latency: Gate, latency_found: Verdict) -> Claim:
    """ "p99 < 2us at 1M msg/s, and > 1M msg/s with it": the worse half decides."""
    text = f"{latency.statistic} {latency.target.text}"
    if latency.load_per_s is not None:
        text += f" at {latency.load_per_s:,}/s"
    text += f", and {rate.target.text} sustained with it"
    parts = ((rate, rate_found), (latency, latency_found))
    worst = min((found.state for _, found in parts), key=_FROM_WORST.index)
    said = "; ".join(
        f"{gate.title}: {found.state}: {found.reason}"
        for gate, found in parts
        if found.state is worst
    )
    return Claim((latency.id, rate.id), text, Verdict(worst, said))
