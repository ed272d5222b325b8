"""FIX dictionaries: what a version allows, read from QuickFIX-format XML when somebody asks for it.

`Dictionary.load` reads a file, resolves its components and hands plain arrays to C, which makes the
tables that validation runs on (csrc/market/fix/dict.h). The objects here are for looking at: names,
tags, texts of enumerations, members of messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.market.dictionary_model import (
    MAX_TAG,
    TYPES,
    Field,
    Group,
    Member,
    Message,
    unique,
)
from engine.market.dictionary_xml import File

__all__ = [
    "MAX_TAG",
    "Checks",
    "Dictionary",
    "Field",
    "Group",
    "Member",
    "Message",
    "reason_text",
]

NO_GROUP = 2**32 - 1  # RL_FIX_NO_GROUP
APPLICATION = 4  # RL_FIX_FIELD_APPL

# ApplVerID (1128) of an application version.
APPL_VER_IDS: Mapping[str, str] = MappingProxyType(
    {
        "FIX.4.0": "2",
        "FIX.4.1": "3",
        "FIX.4.2": "4",
        "FIX.4.3": "5",
        "FIX.4.4": "6",
        "FIX.5.0": "7",
        "FIX.5.0SP1": "8",
        "FIX.5.0SP2": "9",
    }
)


@dataclass(frozen=True, slots=True)
class Checks:
    """What is looked at. The defaults are QuickFIX's, and `group_order` and `strict_types` more."""

    user_tags: bool = True  # tags from 5000 on must be in the dictionary, too
    unknown_tags: bool = True  # tags below 5000 must be in the dictionary and in the message
    order: bool = True  # header before body before trailer
    values: bool = True  # enumerations
    group_order: bool = True  # fields of an entry in the dictionary's order
    strict_types: bool = True  # LOCALMKTDATE, MONTHYEAR, DAYOFMONTH, TZ..., which QuickFIX lets by
    undefined_is_3: bool = False  # a tag that nobody knows: 3, as FIX says, not 0 as QuickFIX does

    @property
    def flags(self) -> int:
        """RL_FIX_ANY_* and RL_FIX_SAY_UNDEFINED."""
        lenient = (self.user_tags, self.unknown_tags, self.order, self.values)
        more = (self.group_order, self.strict_types, not self.undefined_is_3)
        return sum(1 << bit for bit, on in enumerate(lenient + more) if not on)


class Dictionary:
    """A FIX version. Read-only; any number of threads may validate with it.

    `version` is "FIX.4.4", "FIX.5.0SP2", "FIXT.1.1"; `begin_string` what its messages begin with.
    With a transport, header, trailer and session messages are the transport's, all else is the
    application's.
    """

    def __init__(
        self,
        *,
        version: str,
        begin_string: str,
        fields: Sequence[Field],
        header: tuple[Member, ...],
        trailer: tuple[Member, ...],
        messages: Sequence[Message],
        appl_ver_id: str = "",
        checks: Checks | None = None,
        also: Sequence[Dictionary] = (),
        session_tags: frozenset[int] | None = None,
    ) -> None:
        self.version = version
        self.begin_string = begin_string
        self.appl_ver_id = appl_ver_id
        self.header = header
        self.trailer = trailer
        self.checks = checks or Checks()
        self.also = tuple(also)
        self.fields: Mapping[int, Field] = MappingProxyType({f.tag: f for f in fields})
        self.names: Mapping[str, Field] = MappingProxyType({f.name: f for f in fields})
        self.messages: Mapping[str, Message] = MappingProxyType({m.type: m for m in messages})
        self._fields = tuple(fields)
        # What messages of the session know, when an application's fields are there as well.
        self._session_tags = session_tags

    def __repr__(self) -> str:
        return f"<Dictionary {self.version}: {len(self.messages)} messages>"

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        transport: str | PathLike[str] | None = None,
        *,
        also: Sequence[str | PathLike[str]] = (),
        checks: Checks | None = None,
    ) -> Dictionary:
        """Reads a dictionary; FIX 5.0 and later validate with `transport` (FIXT11.xml) only.

        `also` names the dictionaries of other application versions that messages may choose by
        ApplVerID (1128); what names none is of the version of `path`. ValueError, one line that
        begins with FILE:LINE, for a file that is no dictionary; OSError when it cannot be read.
        """
        app = cls._read(Path(path), checks)
        if transport is None:
            if also:
                raise ValueError(f"{path}:1: other application versions need a transport")
            return app
        carrier = cls._read(Path(transport), checks)
        if not carrier.version.startswith("FIXT"):
            raise ValueError(f"{transport}:1: a transport is of type FIXT, not {carrier.version}")
        if app.version.startswith("FIXT"):
            raise ValueError(f"{path}:1: {app.version} is a transport, not an application version")
        others: dict[str, Dictionary] = {}
        for name in also:
            other = cls._read(Path(name), checks)
            if other.version not in APPL_VER_IDS or other.version in (app.version, *others):
                raise ValueError(f"{name}:1: {other.version} is there twice, or no application's")
            others[other.version] = other._over(carrier, ())
        return app._over(carrier, tuple(others.values()))

    @classmethod
    def _read(cls, path: Path, checks: Checks | None) -> Dictionary:
        """One file, as it is."""
        file = File(path)
        return cls(
            version=file.version,
            begin_string=file.begin_string,
            fields=tuple(file.fields.values()),
            header=file.part("header"),
            trailer=file.part("trailer"),
            messages=file.messages(),
            checks=checks,
        )

    def _over(self, transport: Dictionary, also: Sequence[Dictionary]) -> Dictionary:
        """This application over that transport."""
        ours = [m for m in self.messages.values() if m.type not in transport.messages]
        return Dictionary(
            version=self.version,
            begin_string=transport.begin_string,
            # The last of two fields with one tag is what a tag means outside of the header.
            fields=(*transport._fields, *self._fields),
            header=transport.header,
            trailer=transport.trailer,
            messages=(*transport.messages.values(), *ours),
            appl_ver_id=APPL_VER_IDS.get(self.version, ""),
            checks=self.checks,
            also=also,
            session_tags=frozenset(transport.fields),
        )

    def amended(
        self,
        *,
        optional: Sequence[str] = (),
        extra: Mapping[str, Sequence[str]] | None = None,
        values: Mapping[str, Mapping[str, str]] | None = None,
        checks: Checks | None = None,
    ) -> Dictionary:
        """The dictionary of a venue that differs from the version it is built on.

        `optional` fields of the header are not required any more, `extra` gives message types more
        (optional) fields, {"0": ["ApplID"]}, and `values` gives fields more enumerated values,
        {"MDEntryType": {"x": "status"}}. ValueError for a name that the dictionary does not have.
        """
        for name in optional:
            if not any(m.field.name == name and m.required for m in self.header):
                raise ValueError(f"{self.version}: the header does not require a field {name!r}")
        more = {self.field(name).name: texts for name, texts in (values or {}).items()}
        same: dict[int, Field] = {}
        groups: dict[int, Group] = {}

        def amend(member: Member) -> Member:
            group = member.group
            if group is not None:
                if id(group) not in groups:
                    inside = tuple(amend(m) for m in group.members)
                    groups[id(group)] = Group(inside, group.depth)
                group = groups[id(group)]
            return Member(same[id(member.field)], member.required, group)

        for field in self._fields:
            texts = more.get(field.name)
            same[id(field)] = (
                replace(field, values=MappingProxyType({**field.values, **texts}))
                if texts
                else field
            )
        header = tuple(amend(m) for m in self.header)
        messages = {t: tuple(amend(m) for m in msg.members) for t, msg in self.messages.items()}
        for type_, names in (extra or {}).items():
            if type_ not in messages:
                raise ValueError(f"{self.version}: no message type {type_!r}")
            added = tuple(Member(same[id(self.field(name))], False) for name in names)
            messages[type_] = unique(messages[type_] + added)
        return Dictionary(
            version=self.version,
            begin_string=self.begin_string,
            fields=tuple(same[id(field)] for field in self._fields),
            header=tuple(
                replace(m, required=False) if m.field.name in optional else m for m in header
            ),
            trailer=tuple(amend(m) for m in self.trailer),
            messages=tuple(replace(self.messages[t], members=ms) for t, ms in messages.items()),
            appl_ver_id=self.appl_ver_id,
            checks=checks or self.checks,
            also=self.also,
            session_tags=self._session_tags,
        )

    def field(self, which: str | int) -> Field:
        """By name or tag; ValueError when there is none."""
        found = self.names.get(which) if isinstance(which, str) else self.fields.get(which)
        if found is None:
            raise ValueError(f"{self.version}: no field {which!r}")
        return found

    def tag(self, name: str) -> int:
        """The tag of a field name; ValueError when there is none."""
        return self.field(name).tag

    def text(self, which: str | int, value: str) -> str:
        """What an enumerated value means ("" when it is not enumerated): text("Side", "1")."""
        return self.field(which).values.get(value, "")

    def groups(self) -> Iterator[tuple[str, Field, Group]]:
        """Every group of every message, nested ones too: message type, count field, group."""
        for message in self.messages.values():
            stack, seen = list(message.members), set[int]()
            while stack:
                member = stack.pop()
                if member.group is not None and id(member.group) not in seen:
                    seen.add(id(member.group))
                    yield message.type, member.field, member.group
                    stack += member.group.members

    @cached_property
    def core(self) -> _core.Dictionary:
        """The tables in C, built when first asked for; ValueError when the dictionary has none."""
        if not self.header:
            raise ValueError(
                f"{self.version}: has no header of its own: load it with transport=FIXT11.xml"
            )
        arrays = _Arrays(self._fields, self._session_tags)
        header = arrays.run(self.header)
        trailer = arrays.run(self.trailer)
        messages = [(int(m.is_admin), *arrays.run(m.members)) for m in self.messages.values()]
        return _core.Dictionary(
            begin_string=self.begin_string,
            appl_ver_id=self.appl_ver_id,
            flags=self.checks.flags,
            values=arrays.values,
            message_types=tuple(self.messages),
            fields=_words(arrays.fields),
            members=_words(arrays.members),
            groups=_words(arrays.groups),
            messages=_words(messages),
            header=header,
            trailer=trailer,
            also=tuple(other.core for other in self.also),
        )


def reason_text(reason: int) -> str:
    """What Text (58) of a Reject says for a SessionRejectReason (373); "" when there is none."""
    return _core.fix_reason_text(reason)


def _words(rows: Sequence[tuple[int, ...]]) -> npt.NDArray[np.uint32]:
    return np.ascontiguousarray(rows, np.uint32).reshape(-1)


class _Arrays:
    """Fields, members and groups as rows of struct rl_fix_spec_*; a group is listed once."""

    def __init__(self, fields: Sequence[Field], session_tags: frozenset[int] | None) -> None:
        self.values: list[str] = []
        self.fields: list[tuple[int, ...]] = []
        self.members: list[tuple[int, ...]] = []
        self.groups: list[tuple[int, ...]] = []
        self._index = {id(field): i for i, field in enumerate(fields)}
        self._known: dict[int, int] = {}
        for field in fields:
            type_, flags = TYPES[field.type]
            if session_tags is not None and field.tag not in session_tags:
                flags |= APPLICATION
            self.fields.append((field.tag, type_, flags, len(self.values), len(field.values)))
            self.values += field.values

    def run(self, members: Sequence[Member]) -> tuple[int, int]:
        # Groups first: the members of a run lie together.
        rows = [
            (
                self._index[id(m.field)],
                NO_GROUP if m.group is None else self._group(m.group),
                int(m.required),
            )
            for m in members
        ]
        self.members += rows
        return len(self.members) - len(rows), len(rows)

    def _group(self, group: Group) -> int:
        if id(group) not in self._known:
            run = self.run(group.members)
            self._known[id(group)] = len(self.groups)
            self.groups.append(run)
        return self._known[id(group)]
