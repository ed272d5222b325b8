"""Positions and accounts as exact integers, and what other threads and processes see of them.

Money is 1e-9 of the currency times lots. Prices count 1e-9, quantities lots; None is no price.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from mmap import mmap
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.market.fix import Records
from engine.trade.money import Account, Position

Memory: TypeAlias = bytes | bytearray | memoryview | mmap

NEVER = 2**64 - 1  # the oldest mark of an account that holds nothing
_PX_NONE = -(2**63)


class Method(IntEnum):
    """Which lots an execution closes (csrc/trade/position/position.h)."""

    AVERAGE = 0  # a part of all, rounded towards zero; the last lot takes the remainder
    FIFO = 1  # the oldest


class Exposure(NamedTuple):
    """What an account is exposed to if every open order fills; the last two are lots."""

    gross: int
    net_high: int
    net_low: int
    open_notional: int
    longest: int
    shortest: int


def _money(name: str, at: int) -> list[tuple[str, str, int]]:
    return [(f"{name}_low", "<u8", at), (f"{name}_high", "<i8", at + 8)]


def _row(n_bytes: int, *fields: tuple[str, str, int]) -> np.dtype[np.void]:
    names, formats, offsets = zip(("sequence", "<u8", 0), *fields, strict=True)
    return np.dtype(
        {
            "names": list(names),
            "formats": list(formats),
            "offsets": list(offsets),
            "itemsize": n_bytes,
        }
    )


# Rows of csrc/trade/position/view.h. `sequence` is odd while a row is written and 0 in a copy;
# money of 128 bits is two members: `money(row, "cash")` puts them together.
POSITION = _row(
    128,
    ("net", "<i8", 8),
    ("work", "(2,)<u8", 16),
    ("done", "(2,)<u8", 32),
    ("busted", "<u8", 48),
    ("n_open", "<u4", 56),
    ("n_lots", "<u4", 60),
    *_money("cash", 64),
    *_money("cost", 80),
    *_money("realised", 96),
    *_money("fees", 112),
)
ACCOUNT = _row(
    192,
    *_money("realised", 8),
    *_money("unrealised", 24),
    *_money("fees", 40),
    *_money("gross", 56),
    *_money("net_high", 72),
    *_money("net_low", 88),
    *_money("open_notional", 104),
    ("oldest_mark_tsc", "<u8", 120),
    ("n_open", "<u4", 128),
    ("n_unmarked", "<u4", 132),
)
MARK = _row(64, ("px_nano", "<i8", 8), ("tsc", "<u8", 16))
_HEADER_BYTES = 64


def view_bytes(n_accounts: int, n_instruments: int) -> int:
    """How much memory a view takes: what a file for other processes must have."""
    rows = n_accounts * ACCOUNT.itemsize + n_instruments * MARK.itemsize
    return _HEADER_BYTES + rows + n_accounts * n_instruments * POSITION.itemsize


def money(row: np.void, name: str) -> int:
    """A money of a row, exactly."""
    return (int(row[f"{name}_high"]) << 64) + int(row[f"{name}_low"])


class Ledger:
    """The positions of accounts in instruments, both numbered from 0; one thread uses it.

    `methods` has one per account; those that are FIFO share `n_fifo_lots`. What happens returns
    False, and changes nothing, when a sum would leave its range, no lot is left, or more is
    released than is reserved. Every change is shown to readers: in `memory` (page-aligned and
    writable, as an mmap is) or in memory of its own. ValueError for sizes or numbers out of range.
    """

    def __init__(
        self,
        methods: Sequence[Method],
        n_instruments: int,
        n_fifo_lots: int = 0,
        memory: Memory | None = None,
    ) -> None:
        self.n_accounts = len(methods)
        self.n_instruments = n_instruments
        self._memory = None if memory is None else memoryview(memory)
        self._core = _core.Ledger(
            methods=bytes(methods),
            n_instruments=n_instruments,
            n_fifo_lots=n_fifo_lots,
            memory=self._memory,
        )

    # --- what happens -----------------------------------------------------------------------------

    def fill(self, account: int, instrument: int, side: int, px_nano: int, qty: int) -> bool:
        """An execution that touches no reservation."""
        return self._core.fill(account, instrument, side, px_nano, qty)

    def execute(
        self,
        account: int,
        instrument: int,
        side: int,
        px_nano: int,
        qty: int,
        was: tuple[int, int | None],
        now: tuple[int, int | None],
    ) -> bool:
        """An execution of an order, and the (qty, px_nano) it reserves before and after."""
        return self._core.execute(account, instrument, side, px_nano, qty, *was, *now)

    def move(
        self,
        account: int,
        instrument: int,
        side: int,
        was: tuple[int, int | None],
        now: tuple[int, int | None],
    ) -> bool:
        """The (qty, px_nano) an order reserves changes; (0, None) before send and at the end."""
        return self._core.move(account, instrument, side, *was, *now)

    def bust(self, account: int, instrument: int, side: int, px_nano: int, qty: int) -> bool:
        """Take an execution of `side` back."""
        return self._core.bust(account, instrument, side, px_nano, qty)

    def correct(
        self,
        account: int,
        instrument: int,
        side: int,
        was_px_nano: int,
        was_qty: int,
        px_nano: int,
        qty: int,
    ) -> bool:
        """Take an execution back and book another: both or neither."""
        return self._core.correct(account, instrument, side, was_px_nano, was_qty, px_nano, qty)

    def fee(self, account: int, instrument: int, fee: int) -> bool:
        """Charge above 0, rebate below."""
        return self._core.fee(account, instrument, fee)

    def mark(self, instrument: int, px_nano: int, tsc: int) -> bool:
        """What an instrument is worth from now on, and when that was known."""
        return self._core.mark(instrument, px_nano, tsc)

    # --- what it comes to -------------------------------------------------------------------------

    def position(self, account: int, instrument: int) -> Position:
        return Position(*self._core.position(account, instrument))

    def account(self, account: int) -> Account:
        return Account(*self._core.account(account))

    def foresee(
        self,
        account: int,
        instrument: int,
        side: int,
        was: tuple[int, int | None],
        now: tuple[int, int | None],
    ) -> Exposure | None:
        """The exposure after such a move; None where that is refused, or without a mark."""
        found = self._core.foresee(account, instrument, side, *was, *now)
        return None if found is None else Exposure(*found)

    def loss(self, account: int) -> int:
        """Above 0 is a loss; 2**127 - 1 when it cannot be told."""
        return self._core.limits(account)[0]

    def gross(self, account: int) -> int:
        """The most that can be held, whatever fills: the worse side of each instrument, summed."""
        return self._core.limits(account)[1]

    def net(self, account: int) -> int:
        """The furthest from zero that longs minus shorts can come, as a magnitude."""
        return self._core.limits(account)[2]

    def oldest_mark(self, account: int) -> int:
        """When the stalest mark of what is held was known; 0 without one, NEVER: nothing held."""
        return self._core.limits(account)[3]

    def hash(self) -> int:
        """Everything that executions, fees and orders made of it, as 64 bits; not the marks."""
        return self._core.hash()

    def check(self) -> str | None:
        """Recompute every sum: what is wrong, None when nothing is."""
        return self._core.check()

    def view(self) -> LedgerView:
        """What readers see; usable from any thread, and as long as it is kept."""
        return LedgerView(memoryview(self._core) if self._memory is None else self._memory)


class LedgerView:
    """A ledger as its readers see it, out of its memory: their own mapping of it, most often.

    `accounts`, `marks` and `positions` [account, instrument] are the rows as they stand, live: a
    row may be in the middle of a write. `read_*` give consistent copies, each of one moment; None
    when the writer was at it in a thousand tries, or died in a write. ValueError: no such view.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memoryview(memory)
        self.n_accounts, self.n_instruments = _core.ledger_view_shape(self._memory)
        counts = (self.n_accounts, self.n_instruments, self.n_accounts * self.n_instruments)
        at, rows = _HEADER_BYTES, []
        for dtype, n in zip((ACCOUNT, MARK, POSITION), counts, strict=True):
            row = np.frombuffer(self._memory, dtype, n, at)
            row.flags.writeable = False
            rows.append(row)
            at += n * dtype.itemsize
        self.accounts: Records = rows[0]
        self.marks: Records = rows[1]
        self.positions: Records = rows[2].reshape(self.n_accounts, self.n_instruments)

    def read_position(self, account: int, instrument: int) -> Position | None:
        row = self._one(0, POSITION, self._index(account, instrument))
        if row is None:
            return None
        px_nano = self.read_mark(instrument)
        buys, sells = row["work"].tolist()
        bought, sold = row["done"].tolist()
        return Position(
            net=int(row["net"]),
            working=(buys, sells),
            done=(bought, sold),
            busted=int(row["busted"]),
            n_open=int(row["n_open"]),
            cash=money(row, "cash"),
            cost=money(row, "cost"),
            realised=money(row, "realised"),
            fees=money(row, "fees"),
            mark_px_nano=px_nano,
        )

    def read_account(self, account: int) -> Account | None:
        row = self._one(1, ACCOUNT, self._index(account, 0) // self.n_instruments)
        if row is None:
            return None
        return Account(
            realised=money(row, "realised"),
            unrealised=money(row, "unrealised"),
            fees=money(row, "fees"),
            gross=money(row, "gross"),
            net_high=money(row, "net_high"),
            net_low=money(row, "net_low"),
            open_notional=money(row, "open_notional"),
            n_open=int(row["n_open"]),
            n_unmarked=int(row["n_unmarked"]),
        )

    def read_mark(self, instrument: int) -> int | None:
        """Its price; None also when it was never marked."""
        row = self._one(2, MARK, self._index(0, instrument))
        px_nano = _PX_NONE if row is None else int(row["px_nano"])
        return None if px_nano == _PX_NONE else px_nano

    def read_positions(self) -> tuple[Records, npt.NDArray[np.bool_]]:
        """A copy of all positions [account, instrument], each of one moment.

        The second array is False where none could be had.
        """
        shape = (self.n_accounts, self.n_instruments)
        out = np.zeros(shape, POSITION)
        valid = np.empty(shape, np.bool_)
        _core.ledger_view_read(self._memory, 0, 0, out.reshape(-1), valid.reshape(-1))
        return out, valid

    def _one(self, what: int, dtype: np.dtype[np.void], at: int) -> np.void | None:
        out = np.zeros(1, dtype)
        valid = np.empty(1, np.bool_)
        _core.ledger_view_read(self._memory, what, at, out, valid)
        return out[0] if valid[0] else None

    def _index(self, account: int, instrument: int) -> int:
        if not (0 <= account < self.n_accounts and 0 <= instrument < self.n_instruments):
            raise IndexError(f"no account {account}, or no instrument {instrument}")
        return account * self.n_instruments + instrument
