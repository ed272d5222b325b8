"""What one measurement of one program says, and how several of them are put together.

Units: ns; ticks of the counter where a name says so. Percentiles come from merged histograms, by
ceil rank; replays from the middle one of the passes, never from the best.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.bench.reports import histogram_of
from harness.measure import histogram, percentiles
from harness.measure.histogram import Histogram

SHOWN = ("p50", "p99", "p99.9")
CALLS_A_BURST = 20  # peers/bursts.h


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One pass. `per_op` is in ticks, with the fences in it, which take `pair` around nothing;
    `fastest_ns` is None where nothing was replayed, and `mean_ns` then that of the middle batch;
    `chain_ns` is that of operations that wait for each other; `quiet_share` is None for a program
    that has no neighbour probe. Of logs: `per_burst` in ticks of CALLS_A_BURST calls, and how many
    records were lost, or refused.
    """

    per_op: Histogram
    ns_per_tick: float
    fastest_ns: float | None
    mean_ns: float
    answer: str
    n_wrong: int
    quiet_share: float | None = None
    n_allocs: int = 0
    n_faults: int = 0
    about: str = ""
    pair: Histogram | None = None
    chain_ns: float | None = None
    per_burst: Histogram | None = None
    n_lost: int = 0
    n_refused: int = 0

    @classmethod
    def of_component(cls, found: Mapping[str, Any], ns_per_tick: float) -> Sample:
        """From what perf.worker prints."""
        facts = found["facts"]
        replayed = facts["n_replay_ops"] > 0
        scale = ns_per_tick / 1000
        return cls(
            per_op=histogram_of(found["per_op"]),
            ns_per_tick=ns_per_tick,
            fastest_ns=facts["replay_fastest_mticks"] * scale if replayed else None,
            mean_ns=(facts["replay_mean_mticks"] if replayed else found["batch_mticks"]) * scale,
            answer=f"{facts['answer_hash']:016x}",
            n_wrong=facts["n_wrong"],
            quiet_share=facts["n_quiet_chunks"] / max(facts["n_chunks"], 1),
            n_allocs=facts["allocs"],
            n_faults=facts["minflt"] + facts["majflt"],
            pair=histogram_of(found["pair"]),
            chain_ns=found["chain_mticks"] * scale,
        )

    @classmethod
    def of_peer(cls, found: Mapping[str, Any], ns_per_tick: float) -> Sample:
        """From what a peer prints (peers/peer.hpp, peers/bursts.h)."""
        scale = ns_per_tick / found["n_ops"]
        fastest = found["fastest_ticks"]
        return cls(
            per_op=from_counts(found["per_op"]),
            ns_per_tick=ns_per_tick,
            fastest_ns=None if fastest is None else fastest * scale,
            mean_ns=found["mean_ticks"] * scale,
            answer=found["answer"],
            n_wrong=found["n_wrong"],
            about=found["about"],
            pair=from_counts(found["pair"]) if "pair" in found else None,
            per_burst=from_counts(found["per_burst"]) if "per_burst" in found else None,
            n_lost=found.get("n_lost", 0),
            n_refused=found.get("n_refused", 0),
        )


def from_counts(seen: Mapping[str, int], highest: int | None = None) -> Histogram:
    """A histogram of values and how often each was seen; `highest` when they are slots' edges."""
    counts = {int(value): n for value, n in seen.items()}
    values = np.array(sorted(counts), dtype=np.int64)
    dense = np.zeros(histogram.N_SLOTS, dtype=np.int64)
    np.add.at(dense, histogram.slots_of(values), [counts[int(v)] for v in values])
    if highest is None and values.size:
        highest = int(values[-1])
    return Histogram.from_counts(dense, highest)


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """All passes of one program on one input. `spread` is the lowest and highest pass, `pair_ns`
    the middle empty pair, `per_burst` percentiles of bursts by their calls.
    """

    percentiles: Mapping[str, float | None]
    n: int
    fastest_ns: float | None
    mean_ns: float
    spread_ns: tuple[float, float] | None
    answer: str
    n_wrong: int
    quiet_share: float | None
    n_allocs: int
    n_faults: int
    about: str
    pair_ns: float | None = None
    chain_ns: float | None = None
    per_burst: Mapping[str, float | None] | None = None
    n_lost: int = 0
    n_refused: int = 0


def combine(passes: Sequence[Sample]) -> Figures:
    """The figures of several passes. ValueError for none."""
    if not passes:
        raise ValueError("no pass")
    merged = histogram.merge(p.per_op for p in passes)
    scale = passes[0].ns_per_tick
    fastest = [p.fastest_ns for p in passes if p.fastest_ns is not None]
    quiet = [p.quiet_share for p in passes if p.quiet_share is not None]
    chains = [p.chain_ns for p in passes if p.chain_ns is not None]
    pairs = [p.pair for p in passes if p.pair is not None]
    bursts = [p.per_burst for p in passes if p.per_burst is not None]
    answers = sorted({p.answer for p in passes})
    return Figures(
        percentiles=_shown(merged, scale),
        n=merged.n,
        fastest_ns=statistics.median(fastest) if fastest else None,
        mean_ns=statistics.median(p.mean_ns for p in passes),
        spread_ns=(min(fastest), max(fastest)) if fastest else None,
        answer=answers[0],
        n_wrong=sum(p.n_wrong for p in passes) + len(answers) - 1,
        quiet_share=statistics.mean(quiet) if quiet else None,
        n_allocs=sum(p.n_allocs for p in passes),
        n_faults=sum(p.n_faults for p in passes),
        about=passes[0].about,
        pair_ns=percentiles.percentile(histogram.merge(pairs), "p50", scale) if pairs else None,
        chain_ns=statistics.median(chains) if chains else None,
        per_burst=_shown(histogram.merge(bursts), scale / CALLS_A_BURST) if bursts else None,
        n_lost=sum(p.n_lost for p in passes),
        n_refused=sum(p.n_refused for p in passes),
    )


def _shown(merged: Histogram, scale: float) -> dict[str, float | None]:
    return {name: percentiles.percentile(merged, name, scale) for name in SHOWN}


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> float | None:
    """How many times as long theirs took, by the middle of the rounds.

    A round runs A B B A, so both sides have two passes next to each other: a machine that slows
    down steadily slows both alike. None unless there are as many passes of each, two a round.
    """
    if len(theirs) != len(ours) or len(ours) < 2 or len(ours) % 2:
        return None
    rounds = [(theirs[i] + theirs[i + 1]) / (ours[i] + ours[i + 1]) for i in range(0, len(ours), 2)]
    return statistics.median(rounds)


def palindrome(names: Sequence[str]) -> list[str]:
    """The order of one round: A B C, then C B A."""
    return [*names, *reversed(names)]
