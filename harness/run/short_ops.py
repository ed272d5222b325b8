"""Short operations over process restarts: each restart by its own three numbers, then together.

Address layout and page placement differ from start to start, and with them the cost of an operation
by more than its spread within a process: one process is one sample, however many calls it timed.
So every restart is judged for itself (`verdicts.short_op`: M8, and M9 which lets no large
subtraction pass), and the restarts agree or do not, as in `verdicts.restarts`: five of five, or
nine of ten.

Pure functions. Units: ns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.matrix import Target
from harness.run import verdicts
from harness.run.verdicts import RUNS_AGREEING, RUNS_EXTENDED, RUNS_FIRST, HostNoise, State, Verdict


@dataclass(frozen=True, slots=True)
class ShortOp:
    """One restart: the judged percentile of single calls, and what brackets it.

    `chain_min_ns` is None where nothing can be chained (regime cold).
    """

    per_op_ns: float
    chain_min_ns: float | None
    pair_p50_ns: float
    pair_spread_ns: float


def of_facts(facts: Mapping[str, Any], runs_ns: Sequence[float]) -> tuple[ShortOp, ...]:
    """The restarts of a measurement; `runs_ns` is the judged percentile of each, in tag order.

    ValueError when there are not as many of one as of the other.
    """
    restarts = facts["restarts"]
    return tuple(
        ShortOp(
            per_op_ns=per_op_ns,
            chain_min_ns=one["chain_min_ns"],
            pair_p50_ns=float(one["pair_p50_ns"]),
            pair_spread_ns=float(one["pair_spread_ns"]),
        )
        for one, per_op_ns in zip(restarts, runs_ns, strict=True)
    )


def undecided(
    target: Target, statistic: str, restarts: Sequence[ShortOp], quantum_ns: float
) -> bool:
    """Whether more restarts could decide: some pass and others do not, the host's noise apart."""
    each = _each(target, statistic, restarts, quantum_ns, HostNoise(0.0))
    return 0 < sum(verdict.state is State.PASS for verdict in each) < len(each)


def _each(
    target: Target,
    statistic: str,
    restarts: Sequence[ShortOp],
    quantum_ns: float,
    host: HostNoise,
) -> list[Verdict]:
    return [
        verdicts.short_op(
            target,
            statistic,
            one.per_op_ns,
            one.chain_min_ns,
            one.pair_p50_ns,
            one.pair_spread_ns,
            quantum_ns,
            host,
        )
        for one in restarts
    ]


def decide(
    target: Target,
    statistic: str,
    restarts: Sequence[ShortOp],
    quantum_ns: float,
    host: HostNoise,
) -> Verdict:
    """What the restarts together say; every one counts, none is dropped.

    Fewer than five are no sample of starts: the worst of them speaks, and a PASS needs all.
    """
    each = _each(target, statistic, restarts, quantum_ns, host)
    n = len(each)
    if n < RUNS_FIRST:
        return min(each, key=lambda verdict: _FROM_WORST.index(verdict.state))
    needed = n if n < RUNS_EXTENDED else -(-RUNS_AGREEING * n // RUNS_EXTENDED)
    values = [one.per_op_ns for one in restarts]
    span = f"per-op {statistic} {verdicts.show(min(values))} to {verdicts.show(max(values))} ns"
    for state in (State.PASS, State.FAIL, State.UNJUDGEABLE):
        agreeing = [verdict for verdict in each if verdict.state is state]
        if len(agreeing) >= needed:
            tally = f"{len(agreeing)} of {n} restarts, {span}"
            return Verdict(state, f"{agreeing[0].reason}; {tally}")
    doubts = [verdict for verdict in each if verdict.state is State.UNJUDGEABLE]
    passed = sum(verdict.state is State.PASS for verdict in each)
    failed = n - passed - len(doubts)
    tally = f"{passed} of {n} restarts pass and {failed} fail, {span}"
    if doubts:
        return verdicts.unjudgeable(f"{doubts[0].reason}; {tally}")
    more = "" if n >= RUNS_EXTENDED else f"; {RUNS_EXTENDED} restarts would decide"
    return Verdict(State.MARGINAL, f"{tally}, wanted {verdicts.wanted(target)}{more}")


_FROM_WORST = (State.FAIL, State.UNJUDGEABLE, State.MISSING, State.MARGINAL, State.PASS)
