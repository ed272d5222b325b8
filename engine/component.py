"""Single operations of the hot path, timed one by one: their cost, and whether they were right.

Beside them the canary: two loops of a frozen source, whose figures move with the machine alone.
"""

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

CANARY_NS = 200_000_000  # hundreds of chunks of each kind, of which the best counts

N_INSTRUMENTS = 1024
N_ORDERS = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """Histograms by name (`per_op`, `pair`, `chain`, `tput`, each also `.quiet`) and plain facts.

    Units: per_op and pair are ticks; chain and tput thousandths of a tick an operation, from batch
    means; so are the facts `replay_fastest_mticks` (the fastest replay of each chunk of a stream)
    and `replay_mean_mticks`, of streams only: `n_replay_ops` says of how many. `mix` counts the
    inputs by kind; `warmup_mticks` are the medians of the blocks that were discarded;
    `n_wrong` above 0 makes every figure worthless. In regime cold chain and tput are empty.
    """

    hists: dict[str, _core.Hist]
    mix: dict[str, int]
    facts: dict[str, int] = field(default_factory=dict)
    warmup_mticks: tuple[int, ...] = ()

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
    warmup_min_ns: int = WARMUP_MIN_NS,
    warmup_max_ns: int = WARMUP_MAX_NS,
    n_instruments: int = N_INSTRUMENTS,
    n_orders: int = N_ORDERS,
    refused_for: str = "",
    is_replayed: bool = True,
) -> Component:
    """Measure on a pinned thread. `stream` is the input of parsers and books, which are made for
    `n_instruments` and `n_orders` live at once; `dictionary` holds the rules of fix.validate;
    `refused_for` leaves risk.refuse one way to be refused ("halted", "rate" ...), "" all in turn;
    `is_replayed` asks for the fastest replays of a stream, which take as long as the stream does.

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
        warmup_min_ns=min(warmup_min_ns, warmup_max_ns),
        warmup_max_ns=warmup_max_ns,
        n_instruments=n_instruments,
        n_orders=n_orders,
        stream=stream,
        dictionary=dictionary,
        refused_for=refused_for,
        is_replayed=is_replayed,
    )
    hists, mix, warmup = (found.pop(key) for key in ("hists", "mix", "warmup_mticks"))
    return Component(hists, mix, found, tuple(warmup))


@dataclass(frozen=True, slots=True)
class Reading:
    """One kind of canary: ns an operation in the best and in the median chunk.

    `quiet_share` is the share of the chunks around which the sibling hyperthread was idle.
    """

    best_ns: float
    median_ns: float
    n_chunks: int
    quiet_share: float


@dataclass(frozen=True, slots=True)
class Canary:
    """Both kinds: `cpu` is independent additions, `mem` dependent loads beyond the near caches.

    `source_sha256` is the hash of the source that was compiled: other hashes are other canaries.
    """

    cpu: Reading
    mem: Reading
    source_sha256: str


def canary(cpu: int, clock: Clock, duration_ns: int = CANARY_NS) -> Canary:
    """Run both loops on one CPU, half of the duration each. Raises EngineError when the CPU cannot
    be used.
    """
    found = _core.canary(cpu, duration_ns, clock.tsc_hz)
    return Canary(
        _reading(found["cpu"], clock), _reading(found["mem"], clock), found["source_sha256"]
    )


def _reading(raw: dict[str, int], clock: Clock) -> Reading:
    per_utick = clock.ns_per_tick / 1e6
    return Reading(
        best_ns=raw["best_uticks"] * per_utick,
        median_ns=raw["median_uticks"] * per_utick,
        n_chunks=raw["n_chunks"],
        quiet_share=raw["n_quiet_chunks"] / raw["n_chunks"],
    )
