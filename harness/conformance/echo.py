"""The application behind the acceptor: it sends orders, definitions and e-mails back as they came.

An order that may be a repetition (PossResend) is dropped when its ClOrdID is known. Every other
type is not supported. What goes back is written as QuickFIX would: fields ascending by tag, those
of a group's entries in the dictionary's order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.market.dictionary import Dictionary, Group, Member
from engine.session import Delivered, Refusal, Refuse, Send

ORDER, DEFINITION, EMAIL = "D", "d", "C"
CL_ORD_ID = 11

# Header fields that are the session's, or belong to one sending only.
OURS = frozenset({8, 9, 35, 34, 49, 52, 56, 43, 122})
HOPS = range(627, 631)  # a group of the header: its fields stay together

FieldPair = tuple[int, bytes]


class EchoApplication:
    """Of one session; `forget` when it is logged out."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._messages = dictionary.messages
        self._header = {tag for member in dictionary.header for tag in _tags(member)}
        self._trailer = {member.field.tag for member in dictionary.trailer}
        self._orders: set[bytes] = set()

    def forget(self) -> None:
        self._orders.clear()

    def __call__(self, message: Delivered) -> Sequence[Send | Refuse]:
        if message.type not in (ORDER, DEFINITION, EMAIL):
            return [Refuse(Refusal.TYPE)]
        if message.type == ORDER:
            order = message.value(CL_ORD_ID)
            if order is None:
                return [Refuse(Refusal.MISSING, CL_ORD_ID)]
            if message.is_poss_resend and order in self._orders:
                return []
            self._orders.add(order)
        return [self._echo(message)]

    def _echo(self, message: Delivered) -> Send:
        head, body, tail = [], [], []
        for tag, value in message.fields:
            if tag in self._header:
                head.append((tag, value))
            elif tag in self._trailer:
                tail.append((tag, value))
            else:
                body.append((tag, value))
        known = self._messages.get(message.type)
        nodes = _nodes(body, known.members if known is not None else ())
        kept = [(tag, value) for tag, value in head if tag not in OURS]
        kept.sort(key=lambda field: HOPS[0] if field[0] in HOPS else field[0])
        ending = sorted((tag, value) for tag, value in tail if tag != 10)
        return Send(message.type, _bytes(_flat(nodes)) + _bytes(ending), _bytes(kept))


# --- order of fields ---


@dataclass(slots=True)
class _Node:
    """A field with the entries of the group that it counts."""

    tag: int
    value: bytes
    entries: list[list[_Node]]


def _nodes(fields: Sequence[FieldPair], members: Iterable[Member]) -> list[_Node]:
    """The fields of a body ascending by tag."""
    groups = {m.field.tag: m.group for m in members if m.group is not None}
    found, at = [], 0
    while at < len(fields):
        node, at = _node(fields, at, groups)
        found.append(node)
    return sorted(found, key=lambda node: node.tag)


def _node(fields: Sequence[FieldPair], at: int, groups: Mapping[int, Group]) -> tuple[_Node, int]:
    tag, value = fields[at]
    node = _Node(tag, value, [])
    at += 1
    group = groups.get(tag)
    if group is None:
        return node, at
    places = {m.field.tag: place for place, m in enumerate(group.members)}
    inner = {m.field.tag: m.group for m in group.members if m.group is not None}
    while at < len(fields) and fields[at][0] in places:
        if fields[at][0] == group.delimiter.tag or not node.entries:
            node.entries.append([])
        one, at = _node(fields, at, inner)
        node.entries[-1].append(one)
    for entry in node.entries:
        entry.sort(key=lambda one: places[one.tag])
    return node, at


def _flat(nodes: Iterable[_Node]) -> Iterable[FieldPair]:
    for node in nodes:
        yield node.tag, node.value
        for entry in node.entries:
            yield from _flat(entry)


def _tags(member: Member) -> Iterable[int]:
    yield member.field.tag
    if member.group is not None:
        for inner in member.group.members:
            yield from _tags(inner)


def _bytes(fields: Iterable[FieldPair]) -> bytes:
    return b"".join(b"%d=%b\x01" % field for field in fields)
