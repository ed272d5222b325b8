"""Noise by cause on this machine: the trace fits the gaps, and no trace of ours stays."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import clock as engine_clock
from engine import probe
from harness.errors import HostError
from harness.measure import causes, hiccups, trace_text, tracing
from harness.measure.trace_text import Kind
from integration.sandbox import in_child, in_sandbox, keep_only

ROOT = Path(__file__).parents[2]
CPUS = sorted(os.sched_getaffinity(0))
INSTANCES = tracing.TRACEFS / "instances"
WITHOUT = tracing.unavailable()

needs_tracing = pytest.mark.skipif(WITHOUT is not None, reason=f"needs tracing: {WITHOUT}")


@pytest.fixture(scope="module")
def clock() -> engine_clock.Clock:
    return engine_clock.calibrate(50_000_000)


@pytest.fixture
def stranger() -> Iterator[Path]:
    """An instance of somebody else's."""
    path = INSTANCES / f"somebody-{os.getpid()}"
    path.mkdir()
    yield path
    path.rmdir()


@needs_tracing
def test_every_cause_and_what_is_left_add_up_to_the_lost_time(clock: engine_clock.Clock) -> None:
    before = set(tracing.leftovers())
    found = causes.by_cause(CPUS[-1:], 0.8, pairs=6, clock=clock)
    assert found.missing == ""
    (core,) = found.cores
    total = sum(one.lost_ns for one in core.causes) + core.unexplained.lost_ns
    assert total == pytest.approx(core.lost_ns, rel=0.01)
    assert 0 <= core.eventless_ns <= core.unexplained.lost_ns
    assert 0 <= core.unexplained_share <= 1
    assert core.observer.difference.missing == ""
    assert set(tracing.leftovers()) <= before


@needs_tracing
def test_ticks_that_were_traced_lie_in_gaps_that_were_seen(clock: engine_clock.Clock) -> None:
    cpu = CPUS[-1]
    with tracing.instance([cpu]) as instance:
        with instance.look():
            (noise,) = probe.noise([cpu], 0.5, clock)
        trace = trace_text.parse(instance.lines(cpu), cpu)
        assert instance.lost(cpu) == 0
    end = noise.tsc_start + int(noise.seconds * clock.tsc_hz)
    ticks = [
        event.tsc
        for event in trace.events
        if event.kind is Kind.INTERRUPT and noise.tsc_start < event.tsc < end
    ]
    gaps = causes._gaps(noise, clock.ns_per_tick)
    inside = [tick for tick in ticks if any(start <= tick <= end for start, end in gaps)]
    assert trace.n_strange <= len(trace.events) // 100  # names with line ends
    assert ticks
    assert len(inside) >= 0.95 * len(ticks)


@needs_tracing
def test_only_the_cpus_that_are_looked_at_get_a_buffer() -> None:
    if len(CPUS) < 2:
        pytest.skip("needs two CPUs")
    with tracing.instance([CPUS[-1]]) as instance, instance.look():
        sizes = {
            cpu: (instance.folder / f"per_cpu/cpu{cpu}/buffer_size_kb").read_text().strip()
            for cpu in CPUS
        }
    assert int(sizes[CPUS[-1]]) >= tracing.BUFFER_KB
    assert all(int(re.match(r"\d+", sizes[cpu])[0]) <= 64 for cpu in CPUS[:-1])  # type: ignore[index]


@needs_tracing
def test_an_instance_is_gone_after_an_error() -> None:
    made: list[Path] = []

    def fail() -> None:
        with tracing.instance(CPUS[:1]) as one, one.look():
            made.append(one.folder)
            assert one.folder.is_dir()
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert not made[0].exists()


@needs_tracing
def test_what_a_killed_process_traced_is_swept_and_the_rest_stays(stranger: Path) -> None:
    code = (
        "import os, signal; from harness.measure import tracing\n"
        "with tracing.instance([0]) as one, one.look():\n"
        "    print(one.folder.name, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    dead = done.stdout.strip()
    with tracing.instance(CPUS[:1]) as living:  # sweeps what is dead before it is made
        assert not (INSTANCES / dead).exists()
        assert living.folder.name not in tracing.leftovers()
        assert living.folder.name not in tracing.sweep().removed
        assert living.folder.is_dir()
    assert stranger.is_dir()


@needs_tracing
def test_a_leftover_is_told_before_it_is_removed_and_once() -> None:
    path = INSTANCES / "rl-0123abcd"
    path.mkdir()
    try:
        # Another test's instance may sweep it meanwhile, which is as it should be.
        told = path.name in tracing.leftovers() or not path.exists()
        assert told
        tracing.sweep()
        assert not path.exists()
        assert path.name not in tracing.sweep().removed
    finally:
        if path.exists():
            path.rmdir()


@in_sandbox
def test_where_tracefs_is_not_seen_there_is_a_reason() -> None:
    found = causes.by_cause(CPUS[:1], 0.1, clock=engine_clock.Clock(1_000_000_000, 0, 10))
    assert found.cores == ()
    assert "tracefs" in found.missing
    assert tracing.sweep() == tracing.Swept()


def test_a_user_without_rights_gets_a_reason() -> None:
    def work() -> None:
        keep_only([], uid=65534)
        found = causes.by_cause(CPUS[:1], 0.1, clock=engine_clock.Clock(1_000_000_000, 0, 10))
        assert found.cores == ()
        assert "tracefs" in found.missing
        assert tracing.sweep() == tracing.Swept()

    code, said = in_child(work)
    assert code == 0, said


@needs_tracing
def test_what_the_kernel_refuses_is_a_sentence() -> None:
    with (
        pytest.raises(HostError, match=r"^tracing: .*cpu4000.*: No such file") as raised,
        tracing.instance([4000]),
    ):
        pytest.fail("a CPU that is not there was traced")
    assert "\n" not in str(raised.value)


def test_a_floor_is_told_a_cpu_with_its_looks(clock: engine_clock.Clock) -> None:
    floors = hiccups.look(CPUS[:2], 0.3, looks=3, roles={CPUS[0]: "engine"}, clock=clock)
    assert [one.cpu for one in floors] == CPUS[:2]
    for one in floors:
        assert len(one.records) == len(one.lost_shares) == 3
        assert 0 <= min(one.lost_shares) <= one.lost_share <= max(one.lost_shares) <= 1
        assert 0 <= one.p99_ns <= one.p999_ns <= one.p9999_ns <= one.max_ns
        assert one.n_gaps == sum(record["n_gaps"] for record in one.records)
    assert floors[0].role == "engine"
    assert len(hiccups.records(floors)) == 3 * len(floors)


@pytest.mark.parametrize(("cpus", "looks", "seconds"), [([], 3, 1.0), ([0], 0, 1.0), ([0], 3, 0.0)])
def test_a_floor_takes_a_cpu_a_look_and_time(cpus: list[int], looks: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="a floor takes"):
        hiccups.look(cpus, seconds, looks=looks)
