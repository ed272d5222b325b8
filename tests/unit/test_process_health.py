"""What a measuring process reads about itself and its CPUs."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from harness.bench.health import (
    COUNTERS,
    PSS_EVERY,
    Health,
    column_sum,
    field,
    out_of_the_way,
    steal,
)

INTERRUPTS = """\
           CPU0       CPU2
  1:         10         20   IO-APIC   1-edge      i8042
LOC:       1000       2000   Local timer interrupts
ERR:          7
"""
STAT = "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 80 9 10\ncpu2 1 2 3 4 5 6 7 81 9 10\n"


@pytest.mark.parametrize(("cpu", "total"), [(0, 1010), (2, 2020), (1, None)])
def test_interrupts_are_summed_over_the_column_of_a_cpu(cpu: int, total: int | None) -> None:
    assert column_sum(INTERRUPTS, cpu) == total


@pytest.mark.parametrize(("cpu", "ticks"), [(0, 80), (2, 81), (1, None)])
def test_stolen_time_is_that_of_the_cpu_and_not_of_the_machine(cpu: int, ticks: int | None) -> None:
    assert steal(STAT, cpu) == ticks


@pytest.mark.parametrize(
    ("text", "value"), [("Rss: 5 kB\nPss: 42 kB\n", 42), ("Rss: 5 kB\n", None), ("Pss:\n", None)]
)
def test_a_field_that_is_not_there_is_none(text: str, value: int | None) -> None:
    assert field(text, "Pss") == value


def test_a_look_here_tells_memory_faults_and_its_own_cost() -> None:
    cpu = min(os.sched_getaffinity(0))
    seen = Health({"engine": cpu}).look()
    for name in ("rss_bytes", "minflt", "n_fds", "took_ns"):
        value = seen[name]
        assert isinstance(value, int)
        assert value > 0
    irqs = seen["irqs"]
    assert isinstance(irqs, dict)
    assert irqs["engine"] > 0


def test_the_walk_over_all_pages_is_not_made_at_every_look() -> None:
    health = Health({})
    looks = [health.look() for _ in range(PSS_EVERY + 1)]
    assert [i for i, seen in enumerate(looks) if "pss_bytes" in seen] == [0, PSS_EVERY]


def test_counters_never_fall() -> None:
    health = Health({"engine": min(os.sched_getaffinity(0))})
    before, after = health.look(), health.look()
    for name in COUNTERS:
        old, new = before[name], after[name]
        pairs = [(old, new)] if isinstance(old, int) else [(old[k], new[k]) for k in old]  # type: ignore[index]
        assert all(was <= now for was, now in pairs)  # type: ignore[operator]


def test_a_host_that_hides_its_files_leaves_keys_empty_and_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "proc/self/fd").mkdir(parents=True)
    (tmp_path / "proc/self/statm").write_text("1 2 3\n")
    seen = Health({"engine": 0}, tmp_path).look()
    assert seen["irqs"] == seen["freq_khz"] == {}
    assert "pss_bytes" not in seen


def test_a_thread_that_looks_leaves_the_cpus_of_the_trial_where_there_are_others() -> None:
    allowed = os.sched_getaffinity(0)
    busy = min(allowed)
    seen: list[set[int]] = []

    def look() -> None:
        with out_of_the_way({"engine": busy}):
            seen.append(os.sched_getaffinity(0))
        seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [(allowed - {busy}) or allowed, allowed]
