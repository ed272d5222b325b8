"""FIX dictionaries in QuickFIX's XML format, read strictly: every error is one FILE:LINE line.

The file is not trusted: no DTD (and so no entities), bounded size, depth and count. What the format
does not know is an error, but for attributes, which dictionaries are fond of adding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn
from xml.parsers import expat

from engine.market.dictionary_model import (
    MAX_GROUP_DEPTH,
    MAX_TAG,
    TYPES,
    Field,
    Group,
    Member,
    Message,
    unique,
)

MAX_BYTES = 32 << 20  # FIX50SP2 has 1.5 MB
MAX_NODES = 1_000_000
MAX_DEPTH = 32

# What may lie in what; anything else is an error.
CHILDREN: dict[str, frozenset[str]] = {
    "": frozenset({"fix"}),
    "fix": frozenset({"header", "messages", "trailer", "components", "fields"}),
    "header": frozenset({"field", "group", "component"}),
    "trailer": frozenset({"field", "group", "component"}),
    "messages": frozenset({"message"}),
    "message": frozenset({"field", "group", "component"}),
    "group": frozenset({"field", "group", "component"}),
    "components": frozenset({"component"}),
    "component": frozenset({"field", "group", "component"}),
    "fields": frozenset({"field"}),
    "field": frozenset({"value", "values"}),  # those of <fields> only
    "values": frozenset({"value"}),
    "value": frozenset(),
}


@dataclass(slots=True)
class Node:
    """An element and the line that it begins on."""

    path: Path
    tag: str
    line: int
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)

    def wrong(self, what: str) -> NoReturn:
        raise ValueError(f"{self.path}:{self.line}: {what}")

    def get(self, name: str) -> str:
        """An attribute that must be there and must not be empty."""
        value = self.attributes.get(name, "")
        if not value:
            self.wrong(f"<{self.tag}> has no {name}")
        return value

    def number(self, name: str, least: int, most: int) -> int:
        text = self.get(name)
        if not (text.isascii() and text.isdigit()) or len(text) > 10:
            self.wrong(f"{name}: not a number: {text!r}")
        if not least <= int(text) <= most:
            self.wrong(f"{name}: not in {least}..{most}: {text}")
        return int(text)

    @property
    def required(self) -> bool:
        text = self.attributes.get("required", "N")
        if text not in ("Y", "N", "y", "n"):
            self.wrong(f"required: neither Y nor N: {text!r}")
        return text in ("Y", "y")

    def one(self, tag: str) -> Node:
        """The only child of that tag."""
        found = [child for child in self.children if child.tag == tag]
        if not found:
            self.wrong(f"<{self.tag}> has no <{tag}>")
        if len(found) > 1:
            found[1].wrong(f"a second <{tag}>")
        return found[0]

    def all(self, *tags: str) -> Iterator[Node]:
        return (child for child in self.children if child.tag in tags)


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.root = Node(path, "", 1, {})
        self.stack = [self.root]
        self.n = 0

    def wrong(self, what: str) -> NoReturn:
        raise ValueError(f"{self.path}:{self.parser.CurrentLineNumber}: {what}")

    def doctype(self, *_: object) -> None:
        self.wrong("a document type: dictionaries have none")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        parent = self.stack[-1]
        self.n += 1
        if self.n > MAX_NODES:
            self.wrong(f"more than {MAX_NODES} elements")
        if len(self.stack) > MAX_DEPTH:
            self.wrong(f"elements nested deeper than {MAX_DEPTH}")
        if tag not in CHILDREN.get(parent.tag, ()):
            place = f"in <{parent.tag}>" if parent.tag else "at the top"
            self.wrong(f"<{tag}> has no place {place}")
        node = Node(self.path, tag, self.parser.CurrentLineNumber, attributes)
        parent.children.append(node)
        self.stack.append(node)

    def end(self, _: str) -> None:
        self.stack.pop()

    def text(self, text: str) -> None:
        if text.strip():
            self.wrong(f"text between elements: {text.strip()[:20]!r}")


def read(path: Path) -> Node:
    """The <fix> element. Raises ValueError, one line; OSError when the file cannot be read."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{path}:1: larger than {MAX_BYTES >> 20} MiB")
    reader = _Reader(path)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        what = expat.ErrorString(error.code)
        raise ValueError(f"{path}:{error.lineno}: not XML: {what}") from None
    return reader.root.one("fix")


class File:
    """One XML file: its fields, and its components resolved, each only once."""

    def __init__(self, path: Path) -> None:
        self.root = read(path)
        kind = self.root.attributes.get("type", "FIX")
        if kind not in ("FIX", "FIXT"):
            self.root.wrong(f"type: neither FIX nor FIXT: {kind!r}")
        major, minor = self.root.number("major", 0, 9), self.root.number("minor", 0, 9)
        has_pack = "servicepack" in self.root.attributes
        pack = self.root.number("servicepack", 0, 9) if has_pack else 0
        self.begin_string = f"{kind}.{major}.{minor}"
        self.version = self.begin_string + (f"SP{pack}" if pack else "")
        self.fields: dict[str, Field] = {}
        self._tags: set[int] = set()
        for node in self.root.one("fields").children:
            self._add_field(node)
        self.components: dict[str, Node] = {}
        for parent in self.root.all("components"):
            for node in parent.children:
                if self.components.setdefault(node.get("name"), node) is not node:
                    node.wrong(f"component {node.get('name')} is there twice")
        self._resolved: dict[str, tuple[Member, ...]] = {}
        self._resolving: list[str] = []
        self._groups: dict[int, Group] = {}

    def _add_field(self, node: Node) -> None:
        name, tag, type_ = node.get("name"), node.number("number", 1, MAX_TAG), node.get("type")
        if type_ not in TYPES:
            node.wrong(f"type of {name}: not known: {type_!r}")
        if type_ == "CHAR" and self.begin_string < "FIX.4.2":
            type_ = "STRING"  # what CHAR meant before FIX 4.2
        values: dict[str, str] = {}
        is_open = node.attributes.get("allowOtherValues", "").lower() in ("y", "true")
        nodes = [child for child in node.children if child.tag == "value"]
        for child in node.all("values"):
            is_open |= child.attributes.get("allowOtherValues", "").lower() in ("y", "true")
            nodes += child.children
        for child in nodes:
            text = child.get("enum")
            if text in values:
                child.wrong(f"value {text!r} of {name} is there twice")
            values[text] = child.attributes.get("description", "")
        if name in self.fields:
            node.wrong(f"field {name} is there twice")
        if tag in self._tags:
            node.wrong(f"tag {tag} is there twice")
        self._tags.add(tag)
        self.fields[name] = Field(tag, name, type_, MappingProxyType({} if is_open else values))

    def messages(self) -> tuple[Message, ...]:
        found: dict[str, Message] = {}
        for node in self.root.one("messages").children:
            type_, category = node.get("msgtype"), node.get("msgcat")
            if category not in ("admin", "app"):
                node.wrong(f"msgcat: neither admin nor app: {category!r}")
            if type_ in found:
                node.wrong(f"message type {type_!r} is there twice")
            members = self._members(node)
            found[type_] = Message(type_, node.get("name"), category == "admin", members)
        return tuple(found.values())

    def part(self, tag: str) -> tuple[Member, ...]:
        """The header or the trailer, which an application version leaves empty."""
        return self._members(self.root.one(tag))

    def _members(self, node: Node) -> tuple[Member, ...]:
        """What an element may hold, components resolved, each tag once."""
        members: list[Member] = []
        for child in node.children:
            if child.tag == "component":
                inside = self._component(child)
                # What a component requires is required of those only that require the component.
                members += (
                    inside if child.required else [replace(m, required=False) for m in inside]
                )
                continue
            field = self.fields.get(child.get("name"))
            if field is None:
                child.wrong(f"field {child.get('name')} is not defined")
            if child.tag == "field" and child.children:
                child.wrong("values belong to the <field> of <fields>")
            group = self._group(child) if child.tag == "group" else None
            members.append(Member(field, child.required, group))
        return unique(members)

    def _component(self, node: Node) -> tuple[Member, ...]:
        name = node.get("name")
        if name not in self.components:
            node.wrong(f"component {name} is not defined")
        if name in self._resolving:
            node.wrong(f"component {name} is inside itself")
        if name not in self._resolved:
            self._resolving.append(name)
            self._resolved[name] = self._members(self.components[name])
            self._resolving.pop()
        return self._resolved[name]

    def _group(self, node: Node) -> Group:
        if id(node) not in self._groups:
            members = self._members(node)
            if not members:
                node.wrong(f"group {node.get('name')} has no members")
            depth = 1 + max((m.group.depth for m in members if m.group is not None), default=0)
            if depth > MAX_GROUP_DEPTH:
                node.wrong(f"groups nested deeper than {MAX_GROUP_DEPTH}")
            self._groups[id(node)] = Group(members, depth)
        return self._groups[id(node)]
