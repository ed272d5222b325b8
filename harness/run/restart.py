"""One operation in one process: what the process reported, and the figures that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.bench.launch import Report
from harness.bench.reports import histogram_of
from harness.measure import percentiles
from harness.measure.histogram import Histogram, merge
from harness.run.session import Json

MTICKS = 1000  # batch means are recorded in thousandths of a tick


@dataclass(frozen=True, slots=True, eq=False)
class Restart:
    """One operation in one process. Place: which of the process it was, from 0 on.

    Histograms: `per_op` and `pair` in ticks; `chain` and `tput` in thousandths of a tick, means of
    batches, the empty batch in them (`facts["floor_chain_mticks"]` ...); empty in regime cold.
    """

    number: int
    place: int
    seconds: float
    tick_ns: float
    hists: Mapping[str, Histogram]
    saturated: int
    facts: Mapping[str, int]
    mix: Mapping[str, int]
    quiet_share: float
    warmup_mticks: tuple[int, ...]

    @classmethod
    def of(cls, report: Report, number: int, place: int) -> Restart:
        """What the measuring process reported."""
        return cls(
            number=number,
            place=place,
            seconds=report["seconds"],
            tick_ns=report["tick_ns"],
            hists={name: histogram_of(raw) for name, raw in report["hists"].items()},
            saturated=report["hists"]["per_op"]["saturated"],
            facts=report["facts"],
            mix=report["mix"],
            quiet_share=report["quiet_share"],
            warmup_mticks=tuple(report["warmup_mticks"]),
        )

    @property
    def first_ns(self) -> float:
        return self.facts["first_op_ticks"] * self.tick_ns

    @property
    def answer_hash(self) -> str:
        return f"{self.facts['answer_hash']:#018x}"

    def batches_ns(self, kind: str) -> dict[str, float | None]:
        """Percentiles of the batch means of `chain` or `tput`, the empty batch taken off: M5.

        Keys `<kind>_min_ns`, `_p50_ns`, `_p99_ns`; a negative difference is kept, not hidden.
        """
        return batches_ns([self], kind)

    def bracket(self) -> Json:
        """What stands around the judged percentile: read by short_ops.of_facts."""
        pair = percentiles.table(self.hists["pair"], self.tick_ns)
        return {
            "chain_min_ns": self.batches_ns("chain")["chain_min_ns"],
            "pair_p50_ns": pair["p50"],
            "pair_spread_ns": (pair["p99"] or 0.0) - (pair["p50"] or 0.0),
            "quiet_share": self.quiet_share,
        }

    def series(self, name: str, regime: str) -> Json:
        """The restart as a line of series.jsonl: nothing that was measured is left out of it."""
        return {
            "kind": "component",
            "id": name,
            "regime": regime,
            "restart": self.number,
            "place": self.place,
            "seconds": self.seconds,
            "per_op_ns": percentiles.table(self.hists["per_op"], self.tick_ns),
            **self.bracket(),
            **self.batches_ns("chain"),
            **self.batches_ns("tput"),
            "first_op_ns": self.first_ns,
            "warmup_ns": [mticks * self.tick_ns / MTICKS for mticks in self.warmup_mticks],
            "warmup_settled": bool(self.facts["warmup_settled"]),
            "answer_hash": self.answer_hash,
            "facts": {k: v for k, v in self.facts.items() if k != "answer_hash"},
        }


def batches_ns(restarts: Sequence[Restart], kind: str) -> dict[str, float | None]:
    """As Restart.batches_ns, over the batches of several restarts merged."""
    names = {"min": "min", "p50": "p50", "p99": "p99"}
    merged = merge([one.hists[kind] for one in restarts])
    if not merged.n:
        return {f"{kind}_{name}_ns": None for name in names}
    floor_ns = floor_of(restarts, kind)
    table = percentiles.table(merged, restarts[0].tick_ns / MTICKS)
    seen = {stat: table[stat] for stat in names}
    return {
        f"{kind}_{name}_ns": None if value is None else value - floor_ns
        for name, value in seen.items()
    }


def floor_of(restarts: Sequence[Restart], kind: str) -> float:
    """The empty operation in the same loop, ns: the fastest batch of all restarts."""
    fastest = min(one.facts[f"floor_{kind}_mticks"] * one.tick_ns for one in restarts)
    return fastest / MTICKS
