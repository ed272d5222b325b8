"""The order side: orders, positions, risk, the kill word and the audit log.

`Oms` binds them all; docs/guides/orders-from-python.md shows how it is used.
"""

from __future__ import annotations

from engine.trade.cause import Cause, Killed, KillState, KillWhy
from engine.trade.limits import LimitSet, Names, Rows
from engine.trade.money import Account, Position
from engine.trade.oms import COUNTERS, Kill, Oms, Ready, Replayed, Session, replay
from engine.trade.orders import (
    Change,
    Event,
    EventKind,
    Order,
    OrderFlag,
    OrderState,
    OrderType,
    Request,
    Scope,
    TimeInForce,
    buy,
    sell,
)
from engine.trade.positions import Exposure, Ledger, LedgerView, Method
from engine.trade.risk import Reason, Refusal, RiskState, Shortfall

__all__ = [
    "COUNTERS",
    "Account",
    "Cause",
    "Change",
    "Event",
    "EventKind",
    "Exposure",
    "Kill",
    "KillState",
    "KillWhy",
    "Killed",
    "Ledger",
    "LedgerView",
    "LimitSet",
    "Method",
    "Names",
    "Oms",
    "Order",
    "OrderFlag",
    "OrderState",
    "OrderType",
    "Position",
    "Ready",
    "Reason",
    "Refusal",
    "Replayed",
    "Request",
    "RiskState",
    "Rows",
    "Scope",
    "Session",
    "Shortfall",
    "TimeInForce",
    "buy",
    "replay",
    "sell",
]
