"""Which CPUs a bench takes."""

from __future__ import annotations

import pytest

from harness.bench.cpus import Cpus, choose


def test_isolated_cpus_come_first() -> None:
    assert choose(range(8), [2, 3], {}) == Cpus(engine=3, rig=2)


def test_interrupts_favour_the_first_cpu_so_it_comes_last() -> None:
    assert choose([0, 1, 2], [], {}) == Cpus(engine=2, rig=1)


def test_two_threads_of_one_core_are_not_two_cpus() -> None:
    siblings = {3: {2, 3}, 2: {2, 3}, 1: {0, 1}, 0: {0, 1}}
    assert choose(range(4), [2, 3], siblings) == Cpus(engine=3, rig=1)


def test_a_sibling_is_better_than_nothing() -> None:
    assert choose([0, 1], [], {1: {0, 1}, 0: {0, 1}}) == Cpus(engine=1, rig=0)


def test_one_cpu_is_refused() -> None:
    with pytest.raises(ValueError, match="two CPUs"):
        choose([5], [], {})
