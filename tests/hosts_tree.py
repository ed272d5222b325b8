"""Recorded hosts for tests: one text file for a whole tree of /proc and /sys.

tests/hosts/NAME.tree holds what `redline host facts --record` wrote, or what somebody composed:

    # a comment, up to the first section; it says where all this comes from
    == /proc/sys/kernel/osrelease
    6.12.1
    == /sys/devices/system/cpu/cpu{2-15,31}/cpufreq/scaling_governor
    performance
    == /proc/10{2-3}/stat
    10{n} (rcuop/{n}) S 2 0 0 0 -1 2129984 0
    == /etc/

A section is a file; with a slash at its end it is a folder. A list of numbers in braces stands for
a section for each, with the number in place of {n} in its text. Lines of a text that begin with
`==` or a backslash have a backslash in front. Blank lines at the end of a section are not part of
it, so that sections can stand apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.tuning.tree import cpu_list

FOLDER = Path(__file__).parent / "hosts"
_NUMBERS = re.compile(r"\{([0-9,-]+)\}")


def load(name: str, into: Path, changes: Mapping[str, str | None] | None = None) -> Path:
    """Write tests/hosts/NAME.tree below `into`, some files with another text, or without (None).

    Paths in `changes` may begin with a slash or not. Returns `into`.
    """
    files = files_of((FOLDER / f"{name}.tree").read_text(encoding="utf-8"))
    for path, text in (changes or {}).items():
        files["/" + path.lstrip("/")] = text
    for path, text in files.items():
        where = into / path.lstrip("/")
        if path.endswith("/"):
            where.mkdir(parents=True, exist_ok=True)
        elif text is not None:
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_text(text, encoding="utf-8")
    return into


@contextmanager
def changed(root: Path, changes: Mapping[str, str | None]) -> Iterator[None]:
    """A tree that was loaded with some files changed for a while: writing all anew is slow."""
    paths = {root / path.lstrip("/"): text for path, text in changes.items()}
    before = {path: path.read_bytes() if path.is_file() else None for path in paths}
    try:
        for path, text in paths.items():
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        yield
    finally:
        for path, old in before.items():
            if old is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(old)


def files_of(tree: str) -> dict[str, str | None]:
    """The text of each file by its path; a folder has a slash at its end, and no text."""
    files: dict[str, str | None] = {}
    for path, text in _sections(tree):
        match = _NUMBERS.search(path)
        if match is None:
            files[path] = text
            continue
        for number in map(str, cpu_list(match[1])):
            files[path.replace(match[0], number)] = text.replace("{n}", number)
    return files


def _sections(tree: str) -> Iterator[tuple[str, str]]:
    path, lines = "", list[str]()
    for line in tree.split("\n"):
        if line.startswith("== "):
            if path:
                yield path, _text(lines)
            path, lines = line.removeprefix("== "), []
        else:
            lines.append(line.removeprefix("\\"))
    if path:
        yield path, _text(lines)


def _text(lines: list[str]) -> str:
    while lines and not lines[-1].strip():
        lines.pop()
    return "".join(f"{line}\n" for line in lines)


def dump(root: Path, head: str) -> str:
    """A recorded directory as the text of a .tree, under a comment; ValueError for what has no
    form there (bytes that are no text, a line break in a name)."""
    parts = ["".join(f"# {line}".rstrip() + "\n" for line in head.splitlines())]
    for path in sorted(root.rglob("*")):
        name = f"/{path.relative_to(root)}"
        if not name.isprintable() or _NUMBERS.search(name):
            raise ValueError(f"no name for a section: {name!r}")
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            shown = ("\\" + line if line.startswith(("==", "\\")) else line for line in lines)
            parts.append("".join([f"== {name}\n", *(f"{line}\n" for line in shown)]))
        elif not any(path.iterdir()):
            parts.append(f"== {name}/\n")
    return "".join(parts)
