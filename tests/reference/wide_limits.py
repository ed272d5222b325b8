"""Limit sets for tests: every limit given and wide, then some of them narrow."""

from __future__ import annotations

from typing import Any

from engine.trade.limits import MEMBERS, RULES, SCOPES, LimitSet, Member, Rows

TICK = 1  # nano: any price is on the grid


def wide(member: Member) -> int:
    match member.unit:
        case "SIDES":
            return RULES["SIDES"]["both"]
        case "SHORT_RULE":
            return RULES["SHORT_RULE"]["free"]
        case "SELF_TRADE":
            return RULES["SELF_TRADE"]["off"]
        case "STRATEGIES" | "VENUES":
            return -1  # all there are, see below
        case "PRICE":
            return TICK
        case _:
            return member.off if member.may_be_off else 1


def rows(
    *, n_venues: int = 2, n_accounts: int = 2, n_strategies: int = 2, n_symbols: int = 3
) -> Rows:
    out = Rows(
        n_venues=n_venues, n_accounts=n_accounts, n_strategies=n_strategies, n_symbols=n_symbols
    )
    every = {"STRATEGIES": (1 << n_strategies) - 1, "VENUES": (1 << n_venues) - 1}
    for scope in SCOPES:
        for member in MEMBERS[scope]:
            value = wide(member)
            out.of(scope)[member.word] = every[member.unit] if value < 0 else value
    return out


def limits(version: int = 1, *, sizes: dict[str, int] | None = None, **narrow: Any) -> LimitSet:
    """A wide set, but for members given as scope_word=value, "." written "__"."""
    made = rows(**(sizes or {}))
    for name, value in narrow.items():
        scope, _, word = name.partition("_")
        made.of(scope)[word.replace("__", ".")] = value  # type: ignore[arg-type]
    return made.build(version)
