"""What is measured side by side, and what it is measured against.

A heat is one input in one regime: every program that can read it runs in it, forth and back, so
that a ratio always compares neighbours in time. Peers run the stream alone: it is the scored one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Regime = Literal["hot", "stream", "random"]
Statistic = Literal["fastest", "mean", "p50", "p99", "p99.9"]

FIX = ("fix.parse", "fix.floor", "fix.checksum", "fix.validate")
BOOKS = ("feed.decode", "book.update", "feed.book", "feed.book.view")
QUICKFIX = ("quickfix.parse", "quickfix.validate")
# Which data dictionary an input is validated against.
DICTIONARIES: Mapping[str, str] = {"fixt11-log": "FIX50SP2"}
DEFAULT_DICTIONARY = "FIX44"

# What each of ours is divided by: the least that the same answer could take, roughly.
FLOORS: Mapping[str, str] = {
    "fix.parse": "fix.floor",
    "fix.validate": "fix.floor",
    "fix.encode": "fix.checksum",
    "feed.decode": "itch.decode",
    "feed.book": "feed.decode",
    "feed.book.view": "feed.decode",
}
# Which of ours does the work of each peer.
RIVALS: Mapping[str, str] = {
    "quickfix.parse": "fix.parse",
    "quickfix.validate": "fix.validate",
    "quickfix.encode": "fix.encode",
    "simplefix.parse": "fix.parse",
    "simplefix.encode": "fix.encode",
    "python.split": "fix.parse",
    "std.map.book": "feed.book",
}
# Operations whose answer must be that of another one on the same input.
SAME_ANSWER: Mapping[str, str] = {
    "fix.floor": "fix.parse",
    "fix.validate": "fix.parse",
    "feed.decode": "itch.decode",
    "book.update": "feed.book",
    "feed.book.view": "feed.book",
}


@dataclass(frozen=True, slots=True)
class Heat:
    """One input in one regime, ours and theirs."""

    input: str
    regime: Regime
    ours: tuple[str, ...]
    peers: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.input} {self.regime}"


ENCODERS = ("quickfix.encode", "simplefix.encode")
READERS = (*QUICKFIX, "simplefix.parse", "python.split")

HEATS: tuple[Heat, ...] = (
    Heat("nos_1k", "stream", (*FIX, "fix.encode"), (*READERS, *ENCODERS)),
    Heat("nos_1k", "hot", ("fix.parse", "fix.floor", "fix.validate", "fix.encode")),
    Heat("nos_1k", "random", ("fix.parse", "fix.floor", "fix.validate", "fix.encode")),
    Heat("er_1k", "stream", FIX, READERS),
    Heat("er_1k", "hot", ("fix.parse", "fix.floor", "fix.validate")),
    Heat("er_1k", "random", ("fix.parse", "fix.floor", "fix.validate")),
    Heat("mdi_1k", "stream", FIX, READERS),
    Heat("mdi_1k", "hot", ("fix.parse", "fix.floor", "fix.validate")),
    Heat("mdi_1k", "random", ("fix.parse", "fix.floor", "fix.validate")),
    Heat("fixt11-log", "stream", FIX, ("python.split",)),
    Heat("fixt11-log", "random", ("fix.parse", "fix.floor")),
    Heat("itch50-1m", "stream", ("itch.decode", *BOOKS), ("std.map.book",)),
    Heat("itch50-1m", "hot", ("itch.decode",)),
    Heat("itch50-1m", "random", ("itch.decode",)),
    Heat("es-mbo", "stream", BOOKS),
    Heat("50k-orders", "random", ("book.update",)),
)


@dataclass(frozen=True, slots=True)
class Target:
    """What one operation should reach in a heat.

    Without `against`: the statistic in ns. With it: the fastest replay as a multiple of that
    program's (`is_extra`: in ns more than it). At most `bound`; of peers, 1/N for N times faster.
    """

    operation: str
    inputs: tuple[str, ...]
    statistic: Statistic
    bound: float
    against: str = ""
    is_extra: bool = False
    regime: Regime = "stream"

    @property
    def text(self) -> str:
        unit = f"{self.bound:g} ns"
        if not self.against:
            return f"{self.operation} {self.statistic} <= {unit}"
        if self.is_extra:
            return f"{self.operation} <= {self.against} + {unit}"
        if self.bound < 1:
            return f"{self.operation} {1 / self.bound:g}x faster than {self.against}"
        return f"{self.operation} <= {self.bound:g} x {self.against}"


CORPORA = ("nos_1k", "er_1k", "mdi_1k")
TARGETS: tuple[Target, ...] = (
    Target("fix.parse", (*CORPORA, "fixt11-log"), "fastest", 1.0, "fix.floor"),
    Target("fix.parse", (*CORPORA, "fixt11-log"), "p99", 500),
    Target("fix.validate", (*CORPORA, "fixt11-log"), "fastest", 2.0, "fix.parse"),
    Target("fix.validate", CORPORA, "fastest", 1 / 15, "quickfix.validate"),
    Target("fix.encode", ("nos_1k",), "fastest", 60),
    Target("feed.book.view", ("itch50-1m",), "fastest", 40),
    Target("feed.book.view", ("itch50-1m",), "p99", 350),
    Target("feed.book", ("itch50-1m",), "mean", 50),  # 20 M messages a second
    Target("feed.book.view", ("itch50-1m",), "fastest", 5, "feed.book", is_extra=True),
)


def heat_of(target: Target, name: str) -> Heat:
    """The least that judges a target on one input: what it is about and what that is held to."""
    beside = (target.against, SAME_ANSWER.get(target.operation, ""))
    ours = dict.fromkeys((target.operation, *(n for n in beside if n and n not in RIVALS)))
    peers = tuple(n for n in beside if n in RIVALS)
    return Heat(name, target.regime, tuple(ours), peers)
