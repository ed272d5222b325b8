"""Faults on the market data of a user's program, and how far the rule can be held against it then.

Which packets are lost, repeated or changed is told beforehand, so it is known which messages a
program never had as they were sent. Up to the first of them its orders are those of the rule or
wrong; what it should do afterwards is its own affair, for nobody sends them again here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from engine.clock import Clock
from engine.net.impair import Action
from harness.bench.network import Identity, bench_of
from harness.bench.plan import TrialPlan
from harness.config.impair import Direction, Impairment
from harness.config.loader import parse
from harness.faults.network import Faults, figures, impaired, offered
from harness.faults.plan import plan_of
from harness.faults.tables import Fates

_WAY: tuple[str, Direction] = ("market", "to-engine")
_DONE = ("table.n_dropped", "table.n_duplicated", "table.n_corrupted", "table.n_corrupted_frame")


@dataclass(frozen=True, slots=True)
class MarketFaults:
    """What is on the line; nothing without `faults`. `judged_below` is 0, or the first message that
    does not come as it was sent.
    """

    faults: Faults | None = None
    judged_below: int = 0

    def injected(self) -> dict[str, int] | None:
        """The table's own count of what it did; None: nothing was to be."""
        return None if self.faults is None else dict(figures(self.faults, _WAY))

    def identities(self, counters: Mapping[str, Mapping[str, int]]) -> list[Identity]:
        if self.faults is None:
            return []
        seen = self.faults.table_counters(*_WAY)["n_seen"]
        return [("datagrams sent = seen by the fault", counters["generator"]["frames_sent"], seen)]


@contextmanager
def on_market_data(plan: TrialPlan, udp_port: int, clock: Clock) -> Iterator[MarketFaults]:
    """In place until the block is left. HostError: it cannot be done here."""
    if plan.impairment is None or plan.net is None:
        yield MarketFaults()
        return
    bench = bench_of(plan.net)
    wanted = parse(plan.impairment, Impairment, name="impairment")
    told = plan_of(wanted, offered("udp", bench), udp_port=udp_port)
    table = told.way(*_WAY).table
    assert table is not None  # the scenario was checked
    with impaired(bench, told, udp_port=udp_port, clock=clock) as faults:
        yield MarketFaults(faults, first_spoiled(table, plan.pack))


def first_spoiled(table: Fates, pack: int) -> int:
    """The number of the first message, of `pack` a packet, that is lost or changed; 0: none is."""
    spoiled = (table != Action.PASS) & (table != Action.DUPLICATE)
    return int(np.argmax(spoiled)) * pack + 1 if spoiled.any() else 0


def effects(injected: Mapping[str, int]) -> int:
    """Packets that met another fate than to arrive once and whole."""
    return sum(injected.get(name, 0) for name in _DONE)
