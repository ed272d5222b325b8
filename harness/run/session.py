"""What a run knows and has collected so far: the raw part of run.json and the files beside it.

One writer, the runner. Every figure goes in once, through here, so the evidence has one shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from engine.clock import Clock
from harness.bench.cpus import Cpus
from harness.bench.plan import EnginePlan, LinePlan, NetPlan, StreamPlan
from harness.config.bench import NetPort, Wait, XdpMode
from harness.config.matrix import Gate, Matrix
from harness.config.scenario import Feed, Scenario
from harness.measure.histogram import Histogram
from harness.run.artifacts import RunDir
from harness.run.draft import Draft
from harness.run.progress import Progress

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Block:
    """Samples of a stretch of time: one repeat, or a second of a long one."""

    histogram: Histogram
    seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, apart from the samples: everything that makes one metric of it.

    Unit: ns, ticks, msg/s, count or h. Roles name the CPUs whose noise lies under the figure; the
    facts are those that harness/run/judge.py reads.
    """

    metric: str
    unit: str
    kind: Literal["latency", "short_op", "scalar", "throughput"]
    regime: str
    points: str
    load: str
    facts: Mapping[str, Any]
    roles: Sequence[str] = ()

    def json(self) -> Json:
        entry = {
            "id": self.metric,
            "unit": self.unit,
            "kind": self.kind,
            "regime": self.regime,
            "points": self.points,
            "load": self.load,
            "facts": dict(self.facts),
        }
        return entry | ({"roles": list(self.roles)} if self.roles else {})


@dataclass(slots=True)
class Session:
    """One run in progress. `input_path` stands in for the synthetic stream of its own protocol."""

    scenario: Scenario
    dir: RunDir
    cpus: Cpus
    progress: Progress
    matrix: Matrix
    input_path: str | None = None
    input_feed: Feed | None = None
    lines: Mapping[str, LinePlan] = field(default_factory=dict)  # of a network bench
    clock: Clock = field(default_factory=lambda: Clock(0, 0, 0))
    noise: Json = field(default_factory=lambda: _empty_noise())
    measurements: list[Json] = field(default_factory=list)
    checks: list[Json] = field(default_factory=list)
    answer: Json | None = None
    sustained_per_s: dict[Feed, int] = field(default_factory=dict)  # what a search has found
    hot_path: dict[str, int] = field(default_factory=dict)  # worst count over the scored trials
    draft: Draft | None = None  # of a run that somebody else could end
    faults_enabled: bool = True  # False: the cases of reactions are performed without their faults

    def stream(self, feed: Feed) -> StreamPlan:
        """The market data of a protocol: the user's capture if it speaks it, else the made one."""
        return replace(
            self.made_stream(feed), path=self.input_path if feed == self.input_feed else None
        )

    def joint_row(self, metric: str) -> Gate | None:
        """The row whose latency target a rate must keep too; None when the matrix has none."""
        rows = (row for _, row in self.matrix.rows())
        return next((row for row in rows if row.metric == metric), None)

    def made_stream(self, feed: Feed) -> StreamPlan:
        """The synthetic stream, on which the regimes of single operations are defined."""
        return made_stream(self.scenario, feed)

    def net(
        self, port: NetPort | None, *, xdp_mode: XdpMode | None = None, wait: Wait | None = None
    ) -> NetPlan | None:
        """The network of the bench, its ports as named or as the bench has them; None: none."""
        bench = self.scenario.bench
        if bench.kind == "shm" or not self.lines:
            return None
        return NetPlan(
            port=port or bench.port,
            xdp_mode=xdp_mode or bench.xdp_mode,
            wait=wait or bench.wait,
            accel=bench.accel,
            market=self.lines["market"],
            orders=self.lines["orders"],
        )

    def over(self, port: NetPort | None) -> str:
        """How the network enters the name of a metric; nothing for shared memory."""
        net = self.net(port)
        return "" if net is None else f" over {net.port} on {self.scenario.bench.kind}"

    def regime(self, feed: Feed) -> str:
        """How the input enters the name of a metric."""
        return f"{feed} {'capture' if feed == self.input_feed else 'synthetic'} stream"

    def engine(self) -> EnginePlan:
        return engine_plan(self.scenario)

    def histograms(
        self, measured: Measured, repeats: Sequence[Sequence[Block]], log_name: str = ""
    ) -> None:
        """A measurement from histograms, a tag a repeat, in a log of its own."""
        stem = log_name or measured.metric
        tags = [f"{stem}.r{i}" for i in range(1, len(repeats) + 1)]
        comment = f"one tick is {self.clock.ns_per_tick!r} ns" if measured.unit == "ticks" else ""
        with self.dir.hlog(f"{stem}.hlog", measured.unit, comment=comment) as log:
            start_s = 0.0
            for tag, blocks in zip(tags, repeats, strict=True):
                for block in blocks:
                    log.append(tag, start_s, block.seconds, block.histogram)
                    start_s += block.seconds
        n = sum(block.histogram.n for blocks in repeats for block in blocks)
        self.logged(measured, f"{stem}.hlog", tags, n)

    def logged(self, measured: Measured, name: str, tags: Sequence[str], n: int) -> None:
        """A measurement of n samples whose log `name` is written already."""
        self.measurements.append(self.entry(measured, name, tags, n))

    def entry(
        self, measured: Measured, name: str | None = None, tags: Sequence[str] = (), n: int = 0
    ) -> Json:
        """A measurement as run.json has it; without a log, one that is a figure."""
        if name is None:
            return measured.json() | {"hlog": None, "tags": []}
        tick_ns = self.clock.ns_per_tick if measured.unit == "ticks" else 1.0
        facts = {"n": n, "tick_ns": tick_ns, **measured.facts}
        # A log in ticks is still a latency: figures are converted when it is read.
        entry = replace(measured, unit="ns", facts=facts).json()
        return entry | {"hlog": name, "tags": list(tags)}

    def figure(self, measured: Measured) -> None:
        """A measurement without a histogram: a scalar, or a search (trials in the series)."""
        self.measurements.append(self.entry(measured))

    def check(self, name: str, promise: str, seen: object, wanted: object) -> None:
        """A promise that holds when what was seen is what was wanted."""
        self.judged(name, promise, ok=seen == wanted, seen=str(seen), wanted=str(wanted))

    def judged(
        self, name: str, promise: str, *, ok: bool, seen: str, wanted: str, timed: bool = False
    ) -> None:
        """A promise whose keeping was decided already.

        `timed`: by a clock of this host. Broken on a host that is not qualified it proves nothing.
        """
        entry = {
            "id": name,
            "promise": promise,
            "ok": ok,
            "seen": seen,
            "wanted": wanted,
            "gate": True,
        }
        self.checks.append(entry | ({"timed": True} if timed else {}))

    def keep(self, *under_way: Json) -> None:
        """Put down what there is so far, for who must end the run if this process is killed."""
        if self.draft is not None:
            self.draft.keep(
                measurements=self.measurements,
                checks=self.checks,
                noise=self.noise,
                under_way=under_way,
            )

    def series(self, entry: Json) -> None:
        self.dir.append_jsonl("series.jsonl", entry)


def _empty_noise() -> Json:
    return {"clock": {}, "floor": [], "neighbour": [], "placement": []}


def made_stream(scenario: Scenario, feed: Feed) -> StreamPlan:
    """The synthetic stream of a scenario in one protocol."""
    made = scenario.input
    return StreamPlan(
        feed=feed,
        path=None,
        seed=made.seed,
        n_instruments=made.instruments,
        n_orders=made.orders,
        n_messages=made.messages,
    )


def engine_plan(scenario: Scenario) -> EnginePlan:
    """The engine of a scenario: its strategy and its limits."""
    rule, limits = scenario.strategy, scenario.limits
    return EnginePlan(
        threshold_permille=rule.imbalance_bp // 10,
        every=rule.every,
        order_qty=rule.lot,
        max_spread_nano=rule.max_spread_nano,
        max_qty=limits.max_qty,
        max_notional=limits.max_notional,
        max_position=limits.max_position,
        band_bps=limits.band_bp,
        rate_per_s=limits.max_orders_per_s,
        rate_burst=limits.burst,
        max_open=limits.max_open,
    )
