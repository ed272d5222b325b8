"""Faults between namespaces: what arrives is what was told, packet for packet, and nothing of it
stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.net import Port, flood
from harness.bench.netns import netns_bench
from harness.config.impair import (
    Impairment,
    load_impairment,
    mechanisms_at,
)
from harness.faults.floods import (
    RECEIVER_PORT,
    FloodPort,
    ImpairedFlood,
    Load,
    flood_once,
    open_ports,
    run_floods,
)
from harness.faults.network import Faults, impaired, offered
from harness.faults.plan import WayPlan, plan_of
from harness.faults.predict import (
    CORRUPT_BIT,
    Prediction,
    first_difference,
    first_miscount,
    predict,
)
from harness.faults.wire_check import wire_impairment

from .impaired import KEY, config, cpus, the_clock
from .sandbox import in_sandbox

N_SEEDS = 100
N_PACKETS = 512
SETTLE_NS = 5_000_000
LONG_SETTLE_NS = 200_000_000
FATES = "loss: 5%, duplicate: 3%, corrupt: 2%, bad_checksum: 2%, every: {drop: 60}"


@pytest.fixture(scope="module", autouse=True)
def measured_once() -> None:
    """Here, so that the children of the sandbox know it already."""
    the_clock()
    cpus()


@dataclass(frozen=True)
class Seen:
    """What arrived, and what the table counted."""

    arrived: list[int]
    counted: dict[str, int]

    def faults(self, told: Prediction) -> list[str]:
        said = (
            first_miscount(told.table, self.counted, "the table"),
            first_difference(told.arrivals, self.arrived),
        )
        return [text for text in said if text is not None]

    def is_cut_short(self, told: Prediction) -> bool:
        """All is right but that the end is missing: it was perhaps still under way."""
        n = len(self.arrived)
        return n < len(told.arrivals) and tuple(self.arrived) == told.arrivals[:n]


class Seeds:
    """Floods through a table whose fates are drawn anew for every seed."""

    def __init__(self, faults: Faults, entry: Impairment, sender: Port, receiver: Port) -> None:
        self.faults, self.entry = faults, entry
        self.sender, self.receiver = sender, receiver

    def way(self, seed: int) -> WayPlan:
        port = "afxdp" if self.faults.asked_by(*KEY) else "udp"
        config = self.entry.model_copy(update={"seed": seed})
        return plan_of(config, mechanisms_at(port), udp_port=RECEIVER_PORT).way(*KEY)

    def told(self, seed: int) -> Prediction:
        return predict(self.way(seed), N_PACKETS, verifies_checksum=True)

    def flood(self, seed: int, settle_ns: int = LONG_SETTLE_NS) -> Seen:
        self.faults.tables[KEY].restart(self.way(seed).table)
        cpu, _ = cpus()
        log = flood(
            self.sender,
            self.receiver,
            clock=the_clock(),
            cpu_sender=cpu,
            cpu_receiver=cpu,
            one_thread=True,
            count=N_PACKETS,
            flow=seed,
            log=2 * N_PACKETS,
            settle_ns=settle_ns,
        ).log
        return Seen(log.tolist(), self.faults.table_counters(*KEY))


@contextmanager
def seeds(port: FloodPort, fates: str) -> Iterator[Seeds]:
    """A bench for floods whose fates are drawn anew for every seed."""
    entry = config(fates)
    with netns_bench(lines=["market"]) as bench:
        plan = plan_of(entry, offered(port, bench), udp_port=RECEIVER_PORT)
        with (
            impaired(bench, plan, udp_port=RECEIVER_PORT, clock=the_clock()) as faults,
            open_ports(bench, faults, *KEY, Load(port=port)) as (sender, receiver),
        ):
            yield Seeds(faults, entry, sender, receiver)


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
    with seeds(port, fates) as drawn:
        wrong: list[str] = []
        for seed in range(1, n_seeds + 1):
            told, seen = drawn.told(seed), drawn.flood(seed, SETTLE_NS)
            assert any(number & CORRUPT_BIT for number in told.arrivals)
            if seen.is_cut_short(told):
                seen = drawn.flood(seed)
            wrong += [f"seed {seed}: {text}" for text in seen.faults(told)]
        assert wrong == []


@in_sandbox
def test_the_prediction_for_another_seed_is_not_what_arrives() -> None:
    with seeds("udp", FATES) as drawn:
        seen = drawn.flood(1)
        assert seen.faults(drawn.told(1)) == []
        assert any("was packet" in text for text in seen.faults(drawn.told(2)))
        seen.arrived.pop(100)  # and a single packet that is missing shows
        (text,) = seen.faults(drawn.told(1))
        assert text.endswith("is missing")


@in_sandbox
def test_faults_that_are_not_the_ones_that_were_told_are_reported() -> None:
    cpu, _ = cpus()
    told, other = (
        plan_of(config(FATES, seed), mechanisms_at("udp"), udp_port=RECEIVER_PORT)
        for seed in (1, 2)
    )
    load = Load(port="udp", count=N_PACKETS)
    with (
        netns_bench(lines=["market"]) as bench,
        impaired(bench, told, udp_port=RECEIVER_PORT, clock=the_clock()) as faults,
    ):
        faults.tables[KEY].restart(other.way(*KEY).table)
        one = flood_once(bench, faults, *KEY, load, clock=the_clock(), cpu=cpu)
    assert not one.passed
    assert any(line.startswith("  WRONG: arrival ") for line in one.lines())
    assert not any("exactly" in line for line in one.lines())


def patient(impairment: Impairment) -> Impairment:
    """A wire that reorders as told even where this host stops the sender for a while."""
    (entry,) = impairment.impair
    assert entry.reorder is not None
    held = entry.reorder.model_copy(update={"hold_ns": 1_000_000_000})
    return impairment.model_copy(update={"impair": (entry.model_copy(update={"reorder": held}),)})


def through_a_wire(impairment: Impairment, load: Load, *lines: str) -> list[ImpairedFlood]:
    cpu, wire_cpu = cpus()
    with netns_bench(lines=lines or ("market",), wire=True) as bench:
        return list(
            run_floods(bench, impairment, load, clock=the_clock(), cpu=cpu, wire_cpu=wire_cpu)
        )


@in_sandbox
def test_a_wire_delays_every_frame_and_reorders_exactly_those_that_were_told() -> None:
    wanted = patient(
        wire_impairment(
            delay="200us", jitter="50us", reorder="5%", loss="2%", duplicate="1%", seed=3
        )
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
        patient(wire_impairment(reorder="20%", loss="5%", seed=1)), Load(port="udp", count=500)
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
        "  - {direction: both, delay: 20us, jitter: 5us, reorder: {every: 40, by: 3, hold: 1s}}\n"
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
