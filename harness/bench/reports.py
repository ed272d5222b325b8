"""What a measuring process reported, read once and typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import Hist
from harness.bench.launch import Report
from harness.measure import percentiles
from harness.measure.histogram import Histogram

# Where the time goes, in the order of the path; filled in trials that time their stages.
STAGES = ("decode", "book", "strategy", "risk", "encode", "tx")


def histogram_of(recorded: Hist | Mapping[str, Any]) -> Histogram:
    """A histogram as a value, from the recorder itself or from its trip through JSON."""
    if isinstance(recorded, Hist):
        return Histogram.from_counts(np.asarray(recorded), recorded.max if recorded.n else None)
    slots = np.array(recorded["slots"], dtype=np.int64)
    counts = np.array(recorded["counts"], dtype=np.int64)
    return Histogram.from_sparse(slots, counts, recorded["max"] if slots.size else None)


def histogram_json(recorded: Hist) -> dict[str, Any]:
    """The other direction of `histogram_of`: used slots only."""
    value = histogram_of(recorded)
    return {
        "slots": value.slots.tolist(),
        "counts": value.counts.tolist(),
        "max": recorded.max,
        "saturated": recorded.saturated,
    }


@dataclass(frozen=True, slots=True)
class TrialReport:
    """One trial. Histograms in ns by name: wire, service, lateness, buf, gap and the stages.

    `placement_ns` is a cache line's round trip between the two CPUs, before and after. `saturated`
    counts the samples of each beyond the range. `blocks` are `wire` second by second (histogram,
    seconds), of trials that reported so; `outliers` the slowest of `wire`, of trials that were
    asked for them: ns, sequence, and the moments intended, actual and received on the counter.
    """

    seconds: float
    histograms: dict[str, Histogram]
    saturated: dict[str, int]
    counters: dict[str, dict[str, int]]
    usage: dict[str, dict[str, int]]
    identities: tuple[tuple[str, int, int], ...]
    answer: dict[str, Any] | None
    placement_ns: tuple[float, float]
    net: dict[str, Any] | None = None
    injected: dict[str, dict[str, int]] | None = None
    blocks: tuple[tuple[Histogram, float], ...] = ()
    outliers: tuple[tuple[int, int, int, int, int], ...] = ()

    @classmethod
    def of(cls, report: Report, intervals: Sequence[Report] = ()) -> TrialReport:
        """The result, and the intervals of `wire` that were reported before it."""
        return cls(
            seconds=report["seconds"],
            histograms={k: histogram_of(v) for k, v in report["hists"].items()},
            saturated={k: v["saturated"] for k, v in report["hists"].items()},
            counters=report["counters"],
            usage=report["usage"] or {"engine": {}, "rig": {}},
            identities=tuple((name, left, right) for name, left, right in report["identities"]),
            answer=report["answer"],
            placement_ns=(report["placement_ns"][0], report["placement_ns"][1]),
            net=report.get("net"),
            injected=report.get("injected"),
            outliers=tuple(tuple(one) for one in report.get("outliers") or ()),
            blocks=tuple((histogram_of(i["hist"]), i["seconds"]) for i in intervals),
        )

    @property
    def has_engine(self) -> bool:
        return self.answer is not None

    @property
    def planned(self) -> int:
        return self.counters["generator"]["frames_planned"]

    @property
    def sent(self) -> int:
        return self.counters["generator"]["frames_sent"]

    @property
    def loss(self) -> int:
        """Messages that never left or never arrived, and orders that never came.

        Of what faults took away on purpose nothing: there, what the ends themselves lost.
        """
        if self.injected is not None:
            return self.counters["generator"]["messages_unsent"] + self._lost_at_ports()
        generator, exchange = self.counters["generator"], self.counters["exchange"]
        engine, feed = self.counters["engine"], self.counters["feed"]
        orders = engine["requests_sent"] - exchange["requests_received"]
        arrived = feed["messages"] if self.has_engine else generator["messages_sent"]
        return generator["messages_unsent"] + generator["messages_sent"] - arrived + orders

    def _lost_at_ports(self) -> int:
        ends = (end["stats"] for line in (self.net or {}).values() for end in line.values())
        return sum(int(stats["tx_lost"]) + int(stats["rx_dropped"]) for stats in ends)

    @property
    def bad_orders(self) -> int:
        exchange = self.counters["exchange"]
        return exchange["orders_received"] - exchange["orders_valid"] + exchange["requests_bad"]

    @property
    def broken(self) -> str:
        """The first thing that both ends counted differently; empty when all agree."""
        for name, left, right in self.identities:
            if left != right:
                return f"{name}: {left} and {right}"
        return ""

    @property
    def lateness_p999_ns(self) -> float:
        return percentiles.table(self.histograms["lateness"], 1.0)["p99.9"] or 0.0

    @property
    def allocs(self) -> int:
        return self.usage["engine"].get("allocs", 0)

    @property
    def faults(self) -> int:
        used = self.usage["engine"]
        return used.get("minflt", 0) + used.get("majflt", 0)

    @property
    def answer_hash(self) -> str:
        return str((self.answer or {}).get("hash", ""))

    def series(self, phase: str, rate_per_s: int) -> dict[str, Any]:
        """The trial as a line of series.jsonl: counters, usage, and percentiles for people."""
        return {
            "kind": "trial",
            "phase": phase,
            "rate_per_s": rate_per_s,
            "seconds": self.seconds,
            "planned": self.planned,
            "sent": self.sent,
            "loss": self.loss,
            "percentiles_ns": percentiles.table(self.histograms["wire"], 1.0),
            "lateness_p999_ns": self.lateness_p999_ns,
            "placement_ns": list(self.placement_ns),
            **({"net": self.net} if self.net else {}),
            **({"injected": self.injected} if self.injected is not None else {}),
            "counters": self.counters,
            "usage": self.usage,
            "broken": self.broken,
            "answer": self.answer,
        }
