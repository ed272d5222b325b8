"""Which lines ran: what gcov and coverage.py say, in one form, merged.

A line of a header counts once, however many files include it: it ran when it ran in one of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.quality.program import Absent

Lines = dict[str, dict[int, bool]]  # file, below the tree: line that holds code: did it run


def of_gcov(said: str, tree: Path, part: str) -> Lines:
    """As `gcov --json-format --stdout` says it, a document an object; files of `part` alone."""
    found: Lines = {}
    names: dict[str, str | None] = {}  # resolving a path costs more than its lines
    decoder, at = json.JSONDecoder(), 0
    try:
        while (at := said.find("{", at)) >= 0:
            document, at = decoder.raw_decode(said, at)
            for file in document["files"]:
                path = file["file"]
                if path not in names:
                    names[path] = below(path, tree, part)
                name = names[path]
                if name is None:
                    continue
                lines = found.setdefault(name, {})
                for line in file["lines"]:
                    number = int(line["line_number"])
                    lines[number] = lines.get(number, False) or int(line["count"]) > 0
    except (ValueError, KeyError, TypeError) as error:
        raise Absent(f"gcov: not its format: {error}") from None
    return found


def of_coverage(said: str, tree: Path) -> Lines:
    """As `coverage json` says it. Absent when it is not that."""
    try:
        files: dict[str, dict[str, Any]] = json.loads(said)["files"]
        return {
            name: {
                **dict.fromkeys(map(int, file["missing_lines"]), False),
                **dict.fromkeys(map(int, file["executed_lines"]), True),
            }
            for path, file in files.items()
            if (name := below(path, tree, ""))
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Absent(f"coverage: not its format: {error}") from None


def below(path: str, tree: Path, part: str) -> str | None:
    """The name of a file below `part` of the tree; None for another."""
    whole = tree / path
    try:
        name = whole.resolve().relative_to(tree.resolve()).as_posix()
    except ValueError:
        return None
    return name if name.startswith(part) else None


def merged(several: Iterable[Lines]) -> Lines:
    """A line ran when it ran anywhere."""
    found: Lines = {}
    for lines in several:
        for name, ran in lines.items():
            into = found.setdefault(name, {})
            for number, did in ran.items():
                into[number] = into.get(number, False) or did
    return found


def totals(lines: Lines) -> tuple[int, int]:
    """(lines that ran, lines)."""
    return (
        sum(sum(ran.values()) for ran in lines.values()),
        sum(len(ran) for ran in lines.values()),
    )


def poorest(lines: Lines, n: int) -> list[str]:
    """The files with the most lines that no test runs, a sentence each."""

    def missing(ran: Mapping[int, bool]) -> int:
        return len(ran) - sum(ran.values())

    worst = sorted(lines.items(), key=lambda item: (-missing(item[1]), item[0]))[:n]
    return [
        f"{name}: {missing(ran)} of {len(ran)} lines never ran: {ranges(ran)}"
        for name, ran in worst
        if missing(ran)
    ]


def ranges(ran: Mapping[int, bool]) -> str:
    """Lines that did not run, neighbours together: "3-5, 9". Code alone parts them."""
    parts: list[list[int]] = []
    is_open = False
    for number in sorted(ran):
        if ran[number]:
            is_open = False
        elif is_open:
            parts[-1][1] = number
        else:
            parts.append([number, number])
            is_open = True
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)
