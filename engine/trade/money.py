"""What accounts hold and what they have earned: exact integers, 1e-9 of the currency times lots."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """What an account holds in an instrument."""

    net: int  # lots, bought minus sold
    working: tuple[int, int]  # lots of open orders, by side
    done: tuple[int, int]  # lots executed and not taken back, by side
    busted: int
    n_open: int
    cash: int  # received minus paid, after fees
    cost: int  # of the open position, signed like net
    realised: int  # before fees
    fees: int
    mark_px_nano: int | None

    def unrealised(self, px_nano: int | None = None) -> int:
        """At a price, else at the mark; 0 of nothing held. ValueError without either."""
        if self.net == 0:
            return 0
        px = self.mark_px_nano if px_nano is None else px_nano
        if px is None:
            raise ValueError("the instrument was never marked: give a price")
        return self.net * px - self.cost

    @property
    def holds(self) -> bool:
        """Whether the two ways of counting agree: cash + net * px = profit, at every price."""
        return self.cash + self.cost == self.realised - self.fees


@dataclass(frozen=True, slots=True)
class Account:
    """What an account has earned, and how exposed it is if every open order fills."""

    realised: int
    unrealised: int
    fees: int
    gross: int
    net_high: int
    net_low: int
    open_notional: int
    n_open: int
    n_unmarked: int  # instruments with anything in them and no mark: not in the sums

    @property
    def profit(self) -> int:
        return self.realised + self.unrealised - self.fees
