"""A slow FIX validator that reads the XML itself: what the one in C is held against.

Written the way the rules are told: a message is sorted into header, body and trailer with its
groups split off, and then asked one question after the other. It shares nothing with the engine.
"""

from __future__ import annotations

import datetime
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

SOH = b"\x01"

INT = re.compile(rb"-?[0-9]{1,18}")
UINT = re.compile(rb"[0-9]{1,19}")
FLOAT = re.compile(rb"-?([0-9]+\.?[0-9]*|\.[0-9]+)")
TIME = re.compile(rb"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]{1,9})?")
ZONE = re.compile(rb"Z|[+-](0[0-9]|1[0-4])(:[0-5][0-9])?")
MINUTE = re.compile(rb"([01][0-9]|2[0-3]):[0-5][0-9]")
MONTH = re.compile(rb"[0-9]{4}(0[1-9]|1[0-2])(w[1-5])?")


def is_date(text: bytes) -> bool:
    if not re.fullmatch(rb"[0-9]{8}", text):
        return False
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
    try:
        # Python has no year 0; its calendar is that of 400 years later.
        datetime.date(year or 400, month, day)
    except ValueError:
        return False
    return True


def is_time(text: bytes) -> bool:
    return TIME.fullmatch(text) is not None


def is_tz_time(text: bytes) -> bool:
    at = min((text.index(c) for c in b"Z+-" if c in text), default=len(text))
    clock, zone = text[:at], text[at:]
    is_clock = is_time(clock) or MINUTE.fullmatch(clock) is not None
    return is_clock and ZONE.fullmatch(zone) is not None


def is_month(text: bytes) -> bool:
    return MONTH.fullmatch(text) is not None or is_date(text)


def is_day(text: bytes) -> bool:
    return re.fullmatch(rb"[0-9]{1,2}", text) is not None and 1 <= int(text) <= 31


def is_stamp(text: bytes) -> bool:
    return is_date(text[:8]) and text[8:9] == b"-" and is_time(text[9:])


def is_tz_stamp(text: bytes) -> bool:
    return is_date(text[:8]) and text[8:9] == b"-" and is_tz_time(text[9:])


CHECKS = {
    "BOOLEAN": lambda t: t in (b"Y", b"N"),
    "CHAR": lambda t: len(t) == 1,
    "SEQNUM": lambda t: UINT.fullmatch(t) is not None,
    "UTCTIMESTAMP": is_stamp,
    "TIME": is_stamp,
    "UTCTIMEONLY": is_time,
    "LOCALMKTTIME": is_time,
    "MONTHYEAR": is_month,
    "DAYOFMONTH": is_day,
    "TZTIMEONLY": is_tz_time,
    "TZTIMESTAMP": is_tz_stamp,
}
for name in ("INT", "LENGTH", "NUMINGROUP", "TAGNUM"):
    CHECKS[name] = lambda t: INT.fullmatch(t) is not None
for name in ("FLOAT", "PRICE", "QTY", "AMT", "PRICEOFFSET", "PERCENTAGE"):
    CHECKS[name] = lambda t: FLOAT.fullmatch(t) is not None
for name in ("UTCDATEONLY", "UTCDATE", "LOCALMKTDATE", "DATE"):
    CHECKS[name] = is_date
# QuickFIX takes anything for these.
LENIENT = {"LOCALMKTTIME", "LOCALMKTDATE", "DATE", "MONTHYEAR", "DAYOFMONTH", "TZTIMEONLY"}
LENIENT |= {"TZTIMESTAMP"}

# What the header of some version has: in a version that does not know it, it is wrong there.
HEADERS = {43, 50, 57, 90, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145, 212, 213}
HEADERS |= {347, 369, 370, 627, 1128, 1129}


class Item(NamedTuple):
    """A field, and the tag of the field before it."""

    tag: int
    value: bytes
    before: int


@dataclass
class Level:
    """What a message or a group may hold: tag -> required, in order; the groups among them."""

    members: dict[int, bool] = field(default_factory=dict)
    groups: dict[int, Level] = field(default_factory=dict)

    @property
    def required(self) -> list[int]:
        return sorted(tag for tag, required in self.members.items() if required)


@dataclass
class Entry:
    """Fields of one level in their order, and the groups that they count."""

    fields: list[Item] = field(default_factory=list)
    groups: list[tuple[int, list[Entry]]] = field(default_factory=list)


class Rejected(Exception):
    def __init__(self, reason: int, tag: int) -> None:
        self.reason = reason
        self.tag = tag


Types = dict[int, tuple[str, set[bytes]]]  # tag -> type, enumerated values


@dataclass
class Reference:
    """One dictionary file (FIX 4.x), or an application's over a transport's."""

    path: Path
    transport: Path | None = None
    allow_user: bool = False
    allow_unknown: bool = False
    any_order: bool = False
    any_value: bool = False
    group_order: bool = True
    strict: bool = True

    def __post_init__(self) -> None:
        root = ET.parse(self.path).getroot()
        frame = ET.parse(self.transport).getroot() if self.transport else root
        self.begin = version(frame)
        self.frame_types, frame_tags = fields_of(frame)
        self.app_types, app_tags = fields_of(root)
        # What a tag means when it is where it does not belong: the application's idea of it.
        self.types = {**self.frame_types, **self.app_types}
        self.header = level_of(frame, frame_tags, frame.find("header"))
        self.trailer = level_of(frame, frame_tags, frame.find("trailer"))
        self.session = messages_of(frame, frame_tags)
        self.messages = {**messages_of(root, app_tags), **self.session}
        names = {**frame_tags, **app_tags}
        self.lengths = {
            tag: names.get(name + "Len", names.get(name + "Length", 0))
            for name, tag in names.items()
            if self.types[tag][0] in ("DATA", "XMLDATA")
        }

    def split(self, message: bytes) -> list[Item]:
        """At SOH, but for raw data, whose length the field before states."""
        items: list[Item] = []
        at = before = 0
        while at < len(message):
            equals = message.index(b"=", at)
            tag = int(message[at:equals])
            end = message.index(SOH, equals)
            if before and before == self.lengths.get(tag):
                end = equals + 1 + int(items[-1].value)
            items.append(Item(tag, message[equals + 1 : end], before))
            at, before = end + 1, tag
        return items

    def judge(self, message: bytes) -> tuple[int, int] | None:
        """SessionRejectReason and RefTagID (0: none) of the first error; None: without fault."""
        items = self.split(message)
        if items[0].value.decode() != self.begin:
            return 99, 8
        try:
            self._judge(items, items[2].value.decode("latin-1"))
        except Rejected as error:
            return error.reason, error.tag
        return None

    def _judge(self, items: list[Item], type_: str) -> None:
        level = self.messages.get(type_, Level())
        known = self.frame_types if type_ in self.session else self.types
        header, body, trailer = self._sort(items, level, known)
        if type_ not in self.messages:
            raise Rejected(11, 0)
        frame = self.header.members.keys() | self.trailer.members.keys()
        for part, wanted in ((header, self.header), (trailer, self.trailer), (body, level)):
            have = {item.tag for item in part.fields}
            for tag in wanted.required:
                if tag not in have and not (wanted is level and tag in frame):
                    raise Rejected(1, tag)
        groups = [(tag, entries, self.header.groups[tag]) for tag, entries in header.groups]
        groups += [(tag, entries, level.groups[tag]) for tag, entries in body.groups]
        for _, entries, inner in sorted(groups, key=lambda g: g[0]):
            self._need(entries, inner)
        self._walk(header, self.header, self.frame_types, known)
        self._walk(trailer, self.trailer, self.frame_types, known)
        types = self.frame_types if type_ in self.session else self.app_types
        self._walk(body, level, types, known)
        # Nobody reads the number of a SequenceReset.
        if type_ != "4" and any(t == 34 and not value.strip(b"0") for t, value, _ in header.fields):
            raise Rejected(5, 34)

    def _sort(self, items: list[Item], level: Level, types: Types) -> tuple[Entry, Entry, Entry]:
        header, body, trailer = Entry(), Entry(), Entry()
        where = header
        first_wrong = i = 0
        elsewhere = {tag for tag in HEADERS if tag not in types and tag not in level.members}
        while i < len(items):
            item = items[i]
            if item.tag in self.header.members or item.tag in elsewhere:
                part, known = header, self.header
                wrong = where is not header
            elif item.tag in self.trailer.members:
                part, known, wrong = trailer, self.trailer, False
                where = trailer
            else:
                part, known, wrong = body, level, where is trailer
                where = body
            first_wrong = first_wrong or (item.tag if wrong else 0)
            part.fields.append(item)
            i += 1
            if item.tag in known.groups:
                entries, i = self._entries(items, i, known.groups[item.tag])
                part.groups.append((item.tag, entries))
        if first_wrong and not self.any_order:
            raise Rejected(14, first_wrong)
        return header, body, trailer

    def _entries(self, items: list[Item], i: int, level: Level) -> tuple[list[Entry], int]:
        entries: list[Entry] = []
        delimiter = next(iter(level.members))
        while i < len(items) - 1 and items[i].tag in level.members:
            tag = items[i].tag
            have = {item.tag for item in entries[-1].fields} if entries else set()
            if tag == delimiter or not entries or tag in have:
                entries.append(Entry())
            entry = entries[-1]
            entry.fields.append(items[i])
            i += 1
            if tag in level.groups:
                inner, i = self._entries(items, i, level.groups[tag])
                entry.groups.append((tag, inner))
        return entries, i

    def _need(self, entries: list[Entry], level: Level) -> None:
        for entry in entries:
            have = {item.tag for item in entry.fields}
            for tag in level.required:
                if tag not in have:
                    raise Rejected(1, tag)
            for tag, inner in entry.groups:
                self._need(inner, level.groups[tag])

    def _walk(self, part: Entry, level: Level, types: Types, all_types: Types) -> None:
        first = {8: -3, 9: -2, 35: -1, 10: 2**31}
        groups = list(part.groups)
        last = 0
        for item in sorted(part.fields, key=lambda item: first.get(item.tag, item.tag)):
            if item.tag == last:
                raise Rejected(13, item.tag)
            last = item.tag
            self._value(item, types if item.tag in level.members else all_types)
            if item.tag not in level.members:
                if not (self.allow_user if item.tag >= 5000 else self.allow_unknown):
                    raise Rejected(2 if item.tag in all_types else 0, item.tag)
                continue
            self._data(item)
            if item.tag in level.groups:
                self._group(item, pop(groups, item.tag), level.groups[item.tag], types)

    def _group(self, count: Item, entries: list[Entry], level: Level, types: Types) -> None:
        if not INT.fullmatch(count.value) or int(count.value) != len(entries):
            raise Rejected(16, count.tag)
        order = list(level.members)
        for entry in entries:
            groups = list(entry.groups)
            place = -1
            for item in entry.fields:
                self._value(item, types)
                self._data(item)
                now = order.index(item.tag)
                if self.group_order and (now < place or (place < 0 and now > 0)):
                    raise Rejected(15, item.tag)
                place = now
                if item.tag in level.groups:
                    self._group(item, pop(groups, item.tag), level.groups[item.tag], types)

    def _value(self, item: Item, types: Types) -> None:
        if item.tag not in types:
            return
        kind, values = types[item.tag]
        check = CHECKS.get(kind)
        if check and (self.strict or kind not in LENIENT) and not check(item.value):
            raise Rejected(6, item.tag)
        if not values or self.any_value:
            return
        texts = item.value.split(b" ") if kind.startswith("MULTIPLE") else [item.value]
        if any(text not in values for text in texts):
            raise Rejected(5, item.tag)

    def _data(self, item: Item) -> None:
        length = self.lengths.get(item.tag, 0)
        if length and item.before != length:
            raise Rejected(1, length)


def pop(groups: list[tuple[int, list[Entry]]], tag: int) -> list[Entry]:
    return groups.pop(next(i for i, (t, _) in enumerate(groups) if t == tag))[1]


def version(root: ET.Element) -> str:
    return "{type}.{major}.{minor}".format(**root.attrib)


def fields_of(root: ET.Element) -> tuple[Types, dict[str, int]]:
    types: Types = {}
    tags: dict[str, int] = {}
    for node in root.iterfind("fields/field"):
        kind, tag = node.attrib["type"], int(node.attrib["number"])
        if kind == "CHAR" and version(root) in ("FIX.4.0", "FIX.4.1"):
            kind = "STRING"
        tags[node.attrib["name"]] = tag
        types[tag] = kind, {value.attrib["enum"].encode() for value in node}
    return types, tags


def messages_of(root: ET.Element, tags: dict[str, int]) -> dict[str, Level]:
    return {
        node.attrib["msgtype"]: level_of(root, tags, node)
        for node in root.iterfind("messages/message")
    }


def level_of(root: ET.Element, tags: dict[str, int], node: ET.Element | None) -> Level:
    assert node is not None
    components = {c.attrib["name"]: c for c in root.iterfind("components/component")}
    return resolve(components, tags, node)


def resolve(components: dict[str, ET.Element], tags: dict[str, int], node: ET.Element) -> Level:
    level = Level()
    for child, required in flat(components, node, True):
        tag = tags[child.attrib["name"]]
        level.members[tag] = level.members.get(tag, False) or required
        if child.tag == "group" and tag not in level.groups:
            level.groups[tag] = resolve(components, tags, child)
    return level


def flat(
    components: dict[str, ET.Element], node: ET.Element, needed: bool
) -> Iterator[tuple[ET.Element, bool]]:
    """The fields and groups of an element, components put in their place; what is required."""
    for child in node:
        required = needed and child.attrib.get("required", "N") in "Yy"
        if child.tag == "component":
            yield from flat(components, components[child.attrib["name"]], required)
        else:
            yield child, required
