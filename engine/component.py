"""Single operations of the hot path, timed one by one: their cost, and whether they were right."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine import _core
from engine.clock import Clock
from engine.market import Stream
from engine.market.dictionary import Dictionary

# Warm-up ends when the last blocks agree; a cold machine that never settles is measured all the
# same.
WARMUP_MIN_NS = 100_000_000
WARMUP_MAX_NS = 2_000_000_000

N_INSTRUMENTS = 1024
N_ORDERS = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """Histograms by name (`per_op`, `pair`, `chain`, `tput`, each also `.quiet`) and plain facts.

    Units: per_op and pair are ticks; chain and tput thousandths of a tick an operation, from batch
    means; so are the facts `replay_fastest_mticks` (the fastest replay of each chunk of a stream)
    and `replay_mean_mticks`, of streams only: `n_replay_ops` says of how many. `mix` counts the
    inputs by kind; `n_wrong` above 0 makes every figure worthless.
    """

    hists: dict[str, _core.Hist]
    mix: dict[str, int]
    facts: dict[str, int] = field(default_factory=dict)

    @property
    def n_wrong(self) -> int:
        return self.facts["n_wrong"]

    @property
    def quiet_share(self) -> float:
        """Share of the chunks in which the core ran at full speed."""
        return self.facts["n_quiet_chunks"] / max(self.facts["n_chunks"], 1)


def measure(
    name: str,
    regime: str,
    *,
    cpu: int,
    duration_ns: int,
    clock: Clock,
    seed: int,
    stream: Stream | None = None,
    dictionary: Dictionary | None = None,
    warmup_max_ns: int = WARMUP_MAX_NS,
    n_instruments: int = N_INSTRUMENTS,
    n_orders: int = N_ORDERS,
    refused_for: str = "",
) -> Component:
    """Measure on a pinned thread. `stream` is the input of parsers and books, which are made for
    `n_instruments` and `n_orders` live at once; `dictionary` holds the rules of fix.validate;
    `refused_for` leaves risk.refuse one way to be refused ("halted", "rate" ...), "" all in turn.

    Raises ValueError for a name, regime or way that does not exist, EngineError for one that does
    not fit.
    """
    found = _core.component(
        name=name,
        regime=regime,
        cpu=cpu,
        seed=seed,
        tsc_hz=clock.tsc_hz,
        duration_ns=duration_ns,
        warmup_min_ns=min(WARMUP_MIN_NS, warmup_max_ns),
        warmup_max_ns=warmup_max_ns,
        n_instruments=n_instruments,
        n_orders=n_orders,
        stream=stream,
        dictionary=dictionary,
        refused_for=refused_for,
    )
    hists, mix = found.pop("hists"), found.pop("mix")
    return Component(hists, mix, found)
