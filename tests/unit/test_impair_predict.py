"""What must arrive: the prediction against one that carries every byte, and against the wire's own
decisions; and what is said about the first packet that is not as told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.net import Action, WirePlan, wire_decide
from harness.config.impair import EVERYTHING, Impairment, mechanisms_at
from harness.config.loader import FieldFault, parse
from harness.faults.floods import SETTLE_NS, WIRE_SETTLE_NS, settle_ns
from harness.faults.plan import CORRUPT_AT, WayPlan, plan_of
from harness.faults.predict import (
    CORRUPT_BIT,
    Packet,
    first_difference,
    first_miscount,
    predict,
)
from harness.faults.tables import Fates, Fortune, fates, seed_of

PORT = 5000

ACTIONS = st.lists(st.sampled_from(list(Action)), min_size=8, max_size=8)


def table(*actions: Action) -> Fates:
    return np.array(actions, dtype=np.uint8)


# ---- a slower one: packets are bytes with a checksum, every moment is acted out -----------------


@dataclass
class Datagram:
    number: int
    payload: bytearray
    checksum: int

    @classmethod
    def of(cls, number: int) -> Datagram:
        payload = bytearray(number.to_bytes(8, "big") + bytes(range(8)))
        return cls(number, payload, sum(payload) % 65_535)

    def flip(self, *, mends: bool) -> None:
        before = sum(self.payload)
        self.payload[-1] ^= 0xFF
        if mends:
            self.checksum = (self.checksum + sum(self.payload) - before) % 65_535

    def copy(self) -> Datagram:
        return Datagram(self.number, bytearray(self.payload), self.checksum)

    @property
    def is_right(self) -> bool:
        return self.checksum == sum(self.payload) % 65_535

    @property
    def logged(self) -> int:
        return self.number | (CORRUPT_BIT if self.payload[-1] != 7 else 0)


def acted_out(packets: list[Datagram], actions: list[int]) -> list[list[Datagram]]:
    """What is left of each."""
    left: list[list[Datagram]] = []
    for i, one in enumerate(packets):
        action = actions[i % len(actions)]
        if action == Action.DROP:
            left.append([])
            continue
        if action in (Action.CORRUPT, Action.CORRUPT_FRAME):
            one.flip(mends=action == Action.CORRUPT)
        left.append([one, one.copy()] if action == Action.DUPLICATE else [one])
    return left


def acted_out_on_the_wire(packets: list[Datagram], plan: WirePlan) -> list[Datagram]:
    """Packet by packet: who waits, waits for a number; at the end all that wait are let go."""
    out: list[Datagram] = []
    waiting: list[tuple[int, list[Datagram]]] = []
    actions = [0] if plan.actions is None else [int(one) for one in plan.actions]
    for i, left in enumerate(acted_out(packets, actions)):
        _, _, behind = wire_decide(plan, i)
        if behind:
            waiting.append((i + behind, left))
        else:
            out += left
        while waiting and waiting[0][0] <= i:
            out += waiting.pop(0)[1]
    return out + [one for _, left in waiting for one in left]


def slowly(way: WayPlan, n: int, verifies_checksum: bool) -> tuple[int, ...]:
    packets = [Datagram.of(i) for i in range(n)]
    if way.wire is not None:
        packets = acted_out_on_the_wire(packets, way.wire)
    if way.table is not None:
        # Copies of a duplicate are different packets to the table.
        actions = [int(one) for one in way.table]
        packets = [one for left in acted_out(packets, actions) for one in left]
    return tuple(one.logged for one in packets if one.is_right or not verifies_checksum)


@settings(max_examples=150, deadline=None)
@given(
    in_wire=st.none() | ACTIONS,
    in_table=st.none() | ACTIONS,
    seed=st.integers(0, 2**63 - 1),
    reorder=st.tuples(st.integers(0, 1_000_000), st.just(0))
    | st.tuples(st.just(0), st.integers(1, 9)),
    by=st.integers(0, 5),
    n=st.integers(0, 60),
    verifies=st.booleans(),
)
def test_it_agrees_with_one_that_acts_out_every_byte(
    in_wire: list[Action] | None,
    in_table: list[Action] | None,
    seed: int,
    reorder: tuple[int, int],
    by: int,
    n: int,
    verifies: bool,
) -> None:
    plan = WirePlan(
        seed=seed,
        actions=None if in_wire is None else table(*in_wire),
        reorder_ppm=reorder[0],
        reorder_every=reorder[1],
        reorder_by=by,
    )
    way = WayPlan(
        line="market",
        direction="to-engine",
        wire=plan,
        table=None if in_table is None else table(*in_table),
    )
    told = predict(way, n, verifies_checksum=verifies)
    assert told.arrivals == slowly(way, n, verifies)
    assert told.wire["numbered"] == n
    assert told.wire["reordered"] + told.wire["let_go"] <= n
    if in_table is not None:
        assert told.table["n_seen"] == told.wire["forwarded"]
        assert sum(told.table.values()) == 2 * told.table["n_seen"]


def test_a_packet_changed_twice_is_as_it_was_and_its_checksum_is_what_was_mended() -> None:
    once = Packet(3).changed(mends=True)
    assert once.logged == 3 | CORRUPT_BIT
    assert once.checksum_is_right
    assert once.changed(mends=True) == Packet(3)
    assert not Packet(3).changed(mends=False).checksum_is_right
    assert not once.changed(mends=False).checksum_is_right


# ---- tables --------------------------------------------------------------------------------------


def drawn_slowly(seed: int, index: int) -> int:
    """A number of a million, as written down in csrc/rig/wire/wire_plan.h."""

    def mix(x: int) -> int:
        x %= 2**64
        x = ((x ^ x // 2**30) * 0xBF58476D1CE4E5B9) % 2**64
        x = ((x ^ x // 2**27) * 0x94D049BB133111EB) % 2**64
        return x ^ x // 2**31

    step = 0x9E3779B97F4A7C15
    return mix(mix(seed + 3 * step) + (index + 1) * step) // 2**32 * 1_000_000 // 2**32


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    chances=st.lists(st.integers(0, 250_000), min_size=4, max_size=4),
    every=st.dictionaries(
        st.sampled_from(["loss", "duplicate", "corrupt", "bad_checksum"]), st.integers(1, 20)
    ),
    holes=st.lists(st.tuples(st.integers(0, 100), st.integers(1, 28)), max_size=3),
)
def test_a_table_is_what_is_drawn_then_counted_then_lost(
    seed: int, chances: list[int], every: dict[str, int], holes: list[tuple[int, int]]
) -> None:
    names = ["loss", "duplicate", "corrupt", "bad_checksum"]
    fortune = Fortune(dict(zip(names, chances, strict=True)), every, holes)
    for i, found in enumerate(fates(fortune, seed, 128)):
        want, below = 0, 0
        for action, chance in enumerate(chances, 1):
            if below <= drawn_slowly(seed, i) < below + chance:
                want = action
            below += chance
        counted = [a for a, name in enumerate(names, 1) if (i + 1) % every.get(name, i + 2) == 0]
        want = counted[0] if counted else want
        if any(after <= i < after + length for after, length in holes):
            want = Action.DROP
        assert found == want


def test_chances_come_out_as_they_were_asked_for() -> None:
    found = fates(Fortune({"loss": 10_000, "corrupt": 500}), 5, 1 << 20)
    assert np.count_nonzero(found == Action.DROP) == pytest.approx(10_485, rel=0.05)
    assert np.count_nonzero(found == Action.CORRUPT) == pytest.approx(524, rel=0.2)
    assert np.count_nonzero(found == Action.DUPLICATE) == 0
    assert np.all(fates(Fortune({"loss": 1_000_000}), 5, 64) == Action.DROP)


def test_lines_directions_and_mechanisms_draw_for_themselves() -> None:
    names = [
        ("market", "to-engine", "tc"),
        ("market", "to-rig", "tc"),
        ("orders", "to-engine", "tc"),
        ("market", "to-engine", "wire"),
    ]
    seeds = [seed_of(seed, *name) for name in names for seed in (1, 2)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of(1, *names[0]) == 189774911456140629, "or every scenario changes its fates"


@given(seed=st.integers(0, 2**63 - 1), ppm=st.integers(0, 1_000_000))
@settings(max_examples=30, deadline=None)
def test_reorder_decisions_are_those_of_the_wire(seed: int, ppm: int) -> None:
    plan = WirePlan(seed=seed, reorder_ppm=ppm, reorder_by=1)
    way = WayPlan(line="market", direction="to-engine", wire=plan)
    wanted = sum(wire_decide(plan, i)[2] == 1 for i in range(200))
    told = predict(way, 200, verifies_checksum=True)
    assert told.wire["reordered"] + told.wire["let_go"] == wanted


# ---- plans ---------------------------------------------------------------------------------------


def config(*entries: str, head: str = "seed: 7") -> Impairment:
    listed = "".join(f"\n  - {{{entry}}}" for entry in entries)
    return parse(f"{head}\ntable: 256\nimpair:{listed}\n", Impairment, name="i.yaml")


def test_each_direction_gets_what_its_entries_say() -> None:
    found = plan_of(
        config(
            "loss: 10%",
            "every: {corrupt: 10}",
            "direction: both, delay: 10us, jitter: {up_to: 2us, shape: normal}",
            "direction: both, reorder: {every: 4, by: 2}",
            "line: orders, rate: 8Mbit/s",
            "line: orders, direction: to-rig, flap: {every: 1s, down: 1ms}",
        ),
        mechanisms_at("udp") | {"wire"},
        udp_port=PORT,
    )
    assert found.needs_wire
    assert list(found.ways) == [
        ("market", "to-engine"),
        ("market", "to-rig"),
        ("orders", "to-engine"),
        ("orders", "to-rig"),
    ]
    there, back = found.way("market", "to-engine"), found.way("market", "to-rig")
    assert there.table is not None
    assert there.table[9] == Action.CORRUPT
    assert np.count_nonzero(there.table == Action.DROP) > 10
    assert back.table is None
    assert there.wire is not None
    assert back.wire is not None
    assert there.wire.seed != back.wire.seed
    assert (there.wire.delay_ns, there.wire.jitter_ns, there.wire.shape) == (10_000, 2000, "normal")
    assert (there.wire.reorder_every, there.wire.reorder_by) == (4, 2)
    assert there.wire.udp_port == PORT
    assert there.is_exact
    orders = found.way("orders", "to-engine")
    assert orders.wire is not None
    assert orders.wire.rate_bps == 8_000_000
    assert found.way("orders", "to-rig").flap is not None
    assert found.way("nobody", "to-rig").is_exact


def test_what_the_clock_or_chance_decides_is_not_predicted() -> None:
    for entry, offered in [
        ("jitter: {up_to: 1us, overtakes: true}", {"wire"}),
        ("rate: 1Mbit/s", {"tbf"}),
        ("rate: 1Mbit/s", {"wire"}),
        ("flap: {every: 1s, down: 1ms}", {"link"}),
        ("loss: 1%", {"netem"}),
    ]:
        plan = plan_of(config(entry), offered & EVERYTHING, udp_port=PORT)
        way = plan.way("market", "to-engine")
        assert not way.is_exact
        assert way.is_statistical == ("netem" in offered)
        with pytest.raises(ValueError, match="nobody can tell beforehand"):
            predict(way, 1, verifies_checksum=True)


def test_a_plan_says_which_entry_wants_what_is_not_there() -> None:
    with pytest.raises(FieldFault) as fault:
        plan_of(config("loss: 1%", "delay: 1us"), mechanisms_at("udp"), udp_port=PORT)
    assert fault.value.path == ("impair", 1, "delay")


def test_the_changed_byte_lies_behind_the_number_of_a_packet() -> None:
    assert CORRUPT_AT >= 40


def test_a_flood_waits_for_what_the_wire_holds_back() -> None:
    plan = WirePlan(delay_ns=5_000_000, hold_ns=7_000_000)
    assert settle_ns(None, passes_wire=False) == SETTLE_NS
    assert settle_ns(None, passes_wire=True) == WIRE_SETTLE_NS
    assert settle_ns(plan, passes_wire=True) == WIRE_SETTLE_NS + 5_000_000
    held = replace(plan, reorder_every=3)
    assert settle_ns(held, passes_wire=True) == WIRE_SETTLE_NS + 12_000_000


# ---- sentences -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "seen", "said"),
    [
        ([1, 2, 3], [1, 3], "arrival 1 was packet 3, not packet 2: packet 2 is missing"),
        ([1, 3], [1, 2, 3], "arrival 1 was packet 2, not packet 3: packet 2 is one too many"),
        ([1, 2, 3], [1, 1, 2, 3], "arrival 1 was packet 1, not packet 2: packet 1 is one too many"),
        ([1, 2, 3], [2, 1, 3], "arrival 0 was packet 2, not packet 1: packet 1 came as arrival 1"),
        (
            [1, 2 | CORRUPT_BIT],
            [1, 2],
            "arrival 1 was packet 2, not packet 2, changed: it should be changed",
        ),
        (
            [1, 2],
            [1, 2 | CORRUPT_BIT],
            "arrival 1 was packet 2, changed, not packet 2: it should not be changed",
        ),
        ([1, 2], [1], "1 packets arrived, not 2: the first that is missing is packet 2"),
        ([1], [1, 1], "2 packets arrived, not 1: the first too many is packet 1"),
        ([], [5], "1 packets arrived, not 0: the first too many is packet 5"),
    ],
)
def test_the_first_difference_is_one_clear_sentence(
    told: list[int], seen: list[int], said: str
) -> None:
    assert first_difference(told, seen) == said
    assert first_difference(told, told) is None


@given(st.lists(st.integers(0, 5), max_size=8), st.lists(st.integers(0, 5), max_size=8))
def test_there_is_a_sentence_for_every_difference(told: list[int], seen: list[int]) -> None:
    said = first_difference(told, seen)
    assert (said is None) == (told == seen)
    if said is not None and Counter(told) == Counter(seen):
        assert " came as arrival " in said


def test_the_first_miscount_is_one_clear_sentence() -> None:
    told = {"lost": 3, "duplicated": 0}
    assert first_miscount(told, {"lost": 3, "duplicated": 0, "late": 9}, "the wire") is None
    said = first_miscount(told, {"lost": 2, "duplicated": 1}, "the wire")
    assert said == "the wire counted lost 2, not 3"
