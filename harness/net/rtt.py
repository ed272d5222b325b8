"""Round trips over paths: measured in turns, so that a disturbance meets all of them, and told with
what was obtained. A round trip is never halved."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from harness.errors import HostError
from harness.measure.histogram import Histogram
from harness.measure.percentiles import percentile
from harness.net.paths import Path, opened
from harness.net.place import Place

if TYPE_CHECKING:
    from engine.clock import Clock
    from engine.net import Port, Rtt
    from engine.net.port import Address, Backend
    from harness.bench.cpus import Cpus

QUANTILES: Final = ("p50", "p99", "p99.9")
PLACEMENT_BATCHES: Final = 100  # 0.1 s or less
TIMEOUT_NS: Final = 100_000_000  # a round without an answer
KNOCKS: Final = 3  # to hear whether anybody is there
KNOCK_NS: Final = 200_000_000
TO_NS: Final = 60_000_000_000  # somebody else may lose everything
CALIBRATION_NS: Final = 50_000_000  # good to a millionth, and no round trip is known so well


@dataclass(frozen=True, slots=True)
class Settings:
    """What all paths of a comparison have in common."""

    size: int = 64
    count: int = 20_000
    warmup: int = 1000
    stamps: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One run of one path, in ns."""

    n: int
    lost: int
    values: Mapping[str, float | None]  # min, p50, p99, p99.9, max; None: too few samples
    processing_p50_ns: float | None
    mode: str
    clock: str  # by which round trips are taken, and who stamped arrivals
    placement_ns: tuple[float | None, float | None]
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A path and all runs of it; or why there are none."""

    name: str
    where: str
    runs: Sequence[Run] = ()
    missing: str = ""

    @property
    def best(self) -> Run:
        """The run of the smallest median."""
        return min(self.runs, key=lambda run: _last_if_none(run.values["p50"]))

    def of_runs(self, name: str, choose: Callable[[Sequence[float]], float]) -> float | None:
        """One of a value's over all runs; None where a run has too few samples for it."""
        known = [value for run in self.runs if (value := run.values[name]) is not None]
        return choose(known) if known and len(known) == len(self.runs) else None

    def as_json(self) -> dict[str, Any]:
        if not self.runs:
            return {"path": self.name, "where": self.where, "missing": self.missing}
        best = self.best
        return {
            "path": self.name,
            "where": self.where,
            "mode": best.mode,
            "clock": best.clock,
            "n": sum(run.n for run in self.runs),
            "lost": sum(run.lost for run in self.runs),
            "min_ns": self.of_runs("min", min),
            "p50_best_ns": self.of_runs("p50", min),
            "p50_ns": self.of_runs("p50", statistics.median),
            "p99_ns": self.of_runs("p99", statistics.median),
            "p99.9_ns": self.of_runs("p99.9", statistics.median),
            "max_ns": self.of_runs("max", max),
            "processing_p50_ns": best.processing_p50_ns,
            "runs": [
                {
                    **{f"{name}_ns": value for name, value in run.values.items()},
                    "placement_ns": list(run.placement_ns),
                    "counters": dict(run.counters),
                }
                for run in self.runs
            ],
        }


def measure(path: Path, where: Place, settings: Settings, cpus: Cpus, clock: Clock) -> Run:
    """One run. HostError when the path cannot be had here."""
    from engine.net import rtt

    with opened(path, where, stamps=settings.stamps and path.backend != "shm") as (asks, answers):
        _has_stamps(path, settings, asks)
        found = rtt(
            asks,
            clock=clock,
            cpu=cpus.rig,
            echo_port=answers,
            echo_cpu=None if answers is None else cpus.engine,
            count=settings.count,
            warmup=settings.warmup,
            size=settings.size,
            timeout_ns=TIMEOUT_NS,
            blocks=path.blocks,
            placement_batches=PLACEMENT_BATCHES,
            max_ns=settings.count * TIMEOUT_NS,
        )
    return run_of(found)


def _has_stamps(path: Path, settings: Settings, port: Port) -> None:
    """Asked for and not obtained is an error; memory has no arrivals to stamp."""
    if settings.stamps and path.backend != "shm" and port.caps.stamp == "none":
        raise HostError(f"{path.name}: gives no stamps of arrival here")


def measure_to(peer: Address, path: Path, settings: Settings, cpu: int, clock: Clock) -> Run:
    """Against an echo of somebody else, over udp or tcp. HostError when nobody answers."""
    from engine import EngineError
    from engine.net import open_port, rtt

    try:
        with open_port(
            cast("Backend", path.backend),
            peer=peer,
            wait=path.wait,
            stamps=settings.stamps,
            accel=path.accel,
        ) as port:
            _has_stamps(path, settings, port)
            asked = rtt(
                port, clock=clock, cpu=cpu, count=KNOCKS, warmup=0, size=settings.size,
                timeout_ns=KNOCK_NS, blocks=path.blocks,
            )  # fmt: skip
            if asked.counters["answered"] == 0:
                host, number = peer
                raise HostError(f"{path.name}: nobody at {host}:{number} answered")
            found = rtt(
                port,
                clock=clock,
                cpu=cpu,
                count=settings.count,
                warmup=settings.warmup,
                size=settings.size,
                timeout_ns=TIMEOUT_NS,
                blocks=path.blocks,
                max_ns=TO_NS,
            )
    except EngineError as error:
        raise HostError(f"{path.name}: {error.strerror or error}") from None
    return run_of(found)


def run_of(found: Rtt) -> Run:
    from harness.bench.reports import histogram_of

    whole, processing = histogram_of(found.rtt), histogram_of(found.processing)
    side = found.ping_side
    stamps = "" if side.stamp == "none" else f", arrival stamps {side.stamp}"
    return Run(
        n=whole.n,
        lost=found.counters["lost"] + found.counters["unsent"],
        values=values_of(whole),
        processing_p50_ns=percentile(processing, "p50"),
        mode=side.mode,
        clock=f"tsc{stamps}",
        placement_ns=found.placement,
        counters=found.counters,
    )


def values_of(whole: Histogram) -> dict[str, float | None]:
    """Extremes and percentiles in ns; a percentile with fewer than ten samples beyond is None."""
    if not whole.n:
        return dict.fromkeys(("min", *QUANTILES, "max"))
    inner = {name: percentile(whole, name) for name in QUANTILES}
    return {"min": whole.lowest, **inner, "max": whole.highest}


@dataclass(frozen=True, slots=True)
class Peer:
    """Another program that measures the same: its name, where it does it, and how."""

    name: str
    where: str
    measure: Callable[[], Run]


def matrix(
    paths: Sequence[Path],
    where: Place,
    settings: Settings,
    cpus: Cpus,
    clock: Clock,
    repeats: int,
    *,
    peers: Sequence[Peer] = (),
    progress: Callable[[str], None] = lambda name: None,
) -> list[Row]:
    """All paths, one after the other, `repeats` times over; what cannot be had is a row too.

    `peers` are other programs, measured in the same turns.
    """
    works: list[tuple[str, Callable[[], Run]]] = [
        (path.name, lambda path=path: measure(path, where, settings, cpus, clock))  # type: ignore[misc]
        for path in paths
    ]
    works += [(peer.name, peer.measure) for peer in peers]
    runs: dict[str, list[Run]] = {name: [] for name, _ in works}
    missing: dict[str, str] = {}
    for turn in range(repeats):
        for name, work in works:
            if name in missing:
                continue
            progress(f"{name} {turn + 1}/{repeats}")
            try:
                runs[name].append(work())
            except HostError as error:
                missing[name] = str(error).removeprefix(f"{name}: ")
    kinds = {path.name: "memory" if path.backend == "shm" else where.kind for path in paths}
    kinds |= {peer.name: peer.where for peer in peers}
    return [
        Row(
            name=name,
            where=kinds[name],
            runs=() if name in missing else runs[name],
            missing=missing.get(name, ""),
        )
        for name, _ in works
    ]


def _last_if_none(value: float | None) -> float:
    return float("inf") if value is None else value
