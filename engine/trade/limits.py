"""Limit sets: what an order may be and what it may lead to, as versioned and hashed rows.

`Rows` are written, `Rows.build` checks them and gives a `LimitSet`, which never changes. Both show
their rows as structured arrays whose fields are the words of the configuration file: quantities in
lots, money in whole units of the account's currency, prices and ticks in 1e-9, times in ns.

Zero is missing and refuses every order that asks for it. A limit that is switched off on purpose
has `Member.off`, the largest number of its width.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import IntFlag
from functools import cached_property
from typing import Any, Final, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from engine import _core

Scope = Literal["global", "venue", "account", "strategy", "symbol"]
SCOPES: Final = cast(tuple[Scope, ...], get_args(Scope))  # numbered as in trade/scope.h
Records = npt.NDArray[np.void]

_LINE = 64  # rows are read as C structs that start a cache line
_SIDES = {"buy": 1, "sell": 2, "both": 3}


class How(IntFlag):
    """What a change does. OTHER: the sets have other rows or names, and count as both."""

    TIGHTER = 1
    LOOSER = 2
    OTHER = 4

    def __str__(self) -> str:
        return "|".join(cast(str, bit.name) for bit in How if bit in self) or "EQUAL"


@dataclass(frozen=True, slots=True)
class Member:
    """One limit: its word in files, what it counts, and which way is tighter."""

    scope: Scope
    word: str
    text: str
    offset: int
    n_bytes: int
    direction: str  # LESS, MORE, BITS, GRID or EITHER is tighter; `how` says it in words
    unit: str  # LOTS, MONEY, PRICE, BPS, TICKS, COUNT, DURATION, PER_S, PERMILLE or a rule
    how: str
    may_be_off: bool
    off_together: bool  # with the others before the same dot
    may_be_zero: bool  # needed only when another limit says so
    reason: int  # bit number in engine.trade.risk.Reason

    @property
    def off(self) -> int:
        return (1 << 8 * self.n_bytes) - 1

    @property
    def largest(self) -> int:
        return 1 << (62 if self.n_bytes == 8 else 31)

    @property
    def group(self) -> str:
        """What stands before the last dot; limits of a group are all given or none. '': alone."""
        return self.word.rpartition(".")[0]


def _tables() -> dict[Scope, tuple[Member, ...]]:
    tables = _core.limits_tables()
    return {
        scope: tuple(
            Member(
                *(scope, word, text, offset, n_bytes, direction, unit, how),
                may_be_off=bool(flags & 1),
                off_together=bool(flags & 2),
                may_be_zero=bool(flags & 4),
                reason=reason,
            )
            for word, text, offset, n_bytes, direction, unit, how, flags, reason in tables[scope][1]
        )
        for scope in SCOPES
    }


MEMBERS: Final[Mapping[Scope, tuple[Member, ...]]] = _tables()
RULES: Final[Mapping[str, Mapping[str, int]]] = {  # by unit: the words of limits that are rules
    "SIDES": _SIDES,
    "SHORT_RULE": {name: n for name, (n, _) in _core.limits_rules()["short"].items()},
    "SELF_TRADE": {name: n for name, (n, _) in _core.limits_rules()["self_trade"].items()},
}


def _dtype(scope: Scope) -> np.dtype[np.void]:
    members = MEMBERS[scope]
    return np.dtype(
        {
            "names": [m.word for m in members],
            "formats": ["<i8" if m.unit == "PRICE" else f"<u{m.n_bytes}" for m in members],
            "offsets": [m.offset for m in members],
            "itemsize": _core.limits_tables()[scope][0],
        }
    )


DTYPES: Final[Mapping[Scope, np.dtype[np.void]]] = {scope: _dtype(scope) for scope in SCOPES}
_CHANGE_BYTES, _CHANGE_FIELDS = _core.limits_change_layout()
CHANGE: Final = np.dtype(
    {
        "names": [name for name, _, _ in _CHANGE_FIELDS],
        "formats": [format_ for _, format_, _ in _CHANGE_FIELDS],
        "offsets": [offset for _, _, offset in _CHANGE_FIELDS],
        "itemsize": _CHANGE_BYTES,
    }
)
_AT: Final = {name: offset for name, _, offset in _core.limits_layout()}
_HEADER: Final = np.dtype(
    {
        "names": [name for name, format_, _ in _core.limits_layout() if format_],
        "formats": [format_ for _, format_, _ in _core.limits_layout() if format_],
        "offsets": [offset for _, format_, offset in _core.limits_layout() if format_],
        "itemsize": _AT["global"],
    }
)


def member(scope: Scope, word: str) -> Member:
    """The limit of this word; KeyError when the row has none."""
    for one in MEMBERS[scope]:
        if one.word == word:
            return one
    raise KeyError(f"{scope} has no limit {word!r}")


@dataclass(frozen=True, slots=True)
class Names:
    """What the indices of a set are called, in their order; part of its hash."""

    venues: tuple[str, ...]
    accounts: tuple[str, ...]
    strategies: tuple[str, ...]
    symbols: tuple[str, ...]

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode("ascii")).digest()


class Rows:
    """Rows to be written, all missing at first; pairs are [account, symbol]."""

    def __init__(
        self, *, n_venues: int, n_accounts: int, n_strategies: int, n_symbols: int
    ) -> None:
        if not _core.limits_bytes(n_accounts, n_symbols, n_strategies, n_venues):
            raise ValueError(
                "an engine has 1 to 16 venues, 1 to 64 accounts, 1 to 64 strategies "
                f"and 1 to 65535 symbols, not {n_venues}, {n_accounts}, {n_strategies}, {n_symbols}"
            )
        self.global_ = _aligned_rows(1, "global")
        self.venues = _aligned_rows(n_venues, "venue")
        self.accounts = _aligned_rows(n_accounts, "account")
        self.strategies = _aligned_rows(n_strategies, "strategy")
        self.pairs = _aligned_rows(n_accounts * n_symbols, "symbol").reshape(n_accounts, n_symbols)

    def of(self, scope: Scope) -> Records:
        """The rows of one kind, in one dimension."""
        return _by_scope(self, scope)

    def build(self, version: int, names: Names | None = None) -> LimitSet:
        """Check everything and freeze it; ValueError says in one sentence why not."""
        n_accounts, n_symbols = self.pairs.shape
        counts = (n_accounts, n_symbols, len(self.strategies), len(self.venues))
        if names is not None and counts != (
            *(len(names.accounts), len(names.symbols)),
            *(len(names.strategies), len(names.venues)),
        ):
            raise ValueError("names: not as many as there are rows")
        out = _aligned(_core.limits_bytes(*counts))
        if not 0 < version < 1 << 64:
            raise ValueError("version: must be above 0, and have 64 bits")
        _core.limits_build(
            out,
            version,
            self.global_,
            self.venues,
            self.accounts,
            self.strategies,
            self.pairs,
            bytes(32) if names is None else names.digest,
        )
        return LimitSet(out)


class LimitSet:
    """A whole set: its rows as read-only views, its version and its hash."""

    def __init__(self, memory: npt.NDArray[np.uint8]) -> None:
        """Takes over aligned bytes of a whole set; use Rows.build or LimitSet.from_bytes."""
        why = _core.limits_why_not_whole(memory)
        if why is not None:
            raise ValueError(why)
        memory.flags.writeable = False
        self.memory = memory

    @classmethod
    def from_bytes(cls, data: bytes) -> LimitSet:
        """The set that to_bytes wrote; ValueError when it is not one whole, unaltered set."""
        if not data:
            raise ValueError("there is no limit set")
        memory = _aligned(len(data))
        memory[:] = np.frombuffer(data, np.uint8)
        return cls(memory)

    def to_bytes(self) -> bytes:
        return self.memory.tobytes()

    def why_not_whole(self) -> str | None:
        """None, or what was altered; recomputes the hash."""
        return _core.limits_why_not_whole(self.memory)

    @property
    def version(self) -> int:
        return int(self._header["version"])

    @property
    def sha256(self) -> str:
        """In hex; covers the version, the names and every row."""
        return bytes(self._header["sha256"]).hex()

    @property
    def names_sha256(self) -> str:
        """In hex; all 0 when the indices have no names."""
        return bytes(self._header["names"]).hex()

    @cached_property
    def global_(self) -> Records:
        return self._rows("global", _AT["global"], 1)

    @cached_property
    def venues(self) -> Records:
        return self._rows("venue", _AT["venues"], int(self._header["n_venues"]))

    @cached_property
    def accounts(self) -> Records:
        return self._rows("account", _AT["accounts"], int(self._header["n_accounts"]))

    @cached_property
    def strategies(self) -> Records:
        return self._rows("strategy", _AT["strategies"], int(self._header["n_strategies"]))

    @cached_property
    def pairs(self) -> Records:
        """[account, symbol]"""
        shape = int(self._header["n_accounts"]), int(self._header["n_instruments"])
        return self._rows("symbol", _AT["pairs"], shape[0] * shape[1]).reshape(shape)

    def of(self, scope: Scope) -> Records:
        """The rows of one kind, in one dimension; pairs by account, then by symbol."""
        return _by_scope(self, scope)

    def missing(self, scope: Scope) -> Iterator[tuple[Member, npt.NDArray[np.intp]]]:
        """Limits that are missing, with the rows: orders that need them are refused."""
        rows = self.of(scope)
        for one in MEMBERS[scope]:
            is_missing = rows[one.word] == 0
            if one.may_be_zero:
                is_missing = is_missing & (rows["short"] == RULES["SHORT_RULE"]["located"])
            if is_missing.any():
                yield one, np.flatnonzero(is_missing)

    def switched_off(self, scope: Scope) -> Iterator[tuple[Member, npt.NDArray[np.intp]]]:
        """Limits that are off on purpose, with the rows."""
        for one in MEMBERS[scope]:
            if one.may_be_off:
                where = np.flatnonzero(self.of(scope)[one.word] == one.off)
                if len(where):
                    yield one, where

    @property
    def _header(self) -> Any:
        return self.memory[: _AT["global"]].view(_HEADER)[0]

    def _rows(self, scope: Scope, at: int, n: int) -> Records:
        dtype = DTYPES[scope]
        return self.memory[at : at + n * dtype.itemsize].view(dtype)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that changed from one set to the next; `changes` are records of CHANGE."""

    how: How
    changes: Records

    def groups(self) -> Iterator[tuple[Member, How, Records]]:
        """The changes of each limit that go the same way, together."""
        keys = self.changes[["scope", "member", "how"]]
        for scope, number, how in sorted({(int(a), int(b), int(c)) for a, b, c in np.unique(keys)}):
            same = (keys["scope"] == scope) & (keys["member"] == number) & (keys["how"] == how)
            yield MEMBERS[SCOPES[scope]][number], How(how), self.changes[same]


def compare(was: LimitSet | None, now: LimitSet) -> Comparison:
    """What `now` changes; from None, no set at all, everything is looser."""
    if was is None:
        return Comparison(How.LOOSER, np.empty(0, CHANGE))
    how, changes = _core.limits_compare(was.memory, now.memory)
    return Comparison(How(how), np.frombuffer(changes, CHANGE))


def _by_scope(owner: Rows | LimitSet, scope: Scope) -> Records:
    match scope:
        case "global":
            return owner.global_
        case "venue":
            return owner.venues
        case "account":
            return owner.accounts
        case "strategy":
            return owner.strategies
        case "symbol":
            return owner.pairs.reshape(-1)


def _aligned(n_bytes: int) -> npt.NDArray[np.uint8]:
    """Zeroed bytes that start a cache line."""
    memory = np.zeros(n_bytes + _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + n_bytes]


def _aligned_rows(n: int, scope: Scope) -> Records:
    return _aligned(n * DTYPES[scope].itemsize).view(DTYPES[scope])
