"""An override: two people let some orders pass limits that they would break, for a short time.

One order or a set of them, of one named scope, and named checks only: those that hold an order
against a number that somebody chose. What describes the order or the world (a price off the tick,
old data, a halted engine) is not a matter of opinion and is never overridden. An override is used
once: that it was is written down before it is put in force.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.trade.risk import Reason
from harness.approvals import Approval
from harness.authority import RISK_OVERRIDE, NotAuthorised, Statement, spend

# As RL_RISK_MAY_OVERRIDE (trade/risk/risk.h), which refuses the rest as well.
MAY_OVERRIDE: Final = (
    Reason.QTY
    | Reason.NOTIONAL
    | Reason.COLLAR
    | Reason.CROSS
    | Reason.DUPLICATE
    | Reason.RATE
    | Reason.POSITION
    | Reason.EXPOSURE
    | Reason.LOSS
    | Reason.OPEN
)
SCOPES: Final[Mapping[str, int]] = {"venue": 16, "account": 64, "strategy": 64, "symbol": 65535}
MAX_ORDERS: Final = 1000


@dataclass(frozen=True, slots=True)
class Override:
    """Which checks, for which orders: those of one venue, account, strategy or symbol."""

    number: int  # above that of every override before it
    reasons: Reason
    scope: str
    index: int
    n_orders: int  # 1: a single order; each order of the scope that leaves counts
    expires_utc_s: int

    def __post_init__(self) -> None:
        if not self.reasons or self.reasons & ~MAY_OVERRIDE:
            may = ", ".join(MAY_OVERRIDE.ids)
            raise NotAuthorised(f"override: checks: only {may} can be overridden")
        if not 1 <= self.n_orders <= MAX_ORDERS:
            raise NotAuthorised(f"override: orders: not 1 to {MAX_ORDERS}: {self.n_orders}")
        if self.scope not in SCOPES:
            raise NotAuthorised(f"override: not one of {', '.join(SCOPES)}: {self.scope!r}")
        if not 0 <= self.index < SCOPES[self.scope]:
            raise NotAuthorised(f"override: there is no {self.scope} {self.index}")

    @property
    def subject(self) -> str:
        orders = "1 order" if self.n_orders == 1 else f"{self.n_orders} orders"
        return f"{orders} of {self.scope} {self.index} may pass {', '.join(self.reasons.ids)}"

    def statement(self, reason: str) -> Statement:
        return Statement(RISK_OVERRIDE, self.subject, self.number, reason, self.expires_utc_s)


@dataclass(frozen=True, slots=True)
class Granted:
    """An override that two people signed; `principals` are their names as rl_override has them."""

    override: Override
    people: tuple[str, str]

    @property
    def principals(self) -> tuple[int, int]:
        first, second = (principal_id(name) for name in self.people)
        return first, second


def grant(
    override: Override, approval: Approval, *, allowed_signers: Path, register: Path, now: int
) -> Granted:
    """Checks both signatures and uses the approval up; NotAuthorised says why not."""
    if approval.statement.expires_utc_s != override.expires_utc_s:
        raise NotAuthorised("the approval has another expiry than the override")
    people = approval.check(
        kind=RISK_OVERRIDE,
        subject=override.subject,
        epoch=override.number,
        allowed_signers=allowed_signers,
        now=now,
    )
    spend(approval.statement, register)
    return Granted(override, people)


def principal_id(name: str) -> int:
    """64 bits of a person's name, never 0, for records that have no room for it."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") or 1
