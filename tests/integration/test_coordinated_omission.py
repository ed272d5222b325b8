"""A stall of 20 ms each quarter of a second in a real trial: response times show it.

Noise of the host only adds time, so what a stall must show is asked of one trial, and what it must
not show of the best of several.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pytest

from harness.bench import stall
from harness.bench.cpus import choose_here
from harness.bench.launch import measure
from harness.bench.plan import StallPlan, TrialPlan
from harness.bench.reports import TrialReport
from harness.config.scenario import find_scenario, load_scenario
from harness.errors import HostError
from harness.measure.percentiles import fraction
from harness.run.session import engine_plan, made_stream
from harness.tuning.facts import collect

from .conftest import needs_two_cpus

Who = Literal["engine", "rig", "both"]

LENGTH_NS, EVERY_NS = 20_000_000, 250_000_000  # 8 % of the messages are due during a stall
TRIES = 4


@pytest.fixture(scope="module")
def plan() -> TrialPlan:
    needs_two_cpus()
    cpus, scenario = choose_here(collect()), load_scenario(find_scenario("smoke"))
    return TrialPlan(
        stream=made_stream(scenario, "itch"),
        engine=engine_plan(scenario),
        mode="engine",
        schedule="constant",
        rate_per_s=50_000,
        warmup_ns=100_000_000,
        duration_ns=1_000_000_000,
        interval_ns=0,
        cpu_engine=cpus.engine,
        cpu_rig=cpus.rig,
        ring_bytes=16 << 20,
        stage_timing=False,
        audit_path=None,
    )


@functools.cache
def stalled(plan: TrialPlan, who: Who, attempt: int = 0) -> TrialReport:
    told = StallPlan(who=who, every_ns=EVERY_NS, length_ns=LENGTH_NS)
    try:
        return TrialReport.of(measure(replace(plan, stall=told)))
    except HostError as error:
        pytest.skip(f"needs ptrace of one's own threads: {error}")


def p99_ns(report: TrialReport, name: str) -> int:
    return report.histograms[name].quantile(fraction("p99"))


def tries(plan: TrialPlan, who: Who) -> Iterator[TrialReport]:
    return (stalled(plan, who, attempt) for attempt in range(TRIES))


@pytest.mark.parametrize("who", ["rig", "engine", "both"])
def test_a_stall_shows_at_p99_of_the_response(plan: TrialPlan, who: Who) -> None:
    report = stalled(plan, who)
    assert p99_ns(report, "wire") > LENGTH_NS / 2
    assert report.broken == ""
    assert report.loss == 0


def test_times_from_the_actual_send_hide_a_stall_of_the_generator(plan: TrialPlan) -> None:
    if any(5 * p99_ns(r, "service") < p99_ns(r, "wire") for r in tries(plan, "rig")):
        return
    undisturbed = p99_ns(TrialReport.of(measure(plan)), "service")
    if undisturbed > LENGTH_NS / 20:
        pytest.skip(f"needs a host with less noise: {undisturbed} ns at p99 without any stall")
    pytest.fail("the stall of the generator shows in its service times")


def test_a_generator_that_never_waits_shows_a_stall_of_the_engine_either_way(
    plan: TrialPlan,
) -> None:
    assert p99_ns(stalled(plan, "engine"), "service") > LENGTH_NS / 2


def test_a_stalled_generator_owns_up_to_it_in_its_lateness(plan: TrialPlan) -> None:
    assert stalled(plan, "rig").lateness_p999_ns > LENGTH_NS / 2


def test_a_thread_that_is_not_there_cannot_be_stalled_and_it_is_said() -> None:
    with (
        stall.Staller(StallPlan("engine", EVERY_NS, LENGTH_NS)) as staller,
        pytest.raises(HostError, match="cannot be stalled here: no such thread"),
    ):
        staller.begin()
