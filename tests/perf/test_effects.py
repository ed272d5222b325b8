"""Tunings take effect on this machine, by ratios of what is measured in turns: pytest -m perf."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import pytest
from integration.real_host import real_settings

from harness.measure.ablation import Names, ablate, percentiles_of
from harness.tuning import effects
from harness.tuning.gaps import gaps
from harness.tuning.host import Host
from harness.tuning.knobs.base import Roles, Scope, Wish

pytestmark = pytest.mark.perf

DMA_LATENCY = "/dev/cpu_dma_latency"
RUNTIME_US = "/proc/sys/kernel/sched_rt_runtime_us"
CPUS = sorted(os.sched_getaffinity(0))
TURNS = 5
MAX_TAKEN = 0.2


@contextmanager
def awake(on: bool = True) -> Iterator[None]:
    """The lease under test, straight from the kernel."""
    if not on:
        yield
        return
    try:
        fd = os.open(DMA_LATENCY, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        pytest.skip(f"needs {DMA_LATENCY}: {error.strerror}")
    try:
        os.write(fd, struct.pack("i", 0))
        yield
    finally:
        os.close(fd)


@pytest.fixture
def two_cpus() -> tuple[int, int]:
    """Both with nothing else to do: a CPU that others keep busy never sleeps."""
    if len(CPUS) < 2:
        pytest.skip("needs two CPUs")
    for look in gaps(CPUS[:2], 0.3):
        taken = sum(look["gaps_ns"]) / look["seconds"] / 1e9
        if taken > MAX_TAKEN:
            pytest.skip(f"needs the machine: others have {taken:.0%} of CPU {look['cpu']}")
    return CPUS[1], CPUS[0]


@pytest.fixture
def scope(two_cpus: tuple[int, int]) -> Scope:
    return Scope(Host(), Roles((two_cpus[0],), (two_cpus[1],), (two_cpus[1],)))


def test_a_lease_on_latency_takes_blocking_round_trips_to_a_third_and_back(
    two_cpus: tuple[int, int],
) -> None:
    found: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(TURNS):
        for on in (False, True):
            with awake(on):
                found[on].append(median(effects.blocking_rtt_ns(two_cpus, 200)))
    last = median(effects.blocking_rtt_ns(two_cpus, 200))
    off, on_ = min(found[False]), min(found[True])  # others only add time, to either
    print(f"\nblocking round trip: {off / 1000:.1f} us, with the lease {on_ / 1000:.1f} us")
    assert off > 3 * on_
    assert last > 3 * on_, "it did not end where it began"


def test_the_proof_of_the_lease_tells_with_from_without(scope: Scope) -> None:
    prove, wish = effects.EFFECTS["blocking-rtt"], Wish("lease.cpu-dma-latency", "0")
    with awake():
        held = prove(scope, wish)
    assert held.holds, held
    assert prove(scope, wish).holds is False


def test_no_idle_state_is_entered_while_the_lease_is_held(scope: Scope) -> None:
    prove, wish = effects.EFFECTS["idle-states"], Wish("lease.cpu-dma-latency", "0")
    without = prove(scope, wish)
    if without.holds is None:
        pytest.skip(f"needs idle states: {without.why}")
    with awake():
        assert prove(scope, wish).holds, "with the lease"
    assert without.holds is False


def test_the_hole_of_real_time_is_there_and_gone_and_there_again(two_cpus: tuple[int, int]) -> None:
    host, cpu = Host(), two_cpus[0]
    longest: list[int] = []
    with real_settings(RUNTIME_US):
        for runtime_us in ("950000", "-1", "950000"):
            host.write(RUNTIME_US, runtime_us)
            longest.append(effects.fifo_longest_gap_ns(cpu))
    print(f"\nlongest gaps: {', '.join(f'{ns / 1e6:.1f} ms' for ns in longest)}")
    if max(longest[0], longest[2]) < 25_000_000:
        pytest.skip("needs a kernel that throttles: no hole, whatever the setting")
    assert longest[0] > 25_000_000  # half of the 50 ms that 950 of 1000 ms leave
    assert longest[1] < 25_000_000
    assert longest[2] > 25_000_000


def test_an_ablation_finds_the_lease_and_nothing_in_what_is_none(
    two_cpus: tuple[int, int],
) -> None:
    @contextmanager
    def tune(on: Names) -> Iterator[None]:
        with awake("lease" in on):
            yield

    found = ablate(
        ["lease", "nothing"],
        tune,
        lambda: percentiles_of(effects.blocking_rtt_ns(two_cpus, 100)),
        repeats=10,
    )
    rows = {row.name: row for row in found.rows if row.statistic == "p50"}
    print(
        "\n"
        + "\n".join(f"{r.name}: {r.worth:.0f} ({r.low:.0f} to {r.high:.0f})" for r in rows.values())
    )
    assert rows["lease"].verdict == "gains"
    assert rows["lease"].worth > abs(rows["nothing"].worth)
