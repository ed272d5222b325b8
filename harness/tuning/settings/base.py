"""A setting: the smallest thing on a host that has one value and can be put back.

What is read is what could be written again: the word in brackets of `always [madvise] never`, not
the line. So a value that was read before a change is all that undoing it takes, and a setting with
that value can be written down and be restored by a process that knows nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.tuning.host import Host


class Gone(OSError):
    """What the setting was about is no longer there (a task that ended): nothing to put back."""


@dataclass(frozen=True, slots=True)
class Setting(ABC):
    """`target` names it among its kind: a path, `eth0 rx-usecs`, a task."""

    kind: ClassVar[str]
    target: str

    @property
    def key(self) -> str:
        """What tells it apart from all others on the host."""
        return f"{self.kind}:{self.target}"

    @property
    def rounds(self) -> bool:
        """Whether the host may keep another value than the one written, and say no word."""
        return False

    @abstractmethod
    def read(self, host: Host) -> str:
        """The value now, as it could be written. OSError when it cannot be told; Gone."""

    @abstractmethod
    def write(self, host: Host, value: str) -> None:
        """OSError with the host's reason; Gone."""

    def same(self, one: str, other: str) -> bool:
        """Whether two values mean the same to the host."""
        return one == other

    @abstractmethod
    def command(self, value: str) -> str:
        """The line that a person would type to write it."""

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "target": self.target}
