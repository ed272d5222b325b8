"""The highest load that holds: a lower bound from repeated trials, never a best try.

Each load is classed by its trials. Where trials of full length were made, every one of them must
have had no loss and, for the joint claim, kept the latency target; where there were only short
probes, most of them must. The lower bound is the highest load that held every full trial, as many
as were to confirm it, below every load that did not hold; the upper bound is the lowest that did
not. A load that holds above one that does not is irregular: it is reported, not used.

Beside it stands the load that most trials hold, short or long: where half of them exceed. It is
what a search on a noisy host finds again, and no claim.

A trial that its own generator spoilt neither passes nor fails.

Source: MLRsearch (draft-ietf-bmwg-mlrsearch): goals of exceed ratio 0 and 1/2, relevant bounds.
Units:  messages per second; latencies in ns; width is a share of the upper bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.matrix import Target
from harness.measure.percentiles import Support
from harness.run.doubts import generator
from harness.run.verdicts import show

SIGN_OFF_TRIALS, SIGN_OFF_S, SIGN_OFF_LONG_S = 7, 10.0, 60.0
_FULL = 0.999  # of the length asked for: frames are whole numbers

Trial = Mapping[str, Any]
Holds = Callable[[Trial], bool]


@dataclass(frozen=True, slots=True)
class Load:
    """One rate and what its valid trials showed; `n_full` of them were of full length."""

    rate_per_s: float
    n: int
    n_full: int
    n_exceeded: int
    n_full_exceeded: int
    n_lossy: int

    @property
    def held(self) -> bool:
        """Every full trial; where there was none, most of the short ones."""
        if self.n_full:
            return self.n_full_exceeded == 0
        return 2 * self.n_exceeded < self.n

    @property
    def mostly_held(self) -> bool:
        return 2 * self.n_exceeded < self.n

    def json(self) -> dict[str, Any]:
        return {
            "rate_per_s": self.rate_per_s,
            "n": self.n,
            "n_full": self.n_full,
            "n_exceeded": self.n_exceeded,
            "n_full_exceeded": self.n_full_exceeded,
            "n_lossy": self.n_lossy,
        }


@dataclass(frozen=True, slots=True)
class Sustained:
    """Bounds of a search: None where no load held.

    `first_failure` is the upper bound of the joint claim, `width` how far below it the lower one
    lies, `majority` the highest load that most trials held.
    """

    joint: float | None
    loss_free: float | None
    first_failure: float | None
    majority: float | None
    width: float | None
    irregular_loads: tuple[float, ...]
    n_trials: int
    n_invalid: int
    p50_ns: float | None
    condition: str
    support: Support
    loads: tuple[Load, ...]

    @property
    def irregular(self) -> bool:
        return bool(self.irregular_loads)

    def json(self) -> dict[str, Any]:
        return {
            "joint": self.joint,
            "loss_free": self.loss_free,
            "first_failure": self.first_failure,
            "majority": self.majority,
            "width": self.width,
            "irregular": self.irregular,
            "irregular_loads": list(self.irregular_loads),
            "n_trials": self.n_trials,
            "n_invalid": self.n_invalid,
            "p50_ns": self.p50_ns,
            "condition": self.condition,
            "loads": [load.json() for load in self.loads],
        }


def sustained(
    trials: Sequence[Trial],
    latency: Target | None,
    statistic: str,
    *,
    confirm_trials: int = 1,
    trial_s: float = 0.0,
) -> Sustained:
    """Judge the trials of one search. `latency` None: there is no joint claim, only loss.

    Trials of `trial_s` and more are full ones; the joint bound is a load at which `confirm_trials`
    of them held. A rate without loss needs no such confirmation: it is no claim by itself.
    """
    valid = [t for t in trials if _valid(t)]

    def both(trial: Trial) -> bool:
        seen = trial["percentiles_ns"].get(statistic)
        kept = latency is not None and seen is not None and latency.met_by(float(seen))
        return _no_loss(trial) and kept

    by_loss = _loads(valid, _no_loss, trial_s)
    by_both = by_loss if latency is None else _loads(valid, both, trial_s)
    loss_free, upper_of_loss, odd_loss = _bound(by_loss, 1)
    joint, upper, odd_joint = None, upper_of_loss, odd_loss
    if latency is not None:
        joint, upper, odd_joint = _bound(by_both, confirm_trials)
    lower = loss_free if latency is None else joint
    at_bound = [t for t in valid if joint is not None and float(t["rate_per_s"]) == joint]
    middles = [t["percentiles_ns"].get("p50") for t in at_bound or valid]
    return Sustained(
        joint=joint,
        loss_free=loss_free,
        first_failure=upper,
        majority=_majority(by_both),
        width=1 - lower / upper if lower is not None and upper else None,
        irregular_loads=tuple(sorted({*odd_loss, *odd_joint})),
        n_trials=len(trials),
        n_invalid=len(trials) - len(valid),
        p50_ns=min((float(m) for m in middles if m is not None), default=None),
        condition=(
            f"{statistic} {latency.op} {show(latency.value)} ns" if latency else "no latency target"
        ),
        support=_support(at_bound),
        loads=by_both,
    )


def _valid(trial: Trial) -> bool:
    """Messages that found no room are a failure of the load; only an idle generator spoils."""
    spoilt = generator(None, None, trial.get("planned"), trial.get("sent"))
    return spoilt is None or not _no_loss(trial)


def _no_loss(trial: Trial) -> bool:
    return int(trial["loss"]) == 0


def _loads(trials: Sequence[Trial], holds: Holds, trial_s: float) -> tuple[Load, ...]:
    """Every rate that was tried, lowest first, classed by what must hold."""
    rates: dict[float, list[Trial]] = {}
    for trial in trials:
        rates.setdefault(float(trial["rate_per_s"]), []).append(trial)
    found = []
    for rate, at_rate in sorted(rates.items()):
        full = [t for t in at_rate if float(t["seconds"]) >= _FULL * trial_s]
        found.append(
            Load(
                rate_per_s=rate,
                n=len(at_rate),
                n_full=len(full),
                n_exceeded=sum(not holds(t) for t in at_rate),
                n_full_exceeded=sum(not holds(t) for t in full),
                n_lossy=sum(not _no_loss(t) for t in at_rate),
            )
        )
    return tuple(found)


def _bound(
    loads: Sequence[Load], confirm_trials: int
) -> tuple[float | None, float | None, tuple[float, ...]]:
    """Highest confirmed load below the lowest that did not hold, that one, and those above it that
    held all the same.
    """
    ceiling = min((load.rate_per_s for load in loads if not load.held), default=None)
    confirmed = [
        load.rate_per_s
        for load in loads
        if load.held
        and (load.n_full if confirm_trials > 1 else load.n) >= confirm_trials
        and (ceiling is None or load.rate_per_s < ceiling)
    ]
    odd = [load.rate_per_s for load in loads if load.held and load.rate_per_s > (ceiling or 0)]
    return max(confirmed, default=None), ceiling, tuple(odd) if ceiling is not None else ()


def _majority(loads: Sequence[Load]) -> float | None:
    """The highest load that most trials held, below the lowest that most did not."""
    ceiling = min((load.rate_per_s for load in loads if not load.mostly_held), default=None)
    held = [load.rate_per_s for load in loads if load.mostly_held]
    return max((rate for rate in held if ceiling is None or rate < ceiling), default=None)


def _support(trials: Sequence[Trial]) -> Support:
    if not trials:
        return Support.NONE
    lengths = sorted(float(t["seconds"]) for t in trials)
    long_enough = [s for s in lengths if s >= SIGN_OFF_S]
    if len(long_enough) > SIGN_OFF_TRIALS and lengths[-1] >= SIGN_OFF_LONG_S:
        return Support.SIGN_OFF
    return Support.JUDGE
