"""A log for people and other programs: JSON lines or CSV, a row a record, in the log's order.

Columns: number, time (UTC to the ns), tsc, segment, kind, then what the kind has: ids as the wire
has them, px a decimal, qty in lots, detail and event by their names, scopes by their numbers. What
a record does not have is left out of the JSON and empty in the CSV.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, IntFlag
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from engine.market.books import Side
from engine.trade import (
    Cause,
    EventKind,
    OrderFlag,
    OrderType,
    Reason,
    RiskState,
    Scope,
    Session,
    TimeInForce,
)
from engine.trade.audit import NO_SYMBOL, Kind, Segment

COLUMNS = (
    "number",
    "time",
    "tsc",
    "segment",
    "kind",
    "id",
    "ref",
    "px",
    "qty",
    "side",
    "type",
    "time_in_force",
    "event",
    "detail",
    "instrument",
    "venue",
    "account",
    "strategy",
)
# Whose id is that of an order or of a request.
ORDER_KINDS = (
    Kind.SENT,
    Kind.RISK_REJECT,
    Kind.KILL_BLOCK,
    Kind.TX_FULL,
    Kind.CANCEL_SENT,
    Kind.REPLACE_SENT,
    Kind.EVENT,
    Kind.EVENT_REF,
    Kind.FEE,
)
WITH_FLAGS = frozenset(
    {Kind.SENT, Kind.RISK_REJECT, Kind.KILL_BLOCK, Kind.TX_FULL, Kind.REPLACE_SENT}
)
# Whose ref is an order too.
REF_IS_ORDER = (Kind.CANCEL_SENT, Kind.REPLACE_SENT)
WITH_PX = frozenset(
    {
        Kind.SENT,
        Kind.RISK_REJECT,
        Kind.KILL_BLOCK,
        Kind.TX_FULL,
        Kind.REPLACE_SENT,
        Kind.EVENT,
        Kind.FEE,
    }
)
NO_PX = -(2**63)
ID_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
ID_CHARACTERS = 13


def id_text(order_id: int) -> str:
    """An order id as it is on the wire: epoch and counter in base32hex (order/ids.h)."""
    digits: list[str] = []
    for bits in (order_id >> 40, order_id & (1 << 40) - 1):
        n = 5 if not digits else 8
        digits += [ID_DIGITS[bits >> 5 * (n - 1 - i) & 31] for i in range(n)]
    return "".join(digits)


def id_of(text: str) -> int:
    """The way back; `0x...` is a number. ValueError for other text."""
    try:
        if text.startswith("0x"):
            return int(text, 16)
        if len(text) != ID_CHARACTERS or not set(text) <= set(ID_DIGITS):
            raise ValueError
        return int(text[:5], 32) << 40 | int(text[5:], 32)
    except ValueError:
        raise ValueError(f"not an order id: {text!r} (13 characters as sent, or 0x...)") from None


def decimal(nano: int) -> str:
    """1e-9 units as a decimal, without zeros at its end."""
    whole, rest = divmod(abs(nano), 10**9)
    text = f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
    return f"-{text}" if nano < 0 else text


def utc(ns: int) -> str:
    """ns since 1970 as ISO 8601 with nine decimals."""
    seconds, rest = divmod(ns, 10**9)
    if seconds > 253402300799:  # the year 9999: a clock that nobody can have had
        return f"{seconds}.{rest:09d}"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _named(names: type[IntEnum], number: int) -> str:
    try:
        return names(number).name.lower()
    except ValueError:
        return str(number)  # of a newer version


def _mask(names: type[IntFlag], bits: int) -> str | None:
    """Names joined by `|`, bits without one as a number; None for an empty mask."""
    known = [flag for flag in names if flag.value & bits]
    rest = bits & ~sum(flag.value for flag in known)
    return "|".join([*(str(f.name).lower() for f in known), *([hex(rest)] if rest else [])]) or None


def _detail(kind: int, detail: int) -> str | int | None:
    match kind:
        case Kind.RISK_REJECT | Kind.OVERRIDE:
            return _mask(Reason, detail)
        case Kind.RISK_DETAIL:
            return _mask(Reason, 1 << detail) if detail < 32 else detail
        case Kind.EVENT:
            return _mask(OrderFlag, detail)
        case Kind.KILL_BLOCK | Kind.KILL | Kind.ARM:
            return _named(Cause, detail) if detail else None
        case Kind.STATE:
            return _named(RiskState, detail)
        case _:
            return detail or None


def _event(kind: int, event: int) -> str | int | None:
    match kind:
        case Kind.EVENT:
            return _named(EventKind, event)
        case Kind.STATE | Kind.KILL:
            return _named(Scope, event)
        case Kind.SESSION:
            return _named(Session, event)
        case Kind.FEED:
            return "in step" if event else "in doubt"
        case Kind.CLOCK:
            return "synchronised" if event else "not synchronised"
        case _:
            return event or None


def row(segment: int, wall_ns: int, record: tuple[int, ...]) -> dict[str, str | int | None]:
    """One record, in the order of RECORD, in columns; None for what it does not have."""
    (number, tsc, id_, ref, px, qty, detail, instrument, kind, event, flags, *scopes, _) = record
    is_order = kind in ORDER_KINDS
    has_px = px != NO_PX and (kind in WITH_PX or px != 0)
    has_flags = kind in WITH_FLAGS
    return {
        "number": number,
        "time": utc(wall_ns),
        "tsc": tsc,
        "segment": segment,
        "kind": _named(Kind, kind),
        "id": (id_text(id_) if is_order else id_) if id_ else None,
        "ref": (id_text(ref) if kind in REF_IS_ORDER else ref) if ref else None,
        "px": decimal(px) if has_px else None,
        "qty": qty or None,
        "side": _named(Side, flags & 1) if has_flags else None,
        "type": _named(OrderType, flags >> 1 & 7) if has_flags else None,
        "time_in_force": _named(TimeInForce, flags >> 4) if has_flags else None,
        "event": _event(kind, event),
        "detail": _detail(kind, detail),
        "instrument": instrument if instrument != NO_SYMBOL else None,
        "venue": scopes[0],
        "account": scopes[1],
        "strategy": scopes[2],
    }


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records: all of what is given must hold; None and () are no condition.

    `order` takes its own records, and those of requests that name it.
    """

    order: int | None = None
    account: int | None = None
    kinds: tuple[Kind, ...] = ()

    def mask(self, records: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
        kind = records["kind"]
        chosen = np.ones(len(records), bool)
        if self.kinds:
            chosen &= np.isin(kind, self.kinds)
        if self.account is not None:
            chosen &= (records["account"] == self.account) & np.isin(kind, ORDER_KINDS)
        if self.order is not None:
            own = (records["id"] == self.order) & np.isin(kind, ORDER_KINDS)
            chosen &= own | ((records["ref"] == self.order) & np.isin(kind, REF_IS_ORDER))
        return chosen


def rows(segments: Iterable[Segment], which: Filter) -> Iterator[dict[str, str | int | None]]:
    for segment in segments:
        mask = which.mask(segment.records)
        number = int(segment.header["segment"])
        times, records = segment.wall_ns()[mask].tolist(), segment.records[mask].tolist()
        for wall_ns, record in zip(times, records, strict=True):
            yield row(number, wall_ns, record)


def write_jsonl(rows: Iterable[dict[str, Any]], out: TextIO) -> int:
    """A JSON object a line; how many."""
    n = 0
    for one in rows:
        print(json.dumps({k: v for k, v in one.items() if v is not None}), file=out)
        n += 1
    return n


def write_csv(rows: Iterable[dict[str, Any]], out: TextIO) -> int:
    """A header and a line a record; how many records."""
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    n = 0
    for one in rows:
        writer.writerow(one)
        n += 1
    return n


FORMATS: dict[str, Callable[[Iterable[dict[str, Any]], TextIO], int]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
}
