"""Real captures through the engine end with the books that are known of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import needs_two_cpus, redline, the_run

# One pass of the capture and nothing else.
ONE_PASS = """\
name: one_pass
why: A capture once through the engine.
bench: {kind: shm, ring: 64MiB}
input: {kind: synthetic, seed: 1, instruments: 2, orders: 100, messages: 1000}
strategy: {imbalance: 60%, every: 1, lot: 1, max_spread: 1000}
limits: {max_qty: 100, max_notional: 10000000, max_position: 100000, band: 5%, max_orders: 1M/s,
  burst: 100000, max_open: 4000}
noise: {duration: 20ms}
phases:
  - phase: tick_to_trade
    trials:
      - {id: e2e.itch, feed: itch, rate: 500k/s, warmup: 0s, duration: 1s,
         measures: {wire: e2e.wire}}
      - {id: e2e.fix, feed: fix, rate: 20k/s, warmup: 0s, duration: 1s,
         measures: {wire: e2e.fix.wire}}
matrix: reports/matrix/week1.yaml
"""

KNOWN: dict[str, dict[str, Any]] = {
    "l3/esh4-20231225.mbo.dbn.zst": {
        "messages": 68_792,
        "levels": [922, 565],
        "best_px_nano": [4_810_000_000_000, 4_810_250_000_000],
        "orders": 11_217,
        "last_sequence": 59_585,
        "symbol": "ESH4",
    },
    "itch/itch50-1m.bin.zst": {
        "messages": 1_016_201,
        "instruments": 200,
        "orders": 40_095,
        "total_levels": 9_212,
    },
    "itch/Nasdaq.Equities.TotalView.Itch.v5.0.Multiple.Packets.pcap": {
        "orders": 38,
        "last_sequence": 19_009_154,
    },
    "fix/fixt11-marketdata.fix": {
        "messages": 13_888,
        "last_sequence": 11_433,
        "duplicates": 13,
        "lost": 0,
    },
}


@pytest.fixture(scope="module")
def one_pass(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs_two_cpus()
    path = tmp_path_factory.mktemp("scenario") / "one_pass.yaml"
    path.write_text(ONE_PASS)
    return path


@pytest.mark.parametrize("name", KNOWN)
def test_a_capture_ends_with_the_book_that_is_known_of_it(
    name: str, captures: Path, one_pass: Path, tmp_path: Path
) -> None:
    done = redline("run", one_pass, "--input", captures / name, "--out", tmp_path)
    assert done.returncode in (0, 1, 75), done.stderr
    run = the_run(tmp_path)
    record = json.loads((run / "run.json").read_text())
    answer = record["input"]["answer"]
    assert {key: answer[key] for key in KNOWN[name]} == KNOWN[name]
    assert [c for c in record["checks"] if not c["ok"]] == []


def test_the_scorecard_says_which_book_the_capture_left(
    captures: Path, one_pass: Path, tmp_path: Path
) -> None:
    capture = captures / "l3/esh4-20231225.mbo.dbn.zst"
    done = redline("run", one_pass, "--input", capture, "--out", tmp_path)
    said = done.stdout.replace(" ", "")
    for part in ("922", "565", "4810.00", "4810.25", "11217", "59585"):
        assert part in said, done.stdout
