"""Small run directories, complete and consistent, made through the same code as real ones.

    path = build(tmp_path, "noisy")

Variants:
    good        quiet host, what the week-1 matrix can measure passes; the rest is MISSING
    ready       the same figures under a small matrix whose every row is measured: READY
    noisy       a shared virtual machine: the tail is the host's, so it is UNJUDGEABLE
    missing     neither throughput nor FIX parsing was measured
    failing     quiet host, end to end over target, one message unaccounted for
    incomplete  a soak that was cut off: intervals in series.jsonl, status incomplete
Histograms are drawn from seeded distributions: the figures are synthetic, the files are real.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from qualified_hosts import CPUS, known

from harness.config.loader import project_data
from harness.measure import noise
from harness.measure.histogram import Histogram
from harness.qualify.recorded import stamped
from harness.run.artifacts import RunDir, read_json, sha256_of
from harness.run.judge import judge
from harness.run.raw import read_raw
from harness.tuning.facts import Fact

Variant = Literal["good", "ready", "noisy", "missing", "failing", "incomplete"]
VARIANTS: tuple[Variant, ...] = ("good", "ready", "noisy", "missing", "failing", "incomplete")

TICK_NS = 0.385187
QUANTUM_NS = 10.0
N_A_SECOND = 4_000  # few, but enough to judge p99 in five seconds and to show p99.99 in sixty
RUN_ID = "20260102T030405Z-0a1b2c"

READY_MATRIX = """\
name: small
title: Everything that a small run can measure
groups:
  - id: performance
    title: Performance
    weight: 100
    rows:
      - id: timing_precision
        title: Timing precision
        weight: 10
        target: {op: "<", value: 100, unit: ns}
        metric: clock.precision
        statistic: value
        why: No figure below it means anything.
      - id: fix_parsing
        title: FIX parsing
        weight: 20
        target: {op: "<", value: 500, unit: ns}
        metric: fix.parse
        statistic: p99
        regime: stream
        why: One message in the order of a stream.
      - id: end_to_end
        title: End-to-end latency
        weight: 40
        target: {op: "<", value: 2000, unit: ns}
        metric: e2e.wire
        statistic: p99
        points: wire
        load: 1M/s
        why: From the intended time.
      - id: throughput
        title: Throughput
        weight: 30
        target: {op: ">", value: 1000000, unit: msg/s}
        metric: throughput.shm
        statistic: lower_bound
        points: wire
        why: With the latency held.
gates:
  - id: correct_answers
    title: Every message accounted for
    target: {op: "=", value: 0, unit: count}
    metric: null
    checks: [conservation., answer.]
    statistic: value
    why: A wrong program is fast.
bands:
  - {above: 90, name: Excellent}
  - {above: 80, name: Good}
  - {above: 70, name: Acceptable}
otherwise: Needs Improvement
ready_above: 70
"""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What differs between the variants."""

    e2e_median_ns: float = 900.0
    stall_share: float = 0.0
    vm: bool = False
    without: tuple[str, ...] = ()
    lost: int = 0
    matrix: str = ""
    rate_held: int = 3_000_000
    soak: bool = False


_PLANS: dict[str, _Plan] = {
    "good": _Plan(),
    "ready": _Plan(matrix=READY_MATRIX),
    "noisy": _Plan(stall_share=0.03, vm=True),
    "missing": _Plan(without=("throughput.shm", "fix.parse")),
    "failing": _Plan(e2e_median_ns=2_600.0, lost=1, rate_held=800_000),
    "incomplete": _Plan(soak=True),
}


def build(out: Path, variant: Variant = "good", run_id: str = RUN_ID, blocks: int = 60) -> Path:
    """Write, judge and seal a run under `out`; returns its directory.

    `blocks` is the length of the end-to-end measurement in seconds, over five trials.
    """
    plan = _PLANS[variant]
    run = RunDir.create(out, run_id)
    build_partial(run, plan, blocks)
    run.rewrite_json("run.json", read_json(run.path / "run.json") | judge(read_raw(run.path)))
    return run.finish()


def build_partial(run: RunDir, plan: _Plan, blocks: int = 60) -> None:
    """Everything but the judgement and the seal."""
    draw = np.random.default_rng(7)
    scenario = project_data("scenarios/soak.yaml" if plan.soak else "scenarios/week1.yaml")
    run.write_text("scenario.yaml", scenario.read_text(encoding="utf-8"))
    matrix = plan.matrix or project_data("reports/matrix/week1.yaml").read_text(encoding="utf-8")
    run.write_text("matrix.yaml", matrix)
    probed = _noise(plan, draw)
    run.write_json("env.json", _environment(plan, probed))
    run.write_json("noise.json", probed)
    measurements = _soak(run, draw) if plan.soak else _measurements(run, plan, draw, blocks)
    run.append_jsonl(
        "outliers.jsonl",
        {
            "t_s": 12.25,
            "value_ns": 48_211,
            "metric": "e2e.wire",
            "core": 1,
            "phase": "tick_to_trade",
        },
    )
    run.write_json("run.json", _run(run, plan, measurements))


def _run(run: RunDir, plan: _Plan, measurements: list[dict[str, Any]]) -> dict[str, Any]:
    sent = 60_000_000
    name = "soak" if plan.soak else "week1"
    return {
        "schema": "redline.run/1",
        "id": run.id,
        "status": "incomplete" if plan.soak else "complete",
        "started_utc": "2026-01-02T03:04:05Z",
        "ended_utc": "2026-01-02T03:05:09Z",
        "command": ["redline", "run", f"scenarios/{name}.yaml"],
        "build": {
            "version": "0.1.0",
            "build_type": "Release",
            "march": "x86-64-v3",
            "compiler": "gcc 12.2.0",
            "core_sha256": "5f" * 32,
        },
        "scenario": {
            "name": name,
            "file": "scenario.yaml",
            "sha256": sha256_of(run.path / "scenario.yaml"),
        },
        "input": {
            "kind": "synthetic",
            "name": "synthetic stream",
            "sha256": "a7" * 32,
            "n_messages": 300_000,
            "seed": 20260101,
            "description": "seeded stream, 64 instruments, 20,000 live orders",
            "answer": {
                "levels": [922, 565],
                "best_px_nano": [4_793_250_000_000, 4_793_500_000_000],
                "messages": 300_000,
                "lost": 0,
                "duplicates": 0,
                "symbol": "SYN01",
                "instruments": 64,
                "total_levels": 9_000,
                "damage": "",
                "orders": 11_217,
                "last_sequence": 300_000,
                "hash": "0x9f3c2b1a77e0d415",
            },
        },
        "measurements": [m for m in measurements if m["id"] not in plan.without],
        "checks": [
            _check("conservation.e2e", "every message sent reached the engine", sent, plan.lost),
            _check("conservation.orders", "every order sent reached the exchange", 1_200_000, 0),
            _check("answer.book", "the book after the stream is the reference book", 11_217, 0),
            {
                "id": "null.floor",
                "promise": "the bench alone stays below the end-to-end target",
                "ok": True,
                "seen": "310 ns",
                "wanted": "< 2000 ns",
                "gate": False,
            },
        ],
    }


def _check(name: str, promise: str, wanted: int, lost: int) -> dict[str, Any]:
    return {
        "id": name,
        "promise": promise,
        "ok": lost == 0,
        "seen": str(wanted - lost),
        "wanted": str(wanted),
        "gate": True,
    }


def _measurements(
    run: RunDir, plan: _Plan, draw: np.random.Generator, blocks: int
) -> list[dict[str, Any]]:
    found = [
        _scalar("clock.precision", 46.0, "ns", quantile=0.99),
        _scalar("alloc.hot_path", 0, "count"),
        _scalar("faults.hot_path", 0, "count"),
        _latency(
            run,
            draw,
            "clock.gettime",
            23.0,
            "call",
            "back to back",
            (1, 1),
            50_000,
            load="back to back",
        ),
    ]
    for name, regime, median_ns, chain_ns in (
        ("fix.parse", "stream", 170.0, 120.0),
        ("fix.parse", "hot", 140.0, 110.0),
        ("book.update", "random", 48.0, 21.0),
        ("book.update", "hot", 40.0, 18.0),
        ("risk.check", "stream", 40.0, 9.0),
        ("order.id", "hot", 26.0, 1.0),
        ("audit.append", "hot", 34.0, 4.0),
    ):
        found.append(_short_op(run, draw, plan, name, regime, median_ns, chain_ns))
    per_trial = max(blocks // 5, 1)
    stream, tail = "itch synthetic stream", plan.stall_share
    for name, points, median, share in (
        ("e2e.wire", "wire", plan.e2e_median_ns, tail),
        ("e2e.service", "service", plan.e2e_median_ns * 0.9, tail),
        ("e2e.lateness", "lateness", 25.0, 0.0),
        ("e2e.buf", "buf", plan.e2e_median_ns * 0.5, tail / 3),
    ):
        found.append(
            _latency(run, draw, name, median, points, stream, (5, per_trial), N_A_SECOND, share)
        )
    found.append(
        _latency(run, draw, "null.wire", 260.0, "wire", "reflector", (1, 2), N_A_SECOND, tail)
    )
    found.append(
        _latency(
            run,
            draw,
            "e2e.fix.wire",
            plan.e2e_median_ns * 2,
            "wire",
            "fix synthetic stream",
            (2, 2),
            20_000,
            tail,
            load="250000/s constant",
        )
    )
    for stage, median in (("decode", 30), ("book", 45), ("risk", 22), ("encode", 60)):
        found.append(
            _latency(run, draw, f"e2e.stage.{stage}", median, stage, stream, (1, 1), N_A_SECOND)
        )
    found.append(_throughput(run, plan))
    return found


def _soak(run: RunDir, draw: np.random.Generator) -> list[dict[str, Any]]:
    """Two tags in one log, one line an interval, and the health beside them."""
    found = _latency(
        run, draw, "soak.wire", 900.0, "wire", "itch synthetic stream", (1, 12), N_A_SECOND
    )
    for i in range(12):
        run.append_jsonl(
            "series.jsonl",
            {
                "kind": "interval",
                "t_s": float(i + 1),
                "n": N_A_SECOND,
                "p50_ns": 900 + i,
                "p99_ns": 1_600 + i,
                "max_ns": 9_000 + 10 * i,
                "rss_bytes": 120 << 20,
                "loss": 0,
                "usage": {"minflt": 0, "majflt": 0, "nvcsw": 0, "nivcsw": 3, "allocs": 0},
            },
        )
    return [found, _scalar("stability.hours", 12 / 3600, "h")]


def _scalar(name: str, value: float, unit: str, **facts: Any) -> dict[str, Any]:
    return {
        "id": name,
        "unit": unit,
        "regime": "whole run",
        "points": "host" if unit == "ns" else "run",
        "load": "none",
        "hlog": None,
        "tags": [],
        "kind": "scalar",
        "facts": {"value": value, **facts},
    }


def _latency(
    run: RunDir,
    draw: np.random.Generator,
    name: str,
    median_ns: float,
    points: str,
    regime: str,
    shape: tuple[int, int],
    n: int,
    stall_share: float = 0.0,
    load: str = "1000000/s constant",
) -> dict[str, Any]:
    """`shape` is (trials, seconds of each); one tag a trial, one interval of n samples a second."""
    trials, seconds = shape
    tags = [f"{name}.{i + 1}" for i in range(trials)] if trials > 1 else [name]
    total = 0
    with run.hlog(f"{name}.hlog", "ns") as log:
        for trial, tag in enumerate(tags):
            for second in range(seconds):
                values = _draw(draw, median_ns, n, stall_share)
                log.append(tag, trial * seconds + second, 1.0, Histogram.from_values(values))
                total += n
    facts: dict[str, Any] = {"n": total, "loss": 0, "tick_ns": 1.0, "allocs": 0, "faults": 0}
    if load != "back to back":
        facts |= {"planned": total * 50, "sent": total * 50, "lateness_p999_ns": 60.0}
        facts["answer_hash"] = "0x9f3c2b1a77e0d415"
    return {
        "id": name,
        "unit": "ns",
        "regime": regime,
        "points": points,
        "load": load,
        "hlog": f"{name}.hlog",
        "tags": tags,
        "kind": "latency",
        "facts": facts,
    }


def _short_op(
    run: RunDir,
    draw: np.random.Generator,
    plan: _Plan,
    name: str,
    regime: str,
    median_ns: float,
    chain_ns: float,
) -> dict[str, Any]:
    stalls = 0.02 if plan.vm else 0.0
    ticks = _draw(draw, median_ns / TICK_NS, 40_000, stalls, sigma=0.06)
    stem = f"{name}.{regime}"
    with run.hlog(f"{stem}.hlog", "ticks", comment=f"Tick: {TICK_NS} ns") as log:
        log.append(stem, 0.0, 1.5, Histogram.from_values(ticks))
    return {
        "id": name,
        "unit": "ns",
        "regime": regime,
        "points": "per operation, fenced",
        "load": "back to back",
        "hlog": f"{stem}.hlog",
        "tags": [stem],
        "kind": "short_op",
        "facts": {
            "n": 40_000,
            "tick_ns": TICK_NS,
            "quantum_ns": QUANTUM_NS,
            "pair_p50_ns": 20.0,
            "pair_spread_ns": 10.0,
            "chain_min_ns": chain_ns,
            "quiet_share": 0.4 if plan.vm else 0.97,
            "verified": True,
            "answer_hash": "0x51c0ffee12345678",
            "allocs": 0,
            "faults": 0,
        },
    }


def _throughput(run: RunDir, plan: _Plan) -> dict[str, Any]:
    rates = sorted({1_000_000, 2_000_000, plan.rate_held, plan.rate_held * 2})
    trials = [(rate, 0.3, "probe") for rate in rates]
    trials += [(plan.rate_held, 10.0, "confirm")] * 7 + [(plan.rate_held, 60.0, "confirm")]
    for i, (rate, seconds, step) in enumerate(trials):
        held = rate <= plan.rate_held
        planned = int(rate * seconds)
        lost = 0 if held else planned // 1500
        p50 = plan.e2e_median_ns * (1 if held else 4)
        p99 = (38_000.0 if plan.vm else p50 * 1.5) * (1 if held else 5)
        run.append_jsonl(
            "series.jsonl",
            {
                "kind": "trial",
                "phase": "search",
                "step": step,
                "trial": i + 1,
                "rate_per_s": rate,
                "seconds": seconds,
                "planned": planned,
                "sent": planned,
                "loss": lost,
                "counters": {"engine": {"rx_messages": planned - lost}, "rig": {"sent": planned}},
                "usage": {"minflt": 0, "majflt": 0, "nvcsw": 0, "nivcsw": 4, "allocs": 0},
                "percentiles_ns": {
                    "p50": p50, "p90": p50 * 1.2, "p99": p99, "p99.9": p99 * 2, "max": p99 * 9
                },
            },
        )  # fmt: skip
    return {
        "id": "throughput.shm",
        "unit": "msg/s",
        "regime": "itch synthetic stream",
        "points": "wire",
        "load": "search",
        "hlog": None,
        "tags": [],
        "kind": "throughput",
        "facts": {"phase": "search", "joint_metric": "e2e.wire"},
    }


def _draw(
    draw: np.random.Generator, median: float, n: int, stall_share: float, sigma: float = 0.12
) -> npt.NDArray[np.int64]:
    """Lognormal bulk; a share of the samples behind a stall of up to 90 us."""
    values = median * np.exp(sigma * draw.standard_normal(n))
    hit = draw.random(n) < stall_share
    values[hit] += draw.uniform(1_000, 90_000, int(hit.sum()))
    return np.maximum(values, 1).astype(np.int64)


def _noise(plan: _Plan, draw: np.random.Generator) -> dict[str, Any]:
    seconds, threshold_ns = 2.0, 30.0
    floors = []
    for when in ("before", "after"):
        for role, cpu in CPUS.items():
            gaps = draw.uniform(20_000, 90_000, 2_000) if plan.vm else draw.uniform(40, 150, 800)
            floors.append(
                noise.floor_record(gaps, seconds, threshold_ns, when=when, cpu=cpu, role=role)
            )
    pair = {"min_ns": 20.0, "p50_ns": 20.0, "p99_ns": 30.0, "max_ns": 68_000.0}
    return {
        "clock": {
            "tsc_hz": 2_596_138_000,
            "quantum_ns": QUANTUM_NS,
            "disagree_ppb": 12,
            "pairs": {
                "lfence_rdtsc_lfence__rdtscp_lfence": pair,
                "clock_gettime": pair | {"p50_ns": 23.0, "p99_ns": 31.0},
            },
            "offset": {"cpus": list(CPUS.values()), "offset_ns": 4.0, "bound_ns": 46.0},
        },
        "floor": floors,
        "neighbour": [
            {
                "when": when,
                "cpu": cpu,
                "quiet_share": 0.4 if plan.vm else 0.97,
                "best_ns": 11_900.0,
                "median_ns": 12_100.0,
            }
            for when in ("before", "after")
            for cpu in CPUS.values()
        ],
        "placement": [
            {"when": when, "cpus": list(CPUS.values()), "rtt_ns": 118.0}
            for when in ("before", "after")
        ],
    }


def _environment(plan: _Plan, probed: Mapping[str, Any]) -> dict[str, Any]:
    tuned = known()
    facts = dict(tuned)
    facts["run.cpus"] = Fact({r: str(cpu) for r, cpu in CPUS.items()}, "chosen by the runner")
    if plan.vm:
        facts["host.hypervisor"] = Fact("kvm", "/proc/cpuinfo")
    env = {
        "schema": "redline.env/1",
        "facts": {name: fact.as_json() for name, fact in facts.items()},
        "fingerprint": {"sha256": "c0ffee" * 10 + "c0ff", "fields": []},
    }
    return stamped(env, probed, before=tuned, seconds=64.0)
