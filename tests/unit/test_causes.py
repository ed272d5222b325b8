"""Where the lost time went: traces whose answers are known, and traces that want to mislead."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import probe
from engine.clock import Clock
from harness.measure import causes, tracing
from harness.measure.attribution import (
    FAULT,
    MAX_TASKS,
    OTHER_TASKS,
    UNEXPLAINED,
    Charges,
    added,
    attribute,
)
from harness.measure.trace_text import Event, Kind, Trace, parse

HEAD = "# tracer: nop\n#\n# entries-in-buffer/entries-written: 3/3   #P:2"
PROBE, OTHER = 500, 77
WINDOW = (0, 100_000)


def line(tsc: int, event: str, rest: str, task: str = "python3", cpu: int = 1) -> str:
    return f"{task:>16}-{PROBE}     [{cpu:03}] d.h1. {tsc}: {event}: {rest}"


def vector(tsc: int, name: str, end: str) -> str:
    return line(tsc, f"{name}_{end}", "vector=236")


def switch(tsc: int, to: str, pid: int, *, from_: str = "python3", from_pid: int = PROBE) -> str:
    prev = f"prev_comm={from_} prev_pid={from_pid} prev_prio=120 prev_state=R+"
    return line(tsc, "sched_switch", f"{prev} ==> next_comm={to} next_pid={pid} next_prio=120")


def back(tsc: int) -> str:
    return switch(tsc, "python3", PROBE, from_="other", from_pid=OTHER)


def read(*lines: str) -> Trace:
    return parse([*HEAD.splitlines(), *lines], 1)


def charged(gaps: list[tuple[int, int]], *lines: str) -> dict[str, int]:
    trace = read(*lines)
    assert trace.n_strange == 0
    found = attribute(gaps, trace.events, WINDOW)
    assert sum(one.ticks for one in found.by_name.values()) == sum(b - a for a, b in gaps)
    return {name: one.ticks for name, one in found.by_name.items()}


TICK = (vector(110, "local_timer", "entry"), vector(140, "local_timer", "exit"))
SOFT = (
    line(140, "softirq_entry", "vec=1 [action=TIMER]"),
    line(160, "softirq_exit", "vec=1 [action=TIMER]"),
)
DEVICE = (
    line(110, "irq_handler_entry", "irq=38 name=virtio2-input.0"),
    line(150, "irq_handler_exit", "irq=38 ret=handled"),
)
PAGE = line(120, "page_fault_user", "address=0x5586 ip=0x7fab error_code=0x6")


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        ((), {UNEXPLAINED: 100}),
        (TICK, {"interrupt: local_timer": 30, UNEXPLAINED: 70}),
        (DEVICE, {"interrupt: 38 virtio2-input.0": 40, UNEXPLAINED: 60}),
        ((*TICK, *SOFT), {"interrupt: local_timer": 30, "softirq: TIMER": 20, UNEXPLAINED: 50}),
        ((PAGE,), {FAULT: 100}),
        ((switch(105, "cc1", OTHER), back(195)), {"task: cc1": 90, UNEXPLAINED: 10}),
    ],
    ids=["nothing", "tick", "device", "tick and softirq", "page fault", "other task"],
)
def test_a_gap_is_charged_to_what_was_under_way(lines: tuple[str, ...], seen: dict) -> None:
    assert charged([(100, 200)], *lines) == seen


def test_of_nested_causes_the_inner_interrupt_goes_first() -> None:
    nested = (
        line(110, "softirq_entry", "vec=3 [action=NET_RX]"),
        vector(120, "call_function", "entry"),
        vector(125, "irq_work", "entry"),
        vector(130, "irq_work", "exit"),
        vector(140, "call_function", "exit"),
        line(150, "softirq_exit", "vec=3 [action=NET_RX]"),
    )
    assert charged([(100, 200)], *nested) == {
        "interrupt: irq_work": 5,
        "interrupt: call_function": 15,
        "softirq: NET_RX": 20,
        UNEXPLAINED: 60,
    }


def test_an_interrupt_during_another_task_is_the_interrupts() -> None:
    assert charged([(100, 200)], switch(105, "cc1", OTHER), *TICK, *SOFT, back(195)) == {
        "interrupt: local_timer": 30,
        "softirq: TIMER": 20,
        "task: cc1": 40,
        UNEXPLAINED: 10,
    }


def test_several_tasks_in_a_gap_are_told_apart() -> None:
    lines = (
        switch(110, "cc1", OTHER),
        switch(150, "kworker/1:1", 9, from_="cc1", from_pid=OTHER),
        switch(180, "python3", PROBE, from_="kworker/1:1", from_pid=9),
    )
    assert charged([(100, 200)], *lines) == {
        "task: cc1": 40,
        "task: kworker/1:1": 30,
        UNEXPLAINED: 30,
    }


def test_a_tick_after_the_probe_came_back_is_not_charged_to_the_probe() -> None:
    gaps = [(100, 200), (1000, 1050)]
    late = (vector(1010, "local_timer", "entry"), vector(1030, "local_timer", "exit"))
    assert charged(gaps, switch(105, "cc1", OTHER), back(195), *late) == {
        "task: cc1": 90,
        "interrupt: local_timer": 20,
        UNEXPLAINED: 40,
    }


def test_a_window_that_was_all_one_gap_still_knows_who_the_probe_is() -> None:
    found = attribute([WINDOW], read(switch(100, "cc1", OTHER), back(99_000)).events, WINDOW)
    assert {name: one.ticks for name, one in found.by_name.items()} == {
        "task: cc1": 98_900,
        UNEXPLAINED: 1100,
    }


def test_a_task_that_ran_before_the_probe_is_not_taken_for_it() -> None:
    lines = (
        switch(10, "cc1", OTHER, from_="init", from_pid=1),
        switch(90_000, "python3", PROBE, from_="cc1", from_pid=OTHER),
        switch(95_010, "cc1", OTHER),
        switch(95_090, "python3", PROBE, from_="cc1", from_pid=OTHER),
    )
    found = attribute([(95_000, 95_100)], read(*lines).events, (94_000, 100_000))
    assert found.by_name["task: cc1"].ticks == 80


def test_a_fault_of_another_task_explains_nothing_of_ours() -> None:
    seen = charged([(100, 200)], switch(105, "cc1", OTHER), PAGE, back(195))
    assert seen == {"task: cc1": 90, UNEXPLAINED: 10}


def test_what_lies_outside_of_gaps_is_charged_to_nothing() -> None:
    assert charged([(300, 400)], *TICK) == {UNEXPLAINED: 100}


def test_a_cause_that_reaches_beyond_a_gap_is_cut_at_its_ends() -> None:
    assert charged([(120, 130), (135, 500)], *TICK) == {
        "interrupt: local_timer": 15,
        UNEXPLAINED: 360,
    }


def test_time_without_any_event_is_told_from_time_beside_one() -> None:
    found = attribute([(100, 200), (300, 400)], read(*TICK).events, WINDOW)
    assert found.by_name[UNEXPLAINED].ticks == 170
    assert found.eventless_ticks == 100


def test_counts_are_of_gaps_and_worst_is_of_one() -> None:
    later = (vector(310, "local_timer", "entry"), vector(390, "local_timer", "exit"))
    one = attribute([(100, 200), (300, 400)], read(*TICK, *later).events, WINDOW).by_name
    assert (one["interrupt: local_timer"].count, one["interrupt: local_timer"].worst) == (2, 80)


def test_an_exit_without_its_entry_is_charged_nothing() -> None:
    assert charged([(100, 200)], TICK[1]) == {UNEXPLAINED: 100}


def test_an_entry_without_its_exit_lasts_to_the_end() -> None:
    assert charged([(100, 200)], TICK[0]) == {"interrupt: local_timer": 90, UNEXPLAINED: 10}


def test_a_lost_exit_inside_another_cause_ends_with_it() -> None:
    lines = (*SOFT[:1], vector(145, "irq_work", "entry"), *SOFT[1:])
    assert charged([(100, 200)], *lines) == {
        "softirq: TIMER": 5,
        "interrupt: irq_work": 15,
        UNEXPLAINED: 80,
    }


def test_looks_add_up() -> None:
    one = attribute([(100, 200)], read(*TICK).events, WINDOW)
    two = added([one, one])
    assert two.by_name["interrupt: local_timer"].ticks == 60
    assert two.by_name["interrupt: local_timer"].worst == 30
    assert two.eventless_ticks == 0


def test_names_of_tasks_are_bounded_in_number() -> None:
    gaps = [(i * 100, i * 100 + 50) for i in range(MAX_TASKS + 50)]
    lines = itertools.chain.from_iterable(
        (switch(start + 1, f"t{start}", OTHER), back(start + 41)) for start, _ in gaps
    )
    seen = charged(gaps, *lines)
    assert len(seen) <= MAX_TASKS + 1
    assert seen[OTHER_TASKS] > 0


# --- text ---


@pytest.mark.parametrize("name", ["a b", "x-1 [001] d...", "] 5: x", "-", "next_pid=0", "==>"])
def test_a_name_of_a_task_may_hold_anything(name: str) -> None:
    trace = read(line(5, "local_timer_entry", "vector=236", task=name), switch(6, name, 7))
    assert trace.n_strange == 0
    assert [(event.tsc, event.pid) for event in trace.events] == [(5, -1), (6, 7)]
    assert trace.events[1].name == name


def test_a_name_with_a_line_end_spoils_its_own_lines_alone() -> None:
    torn = switch(5, "a\n[001] 9: x", OTHER)
    trace = read(*torn.split("\n"), *TICK)
    assert trace.n_strange == 2
    assert [event.tsc for event in trace.events] == [110, 140]


def test_names_cannot_command_a_terminal() -> None:
    (event,) = read(switch(5, "\x1b[2Jx", OTHER)).events
    assert "\x1b" not in event.name


@pytest.mark.parametrize(
    "text",
    [
        "python3-500 [001] d.h1. 5: local_timer_entry",
        "python3-500 [001] d.h1. 5: local_timer_entry: vector=236 and more",
        "python3-500 [001] d.h1. -5: local_timer_entry: vector=236",
        "python3-500 [001] d.h1. 5.5: local_timer_entry: vector=236",
        "python3-500 [000] d.h1. 5: local_timer_entry: vector=236",
        "python3-500 [001] d.h1. 99999999999999999999: local_timer_entry: vector=236",
        "python3-500 [001] d.h1. 5: local_timer: vector=236",
        "python3-500 [001] d.h1. 5: softirq_entry: vec=1",
        "python3-500 [001] d.h1. 5: irq_handler_entry: irq=x name=y",
        "python3-500 [001] d.h1. 5: page_fault_user: address=0x1",
        "python3-500 [001] d.h1. 5: sched_switch: prev_comm=a ==> next_comm=b",
        "x" * 5000,
        "\x00\xff",
    ],
)
def test_a_line_that_is_not_understood_is_counted_and_no_event(text: str) -> None:
    assert read(text) == Trace((), 1, 0)


def test_an_event_from_before_the_one_ahead_is_not_believed() -> None:
    trace = read(TICK[1], TICK[0])
    assert (len(trace.events), trace.n_strange) == (1, 1)


def test_what_the_kernel_lost_is_counted_on_this_cpu() -> None:
    assert read("CPU:1 [LOST 12 EVENTS]", "CPU:0 [LOST 5 EVENTS]").n_lost == 12


_PIECES = st.sampled_from([*TICK, *SOFT, *DEVICE, PAGE, switch(130, "cc1", 7), back(170)])


@given(st.lists(st.one_of(st.text(max_size=60), _PIECES, _PIECES.map(lambda s: s[:-3]))))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_the_reader_and_all_time_stays_accounted_for(lines: list[str]) -> None:
    trace = parse("\n".join(lines).split("\n"), 1)
    assert sorted(event.tsc for event in trace.events) == [event.tsc for event in trace.events]
    gaps = [(105, 125), (130, 165)]
    found = attribute(gaps, trace.events, WINDOW)
    assert sum(one.ticks for one in found.by_name.values()) == 55
    assert all(one.ticks >= one.worst > 0 for one in found.by_name.values())
    assert 0 <= found.eventless_ticks <= 55


_EVENT = st.builds(
    Event,
    st.integers(0, 300),
    st.sampled_from(Kind),
    st.sampled_from(["a", "b"]),
    st.booleans(),
    st.integers(1, 3),
    st.integers(1, 3),
)
_GAPS = st.lists(st.integers(0, 300), unique=True, max_size=12).map(
    lambda ends: list(zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False))
)


def slow(gaps: list[tuple[int, int]], events: list[Event]) -> dict[str, int]:
    """The charge of interrupts and softirqs, tick by tick."""
    from harness.measure.attribution import intervals

    found: dict[str, int] = {}
    all_ = list(enumerate(sorted(intervals(events, WINDOW[1]), key=lambda one: one.start)))
    for start, end in gaps:
        for tick in range(start, end):
            under_way = [(o.rank, -o.start, -i, o.name) for i, o in all_ if o.start <= tick < o.end]
            if under_way:
                name = min(under_way)[3]
                found[name] = found.get(name, 0) + 1
    return found


@given(_GAPS, st.lists(_EVENT, max_size=25))
@settings(max_examples=200, deadline=None)
def test_the_sweep_charges_as_counting_tick_by_tick_does(
    gaps: list[tuple[int, int]], events: list[Event]
) -> None:
    ordered = sorted((e for e in events if e.kind is not Kind.TASK), key=lambda event: event.tsc)
    seen = {
        name: one.ticks
        for name, one in attribute(gaps, ordered, WINDOW).by_name.items()
        if name not in (UNEXPLAINED, FAULT)
    }
    assert seen == slow(gaps, ordered)


# --- the whole ---


def test_without_tracing_there_is_a_reason_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "unavailable", lambda: "no tracefs at /nowhere")
    found = causes.by_cause([0], 0.1, clock=Clock(1_000_000_000, 0, 10))
    assert (found.cores, found.missing) == ((), "no tracefs at /nowhere")


def tracefs(root: Path, *, clocks: str = "[local] global x86-tsc", events: bool = True) -> Path:
    (root / "instances").mkdir(parents=True)
    (root / "trace_clock").write_text(clocks)
    for event in tracing.NEEDED if events else tracing.NEEDED[1:]:
        (root / "events" / event).mkdir(parents=True)
    return root


def test_tracing_asks_for_the_counter_the_events_and_the_right(tmp_path: Path) -> None:
    assert tracing.unavailable(tracefs(tmp_path / "good")) is None
    assert "no tracefs" in str(tracing.unavailable(tmp_path / "none"))
    clocks = tracing.unavailable(tracefs(tmp_path / "clock", clocks="[local] not-x86-tsc"))
    assert "no clock x86-tsc" in str(clocks)
    events = tracing.unavailable(tracefs(tmp_path / "events", events=False))
    assert events == "this kernel has no event sched:sched_switch"


def test_a_mask_is_written_in_words_of_32_cpus() -> None:
    assert [tracing._mask(cpus) for cpus in ([0], [1, 3], [33])] == [
        "00000001",
        "0000000a",
        "00000002,00000000",
    ]


def look(cpu: int, lengths: list[float], charges: Charges | None, seconds: float = 1.0):
    gaps = np.asarray(lengths)
    starts = np.arange(gaps.size, dtype=np.uint64)
    return causes.Look(probe.Noise(cpu, seconds, 30.0, gaps, 0, starts), charges)


def test_the_sums_of_a_core_are_its_lost_time_and_the_largest_cause_is_first() -> None:
    charges = attribute([(100, 200)], read(*TICK, *SOFT).events, WINDOW)
    looks = [look(1, [100.0], one) for one in (charges, None) * 6]
    core = causes._core(1, looks, 1.0)
    assert core.lost_ns == 600
    assert sum(one.lost_ns for one in core.causes) + core.unexplained.lost_ns == 600
    assert [one.name for one in core.causes] == ["interrupt: local_timer", "softirq: TIMER"]
    assert core.unexplained_share == 0.5
    assert core.observer.difference.verdict == "no difference shown"


def test_what_tracing_costs_is_shown() -> None:
    without = [0.001 + i * 1e-6 for i in range(8)]
    found = causes.observer_of(without, [share + 0.002 for share in without])
    assert found.difference.shown
    assert found.difference.worth == pytest.approx(2000)
    assert (found.lost_share_without, found.lost_share_with) == pytest.approx(
        (0.00100, 0.00300), 0.01
    )


def test_many_causes_become_one_line_that_keeps_their_time() -> None:
    many = {f"task: {i}": causes.Cause(f"task: {i}", float(i), 1, float(i)) for i in range(100)}
    kept = causes._largest(many)
    assert len(kept) == causes.MAX_CAUSES
    assert sum(one.lost_ns for one in kept) == sum(range(100))
    assert kept[-1].name == "77 others"
