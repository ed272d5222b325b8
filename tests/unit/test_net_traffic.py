"""Loops over ports: every round and every frame is accounted for, and a signal ends them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from engine import EngineError
from engine.clock import Clock, calibrate
from engine.market.stream import Stream
from engine.net import cable, echo, flood, open_port, rtt
from engine.net.traffic import datagram
from harness.traffic import schedule
from harness.traffic.synthetic import make

CPUS = sorted(os.sched_getaffinity(0))
needs_two_cpus = pytest.mark.skipif(len(CPUS) < 2, reason="sender and receiver need a CPU each")


@pytest.fixture(scope="module")
def clock() -> Clock:
    return calibrate(20_000_000)


@pytest.fixture(scope="module")
def market() -> Stream:
    return make("itch", seed=3, n_instruments=10, n_orders=200, n_messages=2000).stream


def assert_accounted(found) -> None:
    assert [one.name for one in found.identities if one.left != one.right] == []
    got = found.received
    fates = ("ahead", "reordered", "duplicates", "too_old", "beyond", "corrupt", "foreign")
    assert got["frames_in"] == sum(got[name] for name in fates)


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """A real Ctrl-C in the middle of whatever the block does."""

    def press() -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    thread.join()


# ---- Round trips --------------------------------------------------------------------------------


@needs_two_cpus
def test_every_round_over_a_cable_is_answered_and_recorded(clock):
    with cable() as (one, other):
        found = rtt(
            one,
            clock=clock,
            cpu=CPUS[0],
            echo_port=other,
            echo_cpu=CPUS[1],
            count=2000,
            warmup=100,
            placement_batches=5,
        )
    assert found.rtt.n == found.processing.n == 2000
    assert found.counters["rounds"] == found.counters["answered"] == 2100
    assert found.counters["corrupt"] == found.counters["foreign"] == 0
    assert found.echo_counters["frames_back"] == 2100
    assert found.ping_side.stats["rx_frames"] == 2100
    assert (found.ping_side.backend, found.ping_side.cpu) == ("shm", CPUS[0])
    assert found.placement.before_ns is not None
    assert found.placement.before_ns > 0
    assert not found.was_stopped


def test_one_thread_turns_both_ends_where_there_is_one_cpu(clock):
    with cable() as (one, other):
        found = rtt(one, clock=clock, cpu=CPUS[0], echo_port=other, count=500, warmup=0)
    assert found.rtt.n == 500
    assert found.placement == (None, None)


@pytest.mark.parametrize("wait", ["spin", "block"])
def test_round_trips_over_loopback_are_whole(clock, wait):
    with (
        open_port("udp", local=("127.0.0.1", 0), wait=wait) as far,
        open_port("udp", peer=far.local, wait=wait) as near,
    ):
        found = rtt(
            near,
            clock=clock,
            cpu=CPUS[0],
            echo_port=far,
            echo_cpu=CPUS[-1] if len(CPUS) > 1 else None,
            count=200,
            warmup=10,
            blocks=wait == "block" and len(CPUS) > 1,
            timeout_ns=1_000_000_000,
        )
    assert found.counters["answered"] + found.counters["lost"] == 210
    assert found.counters["corrupt"] == 0
    assert found.rtt.n >= 190


def test_a_round_that_nobody_answers_is_lost_in_time_and_never_recorded(clock):
    with cable() as (one, _other):
        found = rtt(one, clock=clock, cpu=CPUS[0], count=5, warmup=0, timeout_ns=1_000_000)
    assert found.counters["lost"] == found.counters["rounds"] == 5
    assert found.rtt.n == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 31}, "."),
        ({"size": 70_000}, "."),
        ({"cpu": 4095}, "CPU"),
        ({"prefix": bytes(65)}, "64 bytes"),
    ],
)
def test_a_ping_that_makes_no_sense_is_refused_and_frees_its_port(clock, options, said):
    with cable() as (one, other):
        wanted = {"cpu": CPUS[0], "count": 1, "echo_port": other, **options}
        with pytest.raises((EngineError, ValueError), match=said):
            rtt(one, clock=clock, **wanted)
        assert not one.in_use
        assert not other.in_use


def test_an_interrupt_ends_a_ping_and_gives_the_ports_back(clock):
    with cable() as (one, _other):
        with interrupted_after(0.2):
            rtt(one, clock=clock, cpu=CPUS[0], count=10**9, timeout_ns=10**10)
        assert not one.in_use
        assert one.send(b"still here")


# ---- Echo ---------------------------------------------------------------------------------------


def test_an_echo_sends_back_what_comes_until_it_has_answered_enough(clock):
    with cable() as (one, other):
        for i in range(5):
            one.send(bytes([i]) * 50)
        found = echo(other, cpu=CPUS[0], count=5)
        assert found.counters["frames_back"] == 5
        assert not found.was_stopped
        assert [frame.data for frame in one.receive()] == [bytes([i]) * 50 for i in range(5)]


def test_an_echo_of_ours_only_is_silent_to_others():
    with cable() as (one, other):
        one.send(b"whoever this is")
        one.send(datagram(7))
        found = echo(other, cpu=CPUS[0], count=1, only_ours=True, max_ns=2_000_000_000)
        assert found.counters["frames_ignored"] == 1
        assert [frame.data for frame in one.receive()] == [datagram(7)]


def test_an_interrupt_ends_an_echo():
    with cable() as (_one, other):
        with interrupted_after(0.2):
            echo(other, cpu=CPUS[0])
        assert not other.in_use


# ---- Floods -------------------------------------------------------------------------------------


def run(one, other, clock, **options):
    """A flood on two CPUs where there are two."""
    alone = len(CPUS) < 2
    return flood(
        one,
        other,
        clock=clock,
        cpu_sender=CPUS[0],
        cpu_receiver=CPUS[0] if alone else CPUS[1],
        one_thread=alone,
        **options,
    )


def test_a_flood_as_fast_as_it_goes_loses_nothing_over_a_cable(clock):
    with cable() as (one, other):
        found = run(one, other, clock, count=50_000, log=50_000)
    assert found.sent["frames_sent"] == found.arrived == found.received["ahead"] == 50_000
    assert found.lost == found.received["gaps"] == 0
    assert found.log.tolist() == list(range(50_000))
    assert found.sent_pps > 0
    assert_accounted(found)


def test_a_schedule_is_kept_and_lateness_is_recorded_for_every_frame(clock):
    plan = schedule.bursts(100_000, 16, 1000)
    with cable() as (one, other):
        found = run(one, other, clock, count=4000, due_ns=plan.due_ns, span_ns=plan.span_ns)
    assert found.lateness.n == found.sent["frames_planned"] == 4000
    assert found.sent_span_ns + found.lateness.max + 1000 >= plan.due(3999)  # never early
    assert found.sent["frames_unsent"] + found.sent["frames_sent"] == 4000
    assert_accounted(found)


def test_what_has_no_room_when_it_is_due_is_unsent_and_shows_as_a_gap(clock):
    due = np.zeros(1000, dtype=np.uint64)
    with cable(4096) as (one, other):  # room for forty frames, and all are due at once
        found = flood(
            one,
            other,
            clock=clock,
            cpu_sender=CPUS[0],
            cpu_receiver=CPUS[0],
            one_thread=True,
            count=1000,
            due_ns=due,
            span_ns=1,
            batch=1000,
        )
    sent = found.sent
    assert sent["frames_unsent"] > 0
    assert sent["frames_sent"] + sent["frames_unsent"] == 1000
    assert found.arrived == sent["frames_sent"]
    assert found.lost == 0  # what was never sent is not lost
    assert_accounted(found)


def test_what_others_send_is_counted_as_what_it_is(clock):
    with cable() as (one, other):
        damaged = bytearray(datagram(2))
        damaged[-1] ^= 1
        for data in (datagram(0), datagram(3), datagram(1), datagram(3), damaged, b"foreign",
                     datagram(99), datagram(4, flow=9)):  # fmt: skip
            one.send(bytes(data))
        found = flood(None, other, clock=clock, cpu_sender=CPUS[0], cpu_receiver=CPUS[0], count=10)
    got = found.received
    assert (got["ahead"], got["reordered"], got["duplicates"]) == (2, 1, 1)
    assert (got["corrupt"], got["beyond"], got["foreign"]) == (1, 1, 2)
    assert got["gaps"] == 1
    assert_accounted(found)


def test_market_data_is_packed_and_every_byte_of_it_is_compared(clock, market):
    size = 40 + 10 * (2 + int(market.recs["n_bytes"].max()))
    with cable() as (one, other):
        found = run(one, other, clock, count=3000, size=size, stream=market, pack=10)
    assert found.sent["messages_sent"] == 30_000
    assert found.arrived == 3000
    assert found.received["corrupt"] == 0
    assert_accounted(found)


@pytest.mark.parametrize(
    "options",
    [
        {"size": 8},
        {"count": 0},
        {"due_ns": np.zeros(3, dtype=np.uint32), "span_ns": 5},
        {"due_ns": np.zeros(0, dtype=np.uint64), "span_ns": 5},
        {"window": 63},
        {"pack": 0, "with_stream": True},
        {"size": 64, "pack": 30, "with_stream": True},
    ],
    ids=str,
)
def test_a_flood_that_makes_no_sense_is_refused_and_frees_its_ports(clock, market, options):
    options = dict(options)
    if options.pop("with_stream", False):
        options["stream"] = market
    with cable() as (one, other):
        with pytest.raises((EngineError, ValueError)):
            run(one, other, clock, **{"count": 10, **options})
        assert not one.in_use
        assert not other.in_use


def test_an_interrupt_ends_a_flood_and_releases_what_it_held(clock):
    plan = schedule.constant(1000)
    with cable() as (one, other):
        with interrupted_after(0.2):
            run(one, other, clock, count=10**6, due_ns=plan.due_ns, span_ns=plan.span_ns)
        assert not one.in_use
        assert not other.in_use
