"""Run directories that hold all a report can show, made of synthetic figures and real files.

rich(out)      a minute: ladder, restarts, canaries, outliers with causes, tools, people, changes
hours(out)     four hours in intervals of ten seconds, time-compressed, with health each second
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import run_dirs

from harness.config.matrix import load_matrix
from harness.config.units import format_rate
from harness.measure.histogram import Histogram
from harness.report import changes
from harness.run.artifacts import RunDir, read_json
from harness.run.judge import judge
from harness.run.papers import Papers, started_s
from harness.run.raw import read_raw

COMPRESS = 240
RATES = (1_000, 300_000, 1_500_000, 2_700_000, 3_000_000, 1_000_000)
CAUSES = ("interrupt: timer", "task: kworker/1:2", "hypervisor or hardware", "unexplained")

DELIVERY = """\
rows:
  - {row: features, percent: 100, who: A. Person, when: 2026-01-01, evidence: the list}
"""
WAIVERS = """\
waivers:
  - row: network_rtt
    name: B. Person
    role: Head of Trading
    reason: the card comes next week
    date: 2026-01-01
    expires: 2026-03-01
"""


def rich(out: Path, blocks: int = 60) -> Path:
    """A whole run of a minute on a shared machine."""
    run = RunDir.create(out, run_dirs.RUN_ID)
    run_dirs.build_partial(run, run_dirs._PLANS["noisy"], blocks)
    draw = np.random.default_rng(11)
    record = read_json(run.path / "run.json")
    record["measurements"] += [*_ladder(run, draw), *_canaries()]
    record["previous"] = {"id": "20260101T030405Z-1a2b3c", "sums_sha256": "ab" * 32}
    _outliers(run, draw, 400, 60.0)
    run.write_json("attribution.json", attribution())
    matrix = load_matrix(run.path / "matrix.yaml")
    files = {
        "quality.json": json.dumps(quality()),
        "delivery.yaml": DELIVERY,
        "waivers.yaml": WAIVERS,
    }
    papers = Papers.of({name: text.encode() for name, text in files.items()}, matrix)
    papers.write(run)
    record["measurements"] += papers.measurements(started_s(record))
    env = read_json(run.path / "env.json")
    before = json.loads(json.dumps(env))
    before["facts"]["kernel.release"] = {"value": "6.17.1", "source": "uname"}
    run.write_json(changes.NAME, changes.changes("20260101T030405Z-1a2b3c", before, env))
    return _judged(run, record)


def hours(out: Path, n_intervals: int = 1440, per_interval: int = 3000) -> Path:
    """Four hours of record in a minute of clock; a memory leak, and a bad quarter of an hour."""
    run = RunDir.create(out, run_dirs.RUN_ID)
    run_dirs.build_partial(run, run_dirs._PLANS["incomplete"], 5)
    (run.path / "series.jsonl").unlink()
    (run.path / "soak.wire.hlog").unlink()
    draw = np.random.default_rng(5)
    record = read_json(run.path / "run.json")
    record["status"] = "complete"
    length_s = 10.0 / COMPRESS
    tag = "soak.wire.r1"
    with run.hlog("soak.wire.hlog", "ns") as log:
        for i in range(n_intervals):
            share = 0.03 if 700 <= i < 790 else 0.002
            values = run_dirs._draw(draw, 900.0 + 0.02 * i, per_interval, share)
            seen = Histogram.from_values(values)
            log.append(tag, i * length_s, length_s, seen)
            ranked = np.sort(values)
            run.append_jsonl(
                "series.jsonl",
                {
                    "kind": "interval",
                    "t_s": round((i + 1) * length_s, 4),
                    "seconds": length_s,
                    "n": per_interval,
                    "p50_ns": int(ranked[per_interval // 2]),
                    "p99_ns": int(ranked[int(0.99 * per_interval)]),
                    "max_ns": int(ranked[-1]),
                    "loss": 0,
                },
            )
            run.append_jsonl("series.jsonl", _health(i, length_s, draw))
    for measurement in record["measurements"]:
        measurement["load"] = f"1000000/s constant, time-compressed {COMPRESS}x"
        if measurement["id"] == "soak.wire":
            measurement["tags"] = [tag]
            measurement["facts"] |= {
                "n": n_intervals * per_interval, "compress": COMPRESS, "interval_s": length_s
            }  # fmt: skip
    _outliers(run, draw, 1024, n_intervals * length_s)
    return _judged(run, record)


def _judged(run: RunDir, record: dict[str, Any]) -> Path:
    run.rewrite_json("run.json", record)
    run.rewrite_json("run.json", record | judge(read_raw(run.path)))
    return run.finish()


def _ladder(run: RunDir, draw: np.random.Generator) -> list[dict[str, Any]]:
    found = []
    for i, rate in enumerate(RATES):
        busy = rate / max(RATES)
        for what, median in (("wire", 700 / max(1.0 - 0.97 * busy, 0.02)), ("service", 700.0)):
            name, tag = f"ladder.{what}", f"ladder.{what}.{i + 1}"
            stem = f"{name}.{i + 1}.hlog"
            values = run_dirs._draw(draw, median, 20_000, 0.003)
            with run.hlog(stem, "ns") as log:
                log.append(tag, 0.0, 1.0, Histogram.from_values(values))
            lost = 12 if rate == max(RATES) and what == "wire" else 0
            found.append(
                {
                    "id": name,
                    "unit": "ns",
                    "regime": "itch synthetic stream",
                    "points": what,
                    "load": f"{format_rate(rate)} constant",
                    "hlog": stem,
                    "tags": [tag],
                    "kind": "latency",
                    "facts": {"n": 20_000, "loss": lost, "rung": f"rung {i + 1}", "tick_ns": 1.0},
                }
            )
    return found


def _canaries() -> list[dict[str, Any]]:
    facts = {
        "median_ns": 1.02, "before_ns": 1.0, "after_ns": 1.01, "quiet_share": 0.91,
        "source_sha256": "c0" * 32,
    }  # fmt: skip
    return [run_dirs._scalar(f"canary.{what}", 1.01, "ns", **facts) for what in ("cpu", "mem")]


def _outliers(run: RunDir, draw: np.random.Generator, n: int, seconds: float) -> None:
    (run.path / "outliers.jsonl").unlink(missing_ok=True)
    for rank, value in enumerate(np.sort(draw.integers(20_000, 3_000_000, n))[::-1].tolist()):
        traced = rank % 4 == 0
        cause = CAUSES[rank % len(CAUSES)] if traced else None
        run.append_jsonl(
            "outliers.jsonl",
            {
                "trial": "e2e.itch.r1",
                "pass": "attribution" if traced else "scored",
                "rank": rank + 1,
                "value_ns": value,
                "t_s": round(float(draw.integers(0, int(seconds * 250)) / 250), 6),
                "cpu": 1,
                "role": "engine",
                "cause": cause,
                "evidence": "local_timer 12.3 us at 4.001 s" if cause else None,
            },
        )


def attribution() -> dict[str, Any]:
    lost = (310_000_000, 120_000_000, 90_000_000, 45_000_000)
    return {
        "schema": "redline.attribution/1",
        "missing": "",
        "tiers": [
            {"tier": "T0", "available": True, "why": ""},
            {"tier": "T1", "available": True, "why": ""},
            {"tier": "T2", "available": False, "why": "the kernel has no osnoise tracer"},
            {"tier": "T3", "available": False, "why": "no performance counters in this guest"},
        ],
        "trials": [
            {
                "trial": "e2e.itch.r1",
                "n_outliers": 100,
                "causes": [
                    {"cause": c, "n": 25, "lost_ns": ns} for c, ns in zip(CAUSES, lost, strict=True)
                ],
                "unexplained_share": lost[-1] / sum(lost),
                "observer": {
                    "p50_without_ns": 900.0,
                    "p50_with_ns": 960.0,
                    "p99_without_ns": 31_000.0,
                    "p99_with_ns": 38_000.0,
                },
            }
        ],
    }


def quality() -> dict[str, Any]:
    return {
        "schema": "redline.quality/1",
        "tools": [
            {
                "row": "memory_leaks",
                "title": "Memory leaks",
                "tool": "valgrind",
                "version": "3.19",
                "value": 0,
                "unit": "count",
                "complete": True,
                "control_found": True,
                "control": "64 bytes never freed",
                "skipped": [{"what": "test_dpdk", "reason": "no huge pages here"}],
            },
            {
                "row": "data_races",
                "title": "Data races",
                "tool": "tsan",
                "version": "12",
                "value": 0,
                "unit": "count",
                "complete": True,
                "control_found": False,
                "control": "a plain counter of two threads",
                "skipped": [],
            },
        ],
    }


def _health(i: int, length_s: float, draw: np.random.Generator) -> dict[str, Any]:
    return {
        "kind": "health",
        "t_s": round((i + 1) * length_s, 4),
        "rss_bytes": (120 << 20) + 400 * i,
        "pss_bytes": (96 << 20) + 400 * i,
        "minflt": i // 30,
        "majflt": 0,
        "n_fds": 31,
        "n_sent": int((i + 1) * length_s * 1_000_000),
        "ring_depth": int(draw.integers(0, 9)),
        "gaps": 0,
        "loss": 0,
        "bad_messages": 0,
        "bad_orders": 0,
        "nvcsw": {"engine": i // 50, "rig": i // 40},
        "nivcsw": {"engine": i, "rig": i},
        "irqs": {"engine": 11 * i, "rig": 12 * i},
        "freq_khz": {"engine": 2_596_000 + int(draw.integers(0, 4_000))},
    }
