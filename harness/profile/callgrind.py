"""A profile as callgrind writes it, read into stacks.

Source of the format: Valgrind manual, "Callgrind Format Specification". Written with
`--separate-callers`, a function's name carries its callers: `leaf'caller'its caller`.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePath

from harness.quality.program import Absent

_NAME = re.compile(r"(c?(?:fn|fl|fi|fe|ob))=(?:\((\d+)\))?\s*(.*)")
_COST = re.compile(r"(?:[+-]?\d+|\*|0x[0-9a-f]+) (\d+)")
_TABLE = {"fn": "fn", "cfn": "fn", "ob": "ob", "cob": "ob"}  # all others name files
Stacks = Counter[tuple[str, ...]]


def read(text: str, below: str) -> Stacks:
    """Instructions by stack, outermost frame first, of all that was called by `below`.

    What a function holds of another file (inlined) is a frame of its own, in brackets. Absent when
    this is not the format, or when what was read does not add up to the summary.
    """
    names: dict[tuple[str, str], str] = {}
    stacks: Stacks = Counter()
    total = None
    function = own = file = ""
    is_call = False
    for line in text.splitlines():
        if named := _NAME.fullmatch(line):
            what, number, name = named.groups()
            table = _TABLE.get(what, "file")
            if number:
                name = names.setdefault((table, number), name)
            if what == "fl":
                own = file = name
            elif what == "fn":
                function, file = name, own
            elif what in ("fi", "fe"):
                file = name
        elif line.startswith("calls="):
            is_call = True  # the next line is of what was called, which is counted there
        elif cost := _COST.fullmatch(line.strip()):
            if not is_call:
                stacks[_frames(function, own, file, below)] += int(cost[1])
            is_call = False
        elif line.startswith("summary: "):
            total = int(line.split()[1])
    if total is None or total != stacks.total():
        raise Absent(f"callgrind: {stacks.total()} instructions were read of {total}")
    return stacks


def _frames(function: str, own: str, file: str, below: str) -> tuple[str, ...]:
    """`leaf'2` is the second level of a recursion: no frame of its own."""
    frames = [name for name in reversed(function.split("'")) if not name.isdigit()]
    if below in frames:
        frames = frames[frames.index(below) + 1 :] or [below]
    if file != own:
        frames.append(f"[{PurePath(file).name}]")
    return tuple(frames)
