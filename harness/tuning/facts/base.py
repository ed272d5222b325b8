"""What a fact is, and how one is read: a look at a host, and the forms that its files have.

Everything that a host says may be garbled. A reader makes a value of what it understands and raises
Absent for the rest, which says why; it never passes on half of something, and makes no room for
what cannot be.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from harness.tuning.host import Host
from harness.tuning.tree import Absent, NoFile, Tree, cpu_list, cpu_mask

Value = str | int | float | bool | list[str] | list[int] | dict[str, str]

MAX_TEXT_CHARS = 8192  # the longest single text is a kernel's command line
MAX_DIGITS = 20  # of a count of 64 bits

_Made = TypeVar("_Made")

CPUINFO = "/proc/cpuinfo"
STATUS = "/proc/self/status"
CPUS = "/sys/devices/system/cpu"


@dataclass(frozen=True, slots=True)
class Fact:
    """A value and its source; or None and the reason why there is no value."""

    value: Value | None
    source: str
    reason: str | None = None

    def as_json(self) -> dict[str, Value | None]:
        return {"value": self.value, "source": self.source, "reason": self.reason}


Facts = Mapping[str, Fact]


class Look(Tree):
    """One look at a host: each file is read once, however many facts are in it.

    `by_files`: what other ways exist to ask this machine are taken as well, but all that a recorded
    tree would be asked for is read too. Not for two threads.
    """

    def __init__(self, host: Host, *, by_files: bool = False) -> None:
        super().__init__(host.root)
        self.host = host
        self.by_files = by_files or not host.is_this_machine
        self.texts: dict[str, str | Absent] = {}
        self.folders: dict[str, list[str] | Absent] = {}
        self.there: dict[str, bool] = {}
        self._made: dict[str, Any] = {}

    def once(self, what: str, make: Callable[[], _Made]) -> _Made:
        """What several facts are made of is made for the first of them."""
        if what not in self._made:
            self._made[what] = make()
        made: _Made = self._made[what]
        return made

    def text(self, name: str) -> str:
        return _kept(self.texts, absolute(name), super().text)

    def unpacked(self, name: str) -> str:
        return _kept(self.texts, absolute(name), super().unpacked)

    def names(self, folder: str) -> list[str]:
        return _kept(self.folders, absolute(folder), super().names)

    def has(self, name: str) -> bool:
        name = absolute(name)
        if name not in self.there:
            self.there[name] = super().has(name)
        return self.there[name]

    def numbered(self, folder: str, prefix: str) -> list[str]:
        """The numbers N of the entries `prefix`N of a folder, as text, in their order."""
        pattern = re.compile(rf"{re.escape(prefix)}([0-9]{{1,9}})")
        found = (match[1] for name in self.names(folder) if (match := pattern.fullmatch(name)))
        return sorted(found, key=int)

    @cached_property
    def flags(self) -> frozenset[str]:
        return frozenset(self.key(CPUINFO, "flags").split())


def absolute(name: str) -> str:
    """As on the machine: /proc/stat."""
    return name if name.startswith("/") else f"/{name}"


_T = TypeVar("_T", str, list[str])


def _kept(seen: dict[str, _T | Absent], name: str, read: Callable[[str], _T]) -> _T:
    if name not in seen:
        try:
            seen[name] = read(name)
        except Absent as why:
            seen[name] = why
    found = seen[name]
    if isinstance(found, Absent):
        raise type(found)(str(found))
    return found


Read = Callable[[Look, str], Value]
Readers = Mapping[str, tuple[str, Read]]  # by name of the fact: its source, and who reads it there


def plain(text: str) -> str:
    """The text, when it is one line of a sensible length that can be printed."""
    if len(text) > MAX_TEXT_CHARS:
        raise Absent(f"longer than {MAX_TEXT_CHARS} characters")
    if "\ufffd" in text or not text.replace("\t", " ").isprintable():
        raise Absent(f"not a line of text: {text[:40]!r}")
    return text


def number(text: str, *, lowest: int = 0) -> int:
    """A whole number as files of a kernel have it."""
    if not re.fullmatch(rf"-?[0-9]{{1,{MAX_DIGITS}}}", text):
        raise Absent(f"not a number: {text[:40]!r}")
    if (found := int(text)) < lowest:
        raise Absent(f"less than {lowest}: {found}")
    return found


def line(look: Look, source: str) -> str:
    """A file of one line; an empty one says nothing."""
    text = plain(look.text(source))
    if not text:
        raise Absent("empty")
    return text


def lines(look: Look, source: str) -> str:
    """A short file of a few lines."""
    return "\n".join(map(plain, look.text(source).splitlines()[:100]))


def integer(look: Look, source: str) -> int:
    return number(look.text(source))


def signed(look: Look, source: str) -> int:
    """A number that may be -1, for without a limit."""
    return number(look.text(source), lowest=-1)


def listed(look: Look, source: str) -> list[int]:
    return cpu_list(look.text(source))


def masked(look: Look, source: str) -> list[int]:
    return cpu_mask(look.text(source))


def chosen(look: Look, source: str) -> str:
    """The bracketed choice of 'always [madvise] never'."""
    text = look.text(source)
    match = re.search(r"\[([\w.-]{1,64})\]", text)
    if match is None:
        raise Absent(f"nothing is chosen in {text[:40]!r}")
    return match[1]


def line_of(key: str) -> Read:
    return lambda look, source: plain(look.key(source, key))


def number_of(key: str) -> Callable[[Look, str], int]:
    def read(look: Look, source: str) -> int:
        words = look.key(source, key).split()
        if not words or not words[0].isascii() or not words[0].isdecimal():
            raise Absent(f"no number in line {key!r}")
        return number(words[0])

    return read


def a_number(text: str) -> str:
    """The text, when it is a number that may be -1."""
    return str(number(text, lowest=-1))


def table(entries: Iterable[tuple[str, str]], nothing: str) -> dict[str, str]:
    """A table that is not empty; `nothing` says what an empty one means."""
    found = dict(entries)
    if not found:
        raise Absent(nothing)
    return found


def per_cpu(leaf: str, form: Callable[[str], str] = plain) -> Read:
    """The same file of every CPU that has it, by CPU number."""

    def read(look: Look, source: str) -> dict[str, str]:
        found = {}
        for cpu in look.numbered(CPUS, "cpu"):
            with contextlib.suppress(NoFile):
                found[cpu] = form(look.text(f"{CPUS}/cpu{cpu}/{leaf}"))
        return table(found.items(), "no CPU has this file: no driver for it")

    return read


def per_cpu_file(leaf: str, form: Callable[[str], str] = plain) -> tuple[str, Read]:
    """per_cpu() with its source."""
    return f"{CPUS}/cpu*/{leaf}", per_cpu(leaf, form)


def cpu_numbers(text: str) -> str:
    """The text, when it is a list of CPUs."""
    cpu_list(text)
    return text
