"""What a new limits file changes against the old one, by name, and whether two people must agree.

Two files may list their symbols in another order, or not the same ones. Rows are compared by name:
one that is new is compared with a missing row and is looser, one that is gone is tighter. Sets
whose names differ need two people in any case: an index means something else in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from engine.trade.limits import (
    MEMBERS,
    Comparison,
    How,
    LimitSet,
    Member,
    Names,
    Records,
    Rows,
    Scope,
    compare,
)
from harness.config.limit_values import format_value
from harness.config.limits import Limits, masks_of

SHOWN = 3  # rows named of those that change the same way


@dataclass(frozen=True, slots=True)
class Line:
    """One limit that changes one way in `n` rows; `first` names some of them, was -> now."""

    member: Member
    how: How
    n: int
    first: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        rows = "; ".join(f"{row}{' ' if row else ''}{was} -> {now}" for row, was, now in self.first)
        more = f"; {self.n - len(self.first)} more" if self.n > len(self.first) else ""
        return f"{self.how!s:<16} {self.member.scope:<9} {self.member.word:<26} {rows}{more}"


@dataclass(frozen=True, slots=True)
class Diff:
    how: How
    lines: tuple[Line, ...]
    n_changes: int

    @property
    def needs_two(self) -> bool:
        return bool(self.how & (How.LOOSER | How.OTHER))

    @property
    def verdict(self) -> str:
        if not self.how:
            return "no limit changes"
        if self.how & How.OTHER:
            return "OTHER NAMES: two people must approve it"
        if self.how & How.LOOSER:
            return "LOOSER: two people must approve it"
        return "TIGHTER: anybody may put it in force at once"


def diff(was: Limits, now: Limits) -> Diff:
    names = _union(was.names, now.names)
    comparison = compare(_realigned(was, names), _realigned(now, names))
    lines = tuple(_lines(comparison, names))
    other = How(0) if was.names == now.names else How.OTHER
    return Diff(comparison.how | other, lines, len(comparison.changes))


def row_name(scope: Scope, row: int, names: Names) -> str:
    """What a person calls a row: 'main', or 'main AAPL' for a pair."""
    match scope:
        case "global":
            return ""
        case "venue":
            return names.venues[row]
        case "account":
            return names.accounts[row]
        case "strategy":
            return names.strategies[row]
        case "symbol":
            account, symbol = divmod(row, len(names.symbols))
            return f"{names.accounts[account]} {names.symbols[symbol]}"


def _lines(comparison: Comparison, names: Names) -> Iterator[Line]:
    masks = masks_of(names)
    for member, how, changes in comparison.groups():
        first = tuple(
            (
                row_name(member.scope, int(change["row"]), names),
                format_value(member, int(change["was"]), masks),
                format_value(member, int(change["now"]), masks),
            )
            for change in changes[:SHOWN]
        )
        yield Line(member, how, len(changes), first)


def _union(a: Names, b: Names) -> Names:
    both: Mapping[str, tuple[str, ...]] = {
        field.name: tuple(dict.fromkeys(getattr(a, field.name) + getattr(b, field.name)))
        for field in fields(Names)
    }
    return Names(**both)


def _realigned(limits: Limits, names: Names) -> LimitSet:
    """The same limits under other indices; rows of names that they do not have are missing."""
    if limits.names == names:
        return limits.set
    rows = Rows(
        n_venues=len(names.venues),
        n_accounts=len(names.accounts),
        n_strategies=len(names.strategies),
        n_symbols=len(names.symbols),
    )
    own, old = limits.names, limits.set
    rows.global_[:] = old.global_
    rows.venues[_indices(own.venues, names.venues)] = old.venues
    rows.accounts[_indices(own.accounts, names.accounts)] = old.accounts
    rows.strategies[_indices(own.strategies, names.strategies)] = old.strategies
    at = np.ix_(_indices(own.accounts, names.accounts), _indices(own.symbols, names.symbols))
    rows.pairs[at] = old.pairs
    for member in MEMBERS["symbol"]:
        if member.unit in ("STRATEGIES", "VENUES"):
            mine = own.strategies if member.unit == "STRATEGIES" else own.venues
            theirs = names.strategies if member.unit == "STRATEGIES" else names.venues
            _move_bits(rows.pairs, member.word, _indices(mine, theirs))
    return rows.build(old.version, names)


def _indices(names: Sequence[str], among: Sequence[str]) -> npt.NDArray[np.intp]:
    at = {name: i for i, name in enumerate(among)}
    return np.array([at[name] for name in names], np.intp)


def _move_bits(rows: Records, word: str, to: npt.NDArray[np.intp]) -> None:
    was = rows[word].astype(np.uint64)
    moved = np.zeros_like(was)
    for i, j in enumerate(to):
        moved |= (was >> np.uint64(i) & np.uint64(1)) << np.uint64(j)
    rows[word] = moved
