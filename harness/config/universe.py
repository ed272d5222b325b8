"""The universe: a CSV file of the symbols of a limits file, with limits of their own.

A header `symbol,tick,lot` - any limits of a symbol by their words - and a line a symbol, in the
order of the indices. An empty cell says nothing. Values are written as in the limits file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.trade.limits import MEMBERS, Member
from harness.config.limit_models import SYMBOL_NAME
from harness.config.limit_values import Value, parse_value
from harness.config.loader import ConfigError, fault_line, read_text
from harness.config.strict_yaml import Fault, plain_scalar
from harness.config.units import UnitError


@dataclass(frozen=True, slots=True)
class Universe:
    """Symbols, where each stands, and (row, value) of every cell of a column that says anything."""

    path: Path
    lines: Mapping[str, int]  # symbol -> line, in order
    columns: Mapping[str, tuple[tuple[int, Value], ...]]  # word of the limit -> cells

    def words_of(self, symbol: str) -> frozenset[str]:
        """The limits that this symbol is given here."""
        row = list(self.lines).index(symbol)
        return frozenset(
            word for word, cells in self.columns.items() if any(at == row for at, _ in cells)
        )


def read_universe(path: Path) -> Universe:
    """The file, completely checked; ConfigError lists everything that is wrong with it."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    faults: list[Fault] = []
    lines: dict[str, int] = {}
    try:
        members = _header(next(reader, []))
        columns: dict[str, list[tuple[int, Value]]] = {m.word: [] for m in members}
        for cells in reader:
            if not cells:
                continue
            line = reader.line_num
            if len(cells) != 1 + len(members):
                faults.append(Fault(line, (), f"has {len(cells)} cells, not {1 + len(members)}"))
                continue
            symbol = cells[0].strip()
            if not SYMBOL_NAME.fullmatch(symbol):
                faults.append(Fault(line, (), f"not a symbol: {symbol!r}"))
            elif symbol in lines:
                faults.append(Fault(line, (symbol,), f"given twice, first in line {lines[symbol]}"))
            else:
                for member, cell in zip(members, cells[1:], strict=True):
                    try:
                        if cell.strip():
                            columns[member.word].append((len(lines), _value(member, cell.strip())))
                    except UnitError as error:
                        faults.append(Fault(line, (symbol, member.word), str(error)))
                lines[symbol] = line
    except csv.Error as error:
        faults.append(Fault(reader.line_num, (), f"not CSV: {error}"))
    except UnitError as error:
        faults.append(Fault(1, (), str(error)))
    if not faults and not lines:
        faults.append(Fault(0, (), "names no symbol"))
    if faults:
        raise ConfigError(*(fault_line(str(path), fault) for fault in faults))
    return Universe(path, lines, {word: tuple(cells) for word, cells in columns.items()})


def _header(cells: list[str]) -> list[Member]:
    """The limits of the columns behind the first."""
    words = [cell.strip() for cell in cells]
    if not words or words[0] != "symbol":
        raise UnitError("the header must begin with 'symbol', like symbol,tick,lot")
    known = {m.word: m for m in MEMBERS["symbol"]}
    for word in words[1:]:
        if word not in known:
            raise UnitError(f"no limit of a symbol: {word!r}; there are {', '.join(known)}")
    if len(set(words)) != len(words):
        raise UnitError("names a column twice")
    return [known[word] for word in words[1:]]


def _value(member: Member, cell: str) -> Value:
    # A price stays text: every digit counts. The rest reads as it would in the limits file.
    return parse_value(member, cell if member.unit == "PRICE" else plain_scalar(cell))
