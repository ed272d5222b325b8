"""The highest load that holds: a lower bound from repeated trials, never a best try.

A load passes when every valid trial at it had no loss and, for the joint claim, kept the latency
target. The bound is the highest passing load below every failing one; a pass above a failure is
irregular and is reported, not used. A trial that its own generator spoilt neither passes nor fails.

Units:  messages per second; latencies in ns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.matrix import Target
from harness.measure.percentiles import Support
from harness.run.verdicts import generator, show

SIGN_OFF_TRIALS, SIGN_OFF_S, SIGN_OFF_LONG_S = 7, 10.0, 60.0

Trial = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sustained:
    """Bounds of a search: None where no load held."""

    joint: float | None
    loss_free: float | None
    first_failure: float | None
    irregular: bool
    n_trials: int
    n_invalid: int
    p50_ns: float | None
    condition: str
    support: Support

    def json(self) -> dict[str, Any]:
        return {
            "joint": self.joint,
            "loss_free": self.loss_free,
            "first_failure": self.first_failure,
            "irregular": self.irregular,
            "n_trials": self.n_trials,
            "n_invalid": self.n_invalid,
            "p50_ns": self.p50_ns,
            "condition": self.condition,
        }


def sustained(trials: Sequence[Trial], latency: Target | None, statistic: str) -> Sustained:
    """Judge the trials of one search. `latency` None: there is no joint claim, only loss."""
    valid = [t for t in trials if _valid(t)]
    loads: dict[float, list[Trial]] = {}
    for trial in valid:
        loads.setdefault(float(trial["rate_per_s"]), []).append(trial)
    loss_free, _, odd_loss = _bound(loads, _no_loss)
    joint, failure, odd_joint = None, None, False
    if latency is not None:
        limit = latency

        def both(trial: Trial) -> bool:
            seen = trial["percentiles_ns"].get(statistic)
            return _no_loss(trial) and seen is not None and limit.met_by(float(seen))

        joint, failure, odd_joint = _bound(loads, both)
    at_bound = loads.get(joint, []) if joint is not None else []
    middles = [t["percentiles_ns"].get("p50") for t in at_bound or valid]
    return Sustained(
        joint,
        loss_free,
        failure,
        odd_loss or odd_joint,
        len(trials),
        len(trials) - len(valid),
        min((float(m) for m in middles if m is not None), default=None),
        f"{statistic} {latency.op} {show(latency.value)} ns" if latency else "no latency target",
        _support(at_bound),
    )


def _valid(trial: Trial) -> bool:
    """Messages that found no room are a failure of the load; only an idle generator spoils."""
    spoilt = generator(None, None, trial.get("planned"), trial.get("sent"))
    return spoilt is None or not _no_loss(trial)


def _no_loss(trial: Trial) -> bool:
    return int(trial["loss"]) == 0


def _bound(
    loads: Mapping[float, Sequence[Trial]], holds: Callable[[Trial], bool]
) -> tuple[float | None, float | None, bool]:
    """Highest passing load below the first failing one, that one, and whether a pass lies above."""
    passing = [load for load, trials in loads.items() if all(map(holds, trials))]
    failing = [load for load in loads if load not in passing]
    ceiling = min(failing, default=None)
    below = [load for load in passing if ceiling is None or load < ceiling]
    return max(below, default=None), ceiling, len(below) < len(passing)


def _support(trials: Sequence[Trial]) -> Support:
    if not trials:
        return Support.NONE
    lengths = sorted(float(t["seconds"]) for t in trials)
    long_enough = [s for s in lengths if s >= SIGN_OFF_S]
    if len(long_enough) > SIGN_OFF_TRIALS and lengths[-1] >= SIGN_OFF_LONG_S:
        return Support.SIGN_OFF
    return Support.JUDGE
