"""Kinds of knobs whose settings are files: one, one a match of a pattern, or one a CPU.

A file without any write bit is one that the kernel manages itself (an interrupt that is bound to
its queue); the plan says so before anything is tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.tuning.host import Host
from harness.tuning.knobs.base import Knob, Proof, Scope, Target, Value, Wish
from harness.tuning.knobs.values import Takes
from harness.tuning.settings.base import Setting
from harness.tuning.settings.files import FileSetting, Form
from harness.tuning.tree import Absent

READ_ONLY = "the kernel offers it for reading only"
CPU = "/sys/devices/system/cpu"
_ANY_WRITES = 0o222


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKnob(Knob):
    """One value for all files of a pattern; of several patterns the first counts that has any.

    `lacks` says what a host without them has not. `clears`: a file that writing this one sets to
    0: there is one quantity, told in one way or the other.
    """

    files: Sequence[str]
    takes: Takes
    form: Form = "text"
    rounds: bool = False
    lacks: str = "no such file"
    clears: str = ""

    def parse(self, value: object) -> Value:
        return self.takes.parse(value)

    def paths(self, scope: Scope) -> list[str]:
        """The files on this host, in the order of the numbers in their names."""
        for pattern in self.files:
            found = scope.host.glob(pattern) if "*" in pattern else _if_there(scope.host, pattern)
            if found:
                return found
        return []

    def available(self, scope: Scope, wish: Wish) -> str | None:
        return None if self.paths(scope) else self.lacks

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        why = self._told_otherwise(scope.host)
        return [
            target(scope.host, self.setting(path), self.want(scope.host, path, wish), why)
            for path in self.paths(scope)
        ]

    def want(self, host: Host, path: str, wish: Wish) -> str:
        """The wish as this file has it."""
        return asked(wish)

    def setting(self, path: str) -> Setting:
        return FileSetting(path, self.form, self.rounds)

    def _told_otherwise(self, host: Host) -> str:
        if not self.clears or not host.exists(self.clears):
            return ""
        if host.read(self.clears).strip() == "0":
            return ""
        return f"{self.clears} is set, and writing this would clear it"


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuFileKnob(FileKnob):
    """The same file of several CPUs, `{cpu}` in its path.

    `of`: all CPUs that are online, the hot ones, or all for which a message may have to wait until
    they are awake: the hot ones, and those that take the interrupts.
    """

    of: Literal["online", "hot", "hot and irq"] = "online"

    def cpus(self, scope: Scope) -> list[int]:
        if self.of == "online":
            return scope.host.cpus()
        return sorted({*scope.roles.hot, *(scope.roles.irq if self.of == "hot and irq" else ())})

    def paths(self, scope: Scope) -> list[str]:
        # Not super(): a class with slots is made twice, and super() means the first one.
        found: list[str] = []
        for cpu in self.cpus(scope):
            for pattern in self.files:
                path = pattern.format(cpu=cpu)
                found += scope.host.glob(path) if "*" in path else _if_there(scope.host, path)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitKnob(FileKnob):
    """A limit for which `max` is what the file `top`, beside it, says."""

    top: str

    def want(self, host: Host, path: str, wish: Wish) -> str:
        if wish.value != "max":
            return asked(wish)
        return host.read(f"{path.rpartition('/')[0]}/{self.top}").strip()


def target(host: Host, setting: Setting, want: str, why: str = "") -> Target:
    """With the reason why it must not, or cannot, be written."""
    return Target(setting, want, why or read_only(host, setting.target))


def read_only(host: Host, path: str) -> str:
    """A sentence when nobody may write the file; empty when somebody may, or it is not there."""
    try:
        mode = host.path(path).stat().st_mode
    except OSError:
        return ""
    return "" if mode & _ANY_WRITES else READ_ONLY


def asked(wish: Wish) -> str:
    """The value of a knob that takes no table."""
    if not isinstance(wish.value, str):
        raise Absent(f"{wish.knob} takes one value, not a table")
    return wish.value


def proof(wish: Wish, target: str, holds: bool | None, seen: str, **words: Any) -> Proof:
    """A proof of level derived; `wanted` is the wish when nothing else is said."""
    wanted = words.pop("wanted", "") or str(wish.value)
    return Proof(wish.knob, "derived", target, holds, seen, wanted, words.pop("why", ""))


def _if_there(host: Host, path: str) -> list[str]:
    try:
        return [path] if host.exists(path) else []
    except PermissionError:  # it cannot be told, and reading it will say why
        return [path]
