"""What came, held against what a script expects: field by field, in order, to the letter.

Tags whose value nobody can know beforehand are held against a pattern instead. The patterns are in
a file `fields.fmt` beside the scripts or above them, `tag=regex` lines; without one, `BUILT_IN`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from harness.conformance.script import shown
from harness.errors import RedlineError

FILE_NAME = "fields.fmt"
BODY_LENGTH = "9"
MAX_VALUE = 256  # bytes that a pattern is held against: what it is for is much shorter
MAX_PATTERN = 200

_SECONDS = r"\d{8}-\d\d:\d\d:\d\d"
BUILT_IN: Mapping[int, re.Pattern[str]] = {
    10: re.compile(r"\d{3}"),  # CheckSum
    **{tag: re.compile(_SECONDS) for tag in (42, 52, 60, 122)},  # times, with decimals or without
}


# Tag and value; None where there is no `=`, or nothing behind it.
Field: TypeAlias = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first field that differs; `tag` is the one expected, or the one too many."""

    tag: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"expected {self.expected}, got {self.got}"


def difference(
    expected: bytes, got: bytes, patterns: Mapping[int, re.Pattern[str]]
) -> Difference | None:
    """None when they are the same: as many fields, the same tags in order, the same values.

    A BodyLength differs because something behind it does: that is what is told, if it is there.
    """
    first = None
    for found in _differences(_fields(expected), _fields(got), patterns):
        if found.tag != BODY_LENGTH:
            return found
        first = found
    return first


def _differences(
    wanted: Sequence[Field], came: Sequence[Field], patterns: Mapping[int, re.Pattern[str]]
) -> Iterator[Difference]:
    """Up to the first field whose tag differs: behind it nothing can be compared."""
    for (tag, value), (tag_got, value_got) in zip(wanted, came, strict=False):
        if tag != tag_got:
            yield Difference(tag, _text(tag, value), _text(tag_got, value_got))
            return
        pattern = patterns.get(int(tag)) if tag.isdecimal() and len(tag) < 10 else None
        if pattern is None:
            if value != value_got:
                yield Difference(tag, _text(tag, value), _text(tag, value_got))
        elif value_got is None or not pattern.search(value_got[:MAX_VALUE]):
            yield Difference(tag, f"{tag} like {pattern.pattern}", _text(tag, value_got))
    if len(wanted) > len(came):
        tag, value = wanted[len(came)]
        yield Difference(tag, _text(tag, value), f"the end after {len(came)} fields")
    elif len(wanted) < len(came):
        tag, value = came[len(wanted)]
        yield Difference(tag, f"the end after {len(wanted)} fields", _text(tag, value))


def find_patterns(folder: Path) -> Mapping[int, re.Pattern[str]]:
    """Of the nearest fields.fmt in a folder or above it. RedlineError for one that is no good."""
    folder = folder.resolve()
    for place in (folder, *folder.parents):
        path = place / FILE_NAME
        if path.is_file():
            return read_patterns(path)
    return BUILT_IN


def read_patterns(path: Path) -> Mapping[int, re.Pattern[str]]:
    patterns = {}
    with path.open("rb") as file:
        lines = file.read(64 << 10).decode("latin-1").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        tag, equals, pattern = line.partition("=")
        if not equals or not re.fullmatch("[0-9]{1,9}", tag):
            raise RedlineError(f"{path}:{number}: not TAG=PATTERN: {shown(line.encode('utf-8'))}")
        try:
            patterns[int(tag)] = _pattern(pattern)
        except ValueError as error:
            raise RedlineError(f"{path}:{number}: {error}") from None
    return patterns


def _pattern(text: str) -> re.Pattern[str]:
    """A regex that cannot run for ever: nothing repeated is repeated again, and little is."""
    if len(text) > MAX_PATTERN or re.search(r"\)[*+?{]|\\[1-9]|\(\?", text):
        raise ValueError(f"a pattern that repeats groups, or is too long: {text[:40]!r}")
    if len(re.findall(r"[*+]|,\}", text)) > 2:
        raise ValueError(f"a pattern with more than two * and +: {text[:40]!r}")
    try:
        return re.compile(text, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a pattern: {text[:40]!r}: {error}") from None


def _fields(message: bytes) -> list[Field]:
    fields: list[Field] = []
    for text in message.decode("latin-1").rstrip("\x01").split("\x01"):
        tag, _, value = text.partition("=")
        fields.append((tag, value or None))
    return fields


def _text(tag: str, value: str | None) -> str:
    return shown(f"{tag}={value or ''}".encode("latin-1"))
