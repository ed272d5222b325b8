"""Faults between namespaces: what arrives is what was told, packet for packet, and nothing of it
stays.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import clock
from engine.net import flood
from harness.bench.cpus import choose_here
from harness.bench.links import netlink
from harness.bench.namespaces import inside
from harness.bench.netns import Bench, Interface, netns_bench
from harness.config.impair import Flap, Impairment, load_impairment
from harness.config.loader import parse
from harness.errors import HostError
from harness.faults.flap import flapping
from harness.faults.floods import (
    RECEIVER_PORT,
    FloodPort,
    ImpairedFlood,
    Load,
    open_ports,
    run_floods,
)
from harness.faults.network import impaired, offered
from harness.faults.plan import Emulation, Plan, Rate, plan_of
from harness.faults.predict import CORRUPT_BIT, first_difference, first_miscount, predict
from harness.faults.shaper import emulation, netem_is_here, rate_limit
from harness.faults.wire_check import wire_impairment
from harness.tuning import facts

from .sandbox import in_sandbox

N_SEEDS = 100
N_PACKETS = 512
SETTLE_NS = 15_000_000  # a packet may wait for a thread of the kernel on the same CPU
KEY = ("market", "to-engine")
FATES = "loss: 5%, duplicate: 3%, corrupt: 2%, bad_checksum: 2%, every: {drop: 60}"
WAIT_S = 5.0


@functools.cache
def the_clock() -> clock.Clock:
    return clock.calibrate(5_000_000)


@functools.cache
def cpus() -> tuple[int, int]:
    two = choose_here(facts.collect())
    return two.rig, two.engine


def config(entry: str, seed: int = 1) -> Impairment:
    text = f"seed: {seed}\ntable: 512\nimpair:\n  - {{{entry}}}\n"
    return parse(text, Impairment, name="i.yaml")


def plan(bench: Bench, port: FloodPort, entry: str, seed: int = 1) -> Plan:
    return plan_of(config(entry, seed), offered(port, bench), udp_port=RECEIVER_PORT)


Seen = tuple[list[int], dict[str, int]]


@contextmanager
def floods_by_seed(bench: Bench, port: FloodPort, entry: str) -> Iterator[Callable[[int], Seen]]:
    """A flood for a seed: what arrived and what the table counted."""
    load = Load(port=port, count=N_PACKETS)
    cpu, _ = cpus()
    with (
        impaired(
            bench, plan(bench, port, entry), udp_port=RECEIVER_PORT, clock=the_clock()
        ) as faults,
        open_ports(bench, faults, *KEY, load) as (sender, receiver),
    ):

        def once(seed: int) -> Seen:
            faults.tables[KEY].restart(plan(bench, port, entry, seed).way(*KEY).table)
            told = flood(
                sender,
                receiver,
                clock=the_clock(),
                cpu_sender=cpu,
                cpu_receiver=cpu,
                one_thread=True,
                count=N_PACKETS,
                flow=seed,
                log=2 * N_PACKETS,
                settle_ns=SETTLE_NS,
            )
            return told.log.tolist(), faults.table_counters(*KEY)

        yield once


def faults_of_a_seed(bench: Bench, port: FloodPort, entry: str, seed: int, seen: Seen) -> list[str]:
    arrived, counted = seen
    told = predict(plan(bench, port, entry, seed).way(*KEY), N_PACKETS, verifies_checksum=True)
    said = (
        first_miscount(told.table, counted, "the table"),
        first_difference(told.arrivals, arrived),
    )
    return [f"seed {seed}: {text}" for text in said if text is not None]


@pytest.mark.parametrize(
    ("port", "fates", "n_seeds"),
    [
        ("udp", FATES, N_SEEDS),
        ("afpacket", FATES, 20),
        ("afxdp", FATES.replace("duplicate: 3%, ", ""), 20),
    ],
)
@in_sandbox
def test_what_arrives_is_what_was_told_for_every_seed(
    port: FloodPort, fates: str, n_seeds: int
) -> None:
    with netns_bench(lines=["market"]) as bench, floods_by_seed(bench, port, fates) as flood_of:
        wrong: list[str] = []
        for seed in range(1, n_seeds + 1):
            seen = flood_of(seed)
            assert any(number & CORRUPT_BIT for number in seen[0])
            wrong += faults_of_a_seed(bench, port, fates, seed, seen)
        assert wrong == []


@in_sandbox
def test_the_prediction_for_another_seed_is_not_what_arrives() -> None:
    with netns_bench(lines=["market"]) as bench, floods_by_seed(bench, "udp", FATES) as flood_of:
        seen = flood_of(1)
        assert faults_of_a_seed(bench, "udp", FATES, 1, seen) == []
        wrong = faults_of_a_seed(bench, "udp", FATES, 2, seen)
        assert any(" packet " in text for text in wrong)
        seen[0].pop(100)  # and a single packet that is missing shows
        (text,) = faults_of_a_seed(bench, "udp", FATES, 1, seen)
        assert text.endswith("is missing")


def through_a_wire(impairment: Impairment, load: Load, *lines: str) -> list[ImpairedFlood]:
    cpu, wire_cpu = cpus()
    with netns_bench(lines=lines or ("market",), wire=True) as bench:
        return list(
            run_floods(bench, impairment, load, clock=the_clock(), cpu=cpu, wire_cpu=wire_cpu)
        )


@in_sandbox
def test_a_wire_delays_every_frame_and_reorders_exactly_those_that_were_told() -> None:
    wanted = wire_impairment(
        delay="200us", jitter="50us", reorder="5%", loss="2%", duplicate="1%", seed=3
    )
    (one,) = through_a_wire(wanted, Load(port="afpacket", count=2000, rate_per_s=50_000))
    assert one.differences == ()
    assert one.counted["wire.delayed"] > 0
    assert one.counted["wire.reordered"] > 50
    assert one.counted["wire.overflow"] == 0
    assert sorted(one.seen) != list(one.seen)
    assert one.release_errors is not None
    left = one.counted["wire.forwarded"] - one.counted["wire.duplicated"]
    assert one.release_errors.n == left
    said = "\n".join(one.lines())
    assert "release error, ns: min " in said
    assert "exactly those that were told" in said


@in_sandbox
def test_a_frame_never_leaves_a_wire_before_its_time() -> None:
    cpu, wire_cpu = cpus()
    delayed = wire_impairment(delay="2ms")
    with netns_bench(lines=["market"], wire=True) as bench:
        found = plan_of(delayed, offered("udp", bench), udp_port=RECEIVER_PORT)
        with (
            impaired(
                bench, found, udp_port=RECEIVER_PORT, clock=the_clock(), wire_cpu=wire_cpu
            ) as faults,
            open_ports(bench, faults, *KEY, Load(port="udp")) as (sender, receiver),
        ):
            told = flood(
                sender,
                receiver,
                clock=the_clock(),
                cpu_sender=cpu,
                cpu_receiver=cpu,
                one_thread=True,
                count=100,
                log=100,
            )
            assert told.log.tolist() == list(range(100))
            assert told.from_sent.min >= 2_000_000


@in_sandbox
def test_a_prediction_of_the_wire_for_another_seed_is_not_what_arrives() -> None:
    (one,) = through_a_wire(
        wire_impairment(reorder="20%", loss="5%", seed=1), Load(port="udp", count=500)
    )
    assert one.differences == ()
    other = plan_of(wire_impairment(reorder="20%", loss="5%", seed=2), {"wire"}, udp_port=0)
    told = predict(other.way(*KEY), 500, verifies_checksum=True)
    assert first_difference(told.arrivals, one.seen) is not None


@in_sandbox
def test_a_file_of_many_faults_on_two_lines_holds(tmp_path: Path) -> None:
    path = tmp_path / "i.yaml"
    path.write_text(
        "seed: 5\nimpair:\n"
        "  - {loss: 1%, duplicate: 1%, corrupt: 1%, bad_checksum: 1%}\n"
        "  - {blackhole: {after: 100, for: 20}, every: {drop: 90}}\n"
        "  - {direction: both, delay: 20us, jitter: 5us, reorder: {every: 40, by: 3}}\n"
        "  - {line: marketb, skew: 100us, mechanism: wire}\n"
    )
    found = load_impairment(path, lines=["market", "marketb"])
    three = through_a_wire(found, Load(port="udp", count=600), "market", "marketb")
    assert [(one.way.line, one.way.direction) for one in three] == [
        ("market", "to-engine"),
        ("market", "to-rig"),
        ("marketb", "to-engine"),
    ]
    assert [text for one in three for text in one.differences] == []
    assert three[0].counted["table.n_dropped"] >= 20


# ---- what the kernel does ------------------------------------------------------------------------


def queues(at: Interface) -> list[tuple[str, int]]:
    def read() -> list[tuple[str, int]]:
        with netlink(at.interface) as ip:
            return [(q.get_attr("TCA_KIND"), q["handle"]) for q in ip.get_qdiscs(at.ifindex)]

    return inside(at.netns, read)


@in_sandbox
def test_a_rate_loses_what_does_not_fit_and_is_taken_off_exactly() -> None:
    entry = "rate: 10Mbit/s, burst: 4KiB, queue: 1ms"
    cpu, wire_cpu = cpus()
    with netns_bench(lines=["market"]) as bench:
        before = queues(bench.lines["market"].rig)
        (one,) = run_floods(
            bench,
            config(entry),
            Load(port="udp", count=1000, size=1000),
            clock=the_clock(),
            cpu=cpu,
            wire_cpu=wire_cpu,
        )
        assert one.prediction is None
        assert 0 < len(one.seen) < 1000
        assert one.counted["queue.dropped"] == 1000 - len(one.seen)
        assert queues(bench.lines["market"].rig) == before


@in_sandbox
def test_a_queue_of_somebody_else_is_left_alone() -> None:
    with netns_bench(lines=["market"]) as bench:
        rig = bench.lines["market"].rig
        with rate_limit(rig, Rate(10**9, 4096, 1_000_000)):
            taken = queues(rig)
            with (
                pytest.raises(HostError, match="has a queue of somebody else: tbf"),
                rate_limit(rig, Rate(10**6, 4096, 1_000_000)),
            ):
                pass
            assert queues(rig) == taken


@in_sandbox
def test_netem_is_used_where_it_is_and_refused_with_a_sentence_where_not() -> None:
    with netns_bench(lines=["market"]) as bench:
        rig = bench.lines["market"].rig
        before = queues(rig)
        if netem_is_here(rig.netns):
            with emulation(rig, Emulation(delay_ns=1000)) as shaper:
                assert shaper.counters()["dropped"] == 0
        else:
            with (
                pytest.raises(HostError, match="this kernel has no netem"),
                emulation(rig, Emulation(delay_ns=1000)),
            ):
                pass
        assert queues(rig) == before


def state(at: Interface) -> tuple[str, list[tuple[str, str, int]]]:
    """Of an interface: its state, and the neighbours that it knows for good."""

    def read() -> tuple[str, list[tuple[str, str, int]]]:
        with netlink(at.interface) as ip:
            (link,) = ip.get_links(at.ifindex)
            known = [
                (one.get_attr("NDA_DST"), one.get_attr("NDA_LLADDR"), one["state"])
                for one in ip.get_neighbours(ifindex=at.ifindex)
            ]
            return link.get("operstate"), known

    return inside(at.netns, read)


def becomes(at: Interface, wanted: str) -> bool:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if state(at)[0] == wanted:
            return True
    return False


@in_sandbox
def test_a_flapping_link_is_seen_to_go_and_is_as_it_was_at_the_end() -> None:
    with netns_bench(lines=["market"]) as bench:
        line = bench.lines["market"]
        before = state(line.rig)
        flap = Flap.model_validate({"every": "10ms", "down": "5ms", "times": 3})
        with flapping(line.rig, flap) as flapper:
            deadline = time.monotonic() + WAIT_S
            while len(flapper.times) < 3 and time.monotonic() < deadline:
                time.sleep(0.001)
        assert len(flapper.times) == 3
        assert all(up - down >= 5_000_000 for down, up in flapper.times)
        assert becomes(line.rig, "UP")
        assert becomes(line.engine, "UP")
        assert state(line.rig) == before


@in_sandbox
def test_a_link_comes_up_when_the_flapping_ends_in_the_middle() -> None:
    long = Flap.model_validate({"every": "100s", "down": "99s"})
    often = Flap.model_validate({"every": "2ms", "down": "1ms"})
    with netns_bench(lines=["market"]) as bench:
        line = bench.lines["market"]
        before = state(line.rig)
        with flapping(line.rig, long):
            pass  # waiting for its first time
        assert state(line.rig) == before
        one_hour = Flap.model_construct(every_ns=1, down_ns=3600 * 10**9, times=None)
        with pytest.raises(KeyError), flapping(line.rig, one_hour):  # noqa: PT012
            assert becomes(line.engine, "DOWN")
            raise KeyError
        assert becomes(line.rig, "UP")
        assert becomes(line.engine, "UP")
        assert state(line.rig) == before
        with flapping(line.rig, often):
            time.sleep(0.02)
        assert becomes(line.rig, "UP")
        assert state(line.rig) == before


@in_sandbox
def test_nothing_stays_when_the_block_is_left_by_an_exception() -> None:
    text = (
        "seed: 1\nimpair:\n  - {loss: 100%}\n  - {rate: 1Mbit/s}\n"
        "  - {direction: to-rig, flap: {every: 5ms, down: 1ms}}\n"
    )
    cpu, wire_cpu = cpus()
    with netns_bench(lines=["market"]) as bench:
        line = bench.lines["market"]
        before = [(queues(end), state(end)) for end in (line.rig, line.engine)]
        everything = plan_of(
            parse(text, Impairment, name="i.yaml"), offered("udp", bench), udp_port=RECEIVER_PORT
        )
        with (  # noqa: PT012
            pytest.raises(KeyError),
            impaired(bench, everything, udp_port=RECEIVER_PORT, clock=the_clock()) as faults,
        ):
            assert faults.tables[KEY].hook in ("tcx", "clsact")
            raise KeyError
        assert becomes(line.rig, "UP")
        assert becomes(line.engine, "UP")
        assert [(queues(end), state(end)) for end in (line.rig, line.engine)] == before
        nothing = config("direction: to-rig, loss: 1%")
        (one,) = run_floods(
            bench,
            nothing,
            Load(port="udp", count=300),
            clock=the_clock(),
            cpu=cpu,
            wire_cpu=wire_cpu,
        )
        assert one.differences == ()
        empty = Plan({}, needs_wire=False)
        with (
            impaired(bench, empty, udp_port=RECEIVER_PORT, clock=the_clock()) as faults,
            open_ports(bench, faults, *KEY, Load(port="udp")) as (sender, receiver),
        ):
            told = flood(
                sender,
                receiver,
                clock=the_clock(),
                cpu_sender=cpu,
                cpu_receiver=cpu,
                one_thread=True,
                count=300,
                log=300,
            )
            assert told.log.tolist() == list(range(300))
