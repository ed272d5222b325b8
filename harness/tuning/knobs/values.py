"""What a profile may say of a knob, and the text a kernel has for it.

A value comes from a file that somebody wrote, or over a wire: anything that is not exactly what a
knob takes is a ValueError in one printable line, that says what was seen and what is wanted. What
was parsed once can be parsed again.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.errors import printable
from harness.tuning.tree import MAX_CPUS, Absent, cpu_list, cpus_text

_SHOWN = 40
_QUOTE = "'"
_INTEGER = re.compile(r"-?[0-9]{1,20}")


class Takes(ABC):
    """The values of one knob."""

    @abstractmethod
    def parse(self, value: object) -> str:
        """The kernel's text. ValueError."""


@dataclass(frozen=True, slots=True)
class Number(Takes):
    """A whole number within bounds; `words` are names for some."""

    least: int
    most: int
    words: Mapping[str, str] = field(default_factory=dict)

    def parse(self, value: object) -> str:
        if isinstance(value, str) and value in self.words:
            return self.words[value]
        number = integer(value)
        also = "".join(f" or {word}" for word in self.words)
        if number is None:
            raise ValueError(f"not a number{also}: {shown(value)}")
        if not self.least <= number <= self.most:
            raise ValueError(f"not {self.least} to {self.most}{also}: {shown(value).strip(_QUOTE)}")
        return str(number)


@dataclass(frozen=True, slots=True)
class Numbers(Takes):
    """As many whole numbers as there are names, between blanks, each within the bounds."""

    names: Sequence[str]
    least: int
    most: int
    is_rising: bool = False

    def parse(self, value: object) -> str:
        words = value.split() if isinstance(value, str) and len(value) < 200 else []
        found = [integer(word) for word in words]
        numbers = [one for one in found if one is not None and self.least <= one <= self.most]
        if len(numbers) != len(words) or len(words) != len(self.names):
            raise ValueError(f"not the numbers {' '.join(self.names)}: {shown(value)}")
        if self.is_rising and numbers != sorted(numbers):
            raise ValueError(f"{' '.join(self.names)} have to rise: {shown(value)}")
        return " ".join(str(one) for one in numbers)


@dataclass(frozen=True, slots=True)
class Words(Takes):
    """One of some words."""

    words: Sequence[str]

    def parse(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValueError(f"none of {', '.join(self.words)}: {shown(value)}")
        return value


@dataclass(frozen=True, slots=True)
class Name(Takes):
    """A word of the host's own: a governor, a congestion control."""

    what: str

    def parse(self, value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9][\w.+-]{0,31}", value, re.A):
            raise ValueError(f"not the name of {self.what}: {shown(value)}")
        return value


@dataclass(frozen=True, slots=True)
class Switch(Takes):
    """On or off, also as YAML's own words, or in the host's words."""

    on: str = "1"
    off: str = "0"

    def parse(self, value: object) -> str:
        if value is True or (isinstance(value, str) and value in ("on", self.on)):
            return self.on
        if value is False or (isinstance(value, str) and value in ("off", self.off)):
            return self.off
        if type(value) is int and str(value) in (self.on, self.off):
            return str(value)
        raise ValueError(f"neither on nor off: {shown(value)}")


@dataclass(frozen=True, slots=True)
class Cpus(Takes):
    """A list of CPUs, as kernels write lists; at least one."""

    def parse(self, value: object) -> str:
        text = str(value) if type(value) is int and 0 <= value < MAX_CPUS else value
        try:
            cpus = cpu_list(text) if isinstance(text, str) else []
        except Absent:
            cpus = []
        if not cpus:
            raise ValueError(f"not a list of CPUs like 0-2,5: {shown(value)}")
        return cpus_text(cpus)


def integer(value: object) -> int | None:
    """A whole number, written or of YAML; None for all others, true and 1.0 among them."""
    if type(value) is int:
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return None


def text_of(value: object) -> str:
    """A word or a number as text; empty for anything else."""
    if type(value) is int and value.bit_length() <= 128:
        return str(value)
    return value if isinstance(value, str) else ""


def shown(value: object) -> str:
    """What was seen, short and printable."""
    if type(value) is int and value.bit_length() > 128:
        return f"a number of {value.bit_length()} bits"  # too long to be written out
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:  # such a number within a list
        text = type(value).__name__
    more = "..." if len(text) > _SHOWN else ""
    return f"'{printable(text[:_SHOWN])}{more}'"
