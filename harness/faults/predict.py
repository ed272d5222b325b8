"""Which packets arrive, in which order, and in which state: told before one is sent.

Written to be checked by eye: one packet at a time, plain integers, and nothing shared with the code
that does it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.net.impair import Action
from engine.net.wire import WirePlan
from harness.config.impair_units import MILLION
from harness.faults.plan import WayPlan

CORRUPT_BIT = 1 << 63  # in a flood's log: the number of a packet that was changed
DRAW_REORDER = 2
_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet on its way: which one, whether its byte is changed, and by how many of such changes
    its checksum was mended.
    """

    seq: int
    is_changed: bool = False
    n_mended: int = 0

    def changed(self, *, mends: bool) -> Packet:
        """The byte changes, or changes back."""
        step = (-1 if self.is_changed else 1) if mends else 0
        return Packet(self.seq, not self.is_changed, self.n_mended + step)

    @property
    def checksum_is_right(self) -> bool:
        return self.n_mended == int(self.is_changed)

    @property
    def logged(self) -> int:
        return self.seq | CORRUPT_BIT if self.is_changed else self.seq


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the receiver must see, as a flood logs it, and what each stage must count."""

    arrivals: tuple[int, ...]
    wire: Mapping[str, int]  # counters of engine.net.Wire; empty: no wire
    table: Mapping[str, int]  # counters of engine.net.Impair; empty: no table


def predict(
    way: WayPlan, n_sent: int, *, first_seq: int = 0, verifies_checksum: bool
) -> Prediction:
    """The fate of n_sent packets sent one after the other, after nothing was sent before.

    A receiver that verifies checksums never shows what has a wrong one. ValueError: that way is
    decided by the clock or by chance.
    """
    if not way.is_exact:
        raise ValueError(f"{way.line} {way.direction}: nobody can tell beforehand")
    packets = [Packet(first_seq + i) for i in range(n_sent)]
    wire: Counter[str] = Counter()
    table: Counter[str] = Counter()
    if way.wire is not None:
        packets = _through_wire(packets, way.wire, wire)
    if way.table is not None:
        packets = _through_table(packets, way.table.tolist(), way.table_in_xdp, table)
    if verifies_checksum:
        packets = [packet for packet in packets if packet.checksum_is_right]
    return Prediction(tuple(packet.logged for packet in packets), dict(wire), dict(table))


def _through_table(
    packets: Iterable[Packet], fates: Sequence[int], in_xdp: bool, n: Counter[str]
) -> list[Packet]:
    out: list[Packet] = []
    n.update(dict.fromkeys(("n_seen", *_TABLE_COUNTERS.values(), "n_undone"), 0))
    for index, packet in enumerate(packets):
        fate = Action(fates[index % len(fates)])
        n["n_seen"] += 1
        n[_TABLE_COUNTERS[fate]] += 1
        if fate is Action.DUPLICATE and in_xdp:
            raise ValueError("XDP cannot duplicate")
        out += _met(packet, fate)
    return out


_TABLE_COUNTERS = {
    Action.PASS: "n_passed",
    Action.DROP: "n_dropped",
    Action.DUPLICATE: "n_duplicated",
    Action.CORRUPT: "n_corrupted",
    Action.CORRUPT_FRAME: "n_corrupted_frame",
}


def _met(packet: Packet, fate: Action) -> list[Packet]:
    """What is left of a packet that met its fate."""
    match fate:
        case Action.DROP:
            return []
        case Action.DUPLICATE:
            return [packet, packet]
        case Action.CORRUPT:
            return [packet.changed(mends=True)]
        case Action.CORRUPT_FRAME:
            return [packet.changed(mends=False)]
    return [packet]


_WIRE_COUNTERS = {
    Action.DROP: "lost",
    Action.DUPLICATE: "duplicated",
    Action.CORRUPT: "corrupted",
    Action.CORRUPT_FRAME: "corrupted_frame",
}


_WIRE_TROUBLE = ("overflow", "too_large", "queue_full", "undone")


def _through_wire(packets: Sequence[Packet], plan: WirePlan, n: Counter[str]) -> list[Packet]:
    fates = [int(Action.PASS)] if plan.actions is None else plan.actions.tolist()
    by = plan.reorder_by or 1
    n.update(dict.fromkeys((*_WIRE_COUNTERS.values(), *_WIRE_TROUBLE), 0))
    n.update(dict.fromkeys(("reordered", "let_go", "forwarded"), 0))
    n["numbered"] = len(packets)
    # Who waits for packet m leaves behind it: its place is half a step after m.
    placed: list[tuple[int, int, int, list[Packet]]] = []
    for index, packet in enumerate(packets):
        fate = Action(fates[index % len(fates)])
        if fate is not Action.PASS:
            n[_WIRE_COUNTERS[fate]] += 1
        left = _met(packet, fate)
        if left and _is_reordered(plan, index):
            n["reordered" if index + by < len(packets) else "let_go"] += 1
            placed.append((index + by, 1, index, left))
        else:
            placed.append((index, 0, index, left))
    placed.sort(key=lambda place: place[:3])
    out = [packet for *_, left in placed for packet in left]
    n["forwarded"] = len(out)
    return out


def _is_reordered(plan: WirePlan, index: int) -> bool:
    if plan.reorder_every:
        return (index + 1) % plan.reorder_every == 0
    top = _mix(_mix(plan.seed + DRAW_REORDER * _STEP) + (index + 1) * _STEP) >> 32
    return top * MILLION >> 32 < plan.reorder_ppm


def _mix(x: int) -> int:
    x &= _MASK
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & _MASK
    return x ^ x >> 31


def first_difference(predicted: Sequence[int], seen: Sequence[int]) -> str | None:
    """One sentence about the first packet that is not the one that was told; None: all are."""
    for at, (want, got) in enumerate(zip(predicted, seen, strict=False)):
        if want != got:
            return (
                f"arrival {at} was {_packet(got)}, not {_packet(want)}: {_why(at, predicted, seen)}"
            )
    if len(seen) < len(predicted):
        at = len(seen)
        return (
            f"{at} packets arrived, not {len(predicted)}: "
            f"the first that is missing is {_packet(predicted[at])}"
        )
    if len(seen) > len(predicted):
        at = len(predicted)
        return f"{len(seen)} packets arrived, not {at}: the first too many is {_packet(seen[at])}"
    return None


def _packet(logged: int) -> str:
    number = logged & ~CORRUPT_BIT
    return f"packet {number}, changed" if logged & CORRUPT_BIT else f"packet {number}"


def _why(at: int, predicted: Sequence[int], seen: Sequence[int]) -> str:
    want, got = predicted[at], seen[at]
    if want == got ^ CORRUPT_BIT:
        return "it should not be changed" if got & CORRUPT_BIT else "it should be changed"
    left = Counter(seen[at:])
    if left[want] < Counter(predicted[at:])[want]:
        return f"{_packet(want)} is missing"
    if left[got] > Counter(predicted[at:])[got]:
        return f"{_packet(got)} is one too many"
    later = next(i for i, one in enumerate(seen[at:], at) if one == want)
    return f"{_packet(want)} came as arrival {later}"


def first_miscount(
    predicted: Mapping[str, int], counted: Mapping[str, int], who: str
) -> str | None:
    """One sentence about the first counter that is not what was told."""
    for name, want in predicted.items():
        got = counted[name]
        if got != want:
            return f"{who} counted {name} {got}, not {want}"
    return None
