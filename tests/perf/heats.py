"""What is measured side by side, and what it is measured against.

A heat is one input in one regime: every program that can read it runs in it, forth and back, so
that a ratio always compares neighbours in time. Peers run the stream alone: it is the scored one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Regime = Literal["hot", "stream", "random", "burst"]
# chain: the middle batch of operations that wait for each other. burst p50, p99: of bursts timed
# whole, by their calls.
Statistic = Literal["fastest", "mean", "chain", "p50", "p99", "p99.9", "burst p50", "burst p99"]

FIX = ("fix.parse", "fix.floor", "fix.checksum", "fix.validate")
BOOKS = ("feed.decode", "book.update", "feed.book", "feed.book.view")
QUICKFIX = ("quickfix.parse", "quickfix.validate")
# Which data dictionary an input is validated against.
DICTIONARIES: Mapping[str, str] = {"fixt11-log": "FIX50SP2"}
DEFAULT_DICTIONARY = "FIX44"

# Every way in which one new order can be refused (csrc/rig/component/component_risk.h).
REFUSE = "risk.refuse."
REFUSALS = tuple(
    REFUSE + way
    for way in (
        *("halted", "reduce-only", "session", "permission", "field", "qty", "notional", "collar"),
        *("cross", "duplicate", "rate", "executions", "position", "exposure", "loss", "open"),
        *("self-trade", "short-sale", "ratio", "freshness", "several", "altered"),
    )
)
RISK = ("risk.accept", *REFUSALS, "risk.check")
ORDERS = ("position.update", "oms.fill", "oms.send", *RISK)
BURSTS = ("audit.burst", "ring.burst", "write.burst", "empty.burst")
LOGGERS = ("spdlog.block", "spdlog.overrun")
# Of what takes records, that which may not lose any.
KEEPS_ALL = ("audit.burst",)

# What each of ours is divided by: the least that the same answer could take, roughly; a part of it;
# or for a refusal, the order that passes.
FLOORS: Mapping[str, str] = {
    "fix.parse": "fix.floor",
    "fix.validate": "fix.floor",
    "fix.encode": "fix.checksum",
    "feed.decode": "itch.decode",
    "feed.book": "feed.decode",
    "feed.book.view": "feed.decode",
    "order.text": "order.id",
    "oms.fill": "position.update",
    "oms.send": "risk.accept",
    **dict.fromkeys((*REFUSALS, "risk.check"), "risk.accept"),
    "audit.burst": "ring.burst",
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
    "naive.fills": "oms.fill",
    "spdlog.block": "audit.burst",
    "spdlog.overrun": "audit.burst",
}
# Operations whose answer must be that of another one on the same input.
SAME_ANSWER: Mapping[str, str] = {
    "fix.floor": "fix.parse",
    "fix.validate": "fix.parse",
    "feed.decode": "itch.decode",
    "book.update": "feed.book",
    "feed.book.view": "feed.book",
    "ring.burst": "audit.burst",
    "write.burst": "audit.burst",
    "empty.burst": "audit.burst",
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
    Heat("orders", "stream", ORDERS, ("naive.fills",)),
    Heat("orders", "hot", ("order.id", "order.text", *ORDERS, "audit.append")),
    Heat("orders", "random", ORDERS),
    Heat("orders", "burst", BURSTS, LOGGERS),
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
    Target("order.id", ("orders",), "chain", 5, regime="hot"),
    Target("position.update", ("orders",), "chain", 20),
    Target("oms.fill", ("orders",), "chain", 60),
    *(Target(name, ("orders",), "chain", 40) for name in RISK),
    # 20 and 60 is what the fastest public logger takes, which may lose records.
    Target("audit.burst", ("orders",), "burst p50", 20, regime="burst"),
    Target("audit.burst", ("orders",), "burst p99", 50, regime="burst"),
    Target("audit.burst", ("orders",), "p50", 20, regime="burst"),
    Target("audit.burst", ("orders",), "p99", 50, regime="burst"),
)


def heat_of(target: Target, name: str) -> Heat:
    """The least that judges a target on one input: what it is about and what that is held to."""
    beside = (target.against, SAME_ANSWER.get(target.operation, ""))
    ours = dict.fromkeys((target.operation, *(n for n in beside if n and n not in RIVALS)))
    peers = tuple(n for n in beside if n in RIVALS)
    return Heat(name, target.regime, tuple(ours), peers)
