"""Each slow answer gets the cause that took its time, and what nothing explains is called that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.measure.attribution import UNEXPLAINED
from harness.measure.trace_text import Event, Kind
from harness.run.outliers import (
    GENERATOR,
    NOTHING_SEEN,
    Caused,
    Looked,
    Outlier,
    caused,
    lines,
    sums,
)
from harness.run.tiers import tiers

MEDIAN_NS = 500.0


def answer(seq: int, due: int, value_ns: int, late_ns: int = 0) -> Outlier:
    """One tick is one ns."""
    return Outlier(value_ns, seq, due, due + late_ns, due + value_ns)


def interrupt(start: int, end: int, name: str = "local_timer") -> list[Event]:
    return [
        Event(start, Kind.INTERRUPT, name, begins=True),
        Event(end, Kind.INTERRUPT, name, begins=False),
    ]


def switched(start: int, end: int, to: str, own: str = "rl-engine") -> list[Event]:
    return [
        Event(start, Kind.TASK, to, begins=True, pid=99, previous_pid=7),
        Event(end, Kind.TASK, own, begins=True, pid=7, previous_pid=99),
    ]


def explained(
    found: Sequence[Outlier], engine: Sequence[Event] = (), rig: Sequence[Event] = ()
) -> list[Caused]:
    looked = [Looked(1, "engine", engine), Looked(0, "rig", rig)]
    return caused(found, looked, MEDIAN_NS, 1.0)


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        (interrupt(1_001_000, 1_040_000), "interrupt: local_timer"),
        (switched(1_001_000, 1_040_000, "cron"), "task: cron"),
    ],
)
@pytest.mark.parametrize("on_engine", [True, False])
def test_what_the_kernel_did_on_either_cpu_is_the_cause(
    events: list[Event], cause: str, on_engine: bool
) -> None:
    (seen,) = explained(
        [answer(1, 1_000_000, 45_000)],
        engine=events if on_engine else (),
        rig=() if on_engine else events,
    )
    assert (seen.cause, seen.role) == (cause, "engine" if on_engine else "rig")


def test_the_larger_of_two_is_named() -> None:
    events = [*interrupt(1_001_000, 1_005_000), *switched(1_010_000, 1_040_000, "cron")]
    (seen,) = explained([answer(1, 1_000_000, 45_000)], engine=events)
    assert seen.cause == "task: cron"


def test_what_waits_behind_a_stall_shares_its_cause() -> None:
    """Due after the interrupt was over, and still in the queue that it left."""
    stall = interrupt(1_000_000, 1_060_000)
    found = [answer(1, 1_000_000, 60_000), answer(2, 1_062_000, 40_000)]
    assert {one.cause for one in explained(found, engine=stall)} == {"interrupt: local_timer"}


def test_an_interrupt_long_before_is_no_cause() -> None:
    (seen,) = explained([answer(1, 9_000_000, 45_000)], engine=interrupt(1_000_000, 1_060_000))
    assert seen.cause == NOTHING_SEEN


def test_a_short_interrupt_does_not_explain_a_long_wait() -> None:
    (seen,) = explained([answer(1, 1_000_000, 90_000)], engine=interrupt(1_001_000, 1_003_000))
    assert seen.cause == NOTHING_SEEN
    assert "2.0 us" in seen.evidence


def test_a_message_that_was_sent_late_is_the_generators() -> None:
    (seen,) = explained([answer(1, 1_000_000, 9_000, late_ns=8_000)])
    assert (seen.cause, seen.role) == (GENERATOR, "rig")


def test_a_little_that_nothing_explains_is_unexplained() -> None:
    (seen,) = explained([answer(1, 1_000_000, 3_000)])
    assert seen.cause == UNEXPLAINED


def test_the_trials_own_threads_are_no_cause() -> None:
    own = switched(1_001_000, 1_040_000, "rl-rig", own="rl-rig")
    (seen,) = explained([answer(1, 1_000_000, 45_000)], rig=own)
    assert seen.cause == NOTHING_SEEN


def test_slowest_first_and_sums_add_up() -> None:
    found = explained(
        [answer(1, 1_000_000, 3_000), answer(2, 2_000_000, 50_000), answer(3, 5_000_000, 40_000)],
        engine=interrupt(2_001_000, 2_049_000),
    )
    told = list(lines("t", found, 1_000_000, 1.0))
    assert [line["value_ns"] for line in told] == [50_000, 40_000, 3_000]
    assert told[0]["t_s"] == 0.001
    total = sums(found, MEDIAN_NS)
    assert sum(one["n"] for one in total) == 3
    assert sum(one["lost_ns"] for one in total) == 50_000 + 40_000 + 3_000 - 3 * 500
    assert total[0] == {"cause": "interrupt: local_timer", "n": 1, "lost_ns": 49_500}


def test_no_outlier_has_no_cause() -> None:
    assert explained([]) == []


def test_tiers_say_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/interrupts").touch()
    seen = {tier.tier: tier.why for tier in tiers(tmp_path)}
    assert seen["T0"] == ""
    assert seen["T1"].startswith("no tracefs at")
    assert seen["T2"].startswith("tracefs: ")
    assert "no /dev/cpu/0/msr" in seen["T3"]


def test_a_host_with_all_tiers_lacks_none_of_the_upper_two(tmp_path: Path) -> None:
    tracing = tmp_path / "sys/kernel/tracing"
    tracing.mkdir(parents=True)
    (tracing / "available_tracers").write_text("timerlat osnoise hwlat nop\n")
    (tmp_path / "sys/bus/event_source/devices/cpu").mkdir(parents=True)
    (tmp_path / "dev/cpu/0").mkdir(parents=True)
    (tmp_path / "dev/cpu/0/msr").touch()
    seen = {tier.tier: tier.why for tier in tiers(tmp_path)}
    assert (seen["T2"], seen["T3"]) == ("", "")
