"""OpenMetrics: every line well formed, units in base units, nothing that a collector drops."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from run_dirs import VARIANTS, build

from harness.report.openmetrics import openmetrics
from harness.run.raw import read_raw

_LABEL = r'[a-z_][a-z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
_SAMPLE = re.compile(rf"(redline_[a-z_]+)\{{({_LABEL}(?:,{_LABEL})*)\}} ([-+0-9.e]+)")


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    done = build(tmp_path_factory.mktemp("noisy"), "noisy", blocks=5)
    return json.loads((done / "run.json").read_text()), read_raw(done).hlogs


def _samples(text: str) -> list[tuple[str, dict[str, str], float]]:
    found = []
    for line in text.splitlines():
        if not line.startswith("#"):
            match = _SAMPLE.fullmatch(line)
            assert match, line
            labels = dict(re.findall(r'([a-z0-9_]+)="((?:[^"\\]|\\.)*)"', match[2]))
            found.append((match[1], labels, float(match[3])))
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_line_is_well_formed_and_the_last_says_so(tmp_path: Path, variant: Any) -> None:
    done = build(tmp_path, variant, blocks=5)
    run = json.loads((done / "run.json").read_text())
    text = openmetrics(run, read_raw(done).hlogs, "c0ffee")
    assert text.endswith("# EOF\n")
    assert text.count("# EOF") == 1
    seen = [(name, tuple(labels.items())) for name, labels, _ in _samples(text)]
    assert len(seen) == len(set(seen))


def test_every_family_is_of_a_type_that_every_collector_reads(noisy: Any) -> None:
    text = openmetrics(*noisy)
    kinds = dict(re.findall(r"# TYPE (\S+) (\S+)", text))
    assert set(kinds.values()) == {"gauge", "histogram"}
    for name, _, _ in _samples(text):
        assert name in kinds or re.sub("_(bucket|sum|count)$", "", name) in kinds


def test_latencies_are_in_seconds_with_their_quantile(noisy: Any) -> None:
    run, _ = noisy
    wire = next(m for m in run["metrics"] if m["id"] == "e2e.wire")
    seen = {
        labels["q"]: value
        for name, labels, value in _samples(openmetrics(run))
        if name == "redline_lat_quantile_seconds" and labels["metric"] == "e2e.wire"
    }
    assert seen["0.99"] == pytest.approx(wire["percentiles"]["p99"] * 1e-9)
    assert seen["1"] == pytest.approx(wire["percentiles"]["max"] * 1e-9)


def test_a_percentile_that_is_not_there_is_left_out_and_not_zero(noisy: Any) -> None:
    run, _ = noisy
    thin = [m for m in run["metrics"] if m["percentiles"].get("p99.99", 0) is None]
    assert thin
    for name, labels, _ in _samples(openmetrics(run)):
        if name == "redline_lat_quantile_seconds" and labels["metric"] == thin[0]["id"]:
            assert labels["q"] != "0.9999"


def test_exactly_one_state_of_the_verdict_holds(noisy: Any) -> None:
    run, _ = noisy
    states = {
        labels["redline_verdict"]: value
        for name, labels, value in _samples(openmetrics(run))
        if name == "redline_verdict"
    }
    assert states == {"READY": 0, "NOT READY": 0, "INCONCLUSIVE": 1}


def test_scores_come_as_floor_and_ceiling(noisy: Any) -> None:
    run, _ = noisy
    seen = {
        (labels["group"], labels["bound"]): value
        for name, labels, value in _samples(openmetrics(run))
        if name == "redline_score"
    }
    assert seen["total", "floor"] == pytest.approx(run["score"]["floor"])
    assert seen["total", "ceiling"] == 100


def test_buckets_only_grow_and_end_in_the_count(noisy: Any) -> None:
    run, hlogs = noisy
    samples = [
        (name, labels, value)
        for name, labels, value in _samples(openmetrics(run, hlogs))
        if labels.get("metric") == "e2e.wire" and name.startswith("redline_latency_seconds")
    ]
    buckets = [(float(labels["le"]), v) for _, labels, v in samples if "le" in labels]
    assert buckets == sorted(buckets)
    assert len(buckets) == 38
    total = hlogs["e2e.wire.hlog"].total()
    assert buckets[-1] == (float("inf"), total.n)
    edge, n = next(b for b in buckets if b[0] > 1e-6)
    assert n == total.n - total.n_at_or_above(edge * 1e9 + 1e-3)


def test_hostile_labels_stay_labels(noisy: Any) -> None:
    run = json.loads(json.dumps(noisy[0]))
    run["scenario"]["name"] = 'a"} 1\n# EOF\nx{b="\\'
    text = openmetrics(run)
    _samples(text)
    assert text.count("\n# EOF\n") == 1
