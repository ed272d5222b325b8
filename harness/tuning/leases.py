"""Leases: states of a host that last as long as somebody holds a descriptor open.

They need no journal: the kernel takes them back when their holder dies, however it dies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.tuning.host import Host


@dataclass(frozen=True, slots=True)
class Lease(ABC):
    """`value` is what is asked for while it is held."""

    kind: ClassVar[str]
    value: str

    @abstractmethod
    def unavailable(self, host: Host) -> str | None:
        """Why it cannot be had here."""

    @abstractmethod
    def now(self, host: Host) -> str | None:
        """The state all holders together have brought about; None when the kernel does not say."""

    @abstractmethod
    def take(self) -> int:
        """A descriptor; closing it, or dying, gives back. OSError with the reason."""

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "value": self.value}
