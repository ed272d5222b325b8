"""A host of files that answers as a kernel does: it refuses, rounds, and moves one with another.

    kernel = FakeKernel(tmp_path, {"/proc/sys/vm/swappiness": "60"})
    kernel.refusing["/proc/irq/36/smp_affinity_list"] = errno.EPERM

`dies_at(k)` is a step for apply() and restore() that ends the process as kill -9 does.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from harness.tuning import settings
from harness.tuning.host import Host
from harness.tuning.knobs.base import Op, State
from harness.tuning.settings import Gone, Setting

Step = Callable[[str], None]
Moved = Mapping[str, str | None]  # None: it is not there any more


class FakeKernel(Host):
    """Files below `root`, written whole: what a kill cuts in two is never one of them."""

    def __init__(self, root: Path, values: Mapping[str, str]) -> None:
        super().__init__(root)
        self.refusing: dict[str, int] = {}  # path -> errno of every write
        self.becoming: dict[str, Callable[[str], str]] = {}  # what it keeps of what is written
        self.moving: dict[str, Callable[[str], Moved]] = {}  # others, by one's value
        self.writes: list[tuple[str, str]] = []
        for name, value in values.items():
            self.path(name).parent.mkdir(parents=True, exist_ok=True)
            self.path(name).write_text(value + "\n")

    def write(self, name: str, text: str) -> None:
        if name in self.refusing:
            raise OSError(self.refusing[name], os.strerror(self.refusing[name]))
        if not self.exists(name):
            raise FileNotFoundError(2, os.strerror(2))
        text = self.becoming.get(name, str)(text.strip())
        self.writes.append((name, text))
        for other, value in ((name, text), *self.moving.get(name, _nothing)(text).items()):
            self._put(other, value)

    def _put(self, name: str, text: str | None) -> None:
        path = self.path(name)
        if text is None:
            path.unlink(missing_ok=True)
            return
        part = path.with_name(f".{path.name}.part")
        part.write_text(text + "\n")
        part.rename(path)

    def change(self, name: str, value: str) -> None:
        """As a third party does it."""
        self._put(name, value)

    def bytes(self) -> dict[str, bytes]:
        """Every file and what is in it."""
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}


def _nothing(text: str) -> Moved:
    return {}


@dataclass(frozen=True, slots=True)
class Plain(Setting):
    """A file that holds what is written, or says that it does not."""

    kind: ClassVar[str] = "test-plain"

    def read(self, host: Host) -> str:
        return host.read(self.target)

    def write(self, host: Host, value: str) -> None:
        host.write(self.target, value or "\n")

    def command(self, value: str) -> str:
        return f"echo {value} > {self.target}"


@dataclass(frozen=True, slots=True)
class Rounding(Plain):
    """A file in which the host may put another value by itself."""

    kind: ClassVar[str] = "test-rounding"

    @property
    def rounds(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Mortal(Plain):
    """About something that ends, as a task does: without its file it is gone."""

    kind: ClassVar[str] = "test-mortal"

    def read(self, host: Host) -> str:
        if not host.exists(self.target):
            raise Gone("it has ended")
        return host.read(self.target)


KINDS: dict[str, Callable[[str], Setting]] = {one.kind: one for one in (Plain, Rounding, Mortal)}


def install_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Journals of this process know the settings of tests too."""
    known = settings.setting_of

    def setting_of(raw: Mapping[str, Any]) -> Setting:
        make = KINDS.get(str(raw.get("kind")))
        return known(raw) if make is None else make(str(raw["target"]))

    monkeypatch.setattr(settings, "setting_of", setting_of)


def change(setting: Setting, want: str, before: str | None = None) -> Op:
    """An operation as a plan has it."""
    return Op("test.knob", setting.target, before, want, State.CHANGE, setting=setting)


def changes(values: Mapping[str, str], kind: Callable[[str], Setting] = Plain) -> list[Op]:
    return [change(kind(name), want) for name, want in values.items()]


def states(ops: Iterable[Op]) -> list[str]:
    return [str(op.state) for op in ops]


class Killed(BaseException):
    """Stands for kill -9 where a process of its own would cost too much."""


def dies_at(k: int, how: Callable[[], None] | None = None) -> Step:
    """A step that ends the process at its k-th call, 0 being the first."""
    count = -1

    def step(name: str) -> None:
        nonlocal count
        count += 1
        if count == k:
            (how or _kill)()

    return step


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def raises_killed() -> None:
    raise Killed


def survives(work: Callable[[], None]) -> bool:
    """Whether a forked child comes to the end of `work`; False when it was killed in it."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), f"the child ended with {code}"
    return code == 0
