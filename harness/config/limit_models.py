"""The shape of a limits file: made from the table of limits, so that none can be left out.

A dot in the word of a limit is a mapping in the file: `rate.burst` is `rate: {burst: ...}`. A whole
group may be `unlimited`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, create_model

from engine.trade.limits import MEMBERS, Member, Scope
from harness.config.fields import Strict, Text
from harness.config.limit_values import UNLIMITED, WRITTEN, Value, parse_value

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
SYMBOL_NAME = re.compile(r"[A-Za-z0-9^.$][A-Za-z0-9^._/ +=$-]{0,39}")


def _leaf(member: Member) -> Any:
    written = WRITTEN[member.unit]
    off = f"; {UNLIMITED} switches it off" if member.may_be_off else ""
    return Annotated[
        Any,
        BeforeValidator(lambda value: parse_value(member, value)),
        WithJsonSchema(
            {
                "type": ["string", "number", "array"],
                "description": f"{member.text} ({written}{off}; {member.how})",
            }
        ),
    ]


def _group(name: str, members: Iterable[tuple[str, Member]]) -> Any:
    model = _model(name, members)
    words = list(model.model_fields)

    def spread(value: object) -> object:
        return dict.fromkeys(words, UNLIMITED) if value == UNLIMITED else value

    return Annotated[model, BeforeValidator(spread)]


def _model(name: str, members: Iterable[tuple[str, Member]], base: type[Strict] = Strict) -> Any:
    """Of (word, limit): a field for each word without a dot, a model for those before one."""
    fields: dict[str, Any] = {}
    groups: dict[str, list[tuple[str, Member]]] = {}
    for word, member in members:
        head, dot, rest = word.partition(".")
        if dot:
            groups.setdefault(head, []).append((rest, member))
        else:
            fields[word] = (_leaf(member), None)
    for head, below in groups.items():
        fields[head] = (_group(f"{name}_{head}", below), None)
    return create_model(name, __base__=base, **fields)


def _row(scope: Scope, base: type[Strict] = Strict) -> Any:
    return _model(f"{scope}_limits", ((m.word, m) for m in MEMBERS[scope]), base)


def _named(pattern: re.Pattern[str], what: str) -> Callable[[object], object]:
    """Checks the keys of a mapping, or the members of a list, that name things."""

    def check(value: object) -> object:
        if isinstance(value, dict | tuple):
            for name in value:
                if not isinstance(name, str):
                    raise ValueError(f"not {what}: {name!r} (write it in quotes)")
                if not pattern.fullmatch(name):
                    raise ValueError(f"not {what}: {name!r}")
            _refuse_twice(value)
        return value

    return check


def _refuse_twice(names: Iterable[object]) -> None:
    seen = set()
    for name in names:
        if name in seen:
            raise ValueError(f"named twice: {name!r}")
        seen.add(name)


def _empty_is_nothing(value: object) -> object:
    """`xnas:` with nothing behind it has no limits of its own."""
    return {} if value is None else value


def _listed(value: object) -> object:
    """`symbols: [A, B]` names symbols that have no limits of their own."""
    if not isinstance(value, tuple):
        return value
    _refuse_twice(value)
    return dict.fromkeys(value)


_names = BeforeValidator(_named(_NAME, "a name"))
_symbols = BeforeValidator(_named(SYMBOL_NAME, "a symbol"))
_or_empty = BeforeValidator(_empty_is_nothing)

if TYPE_CHECKING:  # what is known of them before the table of limits is read
    GlobalRow = Strict
    VenueRow = Strict
    StrategyRow = Strict
    SymbolRow = Strict
    AccountRow = Strict
else:
    GlobalRow = _row("global")
    VenueRow = _row("venue")
    StrategyRow = _row("strategy")
    SymbolRow = _row("symbol")
    AccountRow = _row("account")

SymbolRows = Annotated[dict[str, Annotated[SymbolRow, _or_empty]], _symbols]
ListedSymbolRows = Annotated[SymbolRows, BeforeValidator(_listed)]
SymbolList = Annotated[tuple[str, ...], _symbols]


class AccountKeys(Strict):
    """What an account has beside its own limits."""

    every_symbol: SymbolRow = SymbolRow()
    symbols: SymbolRows = Field(default_factory=dict)
    restricted: SymbolList = ()


if TYPE_CHECKING:
    Account = AccountKeys
else:
    Account = _row("account", AccountKeys)


class Defaults(Strict):
    """What a row has that says nothing else."""

    venue: VenueRow = VenueRow()
    strategy: StrategyRow = StrategyRow()
    account: AccountRow = AccountRow()
    symbol: SymbolRow = SymbolRow()


class LimitsFile(Strict):
    """A whole file. Names are given by the keys; their order is that of the indices."""

    version: Annotated[int, Field(ge=1, lt=1 << 63)]
    why: Text | None = None
    universe: Text | None = None
    defaults: Defaults = Defaults()
    engine: GlobalRow = GlobalRow()
    venues: Annotated[dict[str, Annotated[VenueRow, _or_empty]], _names]
    strategies: Annotated[dict[str, Annotated[StrategyRow, _or_empty]], _names]
    accounts: Annotated[dict[str, Annotated[Account, _or_empty]], _names]
    symbols: ListedSymbolRows = Field(default_factory=dict)
    restricted: SymbolList = ()


def given(row: BaseModel, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """(word, value) of the limits that stand in this row of the file."""
    for name in type(row).model_fields:
        if name not in row.model_fields_set or name in AccountKeys.model_fields:
            continue
        value = getattr(row, name)
        if isinstance(value, BaseModel):
            yield from given(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
