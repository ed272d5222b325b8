"""The canary: its source is frozen, and its figure shows a machine that moved."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from engine import clock, component
from harness.run.canary import canary_figure

SOURCE = Path(__file__).parents[2] / "csrc/rig/component/canary.c"

# Never to be updated: a canary with another source is another canary, with a name of its own.
FROZEN = "5e7f5bc7aba94d61babff15afcb4519464691af8ce09e6f922b4555f7e443e71"


@pytest.fixture(scope="module")
def seen() -> component.Canary:
    cpu = min(os.sched_getaffinity(0))
    return component.canary(cpu, clock.calibrate(5_000_000), 4_000_000)


def _reading(when: str, best_ns: float, quiet_share: float = 1.0) -> dict[str, object]:
    return {
        "when": when,
        "kind": "cpu",
        "best_ns": best_ns,
        "median_ns": best_ns * 1.1,
        "quiet_share": quiet_share,
        "source_sha256": FROZEN,
    }


def test_the_source_of_the_canary_is_what_it_always_was() -> None:
    assert hashlib.sha256(SOURCE.read_bytes()).hexdigest() == FROZEN


def test_the_frozen_source_includes_nothing_of_ours() -> None:
    included = [line for line in SOURCE.read_text().splitlines() if line.startswith("#include")]
    assert included == ["#include <stddef.h>", "#include <stdint.h>"]


def test_a_reading_carries_the_hash_of_what_was_compiled(seen: component.Canary) -> None:
    assert seen.source_sha256 == FROZEN


def test_both_kinds_are_read(seen: component.Canary) -> None:
    assert 0 < seen.cpu.best_ns <= seen.cpu.median_ns
    assert 0 < seen.mem.best_ns <= seen.mem.median_ns
    assert all(0 <= reading.quiet_share <= 1 for reading in (seen.cpu, seen.mem))


def test_a_load_that_misses_costs_more_than_an_addition(seen: component.Canary) -> None:
    assert seen.mem.best_ns > 2 * seen.cpu.best_ns


@pytest.mark.parametrize("readings", [(1.0, 1.2), (1.2, 1.0)])
def test_a_machine_that_was_slow_before_or_after_is_not_called_fast(
    readings: tuple[float, float],
) -> None:
    before, after = readings
    figure = canary_figure("cpu", [_reading("before", before), _reading("after", after)])
    assert figure.facts["value"] == 1.2
    assert (figure.facts["before_ns"], figure.facts["after_ns"]) == readings
    assert figure.facts["runs_ns"] == [before, after]


def test_the_quiet_share_of_a_canary_is_that_of_its_worse_reading() -> None:
    figure = canary_figure("cpu", [_reading("before", 1.0, 0.9), _reading("after", 1.0, 0.1)])
    assert figure.facts["quiet_share"] == 0.1


def test_a_canary_names_its_source_and_is_no_latency_that_a_row_could_judge() -> None:
    figure = canary_figure("mem", [_reading("before", 1.0), _reading("after", 1.0)])
    assert (figure.metric, figure.kind, figure.unit) == ("canary.mem", "scalar", "ns")
    assert figure.facts["source_sha256"] == FROZEN
