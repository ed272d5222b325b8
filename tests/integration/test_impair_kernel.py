"""Rates, netem, flapping links: the kernel's part of an impairment, and nothing of it stays."""

from __future__ import annotations

import time

import pytest

from engine.net import flood
from harness.bench.links import netlink
from harness.bench.namespaces import inside
from harness.bench.netns import Interface, netns_bench
from harness.config.impair import (
    Flap,
    Impairment,
)
from harness.config.loader import parse
from harness.errors import HostError
from harness.faults.flap import flapping
from harness.faults.floods import (
    RECEIVER_PORT,
    Load,
    open_ports,
    run_floods,
)
from harness.faults.network import impaired, offered
from harness.faults.plan import Emulation, Plan, Rate, plan_of
from harness.faults.shaper import emulation, netem_is_here, rate_limit

from .impaired import KEY, config, cpus, the_clock
from .sandbox import in_sandbox

WAIT_S = 5.0


def queues(at: Interface) -> list[tuple[str, int]]:
    def read() -> list[tuple[str, int]]:
        with netlink(at.interface) as ip:
            return [(q.get_attr("TCA_KIND"), q["handle"]) for q in ip.get_qdiscs(at.ifindex)]

    return inside(at.netns, read)


@in_sandbox
def test_a_rate_loses_what_does_not_fit_and_is_taken_off_exactly() -> None:
    entry = "rate: 1Mbit/s, burst: 4KiB, queue: 1ms"
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
