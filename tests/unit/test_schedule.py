"""Schedules: fixed before the run, never running backwards, at the rate that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.traffic import calibrate, schedule
from harness.traffic.schedule import (
    Schedule,
    ScheduleError,
    bursts,
    constant,
    from_timestamps,
    make,
    on_off,
    poisson,
    ramp,
    recorded,
)

RATES = st.integers(1, 50_000_000)
SEEDS = st.integers(0, 2**64 - 1)
KINDS = st.sampled_from(["constant", "poisson", "recorded"])


def assert_sound(plan: Schedule, rate_per_s: int) -> None:
    due = plan.due_ns
    assert due.dtype == np.uint64
    assert due.flags.c_contiguous
    assert not due.flags.writeable
    assert due[0] == 0
    assert int(due[-1]) <= plan.span_ns
    assert (due[1:] >= due[:-1]).all()
    # The span is rounded to a nanosecond: the rate is off by half of one in it at most.
    assert plan.rate_per_s == pytest.approx(rate_per_s, rel=0.5 / plan.span_ns + 1e-12)


@settings(max_examples=60, deadline=None)
@given(kind=KINDS, rate=RATES, seed=SEEDS, n=st.integers(1, 3000))
def test_a_schedule_never_runs_backwards_and_keeps_its_rate(kind, rate, seed, n):
    plan = make(kind, rate, seed=seed, n=n)
    assert_sound(plan, rate)
    assert kind == "constant" or len(plan) == n
    edges = [plan.due(i) for i in range(len(plan) - 1, len(plan) + 2)]
    assert edges == sorted(edges)
    assert plan.due(len(plan)) == plan.span_ns


@settings(max_examples=40, deadline=None)
@given(rate=RATES, i=st.integers(0, 10**12))
def test_constant_gaps_are_equal_to_a_nanosecond_however_late_in_the_run(rate, i):
    plan = constant(rate)
    assert plan.due(i + 1) - plan.due(i) - 1e9 / rate == pytest.approx(0, abs=1.01)
    if len(plan) < schedule.CYCLE:  # a cycle of whole nanoseconds: no drift, ever
        assert plan.due(i) == i * 10**9 // rate


@pytest.mark.parametrize(("rate", "n"), [(1_000_000, 1), (3_000_000, 3), (999_999, 999_999)])
def test_a_constant_schedule_is_as_short_as_whole_nanoseconds_allow(rate, n):
    assert len(constant(rate)) == n


@pytest.mark.parametrize("kind", ["poisson", "recorded"])
def test_a_seed_is_the_whole_schedule(kind):
    once, again, other = (make(kind, 1_000_000, seed=s, n=10_000) for s in (5, 5, 6))
    assert np.array_equal(once.due_ns, again.due_ns)
    assert not np.array_equal(once.due_ns, other.due_ns)


def test_poisson_gaps_are_exponential():
    gaps = np.diff(poisson(10_000, seed=3, n=200_000).due_ns).astype(float) / 100_000
    assert gaps.std() == pytest.approx(1, rel=0.02)
    for q in (0.1, 0.5, 0.9, 0.99):
        assert np.quantile(gaps, q) == pytest.approx(-np.log(1 - q), rel=0.03)
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.02


def test_recorded_gaps_and_bursts_are_those_of_the_calibration():
    rate, calibration = 1000, calibrate.load()
    gaps = np.diff(recorded(rate, seed=3, n=300_000).due_ns).astype(float) / 1e6
    bursts, ppm = (calibration.draws(table, 250_000) for table in ("burst", "gap_ppm"))
    assert (gaps == 0).mean() == pytest.approx(1 - 1 / bursts.mean(), abs=0.01)
    scale = bursts.mean() / ppm.mean()  # to a mean of one
    for q in (0.5, 0.75, 0.9, 0.99):
        wanted = np.quantile(ppm, q) * scale
        assert np.quantile(gaps[gaps > 0], q) == pytest.approx(wanted, rel=0.05)


def test_a_capture_keeps_its_own_times():
    plan = from_timestamps(np.array([50, 60, 60, 90], dtype=np.uint64))
    assert plan.due_ns.tolist() == [0, 10, 10, 40]
    assert plan.span_ns == 40 + 40 // 3  # one mean gap until it starts anew


def test_a_capture_can_be_sent_at_another_rate():
    stamps = np.array([7, 1007, 1007, 5007, 9007], dtype=np.uint64) * np.uint64(1000)
    plan = from_timestamps(stamps, 1_000_000)
    assert_sound(plan, 1_000_000)
    assert plan.due_ns.tolist() == [0, 444, 444, 2222, 4000]


@settings(max_examples=60, deadline=None)
@given(
    stamps=st.lists(st.integers(1, 2**63 - 1), min_size=2, max_size=50),
    rate=st.none() | RATES,
)
def test_stamps_that_run_backwards_do_not(stamps, rate):
    array = np.array(stamps, dtype=np.uint64)
    if max(stamps) <= stamps[0]:
        with pytest.raises(ScheduleError, match="one timestamp"):
            from_timestamps(array, rate)
        return
    plan = from_timestamps(array, rate)
    assert_sound(plan, rate or plan.rate_per_s)
    assert len(plan) == len(stamps)


@pytest.mark.parametrize("stamps", [[], [0, 0, 0]])
def test_a_capture_without_times_is_refused(stamps):
    with pytest.raises(ScheduleError, match="no timestamps"):
        from_timestamps(np.array(stamps, dtype=np.uint64))


@pytest.mark.parametrize("kind", ["constant", "poisson", "recorded"])
@pytest.mark.parametrize("rate", [0, -1, 10**9 + 1])
def test_a_rate_that_cannot_be_is_refused(kind, rate):
    with pytest.raises(ScheduleError, match=f"{rate}/s"):
        make(kind, rate)


def test_a_cycle_of_nothing_is_refused():
    with pytest.raises(ScheduleError, match="cycle of 0"):
        poisson(1000, 1, 0)


# ---- Bursts, ramps, on and off ------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(rate=RATES, n=st.integers(1, 500), gap=st.integers(0, 2000))
def test_a_burst_is_so_many_messages_at_equal_gaps_and_bursts_keep_the_rate(rate, n, gap):
    longer_by = (n - 1) * gap - n * 10**9 // rate  # than the whole ns between two bursts
    try:
        plan = bursts(rate, n, gap)
    except ScheduleError:
        assert longer_by >= 0
        return
    assert longer_by <= 1  # a rounded span may give it one
    assert_sound(plan, rate)
    each = plan.due_ns.reshape(-1, n).astype(np.int64)
    assert (np.diff(each, axis=1) == gap).all()
    starts = [k * plan.span_ns // len(each) for k in range(len(each))]
    assert each[:, 0].tolist() == starts


def test_bursts_of_one_message_are_constant():
    assert np.array_equal(bursts(3_000_000, 1, 0).due_ns, constant(3_000_000).due_ns)


def test_a_burst_may_come_at_one_moment():
    plan = bursts(1_000_000, 4, 0)
    assert plan.due_ns.tolist() == [0, 0, 0, 0]
    assert plan.span_ns == 4000


def test_on_and_off_have_the_mean_rate_and_are_silent_when_off():
    plan = on_off(100_000, 10_000_000, 40_000_000)
    assert_sound(plan, 100_000)
    assert len(plan) == 5000
    assert set(np.diff(plan.due_ns).tolist()) == {2000}  # five times as fast while it is on
    assert int(plan.due_ns[-1]) < 10_000_000
    assert plan.due(5000) == 50_000_000


@settings(max_examples=60, deadline=None)
@given(
    rate=st.integers(1, 2_000_000),
    on=st.integers(1, 1000).map(lambda us: us * 1000),
    off=st.integers(0, 1000).map(lambda us: us * 1000),
)
def test_nothing_is_sent_in_an_off_time_however_odd_the_rate(rate, on, off):
    try:
        plan = on_off(rate, on, off)
    except ScheduleError as error:
        assert any(why in str(error) for why in ("rounder", "too long", "while on"))  # noqa: PT017
        return
    assert_sound(plan, rate)
    assert (plan.due_ns % np.uint64(on + off) < on).all()
    assert len(plan) * 10**9 == rate * plan.span_ns  # exactly


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [(0, 1000, 10**9), (1000, 0, 10**9), (10_000, 500_000, 10**8), (7, 13, 10**10)],
)
def test_a_ramp_is_due_where_its_integral_says_to_the_nanosecond(start, end, span):
    plan = ramp(start, end, span)
    assert len(plan) == (start + end) * span // (2 * 10**9)
    assert plan.span_ns == span
    assert (plan.due_ns[1:] >= plan.due_ns[:-1]).all()
    for i, due in enumerate(plan.due_ns[:: max(len(plan) // 500, 1)].tolist()):
        area = 2 * span * 10**9 * i * max(len(plan) // 500, 1)
        integral = [(end - start) * t * t + 2 * start * span * t for t in (due, due + 1)]
        assert integral[0] <= area < integral[1]


def test_a_falling_ramp_mirrors_the_rising_one():
    rising, falling = (ramp(a, b, 10**9) for a, b in ((1000, 5000), (5000, 1000)))
    assert len(rising) == len(falling) == 3000
    mirrored = 10**9 - rising.due_ns[1:][::-1].astype(np.int64)
    assert np.abs(mirrored - falling.due_ns[1:].astype(np.int64)).max() <= 1


@pytest.mark.parametrize(
    ("make_it", "said"),
    [
        (lambda: bursts(1_000_000, 0, 1), "0"),
        (lambda: bursts(1_000_000, 5, -1), "-1 ns"),
        (lambda: bursts(1_000_000, 16, 2000), "take longer"),
        (lambda: bursts(0, 16, 2000), "0/s"),
        (lambda: on_off(1000, 0, 5), "0 ns"),
        (lambda: on_off(1000, 5, -1), "-1 ns"),
        (lambda: on_off(999_983, 7, 10**9), "rounder"),
        (lambda: on_off(10**9, 1000, 1000), "while on"),
        (lambda: ramp(5, 5, 10**9), "not a rise"),
        (lambda: ramp(-5, 5, 10**9), "not a rise"),
        (lambda: ramp(0, 10**9 + 1, 10**9), "1000000001/s"),
        (lambda: ramp(0, 1000, 0), "0 ns"),
        (lambda: ramp(0, 10, 10**6), "messages in a cycle: 0"),
        (lambda: ramp(0, 10**9, 10**9), "messages in a cycle"),
    ],
)
def test_a_shape_that_cannot_be_is_refused_with_the_number(make_it, said):
    with pytest.raises(ScheduleError, match=said):
        make_it()
