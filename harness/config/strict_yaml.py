"""YAML without its traps, and with the line of every value.

A subset of YAML 1.2: mappings with unique string keys, lists, and scalars. Anchors, aliases, merge
keys, tags and second documents are refused: a configuration should say what it says where it says
it. Plain scalars are numbers only when they are plain decimal numbers, and booleans only when they
are `true` or `false`; `on`, `no`, `0755`, `1:30`, `1_000` and `2024-01-01` stay the text they look
like, so the typed field that receives them answers with what was seen instead of with a silently
different value.

Lists come back as tuples: what was read does not change afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

Path = tuple[str | int, ...]

MAX_DEPTH: Final = 32  # a hostile file must not exhaust the stack; a real one needs about six

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_WORDS: Final[Mapping[str, object]] = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "false": False,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file. `line` counts from 1; 0 when the file has no such line."""

    line: int
    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says: plain values, and for each path the line where its key stands."""

    value: object
    lines: Mapping[Path, int]

    def line_of(self, path: Path) -> int:
        """Line of `path`, or of the nearest thing around it when it is not there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class YamlError(Exception):
    """The text is not YAML of our kind; every fault found is listed."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(fault.text for fault in faults))
        self.faults = faults


def parse(text: str) -> Document:
    """The values and lines of one YAML document; YamlError lists what is wrong with it."""
    try:
        faults = _forbidden(text)
        if faults:
            raise YamlError(faults)
        # The pure-Python SafeLoader: composing builds nodes only and constructs nothing.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError([Fault(line, (), f"not YAML: {what}")]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        seen = f"#x{error.character:04x}" if isinstance(error.character, int) else error.character
        raise YamlError([Fault(line, (), f"not YAML: character {seen} is not allowed")]) from None
    if root is None:
        raise YamlError([Fault(0, (), "is empty")])
    builder = _Builder()
    value = builder.build(root, ())
    if builder.faults:
        raise YamlError(builder.faults)
    return Document(value, builder.lines)


def _forbidden(text: str) -> list[Fault]:
    """Syntax that YAML has and our files do not. Walks events, so depth costs no stack."""
    faults: list[Fault] = []
    depth = n_documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = _line(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent):
            n_documents += 1
            if n_documents == 2:
                faults.append(Fault(line, (), "a second document starts here; one is allowed"))
        elif isinstance(event, yaml.AliasEvent):
            faults.append(Fault(line, (), f"alias *{event.anchor}: write the value out"))
        elif isinstance(event, yaml.NodeEvent):
            if event.anchor is not None:
                faults.append(Fault(line, (), f"anchor &{event.anchor}: write the value out"))
            tag = getattr(event, "tag", None)
            if tag is not None:
                faults.append(Fault(line, (), f"tag {_shorten(tag)}: tags are not used here"))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return [Fault(line, (), f"nested deeper than {MAX_DEPTH} levels")]
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return faults


def _line(mark: Any) -> int:
    return int(mark.line) + 1


def _shorten(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


class _Builder:
    """Turns nodes into values, remembering where each key stands."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.faults: list[Fault] = []

    def build(self, node: yaml.Node, path: Path) -> object:
        self.lines.setdefault(path, _line(node.start_mark))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.build(item, (*path, i)) for i, item in enumerate(node.value))
        text: str = node.value
        is_plain = isinstance(node, yaml.ScalarNode) and node.style is None
        return plain_scalar(text) if is_plain else text

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = _line(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                self.faults.append(Fault(line, path, "a key must be a word"))
                continue
            key = key_node.value
            if key == "<<" and key_node.style is None:
                self.faults.append(Fault(line, path, "merge key <<: write the values out"))
            elif key in values:
                first = self.lines[*path, key]
                self.faults.append(Fault(line, (*path, key), f"given twice, first in line {first}"))
            else:
                self.lines[*path, key] = line
                values[key] = self.build(value_node, (*path, key))
        return values


def plain_scalar(text: str) -> object:
    """What an unquoted word means: null, true, false, a plain decimal number, or itself."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return text
