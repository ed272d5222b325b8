"""Positions from the rules alone, in integers of any size: the oracle for engine.trade.positions.

Money is 1e-9 of the currency times lots.

- An execution of q lots at p pays p * q (a sale receives it): cash.
- What adds to the position adds to its cost; what reduces it takes a part of the cost away, and
  what was received beyond that part is realised. Through zero: close everything, open the rest.
- AVERAGE: the part is cost * closed / held, rounded towards zero; the remainder stays in the cost.
- FIFO: the part is what the oldest lots cost.
- A bust is the opposite execution at the same price; a fee leaves cash.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BUY, SELL = 0, 1
LOTS_MAX = 2**63 - 1  # of a net position, and of what it can become
MONEY = range(-(2**127), 2**127)


class NoRoom(Exception):
    """A number that 64 bits, or 128 of money, do not hold; or lots that are not there."""


@dataclass
class Position:
    is_fifo: bool
    net: int = 0
    cash: int = 0
    cost: int = 0
    realised: int = 0
    fees: int = 0
    busted: int = 0
    done: list[int] = field(default_factory=lambda: [0, 0])
    lots: list[list[int]] = field(default_factory=list)  # [px, qty], oldest first
    orders: list[tuple[int, int, int]] = field(default_factory=list)  # open: side, qty, px

    def book(self, side: int, px: int, qty: int) -> None:
        sign = 1 if side == BUY else -1
        closed = min(qty, abs(self.net)) if self.net * sign < 0 else 0
        part = self.part(closed)
        self.cost += sign * px * (qty - closed) - part
        self.realised += -sign * px * closed - part
        self.cash -= sign * px * qty
        self.net += sign * qty
        if qty > closed:
            self.lots.append([px, qty - closed])

    def part(self, closed: int) -> int:
        """What so many lots cost, by the method; takes them off the list."""
        sign = 1 if self.net > 0 else -1
        held, left, oldest = abs(self.net), closed, 0
        while left > 0:
            taken = min(left, self.lots[0][1])
            oldest += sign * self.lots[0][0] * taken
            self.lots[0][1] -= taken
            left -= taken
            if self.lots[0][1] == 0:
                self.lots.pop(0)
        if self.is_fifo or closed == 0:
            return oldest
        whole = abs(self.cost) * closed // held
        return whole if self.cost >= 0 else -whole

    def fill(self, side: int, px: int, qty: int) -> None:
        self.book(side, px, qty)
        self.done[side] += qty

    def bust(self, side: int, px: int, qty: int) -> None:
        self.book(1 - side, px, qty)
        self.done[side] -= qty
        self.busted += qty

    def fee(self, fee: int) -> None:
        self.cash -= fee
        self.fees += fee

    def work(self, side: int) -> int:
        return sum(qty for s, qty, _ in self.orders if s == side)

    @property
    def n_lots(self) -> int:
        """A pool's lots: neighbours at one price are one."""
        return sum(i == 0 or lot[0] != self.lots[i - 1][0] for i, lot in enumerate(self.lots))

    def check(self) -> None:
        """Raise NoRoom unless every number has its place."""
        most, least = self.net + self.work(BUY), self.net - self.work(SELL)
        lots = (abs(self.net), self.work(BUY), self.work(SELL), most, -least)
        if max(lots) > LOTS_MAX or min(self.done) < 0 or max(*self.done, self.busted) >= 2**64:
            raise NoRoom
        if any(m not in MONEY for m in (self.cash, self.realised, self.fees)):
            raise NoRoom


@dataclass(frozen=True)
class Sums:
    """An account at marks; an instrument without one adds nothing to those that need it."""

    realised: int
    unrealised: int
    fees: int
    gross: int
    net_high: int
    net_low: int
    open_notional: int
    n_open: int
    n_unmarked: int


def sums(positions: list[Position], marks: list[int | None]) -> Sums:
    marked = [(p, m) for p, m in zip(positions, marks, strict=True) if m is not None]
    worst = [(p.net + p.work(BUY), p.net - p.work(SELL), abs(m)) for p, m in marked]
    orders = [(qty, px) for p in positions for _, qty, px in p.orders]
    return Sums(
        sum(p.realised for p in positions),
        sum(p.net * m - p.cost for p, m in marked),
        sum(p.fees for p in positions),
        sum(max(abs(high), abs(low)) * m for high, low, m in worst),
        sum(high * m for high, _, m in worst),
        sum(low * m for _, low, m in worst),
        sum(qty * abs(px) for qty, px in orders),
        len(orders),
        sum(
            m is None and (p.net != 0 or p.orders != [])
            for p, m in zip(positions, marks, strict=True)
        ),
    )
