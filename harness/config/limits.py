"""A limits file to a limit set: read strictly, inherited, checked, hashed.

Every symbol of every account gets a row. What it says comes from the most special place that says
anything, limit by limit: accounts.A.symbols.S; else accounts.A.every_symbol and symbols.S (before
it the universe), of which the tighter holds when both speak; else defaults.symbol. So neither a
wild stock nor a small account is let loose by what is said of the other. The other rows inherit
from their default alone. A limit that nobody gives is missing and refuses. `restricted` symbols
may be traded on neither side, whatever else is said.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from engine.trade.limits import MEMBERS, LimitSet, Member, Names, Records, Rows, Scope, member
from harness.config import strict_yaml
from harness.config.limit_models import LimitsFile, given
from harness.config.limit_values import Value
from harness.config.loader import ConfigError, fault_line, parse, project_data, read_text
from harness.config.strict_yaml import Fault
from harness.config.universe import Universe, read_universe

Place = tuple[str | int, ...]

# How rl_limits_build names the row and the limit that it refuses.
_REFUSED = re.compile(
    r"(?P<row>global|(?P<kind>venue|account|strategy) (?P<n>\d+)(, symbol (?P<symbol>\d+))?): "
    r"(?P<text>(?P<word>[a-z_.]+).*)"
)
_MOST = {"venues": 16, "strategies": 64, "accounts": 64, "symbols": 65535}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a limits file says, ready to be put in force."""

    path: Path
    why: str | None
    names: Names
    set: LimitSet
    restricted: Mapping[str, frozenset[str]]  # by account

    def restricted_rows(self) -> list[int]:
        """The rows of restricted pairs, as in `set.of("symbol")`."""
        names = self.names
        return [
            names.accounts.index(account) * len(names.symbols) + names.symbols.index(symbol)
            for account, symbols in self.restricted.items()
            for symbol in symbols
        ]

    @property
    def masks(self) -> Mapping[str, Sequence[str]]:
        """The names behind the bits of permissions, by unit."""
        return masks_of(self.names)


def masks_of(names: Names) -> Mapping[str, Sequence[str]]:
    return {"STRATEGIES": names.strategies, "VENUES": names.venues}


def load_limits(path: Path) -> Limits:
    """The file as a limit set; ConfigError lists what is wrong with it, by file and line."""
    text = read_text(path)
    file = parse(text, LimitsFile, name=str(path))
    universe = None
    if file.universe is not None:
        universe = read_universe(project_data(file.universe, beside=path))
    compiler = _Compiler(path, file, universe)
    try:
        return compiler.compile()
    except _Refused as refused:
        # Only now: lines are looked up when something is wrong.
        document = strict_yaml.parse(text)
        raise ConfigError(
            *(
                str(fault)
                if isinstance(fault, ConfigError)
                else fault_line(
                    str(path), Fault(document.line_of(fault.line_at), fault.place, fault.text)
                )
                for fault in refused.faults
            )
        ) from None


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong at a place of the file; `line_at` leads to the line that shows it best."""

    place: Place
    text: str
    line_at: Place


class _Refused(Exception):
    """Faults in the file, or whole lines of another file."""

    def __init__(self, faults: Iterable[_Fault | ConfigError]) -> None:
        super().__init__()
        self.faults = tuple(faults)


class _Compiler:
    """One pass from the most general place to the most special; later writes win."""

    def __init__(self, path: Path, file: LimitsFile, universe: Universe | None) -> None:
        self.path, self.file, self.universe = path, file, universe
        listed = dict.fromkeys(universe.lines if universe else ())
        self.names = Names(
            venues=tuple(file.venues),
            accounts=tuple(file.accounts),
            strategies=tuple(file.strategies),
            symbols=tuple(listed | dict.fromkeys(file.symbols)),
        )
        self.symbols = {name: i for i, name in enumerate(self.names.symbols)}
        # What accounts say of all their symbols: word -> (account, value).
        self.accounts_said: dict[str, list[tuple[int, int]]] = {}
        self.faults: list[_Fault | ConfigError] = []

    def compile(self) -> Limits:
        self._check_counts()
        names = self.names
        rows = Rows(
            n_venues=len(names.venues),
            n_accounts=len(names.accounts),
            n_strategies=len(names.strategies),
            n_symbols=len(names.symbols),
        )
        self._write_plain(rows)
        self._write_pairs(rows)
        restricted = self._restrict(rows)
        if self.faults:
            raise _Refused(self.faults)
        try:
            built = rows.build(self.file.version, names)
        except ValueError as error:
            raise _Refused([self._where(str(error))]) from None
        return Limits(self.path, self.file.why, names, built, restricted)

    def _check_counts(self) -> None:
        faults: list[_Fault] = []
        for key, most in _MOST.items():
            n = len(getattr(self.names, key))
            if not 1 <= n <= most:
                text = f"an engine has 1 to {most} of them, not {n}"
                faults.append(_Fault((key,), text, (key,)))
        if faults:
            raise _Refused(faults)

    # ---- Writing ----------------------------------------------------------------------------

    def _write(self, rows: Records, scope: Scope, row: BaseModel, place: Place) -> None:
        for word, value in given(row):
            rows[word] = self._integer(scope, word, value, (*place, *word.split(".")))

    def _integer(self, scope: Scope, word: str, value: Value, place: Place) -> int:
        """A permission as the bits of the names it gives."""
        if isinstance(value, int):
            return value
        known = (
            self.names.strategies if member(scope, word).unit == "STRATEGIES" else self.names.venues
        )
        if not value:
            return (1 << len(known)) - 1
        bits = 0
        for name in value:
            if name in known:
                bits |= 1 << known.index(name)
            else:
                self._refuse(place, f"there is no {name!r}{_near(name, known)}")
        return bits

    def _write_plain(self, rows: Rows) -> None:
        """Rows that inherit from their default alone."""
        file, defaults = self.file, self.file.defaults
        self._write(rows.global_, "global", file.engine, ("engine",))
        kinds: list[tuple[Scope, Records, BaseModel, str, Mapping[str, BaseModel]]] = [
            ("venue", rows.venues, defaults.venue, "venues", file.venues),
            ("strategy", rows.strategies, defaults.strategy, "strategies", file.strategies),
            ("account", rows.accounts, defaults.account, "accounts", file.accounts),
        ]
        for scope, records, default, key, named in kinds:
            self._write(records, scope, default, ("defaults", scope))
            for i, (name, row) in enumerate(named.items()):
                self._write(records[i : i + 1], scope, row, (key, name))

    def _write_pairs(self, rows: Rows) -> None:
        pairs, file = rows.pairs, self.file
        self._write(pairs, "symbol", file.defaults.symbol, ("defaults", "symbol"))
        for a, (name, account) in enumerate(file.accounts.items()):
            place = ("accounts", name, "every_symbol")
            self._write(pairs[a], "symbol", account.every_symbol, place)
            for word, _ in given(account.every_symbol):
                said = self.accounts_said.setdefault(word, [])
                said.append((a, int(pairs[word][a, 0])))
        for word, cells in (self.universe.columns if self.universe else {}).items():
            for at, value in cells:
                self._narrow(pairs, at, word, self._integer("symbol", word, value, ("universe",)))
        for name, symbol in file.symbols.items():
            for word, value in given(symbol):
                where: Place = ("symbols", name, *word.split("."))
                number = self._integer("symbol", word, value, where)
                self._narrow(pairs, self.symbols[name], word, number)
        for a, (account_name, account) in enumerate(file.accounts.items()):
            for name, symbol in account.symbols.items():
                where = ("accounts", account_name, "symbols", name)
                if self._knows(name, where):
                    at = self.symbols[name]
                    self._write(pairs[a, at : at + 1], "symbol", symbol, where)

    def _narrow(self, pairs: Records, at: int, word: str, value: int) -> None:
        """What is said of a symbol, for every account; of it and the account, the tighter."""
        limit, column = member("symbol", word), pairs[word][:, at]
        column[:] = value
        for a, said in self.accounts_said.get(word, ()):
            column[a] = tighter(limit, said, value)

    def _restrict(self, rows: Rows) -> dict[str, frozenset[str]]:
        everywhere = self._known(self.file.restricted, ("restricted",))
        restricted: dict[str, frozenset[str]] = {}
        for a, (name, account) in enumerate(self.file.accounts.items()):
            own = self._known(account.restricted, ("accounts", name, "restricted"))
            restricted[name] = frozenset((*everywhere, *own))
            for symbol in restricted[name]:
                rows.pairs["sides"][a, self.symbols[symbol]] = 0
        return restricted

    def _known(self, symbols: Sequence[str], place: Place) -> list[str]:
        return [name for i, name in enumerate(symbols) if self._knows(name, (*place, i))]

    def _knows(self, symbol: str, place: Place) -> bool:
        if symbol not in self.symbols:
            near = _near(symbol, self.names.symbols)
            self._refuse(place, f"there is no symbol {symbol!r}{near}")
        return symbol in self.symbols

    def _refuse(self, place: Place, text: str) -> None:
        self.faults.append(_Fault(place, text, place))

    # ---- What the engine refuses, back to where it was written ----------------------------------

    def _where(self, sentence: str) -> _Fault | ConfigError:
        match = _REFUSED.fullmatch(sentence)
        if match is None:
            return _Fault((), sentence, ())
        scope, said, sources = self._sources(match)
        text = f"{match['text']}{said}"
        for word in (match["word"], *_same_group(scope, match["word"])):
            for source in sources:
                if word in source.words:
                    return source.fault(text, word)
        return sources[0].fault(text)

    def _sources(self, match: re.Match[str]) -> tuple[Scope, str, list[_Source]]:
        """What the row is, and where its limits may come from, the most special place first."""
        file, defaults = self.file, self.file.defaults
        if match["kind"] is None:
            return "global", "", [_said(file.engine, ("engine",))]
        n = int(match["n"])
        if match["symbol"] is not None:
            account, symbol = self.names.accounts[n], self.names.symbols[int(match["symbol"])]
            return (
                "symbol",
                f" (account {account}, symbol {symbol})",
                [
                    _said(
                        file.accounts[account].symbols.get(symbol),
                        ("accounts", account, "symbols", symbol),
                    ),
                    _said(file.symbols.get(symbol), ("symbols", symbol)),
                    *self._in_universe(symbol),
                    _said(
                        file.accounts[account].every_symbol, ("accounts", account, "every_symbol")
                    ),
                    _said(defaults.symbol, ("defaults", "symbol")),
                ],
            )
        named: Mapping[str, tuple[Scope, str, Mapping[str, BaseModel], BaseModel]] = {
            "venue": ("venue", "venues", file.venues, defaults.venue),
            "account": ("account", "accounts", file.accounts, defaults.account),
            "strategy": ("strategy", "strategies", file.strategies, defaults.strategy),
        }
        scope, key, models, default = named[match["kind"]]
        name = list(models)[n]
        return (
            scope,
            f" ({scope} {name})",
            [
                _said(models[name], (key, name)),
                _said(default, ("defaults", scope)),
            ],
        )

    def _in_universe(self, symbol: str) -> Iterator[_Source]:
        if self.universe is not None and symbol in self.universe.lines:
            yield _Source(
                self.universe.words_of(symbol),
                (symbol,),
                (self.universe.path, self.universe.lines[symbol]),
            )


@dataclass(frozen=True, slots=True)
class _Source:
    """One place that may say something of a row, and the words that it says."""

    words: frozenset[str]
    place: Place
    elsewhere: tuple[Path, int] | None = None  # another file, and the line in it

    def fault(self, text: str, word: str = "") -> _Fault | ConfigError:
        if self.elsewhere is None:
            return _Fault(self.place, text, (*self.place, *word.split(".")))
        path, line = self.elsewhere
        return ConfigError(fault_line(str(path), Fault(line, self.place, text)))


def _said(row: BaseModel | None, place: Place) -> _Source:
    words = frozenset(word for word, _ in given(row)) if row is not None else frozenset()
    return _Source(words, place)


def _same_group(scope: Scope, word: str) -> Iterator[str]:
    group = word.rpartition(".")[0]
    return (m.word for m in MEMBERS[scope] if group and m.group.startswith(group))


def tighter(limit: Member, account: int, symbol: int) -> int:
    """The one that lets less pass; of two that cannot be compared, that of the symbol."""
    if limit.direction == "BITS":
        return account & symbol
    if limit.may_be_off and limit.off in (account, symbol):
        return min(account, symbol)
    match limit.direction:
        case "LESS":
            return min(account, symbol)
        case "MORE":
            return max(account, symbol)
    return symbol


def _near(name: str, known: Sequence[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f", did you mean {found[0]!r}?" if found else ""
