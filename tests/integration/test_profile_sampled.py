"""Heap, cycles and Python profiled for real: what is planted is seen, and what is not is not."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from harness.profile import cycles, heap, python
from harness.profile.count import Tree
from harness.quality.program import Absent

from .conftest import needs_two_cpus

ROOT = Path(__file__).parents[2]
TIMER = "cpu-clock"  # perf's own, which every kernel has: there may be no PMU


@pytest.fixture
def trial() -> Path:
    needs_two_cpus()
    program = Tree(ROOT, ROOT / "build/dev").trial
    if not program.is_file():
        pytest.skip("build/dev holds no profile_trial: make test-c")
    return program


@pytest.fixture
def valgrind() -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")


@pytest.fixture
def perf() -> None:
    if shutil.which("perf") is None:
        pytest.skip("perf is not installed")
    try:
        cycles.needs(TIMER)
    except Absent as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("valgrind")
def test_bytes_planted_on_the_heap_are_seen_to_the_byte() -> None:
    assert heap.control().found
    assert not heap.control(heap.N_PLANTED - 1).found


@pytest.mark.usefixtures("valgrind")
def test_a_trial_holds_no_more_of_the_heap_for_twice_the_frames(trial: Path) -> None:
    once, twice = (heap.held([str(trial), str(n)]) for n in (5_000, 10_000))
    assert once == twice
    assert any("rl_bench_limits_build" in frames for frames in once)


@pytest.mark.usefixtures("valgrind")
def test_a_program_that_fails_is_no_profile(trial: Path) -> None:
    with pytest.raises(Absent, match="wants a number of frames"):
        heap.held([str(trial)])


@pytest.mark.usefixtures("perf")
def test_a_function_that_takes_most_of_the_time_is_seen_by_perf() -> None:
    assert cycles.control(TIMER).found
    assert not cycles.control(TIMER, least_share=0.99).found


@pytest.mark.usefixtures("perf")
def test_a_trial_is_seen_by_perf_with_the_functions_that_it_runs(trial: Path) -> None:
    functions = {
        frame for frames in cycles.taken([str(trial), "200000"], TIMER) for frame in frames
    }
    assert {"rig_run", "rl_blast_turn"} <= functions


@pytest.mark.usefixtures("perf")
def test_an_event_that_is_not_counted_here_is_named() -> None:
    with pytest.raises(Absent, match="no PMU that counts here"):
        cycles.needs("no-such-event")


def test_a_function_that_takes_most_of_the_time_is_seen_by_py_spy() -> None:
    assert python.control().found
    assert not python.control(least_share=0.99).found


def test_a_program_that_cannot_be_profiled_is_no_profile() -> None:
    with pytest.raises(Absent, match="py-spy"):
        python.taken(["/no/such/program"], Path.cwd())


def test_how_a_profiled_program_ends_is_its_own() -> None:
    code = "import sys\nfor _ in range(3_000_000): pass\nsys.exit(1)"
    assert python.taken([sys.executable, "-c", code], Path.cwd()).total() > 0
