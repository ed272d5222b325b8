"""Faults done to the real thing, and what was observed of it: one function a kind of fault.

`react(fault, case, session)` does the fault, unless `session.faults_enabled` says that this run
does none, and returns all that the fault's model names in `observes`. `why_not(fault)` says
beforehand what this machine lacks for it. Both are registered by market.py and its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING

from harness.config.fault import Fault

if TYPE_CHECKING:
    from harness.config.reactions import Case
    from harness.run.session import Session


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen: `values` by the names of `observes`.

    `injected` counts what was done wrong on purpose, `effects` what of it was met by who should
    react: 0 means that the case proves nothing.
    """

    values: Mapping[str, int]
    effects: int
    injected: int

    def all(self) -> dict[str, int]:
        return {**self.values, "injected": self.injected, "effects": self.effects}


@singledispatch
def react(fault: Fault, case: Case, session: Session) -> Observed:
    """Do the fault of a case, and observe."""
    raise TypeError(f"nobody does a {type(fault).__name__}")


@singledispatch
def why_not(fault: Fault) -> str | None:
    """What this machine lacks for the fault; None: nothing that can be known beforehand."""
    return None
