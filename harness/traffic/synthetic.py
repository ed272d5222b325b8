"""The stream that Redline ships: seeded, with the statistics of real captures and none of their
data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.market import Stream, synthetic
from harness.traffic import calibrate

# What an order-by-order capture of futures cannot tell: how often an equities feed names the
# participant of an order (F instead of A) and prints an execution at another price (C instead of
# E).
ATTRIBUTED_PERMILLE = 100
PRICED_PERMILLE = 60


@dataclass(frozen=True, slots=True)
class Synthetic:
    """A made stream and what was counted in it (by operation, and `prefix`, `repairs`)."""

    stream: Stream
    counts: dict[str, int]


def make(
    feed: Literal["itch", "fix"], *, seed: int, n_instruments: int, n_orders: int, n_messages: int
) -> Synthetic:
    """The same arguments give the same bytes. Raises EngineError for sizes that cannot be made."""
    calibration = calibrate.load()
    stream, counts = synthetic(
        feed,
        seed=seed,
        n_instruments=n_instruments,
        n_orders=n_orders,
        n_messages=n_messages,
        operations=calibration.ops,
        permille={
            "bbo_price_change": calibration.permille["bbo_price_change"],
            "reprice_keeps_qty": calibration.permille["reprice_keeps_qty"],
            "last_fill_part": calibration.permille["last_fill_part"],
            "attributed": ATTRIBUTED_PERMILLE,
            "priced": PRICED_PERMILLE,
        },
        tables={name: calibration.draws(name) for name in calibration.tables},
    )
    return Synthetic(stream, counts)
