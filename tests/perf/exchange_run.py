"""What a bench of the exchange printed (tests/c/bench_report.h), and the figures of several runs.

Units: ns an operation, unless a name says otherwise.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perf.sample import SHOWN, Sample, from_counts

from harness.measure import histogram, percentiles
from harness.measure.histogram import Histogram

Key = tuple[str, str]  # input, row
NO_ANSWER = 0


class ReadError(Exception):
    """A bench ran, and what it says is not right or cannot be read: a sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One run of one row. `chunks` in the order in which they ran, `ns` None when there are only
    single operations; `quiet` is the share of the chunks at full speed, None without a probe.
    """

    ns: float | None
    n: int
    chunks: tuple[float, ...] = ()
    quiet: float | None = None
    per_op: Histogram | None = None
    ns_per_unit: float = 1.0

    @property
    def middle_ns(self) -> float | None:
        return statistics.median(self.chunks) if self.chunks else self.ns


@dataclass(frozen=True, slots=True)
class State:
    """What the runs over an input left behind: `wrong` says how it is not what it is compared with
    (`equals`).
    """

    answer: int
    wrong: str
    equals: str


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One process. `taken` is the share of its time that others were on its CPUs."""

    rows: Mapping[Key, Sequence[Row]]
    states: Mapping[str, State]
    taken: float


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """All passes of a program; `absent`: why it could not run; `failed`: why it is wrong. A peer
    has samples instead of runs.
    """

    runs: tuple[Run, ...]
    peer: tuple[Sample, ...] = ()
    absent: str = ""
    failed: str = ""

    @property
    def keys(self) -> list[Key]:
        return list(dict.fromkeys(key for run in self.runs for key in run.rows))

    @property
    def taken(self) -> float:
        return statistics.median(run.taken for run in self.runs)

    def rows(self, key: Key) -> Iterator[Row]:
        for run in self.runs:
            yield from run.rows.get(key, ())

    def figures(self, key: Key) -> Figures | None:
        rows = list(self.rows(key))
        return Figures.of(rows) if rows else None

    def times(self, key: Key, floor: str) -> float | None:
        """How many times as long it takes as another row of its input: the middle process."""
        ratios = []
        for run in self.runs:
            mine = _middle(run.rows.get(key, ()))
            other = _middle(run.rows.get((key[0], floor), ()))
            if mine and other:
                ratios.append(mine / other)
        return statistics.median(ratios) if ratios else None

    def wrong(self, input_name: str) -> str:
        """How what an input left behind is not as it must be: a sentence, or nothing."""
        if self.failed:
            return self.failed
        states = [run.states.get(input_name) for run in self.runs]
        seen = [s for s in states if s is not None]
        if len(seen) < len(states):
            return "it does not say what state it left"
        for state in seen:
            if state.wrong:
                return state.wrong
        if len({state.answer for state in seen}) > 1:
            return "another answer from run to run"
        return ""

    def answer(self, input_name: str) -> str:
        """As it is printed; "" when there is none."""
        states = [run.states[input_name] for run in self.runs if input_name in run.states]
        return f"{states[0].answer:016x}" if states and states[0].answer != NO_ANSWER else ""


def _middle(rows: Sequence[Row]) -> float | None:
    seen = [row.middle_ns for row in rows if row.middle_ns is not None]
    return statistics.median(seen) if seen else None


@dataclass(frozen=True, slots=True)
class Figures:
    """Of all runs of a row: the middle run's mean and middle chunk, each chunk's fastest, `spread`
    the fastest and slowest run's mean; percentiles of single operations from merged histograms.
    """

    mean_ns: float | None
    middle_ns: float | None
    fastest_ns: float | None
    spread_ns: tuple[float, float] | None
    percentiles: Mapping[str, float | None]
    max_ns: float | None
    n: int
    n_runs: int
    quiet: float | None

    @property
    def per_s(self) -> float | None:
        return 1e9 / self.mean_ns if self.mean_ns else None

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Figures:
        means = [row.ns for row in rows if row.ns is not None]
        middles = [statistics.median(row.chunks) for row in rows if row.chunks]
        quiet = [row.quiet for row in rows if row.quiet is not None]
        hists = [row.per_op for row in rows if row.per_op is not None]
        merged = histogram.merge(hists) if hists else None
        scale = rows[0].ns_per_unit
        return cls(
            mean_ns=statistics.median(means) if means else None,
            middle_ns=statistics.median(middles) if middles else None,
            fastest_ns=_fastest([row.chunks for row in rows if row.chunks]),
            spread_ns=(min(means), max(means)) if means else None,
            percentiles={
                name: None if merged is None else percentiles.percentile(merged, name, scale)
                for name in SHOWN
            },
            max_ns=None if merged is None else merged.highest * scale,
            n=sum(row.n for row in rows),
            n_runs=len(rows),
            quiet=statistics.mean(quiet) if quiet else None,
        )


def _fastest(runs: Sequence[Sequence[float]]) -> float | None:
    """The mean of the chunks, of each the fastest of all runs."""
    if not runs or len({len(chunks) for chunks in runs}) > 1:
        return None
    return statistics.fmean(min(times) for times in zip(*runs, strict=True))


# ---- reading ------------------------------------------------------------------------------------


def read(text: str, taken: float) -> Run:
    """From what a bench printed; lines of text between those of JSON are for people. ReadError when
    there is none, or one that means nothing.
    """
    rows: dict[Key, list[Row]] = {}
    states: dict[str, State] = {}
    for line in text.splitlines():
        if not line.startswith("{"):
            continue
        try:
            said: dict[str, Any] = json.loads(line)
            if "state" in said:
                states[said["state"]] = State(
                    int(said["answer"], 16), said["wrong"], said["equals"]
                )
            else:
                rows.setdefault((said["input"], said["row"]), []).append(_row(said))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ReadError(f"a line that cannot be read: {line[:60]}") from None
    if not rows:
        raise ReadError("it printed no figures")
    return Run(rows, states, taken)


def _row(said: Mapping[str, Any]) -> Row:
    ns, n_probed = float(said["ns"]), int(said.get("n_probed", 0))
    per_op = said.get("per_op")
    return Row(
        ns=ns if ns > 0 else None,
        n=int(said["n"]),
        chunks=tuple(float(c) for c in said.get("chunks", ())),
        quiet=int(said["n_quiet"]) / n_probed if n_probed else None,
        per_op=from_counts(per_op, int(said["max"])) if per_op else None,
        ns_per_unit=float(said.get("ns_per_unit", 1)),
    )
